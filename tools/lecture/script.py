"""The mean: the number on which errors from both sides pull equally.

Gradient descent on the squared error comes to rest there, wherever it starts.
Say the idea of your lecture like this, in three or four lines.

Source: Gauss, "Theoria motus corporum coelestium", Perthes and Besser, 1809.
"""

from pathlib import Path

import torch
from torch import Tensor

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.command import folder, keep, record, run


# --8<-- [start:loss]
def TOPIC_loss(prediction: Tensor, x: Tensor) -> Tensor:
    """Half the mean squared distance of a prediction () to x (n,)."""
    return ((x - prediction) ** 2).mean() / 2


# --8<-- [end:loss]
# --8<-- [start:fit]
def fit(x: Tensor, steps: int, rate: float) -> Tensor:
    """Descend from 0; return the start and each prediction after it (steps + 1,)."""
    predictions = [torch.zeros(())]
    for _ in range(steps):
        gradient = (predictions[-1] - x).mean()
        predictions.append(predictions[-1] - rate * gradient)
    return torch.stack(predictions)


# --8<-- [end:fit]
def TOPIC_data(seed: int) -> Tensor:
    """Draw 100 numbers (100,) around 3."""
    drawn = torch.Generator().manual_seed(seed)
    return 3 + torch.randn(100, generator=drawn, device="cpu")


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    steps: int = 20,
    out: Path | None = None,
) -> None:
    """Descend from 0, and see whether the prediction ends at the mean.

    Args:
        seed: Which numbers are drawn.
        device: Where to compute.
        steps: Steps of gradient descent.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    torch.manual_seed(seed)
    used = devices.pick(device)
    x = TOPIC_data(seed).to(used)
    predictions = fit(x, steps, rate=0.5)
    numbers = {"steps": steps, "end": float(predictions[-1]), "mean": float(x.mean())}
    print(REPORT.format(**numbers))
    if out is not None:
        keep(out, predictions=predictions.cpu(), mean=numbers["mean"])
        record(out, seed, used, **numbers)


REPORT = "after {steps} steps: {end:.4f}; the mean: {mean:.4f}"

if __name__ == "__main__":
    run(main)
