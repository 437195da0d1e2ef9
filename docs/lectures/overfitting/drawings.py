"""The figures of the lecture on overfitting, drawn from what code/overfitting.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE
from neuronup.images import Images, load, standardised
from neuronup.regularisation import BatchNorm
from overfitting import (
    DEGREES,
    NOISE,
    Configuration,
    Errors,
    build_mlp,
    sample_configuration,
    true_curve,
)

Histories = dict[str, dict[str, Tensor]]  # by configuration and name: (seeds, epochs)


def draw_fits(some_sets: dict[str, Any]) -> Figure:
    """Draw polynomials of three degrees through the same 20 measurements."""
    fig, axes = figures.panels(5.2, 2.5, columns=3)
    x, y, fine = (some_sets[name] for name in ("x", "y", "places"))
    truth, fine = true_curve(fine).tolist(), fine.tolist()
    for ax, (degree, fits) in zip(axes, some_sets["fits"].items(), strict=True):
        ax.plot(x.tolist(), y[0].tolist(), "o", color=INK, ms=3.5, mfc="none")
        ax.plot(fine, fits[0].tolist(), "-", color=BLUE, label="the fit")
        look = {"color": ORANGE, "lw": 1.4, "label": "the truth"}
        ax.plot(fine[::3], truth[::3], "--", **look)
        ax.set(title=f"degree {degree}", ylim=(-2.2, 2.2))
        ax.label_outer()
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_many_fits(some_sets: dict[str, Any]) -> Figure:
    """Draw fits to 20 training sets, by degree, and at a step the mean of the fits."""
    fig, axes = figures.panels(5.2, 2.7, columns=3)
    places = some_sets["places"]
    fine, truth = places.tolist(), true_curve(places).tolist()
    for ax, (degree, fits) in zip(axes, some_sets["fits"].items(), strict=True):
        # one line with gaps is a third of the bytes of twenty
        across, up = [*fine[::2], float("nan")] * len(fits), []
        for fit in fits:
            up += [*fit[::2].tolist(), float("nan")]
        ax.plot(
            across, up, "-", color=BLUE, lw=0.7, alpha=0.6, label=f"{len(fits)} fits"
        )
        ax.plot(fine[::3], truth[::3], "--", color=ORANGE, label="the truth")
        mean = fits.mean(0).tolist()
        figures.step(1, *ax.plot(fine, mean, "-", color=INK, label="their mean"))
        ax.set(title=f"degree {degree}", ylim=(-2.2, 2.2), xticks=[-1, 0, 1])
        ax.label_outer()
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=3)
    return fig


def draw_stack(errors: list[Errors]) -> Figure:
    """Draw the held-out error of three degrees, and by steps its parts, stacked."""
    fig, ax = figures.panels(3.5, 3.3)
    chosen = [errors[degree - 1] for degree in (1, 5, 15)]
    whole = [e.held_out for e in chosen]
    ax.bar(range(3), whole, 0.66, fill=False, ec=INK, lw=1.5, label="held out")
    below = [0.0] * 3
    looks: tuple[tuple[str, list[float], dict[str, Any]], ...] = (
        ("squared bias", [e.bias for e in chosen], {"color": BLUE}),
        ("variance", [e.variance for e in chosen], {"color": ORANGE, "hatch": "//"}),
        ("noise", [e.noise for e in chosen], {"color": GREEN, "hatch": "\\\\"}),
    )
    for step, (name, part, look) in enumerate(looks, 1):
        look = {**look, "alpha": 0.75, "label": name}
        figures.step(step, *ax.bar(range(3), part, 0.56, below, **look))
        below = [low + height for low, height in zip(below, part, strict=True)]
    ax.set_xticks(range(3), ["degree 1", "degree 5", "degree 15"])
    ax.set(ylabel="mean squared error")
    ax.grid(axis="x", visible=False)
    fig.legend(loc="outside upper center", ncols=2, columnspacing=1)
    return fig


def draw_degrees(errors: list[Errors], width: float = 5.2) -> Figure:
    """Draw the training error by degree, and at a step the held-out error."""
    fig, ax = figures.panels(width, 3)
    look = {"color": ORANGE, "ms": 4}
    (line,) = ax.plot(DEGREES, [e.held_out for e in errors], "s--", **look)
    ax.plot(DEGREES, [e.training for e in errors], "o-", color=BLUE, ms=4)
    ax.axhline(NOISE**2, color=INK, lw=1, ls=":")
    ax.text(1, NOISE**2 * 1.08, "noise", va="bottom")
    ax.text(9.5, errors[9].training * 0.6, "training", ha="right", color=BLUE)
    name = ax.text(11.6, errors[10].held_out * 1.5, "held out", ha="right")
    name.set_color(ORANGE)
    figures.step(1, line, name)
    ax.set(yscale="log", xlabel="degree of the polynomial", ylabel="mean squared error")
    return fig


def draw_parts(errors: list[Errors]) -> Figure:
    """Draw what the held-out error is made of, by degree; at a step, the error."""
    fig, ax = figures.panels(5.2, 3.3)
    parts = {
        "bias²": [e.bias for e in errors],
        "variance": [e.variance for e in errors],
        "noise": [e.noise for e in errors],
    }
    for (name, values), colour in zip(
        parts.items(), (BLUE, ORANGE, GREEN), strict=True
    ):
        ax.plot(DEGREES, values, color=colour, label=name)
    sums, measured = [sum(e[2:]) for e in errors], [e.held_out for e in errors]
    whole = ax.plot(DEGREES, sums, "-", color=FAINT, label="their sum")
    rings = ax.plot(DEGREES, measured, "o", color=INK, mfc="none", label="measured")
    figures.step(1, *whole, *rings)
    ax.set(yscale="log", ylim=(1e-3, 3), xlabel="degree of the polynomial")
    ax.set(ylabel="mean squared error")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw_descent(
    widths: list[int], mistakes: Tensor, width: float = 5.2, examples: int = 200
) -> Figure:
    """Draw error rates (seeds, widths, 2) by the width of a random layer."""
    fig, ax = figures.panels(width, 3.1)
    for part, (name, marker) in enumerate((("training", "o"), ("held out", "s"))):
        figures.band(ax, widths, 100 * mistakes[:, :, part], name, marker=marker, ms=4)
    ax.axvline(examples, color=INK, lw=1, ls=":")
    ax.text(examples * 1.15, 88, "as many as examples")
    ax.set(xscale="log", ylim=(0, 95), xlabel="random neurons", ylabel="error rate, %")
    ax.set(xticks=[10, 100, 1000], xticklabels=["10", "100", "1,000"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return fig


def draw_curves(histories: Histories) -> Figure:
    """Draw losses and validation accuracy by epoch: wrong labels, and correct ones."""
    fig, (left, right) = figures.panels(5.2, 3.1, columns=2)
    wrong_labels, correct_labels = (
        histories["unregularised"],
        histories["correct labels"],
    )
    last = wrong_labels["loss"].shape[1]
    # fewer, where it is slow
    epochs = [*range(1, min(8, last)), *range(8, last + 1, 3)]

    def by_epoch(ax: Axes, runs: Tensor, name: str) -> None:
        figures.band(ax, epochs, runs[:, [epoch - 1 for epoch in epochs]], name)

    by_epoch(left, wrong_labels["loss"], "training")
    by_epoch(left, wrong_labels["validation_loss"], "validation")
    by_epoch(right, wrong_labels["validation_score"], "wrong labels")
    by_epoch(right, correct_labels["validation_score"], "correct labels")
    left.legend()
    right.legend()
    left.set(xlabel="epochs", title="loss, wrong labels", ylim=(0, None))
    right.set(xlabel="epochs", title="validation accuracy", ylim=(0.5, 1))
    figures.step(1, right)
    return fig


def draw_question(histories: Histories, test: dict[str, Tensor]) -> Figure:
    """Draw the training loss alone, and by steps two ends and their test accuracy."""
    fig, ax = figures.panels(5.2, 2.9)
    runs = histories["unregularised"]
    losses = runs["loss"].mean(0).tolist()
    ax.plot(range(1, len(losses) + 1), losses)
    best = int(runs["validation_loss"].mean(0).argmin())
    arrow = {"arrowstyle": "->", "color": INK}
    for step, (epoch, name, words) in enumerate(
        (
            (len(losses) - 1, "unregularised", "to the end"),
            (best, "early stopping", "stopped early"),
        ),
        1,
    ):
        place = epoch + 1, losses[epoch]
        share = float(test[name].mean())
        (dot,) = ax.plot(*place, "o", color=ORANGE, ms=8)
        told = ax.annotate(
            f"{words}:\n{share:.0%} of new images correct",
            place,
            (0.6, 0.5) if step == 1 else (0.25, 0.9),
            textcoords="axes fraction",
            ha="left",  # lines of text in another font stay flush on this side
            va="center",
            arrowprops=arrow,
        )
        figures.step(step, dot, told)
    ax.set(xlabel="epochs", title="training loss", ylim=(0, None))
    return fig


def draw_diagnosis() -> Figure:
    """Sketch four pairs of curves of the loss; each diagnosis comes at a step."""
    fig, axes = figures.panels(5.2, 3.5, rows=2, columns=2)
    t = torch.linspace(0, 1, 40)
    fall = torch.exp(-8 * t)
    pairs = (
        (1.6 + 0.6 * fall, 1.75 + 0.5 * fall, "underfitting: more capacity"),
        (2.2 - 1.2 * t, 2.3 - 1.15 * t, "still learning: wait"),
        (2.2 * fall + 0.05, 0.8 + 1.5 * fall + 0.9 * t**2, "overfitting: regularise"),
        (0.2 + 2 * fall, 0.35 + 1.9 * fall, "done: the test set, once"),
    )
    cells = zip(axes.flat, "ABCD", pairs, strict=True)
    for step, (ax, letter, (training, validation, name)) in enumerate(cells, 1):
        ax.plot(t.tolist(), training.tolist(), label="training loss")
        ax.plot(t.tolist(), validation.tolist(), label="validation loss")
        ax.text(0.97, 2.25, letter, ha="right", va="top", weight="bold")
        ax.set(ylim=(0, 2.5), xticks=[], yticks=[])
        ax.set_title(name, fontsize=10)
        figures.step(step, ax.title)
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_translated(images: Images) -> Figure:
    """Draw a 3, and at a step the eight images that a translation by a pixel makes."""
    image = images.train.x[images.train.y == 3][0].mean(dim=0)
    padded = nn.functional.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    height, width = image.shape
    fig, axes = figures.panels(3.4, 3.4, rows=3, columns=3)
    for row in range(3):
        for column in range(3):
            ax = axes[row, column]
            moved = padded[2 - row :, 2 - column :][:height, :width]
            figures.greyscale(ax, moved, levels=8)
            figures.box(ax, 0, 0, width, height, edgecolor=FAINT)
            if (row, column) != (1, 1):
                figures.step(1, ax)
    return fig


def draw_stopping(histories: Histories, patience: int = 5) -> Figure:
    """Draw both losses by epoch; by steps where to go back to, and the patience."""
    fig, ax = figures.panels(5.2, 2.8)
    runs = histories["unregularised"]
    epochs = range(1, 21)
    for name, key in (("training", "loss"), ("validation", "validation_loss")):
        losses = runs[key].mean(0).tolist()[: len(epochs)]
        ax.plot(epochs[: len(losses)], losses, label=name)
    best = 1 + int(runs["validation_loss"].mean(0).argmin())
    line = ax.axvline(best, ymax=0.72, color=INK, ls=":")
    told = ax.text(best, 1.9, f"lowest after epoch {best}:\nkeep these weights")
    figures.step(1, line, told)
    span = ax.axvspan(best, best + patience, ymax=0.6, color=FAINT, alpha=0.25, lw=0)
    wait = ax.text(best + patience / 2, 0.15, "patience: 5", ha="center")
    figures.step(2, span, wait)
    ax.set(xlabel="epochs", title="loss, wrong labels", ylim=(0, 2.5))
    ax.set(xticks=[1, 5, 10, 15, 20])
    ax.legend(loc="upper right")
    return fig


def ball_and_diamond(
    curvature: Tensor, minimum: Tensor, price: float
) -> tuple[Tensor, Tensor]:
    """Find where a penalty moves the minimum (2,) of a loss: with L2, and with L1.

    The L1 penalty is taken to leave the second parameter at exactly zero.
    """
    l2 = torch.linalg.solve(curvature + price * torch.eye(2), curvature @ minimum)
    first = minimum[0] + (curvature[0, 1] * minimum[1] - price) / curvature[0, 0]
    return l2, torch.stack([first, torch.zeros(())])


def draw_penalties() -> Figure:
    """Draw a loss of two weights; by steps the ball of L2, and the diamond of L1."""
    fig, axes = figures.panels(5.2, 2.7, columns=2)
    curvature = torch.tensor([[1.0, 0.25], [0.25, 0.4]])
    minimum = torch.tensor([1.5, 0.8])
    line = torch.linspace(-1.1, 2.4, 71)
    up, across = torch.meshgrid(line, line, indexing="ij")
    off = torch.stack([across, up], dim=-1) - minimum
    loss = (off @ curvature * off).sum(dim=-1) / 2
    turn = torch.linspace(0, 2 * torch.pi, 61)
    points = ball_and_diamond(curvature, minimum, 0.6)
    size = points[0].norm()
    circle = torch.stack([turn.cos(), turn.sin()]) * size
    reach = points[1].abs().sum()
    diamond = torch.tensor([[1.0, 0, -1, 0, 1], [0, 1, 0, -1, 0]]) * reach
    shapes = (("L2: a ball", circle, "o"), ("L1: a diamond", diamond, "s"))
    for step, (ax, point, (name, edge, marker)) in enumerate(
        zip(axes, points, shapes, strict=True), 1
    ):
        touch = float((point - minimum) @ curvature @ (point - minimum)) / 2
        levels = [touch * share for share in (0.15, 0.5, 1, 1.8, 3)]
        sides = line.tolist()
        look = {"colors": FAINT, "linewidths": 0.9}
        ax.contour(sides, sides, loss.tolist(), levels=levels, **look)
        ax.plot(*minimum.tolist(), "x", color=INK, ms=7, mew=2)
        (outline,) = ax.plot(*edge.tolist(), "-", color=BLUE)
        (dot,) = ax.plot(*point.tolist(), marker, color=ORANGE, ms=7)
        ax.set(aspect="equal", xlim=(-1.3, 2.4), ylim=(-1.3, 1.6), title=name)
        ax.set(xticks=[0], yticks=[0], xlabel="θ₁", ylabel="θ₂")
        figures.step(step, outline, dot, ax.title)
    return fig


def draw_weights(weights: dict[str, Tensor], memorised: dict[str, Tensor]) -> Figure:
    """Draw histograms of all parameters of three networks, a step for each penalty."""
    fig, axes = figures.panels(5.2, 2.9, columns=3)
    names = ("unregularised", "weight decay (L2)", "L1")
    for step, (ax, name) in enumerate(zip(axes, names, strict=True)):
        edges = torch.linspace(-0.4, 0.4, 34)
        counts = torch.histogram(weights[name].clamp(-0.4, 0.4), edges).hist
        shares = 100 * counts / counts.sum()
        ax.stairs(shares.tolist(), edges.tolist(), fill=True, color=BLUE)
        share = float(memorised[name].mean())
        told = f"{share:.0%} of the wrong\nlabels memorised"
        ax.text(0, 2500, told, ha="center", va="top", fontsize=9.5)
        ax.set(
            title=name.removeprefix("weight decay ").strip("()"), xticks=[-0.4, 0, 0.4]
        )
        ax.set(yscale="log", ylim=(0.01, 4000), yticks=[0.01, 0.1, 1, 10, 100])
        ax.set_yticklabels(["0.01", "0.1", "1", "10", "100"])
        ax.minorticks_off()
        ax.label_outer()
        if step:
            figures.step(step, ax)
    axes[0].set_ylabel("% of the parameters")
    return fig


def draw_decays(decays: dict[str, Tensor]) -> Figure:
    """Draw what is left of two weights, quiet and loud, by step: Adam, then AdamW."""
    fig, axes = figures.panels(5.2, 2.7, columns=2)
    titles = ("Adam: L2 penalty", "AdamW: decay")
    steps = range(0, 201, 10)
    for ax, title, path in zip(axes, titles, decays.values(), strict=True):
        quiet, loud = path[::10].T.tolist()
        look = {"color": ORANGE, "ms": 7, "mfc": "none", "label": "large noise"}
        ax.plot(steps, loud, "s--", **look)
        ax.plot(steps, quiet, "o-", color=BLUE, ms=3.5, label="small noise")
        for value in {round(quiet[-1], 2), round(loud[-1], 2)}:
            above = value < 0.1
            place, va = value + (0.05 if above else -0.07), "bottom" if above else "top"
            ax.text(200, place, f"{value:.2f}", ha="right", va=va)
        ax.set(title=title, xlabel="steps", ylim=(0, 1.05))
    figures.step(1, axes[1])
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_network(
    ax: Axes, layers: list[list[bool]], edges: list[list[tuple[int, int]]] | None = None
) -> None:
    """Draw the neurons of each layer, kept or not, and edges between those kept.

    Without `edges` every neuron is connected with all of the layer before.
    """
    tall = max(len(layer) for layer in layers)
    places = [
        [(i, (tall - len(layer)) / 2 + j) for j in range(len(layer))]
        for i, layer in enumerate(layers)
    ]
    across: list[float] = []
    up: list[float] = []
    for i, (before, after) in enumerate(pairwise(layers)):
        every = [(j, k) for j in range(len(before)) for k in range(len(after))]
        for j, k in every if edges is None else edges[i]:
            if before[j] and after[k]:
                start, end = places[i][j], places[i + 1][k]
                across += [start[0], end[0], float("nan")]
                up += [start[1], end[1], float("nan")]
    ax.plot(across, up, "-", color=FAINT, lw=0.9)
    kept_look: dict[str, Any] = {"marker": "o", "ms": 11, "color": BLUE}
    lost_look: dict[str, Any] = {"marker": "x", "ms": 8, "color": ORANGE, "mew": 1.8}
    for there, look in ((True, kept_look), (False, lost_look)):
        spots = [
            place
            for layer, spots in zip(layers, places, strict=True)
            for kept_here, place in zip(layer, spots, strict=True)
            if kept_here == there
        ]
        xs, ys = [x for x, _ in spots], [y for _, y in spots]
        ax.plot(xs, ys, ls="", **look)
    ax.set(xlim=(-0.4, len(layers) - 0.6), ylim=(-0.6, tall - 0.4))
    ax.set_axis_off()


def draw_thinned() -> Figure:
    """Draw a network that dropout thins, twice, and whole; a step for each but one."""
    fig, axes = figures.panels(5.2, 2.9, columns=3)
    whole = [[True] * 3, [True] * 6, [True] * 6, [True] * 2]
    once, again = (
        [whole[0], *([mark == "o" for mark in marks] for marks in hidden), whole[3]]
        for hidden in (("xoxoox", "oxxoxo"), ("ooxxxo", "xoxoox"))
    )
    titles = ("one training step", "the next", "evaluation")
    for step, (ax, layers) in enumerate(zip(axes, (once, again, whole), strict=True)):
        draw_network(ax, layers)
        ax.set_title(titles[step])
        if step:
            figures.step(step, ax, ax.title)
    return fig


def draw_normalised(images: Images, weights: Tensor) -> Figure:
    """Draw the sums of four hidden neurons in a batch; at a step, batch-normalised."""
    x = images.train.x[:50]
    model = build_mlp(Configuration(), x[0].numel(), len(images.classes))
    nn.utils.vector_to_parameters(weights, model.parameters())
    with torch.no_grad():
        sums = model[1](model[0](x))  # (50, 128)
        after = BatchNorm(sums.shape[1])(sums)
    means, spreads = sums.mean(dim=0), sums.std(dim=0)
    chosen = [means.argmin(), means.argmax(), spreads.argmin(), spreads.argmax()]
    fig, axes = figures.panels(4.2, 3.3, columns=2)
    for ax, title, values in zip(
        axes, ("the sums", "normalised"), (sums, after), strict=True
    ):
        edges = torch.linspace(-6, 6, 25)
        for row, neuron in enumerate(int(each) for each in chosen):
            counts = torch.histogram(values[:, neuron].clamp(-6, 6), edges).hist
            heights = row + 0.9 * counts / counts.max()
            look = {"fill": True, "baseline": row, "color": BLUE}
            ax.stairs(heights.tolist(), edges.tolist(), **look)
            ax.axhline(row, color=FAINT, lw=0.6)
            mean = float(values[:, neuron].mean())
            ax.plot([mean] * 2, [row, row + 0.95], ":", color=ORANGE)
        ax.set(title=title, yticks=[], xticks=[-5, 0, 5], ylim=(-0.05, 4))
        ax.spines["left"].set_visible(False)
    axes[0].set_ylabel("four neurons")
    figures.step(1, axes[1])
    return fig


def draw_shapes() -> Figure:
    """Draw a wide network, and by steps one with fewer, shared, and deeper layers."""
    fig, axes = figures.panels(5.2, 2.6, columns=4)
    shapes: tuple[tuple[str, list[int], Any], ...] = (
        ("one of 128", [4, 8, 3], None),
        ("fewer: 16", [4, 3, 3], None),
        ("shared", [8, 6], [[]]),
        ("deeper: 4 · 45", [4, 4, 4, 4, 4, 3], None),
    )
    for step, (ax, (name, sizes, edges)) in enumerate(zip(axes, shapes, strict=True)):
        draw_network(ax, [[True] * size for size in sizes], edges)
        middle = (max(sizes) - 1) / 2
        ax.set_ylim(middle - 4.1, middle + 4.1)
        for line in ax.get_lines()[1:]:
            line.set_markersize(7)
        if name == "shared":  # a line style for each of the three weights
            for j, look in enumerate(("-", "--", ":")):
                colour = (BLUE, ORANGE, GREEN)[j]
                across = [0, 1, float("nan")] * 6
                up = [y for k in range(6) for y in (j + k, 1 + k, float("nan"))]
                ax.plot(across, up, look, color=colour, lw=1.4, zorder=1)
        ax.set_title(name, fontsize=10)
        if step:
            figures.step(step, ax, ax.title)
    return fig


def draw_regularisers(test: dict[str, Tensor], memorised: dict[str, Tensor]) -> Figure:
    """Draw each configuration's test accuracy (seeds,), and what it memorised."""
    fig, axes = figures.panels(5.2, 4, columns=2)
    names = list(memorised)[::-1]
    looks = ((test, "o", BLUE), (memorised, "s", ORANGE))
    for ax, (shares, marker, colour) in zip(axes, looks, strict=True):
        for row, name in enumerate(names):
            each = (100 * shares[name]).tolist()
            ax.plot(each, [row] * len(each), "|", color=colour, ms=7, mew=1)
            mean = sum(each) / len(each)
            ax.plot(mean, row, marker, color=colour, ms=6)
        ax.axvline(100 * float(shares["unregularised"].mean()), color=INK, lw=1, ls=":")
        ax.set(yticks=range(len(names)), yticklabels=names if ax is axes[0] else [])
    axes[0].set(title="test accuracy, %")
    axes[1].set(title="wrong labels\nmemorised, %", xlim=(-5, 105))
    axes[1].set(xticks=[0, 50, 100])
    figures.step(1, axes[1])
    return fig


