"""The figures of the lecture on handwritten digits, from what code/mlp.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from mlp import (
    HIDDEN,
    confidence,
    corrupted,
    most_influential,
    network,
    photographs,
    untrained,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.images import Images, load
from neuronup.loop import predict
from neuronup.one_hot import one_hot

TITLES = {
    "whole": "as it is",
    "shift_1": "1 to the right",
    "shift_2": "2 to the right",
    "shift_4": "4 to the right",
    "noise": "noise",
    "inverted": "inverted",
    "photo": "a photograph",
}
CUT = 9  # rows and columns of a digit that are written out as numbers


def grey(x: Tensor) -> Tensor:
    """Make images (n, channels, height, width) grey, in few levels: few bytes."""
    return (8 * x.mean(dim=1, keepdim=True)).round() / 8


def gallery(titled: list[tuple[Tensor, str]], rows: int, height: float) -> Figure:
    """Draw images (channels, height, width) dark on light, each under its title."""
    columns = -(-len(titled) // rows)
    fig, axes = figures.panels(5.2, height, rows=rows, columns=max(2, columns))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (image, title) in zip(axes.flat, titled, strict=False):
        shades = grey(image[None])[0, 0].cpu().numpy()
        ax.imshow(shades, interpolation="none", vmin=0, vmax=1)
        ax.set_title(title, fontsize="small")
    return fig


def draw_digits(images: Images) -> Figure:
    """Draw four images of each class, a column for each."""
    x, y = images.train
    classes = range(len(images.classes))
    rows = [torch.stack([x[y == i][row] for i in classes]) for row in range(4)]
    fig, ax = figures.panels(5.2, 2.5)
    figures.tiles(ax, grey(torch.cat(rows)), len(classes))
    pitch = x.shape[3] + 1
    ax.set_xticks([(i + 0.5) * pitch for i in classes], images.classes)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    return fig


def draw_fives(images: Images) -> Figure:
    """Draw many images of class 5."""
    fig, ax = figures.panels(5.2, 2.2)
    figures.tiles(ax, grey(images.train.x[images.train.y == 5][:30]), 10)
    return fig


def draw_five(images: Images) -> Figure:
    """Draw one image of class 5, and write some of its pixels beside it."""
    image = images.train.x[images.train.y == 5][0].mean(dim=0)
    top = max(0, (image.shape[0] - CUT) // 2)
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    figures.greyscale(left, image, levels=8)
    part = (image * 255).round().int()[top : top + CUT, top : top + CUT]
    figures.box(left, top, top, *part.shape, edgecolor=figures.ORANGE, linewidth=2)
    cells = {
        (top + j, top + i): v
        for i, row in enumerate(part.tolist())
        for j, v in enumerate(row)
    }
    figures.table(right, cells)
    for text in right.texts:
        text.set_fontsize(6.5)
    left.set_title("as a picture")
    right.set(title="the frame, as numbers", aspect="equal", xticks=[], yticks=[])
    return fig


def draw_one_hot(images: Images) -> Figure:
    """Draw six images, and at the next step the label of each as a one-hot vector."""
    x, y = (each[:6] for each in images.train)
    classes = len(images.classes)
    fig, (left, right) = figures.panels(5.2, 2.8, columns=2)
    figures.tiles(left, grey(x), 1)
    rows = one_hot(y, classes).int().tolist()
    cells = {(j, i): v for i, row in enumerate(rows) for j, v in enumerate(row)}
    figures.table(right, cells)
    right.set_xticks(range(classes), images.classes)
    right.xaxis.tick_top()
    right.tick_params(length=0)
    right.set(yticks=[])
    figures.step(1, right)
    return fig


def draw_layers(images: Images) -> Figure:
    """Draw an image, its pixels as a vector, and two layers; count their parameters."""
    fig, ax = figures.panels(5.2, 2.4)
    shades = grey(images.train.x[images.train.y == 5][:1])[0, 0]
    span = (0, 3, 0, 3)
    ax.imshow(shades.numpy(), interpolation="none", extent=span, vmin=0, vmax=1)
    sizes = (images.train.x[0].numel(), HIDDEN, len(images.classes))
    names = ("flatten", "linear, ReLU", "linear")
    for i, (size, name) in enumerate(zip(sizes, names, strict=True)):
        place, height = 4.4 + 2.6 * i, 3 - i
        corner = place - 0.2, 1.5 - height / 2
        box = Rectangle(corner, 0.4, height, fill=False, ec=figures.BLUE, lw=2)
        ax.add_patch(box)
        ax.text(place, -0.5, str(size), ha="center")
        start = place - 2.3 if i else 3.1
        arrow = {"arrowstyle": "->", "color": figures.INK}
        ax.annotate("", (place - 0.3, 1.5), (start, 1.5), arrowprops=arrow)
        middle = (start + place - 0.3) / 2
        ax.text(middle, 1.65, name, ha="center", fontsize="small")
        if i:
            total = f"{sizes[i - 1]} · {size} + {size}\n= {(sizes[i - 1] + 1) * size:,}"
            count = ax.text(middle, 1.3, total, ha="center", va="top", size="x-small")
            figures.step(i, count)
    ax.set(xlim=(-0.1, 10), ylim=(-0.8, 3.1), aspect="equal")
    ax.set_axis_off()
    return fig


def draw_answer(images: Images, initial: nn.Module, model: nn.Module) -> Figure:
    """Draw a test image of class 5, and the output before and after training."""
    x = images.test.x[images.test.y == 5][:1]
    fig, (left, right) = figures.panels(5.2, 2.5, columns=2)
    figures.greyscale(left, x[0].mean(dim=0), levels=8)
    places = torch.arange(len(images.classes))
    for name, place, each, look in (
        ("before training", -0.2, initial, {"color": figures.FAINT}),
        ("after", 0.2, model, {"color": figures.BLUE, "hatch": "//"}),
    ):
        p = predict(each, x).softmax(dim=1)[0].tolist()
        right.bar((places + place).tolist(), p, 0.4, label=name, **look)
    right.set(xticks=places.tolist(), ylim=(0, 1.3), title="probability by digit")
    right.legend(loc="upper left", ncols=2, fontsize="small", columnspacing=0.8)
    return fig


def draw_loss(classes: int) -> Figure:
    """Draw the loss by the probability of the true class; at a step, equal ones."""
    fig, ax = figures.panels(3.4, 2.6)
    p = torch.linspace(0.01, 1, 100)
    ax.plot(p.tolist(), (-p.log()).tolist())
    equal, loss = 1 / classes, math.log(classes)
    (dot,) = ax.plot([equal], [loss], "o", color=figures.ORANGE)
    name = ax.text(equal + 0.05, loss, f"{equal:g}: {loss:.2f}", va="bottom")
    figures.step(1, dot, name)
    ax.set(xlabel="probability of the true digit", title="loss", ylim=(0, None))
    return fig


def draw_sizes(scores: dict[str, float]) -> Figure:
    """Draw how many numbers each of three models keeps, on a logarithmic scale."""
    fig, ax = figures.panels(5.2, 1.5)
    kept_by = {
        "logistic regression": scores["logistic_parameters"],
        "the network": scores["parameters"],
        "nearest neighbour": scores["nearest_numbers"],
    }
    ax.barh(list(kept_by), list(kept_by.values()), 0.6)
    ax.set_xscale("log")
    ax.set(xlim=(1, None), xlabel="numbers to keep")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


def draw_confusion(counts: Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw counts (classes, classes) of test images by label and prediction."""
    fig, ax = figures.panels(5.2, 3.9)
    figures.confusion(ax, counts, classes)
    ax.set_aspect("auto")
    return fig


