"""The figures of the lecture on backpropagation.

They are drawn from what code/backprop.py kept, and from the engine and the random
networks in it. Drawing takes seconds and trains nothing: `python drawings.py
outputs figures`. Values are blue and upright, gradients orange and slanted; solid
arrows go forward, dashed ones back.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from backprop import (
    INITIAL,
    INITIALISATIONS,
    POINTS,
    SCALES,
    Loop,
    Value,
    autograds_tape,
    example_loss,
    initial_parameters,
    pre_activations,
    random_weights,
    shared,
    values_and_gradients,
)
from neuronup import figures
from neuronup.activations import ACTIVATIONS
from neuronup.command import kept
from neuronup.digits import train_test_digits
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE

SMALL, WIDE = 9, 7.4  # points; inches of a figure as wide as a slide
Place = tuple[float, float]


def named_parents(node: Value) -> list[Value]:
    """List the nearest values with a name that `node` was made from."""
    found = []
    for parent in node.parents:
        found += [parent] if parent.name else named_parents(parent)
    return list(dict.fromkeys(found))


def places(end: Value) -> dict[Value, tuple[int, float]]:
    """Place all that has a name: columns from `end` backwards, rows from -1 to 1."""
    named = [node for node in end.tape() if node.name]
    column, height = dict.fromkeys(named, 0), {end: 0.0}
    for node in reversed(named):  # each before its parents
        for parent in named_parents(node):
            column[parent] = max(column[parent], column[node] + 1)
    for number in range(1, max(column.values()) + 1):
        here = [node for node in named if column[node] == number]
        for node in here:  # on a level with what it leads to
            levels = [height[to] for to in height if node in named_parents(to)]
            height[node] = sum(levels) / len(levels)
        for row, node in enumerate(sorted(here, key=lambda node: height[node])):
            height[node] = (2 * row + 1) / len(here) - 1
    return {node: (column[node], height[node]) for node in named}


def draw_graph(end: Value, backwards: bool, tall: float, box: float = 0.67) -> Figure:
    """Draw all with a name: its value, and going backwards its gradient below it."""
    placed = places(end)
    fig, ax = figures.panels(5.2, tall)
    last = max(column for column, _ in placed.values())
    gap, high = (5.1 - box) / last, 0.58
    at = {
        node: ((last - column) * gap, -up * tall / 2)
        for node, (column, up) in placed.items()
    }
    for node, (left, middle) in at.items():
        lines = [_pretty(node.name), _signed(node.data)]
        lines += [_signed(node.grad)] if backwards else []
        edge = ORANGE if backwards else BLUE
        corner = (left, middle - high / 2)
        ax.add_patch(Rectangle(corner, box, high, facecolor="none", edgecolor=FAINT))
        for number, line in enumerate(lines):
            ax.text(
                left + box / 2,
                middle + high * (0.5 - (number + 0.55) / len(lines)),
                line,
                ha="center",
                va="center",
                size=9.5,
                weight="bold" if number == 0 else "normal",
                style="italic" if number == 2 else "normal",
                color=ORANGE if number == 2 else None,
            )
        for parent in named_parents(node):
            tip, tail = (left, middle), (at[parent][0] + box, at[parent][1])
            if backwards:
                tip, tail = tail, tip
            look = {"arrowstyle": "-|>", "color": edge, "shrinkA": 0, "shrinkB": 0}
            look |= {"linestyle": "--" if backwards else "-", "mutation_scale": 8}
            if placed[parent][0] - placed[node][0] > 1:  # around what is between
                look["connectionstyle"] = f"arc3,rad={0.5 if backwards else -0.5}"
            ax.annotate("", tip, tail, arrowprops=look)
    ax.set(xlim=(-0.03, 5.13), ylim=(-tall / 2, tall / 2))
    ax.set_axis_off()
    return fig


def _pretty(name: str) -> str:
    """Write the digits of a name below the line."""
    return name.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def _signed(number: float) -> str:
    """Write a number to three places, with a true minus sign."""
    return f"{number:.3f}".replace("-", "−")


def draw_depth(norms: dict[str, Tensor]) -> Figure:
    """Draw gradients (seeds, layers) by layer: by activation, and by scale."""
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    for ax, labels in zip(axes, (INITIALISATIONS, SCALES), strict=True):
        named = {label.replace("_", " × "): norms[label] for label in labels}
        figures.curves(ax, named)
        ax.set(yscale="log", xlabel="layer", ylim=(1e-16, 1e8))
        ax.legend(loc="upper right" if ax is axes[0] else "lower right")
    axes[0].set(title="activation", ylabel="norm of the gradient")
    axes[1].set(title="ReLU, scale of weights")
    axes[1].label_outer()
    figures.step(1, axes[1])
    return fig


def boards(wide: float, tall: float, columns: int = 1) -> tuple[Figure, Any]:
    """Return a figure, and its axes to draw on: bare, measured in inches."""
    fig, axes = figures.panels(wide, tall, columns=columns)
    fig.set_layout_engine("none")
    for number, ax in enumerate([axes] if columns == 1 else axes):
        ax.set_position((number / columns, 0, 1 / columns, 1))
        ax.set(xlim=(0, wide / columns), ylim=(0, tall))
        ax.set_axis_off()
    return fig, axes


def write(ax: Axes, at: Place, text: str, **look: Any) -> Artist:
    """Write `text` in the middle of a place."""
    look = {"ha": "center", "va": "center", "size": SMALL, **look}
    return ax.text(*at, text, **look)


def write_gradient(ax: Axes, at: Place, text: str, **look: Any) -> Artist:
    """Write a gradient: orange and slanted."""
    return write(ax, at, text, color=ORANGE, style="italic", **look)


def box(
    ax: Axes, at: Place, text: str, size: Place, value: bool = True, **look: Any
) -> list[Artist]:
    """Draw a box around a place: square for a value, round for an operation."""
    style = f"round,pad=0,rounding_size={0 if value else min(size) / 2.2}"
    corner = (at[0] - size[0] / 2, at[1] - size[1] / 2)
    look = {"ec": BLUE if value else FAINT, "fc": "none", "lw": 1.4, **look}
    patch = FancyBboxPatch(corner, *size, boxstyle=style, mutation_aspect=1, **look)
    ax.add_patch(patch)
    return [patch, write(ax, at, text)] if text else [patch]


def arrow(ax: Axes, *way: Place, back: bool = False, aside: float = 0.0) -> Artist:
    """Draw an arrow from tail to tip, moved to its right by so many inches."""
    tail, tip = way
    across, up = tip[0] - tail[0], tip[1] - tail[1]
    length = (across**2 + up**2) ** 0.5
    moved = [(x + aside * up / length, y - aside * across / length) for x, y in way]
    look: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9}
    look |= {"shrinkA": 0, "shrinkB": 0}
    look |= {"color": ORANGE if back else BLUE, "lw": 1.4}
    look |= {"linestyle": (0, (3, 2)) if back else "-"}
    return ax.annotate("", moved[1], moved[0], arrowprops=look)


def between(tail: Place, tip: Place, size: Place, part: float) -> Place:
    """Find the place on the way between two boxes: 0 at the edge of the first, 1."""
    across, up = tip[0] - tail[0], tip[1] - tail[1]
    leave = min(
        size[0] / 2 / abs(across) if across else 9, size[1] / 2 / abs(up) if up else 9
    )
    way = leave + part * (1 - 2 * leave)
    return tail[0] + way * across, tail[1] + way * up


def appear(step: int | None, *parts: Artist) -> None:
    """Let parts appear at a step, or be there from the start if it is 0 or None."""
    if step:
        figures.step(step, *parts)


def _short(number: float) -> str:
    """Write a number as short as it is, with a true minus sign."""
    return f"{number:.4g}".replace("-", "−")


def place_graph(
    ax: Axes,
    end: Value,
    places: dict[str, Place],
    made: dict[str, int],
    passed: dict[str, int] | None = None,
    local: int | None = None,
    wide: float = 1.12,
) -> None:
    """Draw a graph by the first letters of its names, each at its place.

    A node appears at its step in `made`, its gradient at that in `passed`, with the
    arrows on which it comes; the derivatives on the arrows at the step `local`.
    """
    nodes = {node.name[0]: node for node in end.tape() if node.name}
    size, passed = (wide, 0.56 if passed is None else 0.78), passed or {}
    for letter, node in nodes.items():
        x, y = places[letter]
        high = y if not passed else y + 0.12
        parts = box(ax, (x, y), "", size)
        parts += [write(ax, (x, high + 0.12), node.name, weight="bold")]
        parts += [write(ax, (x, high - 0.12), _short(node.data), color=BLUE, size=10)]
        shares = []
        for user in reversed(end.tape()):
            for parent, derivative in zip(user.parents, user.derivatives, strict=True):
                if parent is not node:
                    continue
                shares.append(derivative * user.grad)
                ends = places[user.name[0]], (x, y)
                if letter in passed:
                    way = [between(*ends, size, part) for part in (0.04, 0.96)]
                    appear(passed[letter], arrow(ax, *way, back=True, aside=-0.08))
        for parent, derivative in zip(node.parents, node.derivatives, strict=True):
            if not parent.name:
                continue
            ends = places[parent.name[0]], (x, y)
            way = [between(*ends, size, part) for part in (0.04, 0.96)]
            parts.append(arrow(ax, *way, aside=-0.08 if passed else 0))
            if local is not None:
                middle = between(*ends, size, 0.42)
                slope = (ends[1][1] - ends[0][1]) / (ends[1][0] - ends[0][0])
                at = (middle[0] - 0.2 * slope, middle[1] + 0.22)
                text = f"· {_short(derivative)}"
                appear(local, write(ax, at, text, color=INK, size=SMALL))
        appear(made.get(letter), *parts)
        if passed:
            total = _short(node.grad)
            if len(shares) > 1:
                total = (
                    " + ".join(map(_short, shares)).replace("+ −", "− ") + f" = {total}"
                )
            text = total if letter in passed else "?"
            note = write_gradient(ax, (x, y - 0.24), text, size=SMALL)
            appear(passed.get(letter), note)


FORMULA = {"a": (0.66, 1.95), "b": (0.66, 0.5), "c": (2.7, 0.5)}
FORMULA |= {"d": (4.7, 1.95), "L": (6.74, 0.5)}


def draw_formula(end: Value) -> Figure:
    """Draw the graph of the formula, a node a step, and then where it forks."""
    fig, ax = boards(WIDE, 2.5)
    place_graph(ax, end, FORMULA, {"c": 1, "d": 2, "L": 3})
    for letter in "ac":
        x, y = FORMULA[letter]
        appear(4, write(ax, (x, y + 0.42), "used twice", style="italic"))
    return fig


def draw_gradients(end: Value) -> Figure:
    """Draw derivatives on the arrows, and then the gradients from the end."""
    fig, ax = boards(WIDE, 2.5)
    passed = {"L": 2, "d": 3, "c": 4, "a": 5, "b": 5}
    place_graph(ax, end, FORMULA, {}, passed, local=1)
    return fig


def draw_order(end: Value) -> Figure:
    """Draw the graph with the place of each node on the tape, and the tape."""
    fig, ax = boards(WIDE, 3.3)
    lifted = {letter: (x, y + 0.86) for letter, (x, y) in FORMULA.items()}
    place_graph(ax, end, lifted, {})
    for place, node in enumerate(end.tape()):
        x, y = lifted[node.name[0]]
        ring = write(ax, (x - 0.44, y + 0.14), str(place + 1), weight="bold", size=11)
        cell = box(ax, (1.9 + 0.9 * place, 0.35), node.name[0], (0.9, 0.34))
        number = write(ax, (1.9 + 0.9 * place, 0.68), str(place + 1), weight="bold")
        appear(place + 1, ring, number, *cell)
    look = {"ha": "left", "color": BLUE}
    there = (
        write(ax, (0.1, 0.46), "recorded", **look),
        arrow(ax, (0.1, 0.28), (1.2, 0.28)),
    )
    back = (6.2, 0.28)
    appear(6, write_gradient(ax, (6.75, 0.46), "replayed"))
    appear(6, arrow(ax, (7.3, 0.28), back, back=True))
    appear(1, *there)
    return fig


def fork() -> Value:
    """Return y = u + v, where u = 2x and v = x²: x is used twice."""
    x = Value(3.0).called("x")
    return ((x * 2).called("u = 2x") + (x**2).called("v = x²")).called("y = u + v")


def shortcut() -> Value:
    """Return y = f + x, where f = 0.1 x: a layer, and a way around it."""
    x = Value(2.0).called("x")
    return ((x * 0.1).called("f = 0.1x") + x).called("y = f + x")


FORK = {"x": (0.62, 1.45), "u": (1.85, 2.4), "v": (1.85, 0.5), "y": (3.05, 1.45)}
SHORTCUT = {"x": (0.62, 1.9), "f": (1.85, 0.6), "y": (3.05, 1.9)}


def draw_forks() -> Figure:
    """Draw a number that is used twice, and at later steps a shortcut."""
    fig, (left, right) = boards(WIDE, 3.2, columns=2)
    for ax, end, places, start, title in (
        (left, fork(), FORK, 0, "a number used twice"),
        (right, shortcut(), SHORTCUT, 2, "a shortcut around f"),
    ):
        end.backward()
        passed = dict.fromkeys(places, start + 1)
        wide = 1.0 if ax is left else 1.12
        place_graph(ax, end, places, {}, passed, start, wide)
        write(ax, (1.85, 3.05), title, weight="bold", size=10.5)
    figures.step(2, right)
    return fig


def draw_recap() -> Figure:
    """Draw a number that is used twice, with all gradients."""
    fig, ax = boards(3.7, 2.95)
    end = fork()
    end.backward()
    place_graph(ax, end, FORK, {}, dict.fromkeys(FORK, 0), 0, 1.0)
    return fig


def draw_thrice() -> Figure:
    """Draw a number that is used three times; its gradient is asked for."""
    fig, ax = boards(3.7, 3.2)
    x = Value(2.0).called("x")
    p, q, r = (
        (x * 3).called("p = 3x"),
        (x * -1).called("q = −x"),
        (x**2).called("r = x²"),
    )
    three = (p, q, r)
    end = Value(sum(node.data for node in three), three, (1.0, 1.0, 1.0)).called("L")
    end.backward()
    places = {"x": (0.42, 1.6), "p": (1.85, 2.75), "q": (1.85, 1.6), "r": (1.85, 0.45)}
    place_graph(
        ax, end, places | {"L": (3.28, 1.6)}, {}, dict.fromkeys("pqrL", 0), 0, 0.8
    )
    return fig


def draw_runs() -> Figure:
    """Draw how many runs one step takes, by the number of weights."""
    fig, ax = figures.panels(3.5, 3.2)
    weights = torch.logspace(0, 6, 50)
    for step, runs, name, at in (
        (1, weights + 1, "change each\na little", (1.5, 3e4)),
        (2, torch.full_like(weights, 2), "one run forward, one back", (10, 3)),
    ):
        (line,) = ax.plot(weights.tolist(), runs.tolist())
        note = ax.text(*at, name, color=line.get_color(), va="bottom", size=9.5)
        figures.step(step, line, note)
    ax.set(xscale="log", yscale="log", ylim=(0.7, 3e6), xlabel="weights")
    ax.set_title("runs through the network for one step")
    return fig


def draw_chain() -> Figure:
    """Draw the path from a weight to the loss, and its factors from the right."""
    fig, ax = boards(WIDE, 2.3)
    places, size = [(0.5 + 2.13 * place, 1.5) for place in range(4)], (0.72, 0.5)
    words = [("times x", "∂z/∂w", "how strong was\nthe input?")]
    words += [("σ", "∂ŷ/∂z", "how steep is\nthe activation here?")]
    words += [("loss", "∂L/∂ŷ", "how wrong is\nthe prediction?")]
    for at, name in zip(places, ("w", "z", "ŷ", "L"), strict=True):
        box(ax, at, "", size)
        write(ax, at, name, size=13)
    for place, (does, factor, question) in enumerate(words):
        ends = places[place], places[place + 1]
        way = [between(*ends, size, part) for part in (0.04, 0.96)]
        arrow(ax, *way, aside=-0.1)
        x = (ends[0][0] + ends[1][0]) / 2
        write(ax, (x, 1.8), does, color=BLUE, size=10.5)
        parts = [arrow(ax, *reversed(way), back=True, aside=-0.1)]
        parts += [write_gradient(ax, (x, 1.08), factor, size=14, va="top")]
        parts += [write(ax, (x, 0.66), question, va="top", size=10)]
        figures.step(3 - place, *parts)
    return fig


def draw_cancel() -> Figure:
    """Draw both factors of the gradient at z, and their product, for two losses."""
    fig, axes = figures.panels(WIDE, 2.75, columns=2)
    z = torch.linspace(-8, 4, 121)
    p = z.sigmoid()
    for ax, title, first in (
        (axes[0], "cross-entropy", 1 / p),
        (axes[1], "squared error", 2 * (1 - p)),
    ):
        ax.plot(z.tolist(), first.tolist(), label="|∂L/∂ŷ|")
        ax.plot(z.tolist(), (p * (1 - p)).tolist(), label="∂ŷ/∂z")
        (line,) = ax.plot(z.tolist(), (first * p * (1 - p)).tolist(), lw=3)
        low = 0.4 if ax is axes[0] else 2e-4
        name = ax.text(-7.8, low, "product", color=GREEN, va="top", weight="bold")
        figures.step(1, line, name)
        ax.set(yscale="log", ylim=(1e-5, 1e5), xlabel="z, for the label 1", title=title)
    axes[0].legend()
    figures.step(2, axes[1])
    return fig


def draw_shapes() -> Figure:
    """Draw the matrices of a layer as rectangles: forward, and two ways back."""
    fig, ax = boards(3.6, 3.4)
    n, given, out = ("n", 0.7), ("in", 0.54), ("out", 0.3)
    rows = [(("X", n, given), ("Wᵀ", given, out), ("Z", n, out))]
    rows += [(("G", n, out), ("W", out, given), ("∂L/∂X", n, given))]
    rows += [(("Gᵀ", out, n), ("X", n, given), ("∂L/∂W", out, given))]
    for row, matrices in enumerate(rows):
        middle = 2.83 - 1.13 * row
        for place, (name, high, wide) in enumerate(matrices):
            x, back = 0.6 + 1.2 * place, name[0] in "G∂"
            look: dict[str, Any] = {"ec": ORANGE, "hatch": "///", "alpha": 0.65}
            look = look if back else {"ec": BLUE}
            parts = box(ax, (x, middle), "", (wide[1], high[1]), **look)
            edge = x - wide[1] / 2
            put = write_gradient if back else write
            label = f"{name}  ({high[0]}, {wide[0]})"
            parts += [put(ax, (x, middle - high[1] / 2 - 0.11), label, size=8.8)]
            if place:
                sign = "·" if place == 1 else "="
                parts += [write(ax, (edge - 0.27, middle), sign, size=13)]
            appear(row, *parts)
    return fig


def place_layer(
    ax: Axes,
    xs: Sequence[float],
    row: float,
    leaves: float,
    batch: str,
    forward: Sequence[int],
    back: Sequence[int] = (),
) -> None:
    """Draw a linear layer as a graph in a row, its parameters on a level `leaves`.

    What belongs to matmul, +, σ and the loss appears at the steps `forward`; the
    arrows back from the loss, to σ, to +, to matmul and b, to W, at those of `back`.
    """
    pitch = xs[2] - xs[1]
    size = (min(0.8, 0.77 * pitch), 0.36)
    names = [f"X{batch}", "matmul", "+", "σ", "loss"]
    up = 1 if leaves > row else -1
    gap = 0.19 * up
    for place, (x, name) in enumerate(zip(xs, names, strict=True)):
        at, step = (x, row), forward[max(place - 1, 0)]
        if place == 0 and not batch:  # no batch yet: a leaf, there from the start
            step = 0
        parts = box(ax, at, name, size, value=place == 0)
        if place:
            ends = (xs[place - 1], row), at
            way = [between(*ends, size, part) for part in (0, 1)]
            aside = -0.07 if back else 0
            parts.append(arrow(ax, *way, aside=aside))
            if back and place > 1:
                passed = arrow(ax, *reversed(way), back=True, aside=aside)
                appear(back[4 - place], passed)
        if place in (1, 2):
            way = [(x - 0.08, leaves - gap), (x - 0.08, row + gap)]
            parts.append(arrow(ax, *way))
            if back:
                way = [(x + 0.08, row + gap), (x + 0.08, leaves - gap)]
                appear(back[4 - place], arrow(ax, *way, back=True))
        appear(step, *parts)


def place_parameters(ax: Axes, xs: Sequence[float], leaves: float) -> None:
    """Draw the boxes of W and b, where a layer's graph expects them."""
    for x, name in zip(xs[1:3], ("W", "b"), strict=True):
        box(ax, (x, leaves), name, (0.42, 0.36))


