"""The figures of the lecture on learning, drawn from what code/learning.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch
from matplotlib.path import Path as Outline
from torch import Tensor
from torch.nn.functional import pad

from learning import MADE, SIZES
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE

arrow = partial(figures.arrow, lw=1.5, shrinkA=2, shrinkB=2)


def strokes(images: Tensor, level: float) -> Outline:
    """Draw a stroke through each run of pixels of at least `level`.

    The images (n, 8, 8) stand side by side.
    """
    strip = pad(images, (1, 1)).transpose(0, 1).reshape(8, -1)
    edges = (strip >= level).int().diff()  # (8, 10 n - 1): 1 where a run begins
    begins, ends = ((edges == step).nonzero().tolist() for step in (1, -1))
    runs = zip(begins, ends, strict=True)
    lines = [Outline([(left, row), (end, row)]) for (row, left), (_, end) in runs]
    return Outline.make_compound_path(*lines)


def draw_teachers(rows: dict[str, Tensor], width: float = 5.2) -> Figure:
    """Draw the ten means (10, 64) from each kind of learning, a row for each."""
    fig, axes = figures.panels(width, 2.6, rows=3)
    for ax, name in zip(axes, rows, strict=True):
        ax.set(
            xlim=(-0.5, 98.5), ylim=(7.5, -0.5), aspect="equal", xticks=[], yticks=[]
        )
        ax.spines[:].set_visible(False)
        ax.set_title(name, loc="left", pad=3)
    fig.draw_without_rendering()  # now it is known how large a pixel is
    for ax, each in zip(axes, rows.values(), strict=True):
        width = ax.bbox.height / 8 * 72 / fig.dpi
        for level, alpha in ((0.25, 0.35), (0.6, 0.6)):
            path = strokes(each.nan_to_num().reshape(-1, 8, 8), level)
            look = {"color": INK, "alpha": alpha, "lw": width, "capstyle": "butt"}
            ax.add_patch(PathPatch(path, fill=False, **look))
    return fig


def by_size(ax: Axes, named: dict[str, Tensor]) -> None:
    """Draw held-out accuracies (seeds, SIZES) against the number of images."""
    for name, values in named.items():
        (line,) = ax.plot(SIZES, values.mean(0).tolist(), marker="o", ms=4, label=name)
        low, high = values.amin(0).tolist(), values.amax(0).tolist()
        ax.fill_between(SIZES, low, high, color=line.get_color(), alpha=0.15, lw=0)
    logarithmic(ax, SIZES)
    ax.set(ylim=(0, 1), xlabel="training images", ylabel="held-out accuracy")


def logarithmic(ax: Axes, sizes: Sequence[int]) -> None:
    """Let the numbers of images run on a logarithmic axis, each with its tick."""
    ax.set(xscale="log", xticks=sizes, xticklabels=[f"{n:,}" for n in sizes])
    ax.minorticks_off()


def draw_kinds(
    curves: dict[str, Tensor], width: float = 5.2, columns: int = 2
) -> Figure:
    """Draw accuracy by number of images for each kind of learning (seeds, SIZES)."""
    fig, ax = figures.panels(width, 3.6)
    names = {
        "labels": "supervised: every label",
        "random": "rewards; only explores",
        "some": "rewards; 30 % exploration",
        "greedy": "rewards; never explores",
    }
    by_size(ax, {label: curves[name] for name, label in names.items()})
    groups = float(curves["groups"].mean())
    ax.axhline(groups, color=FAINT, lw=1.5, label="unsupervised, then ten labels")
    fig.legend(loc="outside upper center", ncols=columns, fontsize="small")
    return fig


def draw_models(curves: dict[str, Tensor], width: float = 5.2) -> Figure:
    """Draw accuracy by number of images for each model (seeds, SIZES)."""
    fig, ax = figures.panels(width, 3.4)
    names = {
        "mean": "nearest mean",
        "neighbour": "nearest neighbour",
        "vectors": "support-vector machine",
    }
    by_size(ax, {label: curves[name] for name, label in names.items()})
    ax.set(ylim=(0.4, 1))
    ax.legend(loc="lower right")
    if width < 5:
        ax.set_xticks([10, 100, 1257], ["10", "100", "1,257"])
    return fig


def draw_widths(curves: dict[str, Tensor], width: float = 5.2) -> Figure:
    """Draw accuracy by number of images for each width (seeds, MADE), step by step."""
    fig, ax = figures.panels(width, 3.4)
    names = {
        "linear": "linear model",
        "narrow": "network, 16 neurons",
        "wide": "network, 128 neurons",
    }
    for number, (key, name) in enumerate(names.items()):
        before = set(ax.get_children())
        figures.band(ax, MADE, curves[key], name)
        height = float(curves[key][:, -1].max())
        look: dict[str, Any] = {
            "ha": "right",
            "va": "bottom",
            "color": (BLUE, ORANGE, GREEN)[number],
        }
        ax.text(MADE[-1], height + 0.02, name, **look)
        if number:
            figures.step(number, *(set(ax.get_children()) - before))
    logarithmic(ax, MADE)
    ax.set(ylim=(0.2, 1), xlabel="training images", ylabel="held-out accuracy")
    return fig


def draw_experience(labels: Tensor) -> Figure:
    """Draw performance P against experience E: accuracies (seeds, SIZES) by labels."""
    fig, ax = figures.panels(3.7, 3.3)
    figures.band(ax, SIZES, labels, "T: which digit is it?", marker="o", ms=4)
    logarithmic(ax, SIZES)
    ax.set_xticks([10, 100, 1257], ["10", "100", "1,257"])
    ax.set(ylim=(0, 1), xlabel="E: training images", ylabel="P: held-out accuracy")
    ax.legend(loc="lower right")
    return fig


def draw_agents(curves: dict[str, Tensor]) -> Figure:
    """Draw what three agents are rewarded, and at the next step what they learned."""
    fig, ax = figures.panels(5.2, 2.5)
    names = {
        "random": "only explores",
        "some": "30 % exploration",
        "greedy": "never explores",
    }
    kinds: dict[str, tuple[float, dict[str, Any]]] = {
        "rewarded while learning": (-0.2, {"color": BLUE}),
        "held-out accuracy": (0.2, {"ec": ORANGE, "hatch": "//", "fc": "none"}),
    }
    paid = [float(curves[f"{name}_paid"].mean()) for name in names]
    learned = [float(curves[name][:, -1].mean()) for name in names]
    for values, (kind, (shift, look)) in zip(
        (paid, learned), kinds.items(), strict=True
    ):
        places = [place + shift for place in range(3)]
        bars = ax.barh(places, values, 0.36, label=kind, **look)
        texts = ax.bar_label(bars, [f"{value:.0%}" for value in values], padding=4)
        if values is learned:
            figures.step(1, *bars, *texts)
    ax.set_yticks(range(3), names.values())
    ax.set(xlim=(0, 1.1), ylim=(2.5, -0.5), xticks=[0, 0.5, 1])
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=2, fontsize="small")
    return fig


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure whose one field, without axes, is as many units as inches."""
    fig, ax = figures.panels(width, height)
    fig.set_layout_engine("none")
    ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return fig, ax