def draw_mistakes(
    worst: list[dict[str, Any]], classes: tuple[str, ...], told: bool
) -> Figure:
    """Draw the misclassified images with the highest confidence; told, with labels."""
    panels = []
    for each in worst:
        prediction, label = classes[each["prediction"]], classes[each["label"]]
        title = f"{prediction}: {each['confidence']:.0%}\n(is {label})"
        panels.append((each["x"], title if told else ""))
    return gallery(panels, rows=2, height=3.1 if told else 2.3)


def signed(ax: Axes, image: Tensor, title: str) -> None:
    """Show weights (height, width): dark if positive, light if negative, 0 between."""
    shades = (8 * image / image.abs().max().clamp(min=1e-9)).round() / 8
    ax.imshow(shades.numpy(), interpolation="none", vmin=-1, vmax=1)
    ax.set_title(title, fontsize="small")
    ax.set_axis_off()


def draw_neurons(images: Images, initial: nn.Module, model: nn.Sequential) -> Figure:
    """Draw four hidden neurons: their weights, and what training added to them."""
    shape, names = images.train.x.shape[1:], images.classes
    now = next(model.parameters()).detach()  # (hidden, pixels)
    added = now - next(initial.parameters()).detach()
    fig, axes = figures.panels(5.2, 2.9, rows=2, columns=4)
    influential = most_influential(model).tolist()
    for column, name, i in zip(range(4), names, influential, strict=False):
        signed(axes[0, column], now[i].reshape(shape).mean(dim=0), f"for {name}")
        signed(axes[1, column], added[i].reshape(shape).mean(dim=0), "added")
    return fig


