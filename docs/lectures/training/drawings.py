"""The figures of the lecture on training, drawn from what code/training.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from neuronup import figures
from neuronup.checkpoint import History
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, board
from neuronup.seeds import stack
from training import Classifier, parameters_by_module

arrow = partial(figures.arrow, lw=1.5, shrinkA=2, shrinkB=2)
Point = tuple[float, float]


def block(
    ax: Axes, corner: Point, size: Point, text: str = "", **look: Any
) -> list[Artist]:
    """Draw the outline of a box with words in it; return its parts."""
    words = {"fontsize": look.pop("fontsize", "medium"), "ha": "center", "va": "center"}
    edge: dict[str, Any] = {"ec": BLUE, "lw": 1.8} | look
    outline = Rectangle(corner, *size, fill=False, **edge)
    middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    return [ax.add_patch(outline), ax.text(*middle, text, **words)]


def cells(ax: Axes, corner: Point, shape: tuple[int, int], **look: Any) -> Artist:
    """Draw a grid of rows and columns, a unit wide each."""
    (left, low), (rows, columns) = corner, shape
    lines = [((left, low + i), (left + columns, low + i)) for i in range(rows + 1)]
    lines += [((left + j, low), (left + j, low + rows)) for j in range(columns + 1)]
    return ax.add_collection(LineCollection(lines, **look))


def draw_tensor(images: Tensor) -> Figure:
    """Draw a batch of images as a stack, with its dimensions written beside it."""
    fig, ax = board(3.4, 2.9, (0, 10.4), (0, 8.9))
    for i in range(3, 0, -1):
        block(ax, (2.2 + 0.7 * i, 1.6 + 0.6 * i), (4.6, 4.6), ec=FAINT)
    show(ax, images[0], (2.2, 1.6), 4.6)
    block(ax, (2.2, 1.6), (4.6, 4.6))
    words = (
        (4.5, 1.1, "width 28", 0),
        (1.8, 3.9, "height 28", 90),
        (8.0, 8.25, "batch 8", 0),
    )
    for x, y, text, turned in words:
        look: dict[str, Any] = {"rotation": turned, "ha": "center", "va": "center"}
        ax.text(x, y, text, **look)
    arrow(ax, (7.0, 1.6), (9.3, 3.4), color=FAINT)
    ax.text(8.6, 2.0, "channels 1", ha="center", va="center")
    ax.text(5, 0.3, "(8, 1, 28, 28)   float32   cpu", ha="center", weight="bold")
    return fig


def show(ax: Axes, image: Tensor, corner: Point, side: float) -> Artist:
    """Show an image (pixels,) in a square, in few shades."""
    width = round(image.numel() ** 0.5)
    shades = (8 * image.reshape(width, width)).round() / 8
    left, low = corner
    place = left, left + side, low, low + side
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "aspect": "auto"}
    return ax.imshow(shades.numpy(), interpolation="none", extent=place, **look)


def draw_memory() -> Figure:
    """Draw two pieces of memory, and who looks at which; at a step, what they hold."""
    fig, ax = board(5.2, 1.35, (0, 15.6), (0, 4.05))
    cells(ax, (6, 2.3), (1, 3), color=BLUE)
    cells(ax, (6, 0.4), (1, 3), color=ORANGE)
    for x, y, text in (
        (2.2, 3.3, "array"),
        (2.2, 2.0, "shared"),
        (2.2, 0.9, "copied"),
    ):
        ax.text(x, y, text, ha="center", va="center", family="monospace")
    arrow(ax, (3.6, 3.3), (5.8, 2.9))
    arrow(ax, (3.6, 2.1), (5.8, 2.7))
    arrow(ax, (3.6, 0.9), (5.8, 0.9))
    look: dict[str, Any] = {"ha": "center", "va": "center"}
    for y in (2.8, 0.9):
        for x in (7.5, 8.5):
            ax.text(x, y, "0", **look)
    said = ax.text(12.4, 2.8, "array[0] = 7", **look)
    back = arrow(ax, (10.6, 2.8), (9.2, 2.8))
    seven = ax.text(6.5, 2.8, "7", weight="bold", **look)
    figures.step(1, said, back, seven, ax.text(6.5, 0.9, "0", **look))
    return fig


def draw_broadcast() -> Figure:
    """Draw a row repeated downwards; then, at steps, how (5,) - (5, 1) is 5 by 5."""
    fig, ax = board(5.2, 2.7, (0, 31), (0, 16.1))
    solid: dict[str, Any] = {"color": BLUE}
    ghost: dict[str, Any] = {"color": FAINT, "linestyles": "--", "linewidths": 1.0}
    look: dict[str, Any] = {"ha": "center", "va": "center"}

    def words(y: float, texts: str, at: tuple[float, ...]) -> list[Artist]:
        pairs = zip(at, texts.split("|"), strict=True)
        return [ax.text(x, y, text, **look) for x, text in pairs]

    cells(ax, (1, 9), (5, 3), **solid)
    words(15, "(5, 3)|(3,)", (2.5, 11.5))
    ax.text(7, 11.5, "−", fontsize="x-large", **look)
    rest = cells(ax, (10, 9), (4, 3), **ghost)
    cells(ax, (10, 13), (1, 3), **solid)
    result = cells(ax, (21, 9), (5, 3), color=GREEN)
    told = [*words(11.5, "=", (17.5,)), *words(15, "(5, 3)", (22.5,))]
    figures.step(1, rest, result, *told)
    row = cells(ax, (1, 5), (1, 5), **solid)
    column = cells(ax, (10, 1), (5, 1), **solid)
    asked = [
        *words(6.9, "(5,)|(5, 1)", (3.5, 10.5)),
        ax.text(8, 3.5, "−", fontsize="x-large", **look),
    ]
    figures.step(2, row, column, *asked)
    stretched = [
        cells(ax, (1, 1), (4, 5), **ghost),
        cells(ax, (11, 1), (5, 4), **ghost),
    ]
    square = cells(ax, (21, 1), (5, 5), color=ORANGE, linewidths=2.4)
    trap = [*words(3.5, "=", (17.5,)), *words(6.9, "(5, 5)", (23.5,))]
    trap += words(3.5, "25, not 5", (28.6,))
    figures.step(3, *stretched, square, *trap)
    return fig


def draw_adds() -> Figure:
    """Draw what stands in .grad after each of two backward passes, and zero_grad."""
    fig, ax = board(5.2, 2.0, (0, 15.6), (0, 6))
    titles = "before", "backward()", "backward()", "zero_grad()"
    values = "None", "12", "12 + 12\n= 24", "None"
    for i, (title, value) in enumerate(zip(titles, values, strict=True)):
        left = 0.3 + 4 * i
        parts = block(
            ax, (left, 0.5), (3, 2.2), value, ec=FAINT if i % 3 == 0 else BLUE
        )
        parts.append(ax.text(left + 1.5, 5.2, title, ha="center", family="monospace"))
        if i in (1, 2):
            parts.append(arrow(ax, (left + 1.5, 4.8), (left + 1.5, 2.8), color=ORANGE))
            parts.append(ax.text(left + 1.8, 3.7, "+ 12", va="center"))
        if i:
            parts.append(arrow(ax, (left - 0.95, 1.6), (left - 0.05, 1.6)))
            figures.step(i, *parts)
    ax.text(1.8, 3.0, "w.grad", ha="center", family="monospace")
    return fig


def draw_levels() -> Figure:
    """Draw one step on three levels: what you write, and what PyTorch does."""
    fig, ax = board(5.2, 1.9, (0, 15.6), (0, 5.7))
    names = "tensor", "graph node", "module"
    for i, name in enumerate(names):
        left = 0.2 + 5.3 * i
        parts: list[Artist] = [
            ax.text(left + 2.3, 5.1, name, ha="center", weight="bold")
        ]
        for j, task in enumerate(("forward", "backward", "step")):
            yours = j == 0 or i == 0 or (i == 1 and j == 2)
            look: dict[str, Any] = {"ec": BLUE} if yours else {"ec": FAINT, "ls": "--"}
            text = task if yours else f"{task}: PyTorch"
            size = (4.6, 1.2)
            parts += block(
                ax, (left, 3.4 - 1.6 * j), size, text, fontsize="small", **look
            )
        if i:
            figures.step(i, *parts)
    return fig


def draw_tree() -> Figure:
    """Draw the classifier as a tree of modules, with the parameters in each."""
    counts = parameters_by_module(Classifier(pixels=784))
    fig, ax = board(5.2, 2.6, (0, 15.6), (0, 7.8))
    root = f"Classifier: {counts['']:,}"
    block(ax, (5.0, 6.4), (5.6, 1.2), root, ec=BLUE, lw=2.4)
    parts = (
        ("hidden", "Linear", 0.2, ("weight\n64 · 784", "bias\n64")),
        ("dropout", "Dropout", 5.9, ()),
        ("output", "Linear", 10.9, ("weight\n10 · 64", "bias\n10")),
    )
    for name, kind, left, leaves in parts:
        words = f"{name}: {kind}\n{counts[name]:,}"
        drawn = block(ax, (left, 3.6), (4.5, 1.5), words, fontsize="small")
        drawn.append(arrow(ax, (7.8, 6.35), (left + 2.25, 5.15)))
        figures.step(1, *drawn)
        for i, leaf in enumerate(leaves):
            at = left + 2.4 * i
            look: dict[str, Any] = {"ec": GREEN, "fontsize": "small"}
            found = block(ax, (at, 0.6), (2.1, 1.7), leaf, **look)
            found.append(arrow(ax, (left + 2.25, 3.55), (at + 1.05, 2.35)))
            figures.step(2, *found)
    return fig


def draw_conveyor(images: Tensor) -> Figure:
    """Draw the way of an image: from the data set through a transform to a batch."""
    fig, ax = board(5.2, 1.7, (0, 15.6), (0, 5.1))
    for i in range(3, -1, -1):
        show(ax, images[i], (0.2 + 0.45 * i, 1.5 + 0.45 * i), 1.8)
        block(ax, (0.2 + 0.45 * i, 1.5 + 0.45 * i), (1.8, 1.8), ec=FAINT, lw=1)
    look: dict[str, Any] = {"ha": "center", "va": "center"}
    ax.text(1.6, 0.8, "Dataset", **look)
    one = [
        arrow(ax, (3.6, 2.5), (4.9, 2.5)),
        show(ax, images[0], (5.1, 1.6), 1.8),
        ax.text(4.25, 3.2, "[i]", **look),
        ax.text(6.0, 0.8, "uint8\n0 to 255", **look),
    ]
    figures.step(1, *one)
    ready = block(ax, (8.2, 1.8), (2.7, 1.4), "transform", ec=ORANGE)
    ready += [arrow(ax, (7.0, 2.5), (8.1, 2.5))]
    ready += [ax.text(9.55, 0.8, "float32\nmean 0, std 1", **look)]
    figures.step(2, *ready)
    batch: list[Artist] = [arrow(ax, (11.0, 2.5), (12.1, 2.5))]
    for i in range(3, -1, -1):
        corner = 12.2 + 0.45 * i, 1.5 + 0.45 * i
        batch += [
            show(ax, images[i], corner, 1.8),
            *block(ax, corner, (1.8, 1.8), lw=1),
        ]
    batch.append(ax.text(13.6, 0.8, "batch\n(b, 1, 28, 28)", **look))
    figures.step(3, *batch)
    ax.set(xlim=(0, 15.6), ylim=(0, 5.1))
    return fig


def draw_loaders(seconds: dict[str, float]) -> Figure:
    """Draw the time that each loader takes for an image; the fast ones at steps."""
    fig, ax = figures.panels(5.2, 1.9)
    names = (
        "DataLoader,\none image at a time",
        "DataLoader,\nwhole batches",
        "our Loader",
    )
    for i, time in enumerate(seconds.values()):
        look: dict[str, Any] = (
            {"color": BLUE} if i else {"color": ORANGE, "hatch": "//"}
        )
        (bar,) = ax.barh([i], [1e3 * time], 0.6, **look)
        said = ax.text(1e3 * time, i, f" {1e3 * time:.0f}", va="center")
        if i:
            figures.step(i, bar, said)
    ax.set_yticks(range(3), names)
    ax.set(xlabel="µs an image", xlim=(0, 1.15e3 * seconds["usual"]))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    return fig


def draw_parts() -> Figure:
    """Draw the four parts of a training loop, and what passes between them."""
    fig, ax = board(3.4, 2.9, (0, 10.2), (0, 8.7))
    size = 4.1, 1.7
    parts = (
        ((0.1, 6.3), "data loader\ntrain", FAINT),
        ((5.9, 6.3), "model\nz = model(x)", BLUE),
        ((5.9, 1.5), "loss function\nloss(z, y)", BLUE),
        ((0.1, 1.5), "optimiser\nstep()", ORANGE),
    )
    arrows = (
        ((4.3, 7.15), (5.8, 7.15), "x", (5.0, 7.6)),
        ((7.95, 6.2), (7.95, 3.3), "z", (8.5, 4.8)),
        ((5.8, 2.35), (4.3, 2.35), "gradients", (5.0, 0.8)),
        ((3.2, 3.3), (5.9, 6.2), "new weights", (2.4, 4.8)),
    )
    for i, ((corner, text, colour), (start, end, word, at)) in enumerate(
        zip(parts, arrows, strict=True)
    ):
        drawn = block(ax, corner, size, text, ec=colour, fontsize="small")
        drawn.append(arrow(ax, start, end))
        drawn.append(ax.text(*at, word, ha="center", va="center", fontsize="small"))
        if i:
            figures.step(i, *drawn)
    return fig


def draw_devices() -> Figure:
    """Draw few large cores and many small ones, their memories, and what .to copies."""
    fig, ax = board(3.4, 3.1, (0, 10.2), (0, 9.3))
    for i in range(4):
        corner = 0.5 + 1.7 * (i % 2), 5.0 + 1.5 * (i // 2)
        block(ax, corner, (1.5, 1.3), "core", fontsize="small")
    grid = LineCollection(
        [((6.4 + 0.3 * i, 5.0), (6.4 + 0.3 * i, 7.7)) for i in range(12)]
        + [((6.4, 5.0 + 0.3 * i), (9.7, 5.0 + 0.3 * i)) for i in range(10)],
        color=ORANGE,
        linewidths=1.0,
    )
    look: dict[str, Any] = {"ha": "center", "fontsize": "small"}
    ax.text(2.1, 8.3, "CPU", weight="bold", ha="center")
    ax.text(2.1, 4.3, "few large cores", **look)
    block(ax, (0.3, 2.4), (3.6, 1.4), "memory")
    gpu = [
        ax.add_collection(grid),
        ax.text(8.05, 8.3, "GPU", weight="bold", ha="center"),
        ax.text(8.05, 4.3, "many simple cores", **look),
        *block(ax, (6.3, 2.4), (3.6, 1.4), "memory", ec=ORANGE),
    ]
    figures.step(1, *gpu)
    there = [arrow(ax, (4.0, 3.4), (6.2, 3.4)), ax.text(5.1, 3.65, ".to()", **look)]
    copied = "copied: parameters once,\nx and y for every batch"
    figures.step(2, *there, ax.text(5.1, 0.5, copied, **look))
    back = [arrow(ax, (6.2, 2.8), (4.0, 2.8)), ax.text(5.1, 2.1, ".cpu()", **look)]
    figures.step(3, *back)
    return fig


def draw_steps(seconds: dict[int, float], device: str) -> Figure:
    """Draw the time that a step takes for an example, by the size of the batch."""
    fig, ax = figures.panels(3.4, 2.9)
    ax.plot([*seconds], [1e6 * time for time in seconds.values()], marker="o")
    ax.set(xscale="log", yscale="log", xlabel="examples in a batch")
    ax.set_xticks([*seconds], [f"{size:,}" for size in seconds], fontsize="small")
    ax.set_yticks([3, 10, 30, 100, 300], ["3", "10", "30", "100", "300"])
    ax.minorticks_off()
    ax.set_title(f"µs an example; this machine: {device}", fontsize="medium")
    return fig


def draw_losses(found: History) -> Figure:
    """Draw the training loss by epoch, and at a step the validation loss."""
    fig, ax = figures.panels(3.4, 2.9)
    epochs = range(1, len(found["loss"]) + 1)
    ax.plot(epochs, found["loss"], marker="o")
    look: dict[str, Any] = {"fontsize": "small", "va": "bottom"}
    ax.text(1.3, 0.9 * found["loss"][0], "training", **look)
    (line,) = ax.plot(epochs, found["validation_loss"], marker="s")
    name = ax.text(3, 1.15 * found["validation_loss"][2], "validation", **look)
    figures.step(1, line, name)
    ax.set(xlabel="epochs", title="loss", ylim=(0, None))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def draw_schedules(named: dict[str, list[History]]) -> Figure:
    """Draw the learning rate, and the validation loss of some seeds, by epoch."""
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    rates = {name: stack(runs[:1])["rate"] for name, runs in named.items()}
    losses = {name: stack(runs)["validation_loss"] for name, runs in named.items()}
    for ax, values, title in zip(
        axes, (rates, losses), ("learning rate", "validation loss"), strict=True
    ):
        figures.curves(ax, values)
        ax.set(xlabel="epochs", title=title, ylim=(0, None))
    axes[1].get_legend().remove()
    return fig


def draw_checkpoint() -> Figure:
    """Draw what a checkpoint holds, and what each part is for, a step for each row."""
    fig, ax = board(5.2, 2.8, (0, 15.6), (0, 8.4))
    rows = (
        ("model, best", "weights: now, and of the best epoch"),
        ("optimiser", "velocity, averages"),
        ("schedule", "which epoch, which rate"),
        ("random numbers", "order of images, dropout"),
        ("history", "losses so far: for early stopping"),
        ("plan", "which run it is: refused by another"),
        ("checksum", "finds damage"),
    )
    block(ax, (0.2, 0.2), (5.4, 8.0), lw=2.4)
    for i, (name, use) in enumerate(rows):
        y = 7.1 - 1.1 * i
        drawn = block(ax, (0.5, y), (4.8, 0.9), name, ec=GREEN, lw=1.2)
        drawn.append(ax.text(6.1, y + 0.45, use, va="center"))
        if i:
            figures.step(i, *drawn)
    return fig


def draw_whole() -> Figure:
    """Draw how a file is replaced: write another, wait for the disk, rename it."""
    fig, ax = board(5.2, 2.5, (0, 15.6), (0, 7.5))
    titles = "before", "write", "fsync", "replace"
    held = ("old", ""), ("old", "new, half"), ("old", "new"), ("new", "")
    left_over = "old", "old", "old", "new"
    look: dict[str, Any] = {"ha": "center", "va": "center"}
    for i, (title, (good, other)) in enumerate(zip(titles, held, strict=True)):
        x = 1.75 + 3.9 * i
        colour = GREEN if good == "new" else BLUE
        parts: list[Artist] = [ax.text(x, 7.0, title, weight="bold", **look)]
        parts.append(ax.text(x, 6.1, "run.pt", family="monospace", **look))
        parts += block(ax, (x - 1.5, 4.5), (3, 1.2), good, ec=colour)
        if other:
            ls = ":" if "half" in other else "-"
            parts.append(ax.text(x, 3.9, "….partial", family="monospace", **look))
            parts += block(ax, (x - 1.5, 2.3), (3, 1.2), other, ec=GREEN, ls=ls)
        parts.append(ax.text(x, 0.8, f"killed here:\n{left_over[i]} run.pt", **look))
        if i:
            figures.step(i, *parts)
    return fig


def draw_cut(uncut: History, before: History, resumed: History) -> Figure:
    """Draw the training loss of a run, and the same cut off and, at a step, resumed."""
    fig, ax = figures.panels(3.4, 2.9)
    epochs, cut = range(1, len(uncut["loss"]) + 1), len(before["loss"])
    ax.plot(epochs, uncut["loss"], label="never stopped", color=FAINT, lw=4)
    look: dict[str, Any] = {"color": ORANGE, "ls": "none"}
    ax.plot(epochs[:cut], before["loss"], "x", label="cut off", **look, ms=7)
    ax.axvline(cut + 0.5, color=INK, ls=":", lw=1.2)
    rest = resumed["loss"][cut:]
    (rings,) = ax.plot(epochs[cut:], rest, "o", mfc="none", color=BLUE, ls="none")
    name = ax.text(0.97, 0.5, "resumed: o", transform=ax.transAxes, ha="right")
    figures.step(1, rings, name)
    ax.set(xlabel="epochs", title="training loss", ylim=(0, None))
    ax.legend(fontsize="small")
    return fig


def draw_bugs(losses: dict[str, list[float]]) -> Figure:
    """Draw the validation loss of the loop, and at steps that of each broken one."""
    fig, ax = figures.panels(5.2, 3.0)
    for i, (name, curve) in enumerate(losses.items()):
        look: dict[str, Any] = {"color": FAINT, "lw": 5, "ls": "-"} if i == 0 else {}
        (line,) = ax.plot(range(1, len(curve) + 1), curve, marker="osx^v"[i], **look)
        up = {"none": 0.88, "rate × 10": 1.2}.get(name, 1) * curve[-1]
        words = name if i else "as it should be"
        said = ax.text(len(curve) + 0.25, up, words, va="center")
        if i:
            figures.step(i, line, said)
    ax.set(xlabel="epochs", title="validation loss", yscale="log")
    ax.set_yticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    ax.minorticks_off()
    ax.set_xlim(0.5, 1.45 * len(curve))
    ax.set_xticks(range(1, len(curve) + 1, max(1, len(curve) // 5)))
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    history, images = results["history"], results["images"]
    return {
        "tensor": draw_tensor(images),
        "memory": draw_memory(),
        "broadcast": draw_broadcast(),
        "adds": draw_adds(),
        "levels": draw_levels(),
        "tree": draw_tree(),
        "conveyor": draw_conveyor(images),
        "loaders": draw_loaders(results["loaders"]),
        "parts": draw_parts(),
        "devices": draw_devices(),
        "steps": draw_steps(results["steps"], results["device"]),
        "history": figures.history(history),
        "losses": draw_losses(history),
        "stopping": figures.history(results["stopping"]),
        "schedule": draw_schedules(results["schedules"]),
        "checkpoint": draw_checkpoint(),
        "whole": draw_whole(),
        "cut": draw_cut(**results["cut"]),
        "bugs": draw_bugs(results["bugs"]),
    }


if __name__ == "__main__":
    figures.run(draw)
