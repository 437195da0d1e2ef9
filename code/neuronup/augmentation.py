"""Data augmentation: images moved by whole pixels, at random.

Built in the lecture `cnn`.
"""

from collections.abc import Callable

import torch
from torch import Tensor


# --8<-- [start:translation]
def translate_each(x: Tensor, by: Tensor) -> Tensor:
    """Move images x (n, c, h, w) by (n, 2) pixels down and right; 0 comes in."""
    height, width = x.shape[2:]
    rows = torch.arange(height, device=x.device) - by[:, :1]  # (n, h)
    columns = torch.arange(width, device=x.device) - by[:, 1:]  # (n, w)
    within = ((rows >= 0) & (rows < height))[:, :, None]
    within = within & ((columns >= 0) & (columns < width))[:, None]  # (n, h, w)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    image = torch.arange(len(x), device=x.device)[:, None, None]
    moved = x[image, :, rows[:, :, None], columns[:, None]]  # (n, h, w, c)
    return moved.movedim(-1, 1) * within[:, None]


def random_translation(reach: int, seed: int) -> Callable[[Tensor], Tensor]:
    """Make the transform that moves each image by up to `reach` pixels, at random."""
    drawn = torch.Generator().manual_seed(seed)

    def move(x: Tensor) -> Tensor:
        by = torch.randint(-reach, reach + 1, (len(x), 2), generator=drawn)
        return translate_each(x, by.to(x.device))

    return move


# --8<-- [end:translation]
