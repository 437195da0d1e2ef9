"""Examples in memory, and a loader that yields them in mini-batches.

Built in the lecture `training`.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor


# --8<-- [start:examples]
class Examples(NamedTuple):
    """Observations x (n, ...) and their labels y (n, ...)."""

    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> "Examples":
        """Return these examples on `device`."""
        return Examples(self.x.to(device), self.y.to(device))


# --8<-- [end:examples]
# --8<-- [start:loader]
class Loader:
    """Yield mini-batches of examples held in memory, shuffled anew each epoch."""

    def __init__(
        self,
        examples: Examples,
        batch_size: int,
        seed: int,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.examples, self.batch_size = examples, batch_size
        self.transform = transform
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return math.ceil(len(self.examples.x) / self.batch_size)

    def __iter__(self) -> Iterator[Examples]:
        x, y = self.examples
        order = torch.randperm(len(x), generator=self.generator, device="cpu")
        for batch in order.to(x.device).split(self.batch_size):
            xb = x[batch]
            yield Examples(self.transform(xb) if self.transform else xb, y[batch])


# --8<-- [end:loader]
