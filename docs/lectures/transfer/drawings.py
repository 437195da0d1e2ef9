"""The figures of the lecture on transfer, drawn from what code/transfer.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, arrow, greyscale, montage
from neuronup.images import all_digits, load
from neuronup.loaders import Examples
from neuronup.loop import predict
from neuronup.seeds import stack
from neuronup.weights import load_weights
from transfer import (
    BUDGET_SHOTS,
    FEWER_SHOTS,
    RATIO,
    SHOTS,
    ImageClassifier,
    Method,
    Pair,
    draw_few,
    enlarge,
    entry,
    shrink,
)

Runs = dict[str, Tensor]  # what the seeds gave, by name: (seeds,)

LOOKS: dict[Method, tuple[str, dict[str, Any]]] = {
    "scratch": ("from scratch", {"color": FAINT, "ls": ":", "marker": "o"}),
    "linear probe": ("linear probe", {"color": GREEN, "ls": "-.", "marker": "^"}),
    "fine-tuned": ("fine-tuned", {"color": ORANGE, "ls": "--", "marker": "s"}),
    "discriminative": ("two rates", {"color": BLUE, "ls": "-", "marker": "D"}),
}
RIGHT: dict[str, Any] = {"ha": "right", "va": "center"}
MIDDLE: dict[str, Any] = {"ha": "center", "va": "center"}
RANDOM: dict[str, Any] = {
    "edgecolor": ORANGE,
    "facecolor": "none",
    "hatch": "//",
    "alpha": 0.35,
}
COPIED: dict[str, Any] = {"edgecolor": BLUE, "facecolor": BLUE, "alpha": 0.25}
STILL: dict[str, Any] = {"edgecolor": FAINT, "facecolor": FAINT, "alpha": 0.25}


def block(
    ax: Axes,
    place: tuple[float, float, float, float],
    text: str,
    look: dict[str, Any],
    size: float = 9,
) -> list[Artist]:
    """Draw a box at (left, top, width, height), with a text above its filling."""
    left, top, width, height = place
    ground: dict[str, Any] = {"facecolor": "none", "lw": 1.6}
    filled = ax.add_patch(Rectangle((left, top), width, height, lw=0, **look))
    outline = {"edgecolor": look["edgecolor"], **ground}
    edge = ax.add_patch(Rectangle((left, top), width, height, **outline))
    middle = left + width / 2, top + height / 2
    return [filled, edge, ax.text(*middle, text, size=size, **MIDDLE)]


def thumbnails(ax: Axes, left: float, top: float, side: float, x: Tensor) -> Artist:
    """Show images x (n, 1, h, w) in rows of three, in a square of so wide a side."""
    tiles = montage(x[:, 0], 3).nan_to_num(0)
    extent = (left, left + side, top + side, top)
    shades = (tiles * 4).round() / 4
    return ax.imshow(
        shades.numpy(),
        cmap="gray_r",
        extent=extent,
        aspect="auto",
        interpolation="none",
    )


def draw_idea(large: Examples, small: Examples) -> Figure:
    """Draw pre-training, and in steps the copied backbone, and the new head."""
    fig, ax = figures.board(5.2, 2.7, (0, 20), (10.2, -0.6))
    thumbnails(ax, 0.3, 0.4, 3.2, large.x[:9])
    thumbnails(ax, 0.3, 6.2, 3.2, small.x[:9])
    for top, told in ((-0.3, "many labelled images"), (5.5, "few labelled images")):
        ax.text(0.2, top, told, size=9, va="center")
    block(ax, (5.4, 0.9, 6.4, 2.2), "backbone", COPIED, 10)
    block(ax, (13.2, 0.9, 4.2, 2.2), "head", STILL, 10)
    for start, end in ((3.9, 5.2), (11.9, 13), (17.5, 18.6)):
        arrow(ax, (start, 2), (end, 2))
    ax.text(18.9, 2, "0–9", size=10, va="center")
    below = block(ax, (5.4, 6.7, 6.4, 2.2), "backbone", COPIED, 10)
    copied = arrow(ax, (8.6, 3.3), (8.6, 6.5), color=BLUE, lw=2.2)
    told_copied = ax.text(9, 4.9, "copy the weights", size=9, va="center")
    into = arrow(ax, (3.9, 7.8), (5.2, 7.8))
    figures.step(1, *below, copied, told_copied, into)
    head = block(ax, (13.2, 6.7, 4.2, 2.2), "new head", RANDOM, 10)
    out = [arrow(ax, (11.9, 7.8), (13, 7.8)), arrow(ax, (17.5, 7.8), (18.6, 7.8))]
    answer = ax.text(18.9, 7.8, "0–9", size=10, va="center")
    figures.step(2, *head, *out, answer)
    ax.set(xlim=(0, 20.4), ylim=(10.2, -0.9))
    return fig


def draw_images(large: Examples, small: Examples) -> Figure:
    """Draw an image of each class of both kinds, at 12 by 12 pixels."""
    fig, axes = figures.panels(5.2, 1.5, rows=2)
    for ax, images, name in zip(
        axes, (large, small), ("MNIST", "small\ndigits"), strict=True
    ):
        greyscale(ax, montage(images.x[:, 0], 10), levels=6)
        ax.set_ylabel(name, rotation=0, ha="right", va="center", size=9)
    return fig


def draw_ways() -> Figure:
    """Draw what each method begins with and what it trains, a step each."""
    fig, ax = figures.board(5.2, 2.9, (-0.2, 18.8), (9.6, -1.9))
    ways: dict[str, tuple[Sequence[str], dict[str, Any]]] = {
        "from scratch": (("random",) * 3, RANDOM),
        "linear probe": (("frozen",) * 3, STILL),
        "fine-tuned": (("copied",) * 3, COPIED),
        "two rates": (("copied, ÷ 10",) * 3, COPIED),
    }
    for number, (name, (stages, look)) in enumerate(ways.items()):
        left, parts = 4.7 * number, list[Artist]()
        parts.append(ax.text(left + 2, -1.4, name, size=10, **MIDDLE))
        for row, text in enumerate(stages):
            place = (left, 7 - 2.2 * row, 4.1, 1.7)
            parts += block(ax, place, text, look)
        parts += block(ax, (left, 0, 4.1, 1.7), "head, random", RANDOM, 8.5)
        for part in parts:
            if number:
                figures.step(number, part)
    for label in ax.texts:
        label.set_zorder(5)
    return fig


def shown(ax: Axes, before: tuple[int, int]) -> list[Artist]:
    """List lines and bands that were drawn since there were so many of them."""
    return [*ax.lines[before[0] :], *ax.collections[before[1] :]]


def lines(
    ax: Axes, methods: dict[Method, Tensor], x: Sequence[float], first: int = 0
) -> None:
    """Draw runs (seeds, len(x)) of each method; in steps from `first`, if not 0."""
    for number, (method, runs) in enumerate(methods.items()):
        before = len(ax.lines), len(ax.collections)
        name, look = LOOKS[method]
        figures.band(ax, x, runs, name, ms=5, **look)
        if first and number:
            figures.step(first + number - 1, *shown(ax, before))
    ax.set(xscale="log")
    ax.set_xticks(x, [f"{each:g}" for each in x])
    ax.minorticks_off()


def curve(runs: Runs, pair: Pair, method: Method, sizes: Sequence[int]) -> Tensor:
    """Gather what a method came to, by examples of a class: (seeds, sizes)."""
    return torch.stack([runs[entry(pair, method, size)] for size in sizes], dim=1)


def draw_shots(runs: Runs, width: float, columns: int) -> Figure:
    """Draw accuracy by examples of a class: mean and range, a method a step."""
    fig, ax = figures.panels(width, 3.3)
    methods = {method: curve(runs, "mnist_digits", method, SHOTS) for method in LOOKS}
    lines(ax, methods, SHOTS, first=1)
    ax.set(xlabel="examples of each class", ylabel="test accuracy", ylim=(0.3, 1))
    fig.legend(loc="outside upper center", ncols=columns, fontsize=9, handlelength=2.4)
    return fig


def draw_budgets(runs: Runs, steps: Sequence[int]) -> Figure:
    """Draw accuracy by steps, for few and for more examples of a class."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    both: tuple[Method, ...] = ("scratch", "fine-tuned")
    for ax, size in zip(axes, BUDGET_SHOTS, strict=True):
        methods: dict[Method, Tensor] = {}
        for method in both:
            names = (
                entry(method, size, "short"),
                entry(method, size),
                entry(method, size, "long"),
            )
            methods[method] = torch.stack([runs[name] for name in names], dim=1)
        lines(ax, methods, steps)
        ax.set(xlabel="steps", title=f"{size} of each class", ylim=(0.3, 1))
    axes[0].set_ylabel("test accuracy")
    axes[0].legend(loc="lower right", fontsize=9)
    figures.step(1, axes[1])
    return fig