def place_target(ax: Axes, row: float, leaves: float) -> None:
    """Draw the labels y below the loss, which compares the output with them."""
    box(ax, (ACROSS[4], leaves), "y", (0.42, 0.36))
    arrow(ax, (ACROSS[4], leaves + 0.19), (ACROSS[4], row - 0.19))


ACROSS = (0.5, 2.15, 3.8, 5.45, 6.9)


def draw_record() -> Figure:
    """Draw a linear layer as it is recorded, an operation a step, and what is kept."""
    fig, ax = boards(WIDE, 1.45)
    place_parameters(ax, ACROSS, 0.21)
    place_layer(ax, ACROSS, 0.78, 0.21, "", forward=(1, 2, 3, 4))
    place_target(ax, 0.78, 0.21)
    notes = ["keeps X", "keeps nothing", "keeps its output", "keeps ŷ and y"]
    for place, note in enumerate(notes, 1):
        x = ACROSS[place] - (0.1 if place == 4 else 0)
        tape = write(ax, (x, 1.33), f"{place}", weight="bold", size=11)
        figures.step(place, tape, write(ax, (x, 1.1), note, style="italic"))
    write(ax, (0.5, 1.33), "tape:", weight="bold", size=11)
    return fig


def draw_replay() -> Figure:
    """Draw the same graph, and the gradients that come back, an operation a step."""
    fig, ax = boards(WIDE, 1.27)
    place_parameters(ax, ACROSS, 0.21)
    place_layer(ax, ACROSS, 0.8, 0.21, "", (0, 0, 0, 0), back=(1, 2, 3, 4))
    place_target(ax, 0.8, 0.21)
    for place in range(1, 5):
        write(ax, (ACROSS[place], 1.13), f"{place}", weight="bold", size=11)
    write(ax, (0.5, 1.13), "tape:", weight="bold", size=11)
    for step, x, height, text in (
        (1, 6.2, 1.08, "∂L/∂ŷ"),
        (2, 4.62, 1.08, "∂L/∂Z"),
        (3, 2.98, 1.08, "∂L/∂(XWᵀ)"),
        (3, 4.4, 0.21, "b.grad"),
        (4, 2.8, 0.21, "W.grad"),
    ):
        figures.step(step, write_gradient(ax, (x, height), text, size=10))
    return fig