def node(
    ax: Axes,
    place: tuple[float, float],
    size: tuple[float, float],
    lines: Sequence[tuple[str, float]],
    colour: str = BLUE,
) -> list[Artist]:
    """Draw a rounded box round `place`, and in it lines of text, each with its size."""
    (x, y), (width, height) = place, size
    corner = (x - width / 2 + 0.06, y - height / 2 + 0.06)
    edge: dict[str, Any] = {"boxstyle": "round,pad=0.06", "ec": colour, "fc": "none"}
    box = FancyBboxPatch(corner, width - 0.12, height - 0.12, lw=1.6, **edge)
    parts: list[Artist] = [ax.add_patch(box)]
    room = sum(points for _, points in lines) * 1.25 / 72
    top = y + room / 2
    for text, points in lines:
        top -= points * 1.25 / 72
        weight = "bold" if points > 11 else "normal"
        look: dict[str, Any] = {
            "ha": "center",
            "fontsize": points,
            "fontweight": weight,
        }
        parts.append(ax.text(x, top + 0.04, text, **look))
    return parts


def draw_words() -> Figure:
    """Draw six words and their symbols round a model; each appears at its step."""
    fig, ax = blank(7.4, 3.5)
    size = (1.75, 1.0)
    node(ax, (1.0, 2.75), size, [("x", 20), ("features", 12), ("ten measures", 9)])
    model = node(
        ax, (3.7, 2.75), size, [("f", 20), ("model", 12), ("weigh and add up", 9)]
    )
    guess = node(
        ax,
        (6.4, 2.75),
        size,
        [("ŷ", 20), ("prediction", 12), ("progression, predicted", 9)],
    )
    label = node(
        ax,
        (1.0, 0.65),
        size,
        [("y", 20), ("label", 12), ("progression, measured", 9)],
        GREEN,
    )
    loss = node(
        ax,
        (6.4, 0.65),
        size,
        [("L", 20), ("loss", 12), ("mean of (ŷ − y)²", 9)],
        ORANGE,
    )
    weights = node(
        ax, (3.7, 1.15), size, [("w", 20), ("weights", 12), ("ten, and b", 9)], PURPLE
    )
    figures.step(1, *model, arrow(ax, (1.9, 2.75), (2.8, 2.75)))
    figures.step(2, *weights, arrow(ax, (3.7, 1.67), (3.7, 2.23)))
    figures.step(3, *guess, arrow(ax, (4.6, 2.75), (5.5, 2.75)))
    figures.step(4, *label)
    to_loss = arrow(ax, (1.9, 0.35), (5.5, 0.35))
    figures.step(5, *loss, arrow(ax, (6.4, 2.23), (6.4, 1.17)), to_loss)
    change = ax.text(5.05, 1.2, "training\nchanges w", ha="center", fontsize=10)
    back = arrow(ax, (5.5, 0.85), (4.6, 1.0), color=ORANGE, ls="--")
    figures.step(6, back, change)
    return fig