BESIDE = {  # where a name stands beside its marker, so that none covers another
    "unregularised": (4, 9, "right"),
    "batch norm": (4, -15, "right"),
    "fewer parameters": (16, -15, "right"),
    "more data": (-4, 9, "right"),
    "data + early stop": (8, 3, "left"),
    "weight decay (L2)": (10, -2, "left"),
}


def draw_trade(test: dict[str, Tensor], memorised: dict[str, Tensor]) -> Figure:
    """Draw test accuracy by what was memorised, a marker for each configuration."""
    fig, ax = figures.panels(3.9, 3.4)
    share = {name: 100 * float(each.mean()) for name, each in memorised.items()}
    score = {name: 100 * float(test[name].mean()) for name in memorised}
    ax.plot(list(share.values()), list(score.values()), "o", color=BLUE, mfc="none")
    for name, (right, up, side) in BESIDE.items():
        ax.plot(share[name], score[name], "o", color=BLUE)
        place, offset = (share[name], score[name]), (right, up)
        look = {"ha": side, "fontsize": 9.5}
        ax.annotate(name, place, offset, textcoords="offset points", **look)
    ax.axhline(100 * float(test["correct labels"].mean()), color=INK, ls=":", lw=1)
    best = 100 * float(test["correct labels"].mean()) + 0.6
    ax.text(100, best, "correct labels", ha="right", fontsize=9.5)
    ax.set(xlabel="wrong labels memorised, %", ylabel="test accuracy, %")
    ax.set(ylim=(62, 100), xlim=(-4, 106))
    return fig


