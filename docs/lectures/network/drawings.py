"""The figures of the lecture on networks, drawn from what code/network.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.text import Annotation, Text
from torch import Tensor

from network import (
    DRAWN,
    WIDTHS,
    Homes,
    correlation,
    folding_network,
    forward,
    forward_many,
    initialise,
    piecewise_linear,
    step_function,
    target_curve,
    xor_by_hand,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, board
from neuronup.xor import xor

Point = tuple[float, float]
# For half a slide: narrower, so that the lettering is as large as on a whole one.
HALF = 3.4
MIDDLE: dict[str, Any] = {"ha": "center", "va": "center"}
ROUND: dict[str, Any] = {"boxstyle": "round,pad=0.4", "fc": "none", "lw": 1.6}


def cells(
    ax: Axes, left: float, top: float, rows: int, columns: int, **look: Any
) -> Artist:
    """Draw a matrix as cells of side 1, with its corner at the left and the top."""
    across = [((left, top - r), (left + columns, top - r)) for r in range(rows + 1)]
    down = [((left + c, top), (left + c, top - rows)) for c in range(columns + 1)]
    paths = [Outline(ends) for ends in across + down]
    look = {"fc": "none", "ec": FAINT, "lw": 1.2} | look
    return ax.add_patch(PathPatch(Outline.make_compound_path(*paths), **look))


def lit(
    ax: Axes, left: float, top: float, rows: int, columns: int, **look: Any
) -> Artist:
    """Light so many cells of a matrix."""
    light: dict[str, Any] = {"fc": ORANGE, "ec": ORANGE, "alpha": 0.5, "lw": 2}
    corner = (left, top - rows)
    return ax.add_patch(Rectangle(corner, columns, rows, **light | look))


def edge(
    ax: Axes, start: Point, end: Point, style: str = "-", gap: float = 14, **look: Any
) -> Annotation:
    """Draw an edge between two neurons, up to their circles; or an arrow."""
    look = {"color": FAINT, "lw": 1.4} | look
    arrow = {"arrowstyle": style, "shrinkA": gap, "shrinkB": gap} | look
    return ax.annotate("", end, start, arrowprops=arrow)


def neuron(ax: Axes, at: Point, text: str = "", **look: Any) -> list[Any]:
    """Draw a neuron as a circle round a text; return both."""
    ring: dict[str, Any] = {"ms": 26, "mfc": "none", "mec": BLUE, "mew": 2}
    return [*ax.plot(*at, "o", **ring | look), ax.text(*at, text, **MIDDLE)]


def boxed(ax: Axes, at: Point, text: str, color: str = BLUE, **look: Any) -> Text:
    """Write a text in a box with round corners."""
    return ax.text(*at, text, bbox=ROUND | {"ec": color} | look, **MIDDLE)


def draw_matrix() -> Figure:
    """Draw a layer as blocks: a matrix, a vector, biases, activations; row, column."""
    fig, ax = board(7.6, 3.1, (-0.3, 18.4), (-3.2, 5.2))
    for left, rows, columns, name in (
        (0, 3, 4, "W: 3 by 4"),
        (5, 4, 1, "x"),
        (7.4, 3, 1, "b"),
        (9.8, 3, 1, "z"),
    ):
        cells(ax, left, (4 if rows == 4 else 3.5), rows, columns)
        ax.text(left + columns / 2, 4.3, name, ha="center", size="large")
    for x, sign in ((4.5, "·"), (6.7, "+"), (9.1, "=")):
        ax.text(x, 2, sign, size="x-large", **MIDDLE)
    row: list[Artist] = [lit(ax, 0, 3.5, 1, 4), lit(ax, 5, 4, 4, 1, fc="none")]
    row.append(lit(ax, 9.8, 3.5, 1, 1))
    row.append(ax.text(0, -0.8, "a row: the weights of one neuron", color=ORANGE))
    figures.step(1, *row)
    look = {"fc": "none", "ec": BLUE, "hatch": "//", "alpha": 1}
    column: list[Artist] = [lit(ax, 1, 3.5, 3, 1, **look), lit(ax, 5, 3, 1, 1, **look)]
    text = "a column: one input, as all neurons weigh it"
    column.append(ax.text(0, -1.8, text, color=BLUE))
    figures.step(2, *column)
    activated: list[Artist] = [cells(ax, 13.2, 3.5, 3, 1, ec=INK)]
    activated.append(edge(ax, (10.9, 2), (13.1, 2), "->", 2, color=INK))
    activated.append(ax.text(12, 2.3, "f", ha="center", style="italic", size="large"))
    activated.append(ax.text(13.7, 4.3, "a", ha="center", size="large"))
    activated.append(ax.text(0, -2.8, "f: the nonlinearity, element by element"))
    figures.step(3, *activated)
    following: list[Artist] = [edge(ax, (14.3, 2), (15.2, 2), "->", 2, color=GREEN)]
    following.append(cells(ax, 15.4, 3, 2, 3, ec=GREEN))
    following.append(ax.text(16.9, 4.3, "W₂: 2 by 3", ha="center", size="large"))
    following.append(
        ax.text(11.6, -0.8, "a: the inputs of\nthe next layer", va="top", color=GREEN)
    )
    figures.step(4, *following)
    return fig


def draw_by_hand() -> Figure:
    """Draw two inputs and two neurons with the numbers of the example by hand."""
    fig, ax = board(7.2, 2.85, (-0.6, 13), (-0.9, 3.6))
    weights, biases = ((1, 2), (-1, 1)), (0, 1)
    for up, value in ((3, "3"), (0, "1")):
        neuron(ax, (0, up), value, mec=INK)
    sums = ("3·1 + 1·2 + 0 = 5", "3·(−1) + 1·1 + 1 = −1")
    looks: tuple[dict[str, Any], ...] = (
        {"color": ORANGE, "lw": 2.4},
        {"color": BLUE, "lw": 2.4, "ls": "--"},
    )
    for number, at in enumerate((3.0, 0.0)):
        neuron(ax, (3.6, at), f"{biases[number]:+d}" if number else "0")
        parts: list[Any] = []
        for start, weight in zip((3.0, 0.0), weights[number], strict=True):
            edge(ax, (0, start), (3.6, at))
            parts.append(edge(ax, (0, start), (3.6, at), **looks[number]))
            place = (0.9, start + (at - start) * 0.25 + 0.22)
            ax.text(*place, f"{weight}".replace("-", "−"), **MIDDLE)
        parts.append(ax.text(4.3, at, sums[number], va="center", size="large"))
        figures.step(number + 1, *parts)
        after: list[Any] = [edge(ax, (9.1, at), (11.3, at), "->", 2, color=INK)]
        after.append(ax.text(10.2, at + 0.25, "ReLU", ha="center"))
        dark = {"mec": FAINT, "ls": "--"} if number else {"mfc": "none"}
        after += neuron(ax, (12, at), ("5", "0")[number], **dark)
        figures.step(3, *after)
    ax.text(3.6, -0.75, "in the circle: the bias", ha="center")
    return fig


def draw_collapse(layers: int = 10, width: int = 16) -> Figure:
    """Draw a product of matrices, and outputs of random layers with, without ReLUs."""
    fig, axes = figures.panels(7.4, 3.2, columns=2)
    axes[0].set(xlim=(-1, 44), ylim=(-9, 20), aspect="equal")
    axes[0].set_axis_off()
    for left, rows, columns, name in (
        (0, 1, 8, "W₃"),
        (10, 8, 16, "W₂"),
        (28, 16, 4, "W₁"),
    ):
        cells(axes[0], left, 8 + rows / 2, rows, columns, lw=0.7)
        axes[0].text(left + columns / 2, 17, name, ha="center", size="large")
    product: list[Artist] = [axes[0].text(35.5, 8, "=", size="x-large", **MIDDLE)]
    product.append(cells(axes[0], 38, 8.5, 1, 4, ec=ORANGE, lw=1.6))
    product.append(axes[0].text(40, 17, "W", ha="center", size="large"))
    product.append(axes[0].text(21, -6, "one matrix: a single layer", ha="center"))
    figures.step(1, *product)
    source = torch.Generator().manual_seed(3)
    theta: list[Tensor] = []
    for inputs, outputs in pairwise([1, *[width] * (layers - 1), 1]):
        weight = torch.randn(outputs, inputs, generator=source)
        theta += [weight * (2 / inputs) ** 0.5, torch.randn(outputs, generator=source)]
    x = torch.linspace(-3, 3, 91)[:, None]
    straight = x
    for weight, bias in zip(theta[::2], theta[1::2], strict=True):
        straight = straight @ weight.mT + bias
    for output, name in ((straight, "no ReLUs"), (forward(theta, x)[-1], "ReLUs")):
        centred = output - output.mean()
        scaled = (centred / centred.abs().max()).squeeze(1).tolist()
        axes[1].plot(x.squeeze(1).tolist(), scaled, label=name)
    axes[1].set(title=f"{layers} random layers", xlabel="input", yticks=[])
    axes[1].set(ylim=(-1.15, 1.6), ylabel="output")
    axes[1].legend(ncols=2, loc="upper center")
    figures.step(2, axes[1])
    return fig


def draw_blocks() -> Figure:
    """Draw the weights and biases of 4, 16, 8, 1 as cells, and count them."""
    fig, ax = board(7.6, 3.3, (-1, 62), (-8, 20))
    left, widths = 0.0, (4, 16, 8, 1)
    for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
        cells(ax, left, 8 + outputs / 2, outputs, inputs, ec=BLUE, lw=0.8)
        at, height = (left + inputs + 0.8, 8 - outputs / 2), float(outputs)
        ax.add_patch(Rectangle(at, 1, height, fc="none", ec=ORANGE, hatch="////"))
        middle, weights = left + (inputs + 2) / 2, inputs * outputs
        ax.text(middle, 17.5, f"{inputs} → {outputs}", ha="center", size="large")
        text = f"{weights} + {outputs} = {weights + outputs}"
        figures.step(number, ax.text(middle, -3, text, ha="center", size="large"))
        left += inputs + 11
    ax.add_patch(Rectangle((41, -7.5), 2, 2, fc="none", ec=BLUE))
    ax.text(44, -6.6, "a weight", va="center")
    ax.add_patch(Rectangle((52, -7.5), 2, 2, fc="none", ec=ORANGE, hatch="////"))
    ax.text(55, -6.6, "a bias", va="center")
    weights = sum(a * b for a, b in pairwise(widths))
    text = f"all: {weights} + {sum(widths[1:])} = {weights + sum(widths[1:])}"
    figures.step(4, ax.text(21, -7, text, ha="center", size="large", weight="bold"))
    return fig


def draw_saying() -> Figure:
    """Draw what 4, 16, 8, 1 computes in a forward pass, and its weights W₂."""
    fig, axes = figures.panels(7, 2.9, columns=2)
    torch.manual_seed(0)
    theta = [each.detach() for each in initialise(4, 16, 8, 1)]
    counts = {
        "multiplications": sum(each.numel() for each in theta[::2]),
        "biases added": sum(each.numel() for each in theta[1::2]),
        "ReLUs": sum(each.numel() for each in theta[1:-1:2]),
    }
    bars = axes[0].barh(list(counts), list(counts.values()), 0.6, color=BLUE, alpha=0.7)
    axes[0].bar_label(bars, padding=4)
    axes[0].set(xlim=(0, 240), title="in one forward pass")
    axes[0].invert_yaxis()
    figures.squares(axes[1], theta[2])
    axes[1].set(title="W₂ before training: random numbers")
    axes[1].grid(False)
    figures.step(1, axes[1])
    return fig


def draw_alike(alike: Tensor, random: Tensor) -> Figure:
    """Draw a weight of each of 16 neurons (steps, 16) by step: alike, and random."""
    fig, axes = figures.panels(HALF, 3.7, rows=2)
    for ax, paths, title in zip(
        axes, (alike, random), ("all 0.1: 16 lines in one", "random"), strict=True
    ):
        for path in paths[::4].T.tolist():
            ax.plot(range(0, len(paths), 4), path, "-", color=BLUE, lw=1.2)
        ax.set(title=title, ylabel="weight of x₁")
        ax.label_outer()
    axes[1].set(xlabel="training steps")
    figures.step(1, axes[1])
    return fig


def draw_loop() -> Figure:
    """Draw the four lines of training as a loop."""
    fig, ax = board(7.4, 3.3, (0, 16), (-0.6, 6.6))
    places = ((3.2, 5.3), (12.8, 5.3), (12.8, 0.9), (3.2, 0.9))
    lines = (
        ("loss = …", "forward pass: how wrong?"),
        ("zero_grad()", "delete the old derivatives"),
        ("backward()", "compute new ones"),
        ("step()", "move the parameters"),
    )
    for number, (at, (code, what)) in enumerate(zip(places, lines, strict=True)):
        bold: dict[str, Any] = {"size": "large", "weight": "bold", **MIDDLE}
        ec = (BLUE, FAINT, ORANGE, GREEN)[number]
        parts: list[Any] = [ax.text(*at, code, bbox=ROUND | {"ec": ec}, **bold)]
        parts.append(ax.text(at[0], at[1] - 1.1, what, **MIDDLE))
        if number:
            figures.step(number, *parts)
    look: dict[str, Any] = {"style": "->", "gap": 2, "color": INK}
    figures.step(1, edge(ax, (5.2, 5.3), (10.6, 5.3), **look))
    figures.step(2, edge(ax, (12.8, 3.7), (12.8, 1.6), **look))
    figures.step(3, edge(ax, (10.6, 0.9), (5, 0.9), **look))
    again: list[Artist] = [edge(ax, (3.2, 1.6), (3.2, 3.7), **look)]
    again.append(ax.text(8, 3.1, "again, many times:\nthe loss falls", **MIDDLE))
    figures.step(4, *again)
    return fig


def draw_anything() -> Figure:
    """Draw pairs of input and output types, and a graph that joins, skips and forks."""
    fig, ax = board(7.2, 3.35, (0, 18.6), (-0.7, 7))
    rows = (
        ("image", "class"),
        ("text", "text"),
        ("image", "words"),
        ("words", "image"),
    )
    for number, (given, found) in enumerate(rows):
        at = 5.6 - 1.6 * number
        parts: list[Any] = [boxed(ax, (1, at), given, INK)]
        parts.append(edge(ax, (1.8, at), (2.9, at), "->", 1, color=INK))
        parts.append(boxed(ax, (3.7, at), "model"))
        parts.append(edge(ax, (4.5, at), (5.6, at), "->", 1, color=INK))
        parts.append(boxed(ax, (6.4, at), found, INK))
        if number:
            figures.step(number, *parts)
    look: dict[str, Any] = {"style": "->", "gap": 1, "color": INK}
    join: list[Artist] = [
        boxed(ax, (9.2, 5.3), "image", INK),
        boxed(ax, (9.2, 1), "question", INK),
    ]
    join += [boxed(ax, (11.5, 5.3), "layers"), boxed(ax, (11.5, 1), "layers")]
    join += [edge(ax, (10, 5.3), (10.6, 5.3), **look)]
    join += [edge(ax, (10.2, 1), (10.6, 1), **look)]
    join += [edge(ax, (11.8, 4.7), (12.9, 3.6), **look)]
    join += [edge(ax, (11.8, 1.6), (12.9, 2.7), **look)]
    join += [ax.text(13.2, 3.15, "+", size="x-large", **MIDDLE)]
    join += [ax.text(10.3, 6.4, "two inputs", ha="center", color=ORANGE)]
    figures.step(4, *join)
    skip: list[Artist] = [
        boxed(ax, (14.9, 3.15), "layers"),
        ax.text(16.5, 3.15, "+", size="x-large", **MIDDLE),
    ]
    skip += [edge(ax, (13.5, 3.15), (14, 3.15), **look)]
    skip += [edge(ax, (15.8, 3.15), (16.2, 3.15), **look)]
    bow = look | {"color": ORANGE, "connectionstyle": "arc3,rad=-0.6", "lw": 2}
    skip += [edge(ax, (13.2, 3.4), (16.5, 3.4), **bow)]
    skip += [ax.text(14.8, 4.85, "shortcut", ha="center", color=ORANGE)]
    figures.step(5, *skip)
    fork: list[Artist] = [
        boxed(ax, (17.3, 5.7), "answer", INK),
        boxed(ax, (17.3, 0.6), "place", INK),
    ]
    fork += [edge(ax, (16.6, 3.4), (17.3, 5.1), **look)]
    fork += [edge(ax, (16.6, 2.9), (17.3, 1.2), **look)]
    fork += [ax.text(17.3, -0.5, "fork", ha="center", color=ORANGE)]
    figures.step(6, *fork)
    return fig


def draw_reach() -> Figure:
    """Draw the functions that a network can represent, and where training ended."""
    fig, ax = board(7, 3.4, (-8, 8), (-3.6, 3.6))
    ax.text(-7.6, 3, "all functions")
    ax.add_patch(Ellipse((1, -0.3), 12.4, 5.4, fc="none", ec=BLUE, lw=2))
    ax.text(1, 1.7, "what the network can represent", ha="center", color=BLUE)
    wanted: list[Artist] = [*ax.plot(4.6, 0.2, "*", color=GREEN, ms=18)]
    wanted.append(ax.text(4.6, -0.75, "solves XOR", ha="center", color=GREEN))
    figures.step(1, *wanted)
    start: list[Artist] = [*ax.plot(-3.4, -0.2, "o", color=INK, ms=8)]
    start.append(ax.text(-3.4, 0.4, "random start", ha="center"))
    figures.step(2, *start)
    path = ((-3.4, -0.2), (-2.4, -0.9), (-1.2, -1.2), (0.2, -1.1), (1.2, -1.6))
    trained: list[Artist] = [*ax.plot(*zip(*path, strict=True), "--", color=ORANGE)]
    trained += ax.plot(1.2, -1.6, "x", color=ORANGE, ms=10, mew=2.5)
    trained.append(ax.text(1.5, -2.3, "where training ends", ha="center", color=ORANGE))
    figures.step(3, *trained)
    return fig


def draw_tube(epsilon: float = 0.2) -> Figure:
    """Draw a curve, the band of width epsilon round it, and a network in the band."""
    fig, ax = figures.panels(HALF, 3.5)
    x = torch.linspace(-1, 1, 121)
    y = target_curve(x)
    ax.plot(x.tolist(), y.tolist(), "--", color=ORANGE, label="g")
    band = ax.fill_between(
        x.tolist(), (y - epsilon).tolist(), (y + epsilon).tolist(), alpha=0.25, lw=0
    )
    band.set(color=ORANGE)
    width = 1
    while True:
        output = forward(piecewise_linear(width), x[:, None])[-1].squeeze(1)
        if (output - y).abs().max() < epsilon:
            break
        width += 1
    (found,) = ax.plot(x.tolist(), output.tolist(), "-", color=BLUE)
    name = ax.text(-0.95, 0.72, f"{width} neurons\nare enough\nfor ε = {epsilon}")
    name.set_color(BLUE)
    figures.step(1, band)
    figures.step(2, found, name)
    ax.set(xlabel="x", ylim=(-1.4, 1.4), yticks=[-1, 0, 1])
    ax.legend(loc="lower right")
    return fig


def draw_dimensions() -> Figure:
    """Draw a grid of 10 along each side in one, two and three dimensions."""
    fig, ax = board(HALF, 3.2, (-1, 28), (-3, 22))
    cells(ax, 0, 21, 1, 10, ec=BLUE)
    ax.text(11, 20.5, "$d = 1$: 10 tents", va="center")
    square: list[Artist] = [cells(ax, 0, 15, 10, 10, ec=BLUE)]
    square.append(ax.text(5, 2, "$d = 2$:\n100", ha="center", va="top", size="large"))
    figures.step(1, *square)
    cube: list[Any] = [cells(ax, 13, 13, 10, 10, ec=BLUE, lw=0.8)]
    for number in range(1, 11):
        back = number * 0.32
        for ends in (
            ((13 + back, 23 + back), (13 + back, 13 + back)),
            ((23 + back, 23 + back), (13 + back, 3 + back)),
        ):
            cube += ax.plot(*ends, "-", color=BLUE, lw=0.6)
        for line in (
            ((12 + number, 15.2 + number), (13, 16.2)),
            ((23, 26.2), (2 + number, 5.2 + number)),
        ):
            cube += ax.plot(*line, "-", color=BLUE, lw=0.6)
    cube += ax.plot((23, 26.2), (13, 16.2), "-", color=BLUE, lw=0.8)
    cube.append(ax.text(19, 2, "$d = 3$:\n1,000", ha="center", va="top", size="large"))
    figures.step(2, *cube)
    return fig


def draw_folding() -> Figure:
    """Draw two ReLUs, the fold that they add up to, and the fold of the fold."""
    fig, axes = figures.panels(7.2, 2.25, columns=3)
    x = torch.linspace(0, 1, 5)
    hidden = forward(folding_network(1), x[:, None])[0]
    for one, name in enumerate(("a₁", "a₂")):
        axes[0].plot(x.tolist(), hidden[:, one].tolist(), label=name)
    axes[0].legend(loc="upper left")
    for depth, ax in enumerate(axes[1:], 1):
        output = forward(folding_network(depth), x[:, None])[-1].squeeze(1)
        ax.plot(x.tolist(), output.tolist())
        figures.step(depth, ax)
    titles = ("two ReLUs", "2 a₁ − 4 a₂: a fold", "the same again")
    for ax, title in zip(axes, titles, strict=True):
        ax.set(title=title, xticks=[0, 0.5, 1], yticks=[0, 1], ylim=(-0.1, 1.15))
    return fig


def draw_abstract() -> Figure:
    """Draw, schematically, edges, then corners, curves and textures, then a house."""
    fig, ax = board(7.4, 3.4, (-1, 25), (-1.6, 10.6))
    look: dict[str, Any] = {"color": BLUE, "lw": 2.4}
    first = ((0, 7, 2, 7), (4, 6, 4, 8), (0, 2, 2, 4), (3, 4, 5, 2))
    for a, b, c, d in first:
        ax.plot((a, c), (b, d), "-", **look)
    ax.text(2.5, -0.9, "edges", ha="center", size="large")
    corner: list[Artist] = [*ax.plot((9, 10.2, 11.4), (6.4, 8.2, 6.4), "-", **look)]
    turn = torch.linspace(0, 6.283, 25)
    round_x, round_y = (13.4 + turn.cos()).tolist(), (7.2 + turn.sin()).tolist()
    corner += ax.plot(round_x, round_y, "-", **look)
    for number in range(4):
        corner += ax.plot((9, 11.2), (2 + 0.6 * number,) * 2, "-", **look | {"lw": 1.4})
    corner += ax.plot((12.5, 12.5, 14.3), (4, 2, 2), "-", **look)
    corner.append(edge(ax, (6, 5), (8, 5), "->", 0, color=INK))
    text = "corners, curves, textures"
    corner.append(ax.text(11.6, -0.9, text, ha="center", size="large"))
    figures.step(1, *corner)
    house: list[Artist] = [
        *ax.plot((18.4, 18.4, 23.6, 23.6), (6, 1.5, 1.5, 6), "-", **look)
    ]
    house += ax.plot((17.6, 21, 24.4), (6, 9.4, 6), "-", **look)
    house += ax.plot((17.6, 24.4), (6, 6), "-", **look)
    small = (21 + 0.8 * turn.cos()).tolist(), (4.4 + 0.8 * turn.sin()).tolist()
    house += ax.plot(*small, "-", **look)
    for number in range(1, 5):
        half = 3.4 - 0.7 * number
        height = 6 + 0.7 * number
        house += ax.plot(
            (21 - half, 21 + half), (height, height), "-", color=BLUE, lw=1
        )
    house.append(edge(ax, (15.3, 5), (17.2, 5), "->", 0, color=INK))
    house.append(ax.text(21, -0.9, "objects", ha="center", size="large"))
    figures.step(2, *house)
    return fig


def draw_market() -> Figure:
    """Draw how facts of a home make hidden concepts, and all together the price."""
    fig, ax = board(6.6, 2.95, (-0.4, 16.4), (-0.8, 7))
    facts = {"rooms": 6.2, "area": 4.4, "east": 2.2, "north": 0.4}
    for name, at in facts.items():
        boxed(ax, (1, at), name, INK)
    look: dict[str, Any] = {"style": "->", "gap": 1, "color": FAINT}
    hidden = {
        "comfort": (6.0, ("rooms", "area"), "m² a room over 20, at most 1"),
        "closeness": (1.3, ("east", "north"), "halved every 2 km"),
    }
    for number, (name, (at, given, rule)) in enumerate(hidden.items(), 1):
        parts: list[Any] = [boxed(ax, (7.6, at), name, PURPLE, ls="--")]
        parts.append(ax.text(7.6, at - 1.2, rule, **MIDDLE))
        parts += [edge(ax, (1.9, facts[fact]), (6, at), **look) for fact in given]
        figures.step(number, *parts)
    price: list[Any] = [boxed(ax, (14.6, 3.8), "price", GREEN)]
    price += [edge(ax, (9, 6), (13.7, 4.1), **look)]
    price += [edge(ax, (9.3, 1.3), (13.7, 3.4), **look)]
    price += [edge(ax, (1.9, 4.4), (13.7, 3.8), **look)]
    figures.step(3, *price)
    known: list[Artist] = [
        ax.text(14.6, 0.7, "dashed: never among\nthe inputs", **MIDDLE)
    ]
    figures.step(4, *known)
    return fig


def draw_errors(prices: dict[str, float]) -> Figure:
    """Draw the error of each model's prices, with the range of the trained ones."""
    fig, ax = figures.panels(7.4, 3.2)
    names = {
        "mean": "always the mean",
        "straight": "a weighted sum",
        "flat": "one hidden layer",
        "deep": "two hidden layers",
        "formula": "the market's formula",
    }
    for row, key in enumerate(names):
        error = prices[f"error_{key}"]
        low = prices.get(f"error_{key}_low", error)
        high = prices.get(f"error_{key}_high", error)
        parts: list[Any] = [*ax.barh(row, error, 0.6, color=BLUE, alpha=0.6)]
        parts += ax.plot((low, high), (row, row), "-|", color=INK, ms=10)
        text = f"{error:.1f}" if error < 50 else f"{error:.0f}"
        if low < high:
            text += f"  (from {low:.1f} to {high:.1f})"
        parts.append(ax.text(max(high, error) + 2, row, text, va="center"))
        if row:
            figures.step(row, *parts)
    ax.set_yticks(range(len(names)), list(names.values()))
    ax.set(xlabel="error, thousand euros, new homes", xlim=(0, 155))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


