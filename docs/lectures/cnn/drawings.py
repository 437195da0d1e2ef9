"""The figures of the lecture on convolution, drawn from what code/cnn.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
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
    Kind,
    Scores,
    apply_filter,
    build,
    convnet,
    count_by_size,
    detect,
    edge_strength,
    feature_maps,
    maximally_activating_patches,
    photograph,
    scene,
)
from neuronup import figures
from neuronup.command import BadInput, kept
from neuronup.convolution import conv2d, windows
from neuronup.figures import BLUE, FAINT, INK, ORANGE, box, greyscale, montage
from neuronup.images import Scale, load
from neuronup.loaders import Examples
from neuronup.weights import load_weights

ON_WHITE = "#1f5fc5"  # images have a white background in either palette


def load_model(path: Path) -> tuple[nn.Sequential, list[str]]:
    """Read a model and its classes; raise BadInput if the file will not do."""
    weights, about = load_weights(path)
    try:
        scale = Scale(weights["scale.mean"], weights["scale.std"])
        model = convnet(about["input"][-1], scale, len(about["classes"]))
        model.load_state_dict(weights)
    except (KeyError, RuntimeError, TypeError) as error:
        raise BadInput(
            f"{path} holds no weights of this network ({type(error).__name__}); "
            "run the script with --out to make the file anew."
        ) from None
    return model.eval(), about["classes"]


def sums() -> tuple[Tensor, Tensor, Tensor]:
    """Make an image of numbers (5, 5), filter B, and their feature map (3, 3)."""
    image = torch.tensor([[0, 0, 3, 0, 0]] * 3 + [[0, 0, 3, 3, 3]] * 2)
    weight = torch.tensor(FILTERS["B"])
    found = conv2d(image[None, None], weight[None, None], torch.tensor([0]))[0, 0]
    return image, weight, found


def lattice(ax: Axes, left: float, top: float, rows: int, columns: int) -> list[Artist]:
    """Draw the lines between so many cells, the first with its middle at left, top."""
    x, y = left - 0.5, top - 0.5
    look: dict[str, Any] = {"colors": FAINT, "lw": 0.7}
    return [
        ax.hlines([y + row for row in range(rows + 1)], x, x + columns, **look),
        ax.vlines([x + column for column in range(columns + 1)], y, y + rows, **look),
    ]


def numbers(
    ax: Axes, left: float, top: float, part: Tensor, size: float = 10.5
) -> list[Artist]:
    """Write whole numbers (rows, columns), the first at left, top."""
    middle: dict[str, Any] = {"ha": "center", "va": "center", "size": size}
    return [
        ax.text(left + column, top + row, f"{value}".replace("-", "−"), **middle)
        for row, line in enumerate(part.tolist())
        for column, value in enumerate(line)
    ]


def frame(
    ax: Axes, left: float, top: float, size: int, colour: str = ORANGE
) -> list[Artist]:
    """Outline `size` by `size` cells."""
    box(ax, left, top, size, size, edgecolor=colour, lw=2.5)
    return [ax.patches[-1]]


def draw_window() -> Figure:
    """Draw one window of an image of numbers, the filter, and the sum they make."""
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    titles = ("image", "filter", "feature map")
    for ax, title, part in zip(axes, titles, sums(), strict=True):
        numbers(ax, 0, 0, part)
        lattice(ax, 0, 0, *part.shape)
        frame(ax, title != "filter", 0, 1 if title == "feature map" else 3)
        ax.set(xlim=(-0.7, 4.7), ylim=(4.7, -0.7), aspect="equal", title=title)
        ax.set_axis_off()
    return fig


def draw_sliding() -> Figure:
    """Draw the first three windows in steps: window, products, sum; then all sums."""
    image, weight, found = sums()
    fig, ax = figures.panels(5.2, 2.75)
    look = {"va": "center", "size": 8}
    for top, name in ((2, "image"), (7, "times filter"), (11, "feature map")):
        ax.text(-5.2, top, name, **look)
    lattice(ax, -0.8, 6, 3, 3)
    numbers(ax, -0.8, 6, weight, 7)
    frame(ax, -0.8, 6, 3, BLUE)
    step = 0
    for place, left in enumerate((4.5, 11.5, 18.5)):
        lattice(ax, left, 0, 5, 5)
        numbers(ax, left, 0, image, 7)
        window = frame(ax, left + place, 0, 3)
        products = image[:3, place : place + 3] * weight
        middle = {"ha": "center", "va": "center", "size": 9}
        multiplied = [
            *lattice(ax, left + 1, 6, 3, 3),
            *numbers(ax, left + 1, 6, products, 7),
            ax.text(left - 0.5, 7, "=" if place == 0 else "→", **middle),
        ]
        so_far = found[:1, : place + 1]
        added = [
            *numbers(ax, left + 1, 10, so_far, 7),
            *frame(ax, left + 1 + place, 10, 1),
            ax.text(left - 0.6, 10, "add:", **middle | {"size": 7}),
        ]
        lattice(ax, left + 1, 10, 3, 3)
        for parts in (window, multiplied, added):
            step += 1
            figures.step(step, *parts)
    figures.step(step + 1, *numbers(ax, left + 1, 11, found[1:], 7))
    ax.set(xlim=(-5.4, 23.2), ylim=(12.7, -0.7), aspect="equal")
    ax.set_axis_off()
    return fig


def draw_indices() -> Figure:
    """Draw what each index of the formula counts: image, filter, feature map."""
    fig, ax = figures.panels(3.6, 2.1)
    middle = {"ha": "center", "va": "center"}
    for left, top, rows, columns in (
        (0.0, 0.0, 5, 6),
        (7.4, 1.0, 3, 3),
        (11.8, 1.0, 3, 4),
    ):
        lattice(ax, left, top, rows, columns)
    frame(ax, 2, 1, 3)
    frame(ax, 7.4, 1, 3, BLUE)
    marks = ((3.0, 3, ORANGE, "x"), (8.4, 3, BLUE, "w"), (13.8, 2, INK, "z"))
    for left, top, colour, name in marks:
        frame(ax, left, top, 1, colour)
        ax.text(left, top, name, style="italic", **middle)
    for left, top, name in (
        (2.0, -0.9, "j"),
        (-0.9, 1, "i"),
        (8.4, 0.1, "s"),
        (6.5, 3, "r"),
        (13.8, 0.1, "j"),
        (15.7, 2, "i"),
    ):
        ax.text(left, top, name, style="italic", **middle)
    for left, name in ((2.5, "channel c"), (8.4, "filter k"), (13.3, "map k")):
        ax.text(left, 5.2, name, size=9, **middle)
    ax.set(xlim=(-1.4, 16.1), ylim=(5.8, -1.5), aspect="equal")
    ax.set_axis_off()
    return fig


LARGE = {"height": 126, "width": 190}  # pixels of the photograph for slides


def draw_photograph() -> Figure:
    """Draw the photograph alone."""
    fig, ax = figures.panels(5.2, 2.2)
    greyscale(ax, photograph(**LARGE), inverted=False, levels=12)
    return fig


def draw_lines(image: Tensor, height: float) -> Figure:
    """Draw a photograph, and in steps what each of three filters keeps of it."""
    fig, axes = figures.panels(5.2, height, rows=2, columns=2)
    greyscale(axes[0, 0], image, "the photograph", inverted=False, levels=6)
    for number, (ax, name) in enumerate(zip(axes.flat[1:], "ABC", strict=True)):
        greyscale(
            ax,
            apply_filter(image, name).clamp(0, 1),
            f"filter {name}",
            inverted=False,
            levels=2,
        )
        figures.step(number + 1, ax)
    return fig


def draw_photo(image: Tensor, height: float, levels: int) -> Figure:
    """Draw a photograph blurred, sharpened, and as the steepness of its edges."""
    fig, axes = figures.panels(5.2, height, columns=3)
    blurred = apply_filter(apply_filter(image, "blur"), "blur")
    views = {
        "blurred twice": blurred,
        "sharpened": apply_filter(image, "sharpen").clamp(0, 1),
        "Sobel: edges": edge_strength(image).clamp(0, 2.5),
    }
    for number, (ax, (name, view)) in enumerate(zip(axes, views.items(), strict=True)):
        greyscale(ax, view, name, inverted=False, levels=levels)
        figures.step(number + 1, ax)
    return fig


def draw_weights() -> Figure:
    """Draw the parameters of 1,000 neurons and of 64 filters for images by size."""
    counts, (fig, ax) = count_by_size(), figures.panels(5.2, 2.6)
    names = {
        "digits": "digit, 8 × 8",
        "mnist": "MNIST, 28 × 28",
        "cifar10": "CIFAR-10, 32 × 32",
        "imagenet": "ImageNet, 224 × 224",
        "phone": "phone, 4000 × 3000",
    }
    kinds = {
        "full": ("1,000 neurons", {"color": BLUE}),
        "conv": ("64 filters of 3 × 3", {"color": ORANGE, "hatch": "//"}),
    }
    for number, (kind, (label, look)) in enumerate(kinds.items()):
        places = [row + 0.4 * number - 0.2 for row in range(len(names))]
        values = [counts[f"{kind}_{name}"] for name in names]
        bars = ax.barh(places, values, 0.36, label=label, **look)
        told = [
            ax.text(1.3 * value, place, f"{value:,}", va="center", size=8)
            for place, value in zip(places, values, strict=True)
        ]
        figures.step(1, *(() if kind == "conv" else (bars[-1], told[-1])))
        figures.step(2, *((*bars, *told) if kind == "conv" else ()))
    ax.set_yticks(range(len(names)), names.values())
    ax.set(xscale="log", xlim=(100, 1e13), xlabel="parameters")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_field(ax: Axes, layers: int, first: int) -> None:
    """Draw what one output sees through layers of 3, in a row; in steps from `first`.

    The layers lie above one another, the pixels at the bottom.
    """
    for level in range(layers + 1):
        top = 1.7 * level
        lattice(ax, 0, top, 1, 9)
        name = f"layer {layers - level}" if level < layers else "pixels"
        ax.text(-0.9, top, name, ha="right", va="center")
        reach = level
        seen = [(4 - reach + each, top) for each in range(2 * reach + 1)]
        parts: list[Artist] = []
        for left, down in seen:
            box(ax, left, down, 1, 1, edgecolor=ORANGE, lw=2.5)
            parts.append(ax.patches[-1])
        if level:
            look: dict[str, Any] = {"color": FAINT, "lw": 1, "ls": "-"}
            above, below = top - 1.2, top - 0.5
            wide = reach - 0.5, reach + 0.5
            parts += ax.plot([4 - wide[0], 4 - wide[1]], [above, below], **look)
            parts += ax.plot([4 + wide[0], 4 + wide[1]], [above, below], **look)
            parts.append(ax.text(9, top, str(len(seen)), va="center"))
            figures.step(first + level - 1, *parts)
    ax.set(xlim=(-3.6, 10.2), ylim=(1.7 * layers + 0.7, -0.7), aspect="equal")
    ax.set_axis_off()


def draw_fields() -> Figure:
    """Draw the receptive field of two layers of 3 by 3, from the side."""
    fig, ax = figures.panels(5.2, 1.8)
    draw_field(ax, 2, first=1)
    return fig


def draw_questions() -> Figure:
    """Draw an image and one twice as large; and three layers of 3, seen from the side.

    The answers come in steps.
    """
    fig, (left, right) = figures.panels(5.2, 2.1, columns=2)
    for place, size in ((0, 4), (6, 8)):
        lattice(left, place, 0, size, size)
        frame(left, place, 0, 3)
    answers = ((1.5, "9 weights\n16 windows"), (9.5, "9 weights\n64 windows"))
    told = [
        left.text(place, 9.6, text, ha="center", va="center", size=9)
        for place, text in answers
    ]
    figures.step(1, *told)
    left.set(xlim=(-1.5, 14), ylim=(11, -0.7), aspect="equal")
    left.set_axis_off()
    draw_field(right, 3, first=2)
    return fig


def draw_baselines(scores: Scores) -> Figure:
    """Draw the accuracy of each network in three settings, a step each."""
    fig, ax = figures.panels(5.2, 2.75)
    settings = {  # share of the training images, pixels by which test images are moved
        "all images": (1.0, 0),
        "a tenth of them": (0.1, 0),
        "moved by a pixel": (1.0, 1),
    }
    looks: dict[Kind, dict[str, Any]] = {
        "MLP": {"color": FAINT},
        "deep MLP": {"color": BLUE, "hatch": "//"},
        "CNN": {"color": ORANGE, "hatch": "\\\\"},
    }
    for row, (share, moved) in enumerate(settings.values()):
        for number, (kind, look) in enumerate(looks.items()):
            place = row + 0.28 * (number - 1)
            mean = float(torch.tensor(scores[kind, 0, share])[:, 1 + moved].mean())
            (bar,) = ax.barh(place, mean, 0.25, label=kind if row == 0 else "", **look)
            told = ax.text(mean + 0.01, place, f"{mean:.1%}", va="center", size=8)
            if row:
                figures.step(row, bar, told)
    ax.set_yticks(range(len(settings)), settings)
    ax.set(xlim=(0, 1.12), xlabel="test accuracy")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw_pooled() -> Figure:
    """Draw a row of numbers, shifted by 0, 1 and 2, and what pooling keeps of it."""
    fig, ax = figures.panels(3.6, 3.3)
    row = torch.tensor([[0, 0, 3, 5, 2, 0, 0, 0]])
    for shift in range(3):
        moved, top = row.roll(shift, dims=1), 3.6 * shift
        pooled = windows(moved[None, None], (1, 2), 2).amax(dim=(-2, -1))[0, 0]
        name = "pooled" if shift == 0 else f"shifted by {shift}"
        parts = [*lattice(ax, 0, top, 1, 8), *numbers(ax, 0, top, moved)]
        parts.append(ax.text(-0.8, top, "row" if shift == 0 else name, ha="right"))
        for place, value in enumerate(pooled[0].tolist()):
            left = 2.0 * place + 0.5
            parts += lattice(ax, left, top + 1.5, 1, 1)
            parts += numbers(ax, left, top + 1.5, torch.tensor([[value]]))
            if value:
                parts += frame(ax, left, top + 1.5, 1)
            for side in (-0.5, 0.5):
                line = ([left + side, left], [top + 0.5, top + 1])
                parts += ax.plot(*line, color=FAINT, ls="-", lw=1)
        parts.append(ax.text(-0.8, top + 1.5, "pooled", ha="right"))
        if shift:
            figures.step(shift, *parts)
    for text in ax.texts:
        text.set_va("center")
    ax.set(xlim=(-4.6, 7.8), ylim=(9.5, -0.7), aspect="equal")
    ax.set_axis_off()
    return fig


def draw_filters(model: nn.Sequential) -> Figure:
    """Draw the filters that the first layer learned, for the first channel."""
    weight = model.get_parameter("conv1.weight").detach().cpu()[:, 0]
    fig, axes = figures.panels(5.2, 0.9, columns=len(weight))
    for ax, each in zip(axes, weight, strict=True):
        figures.squares(ax, each)
    return fig


def draw_edges(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw each filter of the first layer; at a step, its map of an image x."""
    weight = model.get_parameter("conv1.weight").detach().cpu()[:, 0]
    maps = feature_maps(model, x)["relu1"][0].cpu()
    fig, axes = figures.panels(5.2, 1.5, rows=2, columns=len(weight))
    for (above, below), each, found in zip(axes.T, weight, maps, strict=True):
        figures.squares(above, each)
        greyscale(below, found, levels=4)
        figures.step(1, below)
    return fig