def draw_split() -> Figure:
    """Draw the examples as a bar in three parts, and by steps what each is for."""
    fig, ax = figures.panels(5.2, 2.8)
    parts: tuple[tuple[str, int, int, dict[str, Any], int], ...] = (
        ("training", 0, 60, {"fc": BLUE}, 0),
        ("validation", 60, 20, {"fc": ORANGE, "hatch": "//"}, 34),
        ("test", 80, 20, {"fc": GREEN, "hatch": "\\\\"}, 76),
    )
    words = (
        ("learns", "parameters", "weights, biases", "in every step"),
        (
            "chooses",
            "hyper-parameters",
            "width, rate, decay, p",
            "as often as you like",
        ),
        ("evaluates", "what was chosen", "", "once"),
    )
    for step, (part, lines) in enumerate(zip(parts, words, strict=True), 1):
        name, start, width, look, place = part
        corner = (start + 0.4, 4)
        ax.add_patch(Rectangle(corner, width - 0.8, 0.8, alpha=0.6, ec=INK, **look))
        ax.text(start + width / 2, 4.95, name, ha="center", va="bottom")
        ends = (start + width / 2, place + 8), (3.9, 3.2)
        (lead,) = ax.plot(*ends, "-", color=FAINT, lw=1)
        figures.step(step, lead)
        for row, line in enumerate(lines):
            weight = "bold" if row == 1 else "normal"
            told = ax.text(place, 2.6 - 0.8 * row, line, va="center", weight=weight)
            figures.step(step, told)
    ax.set(xlim=(0, 106), ylim=(-0.3, 5.6))
    ax.set_axis_off()
    return fig


