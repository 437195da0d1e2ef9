"""The figures of the lecture on convolution, drawn from what code/cnn.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import pad

from cnn import (
    FILTERS,
    FOREGROUND,
    PADDING,
    REACH,
    Costs,
    Scores,
    apply_filter,
    detect,
    edge_strength,
    feature_maps,
    load_model,
    maximally_activating_patches,
    photograph,
    scene,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.convolution import conv2d
from neuronup.figures import BLUE, FAINT, ORANGE, box, greyscale, montage
from neuronup.images import load
from neuronup.loaders import Examples

ON_WHITE = "#1f5fc5"  # images have a white background in either palette


def draw_window() -> Figure:
    """Draw one window of an image of numbers, the filter, and the sum they make."""
    image = torch.tensor([[0, 0, 3, 0, 0]] * 3 + [[0, 0, 3, 3, 3]] * 2)
    weight = torch.tensor(FILTERS["B"])
    found = conv2d(image[None, None], weight[None, None], torch.tensor([0]))[0, 0]
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    titles = ("image", "filter", "feature map")
    parts = (image, weight, found)
    for ax, title, part in zip(axes, titles, parts, strict=True):
        for (row, column), value in zip(
            torch.cartesian_prod(*map(torch.arange, part.shape)).tolist(),
            part.flatten().tolist(),
            strict=True,
        ):
            ax.text(column, row, f"{value}".replace("-", "−"), ha="center", va="center")
        size = 1 if title == "feature map" else 3
        rows, columns = part.shape
        grid = {"colors": FAINT, "lw": 0.7}
        ax.hlines([row - 0.5 for row in range(rows + 1)], -0.5, columns - 0.5, **grid)
        ax.vlines(
            [place - 0.5 for place in range(columns + 1)], -0.5, rows - 0.5, **grid
        )
        box(ax, title != "filter", 0, size, size, edgecolor=ORANGE, lw=2.5)
        ax.set(xlim=(-0.7, 4.7), ylim=(4.7, -0.7), aspect="equal", title=title)
        ax.set_axis_off()
    return fig


def draw_lines() -> Figure:
    """Draw the photograph, and what each of three filters keeps of it."""
    image, (fig, axes) = photograph(), figures.panels(5.2, 4.3, rows=2, columns=2)
    greyscale(axes[0, 0], image, "the photograph", inverted=False, levels=6)
    for ax, name in zip(axes.flat[1:], "ABC", strict=True):
        greyscale(
            ax,
            apply_filter(image, name).clamp(0, 1),
            f"filter {name}",
            inverted=False,
            levels=2,
        )
    return fig


def draw_photo() -> Figure:
    """Draw the photograph blurred, sharpened, and as the steepness of its edges."""
    image, (fig, axes) = photograph()[:32, :44], figures.panels(5.2, 1.6, columns=3)
    blurred = apply_filter(apply_filter(image, "blur"), "blur")
    views = {
        "blurred twice": blurred,
        "sharpened": apply_filter(image, "sharpen").clamp(0, 1),
        "Sobel: edges": edge_strength(image).clamp(0, 2.5),
    }
    for ax, (name, view) in zip(axes, views.items(), strict=True):
        greyscale(ax, view, name, inverted=False, levels=4)
    return fig


def draw_filters(model: nn.Sequential) -> Figure:
    """Draw the filters that the first layer learned, for the first channel."""
    weight = model.get_parameter("conv1.weight").detach().cpu()[:, 0]
    fig, axes = figures.panels(5.2, 0.9, columns=len(weight))
    for ax, each in zip(axes, weight, strict=True):
        figures.squares(ax, each)
    return fig


def draw_maps(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw an image x (1, c, h, w), and the first eight maps of each convolution."""
    fig, axes = figures.panels(5.2, 2.8, columns=4)
    greyscale(axes[0], pad(x, (PADDING,) * 4)[0].mean(dim=0), "image")
    for ax, (name, maps) in zip(axes[1:], feature_maps(model, x).items(), strict=True):
        greyscale(ax, montage(maps[0, :8].cpu(), 2), f"layer {name[-1]}")
        high, wide = maps.shape[2:]
        for tile in range(8):
            left, top = tile % 2 * (wide + 1), tile // 2 * (high + 1)
            box(ax, left, top, wide, high, edgecolor=FAINT, lw=0.5)
    return fig