def draw_by_run() -> Figure:
    """Draw the graph that is recorded for batch 1, and anew for batch 2."""
    fig, ax = boards(WIDE, 3.35)
    xs = [x - 0.03 for x in ACROSS]
    place_parameters(ax, xs, 1.68)
    place_layer(ax, xs, 2.6, 1.68, "₁", (1, 1, 1, 1), back=(2, 2, 2, 2))
    place_layer(ax, xs, 0.75, 1.68, "₂", (4, 4, 4, 4), back=(5, 5, 5, 5))
    write(ax, (0.6, 1.68), "these stay", style="italic")
    for step, height, text in (
        (1, 3.1, "batch 1: record"),
        (4, 0.25, "batch 2: record again, from nothing"),
    ):
        figures.step(step, write(ax, (0.1, height), text, ha="left", weight="bold"))
    for step, height, text in ((2, 3.1, "replay"), (5, 0.25, "replay")):
        figures.step(step, write_gradient(ax, (7.2, height), text, ha="right"))
    text = "step: W and b change,\nthe graph of batch 1 is dropped"
    figures.step(3, write(ax, (5.6, 1.68), text, size=10))
    return fig


def draw_static_dynamic() -> Figure:
    """Draw two batches through one fixed graph, and two that record their own."""
    fig, (left, right) = boards(WIDE, 3.35, columns=2)
    xs = (0.36, 1.15, 1.9, 2.6, 3.25)
    write(left, (1.8, 3.2), "static: built once, before any data", weight="bold")
    write(right, (1.8, 3.2), "dynamic: recorded with each batch", weight="bold")
    place_parameters(left, xs, 1.25)
    place_layer(left, xs, 1.9, 1.25, "", (0, 0, 0, 0))
    for batch, height in ((1, 2.6), (2, 0.62)):
        step = 2 * batch - 1
        there = arrow(left, (0.2, height + 0.1), (3.4, height + 0.1))
        back = arrow(left, (3.4, height - 0.08), (0.2, height - 0.08), back=True)
        name = write(left, (1.8, height + 0.22), f"batch {batch}", color=BLUE)
        note = write_gradient(left, (1.8, height - 0.22), "gradients")
        figures.step(step, there, name)
        figures.step(step + 1, back, note)
    place_parameters(right, xs, 1.6)
    place_layer(right, xs, 2.45, 1.6, "₁", (1, 1, 1, 1), back=(2, 2, 2, 2))
    place_layer(right, xs, 0.75, 1.6, "₂", (3, 3, 3, 3), back=(4, 4, 4, 4))
    for batch, height in ((1, 2.85), (2, 0.35)):
        name = write(right, (0.15, height), f"batch {batch}", ha="left", color=BLUE)
        figures.step(2 * batch - 1, name)
        note = write_gradient(right, (3.5, height), "gradients", ha="right")
        figures.step(2 * batch, note)
    return fig