def draw_phases() -> Figure:
    """Draw training, and at the next steps use: the trained model meets new data."""
    fig, ax = blank(5.2, 2.75)
    small = (1.2, 0.56)
    ax.text(0.08, 2.52, "1 training, once", fontweight="bold", fontsize=11)
    node(ax, (0.72, 2.15), small, [("features x", 10)])
    node(ax, (0.72, 1.5), small, [("labels y", 10)], GREEN)
    node(ax, (2.55, 1.82), (1.3, 0.8), [("train", 12), ("finds w", 9.5)], ORANGE)
    arrow(ax, (1.34, 2.15), (1.88, 1.95))
    arrow(ax, (1.34, 1.5), (1.88, 1.72))
    model = node(
        ax, (4.4, 1.82), (1.4, 0.8), [("model", 12), ("f with w", 9.5)], PURPLE
    )
    figures.step(1, *model, arrow(ax, (3.22, 1.82), (3.68, 1.82)))
    title = ax.text(
        0.08, 0.92, "2 use, again and again", fontweight="bold", fontsize=11
    )
    new = node(ax, (0.72, 0.45), small, [("new x", 10)])
    trained = node(
        ax, (2.55, 0.45), (1.5, 0.66), [("trained model", 10), ("w stays", 9.5)], PURPLE
    )
    same = arrow(ax, (4.4, 1.4), (3.32, 0.62), ls=":", color=PURPLE)
    figures.step(2, title, *new, *trained, arrow(ax, (1.34, 0.45), (1.78, 0.45)), same)
    answer = node(ax, (4.4, 0.45), small, [("prediction ŷ", 10)])
    figures.step(3, *answer, arrow(ax, (3.32, 0.4), (3.78, 0.4)))
    return fig


