"""Gaussians by mean and log-variance: divergences, draws, gradients of expectations.

Built in the lecture `vae`.
"""

from collections.abc import Callable

import torch
from torch import Tensor


# --8<-- [start:kl]
def kl(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence (n,) of Gaussians (n, k) from the standard one, in nats."""
    return (mean**2 + logvar.exp() - 1 - logvar).sum(dim=1) / 2


def kl_between(mean: Tensor, logvar: Tensor, mean2: Tensor, logvar2: Tensor) -> Tensor:
    """KL divergence (n,) of Gaussians (n, k) from second ones (n, k), in nats."""
    scaled = ((mean - mean2) ** 2 + logvar.exp()) / logvar2.exp()
    return (scaled - 1 + logvar2 - logvar).sum(dim=1) / 2


# --8<-- [end:kl]
# --8<-- [start:active]
def active_units(mean: Tensor, logvar: Tensor) -> float:
    """Count the numbers of a code whose KL is above 0.1 nat, on average over n."""
    each = kl(mean.reshape(-1, 1), logvar.reshape(-1, 1)).view_as(mean)
    return float((each.mean(dim=0) > 0.1).sum())


# --8<-- [end:active]
# --8<-- [start:reparameterise]
def reparameterise(mean: Tensor, logvar: Tensor) -> Tensor:
    """Draw codes (n, k) from Gaussians, so that gradients reach mean and logvar."""
    return mean + (logvar / 2).exp() * torch.randn_like(mean)


# --8<-- [end:reparameterise]
# --8<-- [start:gradient_estimates]
def gradient_estimates(
    f: Callable[[Tensor], Tensor], mean: Tensor, logvar: Tensor, draws: int
) -> dict[str, Tensor]:
    """Estimate the gradient of the mean of f(z) in `mean` (k,) in three ways.

    Returns an estimate (draws, k) from each single draw of z, by name. The baseline
    is the mean of f over the same draws: that makes the estimate smaller by 1/draws.
    """
    std = (logvar / 2).exp()
    noise = torch.randn(draws, len(mean)).to(mean)
    z = (mean + std * noise).requires_grad_()  # (draws, k)
    value = f(z)  # (draws,)
    (reparameterised,) = torch.autograd.grad(value.sum(), z)
    value, score = value.detach()[:, None], noise / std
    return {
        "reparameterised": reparameterised,
        "score function": value * score,
        "score function, baseline": (value - value.mean()) * score,
    }


# --8<-- [end:gradient_estimates]
