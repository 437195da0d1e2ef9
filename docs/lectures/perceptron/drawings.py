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


SEEN = [((2, 0), 1), ((0, 2), -1), ((3, 1), 1), ((1, 3), -1), ((2, 3), 1), ((0, 1), -1)]
ARROW = {"arrowstyle": "-|>", "lw": 2, "shrinkA": 0, "shrinkB": 0}


def draw_game() -> Figure:
    """Draw pairs of numbers, and one after the other the label of each."""
    fig, ax = figures.panels(3.4, 2.5)
    for row, ((first, second), label) in enumerate(SEEN):
        ax.text(0.3, -row, f"{first}   and   {second}", ha="center", va="center")
        colour, sign = (BLUE, "+1") if label > 0 else (ORANGE, "−1")
        box = {"boxstyle": "round", "fc": "none", "ec": colour}
        told = ax.text(0.75, -row, sign, ha="center", va="center", bbox=box)
        figures.step(row + 1, told)
    ax.set(xlim=(0, 1), ylim=(0.6 - len(SEEN), 0.6))
    ax.axis("off")
    return fig


def draw_line() -> Figure:
    """Draw a boundary, its weights across it, and how far a point lies from it."""
    fig, ax = figures.panels(3.3, 2.9)
    ax.plot([-1, 3], [2.5, -1.5], color=INK)  # x1 + x2 = 1.5
    ax.text(-0.95, 2.6, "z = 0")
    ax.text(2.4, 2.2, "+1", color=BLUE, weight="bold")
    ax.text(-0.8, -1, "−1", color=ORANGE, weight="bold")
    arrow = ax.annotate(
        "", (1.5, 1.5), (0.75, 0.75), arrowprops={**ARROW, "color": BLUE}
    )
    weights = ax.text(1.55, 1.5, "w")
    (moved,) = ax.plot([-1, 3], [3.5, -0.5], ":", color=INK)
    shift = ax.text(0.75, 2.1, "smaller b")
    (far,) = ax.plot([0.5, 1.25], [-0.5, 0.25], "--", color=ORANGE)
    point = ax.scatter([0.5], [-0.5], color=ORANGE, zorder=3)
    distance = ax.text(0.7, -0.85, "|z| / ‖w‖", color=INK)
    figures.step(2, arrow, weights)
    figures.step(3, moved, shift)
    figures.step(4, far, point, distance)
    ax.set(xlim=(-1.2, 3.2), ylim=(-1.5, 3), aspect="equal", xlabel="x₁", ylabel="x₂")
    return fig


def draw_correction() -> Figure:
    """Draw the weights before a mistake, the point, and the weights after it."""
    fig, ax = figures.panels(3.3, 2.7)
    arrows = {
        "w": ((2.0, -1.0), INK),
        "x": ((0.5, 1.5), BLUE),
        "w + x": ((2.5, 0.5), INK),
    }
    for number, (name, (end, colour)) in enumerate(arrows.items()):
        look = {**ARROW, "color": colour}
        arrow = ax.annotate("", end, (0, 0), arrowprops=look)
        text = ax.text(end[0] + 0.08, end[1], name)
        (edge,) = ax.plot([], [])
        if name != "x":  # the line at a right angle to the weights
            across = torch.tensor([-end[1], end[0]]) / torch.tensor(end).norm() * 1.6
            style = "--" if name == "w" else "-"
            (edge,) = ax.plot(*torch.stack([-across, across]).T, style, color=FAINT)
        if number:
            figures.step(number, arrow, text, edge)
    ax.set(xlim=(-1.2, 3.4), ylim=(-1.7, 1.9), aspect="equal", xlabel="x₁", ylabel="x₂")
    return fig