def draw_choice() -> Figure:
    """Draw the choice between deep and other learning as a tree of two questions."""
    fig, ax = blank(5.2, 3.1)
    node(ax, (2.6, 2.75), (3.1, 0.56), [("What are the data?", 12)], INK)
    left = node(
        ax,
        (1.25, 1.25),
        (2.3, 1.1),
        [("linear models", 12), ("trees", 12), ("minutes to fit, readable", 10.5)],
        GREEN,
    )
    said = ax.text(
        1.2, 2.12, "a table: columns\nwith a meaning", ha="center", va="center"
    )
    figures.step(1, *left, said, arrow(ax, (2.0, 2.47), (1.5, 1.82)))
    right = node(ax, (3.95, 1.5), (2.3, 0.56), [("How many examples?", 11)], INK)
    what = ax.text(4.15, 2.12, "images, sound,\ntext", ha="center", va="center")
    figures.step(2, *right, what, arrow(ax, (3.2, 2.47), (3.6, 1.8)))
    few = node(
        ax,
        (3.3, 0.36),
        (1.3, 0.62),
        [("a network,", 10.5), ("pre-trained", 10.5)],
        BLUE,
    )
    many = node(ax, (4.62, 0.36), (1.1, 0.62), [("a network", 10.5)], BLUE)
    little = ax.text(3.2, 0.93, "few", ha="right", va="center")
    much = ax.text(4.75, 0.93, "many", ha="left", va="center")
    ends = arrow(ax, (3.6, 1.2), (3.35, 0.7)), arrow(ax, (4.3, 1.2), (4.55, 0.7))
    figures.step(3, *few, *many, little, much, *ends)
    return fig


def speech(ax: Axes, left: float, low: float, pace: float = 9) -> list[Artist]:
    """Draw a sound of about three syllables, 1.2 wide and 0.5 high."""
    x = torch.linspace(0, 1.2, 121)
    swell = (x * math.pi / 0.4).sin().abs() * (0.4 + 0.6 * (pace * x).cos().abs())
    y = 0.25 * swell * (97 * x).sin()
    across, up = (left + x).tolist(), (low + 0.25 + y).tolist()
    sound: list[Artist] = []
    sound += ax.plot(across, up, "-", color=BLUE, lw=1)
    return sound


def draw_speech(ax: Axes, x: float, y: float) -> list[Artist]:
    """Draw a sound that becomes words, in 1.3 by 1.1."""
    words = ax.text(x + 0.65, y + 0.1, "“to be or not”", ha="center", fontsize=9.5)
    turned = arrow(ax, (x + 0.65, y + 0.55), (x + 0.65, y + 0.3))
    return [*speech(ax, x + 0.05, y + 0.58), words, turned]


def draw_question(ax: Axes, x: float, y: float) -> list[Artist]:
    """Draw a picture of a house, a question to it, and the answer, in 1.3 by 1.1."""
    line: dict[str, Any] = {"color": INK, "lw": 1.2, "ls": "-"}
    across = [0.3, 0.3, 0.65, 1.0, 1.0, 0.3]
    up = [0.5, 0.8, 1.08, 0.8, 0.5, 0.5]
    parts: list[Artist] = [
        *ax.plot([x + a for a in across], [y + u for u in up], **line)
    ]
    for at in (0.45, 0.72):
        square = [at, at, at + 0.13, at + 0.13, at]
        parts += ax.plot(
            [x + a for a in square],
            [y + u for u in (0.6, 0.73, 0.73, 0.6, 0.6)],
            **line,
        )
    look: dict[str, Any] = {"ha": "center", "fontsize": 9.5}
    parts.append(ax.text(x + 0.65, y + 0.28, "how many windows?", **look))
    parts.append(ax.text(x + 0.65, y + 0.06, "two", fontweight="bold", **look))
    return parts


