"""Gradient clipping: a gradient that is too long is shortened, its direction kept.

Built in the lecture `rnn`.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam


# --8<-- [start:clip]
def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Shorten the gradient of all parameters to `max_norm`; return its own norm."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    for gradient in gradients:  # one factor for all: the direction stays
        gradient *= (max_norm / (norm + 1e-6)).clamp(max=1)
    return norm


def clipping_adam(model: nn.Module, rate: float, max_norm: float = 1.0) -> Adam:
    """Make an optimiser that clips before each step."""
    optimiser = Adam(model.parameters(), lr=rate)

    def clip(*_: Any) -> None:
        clip_gradients(model.parameters(), max_norm)

    optimiser.register_step_pre_hook(clip)
    return optimiser


# --8<-- [end:clip]