def draw_questions(theta: list[Tensor]) -> Figure:
    """Draw a layer from 10 inputs to 5 neurons, and a narrow network beside a curve."""
    fig, axes = figures.panels(7.4, 2.8, columns=2)
    axes[0].set(xlim=(-0.3, 2.3), ylim=(-0.8, 9.8))
    axes[0].set_axis_off()
    ends = [((0, i), (2, 0.5 + 2 * k)) for i in range(10) for k in range(5)]
    lines = Outline.make_compound_path(*(Outline(each) for each in ends))
    axes[0].add_patch(PathPatch(lines, fc="none", ec=FAINT, lw=0.7))
    axes[0].plot([0] * 10, range(10), "o", color=INK, ms=5)
    axes[0].plot([2] * 5, [0.5 + 2 * k for k in range(5)], "o", color=BLUE, ms=13)
    x = torch.linspace(-1, 1, 61)
    output = forward_many(theta, x[:, None])[-1][0].squeeze(1)
    axes[1].plot(x.tolist(), output.tolist(), label="your network")
    axes[1].plot(x.tolist(), target_curve(x).tolist(), label="the curve")
    axes[1].set(ylim=(-1.3, 1.3), yticks=[-1, 0, 1], xticks=[-1, 0, 1])
    axes[1].legend(loc="lower right")
    figures.step(1, axes[1])
    return fig