def draw_room() -> Figure:
    """Draw three points that no threshold splits, and the same with their squares."""
    fig, axes = figures.panels(3.6, 2.2, columns=2)
    x, y = torch.tensor([-1.0, 0.0, 1.0]), torch.tensor([1.0, -1.0, 1.0])
    for ax, height, name in zip(axes, (0 * x, x**2), ("", "x²"), strict=True):
        figures.scatter(ax, torch.stack([x, height], dim=1), y, size=90)
        ax.set(xlim=(-1.5, 1.5), ylim=(-0.6, 1.4), xlabel="x", ylabel=name)
        ax.set(xticks=[-1, 0, 1], yticks=[0, 1] if name else [])
    split = axes[1].axhline(0.5, color=INK)
    figures.step(1, axes[1])
    figures.step(2, split)
    return fig


def draw_margin() -> Figure:
    """Draw two classes, the line between them with its margin, and the radius."""
    fig, ax = figures.panels(4, 3.4)
    x = torch.tensor(
        [[1.0, 1], [1.6, 0.7], [0.6, 1.7], [-1, -1], [-1.5, -0.6], [-0.4, -1.5]]
    )
    figures.scatter(ax, x, torch.tensor([1.0, 1, 1, -1, -1, -1]), size=70)
    ends = torch.tensor([-2.0, 2.0])
    ax.plot(ends, -ends, color=INK)
    gap = x[:, :].sum(dim=1).abs().min() / 2
    band = ax.fill_between(
        ends, -ends - 2 * gap, -ends + 2 * gap, color=FAINT, alpha=0.25
    )
    width = ax.annotate(
        "", (float(gap), float(gap)), (0, 0), arrowprops={**ARROW, "color": INK}
    )
    name = ax.text(0.2, 0.7, "γ")
    farthest = x[x.norm(dim=1).argmax()]
    radius = ax.annotate(
        "", farthest.tolist(), (0, 0), arrowprops={**ARROW, "color": ORANGE, "ls": "--"}
    )
    long = ax.text(*(farthest * 0.55 + torch.tensor([0.1, -0.2])).tolist(), "R")
    figures.step(1, band, width, name)
    figures.step(2, radius, long)
    ax.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal", xticks=[], yticks=[])
    return fig


def draw_race() -> Figure:
    """Draw the two bounds of the proof over the number of mistakes: R is 1."""
    fig, ax = figures.panels(4.4, 3.2)
    margin, k = 0.2, torch.linspace(0, 36, 145)
    (low,) = ax.plot(k, margin * k, label="at least k γ, towards the good line")
    (high,) = ax.plot(k, k.sqrt(), "--", label="at most √k R, in length")
    last = ax.axvline(1 / margin**2, color=FAINT, ls=":")
    text = ax.text(1 / margin**2 - 0.6, 0.4, "(R/γ)²", ha="right")
    over = ax.axvspan(1 / margin**2, 36, color=FAINT, alpha=0.2)
    figures.step(1, low)
    figures.step(2, high)
    figures.step(3, last, text, over)
    ax.set(
        xlabel="mistakes k", ylabel="length of the weights", xlim=(0, 36), ylim=(0, 7.4)
    )
    ax.legend(loc="upper left")
    return fig


def draw_gates() -> Figure:
    """Draw AND, OR and XOR of two inputs, and the lines that there are."""
    fig, axes = figures.panels(5.4, 2.4, columns=3)
    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    gates = {
        "AND": ([0, 0, 0, 1], 1.5),
        "OR": ([0, 1, 1, 1], 0.5),
        "XOR": ([0, 1, 1, 0], 0),
    }
    for ax, (name, (label, threshold)) in zip(axes, gates.items(), strict=True):
        figures.scatter(ax, x, 2 * torch.tensor(label) - 1, size=90)
        ax.set(title=name, xlim=(-0.5, 1.5), ylim=(-0.5, 1.5), aspect="equal")
        ax.set(xticks=[0, 1], yticks=[0, 1])
        if threshold:
            (line,) = ax.plot(
                [-0.5, 1.5], [threshold + 0.5, threshold - 1.5], color=INK
            )
            figures.step(2, line)
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
        "game": draw_game(),
        "line": draw_line(),
        "correction": draw_correction(),
        "room": draw_room(),
        "margin": draw_margin(),
        "race": draw_race(),
        "gates": draw_gates(),
    }


if __name__ == "__main__":
    figures.run(draw)