def draw_listening(ax: Axes, x: float, y: float) -> list[Artist]:
    """Draw two sounds beside their marks of 5, in 1.3 by 1.1."""
    parts: list[Artist] = []
    for low, name in ((0.6, "A"), (0.05, "B")):
        parts += speech(ax, x + 0.05, y + low, pace=9 if low > 0.5 else 5)
        parts.append(ax.text(x - 0.05, y + low + 0.4, name, fontsize=9.5))
    return parts


def draw_protein(ax: Axes, x: float, y: float) -> list[Artist]:
    """Draw a chain of letters that folds into a shape, in 1.3 by 1.1."""
    turn = torch.linspace(0, 1, 121)
    across = x + 0.65 + 0.42 * (turn * 9).sin() * (0.5 + 0.5 * (turn * 4).cos().abs())
    up = y + 0.3 + 0.34 * (turn * 14 + 0.5).cos() * (1 - 0.4 * turn) + 0.05
    shape = ax.plot(across.tolist(), up.tolist(), "-", color=BLUE, lw=2.4)
    look: dict[str, Any] = {"ha": "center", "fontsize": 9.5}
    chain = ax.text(x + 0.65, y + 0.98, "M–K–T–A–Y–I–A–K", **look)
    return [*shape, chain, arrow(ax, (x + 0.65, y + 0.93), (x + 0.65, y + 0.74))]


def draw_surrogate(ax: Axes, x: float, y: float) -> list[Artist]:
    """Draw a mesh round a body in a flow, in 1.3 by 1.1."""
    parts: list[Artist] = []
    look: dict[str, Any] = {"color": FAINT, "lw": 0.8, "ls": "-"}
    for row in range(6):
        steps = [0.05 + 0.12 * k for k in range(11)]
        lift = [
            0.12 * math.exp(-(((a - 0.65) / 0.3) ** 2)) * (row - 2.5) / 2.5
            for a in steps
        ]
        up = [y + 0.15 + 0.16 * row + by for by in lift]
        parts += ax.plot([x + a for a in steps], up, **look)
    for column in range(0, 11, 2):
        place = x + 0.05 + 0.12 * column
        parts += ax.plot([place, place], [y + 0.1, y + 1.0], **look)
    body = Circle((x + 0.65, y + 0.55), 0.16, ec=ORANGE, fc="none", hatch="///", lw=1.6)
    return [*parts, ax.add_patch(body)]


CASES: list[tuple[Callable[..., list[Artist]], str, str, str]] = [
    (draw_speech, "speech to text", "680,000 h", "of sound learned from"),
    (draw_question, "questions to pictures", "81.3 %", "people: 80.8 %"),
    (draw_listening, "text to speech", "4.53 of 5", "recordings: 4.58"),
    (draw_protein, "shape of proteins", "92.4 of 100", "90: like experiments"),
    (draw_surrogate, "surrogate of a solver", "10 to 100×", "faster than the solver"),
]


def draw_cases(wide: bool) -> Figure:
    """Draw five things that deep learning does, with a number each, step by step."""
    fig, ax = blank(7.4, 3.1) if wide else blank(5.2, 6.0)
    for number, (draw_case, name, figure, meaning) in enumerate(CASES):
        left = 0.08 + 1.48 * number if wide else 0.1
        low = 1.45 if wide else 4.85 - 1.2 * number
        parts = draw_case(ax, left, low)
        x, y, where = (left + 0.65, 0, "center") if wide else (1.9, low - 0.1, "left")
        heights = (2.8, 0.9, 0.55) if wide else (0.85, 0.47, 0.2)
        for text, up, points in zip(
            (name, figure, meaning), heights, (9.5, 16, 9.5), strict=True
        ):
            look: dict[str, Any] = {"ha": where, "fontsize": points}
            weight = "normal" if text is meaning else "bold"
            parts.append(ax.text(x, y + up, text, fontweight=weight, **look))
        if number:
            figures.step(number, *parts)
    return fig