def draw_samples() -> Figure:
    """Draw 25 settings on a grid, 25 at random, and the values that each tries."""
    fig, axes = figures.panels(5.2, 3, columns=2)
    drawn = torch.Generator().manual_seed(1)
    sampled = [sample_configuration(drawn) for _ in range(25)]
    decays = [10 ** (-3 + 0.5 * i) for i in range(5)]
    grid = [(decay, 0.05 + 0.2 * j) for decay in decays for j in range(5)]
    for ax, name, points in zip(
        axes,
        ("grid", "random"),
        (grid, [(s.l2, s.dropout) for s in sampled]),
        strict=True,
    ):
        across, up = [x for x, _ in points], [y for _, y in points]
        ax.plot(across, up, "o", color=BLUE, ms=5)
        low, left = [-0.13] * len(points), [10**-3.45] * len(points)
        under = ax.plot(across, low, "|", color=ORANGE, ms=9, mew=1.5)
        beside = ax.plot(left, up, "_", color=ORANGE, ms=9, mew=1.5)
        values = len({round(x, 9) for x in across})
        told = ax.text(10**-2, -0.42, f"{values} values of each", ha="center")
        figures.step(2 if name == "random" else 1, *under, *beside, told)
        ax.set(xscale="log", xlim=(10**-3.6, 10**-0.85), ylim=(-0.5, 0.95), title=name)
        ax.set(xticks=[1e-3, 1e-2, 1e-1], xticklabels=["0.001", "0.01", "0.1"])
        ax.set(yticks=[0, 0.4, 0.8], xlabel="weight decay")
        ax.minorticks_off()
        ax.grid(False)
    axes[0].set_ylabel("dropout")
    return fig