def draw_others(runs: Runs) -> Figure:
    """Draw the same curves for three other pairs of source and target, a step each."""
    fig, axes = figures.panels(5.2, 2.9, columns=3)
    three: tuple[Method, ...] = ("scratch", "linear probe", "fine-tuned")
    names: dict[Pair, str] = {
        "digits_mnist": "small digits\n→ MNIST",
        "mnist_halves": "MNIST 0–4\n→ MNIST 5–9",
        "digits_halves": "small 0–4\n→ small 5–9",
    }
    for number, (ax, (pair, name)) in enumerate(zip(axes, names.items(), strict=True)):
        methods = {m: curve(runs, pair, m, FEWER_SHOTS) for m in three}
        lines(ax, methods, FEWER_SHOTS)
        ax.set(ylim=(0.2, 1.02))
        ax.set_title(name, size=9.5)
        if number:
            ax.set_yticklabels([])
            figures.step(number, ax)
    axes[0].set_ylabel("test accuracy")
    axes[1].set_xlabel("examples of each class")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=9)
    return fig


def draw_harm(runs: Runs) -> Figure:
    """Draw what pre-training for the intensity does, beside scratch and digits."""
    fig, ax = figures.panels(5.2, 2.9)
    drawn: tuple[tuple[str, Pair, Method, Method], ...] = (  # the last: its look
        ("from scratch", "mnist_digits", "scratch", "scratch"),
        ("digits, fine-tuned", "mnist_digits", "fine-tuned", "fine-tuned"),
        ("intensity, fine-tuned", "harm", "fine-tuned", "discriminative"),
        ("intensity, linear probe", "harm", "linear probe", "linear probe"),
    )
    for number, (name, pair, method, like) in enumerate(drawn):
        before = len(ax.lines), len(ax.collections)
        found, look = curve(runs, pair, method, FEWER_SHOTS), LOOKS[like][1]
        figures.band(ax, FEWER_SHOTS, found, name, ms=5, **look)
        if number > 1:
            figures.step(number - 1, *shown(ax, before))
    ax.set(xscale="log", xlabel="examples of each class", ylabel="test accuracy")
    ax.set_xticks(FEWER_SHOTS, [str(size) for size in FEWER_SHOTS])
    ax.minorticks_off()
    ax.set_ylim(0, 1)
    fig.legend(loc="outside upper center", ncols=2, fontsize=9)
    return fig


