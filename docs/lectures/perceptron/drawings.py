"""The figures of the lecture on the artificial neuron.

They are drawn from what code/perceptron.py kept. Drawing takes seconds and
trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.activations import ACTIVATIONS
from neuronup.command import kept
from neuronup.digits import train_test_digits
from neuronup.figures import BLUE, FAINT, INK, ORANGE
from neuronup.xor import lift, xor
from perceptron import Pairs, select_pair, two_features


def draw_boundary(x: Tensor, y: Tensor, lines: Tensor) -> Figure:
    """Draw 0 (+1) against 8 (-1) in features x (n, 2), and the lines tried (m, 3)."""
    fig, ax = figures.panels(5.2, 3.4)
    figures.scatter(ax, x, y, ("images of 0", "images of 8"))
    low, high = (x.amin(0) - 0.05).tolist(), (x.amax(0) + 0.05).tolist()
    ends = torch.tensor([low[1], high[1]])
    for number, (first, second, bias) in enumerate(lines, 1 - len(lines)):
        across = -(bias + second * ends) / first
        colour, width = (FAINT, 0.7) if number else (INK, 2)  # the last is 0
        label = None if number else "the last line"
        ax.plot(
            across.tolist(), ends.tolist(), "-", color=colour, lw=width, label=label
        )
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel="intensity in the middle", ylabel="intensity, top minus bottom")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw_mistakes(pairs: Pairs) -> Figure:
    """Draw the mistakes of each pair of digits as a table."""
    fig, ax = figures.panels(5.2, 4)
    figures.table(ax, {pair: int(each["mistakes"]) for pair, each in pairs.items()})
    ax.set(xlabel="digit", ylabel="against digit")
    return fig


def draw_bound(pairs: Pairs) -> Figure:
    """Draw each pair's mistakes against those that Novikoff's theorem allows."""
    made = [each["mistakes"] for each in pairs.values()]
    allowed = [each["allowed"] for each in pairs.values()]
    fig, ax = figures.panels(5.2, 3.2)
    ax.scatter(allowed, made, s=24, color=BLUE, label="a pair of digits")
    ends = [min(made), max(allowed)]
    ax.plot(ends, ends, "--", color=ORANGE, label="as many as allowed")
    ax.set(
        xscale="log", yscale="log", xlabel="mistakes allowed", ylabel="mistakes made"
    )
    ax.legend()
    return fig


def draw_rest(results: dict[str, Tensor]) -> Figure:
    """Draw three neurons' accuracy on test images (seeds, epochs), and a baseline."""
    names = {
        "kernel": "kernel perceptron",
        "logistic": "logistic regression",
        "perceptron": "perceptron",
        "never": "always “not 8”",
    }
    fig, ax = figures.panels(5.2, 3.4)
    for name, label in names.items():
        epochs = range(1, results[name].shape[1] + 1)
        figures.band(ax, epochs, results[name], label)
    ax.set(xlabel="passes over the training images", ylabel="held-out accuracy")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_activations() -> Figure:
    """Draw each activation of one number, and its derivative."""
    fig, axes = figures.panels(5.2, 3.6, rows=2, columns=4)
    z = torch.linspace(-4, 4, 161)
    for ax, (name, pair) in zip(axes.flat, ACTIVATIONS.items(), strict=True):
        for curve, label in zip(pair, ("value", "derivative"), strict=True):
            height = curve(z)
            height[1:][height.diff().abs() > 0.5] = torch.nan  # a jump is a gap
            ax.plot(z.tolist(), height.tolist(), label=label)
        ax.set(title=name, ylim=(-1.2, 2.2), xticks=[-3, 0, 3])
        ax.label_outer()
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return fig


def draw_xor(line: Tensor) -> Figure:
    """Draw the four points, and with their product, split by weights and bias (4,)."""
    (x, y), (fig, axes) = xor(), figures.panels(5.2, 2.8, columns=2)
    views = {"x₂": x, "x₁ · x₂": lift(x)[:, [0, 2]]}
    for ax, (label, points) in zip(axes, views.items(), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
        ax.set(xlabel="x₁", ylabel=label, xticks=[-1, 1], yticks=[-1, 1])
    split = axes[1].axhline(float(-line[3] / line[2]), color=INK)
    axes[0].legend(loc="center")
    figures.step(1, axes[1])
    figures.step(2, split)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    x, digit, _, _ = train_test_digits(results["seed"])
    zeros_and_eights, sides = select_pair(x, digit, 0, 8)
    digits = {f"a handwritten {each}": x[digit == each][0] for each in (3, 8)}
    return {
        "boundary": draw_boundary(
            two_features(zeros_and_eights), sides, results["lines"]
        ),
        "scans": figures.images(digits),
        "weights": figures.images({**digits, "the weights": results["three_or_eight"]}),
        "mistakes": draw_mistakes(results["pairs"]),
        "bound": draw_bound(results["pairs"]),
        "rest": draw_rest(results["rest"]),
        "activations": draw_activations(),
        "xor": draw_xor(results["xor_line"]),
    }


if __name__ == "__main__":
    figures.run(draw)