def draw_xor() -> Figure:
    """Draw the lines of two neurons between the points of XOR, and their outputs."""
    (x, y), (fig, axes) = xor(), figures.panels(5.2, 2.8, columns=2)
    hidden, _ = xor_by_hand(x)
    for ax, points, end in zip(axes, (x, hidden), (1.7, 1.4), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
    axes[1].set(xlim=(-0.5, 1.6), ylim=(-0.5, 1.6))
    lines = ((1, "a₁", "-", (0.65, -1.55)), (-1, "a₂", "--", (-0.3, 1.4)))
    for bias, name, look, place in lines:
        axes[0].plot([-2, 2], [2 - bias, -2 - bias], look, color=INK)
        axes[0].text(*place, name, size="large")
    axes[1].plot([0, 2], [-0.5, 1.5], color=INK)
    axes[1].annotate("two points", (1, 0), (0.42, -0.35))
    axes[0].set(xlabel="x₁", ylabel="x₂", xticks=[-1, 1], yticks=[-1, 1])
    axes[1].set(xlabel="a₁: at least one is +1", ylabel="a₂: both are +1")
    axes[1].set(xticks=[0, 1], yticks=[0, 1])
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=2)
    return fig


def draw_shares(shares: dict[int, float]) -> Figure:
    """Draw the share of random initialisations that learned XOR, by hidden neurons."""
    fig, ax = figures.panels(5.2, 2.4)
    names = [str(width) for width in shares]
    bars = ax.bar(names, [100 * share for share in shares.values()], 0.6, color=BLUE)
    ax.bar_label(bars, fmt="%.0f %%")
    ax.set(xlabel="hidden neurons", ylabel="networks that learn XOR", ylim=(0, 115))
    ax.set(yticks=[0, 50, 100], yticklabels=["0 %", "50 %", "100 %"])
    return fig


