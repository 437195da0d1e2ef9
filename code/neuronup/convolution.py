"""Convolution and pooling from scratch: a window that slides over an image.

Built in the lecture `cnn`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad


# --8<-- [start:loops]
def conv2d_by_loops(image: Tensor, weight: Tensor) -> Tensor:
    """Slide one filter weight (h, w) over one image (height, width), place by place."""
    h, w = weight.shape
    rows, columns = image.shape[0] - h + 1, image.shape[1] - w + 1
    feature_map = image.new_zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            window = image[i : i + h, j : j + w]
            feature_map[i, j] = (window * weight).sum()
    return feature_map


# --8<-- [end:loops]
# --8<-- [start:conv]
def windows(x: Tensor, size: Sequence[int], stride: int) -> Tensor:
    """Cut x (n, c, height, width) into every window: (n, c, rows, columns, *size)."""
    return x.unfold(2, size[0], stride).unfold(3, size[1], stride)


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0
) -> Tensor:
    """Slide filters weight (k, c, h, w), bias (k,) over x (n, c, height, width).

    Returns (n, k, rows, columns): the sum for each filter and window.
    """
    seen = windows(pad(x, (padding,) * 4), weight.shape[2:], stride)
    return torch.einsum("ncijhw,kchw->nkij", seen, weight) + bias[:, None, None]


# --8<-- [end:conv]
# --8<-- [start:pool]
def max_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Keep the largest number of each window of x (n, c, height, width)."""
    padded = pad(x, (padding,) * 4, value=-torch.inf)  # never the largest
    return windows(padded, (size, size), stride).amax(dim=(-2, -1))


def mean_pool(x: Tensor, size: int, stride: int, padding: int = 0) -> Tensor:
    """Take the mean of each window of x (n, c, height, width)."""
    return windows(pad(x, (padding,) * 4), (size, size), stride).mean(dim=(-2, -1))


# --8<-- [end:pool]
