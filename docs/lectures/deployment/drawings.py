"""The figures of the lecture on deployment, drawn from what code/deployment.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

import onnx
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import interpolate, pad

from deployment import (
    BOX,
    CHANGES,
    SIDE,
    TIMED_SIZES,
    as_mnist,
    change,
    prepare_drawing,
    scribbles,
    small_network,
    turned,
)
from neuronup import figures
from neuronup.command import BadInput, kept
from neuronup.drift import ALARMS, Monitor, ks_statistic
from neuronup.export import Served
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, arrow, board, greyscale
from neuronup.images import Scale, load
from neuronup.loaders import Examples
from neuronup.loop import predict
from neuronup.transforms import affine, random_noise
from neuronup.weights import load_weights

NAMES = {"all three": "move, turn, zoom", "none": "no augmentation"}
OPS = {  # what the exported graph calls its nodes, and what they do here
    "Unsqueeze": "a channel",
    "Cast": "to floats",
    "Div": "divide",
    "Sub": "less the mean",
    "Conv": "convolution",
    "Relu": "ReLU",
    "MaxPool": "max pooling",
    "Reshape": "flatten",
    "Gemm": "linear layer",
}


def load_served(path: Path) -> tuple[Served, list[str]]:
    """Read the network to ship and its classes; raise BadInput if there is none."""
    weights, about = load_weights(path)
    try:
        network = small_network(len(about["classes"]))
        network.load_state_dict(weights)
        scale = Scale(*(torch.full((1, 1, 1), about[name]) for name in ("mean", "std")))
    except (KeyError, RuntimeError) as error:
        raise BadInput(
            f"{path} holds no weights of this network ({type(error).__name__}); "
            "run the script with --out to make the file anew."
        ) from None
    return Served(scale, network).eval(), about["classes"]


def answer(served: Served, image: Tensor, classes: list[str]) -> str:
    """Say what the network takes an image (28, 28), 0 to 1, for, and how surely."""
    logits = served.network(served.standardise(image[None, None])).detach()
    p = logits.softmax(dim=1)[0]
    return f"“{classes[int(p.argmax())]}”, {float(p.amax()):.0%}"


def draw_fed(served: Served, image: Tensor, classes: list[str]) -> Figure:
    """Draw a sheet with a digit, and what the network says to it, fed in two ways."""
    sheet = scribbles(image[None, None], seed=3)[0]
    squeezed = interpolate(sheet[None, None], (SIDE, SIDE), mode="area")[0, 0]
    prepared = prepare_drawing(sheet)
    fig, axes = figures.panels(5.2, 2.2, columns=3)
    views = {"the sheet": sheet, "made small": squeezed, "prepared": prepared}
    for number, (ax, (name, view)) in enumerate(zip(axes, views.items(), strict=True)):
        greyscale(ax, view, name, levels=4)
        ax.spines[:].set_visible(True)
        if number:
            ax.set_xlabel(answer(served, view, classes))
            figures.step(number, ax)
        else:
            ax.set_xlabel("140 × 140 pixels")
    return fig


def draw_prepare(image: Tensor) -> Figure:
    """Draw the steps from a drawing to what MNIST's images look like."""
    sheet = scribbles(image[None, None], seed=5)[0]
    rows, columns = (sheet.amax(dim=axis).nonzero()[:, 0] for axis in (1, 0))
    cut = sheet[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = prepare_drawing(sheet)
    at = found.nonzero().amin(dim=0).tolist()
    fig, axes = figures.panels(5.2, 1.75, columns=4)
    views = {"drawn": sheet, "cut out": cut, "longer side 20": found, "centred": found}
    for number, (ax, (name, view)) in enumerate(zip(axes, views.items(), strict=True)):
        if name == "longer side 20":
            top, left = at
            view = found[top : top + BOX, left : left + BOX]
        room = max(view.shape) - view.shape[1]  # all panels are square
        greyscale(ax, pad(view, (room // 2, room - room // 2)), levels=4)
        ax.set_title(name, size=9)
        ax.spines[:].set_visible(True)
        if number:
            figures.step(number, ax)
        if name == "centred":
            mass = found / found.sum()
            places = torch.arange(float(SIDE))
            x, y = float(mass.sum(dim=0) @ places), float(mass.sum(dim=1) @ places)
            ax.plot([x], [y], "+", color=ORANGE, ms=14, mew=2.5)
    return fig


def versions(image: Tensor, other: Tensor) -> dict[str, Tensor]:
    """Change an image (28, 28) as each augmentation may, by much of what it may."""
    x, one, still = image[None, None], torch.ones(1), torch.zeros(1, 2)
    return {
        "move": affine(x, 0 * one, one, torch.tensor([[2.0, -2.0]])),
        "turn": turned(x, 25),
        "zoom": affine(x, 0 * one, 0.75 * one, still),
        "noise": random_noise(0, 0.2)(x),
        "mixup": 0.6 * x + 0.4 * other[None, None],
        "mirror": x.flip(3),
        "half turn": x.flip(2, 3),
    }


def draw_kinds(image: Tensor, other: Tensor, names: tuple[str, str]) -> Figure:
    """Draw an image, and what each augmentation makes of it, those that harm last."""
    fig, axes = figures.panels(5.2, 2.9, rows=2, columns=4)
    greyscale(axes[0, 0], image, f"a {names[0]}", levels=4)
    made = versions(image, other)
    for ax, (name, view) in zip(axes.flat[1:], made.items(), strict=True):
        greyscale(ax, view[0, 0], name, levels=4)
    labels = [names[0]] * 5 + [f"60 % {names[0]}, 40 % {names[1]}", "?", "?"]
    for number, (ax, label) in enumerate(zip(axes.flat, labels, strict=True)):
        ax.spines[:].set_visible(True)
        ax.set_xlabel(f"label: {label}" if "%" not in label else label, size=8.5)
        if number > 3:
            figures.step(1, ax)
    return fig


def draw_mixed(image: Tensor, other: Tensor, names: tuple[str, str]) -> Figure:
    """Draw two images, and at a step their mixture, with the label of each."""
    fig, axes = figures.panels(5.2, 2.2, columns=3)
    mixed = 0.6 * image + 0.4 * other
    a, b = names
    views = {f"0.6 × a {a}": image, f"+ 0.4 × a {b}": other, "= a mixture": mixed}
    labels = (f"label: {a}", f"label: {b}", f"60 % {a}, 40 % {b}")
    for number, (ax, (name, view)) in enumerate(zip(axes, views.items(), strict=True)):
        greyscale(ax, view, name, levels=5)
        ax.spines[:].set_visible(True)
        ax.set_xlabel(labels[number])
        if number == 2:
            figures.step(1, ax)
    return fig


def shares(matrices: list[Tensor]) -> Tensor:
    """Return the accuracy of each run (seeds,)."""
    runs = torch.stack(matrices).float()
    return runs.diagonal(dim1=1, dim2=2).sum(dim=1) / runs.sum(dim=(1, 2))


def draw_accuracy(matrices: dict[str, list[Tensor]]) -> Figure:
    """Draw accuracy by augmentation, mean and range; those that harm in a step."""
    fig, ax = figures.panels(5.2, 3.0)
    plain = float(shares(matrices["none"]).mean())
    ax.axvline(plain, color=FAINT, ls=":", lw=1.5)
    for row, (kind, each) in enumerate(matrices.items()):
        right = shares(each)
        mean, low, high = (float(v) for v in (right.mean(), right.amin(), right.amax()))
        harms = kind in ("mirror", "half turn")
        look: dict[str, Any] = {"color": ORANGE if harms else BLUE}
        mark = ax.plot([mean], [row], "s" if harms else "o", ms=6, **look)
        line = ax.plot([low, high], [row, row], "-", lw=1.5, **look)
        told = ax.text(high + 0.004, row, f"{mean:.1%}", va="center", size=9)
        figures.step(1 + harms, *((*mark, *line, told) if row else ()))
    ax.set_yticks(range(len(matrices)), [NAMES.get(kind, kind) for kind in matrices])
    ax.invert_yaxis()
    ax.set(xlabel="test accuracy after training on 200 images")
    ax.grid(axis="y", visible=False)
    return fig


def draw_sixes(matrices: dict[str, list[Tensor]], six: Tensor, nine: Tensor) -> Figure:
    """Draw a 6, the same after half a turn, a 9; and the share of 6s called 9."""
    fig, axes = figures.panels(5.2, 2.1, columns=4)
    views = {"a 6": six, "half a turn": six.flip(0, 1), "a 9": nine}
    for ax, (name, view) in zip(axes, views.items(), strict=False):
        greyscale(ax, view, levels=4)
        ax.set_title(name, size=10)
    ax = axes[3]
    for row, kind in enumerate(("none", "half turn")):
        total = torch.stack(matrices[kind]).sum(dim=0).float()
        share = float(total[6, 9] / total[6].sum())
        look = {"color": ORANGE, "hatch": "//"} if row else {"color": BLUE}
        bars = ax.bar([row], [share], 0.6, **look)
        told = ax.text(row, share, f"{share:.1%}", ha="center", va="bottom", size=9)
        figures.step(1, *bars, told)
    ax.set_title("6s called 9", size=10)
    ax.set_xticks([0, 1], ["none", "half turn"], size=8.5)
    ax.set(yticks=[], ylim=(0, None))
    ax.margins(y=0.2)
    ax.spines["left"].set_visible(False)
    return fig


def steps_of(path: Path) -> list[tuple[str, str]]:
    """List the nodes of an ONNX file in order, each with the shape of its output."""
    graph = onnx.load(path).graph
    shapes = {}
    for value in [*graph.value_info, *graph.output]:
        dims = value.type.tensor_type.shape.dim
        sides = [str(dim.dim_value) for dim in dims[1:]]  # of each of n images
        shapes[value.name] = " × ".join(sides)
    return [(node.op_type, shapes[node.output[0]]) for node in graph.node]


def draw_graph(path: Path) -> Figure:
    """Draw the nodes of the exported file, in two columns; the preprocessing first."""
    nodes = steps_of(path)
    first = next(at for at, (kind, _) in enumerate(nodes) if kind == "Conv")
    fig, ax = board(5.2, 3.1, (0, 10.4), (-8.6, 1.1))
    columns = ([("image", "28 × 28"), *nodes[:first]], nodes[first:])
    look: dict[str, Any] = {"va": "center", "size": 8.8}
    for left, part, step in ((0.0, columns[0], 1), (5.4, columns[1], 2)):
        parts: list[Artist] = []
        for row, (kind, shape) in enumerate(part):
            told = OPS.get(kind, "bytes")
            colour = INK if kind == "image" else (GREEN if step == 1 else BLUE)
            frame = {
                "boxstyle": "round,pad=0.25",
                "fc": "none",
                "ec": colour,
                "lw": 1.4,
            }
            shown: list[Artist] = [
                ax.text(left + 0.85, -row, kind, ha="center", bbox=frame, **look),
                ax.text(left + 1.75, -row, told, **look),
                ax.text(left + 4.95, -row, shape, ha="right", **look),
            ]
            if row:
                down = (left + 0.85, 0.68 - row), (left + 0.85, 0.34 - row)
                shown.append(arrow(ax, *down, lw=1.2))
            parts += [] if kind == "image" else shown
        figures.step(step, *parts)
    for left, title in ((0.0, "preprocessing"), (5.4, "network")):
        ax.text(left, 0.8, title, weight="bold", size=10)
    end = 1.0 - len(columns[0])
    (way,) = ax.plot([0.85, 0.85, 5.15, 5.15], [end - 0.35, end - 0.9, end - 0.9, 0])
    way.set(color=INK, lw=1.2, ls="-")
    figures.step(2, way, arrow(ax, (5.15, 0), (5.6, 0), lw=1.2))
    return fig


FED = {
    "right": "as in training",
    "raw": "0 to 255, not scaled",
    "unscaled": "0 to 1, not standardised",
    "inverted": "dark on a light ground",
    "transposed": "rows for columns",
    "squeezed": "drawings, made small",
    "prepared": "drawings, prepared",
}


def draw_faults(fed: dict[str, float]) -> Figure:
    """Draw the accuracy for each way of feeding the network, a step each."""
    fig, ax = figures.panels(5.2, 2.9)
    for row, name in enumerate(FED):
        well = name in ("right", "prepared")
        look = {"color": BLUE} if well else {"color": ORANGE, "hatch": "//"}
        bars = ax.barh([row], [fed[name]], 0.6, **look)
        text = ax.text(fed[name] + 0.01, row, f"{fed[name]:.1%}", va="center", size=9)
        step = {"inverted": 2, "transposed": 2, "squeezed": 3, "prepared": 3}
        figures.step(step.get(name, 1), *((*bars, text) if row else ()))
    ax.set_yticks(range(len(FED)), list(FED.values()))
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.13), xlabel="accuracy of one and the same network")
    ax.grid(axis="y", visible=False)
    return fig


def draw_latency(times: dict[str, list[float]]) -> Figure:
    """Draw microseconds for an image against the size of the batch."""
    fig, ax = figures.panels(5.2, 2.9)
    for number, (name, each) in enumerate(times.items()):
        scaled = [1e6 * s / size for s, size in zip(each, TIMED_SIZES, strict=True)]
        marker, look = ("o", "-") if number == 0 else ("s", "--")
        (line,) = ax.plot(TIMED_SIZES, scaled, look, marker=marker, label=name)
        figures.step(1 + number, line)
    ax.set(xscale="log", yscale="log", xlabel="images in a batch")
    ax.set(ylabel="microseconds for an image", xticks=TIMED_SIZES)
    ax.set_xticks(TIMED_SIZES, [str(size) for size in TIMED_SIZES])
    ax.minorticks_off()
    ax.legend()
    return fig


def draw_int8(compressed: dict[str, Any]) -> Figure:
    """Draw bytes, accuracy and time of float32, static and dynamic int8."""
    fig, axes = figures.panels(5.2, 2.2, columns=3)
    base = compressed["seconds"]["float32"][1]
    seconds = compressed["seconds"].items()
    views = {
        "kilobytes": {k: size / 1000 for k, size in compressed["bytes"].items()},
        "test accuracy": compressed["right"],
        "time of 256 images": {k: times[1] / base for k, times in seconds},
    }
    looks = {"color": FAINT}, {"color": BLUE, "hatch": "//"}, {"color": ORANGE}
    for number, (ax, (title, values)) in enumerate(
        zip(axes, views.items(), strict=True)
    ):
        form = ("{:.0f}", "{:.1%}", "× {:.1f}")[number]
        for row, value in enumerate(values.values()):
            ax.bar([row], [value], 0.65, **looks[row])
            told = form.format(value)
            ax.text(row, value, told, ha="center", va="bottom", size=8.5)
        ax.set_xticks(range(3), ["float32", "static", "dynam."], size=8)
        ax.set(yticks=[], title=title)
        ax.title.set_size(9.5)
        ax.margins(y=0.18)
        ax.spines["left"].set_visible(False)
        if number:
            figures.step(number, ax)
    return fig


def draw_rounding(weight: Tensor) -> Figure:
    """Draw some weights (n,), the grid of few whole numbers, and where each goes."""
    some = weight.flatten()[:10]
    scale = float(some.abs().amax()) / 7
    fig, ax = board(5.2, 2.0, (-8.2, 8.2), (-2.5, 1.9))
    ax.hlines([1, -1], -7.6, 7.6, color=FAINT, lw=1)
    for level in range(-7, 8):
        ax.vlines(level, -1.15, -0.85, color=INK, lw=1)
        ax.text(level, -1.45, f"{level}".replace("-", "−"), ha="center", va="center")
    for value in (some / scale).tolist():
        ax.plot([value], [1], "o", color=BLUE, ms=5)
        tip = arrow(ax, (value, 0.85), (round(value), -0.8), lw=1)
        figures.step(1, tip)
    ax.text(-7.9, 1.45, "weights", size=9.5)
    ax.text(-7.9, -2.3, "whole numbers; all share one scale", size=9.5)
    for text in ax.texts[:15]:
        text.set_fontsize(9)
    return fig


def draw_changes(test: Examples) -> Figure:
    """Draw the same images as they arrive under each change."""
    kinds = ("none", "turned 20°", "contrast × 0.8", "inverted", "1 in 20 on its side")
    pick = [int((test.y == digit).nonzero()[0]) for digit in (2, 5, 7)]
    few = Examples(test.x[pick], test.y[pick])
    fig, axes = figures.panels(5.2, 2.9, columns=5)
    titles = ("tested", "turned", "contrast", "inverted", "one on its side")
    for number, (ax, kind, title) in enumerate(zip(axes, kinds, titles, strict=True)):
        x = change(few, kind, 0).x
        if number == 4:
            x = torch.cat([few.x[:2], few.x[2:].rot90(1, (2, 3))])
        column = torch.cat(list(x[:, 0]))
        shades = column if kind != "contrast × 0.8" else column.clone()
        shades[0, 0] = 1  # so that all are drawn on one scale
        greyscale(ax, shades, levels=5)
        ax.set_title(title, size=8.5)
        ax.spines[:].set_visible(True)
        if number:
            figures.step(1, ax)
    return fig


def draw_gap(monitor: Monitor, test: Examples) -> Figure:
    """Draw the cumulative shares of the confidence, before and after a turn."""
    x = turned(test.x[-100:], 20)
    old, new = (each["confidence"] for each in (monitor.reference, monitor.measure(x)))
    unsure = {  # 1 - confidence, on a logarithmic scale: most are close to 1
        "held-out images": 1 - old.double(),
        "100 images turned by 20°": 1 - new.double(),
    }
    fig, ax = figures.panels(5.2, 2.7)
    for number, (name, values) in enumerate(unsure.items()):
        ordered = values.clamp(min=1e-5).sort().values
        thin = torch.linspace(0, len(ordered) - 1, 50).long()
        up = ((thin + 1) / len(ordered)).tolist()
        (line,) = ax.plot(
            ordered[thin].tolist(), up, drawstyle="steps-post", label=name
        )
        figures.step(1, *([line] if number else []))
    places = new.sort().values
    gaps = (old[:, None] >= places).float().mean(dim=0) - (
        new[:, None] >= places
    ).float().mean(dim=0)
    at = int(gaps.argmax())
    edge = places[at]
    high, low = (float((each >= edge).float().mean()) for each in (old, new))
    (gap,) = ax.plot([1 - float(edge)] * 2, [low, high], "-", color=INK, lw=2.5)
    size = float(ks_statistic(old, new))
    told = ax.text(
        1.2 * (1 - float(edge)), low - 0.08, f"largest gap: {size:.2f}", va="top"
    )
    figures.step(2, gap, told)
    ax.set(xlabel="1 − confidence", ylabel="share at or below", xscale="log")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_alarms(watched: dict[str, dict[str, float]]) -> Figure:
    """Write in which share of windows each alarm rings, for each change, by steps."""
    fig, ax = board(5.2, 3.1, (-2.5, 5.2), (len(watched) - 0.4, -1.1))
    for column, name in enumerate((*ALARMS, "accuracy")):
        ax.text(1.45 * column, -0.8, name, ha="center", size=8.5, weight="bold")
    for row, (kind, found) in enumerate(watched.items()):
        parts: list[Artist] = [ax.text(-2.5, row, NAMED[kind], va="center", size=9)]
        for column, name in enumerate(ALARMS):
            middle, rings = 1.45 * column, found[name] > 0.5
            look: dict[str, Any] = {"weight": "bold"} if rings else {"color": FAINT}
            look |= {"ha": "center", "va": "center"}
            parts.append(ax.text(middle, row, f"{found[name]:.0%}", **look))
            if rings:
                figures.box(ax, middle, row + 0.12, 1, 0.76, edgecolor=ORANGE, lw=1.5)
                parts.append(ax.patches[-1])
        right = f"{found['accuracy']:.1%}"
        parts.append(ax.text(1.45 * 3, row, right, ha="center", va="center"))
        figures.step(row, *(parts if row else []))
    ax.hlines(-0.45, -2.5, 5.1, color=FAINT, lw=1)
    return fig


NAMED = {
    **{kind: kind for kind in CHANGES},
    "none": "no change",
    "7 means 1": "each 7 now means 1",
}


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    served, classes = load_served(source / "deployment.safetensors")
    images = load(results["data"], results["seed"])
    held, test = as_mnist(images.validation), as_mnist(images.test)
    model = torch.nn.Sequential(served.standardise, served.network)
    prediction = predict(model, test.x).argmax(dim=1)
    known = {
        digit: test.x[(test.y == digit) & (prediction == digit)] for digit in range(10)
    }
    pick = {k: (x if len(x) else test.x[test.y == k])[0, 0] for k, x in known.items()}
    weight = served.network.get_parameter("8.weight").detach()
    return {
        "fed": draw_fed(served, pick[5], classes),
        "prepare": draw_prepare(pick[7]),
        "kinds": draw_kinds(pick[2], pick[7], (classes[2], classes[7])),
        "mixed": draw_mixed(pick[2], pick[7], (classes[2], classes[7])),
        "accuracy": draw_accuracy(results["matrices"]),
        "sixes": draw_sixes(results["matrices"], pick[6], pick[9]),
        "graph": draw_graph(source / "deployment.onnx"),
        "faults": draw_faults(results["fed"]),
        "latency": draw_latency(results["times"]),
        "int8": draw_int8(results["compressed"]),
        "rounding": draw_rounding(weight),
        "changes": draw_changes(test),
        "gap": draw_gap(Monitor(model, held.x[:2000]), test),
        "alarms": draw_alarms(results["watched"]),
    }


if __name__ == "__main__":
    figures.run(draw)