def draw_opinions() -> Figure:
    """Draw a listening test: two sounds, marks from 1 to 5, then both means."""
    fig, ax = blank(7.4, 3.3)
    means = {"A": (4.53, "generated"), "B": (4.58, "recorded")}
    for row, (name, (score, kind)) in enumerate(means.items()):
        low = 2.15 - 1.3 * row
        ax.text(0.15, low + 0.2, name, fontsize=20, fontweight="bold")
        speech(ax, 0.55, low, pace=9 - 4 * row)
        left, unit = 2.6, 0.85
        for mark in range(1, 6):
            x = left + unit * (mark - 1)
            ring = Circle((x, low + 0.25), 0.2, ec=FAINT, fc="none", lw=1.4)
            ax.add_patch(ring)
            ax.text(x, low + 0.25, str(mark), ha="center", va="center", fontsize=11)
        x = left + unit * (score - 1)
        (dot,) = ax.plot([x, x], [low - 0.1, low + 0.6], "-", color=ORANGE, lw=3)
        text = ax.text(x, low - 0.36, f"{score}", ha="center", fontweight="bold")
        figures.step(1, dot, text)
        told = ax.text(6.35, low + 0.2, kind, fontsize=11)
        figures.step(2, told)
    ax.text(2.6, 2.85, "bad", ha="center", fontsize=10)
    ax.text(6.0, 2.85, "excellent", ha="center", fontsize=10)
    return fig


def draw_map(points: Tensor, digit: Tensor) -> Figure:
    """Draw images at their first two components (n, 2), each as its digit (n,)."""
    fig, ax = figures.panels(5.2, 4.4)
    for (across, up), each in zip(points.tolist(), digit.tolist(), strict=True):
        colour = (BLUE, ORANGE, INK)[each % 3]
        ax.text(across, up, str(each), color=colour, ha="center", va="center")
    low, high = points.amin(0).tolist(), points.amax(0).tolist()
    ax.set(xlim=(low[0] - 0.2, high[0] + 0.2), ylim=(low[1] - 0.2, high[1] + 0.2))
    ax.set(xlabel="first component", ylabel="second component")
    return fig


def draw_clusters(counts: Tensor) -> Figure:
    """Draw how many of each digit each group holds: counts (groups, digits)."""
    rows = sorted(counts.tolist(), key=lambda row: row.index(max(row)))
    fig, ax = figures.panels(5.2, 4)
    cells = {
        (each, row): count
        for row, counted in enumerate(rows)
        for each, count in enumerate(counted)
        if count
    }
    figures.table(ax, cells)
    ax.set(xlabel="digit", ylabel="group", yticklabels="ABCDEFGHIJ")
    return fig


def draw_waves(named: dict[str, Tensor]) -> Figure:
    """Draw pairs of signals (time, 2), each under its name."""
    fig, axes = figures.panels(5.2, 3.2, rows=3)
    for ax, (name, pair) in zip(axes, named.items(), strict=True):
        ax.plot(pair.tolist())
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, loc="left", pad=3)
    return fig


def draw_regression(
    prediction: Tensor, truth: Tensor, mean: float, width: float = 5.2
) -> Figure:
    """Draw the progression of held-out patients (n,) against predictions (n,)."""
    fig, ax = figures.panels(width, 3.4)
    ax.scatter(prediction.tolist(), truth.tolist(), 16, color=BLUE, alpha=0.7, lw=0)
    ends = [float(prediction.min()), float(prediction.max())]
    ax.plot(ends, ends, "--", color=ORANGE, label="as predicted")
    ax.axhline(mean, color=FAINT, label="mean of the training set")
    ax.set(xlabel="predicted", ylabel="progression after a year")
    fig.legend(loc="outside upper center", ncols=2 if width > 5 else 1)
    return fig


