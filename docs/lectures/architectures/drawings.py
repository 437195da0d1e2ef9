"""The figures of the lecture on architectures, from what code/architectures.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from architectures import ARCHITECTURES, DEEP_NETWORKS, Runs
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from neuronup.zoo import PUBLISHED

Parts = list[Artist]
Place = tuple[float, float]
Sketch = Callable[[Axes, float], list[Parts]]  # parts of a drawing, in steps


def node(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    size: float,
    width: float = 1.7,
    height: float = 1.1,
    colour: str = BLUE,
) -> Parts:
    """Draw a box with its middle at x, y, and a word in it."""
    corner = (x - width / 2, y - height / 2)
    look: dict[str, Any] = {"fill": False, "edgecolor": colour, "lw": 1.4}
    shape = ax.add_patch(Rectangle(corner, width, height, **look))
    return [shape, ax.text(x, y, text, ha="center", va="center", size=size)]


def link(ax: Axes, start: Place, end: Place, **look: Any) -> Parts:
    """Draw a thin arrow; with `bow`, in an arc."""
    bow = look.pop("bow", 0.0)
    given: dict[str, Any] = {"arrowstyle": "->", "color": FAINT, "lw": 1.2}
    given |= {"mutation_scale": 8, "shrinkA": 0, "shrinkB": 0}
    arc = f"arc3,rad={bow}"
    arrow = FancyArrowPatch(start, end, connectionstyle=arc, **given | look)
    return [ax.add_patch(arrow)]


def chain(ax: Axes, words: Sequence[str], size: float, width: float = 1.6) -> Parts:
    """Draw boxes in a row, each with an arrow to the next; a pool is drawn smaller."""
    parts: Parts = []
    pitch = 10 / len(words)
    for number, word in enumerate(words):
        x, gap = pitch * (number + 0.5), pitch - width
        pool = word == "pool"
        colour = FAINT if pool else ORANGE if word == "dense" else BLUE
        parts += node(ax, x, 2, word, size, width, 1.1 if pool else 2, colour)
        if number:
            parts += link(ax, (x - width / 2 - gap, 2), (x - width / 2, 2))
    return parts


def sketch_lenet(ax: Axes, size: float) -> list[Parts]:
    """LeNet: convolve, pool, convolve, pool, then fully connected layers."""
    return [chain(ax, ("conv", "pool", "conv", "pool", "dense"), size)]


def sketch_alexnet(ax: Axes, size: float) -> list[Parts]:
    """AlexNet: the same with more and larger layers."""
    words = ("11×11", "5×5", "3×3", "3×3", "3×3", "dense")
    return [chain(ax, words, size, 1.45)]


def sketch_vgg(ax: Axes, size: float) -> list[Parts]:
    """VGG: stacks of 3 x 3."""
    words = ("3×3", "3×3", "pool", "3×3", "3×3", "pool")
    return [chain(ax, words, size, 1.3)]


def sketch_googlenet(ax: Axes, size: float) -> list[Parts]:
    """GoogLeNet: kernels of several sizes side by side, then concatenated."""
    start = node(ax, 0.8, 2, "x", size, 1.1)
    branches: Parts = []
    for number, word in enumerate(("1×1", "3×3", "5×5", "pool")):
        y = 3.6 - 1.07 * number
        colour = FAINT if word == "pool" else BLUE
        branches += node(ax, 4.4, y, word, size, 2, 0.9, colour)
        branches += link(ax, (1.4, 2), (3.3, y))
    joined: Parts = []
    joined += [ax.add_patch(Rectangle((7.2, 0), 0.5, 4, facecolor=ORANGE, alpha=0.35))]
    joined += [ax.text(8, 2, "concat", va="center", size=size)]
    for number in range(4):
        y = 3.6 - 1.07 * number
        joined += link(ax, (5.45, y), (7.1, y))
    return [start, branches, joined]


def plus(ax: Axes, x: float, y: float, size: float) -> Parts:
    """Draw a plus in a ring."""
    ring = ax.plot([x], [y], "o", ms=1.5 * size, mfc="none", mec=ORANGE, mew=1.6)
    middle: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
    return [*ring, ax.text(x, y, "+", color=ORANGE, size=size + 1, **middle)]


def sketch_resnet(ax: Axes, size: float) -> list[Parts]:
    """ResNet: a shortcut past two convolutions, and a sum."""
    body = [*node(ax, 0.7, 1.4, "x", size, 1), *node(ax, 3.3, 1.4, "conv", size)]
    body += [*node(ax, 6, 1.4, "conv", size), *link(ax, (1.2, 1.4), (2.4, 1.4))]
    body += link(ax, (4.2, 1.4), (5.1, 1.4))
    body += link(ax, (6.9, 1.4), (8.1, 1.4))
    out = link(ax, (8.9, 1.4), (9.9, 1.4))
    look = {"color": ORANGE, "lw": 1.8, "bow": -0.42}
    short = [*link(ax, (0.7, 2), (8.5, 1.9), **look), *plus(ax, 8.5, 1.4, size)]
    return [body, [*short, *out]]


def sketch_densenet(ax: Axes, size: float) -> list[Parts]:
    """DenseNet: every layer gets the maps of all before it."""
    places = (0.7, 3.3, 6.1, 8.9)
    row: Parts = []
    for x, word in zip(places, ("x", "conv", "conv", "conv"), strict=True):
        row += node(ax, x, 1.2, word, size, 1 if word == "x" else 1.7)
    for left, right in pairwise(places):
        row += link(ax, (left + (0.5 if left < 1 else 0.85), 1.2), (right - 0.85, 1.2))
    arcs: Parts = []
    for one, other in combinations(range(4), 2):
        if other > one + 1:
            ends = ((places[one], 1.8), (places[other] - 0.2, 1.8))
            arcs += link(ax, *ends, color=ORANGE, bow=-0.36, lw=1.6)
    return [row, arcs]


def sketch_mobilenet(ax: Axes, size: float) -> list[Parts]:
    """MobileNet: a filter for each channel, then a mix of the channels."""
    rows = (3.5, 2, 0.5)
    middle: dict[str, Any] = {"ha": "center", "size": size}
    first: Parts = []
    for y in rows:
        first += [ax.add_patch(Rectangle((0, y - 0.5), 1, 1, fill=False, ec=INK))]
    depth: Parts = [ax.text(2.7, 4.35, "3×3 each", **middle)]
    mixed: Parts = [ax.text(7.3, 4.35, "1×1 for all", **middle)]
    for y in rows:
        depth += link(ax, (1.15, y), (4.2, y), color=BLUE, lw=1.8)
        depth += [ax.add_patch(Rectangle((4.4, y - 0.5), 1, 1, fill=False, ec=BLUE))]
        for end in rows:
            mixed += link(ax, (5.5, y), (8.8, end), color=ORANGE, lw=1)
        mixed += [ax.add_patch(Rectangle((9, y - 0.5), 1, 1, fill=False, ec=ORANGE))]
    return [first, depth, mixed]


def sketch_vit(ax: Axes, size: float) -> list[Parts]:
    """ViT: an image cut into patches; each patch attends to all others."""
    image: Parts = [ax.add_patch(Rectangle((0, 0.5), 3, 3, fill=False, ec=INK))]
    for at in (1, 2):
        image += ax.plot([at, at], [0.5, 3.5], color=INK, ls="-", lw=1)
        image += ax.plot([0, 3], [0.5 + at, 0.5 + at], color=INK, ls="-", lw=1)
    tokens: Parts = link(ax, (3.2, 1.2), (4.1, 1.2))
    places = [4.6 + 1.05 * number for number in range(5)]
    for x in places:
        tokens += node(ax, x, 1.2, "", size, 0.8, height=0.8)
    tokens += [ax.text(9.75, 1.15, "…", va="center", size=size)]
    arcs: Parts = [ax.text(7, 4.3, "attention", ha="center", size=size)]
    for one, other in combinations(places, 2):
        look = {"color": ORANGE, "lw": 0.9, "bow": -0.45, "arrowstyle": "<->"}
        arcs += link(ax, (one, 1.65), (other, 1.65), mutation_scale=5, **look)
    return [image, tokens, arcs]


SKETCHES: dict[str, tuple[str, Sketch]] = {
    "lenet": ("LeNet-5, 1998", sketch_lenet),
    "alexnet": ("AlexNet, 2012", sketch_alexnet),
    "vgg": ("VGG, 2014", sketch_vgg),
    "googlenet": ("GoogLeNet, 2014", sketch_googlenet),
    "resnet": ("ResNet, 2015", sketch_resnet),
    "densenet": ("DenseNet, 2016", sketch_densenet),
    "mobilenet": ("MobileNet, 2017", sketch_mobilenet),
    "vit": ("ViT, 2020", sketch_vit),
}


def prepare(ax: Axes, title: str = "") -> None:
    """Make room for a sketch of 10 by 4."""
    ax.set(xlim=(-0.2, 10.2), ylim=(-0.4, 4.9))
    ax.set_title(title, size=9.5)
    ax.set_axis_off()


def draw_ideas(names: Sequence[str], height: float) -> Figure:
    """Draw the ideas of some architectures, by year; from the second on in steps."""
    fig, axes = figures.panels(5.2, height, rows=len(names) // 2, columns=2)
    for number, (ax, name) in enumerate(zip(axes.flat, names, strict=True)):
        title, sketch = SKETCHES[name]
        prepare(ax, title)
        parts = [each for group in sketch(ax, 8) for each in group]
        if number:
            figures.step(number, *parts, ax.title)
    return fig


def draw_idea(name: str) -> Figure:
    """Draw one idea large, its parts in steps."""
    fig, ax = figures.panels(4.4, 1.75)
    prepare(ax)
    for number, parts in enumerate(SKETCHES[name][1](ax, 11)):
        if number:
            figures.step(number, *parts)
    return fig


LOOKS = {  # of each architecture: marker and colour, the same in every figure
    "LeNet": ("o", FAINT),
    "AlexNet": ("v", FAINT),
    "VGG": ("s", BLUE),
    "GoogLeNet": ("P", GREEN),
    "ResNet": ("D", ORANGE),
    "DenseNet": ("^", PURPLE),
    "MobileNet": ("X", GREEN),
    "ViT": ("*", INK),
}
NAMES = {"VGG-16": "VGG", "DenseNet-121": "DenseNet", "MobileNetV2": "MobileNet"}
NAMES |= {
    "Inception": "GoogLeNet",
    "ResNet-18": "ResNet",
    "ResNet-50": "ResNet",
    "ViT-B/16": "ViT",
}


def point(ax: Axes, name: str, x: float, y: float, **where: Any) -> Parts:
    """Mark a network, with its name beside it."""
    marker, colour = LOOKS[NAMES.get(name, name)]
    (dot,) = ax.plot([x], [y], marker, color=colour, ms=7, ls="")
    given: dict[str, Any] = {"xytext": (6, -3), "textcoords": "offset points"}
    return [dot, ax.annotate(name, (x, y), size=8, **given | where)]


LEFT: dict[str, Any] = {"xytext": (-6, -3), "ha": "right"}
ABOVE: dict[str, Any] = {"xytext": (0, 7), "ha": "center"}
BELOW: dict[str, Any] = {"xytext": (0, -14), "ha": "center"}


def draw_published(counts: dict[str, tuple[int, int]]) -> Figure:
    """Draw accuracy on ImageNet against FLOPs and against parameters, by year."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    places = {"ViT-B/16": LEFT, "VGG-16": BELOW, "GoogLeNet": LEFT}
    places |= {"ResNet-18": BELOW}
    beside = places | {"AlexNet": LEFT, "DenseNet-121": ABOVE, "MobileNetV2": ABOVE}
    for number, (name, (_, _, top1)) in enumerate(PUBLISHED.items()):
        parameters, flops = counts[name]
        parts = point(axes[0], name, flops / 1e9, top1, **places.get(name, {}))
        parts += point(axes[1], name, parameters / 1e6, top1, **beside.get(name, {}))
        figures.step(number + 1, *parts)
    axes[0].set(xscale="log", xlim=(0.3, 90), xlabel="billion FLOPs an image")
    axes[1].set(xscale="log", xlim=(2, 400), xlabel="million parameters")
    axes[0].set(ylabel="ImageNet, top-1 accuracy", ylim=(0.53, 0.84))
    axes[1].set(ylim=(0.53, 0.84), yticklabels=[])
    for ax in axes:
        ax.minorticks_off()
    return fig


