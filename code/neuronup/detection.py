"""Detection: from a score for every window to a few windows, one for each object.

And scenes to detect objects in, whose places are known. Built in the lecture `cnn`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from neuronup.loaders import Examples


# --8<-- [start:suppression]
def non_maximum_suppression(scores: Tensor, near: int) -> list[tuple[int, int]]:
    """Keep the highest of scores (rows, columns), suppress those near it; repeat."""
    scores, kept = scores.clone(), []
    while scores.max() > -torch.inf:
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        kept.append((row, column))
        rows = slice(max(0, row - near), row + near + 1)
        scores[rows, max(0, column - near) : column + near + 1] = -torch.inf
    return kept


# --8<-- [end:suppression]
class Scene(NamedTuple):
    """Digits in a larger image: x (1, c, h, w), where (m, 2), what (m,), mask (h, w).

    The mask has 0 at each pixel of the background, and 1 + class on a digit.
    """

    x: Tensor
    where: Tensor
    what: Tensor
    mask: Tensor


def scene(images: Examples, cells: int, many: int, seed: int) -> Scene:
    """Scatter `many` of the images x (n, c, s, s) over `cells` by `cells` places."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = images.x.cpu(), images.y.cpu()
    side, margin = x.shape[-1], x.shape[-1] // 2
    room = side + margin  # a place has half an image of room to spare
    large = torch.zeros(1, x.shape[1], *[cells * room + margin] * 2)
    mask = torch.zeros(large.shape[2:], dtype=torch.long)
    chosen = torch.randperm(len(x), generator=drawn)[:many]
    cell = torch.randperm(cells**2, generator=drawn)[:many]
    where = torch.stack([cell // cells, cell % cells], dim=1) * room
    where += torch.randint(margin, 2 * margin + 1, (many, 2), generator=drawn)
    for image, label, (top, left) in zip(x[chosen], y[chosen], where, strict=True):
        rows, columns = slice(top, top + side), slice(left, left + side)
        large[0, :, rows, columns] = image
        mask[rows, columns] = torch.where(image.mean(dim=0) > 0.3, label + 1, 0)
    return Scene(large, where, y[chosen], mask)


class Detection(NamedTuple):
    """A class `what`, found with its image's corner at row `top`, column `left`."""

    what: int
    top: int
    left: int


def count_matches(found: list[Detection], truth: Scene, slack: int) -> tuple[int, int]:
    """Count detections within `slack` pixels of an image; and the correct classes."""
    left = list(zip(truth.where.tolist(), truth.what.tolist(), strict=True))
    near = correct = 0
    for what, top, column in found:
        for place in left:
            (row, across), label = place
            if max(abs(row - top), abs(across - column)) <= slack:
                left.remove(place)
                near, correct = near + 1, correct + (what == label)
                break
    return near, correct