def draw_search(curves: dict[str, Tensor], counts: dict[str, list[int]]) -> Figure:
    """Draw the winner's two scores (tries, 2) by the number of tries, twice."""
    fig, axes = figures.panels(5.2, 3, columns=2)
    for ax, (name, scores) in zip(axes, curves.items(), strict=True):
        looks = (("validation", "o-", BLUE), ("test", "s--", ORANGE))
        for column, (label, look, colour) in enumerate(looks):
            shares = (100 * scores[:, column]).tolist()
            line = ax.plot(counts[name], shares, look, color=colour, ms=4, label=label)
        figures.step(1, *line)
        ax.set(xscale="log", xlabel="tries", title=name)
        ax.set(xticks=counts[name][::2], xticklabels=map(str, counts[name][::2]))
        ax.minorticks_off()
    axes[0].set(ylabel="accuracy of the winner, %", ylim=(0, None))
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_folds(k: int = 5) -> Figure:
    """Draw k folds: the first alone, then at a step each held out, and the mean."""
    fig, ax = figures.panels(3.7, 3)
    for turn in range(k):
        parts: list[Artist] = []
        for fold in range(k):
            held = fold == turn
            look: dict[str, Any] = {"fc": BLUE}
            if held:
                look = {"fc": ORANGE, "hatch": "//"}
            corner = (fold + 0.04, -turn)
            parts.append(Rectangle(corner, 0.92, 0.66, alpha=0.6, ec=INK, **look))
            ax.add_patch(parts[-1])
        parts.append(ax.text(k + 0.2, 0.33 - turn, f"error {turn + 1}", va="center"))
        if turn:
            figures.step(1, *parts)
    figures.step(2, ax.text(k + 0.2, -k + 0.33, "mean", va="center", weight="bold"))
    ax.text(2.5, 1.0, "held out: hatched", ha="center", va="center")
    ax.set(xlim=(0, k + 1.7), ylim=(-k + 0.05, 1.3))
    ax.set_axis_off()
    return fig


