"""The figures of the lecture on recurrent networks, drawn from what code/rnn.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.checkpoint import History
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from neuronup.ngram import ORDERS
from rnn import LENGTHS, SYMBOLS


def draw_reach(gradients: dict[str, Tensor]) -> Figure:
    """Draw state gradients (seeds, T) of cells: geometric mean and range."""
    fig, ax = figures.panels(5.2, 3.6)
    colours = (BLUE, ORANGE, GREEN, PURPLE, INK)
    for (name, found), colour in zip(gradients.items(), colours, strict=True):
        middle = found.log().mean(0).exp().tolist()
        ax.plot(
            middle,
            label=name,
            color=colour,
            marker="o" * (colour == INK),
            ms=5,
            markevery=10,
        )
        low, high, steps = found.amin(0), found.amax(0), range(len(middle))
        ax.fill_between(
            steps, low.tolist(), high.tolist(), color=colour, alpha=0.2, lw=0
        )
    ax.set(yscale="log", ylim=(1e-12, None))
    ax.set(xlabel="time steps back", ylabel="gradient of the last state")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_memory(remembered: dict[str, Tensor]) -> Figure:
    """Draw accuracy (seeds, lengths) on the memory task: mean and range."""
    fig, ax = figures.panels(5.2, 3.2)
    for (name, found), marker in zip(remembered.items(), "sDXo", strict=True):
        (line,) = ax.plot(LENGTHS, found.mean(0).tolist(), marker=marker, label=name)
        low, high, colour = found.amin(0), found.amax(0), line.get_color()
        ax.fill_between(  # fainter than figures.band: the ranges overlap
            LENGTHS, low.tolist(), high.tolist(), color=colour, alpha=0.15, lw=0
        )
    ax.axhline(1 / SYMBOLS, color=FAINT, linestyle="-", lw=1)
    ax.set(xscale="log", xticks=LENGTHS, xticklabels=LENGTHS, ylim=(0, 1.05))
    ax.set(xlabel="length of the sequence", ylabel="held-out accuracy")
    ax.minorticks_off()
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_bits(bits: dict[str, float]) -> Figure:
    """Draw the bits per character as bars, with their numbers."""
    fig, ax = figures.panels(5.2, 3)
    colours = [FAINT if name in ORDERS else BLUE for name in bits]
    bars = ax.barh(list(bits), list(bits.values()), color=colours)
    ax.bar_label(bars, fmt="%.2f", padding=4)
    ax.invert_yaxis()
    ax.set(xlabel="bits per character, test text", xlim=(0, 7.4))
    ax.grid(axis="y", visible=False)
    return fig


def draw_learning(histories: dict[str, History], bits: dict[str, float]) -> Figure:
    """Draw validation bits by epoch, and what n-grams reach on the same text."""
    fig, ax = figures.panels(5.2, 3)
    for (name, history), marker in zip(histories.items(), "sDX", strict=True):
        curve = history["validation_loss"]
        ax.plot(range(1, len(curve) + 1), curve, marker=marker, label=name)
    for name in ("bigram", "trigram", "five-gram"):
        ax.axhline(bits[name], color=FAINT, linestyle=":", lw=1.5)
        if name == "five-gram":  # where no curve is
            ax.text(1, bits[name] + 0.015, name)
        else:
            ax.text(len(curve), bits[name] - 0.015, name, ha="right", va="top")
    ax.set(xlabel="epochs", ylabel="bits per character")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    return {
        "reach": draw_reach(results["gradients"]),
        "memory": draw_memory(results["remembered"]),
        "bits": draw_bits(results["bits"]),
        "learning": draw_learning(results["histories"], results["validation_bits"]),
    }


if __name__ == "__main__":
    figures.run(draw)