def draw_trap(numbers: dict[str, float], width: float, height: float) -> Figure:
    """Draw what is left of the source under its old head, a step each."""
    fig, ax = figures.panels(width, height)
    names = {
        "frozen": "frozen",
        "half": "no gradients,\nbut training\nmode",
        "tuned": "fine-tuned",
    }
    looks: tuple[dict[str, Any], ...] = (
        {"color": GREEN},
        {"color": BLUE},
        {"color": ORANGE},
    )
    for row, (name, look) in enumerate(zip(names, looks, strict=True)):
        value = numbers[f"source_{name}"]
        (bar,) = ax.barh(row, value, 0.6, **look)
        told = ax.text(value + 0.01, row, f"{value:.1%}", va="center", size=9)
        if row:
            figures.step(row, bar, told)
    ax.set_yticks(range(len(names)), names.values(), size=9)
    ax.set(xlim=(0, 1.12), xlabel="MNIST, under the old head")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


def draw_rates(rate: float, steps: int) -> Figure:
    """Draw both learning rates as they fall on a cosine."""
    fig, ax = figures.panels(5.2, 2.5)
    falling = (1 + torch.linspace(0, torch.pi, steps + 1).cos()) / 2
    for name, factor in (("head", 1.0), ("backbone", RATIO)):
        ax.plot((rate * factor * falling).tolist(), label=name)
    figures.step(1, ax.lines[1])
    ax.set(xlabel="steps", ylabel="learning rate")
    ax.legend()
    return fig