def place_tape(
    ax: Axes, at: Place, names: Sequence[str], wide: float, **look: Any
) -> list[Artist]:
    """Draw the operations on a tape as boxes side by side, from a place on."""
    parts = []
    for place, name in enumerate(names):
        x = at[0] + (place + 0.5) * wide
        parts += box(ax, (x, at[1]), name, (0.92 * wide, 0.34), **look)
    return parts


def draw_tapes() -> Figure:
    """Draw what autograd's tape holds of the loop, for inputs of three lengths."""
    fig, ax = boards(WIDE, 1.6)
    for row, length in enumerate((0.5, 5.0, 50.0)):
        x = (length * torch.tensor([0.6, 0.8])).requires_grad_()
        steps = list(reversed(autograds_tape(Loop()(x))[:-1]))  # without the leaf
        height = 1.33 - 0.5 * row
        write(ax, (0.05, height), f"length {length:g}", ha="left", size=10.5)
        figures.step(row + 1, *place_tape(ax, (1.3, height), steps, 0.75, value=False))
    return fig


SHORT = {"linalg_vector_norm": "norm", "truediv": "div", "sum_1": "sum"}
UNPACKED = ("getitem", "x")  # takes the one result of cond out of a tuple


def draw_recorded(numbers: dict[str, Any]) -> Figure:
    """Draw which operations export and compile recorded of three models."""
    fig, ax = boards(WIDE, 2.5)
    for column, (tool, name) in enumerate(
        (("exported", "export, before it runs"), ("compiled", "compile, while it runs"))
    ):
        left = 0.85 + 3.3 * column
        write(ax, (left, 2.3), name, ha="left", weight="bold", size=10.5)
        for row, model in enumerate(("straight", "loop", "choice")):
            height, told = 1.75 - 0.7 * row, numbers[f"{tool}_{model}"]
            names = [SHORT.get(n, n) for n in told.split(", ") if n not in UNPACKED]
            if not column:
                write(ax, (0.05, height), model, ha="left", size=10.5)
            if told == "refused":
                parts = [write(ax, (left, height), "✗ refused", ha="left", size=10.5)]
            else:
                parts = place_tape(ax, (left, height), names, 0.6, value=False)
            if tool == "compiled" and model == "loop":
                cut = left + 0.6 * len(names) + 0.1
                text = "┊ cut: back to Python"
                parts += [write(ax, (cut, height), text, ha="left", size=10)]
            figures.step(row + 1, *parts)
    return fig