def draw_pieces(pieces: int = 12) -> Figure:
    """Draw a bump of two steps and a tent of three ReLUs, and curves built of them."""
    fig, axes = figures.panels(5.2, 4.2, rows=2, columns=2)
    z, x = torch.linspace(-0.5, 1.5, 201), torch.linspace(-1, 1, 201)
    ramps = [torch.relu(z), -2 * torch.relu(z - 0.5), torch.relu(z - 1)]
    simple = {
        "two steps: a bump": ([step_function(z - 0.2), -step_function(z - 0.8)], 0),
        "three ReLUs: a tent": (ramps, 1),
    }
    for name, (parts, row) in simple.items():
        for part in parts:
            axes[row, 0].plot(z.tolist(), part.tolist(), "--", color=FAINT, lw=1.2)
        total = torch.stack(parts).sum(dim=0).tolist()
        (line,) = axes[row, 0].plot(z.tolist(), total, "-", color=BLUE)
        figures.step(1 + 4 * row, line)  # 1, and 5
        axes[row, 0].set(title=name, ylim=(-1.3, 1.3))
    edges = torch.linspace(-1, 1, pieces + 1)
    for low, high in pairwise(edges.tolist()):
        middle = float(target_curve(torch.tensor((low + high) / 2)))
        axes[0, 1].plot([low, low, high, high], [0, middle, middle, 0], "-", color=BLUE)
        axes[0, 1].lines[-1].set_linewidth(1)
        figures.step(3 if low < 0 else 4, axes[0, 1].lines[-1])
    for at in edges.tolist():
        ends = [at - 2 / pieces, at, at + 2 / pieces]
        top = float(target_curve(torch.tensor(at)))
        axes[1, 1].plot(ends, [0, top, 0], "-", color=BLUE, lw=0.8)
    output = forward(piecewise_linear(pieces), x[:, None])[-1]
    (line,) = axes[1, 1].plot(x.tolist(), output.squeeze(1).tolist(), "-", color=BLUE)
    figures.step(7, line)
    figures.step(2, axes[0, 1])
    figures.step(4, axes[1, 0])
    figures.step(6, axes[1, 1])
    names = (f"{pieces} bumps", f"{pieces + 1} tents")  # a tent at each point
    for ax, name in zip(axes[:, 1], names, strict=True):
        ax.plot(x.tolist(), target_curve(x).tolist(), "--", color=ORANGE)
        ax.set(title=f"{name}: a curve", xlim=(-1, 1))
    return fig