def draw_speed(
    costs: dict[str, tuple[int, int, float]], fastest: float, pixels: float = 1
) -> Figure:
    """Draw the time of one image against its FLOPs, and the bound from below."""
    fig, ax = figures.panels(5.2, 3.1)
    known = {name: costs[name] for name in PUBLISHED}
    unit = known["ResNet-18"][2]
    most = [flops / 1e9 for _, flops, _ in known.values()]
    ends = torch.tensor([0.5 * min(most), 2.2 * max(most)])
    bound = (1e9 * ends / fastest / unit).tolist()
    ax.plot(ends.tolist(), bound, "-", color=ORANGE)
    ax.fill_between(ends.tolist(), [bound[0] / 9] * 2, bound, color=ORANGE, alpha=0.1)
    told: dict[str, Any] = {"size": 8.5, "color": ORANGE, "ha": "right"}
    ax.text(ends[1], 0.02 * bound[1], "faster than a matrix product", **told)
    places = {"ViT-B/16": ABOVE, "GoogLeNet": ABOVE, "AlexNet": ABOVE, "VGG-16": BELOW}
    places |= {"ResNet-50": ABOVE, "ResNet-18": BELOW, "MobileNetV2": BELOW}
    for number, (name, (_, flops, time)) in enumerate(known.items()):
        where = places.get(name, {})
        figures.step(number + 1, *point(ax, name, flops / 1e9, time / unit, **where))
    ax.set(xscale="log", yscale="log", xlabel="billion FLOPs an image")
    ax.set_ylabel("time, ResNet-18 = 1")
    ax.minorticks_off()
    return fig