def draw_moved(found: Tensor) -> Figure:
    """Draw accuracy and confidence (seeds, 2, pixels) by pixels to the right."""
    fig, ax = figures.panels(5.2, 2.6)
    pixels = range(found.shape[2])
    for name, runs in zip(
        ("accuracy", "mean confidence"), found.unbind(1), strict=True
    ):
        figures.band(ax, pixels, runs, name)
    ax.set(xlabel="pixels to the right", ylim=(0, 1.02), xticks=list(pixels))
    ax.legend(loc="lower left")
    return fig


def draw_states(scores: dict[str, float]) -> Figure:
    """Draw accuracy on images in each state, and at the next step the confidence."""
    fig, ax = figures.panels(5.2, 3.4)
    names = list(TITLES)
    right = [scores.get(f"network_{name}", 0.0) for name in names]
    sure = [scores[f"sure_{name}"] for name in names]
    places = range(len(names))
    low, high = ([place + by for place in places] for by in (-0.19, 0.19))
    ax.barh(low, right, 0.36, color=figures.BLUE, label="accuracy")
    look = {"color": figures.ORANGE, "hatch": "//", "label": "mean confidence"}
    figures.step(1, *ax.barh(high, sure, 0.36, **look))
    ax.set(xlim=(0, 1.02), ylim=(len(names) - 0.5, -0.5))
    ax.set_yticks(places, TITLES.values())
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_small(x: Tensor, y: Tensor) -> Figure:
    """Draw an image of each digit, of 8 by 8 pixels."""
    fig, ax = figures.panels(5.2, 2.2)
    figures.tiles(ax, grey(torch.stack([x[y == i][0] for i in range(10)])), 5)
    return fig


def draw_broken(images: Images, model: nn.Module, seed: int) -> Figure:
    """Draw a 5 in each state, and a photograph, with the prediction for each.

    It is the first that is classified correctly, and moved by 4 pixels no longer.
    """
    x, y = images.test
    states = {"whole": x} | corrupted(x, seed) | {"photo": photographs(x)}
    right = (predict(model, x).argmax(dim=1) == y) & (y == 5)
    lost = predict(model, states["shift_4"]).argmax(dim=1) != y
    first = int((right & lost).int().argmax())
    panels = []
    for name, state in states.items():
        chosen = state if name == "photo" else state[first : first + 1]
        z = predict(model, chosen)
        surest = int(confidence(z).argmax())
        prediction = images.classes[int(z[surest].argmax())]
        sure = float(confidence(z)[surest])
        panels.append((chosen[surest], f"{TITLES[name]}\n{prediction}: {sure:.0%}"))
    return gallery(panels, rows=2, height=3.5)


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    seed, images = results["seed"], load(results["data"], results["seed"])
    model, initial = network(images, HIDDEN), untrained(images, seed)
    model.load_state_dict(results["weights"])
    worst, classes = results["mistakes"], images.classes
    return {
        "digits": draw_digits(images),
        "fives": draw_fives(images),
        "five": draw_five(images),
        "one_hot": draw_one_hot(images),
        "layers": draw_layers(images),
        "answer": draw_answer(images, initial, model),
        "loss": draw_loss(len(classes)),
        "sizes": draw_sizes(results["scores"]),
        "curves": figures.history(results["history"]),
        "confusion": draw_confusion(results["confusions"], classes),
        "unlabelled": draw_mistakes(worst, classes, told=False),
        "mistakes": draw_mistakes(worst, classes, told=True),
        "neurons": draw_neurons(images, initial, model),
        "moved": draw_moved(results["moved"]),
        "broken": draw_broken(images, model, seed),
        "states": draw_states(results["scores"]),
        "small": draw_small(*load("digits", seed).train),
    }


if __name__ == "__main__":
    figures.run(draw)