def draw_curves(networks: dict[int, list[Tensor]]) -> Figure:
    """Draw the curve, and the first trained network of each width."""
    fig, axes = figures.panels(5.2, 2.3, columns=len(networks))
    x = torch.linspace(-1, 1, 61)[:, None]
    across = x.squeeze(1).tolist()
    for ax, (width, theta) in zip(axes, networks.items(), strict=True):
        output = forward_many(theta, x)[-1][0]
        ax.plot(across, output.squeeze(1).tolist(), label="network")
        ax.plot(across, target_curve(x).squeeze(1).tolist(), label="curve", lw=1.4)
        ax.set(title=f"width {width}", ylim=(-1.3, 1.3))
        ax.label_outer()
    for number, ax in enumerate(axes[1:], 1):
        figures.step(number, ax)
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return fig


def draw_widths(learned: Tensor, built: Tensor) -> Figure:
    """Draw errors by width: trained (widths, many), built by hand (widths,)."""
    fig, ax = figures.panels(5.2, 3.2)
    figures.band(ax, WIDTHS, learned.T, "trained", marker="o", ms=4)
    look = {"color": ORANGE, "label": "built by hand", "ms": 4}
    figures.step(1, *ax.plot(WIDTHS, built.tolist(), "s--", **look))
    ax.set(xscale="log", yscale="log", xlabel="width of the hidden layer")
    ax.set(ylabel="error", xticks=WIDTHS, xticklabels=[str(width) for width in WIDTHS])
    ax.minorticks_off()
    ax.legend()
    return fig


