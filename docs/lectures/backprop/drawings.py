"""The figures of the lecture on backpropagation.

They are drawn from what code/backprop.py kept, and from the engine in it. Drawing
takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from backprop import (
    INITIALISATIONS,
    POINTS,
    SCALES,
    Value,
    example_loss,
    initial_parameters,
    shared,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, ORANGE


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
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    example, first = shared(), example_loss(initial_parameters(), *POINTS[0])
    for end in (example, first):
        end.backward()
    return {
        "shared": draw_graph(example, backwards=True, tall=1.8, box=0.95),
        "forward": draw_graph(first, backwards=False, tall=5.2),
        "backward": draw_graph(first, backwards=True, tall=5.2),
        "depth": draw_depth(kept(source)["norms"]),
    }


if __name__ == "__main__":
    figures.run(draw)
