"""Noise added to images, and ways to remove it.

Built in the lecture `vae`.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, pad

from neuronup.loop import predict

# --8<-- [start:noise]
NOISE_STD = 0.4  # standard deviation, where the foreground is 1


def add_noise(x: Tensor) -> Tensor:
    """Add noise, a new draw every time, to images x with pixels from 0 to 1."""
    return (x + NOISE_STD * torch.randn_like(x)).clamp(0, 1)


def blur(x: Tensor) -> Tensor:
    """Replace every pixel of x (n, c, h, w) by the mean of its neighbourhood."""
    return avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


# --8<-- [end:noise]
# --8<-- [start:linear]
def fit_linear(x: Tensor) -> Tensor:
    """Fit weights (pixels + 1, pixels) from noisy images to clean ones x (n, ...).

    By least squares; each image is used with several draws of the noise.
    """
    clean = x.flatten(1).repeat(max(1, 50_000 // len(x)), 1)
    inputs = pad(add_noise(clean), (0, 1), value=1)  # a column of ones for the bias
    return torch.linalg.lstsq(inputs, clean).solution


def apply_linear(weights: Tensor, x: Tensor) -> Tensor:
    """Return the outputs for images x (n, ...) with weights (pixels + 1, pixels)."""
    return (pad(x.flatten(1), (0, 1), value=1) @ weights).view_as(x)


def denoise(
    models: Mapping[str, nn.Module], train: Tensor, x: Tensor
) -> dict[str, Tensor]:
    """Add noise to images x (n, ...); remove it by a filter, a fit, and each model."""
    noisy = add_noise(x)
    return {
        "noisy": noisy,
        "blurred": blur(noisy),
        "linear": apply_linear(fit_linear(train), noisy),
        **{name: predict(each, noisy).view_as(x) for name, each in models.items()},
    }


# --8<-- [end:linear]