def draw_two_questions() -> Figure:
    """Sketch 200 validation scores, the best marked, and two losses that stay high."""
    fig, (top, low) = figures.panels(3.5, 3.6, rows=2)
    drawn = torch.Generator().manual_seed(0)
    right = torch.rand(200, 100, generator=drawn) < 0.8
    scores = 100 * right.double().mean(dim=1)
    scores += 91 - scores.max()
    tries = list(range(1, 201))
    top.plot(tries, scores.tolist(), ".", color=BLUE, ms=4)
    best = int(scores.argmax())
    top.plot(tries[best], 91, "o", color=ORANGE, mfc="none", ms=11, mew=2)
    top.set(title="validation accuracy, %", xlabel="tries", ylim=(60, 96))
    t = torch.linspace(0, 1, 40)
    fall = torch.exp(-8 * t)
    low.plot(t.tolist(), (1.6 + 0.6 * fall).tolist(), label="training")
    low.plot(t.tolist(), (1.8 + 0.5 * fall).tolist(), label="validation")
    low.set(title="loss", xlabel="epochs", ylim=(0, 2.5), xticks=[])
    low.legend(loc="lower center", ncols=2)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    errors = [Errors(**each) for each in results["errors"]]
    images, descent = load(results["data"], 0), (results["widths"], results["mistakes"])
    scores = results["test"], results["memorised"]
    weights = results["weights"]
    return {
        "fits": draw_fits(results["some_sets"]),
        "many_fits": draw_many_fits(results["some_sets"]),
        "stack": draw_stack(errors),
        "degrees": draw_degrees(errors),
        "degrees_narrow": draw_degrees(errors, 3.6),
        "parts": draw_parts(errors),
        "descent": draw_descent(*descent),
        "descent_narrow": draw_descent(*descent, 4),
        "question": draw_question(results["histories"], results["test"]),
        "curves": draw_curves(results["histories"]),
        "diagnosis": draw_diagnosis(),
        "translated": draw_translated(images),
        "stopping": draw_stopping(results["histories"]),
        "penalties": draw_penalties(),
        "weights": draw_weights(weights, results["memorised"]),
        "decays": draw_decays(results["decays"]),
        "thinned": draw_thinned(),
        "normalised": draw_normalised(standardised(images), weights["unregularised"]),
        "shapes": draw_shapes(),
        "regularisers": draw_regularisers(*scores),
        "trade": draw_trade(*scores),
        "split": draw_split(),
        "samples": draw_samples(),
        "search": draw_search(results["curves"], results["counts"]),
        "folds": draw_folds(),
        "two_questions": draw_two_questions(),
    }


if __name__ == "__main__":
    figures.run(draw)