def draw_once(steps: int) -> Figure:
    """Draw how many images go through the backbone: in every step, or once."""
    fig, ax = figures.panels(5.2, 1.5)
    images = {"in every step": 32 * steps, "once": 10 * 10}
    looks: tuple[dict[str, Any], ...] = (
        {"color": ORANGE},
        {"color": BLUE},
    )
    for row, (many, look) in enumerate(zip(images.values(), looks, strict=True)):
        (bar,) = ax.barh(row, many, 0.6, **look)
        told = ax.text(many + 20, row, f"{many:,}", va="center", size=9)
        if row:
            figures.step(row, bar, told)
    ax.set_yticks(range(len(images)), images)
    ax.set(xlabel="images through the backbone", xlim=(0, 1.15 * 32 * steps))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


def draw_resnet() -> Figure:
    """Draw ResNet-18 as backbone and head, and in steps the head replaced."""
    fig, ax = figures.board(5.2, 2.1, (0, 20.4), (8.6, -0.4))
    ax.text(0.9, 2, "photo", size=9, **MIDDLE)
    ax.text(0.9, 3.1, "224 × 224", size=8, **MIDDLE)
    arrow(ax, (2.2, 2), (3, 2))
    block(ax, (3.1, 0.4, 8.6, 3.2), "backbone: 20 convolutions", COPIED, 9)
    ax.text(7.4, 4.4, "11,176,512 parameters", size=9, **MIDDLE)
    arrow(ax, (11.8, 2), (13.4, 2))
    ax.text(12.6, 1.2, "512", size=8.5, **MIDDLE)
    block(ax, (13.5, 0.4, 6.4, 3.2), "512 → 1,000\n513,000", STILL, 9)
    ax.text(20, 4.4, "ImageNet's classes", size=9, ha="right", va="center")
    crossed = ax.plot([13.5, 19.9], [3.6, 0.4], color=ORANGE, lw=2.2, ls="-")
    figures.step(1, *crossed)
    new = block(ax, (13.5, 5.2, 6.4, 2.6), "512 → 10\n5,130", RANDOM, 9)
    line = ax.plot([12.6, 12.6, 13.3], [2.2, 6.5, 6.5], color=INK, lw=1.4, ls="-")
    told = ax.text(12.2, 6.5, "model.fc = nn.Linear(512, 10)", size=8.5, **RIGHT)
    figures.step(2, *new, *line, told)
    return fig


def draw_files() -> Figure:
    """Draw what a pickle holds, and in a step what a safetensors file holds."""
    fig, ax = figures.board(5.2, 2.5, (0, 20), (10, -1.4))
    ax.text(4.5, -0.8, "pickle: a program", size=10, **MIDDLE)
    steps = ("make a dict", "put numbers in", "import a function", "CALL it")
    for row, text in enumerate(steps):
        look = RANDOM | {"hatch": ""} if row > 1 else STILL
        block(ax, (0.2, 2.35 * row + 0.2, 8.6, 1.9), text, look)
    right: list[Artist] = [
        ax.text(15.2, -0.8, "safetensors: a table", size=10, **MIDDLE)
    ]
    table = ("length of the header", "header: names, types,\nshapes, places", "numbers")
    tops, heights = (0.2, 2.1, 5.4), (1.5, 2.9, 3.75)
    for text, top, height in zip(table, tops, heights, strict=True):
        right += block(ax, (10.9, top, 8.6, height), text, COPIED)
    figures.step(1, *right)
    return fig


