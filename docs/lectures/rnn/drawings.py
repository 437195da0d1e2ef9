"""The figures of the lecture on recurrent networks, drawn from what code/rnn.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.checkpoint import History
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from neuronup.ngram import ORDERS
from neuronup.text import ALPHABET, encode, sonnets, text_windows
from rnn import LENGTHS, RECURRENT_NETWORKS, SYMBOLS, TEMPERATURES

SHOWN = str.maketrans({" ": "␣", "\n": "↵"})  # characters that would not be seen


def draw_reach(gradients: dict[str, Tensor]) -> Figure:
    """Draw state gradients (seeds, T) of cells: geometric mean and range."""
    fig, ax = figures.panels(5.2, 3.6)
    colours = (BLUE, ORANGE, GREEN, PURPLE, INK)
    named = zip(gradients.items(), colours, strict=True)
    for number, ((name, found), colour) in enumerate(named):
        middle = found.log().mean(0).exp().tolist()
        (line,) = ax.plot(
            middle,
            label=name,
            color=colour,
            marker="o" * (colour == INK),
            ms=5,
            markevery=10,
        )
        low, high, steps = found.amin(0), found.amax(0), range(len(middle))
        band = ax.fill_between(
            steps, low.tolist(), high.tolist(), color=colour, alpha=0.2, lw=0
        )
        if number:
            figures.step(number, line, band)
    ax.set(yscale="log", ylim=(1e-12, 1e6))
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


def draw_forgetting(steps: int = 20) -> Figure:
    """Draw what forget gates of three biases leave of a cell state, step by step."""
    fig, ax = figures.panels(3.5, 2.9)
    biases = {"b = 0": 0.0, f"b = ln {steps}": math.log(steps), "b = 4": 4.0}
    for number, ((name, bias), marker) in enumerate(
        zip(biases.items(), "sDo", strict=True)
    ):
        kept_part = torch.sigmoid(torch.tensor(bias)) ** torch.arange(steps + 1)
        line, end = kept_part.tolist(), float(kept_part[-1])
        (curve,) = ax.plot(line, marker=marker, markevery=5)
        left = "a millionth" if end < 1e-5 else f"{end:.2f}"
        up = end - 0.05 if number else 0.05  # below the curve, or above the axis
        side = "top" if number else "bottom"
        told = ax.text(steps, up, f"{name}: {left}", ha="right", va=side)
        if number:
            figures.step(number, curve, told)
    ax.set(xlabel="time steps", title="left of the cell state", ylim=(0, 1.05))
    return fig


def draw_windows(text: str, length: int = 9, rows: int = 3) -> Figure:
    """Write the first windows of a text, and at the next step their labels."""
    fig, ax = figures.panels(3.5, 3.3)
    tokens = encode(text[: length * rows + 1])
    x, y = text_windows(tokens, length)
    for row in range(rows):
        for part, colour, below in ((x, BLUE, 0.0), (y, ORANGE, 0.85)):
            written = []
            for place, token in enumerate(part[row].tolist()):
                at, up = place + 0.5, -2.3 * row - below
                sign = ALPHABET[token].translate(SHOWN)
                look = {"ha": "center", "va": "center", "fontsize": 12}
                written.append(ax.text(at, up, sign, color=colour, **look))
            name = "input" if part is x else "label"
            written.append(ax.text(-0.3, up, name, ha="right", va="center"))
            if part is y:
                figures.step(1, *written)
        if row:
            ax.axhline(-2.3 * row + 0.75, color=FAINT, linestyle="-", lw=0.8)
    ax.set(xlim=(-2.2, length), ylim=(-2.3 * rows + 0.75, 0.7))
    ax.set_axis_off()
    return fig


def draw_surprise() -> Figure:
    """Draw the surprise by the probability of what came; three points, stepped."""
    fig, ax = figures.panels(3.5, 2.9)
    p = torch.linspace(0.004, 1, 200)
    ax.plot(p.tolist(), (-p.log2()).tolist())
    for number, k in enumerate((2, 8, len(ALPHABET))):
        bits = math.log2(k)
        (dot,) = ax.plot([1 / k], [bits], "o", color=ORANGE)
        told = ax.text(
            1 / k + 0.04, bits, f"1/{k}: {bits:.3g} bit{'s' * (k > 2)}", va="bottom"
        )
        if number:
            figures.step(number, dot, told)
    ax.set(xlabel="probability of what came", title="surprise, in bits", ylim=(0, 7.5))
    return fig


def draw_temperature(z: Tensor, shown: int = 7) -> Figure:
    """Draw the probabilities of logits z (96,) at three temperatures, in panels."""
    fig, axes = figures.panels(6.4, 2.8, columns=3)
    likeliest = z.argsort(descending=True)[:shown]
    signs = [ALPHABET[i].translate(SHOWN) for i in likeliest.tolist()]
    names = [f"capital {s}" if s.isupper() else s for s in signs] + ["rest"]
    steps = {1.0: 0, 0.5: 1, 1.5: 2}  # first as learned, then colder, then hotter
    for ax, temperature in zip(axes, TEMPERATURES, strict=True):
        p = (z / temperature).softmax(dim=0)[likeliest]
        heights = [*p.tolist(), 1 - float(p.sum())]
        ax.barh(range(shown + 1), heights, color=[BLUE] * shown + [FAINT])
        ax.set_yticks(range(shown + 1), names)
        ax.invert_yaxis()
        ax.set(xlim=(0, 1), title=f"temperature {temperature:g}")
        ax.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
        ax.grid(axis="y", visible=False)
        if steps[temperature]:
            figures.step(steps[temperature], ax)
    return fig


def draw_kept(width: int) -> Figure:
    """Draw how many numbers a layer of `width` units keeps of the tokens it read."""
    fig, ax = figures.panels(3.5, 2.9)
    read = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]
    (line,) = ax.plot(read, [2 * width * t for t in read], "--", color=ORANGE)
    told = ax.text(3e3, 4e7, "attention", ha="right")
    figures.step(1, line, told)
    ax.plot(read, [2 * width] * len(read), color=BLUE)
    ax.text(1e6, 2.2 * width, "LSTM", ha="right", va="bottom")
    ax.set(xscale="log", yscale="log", ylim=(10, 1e9), xticks=(1, 1e3, 1e6))
    ax.set(xlabel="tokens read", title="numbers kept")
    ax.minorticks_off()
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    return {
        "reach": draw_reach(results["gradients"]),
        "memory": draw_memory(results["remembered"]),
        "bits": draw_bits(results["bits"]),
        "learning": draw_learning(results["histories"], results["validation_bits"]),
        "forgetting": draw_forgetting(),
        "windows": draw_windows(sonnets()),
        "surprise": draw_surprise(),
        "temperature": draw_temperature(results["next_logits"]),
        "kept": draw_kept(RECURRENT_NETWORKS["LSTM"][0]),
    }


if __name__ == "__main__":
    figures.run(draw)
