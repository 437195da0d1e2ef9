"""Random changes of training images: some leave the label as it is, some do not.

Built in the lecture `deployment`.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, one_hot

from neuronup.loaders import Examples, Loader

# --8<-- [start:affine]
Transform = Callable[[Tensor], Tensor]  # images x (n, c, h, w) to images


def affine(x: Tensor, degrees: Tensor, zoom: Tensor, by: Tensor) -> Tensor:
    """Turn square images x (n, c, h, h), enlarge them, then move them.

    Each by its own degrees (n,) to the left, factor zoom (n,), and by (n, 2) pixels
    down and right. What comes in is 0.
    """
    cos, sin = degrees.deg2rad().cos() / zoom, degrees.deg2rad().sin() / zoom
    back = torch.stack([cos, -sin, sin, cos], dim=1).reshape(-1, 2, 2)
    moved = 2 * by.flip(1)[:, :, None] / x.shape[-1]  # right, down; -1 to 1 is a side
    where = torch.cat([back, -back @ moved], dim=2)  # each pixel was, in x
    places = affine_grid(where, list(x.shape), align_corners=False)
    return grid_sample(x, places, align_corners=False)


# --8<-- [end:affine]
# --8<-- [start:random]
def random_affine(
    seed: int, degrees: float = 0, zoom: float = 0, pixels: float = 0
) -> Transform:
    """Make the transform that turns, scales and moves each image by at most so much."""
    drawn = torch.Generator().manual_seed(seed)

    def change(x: Tensor) -> Tensor:
        part = 2 * torch.rand(4, len(x), generator=drawn, device="cpu") - 1  # -1 to 1
        turn, size, *move = part.to(x.device)
        by = pixels * torch.stack(move, dim=1)
        return affine(x, degrees * turn, 1 + zoom * size, by)

    return change


# --8<-- [end:random]
# --8<-- [start:wrong]
def random_flip(seed: int, axes: list[int]) -> Transform:
    """Make the transform that flips half of the images: 2 is top to bottom, 3 sides."""
    drawn = torch.Generator().manual_seed(seed)

    def change(x: Tensor) -> Tensor:
        half = torch.rand(len(x), 1, 1, 1, generator=drawn, device="cpu") < 0.5
        return torch.where(half.to(x.device), x.flip(axes), x)

    return change


def random_noise(seed: int, std: float) -> Transform:
    """Make the transform that adds Gaussian noise to pixels from 0 to 1."""
    drawn = torch.Generator().manual_seed(seed)

    def change(x: Tensor) -> Tensor:
        noise = torch.randn(x.shape, generator=drawn, device="cpu").to(x.device)
        return (x + std * noise).clamp(0, 1)

    return change


# --8<-- [end:wrong]
# --8<-- [start:mixup]
class Mixup(Loader):
    """Yield batches in which every image is mixed with another, and so is its label."""

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        classes: int,
        alpha: float,
    ) -> None:
        super().__init__(examples, batch_size, seed)
        self.classes, self.beta = classes, torch.distributions.Beta(alpha, alpha)

    def __iter__(self) -> Iterator[Examples]:
        for x, y in super().__iter__():
            share = self.beta.sample((len(x), 1)).to(x.device)  # of the first image
            other = torch.randperm(len(x), generator=self.generator, device="cpu")
            other, p = other.to(x.device), one_hot(y, self.classes).float()
            pixels = share[:, :, None, None]
            mixed = pixels * x + (1 - pixels) * x[other]
            yield Examples(mixed, share * p + (1 - share) * p[other])


# --8<-- [end:mixup]
