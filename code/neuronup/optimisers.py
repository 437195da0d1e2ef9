"""Gradient descent and its relatives: SGD, momentum, Nesterov, RMSProp, Adam and AdamW.

Built in the lecture `sgd`.
"""

import torch
from torch import Tensor


# --8<-- [start:sgd]
class SGD:
    """Step straight against the gradient."""

    def __init__(self, rate: float | Tensor) -> None:
        self.rate = rate

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against the gradient g (..., d)."""
        return theta - self.rate * g


# --8<-- [end:sgd]
# --8<-- [start:momentum]
class Momentum(SGD):
    """Roll like a ball: keep most of the velocity of the step before."""

    def __init__(self, rate: float | Tensor, momentum: float = 0.9) -> None:
        super().__init__(rate)
        self.momentum, self.velocity = momentum, torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against the gradients g so far."""
        self.velocity = self.momentum * self.velocity + g
        return theta - self.rate * self.velocity


# --8<-- [end:momentum]
# --8<-- [start:nesterov]
class Nesterov(Momentum):
    """Roll, but brake early: count the newest gradient once more."""

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, from where the ball is about to be."""
        self.velocity = self.momentum * self.velocity + g
        return theta - self.rate * (g + self.momentum * self.velocity)


# --8<-- [end:nesterov]
# --8<-- [start:rmsprop]
class RMSProp(SGD):
    """Give each parameter its own step: divide by its gradient's usual size."""

    def __init__(self, rate: float | Tensor, alpha: float = 0.9) -> None:
        super().__init__(rate)
        self.alpha, self.square = alpha, torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against g in units of its usual size."""
        self.square = self.alpha * self.square + (1 - self.alpha) * g**2
        return theta - self.rate * g / (self.square.sqrt() + 1e-8)


# --8<-- [end:rmsprop]
# --8<-- [start:adam]
class Adam(SGD):
    """Both at once: a velocity, in units of the usual size of the gradient."""

    def __init__(
        self, rate: float | Tensor, betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__(rate)
        self.betas, self.steps = betas, 0
        self.mean, self.square = torch.zeros(()), torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, of at most about `rate` in each d."""
        (a, b), self.steps = self.betas, self.steps + 1
        self.mean = a * self.mean + (1 - a) * g
        self.square = b * self.square + (1 - b) * g**2
        mean = self.mean / (1 - a**self.steps)  # both began at 0, too small:
        square = self.square / (1 - b**self.steps)  # blow them up to their true size
        return theta - self.rate * mean / (square.sqrt() + 1e-8)


# --8<-- [end:adam]
# --8<-- [start:adamw]
class AdamW(Adam):
    """Adam, whose weights also shrink a little with every step."""

    def __init__(self, rate: float | Tensor, weight_decay: float = 0.01) -> None:
        super().__init__(rate)
        self.weight_decay = weight_decay

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, from a place a little nearer to 0."""
        return super().step(theta * (1 - self.rate * self.weight_decay), g)


# --8<-- [end:adamw]
