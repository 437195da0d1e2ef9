"""Regularisers: dropout, batch normalisation, penalties on weights, translation.

Built in the lecture `overfitting`.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from neuronup.loop import Loss


# --8<-- [start:dropout]
class Dropout(nn.Module):
    """Set each activation to 0 with probability p, and scale up the others."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, a: Tensor) -> Tensor:
        """Return activations a (...,): some dropped in training, else as they are."""
        if not self.training:
            return a
        kept = torch.empty_like(a).bernoulli_(1 - self.p)  # (...,) of 1 and 0
        return a * kept / (1 - self.p)  # the mean stays what it was


# --8<-- [end:dropout]
# --8<-- [start:batch_norm]
class BatchNorm(nn.Module):
    """Bring each activation to mean 0 and variance 1 over the batch; then rescale."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))  # kept, but not learned
        self.register_buffer("variance", torch.ones(width))

    def forward(self, a: Tensor) -> Tensor:
        """Return a (n, width), normalised: in evaluation by running means."""
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = a.mean(dim=0), a.var(dim=0, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)  # a tenth of the way
                self.variance.lerp_(a.var(dim=0), 0.1)
        return self.weight * (a - mean) / (variance + 1e-5).sqrt() + self.bias


# --8<-- [end:batch_norm]
# --8<-- [start:penalty]
def penalised(model: nn.Module, l1: float, l2: float) -> Loss:
    """Return cross-entropy, plus a penalty on the size of the weights in training."""

    def loss(z: Tensor, y: Tensor) -> Tensor:
        value = cross_entropy(z, y)
        if model.training and l1:
            value = value + l1 * sum(w.abs().sum() for w in model.parameters())
        if model.training and l2:
            value = value + l2 / 2 * sum(w.square().sum() for w in model.parameters())
        return value

    return loss


# --8<-- [end:penalty]
# --8<-- [start:translate]
def translate_randomly(x: Tensor) -> Tensor:
    """Move each image of x (n, c, h, w) by up to a pixel in each direction."""
    height, width = x.shape[-2:]
    padded = pad(x, (1, 1, 1, 1), mode="replicate")
    down, right = torch.randint(3, (2, len(x), 1), device=x.device)
    rows = (down + torch.arange(height, device=x.device))[:, :, None]  # (n, h, 1)
    columns = (right + torch.arange(width, device=x.device))[:, None]  # (n, 1, w)
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[each, :, rows, columns].permute(0, 3, 1, 2)  # (n, h, w, c) before


# --8<-- [end:translate]
