"""Convolution and pooling from scratch: a window that slides over an image.

Built in the lecture `cnn`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


# --8<-- [start:conv]
def windows(x: Tensor, size: Sequence[int], stride: int) -> Tensor:
    """Cut x (n, c, height, width) into every window: (n, c, rows, columns, *size)."""
    return x.unfold(2, size[0], stride).unfold(3, size[1], stride)


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0
) -> Tensor:
    """Slide filters weight (k, c, h, w), bias (k,) over x (n, c, height, width).

    Returns (n, k, rows, columns): what each filter finds in each window.
    """
    seen = windows(pad(x, (padding,) * 4), weight.shape[2:], stride)
    return torch.einsum("ncijhw,kchw->nkij", seen, weight) + bias[:, None, None]


# --8<-- [end:conv]
# --8<-- [start:pool]
def max_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Keep the largest number of each window of x (n, c, height, width)."""
    framed = pad(x, (padding,) * 4, value=-torch.inf)  # a frame that never wins
    return windows(framed, (size, size), stride).amax(dim=(-2, -1))


def mean_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Take the mean of each window of x (n, c, height, width)."""
    return windows(pad(x, (padding,) * 4), (size, size), stride).mean(dim=(-2, -1))


# --8<-- [end:pool]