def draw_parts(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw the windows of images x that activate filters of each layer most."""
    fig, axes = figures.panels(5.2, 2.7, rows=3)
    for ax, name in zip(axes, ("relu1", "relu2", "relu3"), strict=True):
        parts = maximally_activating_patches(model, x, name, 8).cpu()
        greyscale(ax, montage(parts, 8))
        label = f"layer {name[-1]}:\n{parts.shape[1]} × {parts.shape[2]}"
        ax.set_ylabel(label, rotation=0, ha="right", va="center")
    return fig


def draw_shifted(scores: Scores) -> Figure:
    """Draw accuracy on test images moved by 0, 1, 2... pixels: mean, range of seeds."""
    fig, ax = figures.panels(5.2, 3.6)
    looks = {"deep MLP": ("o", BLUE), "CNN": ("s", ORANGE)}  # the MLP is like the first
    for (kind, reach, share), runs in scores.items():
        if share == 1 and kind in looks:
            found = torch.tensor(runs)[:, 1:]  # (seeds, 1 + REACH)
            (marker, colour), style = looks[kind], ":-"[reach]
            label = f"{kind}, with translation" if reach else kind
            look = {"color": colour, "ls": style, "marker": marker}
            figures.band(ax, range(REACH + 1), found, label, **look)
    ax.set(xlabel="pixels by which test images are translated", ylabel="accuracy")
    ax.set(xticks=range(REACH + 1))
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_costs(found: Costs) -> Figure:
    """Draw the time of layers against their FLOPs."""
    fig, ax = figures.panels(5.2, 3)
    for (name, each), marker in zip(found.items(), "os", strict=True):
        operations = [8 * flops for flops, _ in each]
        ax.plot(operations, [time for _, time in each], marker=marker, label=name)
    last = found["convolution"][-1][1] / operations[-1]
    even = [operation * last for operation in operations]
    ax.plot(operations, even, ":", color=FAINT, label="in proportion to FLOPs")
    ax.set(xscale="log", yscale="log", xlabel="FLOPs of a batch", ylabel="seconds")
    ax.legend()
    return fig


def outline(ax: Axes, top: int, left: int, side: int, label: str) -> None:
    """Draw a box around an image, with its class above."""
    box(ax, left, top, side, side, edgecolor=ON_WHITE, lw=1.6)
    ax.text(left, top - 1, label, color=ON_WHITE, size="small", va="bottom")


def draw_tasks(images: Examples, classes: Sequence[str]) -> Figure:
    """Draw what the output for each of the four tasks looks like."""
    fig, axes = figures.panels(5.2, 5.4, rows=2, columns=2)
    one, many = scene(images, 2, 1, seed=3), scene(images, 3, 4, seed=3)
    label = classes[int(one.what[0])]
    names = (f"classification: “{label}”", "localisation", "detection")
    for ax, each, name in zip(axes.flat, (one, one, many), names, strict=False):
        greyscale(ax, each.x[0].mean(dim=0), name)
        if each is many or name == "localisation":
            for (top, left), what in zip(each.where.tolist(), each.what, strict=True):
                outline(ax, top, left, images.x.shape[-1], classes[int(what)])
    shade = torch.where(many.mask > 0, 0.35 + 0.05 * many.mask, 0)  # by class
    greyscale(axes[1, 1], shade, "segmentation", levels=20)
    for (top, left), what in zip(many.where.tolist(), many.what, strict=True):
        axes[1, 1].text(left, top - 1, classes[int(what)], size="small")
    for ax in axes.flat:
        ax.spines[:].set_visible(True)
    return fig


def draw_found(
    model: nn.Sequential, images: Examples, classes: Sequence[str]
) -> Figure:
    """Draw a larger scene, and what the sliding network detects in it."""
    truth, side = scene(images, 5, 12, 0), images.x.shape[-1]
    fig, ax = figures.panels(5.2, 4.4)
    greyscale(ax, truth.x[0].mean(dim=0))
    ax.spines[:].set_visible(True)
    for what, top, left in detect(model, truth.x.to(images.x.device), side, FOREGROUND):
        outline(ax, top, left, side, classes[what])
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results, (model, classes) = kept(source), load_model(source / "cnn.safetensors")
    test = load(results["data"], results["seed"]).test
    return {
        "window": draw_window(),
        "lines": draw_lines(),
        "photo": draw_photo(),
        "shifted": draw_shifted(results["scores"]),
        "filters": draw_filters(model),
        "maps": draw_maps(model, test.x[test.y == min(3, len(classes) - 1)][:1]),
        "parts": draw_parts(model, test.x),
        "costs": draw_costs(results["layers"]),
        "tasks": draw_tasks(test, classes),
        "found": draw_found(model, test, classes),
    }


if __name__ == "__main__":
    figures.run(draw)
