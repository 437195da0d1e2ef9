"""A data set that gives one example at a time, a transform, and loaders for it.

Built in the lecture `training`.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from neuronup.loaders import Examples


# --8<-- [start:dataset]
class DigitDataset(Dataset[tuple[Tensor, Tensor]]):
    """Digits one at a time, as an image file holds them: a byte for each pixel."""

    def __init__(
        self,
        examples: Examples,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        pixels, side = (examples.x * 255).round(), math.isqrt(examples.x.shape[1])
        self.images = pixels.to(torch.uint8).reshape(-1, 1, side, side)
        self.labels = examples.y
        self.transform = transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image = self.images[index]
        return self.transform(image) if self.transform else image, self.labels[index]


# --8<-- [end:dataset]
# --8<-- [start:prepare]
def prepare(train: Examples) -> Callable[[Tensor], Tensor]:
    """Turn bytes into numbers from 0 to 1; then to mean 0, standard deviation 1."""
    from torchvision.transforms import v2  # takes seconds to import

    mean, std = float(train.x.mean()), float(train.x.std())
    to_numbers = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([to_numbers, v2.Normalize([mean], [std])])


# --8<-- [end:prepare]
# --8<-- [start:data_loaders]
def shuffled_loader(data: DigitDataset, batch_size: int, workers: int) -> DataLoader:
    """Yield mini-batches of `data` the usual way: item by item, shuffled."""
    return DataLoader(
        data,
        batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def whole_loader(data: DigitDataset, batch_size: int) -> DataLoader:
    """Ask `data` for a whole batch at a time, by a list of indices."""
    batches = BatchSampler(RandomSampler(data), batch_size, drop_last=False)
    return DataLoader(data, batch_size=None, sampler=batches)


# --8<-- [end:data_loaders]
