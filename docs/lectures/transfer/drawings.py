"""The figures of the lecture transfer, drawn from what code/transfer.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.command import kept


def draw_fit(predictions: Tensor, mean: float) -> Figure:
    """Draw the predictions (steps + 1,) on their way to the mean."""
    fig, ax = figures.panels()
    ax.plot(predictions.tolist(), label="prediction")
    ax.axhline(mean, color=figures.ORANGE, linestyle="--", label="mean")
    ax.set(xlabel="steps", ylabel="prediction")
    ax.legend()
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    return {"fit": draw_fit(results["predictions"], results["mean"])}


if __name__ == "__main__":
    figures.run(draw)
