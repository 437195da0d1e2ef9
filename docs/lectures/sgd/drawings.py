"""The figures of the lecture on gradient descent, drawn from what code/sgd.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from pathlib import Path
from typing import Any

import torch
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from neuronup.optimisers import SGD
from sgd import (
    MULTIPLES,
    RATES,
    SURFACES,
    descend,
    double_well,
    double_well_derivative,
    schedules,
    told,
)

LOOKS: dict[str, dict[str, object]] = {
    "gradient descent": {"color": INK, "linestyle": "-", "marker": "o"},
    "momentum": {"color": BLUE, "linestyle": "--", "marker": "s"},
    "Nesterov": {"color": PURPLE, "linestyle": "-.", "marker": "D"},
    "RMSProp": {"color": ORANGE, "linestyle": ":", "marker": "x"},
    "Adam": {"color": GREEN, "linestyle": (0, (6, 1.5)), "marker": "^"},
}


View = tuple[float, float, float, float]  # left, right, low, high
VIEWS: dict[str, tuple[View, tuple[float, ...]]] = {  # and heights above the minimum
    "ravine": ((-4.6, 1.6, -1.4, 1.4), (1, 6, 16)),
    "rosenbrock": ((-1.9, 1.9, -0.7, 2.1), (2, 30, 200)),
    "saddle": ((-1.8, 1.8, -1.3, 1.5), (0.1, 0.25, 0.6)),
    "plateau": ((-4, 2.2, -1.9, 2.2), (0.2, 0.8, 0.99)),
}


def thin(path: Tensor, apart: float) -> Tensor:
    """Keep of a path (n, 2) the points so far apart, and its end: (few, 2)."""
    few = [path[0]]
    for place in path[1:]:
        if (place - few[-1]).norm() > apart:
            few.append(place)
    return torch.stack([*few, path[-1]])


def contours(ax: Axes, name: str) -> None:
    """Draw the surface called `name`: lines of equal height, a star at each minimum."""
    surface, ((left, right, low, high), levels) = SURFACES[name], VIEWS[name]
    a, b = torch.linspace(left, right, 80), torch.linspace(low, high, 60)
    height = surface.value(torch.cartesian_prod(a, b)).reshape(80, 60).T
    lines = contour_generator(a.tolist(), b.tolist(), height.cpu().numpy())
    for level in levels:
        for line in lines.lines(surface.lowest + level):
            few = thin(torch.tensor(line), 0.04 * (right - left))
            ax.plot(*few.T.tolist(), "-", color=FAINT, lw=0.7)
    for minimum in surface.minima:
        ax.plot(*minimum, "*", color=ORANGE, ms=9, zorder=3)  # above the paths
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.locator_params(nbins=3)
    ax.grid(False)


def draw_curve() -> Figure:
    """Draw a curve of one weight, and two descents that end in different minima."""
    fig, ax = figures.panels(5.2, 2.9)
    theta = torch.linspace(-2.25, 2.15, 80)
    ax.plot(theta.tolist(), double_well(theta).tolist(), "-", color=FAINT)
    for start, color, marker in ((-0.5, BLUE, "o"), (2.0, PURPLE, "s")):
        path = descend(SGD(0.1), double_well_derivative, torch.tensor(start), 12)
        heights = double_well(path)
        ax.plot(path.tolist(), heights.tolist(), marker, color=color, ms=5)
        ax.annotate(
            "start",
            (float(path[0]), float(heights[0])),
            xytext=(-38, 6),
            textcoords="offset points",
            color=color,
        )
    ax.text(-1.53, -2.25, "global minimum", ha="center", color=BLUE)
    ax.text(1.27, -0.85, "local minimum", ha="center", color=PURPLE)
    ax.set(xlabel="the weight θ", ylabel="loss", ylim=(-2.5, 1.6))
    return fig


def draw_factors() -> Figure:
    """Draw descents on a parabola: a rate too small, one too large, and between."""
    fig, axes = figures.panels(5.2, 2.6, columns=3)
    theta = torch.linspace(-1.7, 1.7, 60)
    rates = {"along one side": 0.2, "back and forth": 1.7, "away": 2.1}
    for ax, (name, rate) in zip(axes, rates.items(), strict=True):
        path = descend(SGD(rate), lambda place: place, torch.tensor(-1.0), 6)
        ax.plot(theta.tolist(), (theta**2 / 2).tolist(), "-", color=FAINT, lw=1.5)
        ax.plot(path.tolist(), (path**2 / 2).tolist(), "o-", color=BLUE, lw=1, ms=4)
        ax.set(title=f"η = {rate}", xlabel=name, xticks=[], yticks=[])
    return fig


def draw_rates() -> Figure:
    """Draw descents into the ravine at three learning rates."""
    fig, axes = figures.panels(5.2, 4.2, rows=3)
    shares = {"too small": 100, "about right": 14, "too large": 12}
    for ax, (name, share) in zip(axes, shares.items(), strict=True):
        ravine = SURFACES["ravine"]
        path = descend(SGD(1 / share), ravine.gradient, torch.tensor(ravine.start), 20)
        contours(ax, "ravine")
        ax.plot(*path.T.tolist(), "o-", color=BLUE, lw=1, ms=3)
        ax.set_title(f"{name}: η = 1/{share}")
        ax.set(xticks=[], yticks=[])
    return fig


def draw_sweep(losses: Tensor) -> Figure:
    """Draw what a rate does: theory on the ravine, test loss (seeds, RATES)."""
    fig, (theory, measured) = figures.panels(5.2, 3, columns=2)
    shares = torch.linspace(0, 1.2, 13)  # of 2 / 25, the limit
    for curvature, name in ((1, "along"), (25, "across")):
        factor = (1 - shares * 2 / 25 * curvature).abs()
        theory.plot(shares.tolist(), factor.tolist(), label=name)
    theory.axvline(1, color=INK, lw=1, ls=":")
    theory.set(xlabel="η, as a share of the limit", ylabel="a step multiplies by")
    theory.set(title="the ravine", ylim=(0, 1.5), yticks=[0, 0.5, 1])
    theory.legend(loc="upper left")
    middle, low, high = losses.mean(0), losses.amin(0), losses.amax(0)
    measured.plot(RATES, middle.tolist())
    measured.fill_between(RATES, low.tolist(), high.tolist(), alpha=0.2, lw=0)
    measured.set(xscale="log", yscale="log", xlabel="learning rate η")
    measured.set(title="the digits", ylabel="test loss, 5 epochs")
    measured.minorticks_off()
    return fig


def draw_noise(batches: list[tuple[int, float, float]], alone: float) -> Figure:
    """Draw how noise and time for an example fall with the size of a batch.

    `alone` is the noise of one example, from many draws.
    """
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    sizes, noise, times = zip(*batches, strict=True)
    left.plot(sizes, [alone / size for size in sizes], label="1 / batch size")
    left.plot(sizes, noise, "o", color=ORANGE, label="measured")
    left.set(xscale="log", yscale="log", xlabel="batch size", title="noise")
    left.legend()
    left.minorticks_off()
    right.plot(sizes, [time * 1e6 for time in times], "o-", color=PURPLE)
    right.set(xscale="log", yscale="log", xlabel="batch size")
    right.set(title="µs for an example")
    right.minorticks_off()
    return fig


def draw_sizes(
    epochs: dict[str, Tensor], clock: dict[str, Tensor], end: float
) -> Figure:
    """Draw test losses (seeds, steps) of batch sizes, by epoch and by clock."""
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    for ax, curves in zip(axes, (epochs, clock), strict=True):
        figures.curves(ax, curves)
        ax.get_legend().remove()
        ax.set(yscale="log", ylim=(0.04, 1.2), yticks=[0.05, 0.1, 0.2, 0.5, 1])
        ax.set_yticklabels(["0.05", "0.1", "0.2", "0.5", "1"])
        ax.minorticks_off()
    axes[0].set(xlabel="epochs", ylabel="test loss", title="equal epochs")
    ticks = [0, 5, 10, 15]
    axes[1].set(xlabel="seconds", title="equal time", xticks=ticks)
    axes[1].set_xticklabels([f"{end * tick / 15:.1f}" for tick in ticks])
    axes[1].tick_params(labelleft=False)
    handles, names = axes[0].get_legend_handles_labels()
    names = [f"batch of {name}" for name in names]
    fig.legend(handles, names, loc="outside lower center", ncols=3, columnspacing=1)
    return fig


def draw_schedules(losses: dict[str, Tensor]) -> Figure:
    """Draw four schedules, and the test losses (seeds, epochs) they lead to."""
    fig, (shape, effect) = figures.panels(5.2, 3.4, columns=2)
    for name, schedule in schedules(200).items():
        shares = [schedule(t) for t in range(200)]
        shape.plot([t / 200 for t in range(200)], shares, label=name)
    for values in losses.values():
        effect.plot(range(1, values.shape[1] + 1), values.mean(0).tolist())
    shape.set(xlabel="share of all steps", title="share of the rate")
    effect.set(xlabel="epochs", title="test loss", ylim=(0, 0.9))
    effect.set_yticks([0, 0.2, 0.4, 0.6, 0.8])
    handles = shape.get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_warm_up(by_step: dict[str, Tensor], by_rate: dict[str, Tensor]) -> Figure:
    """Draw training losses (seeds, ...) with and without warm-up, by step, by rate."""
    fig, (first, last) = figures.panels(5.2, 3.2, columns=2)
    names = {"cold": "full rate at once", "warm": "with warm-up"}
    for name, label in names.items():
        at = [0, *(step + 1 for step in range(by_step[name].shape[1]))]
        first.plot(at, [math.log(2), *by_step[name].mean(0).tolist()], label=label)
        last.plot(MULTIPLES, by_rate[name].mean(0).tolist())
    first.set(
        xlabel="steps", title="3 × the limit", ylim=(0, 1), ylabel="training loss"
    )
    last.set(xscale="log", xlabel="multiple of the limit")
    last.set(title="momentum, 200 steps", ylim=(0.05, 0.12))
    last.set(xticks=[1, 2, 4, 8, 16], xticklabels=["1", "2", "4", "8", "16"])
    last.minorticks_off()
    handles = first.get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_race(surface: str, descents: dict[str, dict[str, Any]]) -> Figure:
    """Draw the way that each optimiser took down a surface, with steps in the key."""
    left, right = VIEWS[surface][0][:2]
    fig, ax = figures.panels(5.2, 3.5)
    contours(ax, surface)
    for name, ended in descents.items():
        path = thin(ended["path"], 0.04 * (right - left))
        every = max(1, len(path) // 5)
        look = {**LOOKS[name], "lw": 1.5, "ms": 5, "markevery": every, "mew": 1.5}
        ax.plot(*path.T.tolist(), label=f"{name}: {told(ended['steps'])}", **look)
    ax.set(xlabel="a", ylabel="b")
    fig.legend(loc="outside lower center", ncols=3, columnspacing=1, fontsize="small")
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    curves, (batches, alone) = results["curves"], results["batches"]
    return {
        "curve": draw_curve(),
        "factors": draw_factors(),
        "rates": draw_rates(),
        "sweep": draw_sweep(results["sweep"]),
        "noise": draw_noise(batches, alone),
        "sizes": draw_sizes(curves["epochs"], curves["clock"], results["clock"]),
        "schedules": draw_schedules(curves["schedules"]),
        "warm_up": draw_warm_up(curves["by_step"], curves["by_rate"]),
        **{name: draw_race(name, each) for name, each in results["races"].items()},
    }


if __name__ == "__main__":
    figures.run(draw)