AGAINST_FLOPS = {"VGG": BELOW, "MobileNet": LEFT, "ResNet": {"xytext": (6, 3)}}
AGAINST_FLOPS["Inception"] = ABOVE | {"ha": "right"}


def draw_small(small: Runs, costs: dict[str, tuple[int, int, float]]) -> Figure:
    """Draw test accuracy against FLOPs and time; mean and range of the seeds.

    The axis is logarithmic in the share of errors, so that good ones stand apart.
    """
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    unit = costs["LeNet"][2]
    close = [name for name in ARCHITECTURES if name not in ("LeNet", "ViT")]
    by_time = sorted(close, key=lambda name: costs[name][2])
    sides = (AGAINST_FLOPS, dict(zip(by_time, [ABOVE, BELOW] * 4, strict=False)))
    for name in ARCHITECTURES:
        _, flops, time = costs[name]
        errors = [1 - run[1] for run in small[name]]
        mean = sum(errors) / len(errors)
        places = zip(axes, (flops / 1e6, time / unit), sides, strict=True)
        for ax, x, beside in places:
            ends = [min(errors), max(errors)]
            ax.plot([x, x], ends, "-", color=FAINT, lw=1.4, zorder=1)
            point(ax, name, x, mean, **beside.get(name, {}))
    labels = ("million FLOPs an image", "time of an image, LeNet = 1")
    levels = [0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98]
    for ax, label in zip(axes, labels, strict=True):
        ax.set(yscale="log", xlabel=label)
        ax.set_yticks([1 - level for level in levels], [f"{x:.0%}" for x in levels])
        ax.minorticks_off()
        ax.invert_yaxis()
        left, right = ax.get_xlim()
        ax.set_xlim(left, right + 0.4 * (right - left))
    low, high = axes[0].get_ylim()
    axes[0].set(ylabel="test accuracy", ylim=(low * 1.1, high / 1.2))
    axes[1].set(yticklabels=[], ylim=(low * 1.1, high / 1.2))
    figures.step(1, axes[1])
    return fig


