"""The mean: the number on which errors from both sides pull equally.

A guess that rolls downhill on the squared error comes to rest there, wherever
it starts. Say the idea of your lecture like this, in three or four lines.

Source: Gauss, "Theoria motus corporum coelestium", Perthes and Besser, 1809.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

import devices
import figures
from command import folder, record, run


# --8<-- [start:loss]
def loss(guess: Tensor, x: Tensor) -> Tensor:
    """Half the mean squared distance of a guess () to x (n,)."""
    return ((x - guess) ** 2).mean() / 2


# --8<-- [end:loss]
# --8<-- [start:fit]
def fit(x: Tensor, steps: int, rate: float) -> Tensor:
    """Roll downhill from 0; return the start and each guess after it (steps + 1,)."""
    guesses = [torch.zeros(())]
    for _ in range(steps):
        slope = (guesses[-1] - x).mean()
        guesses.append(guesses[-1] - rate * slope)
    return torch.stack(guesses)


# --8<-- [end:fit]
def data(seed: int) -> Tensor:
    """Draw 100 numbers (100,) around 3."""
    return 3 + torch.randn(100, generator=torch.Generator().manual_seed(seed), device="cpu")


def draw_fit(guesses: Tensor, mean: Tensor) -> Figure:
    """Draw the guesses (steps + 1,) on their way to the mean ()."""
    fig, ax = figures.panels()
    ax.plot(guesses.tolist(), label="guess")
    ax.axhline(float(mean), color=figures.ORANGE, linestyle="--", label="mean")
    ax.set(xlabel="steps", ylabel="guess")
    ax.legend()
    return fig


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    steps: int = 20,
    out: Path | None = None,
) -> None:
    """Roll downhill from 0, and see whether the guess ends at the mean.

    Args:
        seed: Which numbers are drawn.
        device: Where to compute.
        steps: Steps downhill.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    torch.manual_seed(seed)
    with devices.on(device) as used:
        x = data(seed).to(used)
        guesses = fit(x, steps, rate=0.5)
        numbers = {"steps": steps, "guess": float(guesses[-1]), "mean": float(x.mean())}
        print(REPORT.format(**numbers))
        if out is not None:
            figures.save_all({"fit": draw_fit(guesses, x.mean())}, out)
            record(out, seed, used, **numbers)


REPORT = "after {steps} steps: {guess:.4f}; the mean: {mean:.4f}"

if __name__ == "__main__":
    run(main)