def draw_folds(depths: tuple[int, ...] = (1, 2, 4)) -> Figure:
    """Draw the outputs of networks of two neurons a layer: 1, 2 and 4 layers."""
    fig, axes = figures.panels(5.2, 2, columns=len(depths))
    for ax, depth in zip(axes, depths, strict=True):
        x = torch.linspace(0, 1, 2**depth + 1)
        output = forward(folding_network(depth), x[:, None])[-1].squeeze(1)
        ax.plot(x.tolist(), output.tolist())
        name = "layer" if depth == 1 else "layers"
        ax.set(title=f"{depth} {name}: {2**depth} pieces", xticks=[0, 1], yticks=[0, 1])
        ax.label_outer()
    for number, ax in enumerate(axes[1:], 1):
        figures.step(number, ax)
    return fig


def contours(ax: Axes, height: Tensor) -> None:
    """Draw lines of equal height (side, side) over a town of 12 by 12 km."""
    ends = torch.linspace(-6, 6, height.shape[0]).tolist()
    levels = torch.linspace(float(height.min()), float(height.max()), 8)[1:-1].tolist()
    ax.contour(ends, ends, height.T.tolist(), levels, colors=BLUE, linewidths=1.2)
    ax.plot([0], [0], "+", color=ORANGE, ms=10)
    ax.set(aspect="equal", xticks=[-6, 0, 6], yticks=[-6, 0, 6], xlabel="km east")


