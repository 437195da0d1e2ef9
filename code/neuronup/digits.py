"""Handwritten digits, 8 by 8 pixels, split into a training and a test set.

Built in the lecture `learning`.
"""

from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor


# --8<-- [start:data]
class Split(NamedTuple):
    """Examples x (n, d), y (n,) to train on, and (m, d), (m,) to test on."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor

    def to(self, device: torch.device) -> "Split":
        """Return these examples on `device`."""
        return Split(*(part.to(device) for part in self))


def train_test_split(x: Tensor, y: Tensor, seed: int) -> Split:
    """Shuffle x (n, d), y (n,) by `seed`: 70 % to train on, then 30 % to test on."""
    shuffled = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=shuffled, device="cpu")
    train, test = order.tensor_split([len(x) * 7 // 10])
    return Split(x[train], y[train], x[test], y[test])


def train_test_digits(seed: int) -> Split:
    """Load digits: images x (n, 64), from 0 (background) to 1, and classes y (n,)."""
    data = load_digits()
    x = torch.tensor(data.data / 16, dtype=torch.float32)
    return train_test_split(x, torch.tensor(data.target), seed)


# --8<-- [end:data]
