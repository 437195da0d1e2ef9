"""The figures of the lecture on training, drawn from what code/training.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

from matplotlib.figure import Figure

from neuronup import figures
from neuronup.checkpoint import History
from neuronup.command import kept
from neuronup.seeds import stack


def draw_schedules(named: dict[str, list[History]]) -> Figure:
    """Draw the learning rate, and the validation loss of some seeds, by epoch."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    rates = {name: stack(runs[:1])["rate"] for name, runs in named.items()}
    losses = {name: stack(runs)["validation_loss"] for name, runs in named.items()}
    for ax, values, title in zip(
        axes, (rates, losses), ("learning rate", "validation loss"), strict=True
    ):
        figures.curves(ax, values)
        ax.set(xlabel="epochs", title=title, ylim=(0, None))
    axes[1].get_legend().remove()
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    return {
        "history": figures.history(results["history"]),
        "stopping": figures.history(results["stopping"]),
        "schedule": draw_schedules(results["schedules"]),
    }


if __name__ == "__main__":
    figures.run(draw)
