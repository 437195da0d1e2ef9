"""The figures of the lecture on history, drawn from what code/history.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections import Counter
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from history import (
    EVENT_KINDS,
    EVENTS,
    MODELS,
    SILENT,
    SPARSE,
    TRAINING_SIZES,
    fixed_split,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE

WINTERS = [(1974, 1980), (1987, 1993)]
LOOKS = dict(zip(EVENT_KINDS, ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^")), strict=True))


def draw_growth(seen: list[float], held_out: list[float], learned: Tensor) -> Figure:
    """Draw accuracy by number of rules, beside that of examples (seeds, sizes)."""
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    for name, values in (("training images", seen), ("held-out images", held_out)):
        axes[0].plot(range(1, len(values) + 1), values, label=f"rules, {name}")
    axes[0].set(xlabel="rules", ylabel="accuracy", ylim=(0, 1))
    name, look = (
        "nearest neighbour, held-out",
        {"ls": "-.", "marker": "o", "ms": 4},
    )
    figures.band(axes[1], TRAINING_SIZES, learned, name, color=GREEN, **look)
    axes[1].axhline(held_out[-1], color=ORANGE, ls=":", label="all rules")
    axes[1].set(xlabel="examples", ylim=(0, 1), xscale="log", yticklabels=[])
    axes[1].set_xticks([10, 100, 1000], ["10", "100", "1000"])
    axes[1].minorticks_off()
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_gains(steps: list[dict[str, float]]) -> Figure:
    """Draw how many images each rule won, and how many it lost."""
    fig, ax = figures.panels(5.2, 2.8)
    rules = range(1, len(steps) + 1)
    lost = [-step["lost"] for step in steps]
    ax.bar(rules, [step["won"] for step in steps], color=BLUE, label="newly correct")
    ax.bar(
        rules,
        lost,
        fill=False,
        edgecolor=ORANGE,
        hatch="///",
        label="no longer correct",
    )
    ax.axhline(0, color=INK, lw=0.8)
    ax.set(xlabel="rule added", ylabel="training images")
    ax.legend()
    return fig


def draw_confusion(prediction: Tensor, digit: Tensor) -> Figure:
    """Draw how often each prediction (n,) fell to each digit (n,), silence last."""
    fig, ax = figures.panels(4.4, 3.9)
    column = torch.where(prediction == SILENT, 10, prediction).tolist()
    cells = Counter(zip(column, digit.tolist(), strict=True))
    figures.table(ax, cells)
    columns = sorted(set(column))
    ax.set_xticks(columns, [str(c) if c < 10 else "none" for c in columns])
    ax.set(xlabel="predicted", ylabel="digit")
    return fig


def draw_three(x: Tensor, digit: Tensor, prediction: Tensor) -> Figure:
    """Draw three images x (n, 8, 8) of an 8 that the rules do not classify as an 8."""
    wrong = (digit == 8) & (prediction != 8)
    named = {
        "no rule fires" if output == SILENT else f"predicted: {output}": image.flatten()
        for output, image in zip(prediction[wrong].tolist(), x[wrong], strict=True)
    }
    return figures.images(dict(sorted(named.items())[:3]))


def draw_timeline(first: int, last: int) -> Figure:
    """Draw the events from one year to another down the page, winters shaded."""
    events = [event for event in EVENTS if first <= event.year <= last]
    fig, ax = figures.panels(5.2, 0.29 * len(events) + 0.7)
    ax.grid(False)  # lines would run through the words
    span = last - first
    for start, end in WINTERS:
        if first <= start and end <= last:
            ax.axhspan(start, end, color=FAINT, alpha=0.25, lw=0)
            ax.text(0.01, (start + end) / 2, "winter", va="center", size="small")
    ax.plot([0.17, 0.17], [first, last], color=FAINT, lw=1)
    for place, event in enumerate(events):
        colour, marker = LOOKS[event.kind]
        line = first + span * (place + 0.5) / len(events)
        aside = 0.03 * sum(other.year == event.year for other in events[:place])
        ax.plot([0.17 + aside, 0.27], [event.year, line], "-", color=FAINT, lw=0.7)
        ax.plot(0.17 + aside, event.year, marker, color=colour, ms=6)
        ax.text(0.28, line, f"{event.year}  {event.what}", va="center")
    for kind, (colour, marker) in LOOKS.items():
        ax.plot([], [], marker, color=colour, label=kind)
    fig.legend(loc="outside upper center", ncols=3, handletextpad=0.1)
    ax.set(xlim=(0, 1.2), ylim=(last + span / 40, first - span / 40), xticks=[])
    ax.spines["bottom"].set_visible(False)
    return fig


def name_dot(ax: Axes, name: str, year: float, size: float, left: str) -> None:
    """Write a model's name right of its dot, or left of it if it is in `left`."""
    side = -1 if name in left else 1
    ax.annotate(
        name,
        (year, size),
        xytext=(6 * side, 0),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        va="center",
        size="small",
    )