def draw_kernels(small: Runs) -> Figure:
    """Draw the test accuracy with kernels of each size, and with all at once."""
    fig, ax = figures.panels(5.2, 2)
    names = {"1": "1 × 1", "3": "3 × 3", "5": "5 × 5", "all": "all, concatenated"}
    for row, size in enumerate(names):
        scores = [run[1] for run in small[f"kernel_{size}"]]
        mean = sum(scores) / len(scores)
        look = {"color": ORANGE, "hatch": "//"} if size == "all" else {"color": BLUE}
        (bar,) = ax.barh(row, mean, 0.55, **look)
        ends = [min(scores), max(scores)]
        (line,) = ax.plot(ends, [row, row], "-", color=INK, lw=1.5)
        told = ax.text(ends[1] + 0.01, row, f"{mean:.1%}", va="center", size=9)
        figures.step(row + 1, bar, line, told)
    ax.set_yticks(range(4), names.values())
    ax.set(xlim=(0, 1.12), xlabel="test accuracy")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


DEEP_LOOKS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("plain", {"color": FAINT, "ls": ":"}),
    "plain_norm": ("plain, batch norm", {"color": BLUE, "ls": "-."}),
    "shortcut": ("shortcuts", {"color": PURPLE, "ls": "--"}),
    "shortcut_norm": ("shortcuts, batch norm", {"color": ORANGE, "ls": "-"}),
    "shallow": ("10 layers, plain, batch norm", {"color": GREEN, "ls": (0, (1, 1))}),
}
BESIDE = {  # layer, and points above the curve
    "plain": (12, 9),
    "plain_norm": (13, 10),
    "shortcut": (20, 9),
    "shortcut_norm": (1, -14),
}