def draw_features(accuracies: dict[str, float]) -> Figure:
    """Draw the accuracy of the nearest neighbour with each representation."""
    fig, ax = figures.panels(5.2, 2.2)
    names = {
        "hand": "6 features by hand",
        "components": "6 components",
        "learned": "6 learned features",
        "pixels": "64 pixels",
    }
    values = [accuracies[name] for name in names]
    bars = ax.barh(list(names.values()), values, color=BLUE, alpha=0.7, height=0.6)
    ax.bar_label(bars, [f"{value:.1%}" for value in values], padding=4)
    ax.set(xlim=(0, 1.15), xlabel="held-out accuracy", xticks=[0, 0.5, 1])
    ax.invert_yaxis()
    return fig


def draw_votes(share: Tensor, malignant: Tensor, width: float = 5.2) -> Figure:
    """Draw how many held-out tumours got which share of votes (n,), by truth (n,)."""
    votes, (fig, ax) = (share * 15).round().long(), figures.panels(width, 3)
    looks = {"benign": (-0.2, BLUE, None), "malignant": (0.2, ORANGE, "///")}
    for kind, (name, (shift, colour, hatch)) in enumerate(looks.items()):
        counts = torch.bincount(votes[malignant == kind], minlength=16).tolist()
        places = [place + shift for place in range(16)]
        fill = "none" if hatch else colour
        bars = ax.bar(places, counts, width=0.4, edgecolor=colour, label=name)
        for bar in bars:
            bar.set(facecolor=fill, hatch=hatch)
    ax.axvspan(1.5, 13.5, color=FAINT, alpha=0.2, lw=0)
    ax.text(7.5, 20, "not sure: look again", ha="center")
    ax.set(yscale="symlog", yticks=[0, 1, 3, 10, 30, 100], xticks=[0, 5, 10, 15])
    ax.set(yticklabels=[0, 1, 3, 10, 30, 100])
    ax.set(xlabel='votes for "malignant", of 15', ylabel="held-out tumours")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    learned, shown = results["learned"], 130  # digits on the map
    teachers = {
        "supervised: every label": learned["means, labels"],
        "unsupervised: no labels": learned["means, nothing"],
        "reinforcement: right or wrong": learned["means, rewards"],
    }
    signals = {
        "two sources": learned["signals"],
        "what two microphones hear": learned["mixed"],
        "separated again": learned["unmixed"],
    }
    patients = (
        learned["predicted progression"],
        learned["progression"],
        float(learned["mean progression"]),
    )
    votes = learned["votes"], learned["malignant"]
    return {
        "teachers": draw_teachers(teachers),
        "teachers_deck": draw_teachers(teachers, width=3.6),
        "kinds": draw_kinds(results["feedback"]),
        "kinds_deck": draw_kinds(results["feedback"], width=3.6, columns=1),
        "models": draw_models(results["models"]),
        "models_deck": draw_models(results["models"], width=3.7),
        "widths": draw_widths(results["widths"]),
        "widths_deck": draw_widths(results["widths"], width=3.7),
        "experience": draw_experience(results["feedback"]["labels"]),
        "agents": draw_agents(results["feedback"]),
        "words": draw_words(),
        "phases": draw_phases(),
        "choice": draw_choice(),
        "cases": draw_cases(wide=False),
        "cases_deck": draw_cases(wide=True),
        "opinions": draw_opinions(),
        "map": draw_map(learned["map"][:shown], learned["digits"][:shown]),
        "clusters": draw_clusters(learned["digits of groups"]),
        "waves": draw_waves(signals),
        "regression": draw_regression(*patients),
        "regression_deck": draw_regression(*patients, width=3.7),
        "features": draw_features(results["features"]),
        "votes": draw_votes(*votes),
        "votes_deck": draw_votes(*votes, width=4.1),
    }


if __name__ == "__main__":
    figures.run(draw)