def draw_town(homes: Homes, theta: list[Tensor], side: int = 19) -> Figure:
    """Draw the activations of the first network for one home, all over town."""
    ends = torch.linspace(-6, 6, side)
    places = torch.cartesian_prod(ends, ends)  # (side * side, 2), east first
    home = torch.tensor([3.0, 75.0]).expand(len(places), 2)
    first = [parameter[0] for parameter in theta]
    moved = forward(first, homes.scale(torch.cat([home, places], dim=1)))
    at_home = forward(first, homes.x_new)
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    names = ("a neuron of layer 1", "a neuron of layer 2", "the price")
    for ax, name, layer, known in zip(axes, names, moved, at_home, strict=True):
        one = correlation(known, homes.truths_new)[:, 0].abs().argmax()
        contours(ax, layer[:, one].reshape(side, side))
        ax.set_title(name, size="small")
        ax.label_outer()
    axes[0].set_ylabel("km north")
    figures.step(1, axes[1])
    figures.step(2, axes[2])
    return fig


def draw_probe(probe: Tensor) -> Figure:
    """Draw how much of each truth a weighted sum tells (many, layers, 3)."""
    fig, ax = figures.panels(5.2, 3)
    names = ("closeness", "comfort", "price")
    figures.curves(ax, dict(zip(names, probe.unbind(dim=2), strict=True)))
    ax.set(xticks=[1, 2, 3], xticklabels=["facts", "layer 1", "layer 2"])
    ax.set(ylabel="variance explained", ylim=(-0.05, 1.05))
    return fig


