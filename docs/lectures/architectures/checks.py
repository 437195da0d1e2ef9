"""The checks of the lab: what each answer must do, and what mistakes look like."""

from collections.abc import Callable
from typing import Any

import torch

from architectures import architectures_loss
from neuronup.exercises import call, expect


def gradient(gradient: Callable[..., Any]) -> None:
    """The derivative of the loss, as autograd finds it."""
    x = torch.tensor([1.0, 2.0, 6.0])
    prediction = torch.tensor(1.0, requires_grad=True)
    architectures_loss(prediction, x).backward()
    expect(
        call(gradient, torch.tensor(1.0), x),
        prediction.grad,
        "the mean of the differences between the prediction and each x",
        {
            "the sign is wrong: with a larger prediction the loss would fall here": 2.0,
            "take the mean of the differences, not their sum": -6.0,
            "half a square has the difference itself as its derivative": -4.0,
        },
    )