def random_formula(numbers: list, steps: int, draw: random.Random) -> Any:
    """Combine numbers, ours or tensors, at random; each may be used again."""
    made = list(numbers)
    for _ in range(steps):
        a, b = draw.choice(made), draw.choice(made)
        options = [a + b, a * b, a - b, a.tanh(), a.tanh() ** 2]
        options += [a.sigmoid(), a.relu()]
        made.append(draw.choice(options))
    return sum(made[len(numbers) :])


def compare_gradients(formulas: int) -> list[Place]:
    """Compute the gradients of random formulas by our engine and by autograd."""
    pairs: list[Place] = []
    for seed in range(formulas):
        draw = random.Random(seed)
        start = [draw.uniform(-2, 2) for _ in range(3)]
        ours = [Value(number) for number in start]
        theirs = [torch.tensor(x, dtype=torch.float64).requires_grad_() for x in start]
        for numbers in (ours, theirs):  # the same formula
            random_formula(numbers, 10, random.Random(seed)).backward()
        for leaf, same in zip(ours, theirs, strict=True):
            if same.grad is not None:  # it was drawn into the formula
                pairs.append((float(same.grad), leaf.grad))
    return pairs


def draw_agreement() -> Figure:
    """Draw our gradients of random formulas against autograd's."""
    fig, ax = figures.panels(3.5, 3.3)
    pairs = compare_gradients(100)
    ax.plot((-1e3, 1e3), (-1e3, 1e3), ls="--", color=FAINT, lw=1.2)
    ax.scatter(*zip(*pairs, strict=True), 26, facecolors="none", edgecolors=BLUE)
    look = {"linthresh": 1}
    ax.set_xscale("symlog", **look)
    ax.set_yscale("symlog", **look)
    ticks = (-10, -1, 0, 1, 10)
    ax.set(xticks=ticks, yticks=ticks, xlim=(-60, 60), ylim=(-60, 60))
    ax.set(xlabel="torch.autograd", ylabel="our engine")
    ax.set_title(f"{len(pairs)} gradients, 100 random formulas", size=10)
    return fig