def draw_meanings(homes: Homes, theta: list[Tensor]) -> Figure:
    """Draw how each hidden neuron of the first network goes with facts and truths."""
    first = [parameter[0] for parameter in theta]
    known = torch.cat([homes.facts_new, homes.truths_new], dim=1)
    names = ["rooms", "area", "east", "north", "closeness", "comfort", "price"]
    fig, axes = figures.panels(5.2, 4.4, rows=2)
    layers = forward(first, homes.x_new)[:-1]
    for number, (ax, layer) in enumerate(zip(axes, layers, strict=True), 1):
        figures.squares(ax, correlation(layer, known).T)
        ax.set(yticks=range(7), yticklabels=names, title=f"layer {number}")
        ax.grid(False)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    homes, deep = Homes(results["seed"]), results["deep"]
    return {
        "xor": draw_xor(),
        "shares": draw_shares(results["shares"]),
        "pieces": draw_pieces(),
        "curves": draw_curves(results["networks"]),
        "widths": draw_widths(results["learned"], results["built"]),
        "folds": draw_folds(),
        "town": draw_town(homes, deep),
        "readable": draw_probe(results["probe"]),
        "meanings": draw_meanings(homes, deep),
        "matrix": draw_matrix(),
        "by_hand": draw_by_hand(),
        "collapse": draw_collapse(),
        "blocks": draw_blocks(),
        "saying": draw_saying(),
        "alike": draw_alike(results["alike"], results["random"]),
        "loop": draw_loop(),
        "anything": draw_anything(),
        "reach": draw_reach(),
        "tube": draw_tube(),
        "dimensions": draw_dimensions(),
        "folding": draw_folding(),
        "abstract": draw_abstract(),
        "market": draw_market(),
        "errors": draw_errors(results["prices"]),
        "questions": draw_questions(results["networks"][DRAWN[0]]),
    }


if __name__ == "__main__":
    figures.run(draw)