def draw_gradients(gradients: Runs) -> Figure:
    """Draw the norm of the gradient in each layer, before the first step."""
    fig, ax = figures.panels(5.2, 3.3)
    for number, (name, (layer, above)) in enumerate(BESIDE.items()):
        runs = torch.tensor(gradients[name]).log10().mean(dim=0)  # (layers,)
        means, (label, look) = (10**runs).tolist(), DEEP_LOOKS[name]
        (line,) = ax.plot(range(1, len(means) + 1), means, **look)
        place = {"xytext": (0, above), "textcoords": "offset points", "size": 8.5}
        told = ax.annotate(label, (layer, means[layer - 1]), va="center", **place)
        figures.step(number + 1, line, told)
    ax.set(yscale="log", xlabel="layer", ylabel="norm of the gradient")
    return fig


def draw_deep(deep: Runs) -> Figure:
    """Draw the training loss by epoch: mean and range of the seeds."""
    fig, ax = figures.panels(5.2, 3.3)
    for number, name in enumerate(DEEP_NETWORKS):
        curves = torch.tensor(deep[name])[:, :-1]  # (seeds, epochs)
        label, look = DEEP_LOOKS[name]
        figures.band(ax, range(1, curves.shape[1] + 1), curves, label, **look)
        figures.step(number + 1, ax.lines[-1], ax.collections[-1])
    ax.set(xlabel="epochs", ylabel="training loss", ylim=(0, 3.5))
    ax.set_xticks(range(1, curves.shape[1] + 1))
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_normalise() -> Figure:
    """Draw a batch of three channels as it comes, normalised, and rescaled."""
    fig, axes = figures.panels(5.2, 2.2, columns=3)
    drawn = torch.Generator().manual_seed(1)
    std, middle = torch.tensor([0.3, 1.0, 2.2]), torch.tensor([-3.0, 1.0, 3.0])
    x = middle + std * torch.randn(16, 3, generator=drawn)
    normal = (x - x.mean(dim=0)) / x.std(dim=0, correction=0)
    scaled = normal * torch.tensor([1.5, 0.6, 1.0]) + torch.tensor([1.0, 0.0, -1.0])
    titles = ("as they come", "mean 0, variance 1", "times γ, plus β")
    for number, (ax, title, part) in enumerate(
        zip(axes, titles, (x, normal, scaled), strict=True)
    ):
        for row, (marker, colour) in enumerate(
            zip("osD", (BLUE, ORANGE, GREEN), strict=True)
        ):
            values = part[:, row].tolist()
            ax.plot(
                values,
                [2 - row] * len(values),
                marker,
                color=colour,
                ms=4,
                alpha=0.6,
                ls="",
            )
        ax.set(xlim=(-7, 8), ylim=(-0.6, 2.6), yticks=[], xticks=[-5, 0, 5])
        ax.set_title(title, size=10)
        if number:
            figures.step(number, ax)
    axes[0].set_yticks([0, 1, 2], ["channel 3", "channel 2", "channel 1"])
    return fig


def draw_path() -> Figure:
    """Draw how a gradient goes back through five blocks: on shortcuts, and without."""
    fig, axes = figures.panels(5.2, 2.5, rows=2)
    for row, (ax, title) in enumerate(
        zip(axes, ("plain", "with shortcuts"), strict=True)
    ):
        ax.set(xlim=(-1.2, 11), ylim=(-0.2, 2.3))
        ax.set_axis_off()
        ax.text(-1.2, 2, title, size=9.5)
        parts: Parts = []
        for number in range(5):
            x = 2.1 * number + 0.8
            node(ax, x, 0.6, "block", 9, 1.2, height=0.9)
            link(ax, (x + 1.45, 0.6), (x + 0.65, 0.6), color=INK)
            if row:
                plus_at = x + 1.05
                look = {"color": ORANGE, "lw": 1.8, "bow": 0.55}
                parts += link(ax, (plus_at, 1), (x - 0.95, 0.85), **look)
        ax.text(10.7, 1.4, "loss", size=9, ha="center")
        if row:
            figures.step(1, ax)
            figures.step(2, *parts)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results, names = kept(source), list(SKETCHES)
    return {
        "ideas": draw_ideas(names, 5.2),
        "ideas_first": draw_ideas(names[:4], 2.6),
        "ideas_later": draw_ideas(names[4:], 2.6),
        **{f"idea_{name}": draw_idea(name) for name in SKETCHES},
        "published": draw_published(results["counts"]),
        "speed": draw_speed(results["costs"], results["fastest"]),
        "small": draw_small(results["small"], results["costs"]),
        "kernels": draw_kernels(results["small"]),
        "gradients": draw_gradients(results["gradients"]),
        "deep": draw_deep(results["deep"]),
        "normalise": draw_normalise(),
        "path": draw_path(),
    }


if __name__ == "__main__":
    figures.run(draw)