def draw_maps(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw an image x (1, c, h, w), and the first four maps of each convolution."""
    fig, axes = figures.panels(5.2, 1.6, columns=4)
    greyscale(axes[0], pad(x, (PADDING,) * 4)[0].mean(dim=0), "image", levels=3)
    for ax, (name, maps) in zip(axes[1:], feature_maps(model, x).items(), strict=True):
        greyscale(ax, montage(maps[0, :4].cpu(), 2), f"layer {name[-1]}", levels=3)
        high, wide = maps.shape[2:]
        for tile in range(4):
            left, top = tile % 2 * (wide + 1), tile // 2 * (high + 1)
            box(ax, left, top, wide, high, edgecolor=FAINT, lw=0.5)
        figures.step(int(name[-1]), ax)
    return fig


def draw_parts(model: nn.Sequential, x: Tensor) -> Figure:
    """Draw the windows of images x that activate filters of each layer most."""
    fig, axes = figures.panels(5.2, 2.7, rows=3)
    for ax, name in zip(axes, ("relu1", "relu2", "relu3"), strict=True):
        parts = maximally_activating_patches(model, x, name, 6).cpu()
        greyscale(ax, montage(parts, 6), levels=3)
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
    ax.text(left, top - 1, label, color=ON_WHITE, va="bottom")


def draw_tasks(images: Examples, classes: Sequence[str], rows: int) -> Figure:
    """Draw what the output for each of the four tasks looks like, a step each."""
    columns = 4 // rows
    fig, axes = figures.panels(5.2, 2.7 * rows - 0.7, rows=rows, columns=columns)
    one, many = scene(images, 2, 1, seed=24), scene(images, 2, 3, seed=24)
    names = ("classification", "localisation", "detection", "segmentation")
    views = (one, one, many, many)
    for number, (ax, each, name) in enumerate(
        zip(axes.flat, views, names, strict=True)
    ):
        image = each.x[0].mean(dim=0)
        if name == "segmentation":
            image = torch.where(each.mask > 0, 0.35 + 0.05 * each.mask, 0)  # by class
        greyscale(ax, image, levels=20 if name == "segmentation" else 3)
        ax.set_title(name, size=10 if rows > 1 else 9)
        for (top, left), what in zip(each.where.tolist(), each.what, strict=True):
            label = classes[int(what)]
            if name in ("localisation", "detection"):
                outline(ax, top, left, images.x.shape[-1], label)
            elif name == "segmentation":
                ax.text(left, top - 1, label, color=ON_WHITE)
            else:
                ax.set_xlabel(f"“{label}”")
        ax.spines[:].set_visible(True)
        if number:
            figures.step(number, ax)
    return fig


def draw_found(
    model: nn.Sequential, images: Examples, classes: Sequence[str]
) -> Figure:
    """Draw a larger scene, and what the sliding network detects in it."""
    truth, side = scene(images, 5, 12, 0), images.x.shape[-1]
    fig, ax = figures.panels(5.2, 4.4)
    greyscale(ax, truth.x[0].mean(dim=0), levels=3)
    ax.spines[:].set_visible(True)
    for what, top, left in detect(model, truth.x.to(images.x.device), side, FOREGROUND):
        outline(ax, top, left, side, classes[what])
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results, (small, classes) = kept(source), load_model(source / "cnn.safetensors")
    images, seed = load(results["data"], results["seed"]), results["seed"]
    model, test = build("CNN", images), images.test
    model.load_state_dict(results["weights"])
    x = test.x[test.y == min(3, len(images.classes) - 1)][:1]
    piece = photograph(**LARGE)
    return {
        "weights": draw_weights(),
        "window": draw_window(),
        "sliding": draw_sliding(),
        "indices": draw_indices(),
        "photograph": draw_photograph(),
        "lines": draw_lines(photograph(), 4.3),
        "lines_large": draw_lines(piece, 3.8),
        "photo": draw_photo(photograph()[:30, :40], 1.6, levels=3),
        "photo_large": draw_photo(piece[:, 20:120], 2.55, levels=10),
        "fields": draw_fields(),
        "costs": draw_costs(results["layers"]),
        "baselines": draw_baselines(results["scores"]),
        "filters": draw_filters(model),
        "edges": draw_edges(model, x),
        "maps": draw_maps(model, x),
        "parts": draw_parts(model, test.x[:1000]),
        "shifted": draw_shifted(results["scores"]),
        "pooled": draw_pooled(),
        "tasks": draw_tasks(test, images.classes, rows=2),
        "tasks_large": draw_tasks(test, images.classes, rows=1),
        "found": draw_found(small, load(results["compare_on"], seed).test, classes),
        "questions": draw_questions(),
    }


if __name__ == "__main__":
    figures.run(draw)
