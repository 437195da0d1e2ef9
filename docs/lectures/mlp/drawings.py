"""The figures of the lecture on digits, drawn from what code/mlp.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
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

TITLES = {
    "whole": "as it is",
    "shift_1": "1 to the right",
    "shift_2": "2 to the right",
    "noise": "noise",
    "inverted": "inverted",
    "photo": "a photograph",
}


def draw_five(images: Images) -> Figure:
    """Draw one image of class 5, and write its pixels beside it in sixteenths."""
    image = images.train.x[images.train.y == 5][0].mean(dim=0)
    fig, (left, right) = figures.panels(5.2, 2.7, columns=2)
    figures.squares(left, image)
    rows = (image * 16).round().int().tolist()
    cells = {(j, i): v for i, row in enumerate(rows) for j, v in enumerate(row)}
    figures.table(right, cells)
    left.set_title("as a picture")
    right.set(title="as numbers", aspect="equal", xticks=[], yticks=[])
    return fig


def draw_answer(images: Images, initial: nn.Module, model: nn.Module) -> Figure:
    """Draw a test image of class 5, and the output before and after training."""
    x = images.test.x[images.test.y == 5][:1]
    fig, (left, right) = figures.panels(5.2, 2.5, columns=2)
    figures.squares(left, x[0].mean(dim=0))
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


def draw_confusion(counts: Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw counts (classes, classes) of test images by label and prediction."""
    fig, ax = figures.panels(5.2, 3.9)
    figures.confusion(ax, counts, classes)
    ax.set_aspect("equal")
    return fig


def draw_mistakes(worst: list[dict[str, Any]], classes: tuple[str, ...]) -> Figure:
    """Draw the misclassified images with the highest confidence."""
    panels = [
        (
            each["x"],
            f"{classes[each['prediction']]}: {each['confidence']:.0%}\n"
            f"(is {classes[each['label']]})",
        )
        for each in worst
    ]
    return figures.grid(panels, rows=2, height=4.2)


def draw_neurons(images: Images, initial: nn.Module, model: nn.Sequential) -> Figure:
    """Draw two hidden neurons: their weights, and what training added to them."""
    shape, names = images.train.x.shape[1:], images.classes
    now = next(model.parameters()).detach()  # (hidden, pixels)
    added = now - next(initial.parameters()).detach()
    panels = []
    for name, i in zip(names, most_influential(model).tolist()[:2], strict=False):
        panels.append((now[i].reshape(shape), f"for {name}"))
        panels.append((added[i].reshape(shape), "added by training"))
    return figures.grid(panels, rows=1, height=1.8)


def draw_broken(images: Images, model: nn.Module, seed: int) -> Figure:
    """Draw a 5 in each state, and a photograph, with the prediction for each."""
    x, y = images.test
    states = {"whole": x} | corrupted(x, seed) | {"photo": photographs(x)}
    right = (predict(model, x).argmax(dim=1) == y) & (y == 5)
    first = int(right.int().argmax())
    panels = []
    for name, state in states.items():
        chosen = state if name == "photo" else state[first : first + 1]
        z = predict(model, chosen)
        surest = int(confidence(z).argmax())
        prediction = images.classes[int(z[surest].argmax())]
        sure = float(confidence(z)[surest])
        title = f"{TITLES[name]}\n{prediction}: {sure:.0%}"
        panels.append((chosen[surest], title))
    return figures.grid(panels, rows=2, height=4.2)


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    seed, images = results["seed"], load(results["data"], results["seed"])
    model, initial = network(images, HIDDEN), untrained(images, seed)
    model.load_state_dict(results["weights"])
    x, y = images.train
    one_each = [(x[y == i][0], name) for i, name in enumerate(images.classes)]
    return {
        "digits": figures.grid(one_each, rows=2, height=2.8),
        "five": draw_five(images),
        "answer": draw_answer(images, initial, model),
        "curves": figures.history(results["history"]),
        "confusion": draw_confusion(results["confusions"], images.classes),
        "mistakes": draw_mistakes(results["mistakes"], images.classes),
        "neurons": draw_neurons(images, initial, model),
        "broken": draw_broken(images, model, seed),
    }


if __name__ == "__main__":
    figures.run(draw)