EDGES = [("x1", "h1"), ("x2", "h1"), ("x1", "h2"), ("x2", "h2")]
EDGES += [("h1", "ŷ"), ("h2", "ŷ"), ("ŷ", "L")]
NEURONS = {"h1": "z1", "h2": "z2", "ŷ": "z"}


def place_network(
    ax: Axes, xs: Sequence[float], wide: Sequence[float], back: bool = False
) -> None:
    """Draw the arrows of the worked example's network: columns, and their widths."""
    column = {"x1": 0, "x2": 0, "h1": 1, "h2": 1, "ŷ": 2, "L": 3}
    height = {"x1": 2.5, "h1": 2.5, "x2": 0.9, "h2": 0.9, "ŷ": 1.7, "L": 1.7}
    ways = []
    for tail, tip in EDGES:
        a, b = column[tail], column[tip]
        start = (xs[a] + wide[a] / 2, height[tail])
        ways.append((start, (xs[b] - wide[b] / 2, height[tip])))
    for tip, up in (("h1", 1), ("h2", -1), ("ŷ", 1)):
        x, y = xs[column[tip]] + 0.2 * wide[2] * (tip == "ŷ"), height[tip]
        ways.append(((x, y + 0.5 * up), (x, y + 0.29 * up)))
    for start, stop in ways:
        arrow(ax, *((stop, start) if back else (start, stop)), back=back)


