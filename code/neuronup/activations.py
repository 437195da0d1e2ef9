"""Activation functions, each with its derivative.

Built in the lecture `perceptron`.
"""

from collections.abc import Callable

import torch
from torch import Tensor


# --8<-- [start:activations]
def sigmoid(z: Tensor) -> Tensor:
    """Squash any z into (0, 1)."""
    return 1 / (1 + torch.exp(-z))


def softmax(z: Tensor) -> Tensor:
    """Turn scores z (..., k) into k probabilities that add up to 1."""
    e = torch.exp(z - z.amax(dim=-1, keepdim=True))  # at most 1: no overflow
    return e / e.sum(dim=-1, keepdim=True)


def maxout(z: Tensor) -> Tensor:
    """Pass on the largest of the k sums z (..., k) of one neuron: (...,)."""
    return z.amax(dim=-1)


def normal_cdf(z: Tensor) -> Tensor:
    """Say how probable it is that a standard normal draw lies below z."""
    return (1 + torch.erf(z / 2**0.5)) / 2


def normal_density(z: Tensor) -> Tensor:
    """Return the density of the standard normal distribution, its derivative."""
    return torch.exp(-(z**2) / 2) / (2 * torch.pi) ** 0.5


Curve = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, tuple[Curve, Curve]] = {  # each with its derivative
    "step": (lambda z: (z > 0).to(z), torch.zeros_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (lambda z: 2 * sigmoid(2 * z) - 1, lambda z: 1 - torch.tanh(z) ** 2),
    "ReLU": (lambda z: z.clamp(min=0), lambda z: (z > 0).to(z)),
    "leaky ReLU": (
        lambda z: torch.where(z > 0, z, 0.01 * z),
        lambda z: torch.where(z > 0, 1.0, 0.01),
    ),
    "ELU": (
        lambda z: torch.where(z > 0, z, torch.expm1(z)),
        lambda z: torch.where(z > 0, 1.0, torch.exp(z)),
    ),
    "GELU": (
        lambda z: z * normal_cdf(z),
        lambda z: normal_cdf(z) + z * normal_density(z),
    ),
    "SiLU": (
        lambda z: z * sigmoid(z),
        lambda z: sigmoid(z) * (1 + z * (1 - sigmoid(z))),
    ),
}


# --8<-- [end:activations]