def draw_compute(left: str) -> Figure:
    """Draw the work of training the models by year, and how far sources differ."""
    fig, ax = figures.panels(5.2, 3.8)
    for model in MODELS:
        reach = [model.exaflop, *model.others]
        ends = [1e18 * min(reach), 1e18 * max(reach)]
        ax.plot([model.year] * 2, ends, "-", color=ORANGE, lw=4)
        ax.plot(model.year, model.exaflop * 1e18, "o", color=BLUE, ms=5)
        name_dot(ax, model.name, model.year, model.exaflop * 1e18, left)
    ax.plot([], [], "-", color=ORANGE, lw=4, label="other counts of the same run")
    ax.legend(loc="upper left")
    ax.set(yscale="log", xlabel="year", xlim=(2011.5, 2027.5))
    ax.set(ylabel="operations to train (FLOP)", xticks=range(2012, 2027, 2))
    return fig


def draw_parameters(left: str) -> Figure:
    """Draw the parameters of the models by year; open: mixtures of experts."""
    fig, ax = figures.panels(5.2, 3.8)
    known = [(each.name, each.year, each.parameters) for each in MODELS]
    sparse = [(name, year, size) for name, (year, size, _) in SPARSE.items()]
    for name, year, size in [*known, *sparse]:
        if size is None:
            continue
        look = "none" if name in {*SPARSE, "MoE-Multi", "DeepSeek-V3"} else PURPLE
        ax.plot(year, size, "o", color=PURPLE, mfc=look, ms=5, mew=1.2)
        name_dot(ax, name, year, size, left)
    for look, label in (
        (PURPLE, "all used for every token"),
        ("none", "few used for each token"),
    ):
        ax.plot([], [], "o", color=PURPLE, mfc=look, ms=5, mew=1.2, label=label)
    ax.legend(loc="lower right")
    ax.set(yscale="log", xlabel="year", xlim=(2011.5, 2027.5), ylim=(1e7, 5e12))
    ax.set(ylabel="parameters", xticks=range(2012, 2027, 2))
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results, (_, _, x_test, digit_test) = kept(source), fixed_split()
    seen, held_out = (
        [step["accuracy"] for step in results[name]] for name in ("seen", "held_out")
    )
    return {
        "growth": draw_growth(seen, held_out, results["curves"]),
        "gains": draw_gains(results["seen"]),
        "rules": draw_confusion(results["inferred"], digit_test),
        "learned": draw_confusion(results["learned"], digit_test),
        "three": draw_three(x_test, digit_test, results["inferred"]),
        "early": draw_timeline(1943, 1969),
        "middle": draw_timeline(1970, 2009),
        "revolution": draw_timeline(2011, 2017),
        "today": draw_timeline(2018, 2025),
        "compute": draw_compute("Deep Speech 2 ResNet-152 GNMT GPT-4 Grok 4"),
        "parameters": draw_parameters("Deep Speech 2 GNMT PanGu-Σ Switch"),
    }


if __name__ == "__main__":
    figures.run(draw)