def draw_weights() -> Figure:
    """Draw the network of the worked example with its nine parameters."""
    fig, ax = boards(4.4, 3.4)
    place_network(ax, (0.25, 1.95, 3.25, 4.15), (0.42, 0.58, 0.58, 0.42))
    for name, at in {
        "x1": (0.25, 2.5),
        "x2": (0.25, 0.9),
        "L": (4.15, 1.7),
        "h1": (1.95, 2.5),
        "h2": (1.95, 0.9),
        "ŷ": (3.25, 1.7),
    }.items():
        neuron = name in NEURONS
        size = (0.58, 0.58) if neuron else (0.42, 0.42)
        box(ax, at, "", size, value=not neuron)
        write(ax, at, _pretty(name), size=10)
    for name, at, text in (
        ("w11", (1.05, 2.65), "{} = {}"),
        ("w22", (1.05, 0.73), "{} = {}"),
        ("w21", (0.47, 1.97), "{}\n= {}"),
        ("w12", (0.47, 1.43), "{}\n= {}"),
        ("v1", (2.85, 2.36), "{} = {}"),
        ("v2", (2.85, 1.04), "{} = {}"),
        ("b1", (1.95, 3.12), "{} = {}"),
        ("b2", (1.95, 0.28), "{} = {}"),
        ("c", (3.75, 2.32), "{} = {}"),
    ):
        value = _short(INITIAL[name])
        write(ax, at, text.format(_pretty(name), value), color=BLUE, size=10)
    return fig


HAND = {"x1": (0.52, 2.5), "x2": (0.52, 0.9), "L": (6.85, 1.7)}
HAND |= {"z1": (2.54, 2.5), "h1": (3.37, 2.5), "z2": (2.54, 0.9), "h2": (3.37, 0.9)}
HAND |= {"z": (4.74, 1.7), "ŷ": (5.57, 1.7), "b1": (2.95, 3.16), "b2": (2.95, 0.24)}
HAND |= {"w11": (1.56, 2.72), "w22": (1.56, 0.66), "w21": (0.82, 1.96)}
HAND |= {"w12": (0.82, 1.44), "v1": (4.5, 2.42), "v2": (4.5, 0.96), "c": (5.6, 2.42)}
PASSED = {"L": 1, "ŷ": 1, "z": 2, "v1": 3, "v2": 3, "c": 3, "h1": 4, "h2": 4}
PASSED |= {"z1": 5, "z2": 5, "w11": 6, "w12": 6, "b1": 6, "w21": 6, "w22": 6}
PASSED |= {"b2": 6, "x1": 7, "x2": 7}
MADE = {"z1": 1, "h1": 2, "z2": 3, "h2": 3, "z": 4, "ŷ": 5, "L": 6}


def draw_by_hand(end: Value, backwards: bool) -> Figure:
    """Draw the worked example's network with values by steps, or with gradients."""
    fig, ax = boards(WIDE, 3.4)
    place_network(ax, (0.52, 2.95, 5.15, 6.85), (0.96, 1.66, 1.66, 0.96), backwards)
    for name in ("x1", "x2", "L"):
        box(ax, HAND[name], "", (0.96, 0.5))
    for name, summed in NEURONS.items():
        middle = (HAND[name][0] + HAND[summed][0]) / 2, HAND[name][1]
        box(ax, middle, "", (1.66, 0.58), value=False)
    for name, (value, gradient) in values_and_gradients(end).items():
        x, y = HAND[name]
        number = _short(value) if name in INITIAL else _signed(value)
        text = f"{_pretty(name)} = {number}"
        up = 0.1 if backwards else 0
        told = write(ax, (x, y + up), text, color=BLUE)
        if backwards:
            note = write_gradient(ax, (x, y - 0.1), _signed(gradient))
            figures.step(PASSED[name], note)
        else:
            appear(MADE.get(name), told)
    return fig


def draw_update(numbers: dict[str, Any]) -> Figure:
    """Draw the two steps of each parameter as arrows, the second at a step."""
    fig, ax = figures.panels(WIDE, 2.95)
    names = list(INITIAL)
    for row, name in enumerate(names):
        old, once, end = (
            1000 * numbers[f"{key}_{name}"] for key in ("p1", "p2", "end")
        )
        look = {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 10}
        for step, start, stop, up, colour, line in (
            (0, 0, once - old, -0.16, BLUE, "-"),
            (1, once - old, end - old, 0.16, ORANGE, (0, (3, 2))),
        ):
            looks = look | {"color": colour, "linestyle": line, "lw": 1.8}
            drawn = ax.annotate(
                "", (stop, row + up), (start, row + up), arrowprops=looks
            )
            appear(step, drawn)
    ax.axvline(0, color=FAINT, lw=1)
    ax.set_yticks(range(len(names)), [_pretty(name) for name in names])
    ax.set(xlim=(-6.6, 4.6), ylim=(len(names) - 0.4, -0.6))
    ax.set(xlabel="change of the parameter, in thousandths")
    ax.text(4.5, 0, "point 1: solid", color=BLUE, ha="right", va="center")
    note = ax.text(4.5, 1.1, "point 2: dashed", color=ORANGE, ha="right", va="center")
    figures.step(1, note)
    return fig