def draw_choose() -> Figure:
    """Draw what to try first, by labels and by likeness, a step for each row."""
    fig, ax = figures.board(5.2, 2.6, (-4.6, 16.2), (8, -1.6))
    columns = "source like the target", "source unlike it"
    for column, text in enumerate(columns):
        ax.text(8 * column + 4, -0.8, text, size=9, **MIDDLE)
    rows = (
        (
            "few\nlabels",
            "linear probe,\ntwo rates",
            "look for another source,\nor early layers only",
        ),
        ("many\nlabels", "fine-tune:\nit is faster", "from scratch,\nand compare"),
    )
    for row, (name, *cells) in enumerate(rows):
        parts: list[Artist] = [ax.text(-2.4, 4 * row + 1.8, name, size=9, **MIDDLE)]
        for column, text in enumerate(cells):
            look = COPIED if column == 0 else STILL
            parts += block(ax, (8 * column + 0.2, 4 * row, 7.6, 3.6), text, look, 8.5)
        figures.step(row + 1, *parts)
    return fig


def draw_card() -> Figure:
    """Draw the questions that a model card answers, a step for each half."""
    fig, ax = figures.board(5.2, 2.5, (0, 20), (8.4, -0.2))
    questions = (
        ("data", "trained on what, labelled by whom?"),
        ("preprocessing", "size, range, mean, order of channels?"),
        ("results", "on which test set, for which groups?"),
        ("use", "what for, and what not for?"),
        ("licence", "of the weights, and of the data?"),
    )
    for row, (name, asked) in enumerate(questions):
        top = 1.65 * row
        parts = block(ax, (0.2, top, 5.6, 1.35), name, COPIED)
        parts.append(ax.text(6.4, top + 0.7, asked, size=9, va="center"))
        if row:
            figures.step(row, *parts)
    return fig


def principal(features: Tensor) -> Tensor:
    """Project features (n, d) on their first two principal components: (n, 2)."""
    centred = features - features.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:2].T


def draw_features(model: ImageClassifier, small: Examples) -> Figure:
    """Draw small digits by features of a random and of the pre-trained backbone."""
    torch.manual_seed(0)
    fig, axes = figures.panels(5.2, 2.6, columns=2)
    marks = {0: ("o", BLUE), 1: ("x", ORANGE), 4: ("^", GREEN)}
    for ax, each, name in zip(
        axes, (ImageClassifier(10), model), ("random", "pre-trained"), strict=True
    ):
        picked = torch.tensor([label in marks for label in small.y.tolist()])
        places, y = principal(predict(each.backbone, small.x[picked])), small.y[picked]
        for label, (mark, colour) in marks.items():
            across, up = places[y == label].T.tolist()
            ax.plot(across, up, mark, color=colour, mfc="none", ms=5, label=str(label))
        ax.set(xticks=[], yticks=[], title=f"{name} backbone")
    axes[0].legend(loc="best", fontsize=9, handlelength=1)
    figures.step(1, axes[1])
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    runs, numbers = stack(results["runs"]), results["numbers"]
    weights, _ = load_weights(source / "pretrained.safetensors")
    model = ImageClassifier(len(weights["head.bias"]))
    model.load_state_dict(weights)
    images, (x, y) = load(results["data"], results["seed"]), all_digits()
    small = Examples(enlarge(x), y)
    train = Examples(images.train.x[:2000], images.train.y[:2000])
    large = draw_few(train, 1, seed=0)
    bring = enlarge if results["data"] == "digits" else shrink
    large = Examples(bring(large.x), large.y)
    few = draw_few(small, 1, seed=0)
    steps = [numbers[name] for name in ("short_steps", "steps", "long_steps")]
    return {
        "idea": draw_idea(large, few),
        "images": draw_images(large, few),
        "ways": draw_ways(),
        "shots": draw_shots(runs, 5.2, columns=4),
        "shots_small": draw_shots(runs, 3.4, columns=2),
        "budgets": draw_budgets(runs, steps),
        "others": draw_others(runs),
        "harm": draw_harm(runs),
        "trap": draw_trap(numbers, 5.2, 1.9),
        "trap_small": draw_trap(numbers, 3.4, 2.6),
        "rates": draw_rates(0.1, numbers["steps"]),
        "once": draw_once(numbers["steps"]),
        "resnet": draw_resnet(),
        "files": draw_files(),
        "choose": draw_choose(),
        "card": draw_card(),
        "features": draw_features(model, draw_few(small, 25, seed=1)),
    }


if __name__ == "__main__":
    figures.run(draw)
