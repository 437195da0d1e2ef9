"""What the runs of several seeds came to, together."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def stack(runs: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Stack what runs gave, numbers or lists (steps,), by name: (runs, ...)."""
    return {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}


def mean(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average each number over runs, by name."""
    return {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}