def draw_factors() -> Figure:
    """Draw what is left after up to twenty equal factors, a factor a step."""
    fig, ax = figures.panels(WIDE, 3.2)
    layers = range(21)
    for step, factor, name in (
        (1, 0.5, "½: a millionth"),
        (2, 0.25, "¼: a millionth of a millionth"),
        (3, 2.0, "2: a million"),
    ):
        (line,) = ax.plot(layers, [factor**n for n in layers], marker="o", ms=4)
        note = ax.text(20.4, factor**20, name, color=line.get_color(), va="center")
        figures.step(step, line, note)
    ax.axhline(1, color=FAINT, lw=1.2)
    ax.set(yscale="log", ylim=(1e-13, 1e8), xlim=(0, 31), xticks=range(0, 21, 5))
    ax.set(xlabel="number of factors", title="product of equal factors")
    return fig


def draw_spread(x: Tensor) -> Figure:
    """Draw how activations of x (n, 64) spread in three layers, by scale of weights."""
    fig, axes = figures.panels(3.6, 3.3, rows=3, columns=3)
    for row, (scale, name) in zip(
        axes, ((0.5, "× ½"), (1.0, "Xavier"), (2.0, "× 2")), strict=True
    ):
        sums = pre_activations(x, random_weights(20, scale, seed=0), "tanh")
        for ax, layer in zip(row, (1, 10, 20), strict=True):
            a = ACTIVATIONS["tanh"][0](sums[layer - 1]).flatten()
            counts = a.histc(21, -1.05, 1.05) / len(a)
            centres = torch.linspace(-1, 1, 21)
            ax.bar(centres.tolist(), counts.tolist(), 0.1, color=BLUE)
            ax.set(ylim=(0, 1), yticks=[], xticks=(-1, 0, 1))
            ax.label_outer()
            if scale < 1:
                ax.set_title(f"layer {layer}", size=10)
        row[0].set_ylabel(name)
        appear({0.5: 1, 2.0: 2}.get(scale), *row)
    return fig


def draw_learned(numbers: dict[str, Any]) -> Figure:
    """Draw test accuracy with one hidden layer, and at a step with ten."""
    fig, ax = figures.panels(WIDE, 3.1)
    rows = torch.arange(len(INITIALISATIONS))
    for step, layers, up, look in (
        (0, 1, -0.2, {"color": FAINT}),
        (1, 10, 0.2, {"color": BLUE, "hatch": "//"}),
    ):
        right = [numbers[f"right_{label}_{layers}"] for label in INITIALISATIONS]
        places = (rows + up).tolist()
        parts = [*ax.barh(places, right, 0.38, **look)]
        name = "1 hidden layer" if layers == 1 else "10 hidden layers"
        for place, share in zip(places, right, strict=True):
            text = f"{share:.1%}" + (f", {name}" if place == places[0] else "")
            parts.append(ax.text(share + 0.01, place, text, va="center"))
        appear(step, *parts)
    ax.axvline(0.1, color=INK, ls=":", lw=1.5)
    ax.text(0.105, -0.52, "chance", va="bottom")
    ax.set_yticks(
        rows.tolist(), [label.replace("_", " × ") for label in INITIALISATIONS]
    )
    ax.set(xlim=(0, 1.42), ylim=(len(rows) - 0.5, -0.5), xticks=(0, 0.5, 1))
    ax.set(xlabel="accuracy on test images after 300 steps")
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    found = kept(source)
    numbers = found["numbers"]
    example, first = shared(), example_loss(initial_parameters(), *POINTS[0])
    for end in (example, first):
        end.backward()
    return {
        "shared": draw_graph(example, backwards=True, tall=1.8, box=0.95),
        "forward": draw_graph(first, backwards=False, tall=5.2),
        "backward": draw_graph(first, backwards=True, tall=5.2),
        "depth": draw_depth(found["norms"]),
        "runs": draw_runs(),
        "formula": draw_formula(example),
        "gradients": draw_gradients(example),
        "order": draw_order(example),
        "forks": draw_forks(),
        "chain": draw_chain(),
        "cancel": draw_cancel(),
        "shapes": draw_shapes(),
        "record": draw_record(),
        "replay": draw_replay(),
        "agreement": draw_agreement(),
        "weights": draw_weights(),
        "values": draw_by_hand(first, backwards=False),
        "blame": draw_by_hand(first, backwards=True),
        "update": draw_update(numbers),
        "by_run": draw_by_run(),
        "tapes": draw_tapes(),
        "static_dynamic": draw_static_dynamic(),
        "recorded": draw_recorded(numbers),
        "factors": draw_factors(),
        "spread": draw_spread(train_test_digits(0)[0]),
        "learned": draw_learned(numbers),
        "recap": draw_recap(),
        "thrice": draw_thrice(),
    }


if __name__ == "__main__":
    figures.run(draw)
