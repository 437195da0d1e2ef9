"""The figures of the lecture on gradient descent, drawn from what code/sgd.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import Tensor

from neuronup import figures
from neuronup.command import kept
from neuronup.digits import Split
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from neuronup.optimisers import SGD, Adam, AdamW
from sgd import (
    MULTIPLES,
    RATES,
    RELATIVES,
    SURFACES,
    best_rate,
    descend,
    double_well,
    double_well_derivative,
    eights,
    gradient,
    schedules,
    told,
)

arrow = partial(figures.arrow, lw=2)
Point = tuple[float, float]
# For half a slide: narrower, so that the lettering is as large as on a whole one.
HALF = 4.0

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
        ends = ax.plot(path.tolist(), heights.tolist(), marker, color=color, ms=5)
        ax.annotate(
            "start",
            (float(path[0]), float(heights[0])),
            xytext=(-38, 6),
            textcoords="offset points",
            color=color,
        )
        deep = start < 0
        name = "global minimum" if deep else "local minimum"
        place = (-1.53, -2.25) if deep else (1.27, -0.85)
        ends.append(ax.text(*place, name, ha="center", color=color))
        figures.step(1 if deep else 2, *ends)
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
    figures.step(1, axes[1])
    figures.step(2, axes[2])
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
    figures.step(1, measured)
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
    figures.step(1, right)
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
    figures.step(1, axes[1])
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
    figures.step(1, effect)
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
    figures.step(1, last)
    handles = first.get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_race(surface: str, descents: dict[str, dict[str, Any]]) -> Figure:
    """Draw the way that each optimiser took down a surface, with steps in the key."""
    left, right = VIEWS[surface][0][:2]
    fig, ax = figures.panels(5.2, 3.5)
    contours(ax, surface)
    paths = []
    for name, ended in descents.items():
        path = thin(ended["path"], 0.04 * (right - left))
        every = max(1, len(path) // 5)
        look = {**LOOKS[name], "lw": 1.5, "ms": 5, "markevery": every, "mew": 1.5}
        label = f"{name}: {told(ended['steps'])}"
        paths += ax.plot(*path.T.tolist(), label=label, **look)
    ax.set(xlabel="a", ylabel="b")
    small = {"ncols": 3, "columnspacing": 1, "fontsize": "small"}
    legend = fig.legend(loc="outside lower center", **small)
    keys: list[Any] = legend.legend_handles
    parts = zip(paths, keys, legend.get_texts(), strict=True)
    for number, each in enumerate(parts, 1):
        figures.step(number, *each)
    return fig


def ellipses(ax: Axes, levels: tuple[float, ...], *curvatures: float) -> None:
    """Draw lines of equal height of the loss that curves so along a and along b."""
    turn = torch.linspace(0, 2 * math.pi, 49)
    ring = torch.stack([turn.cos(), turn.sin()])
    for level in levels:
        line = ring * (2 * level / torch.tensor(curvatures)[:, None]).sqrt()
        ax.plot(*line.tolist(), "-", color=FAINT, lw=1)
    ax.plot(0, 0, "*", color=ORANGE, ms=11, zorder=3)
    ax.grid(False)


def draw_fog(digits: Split) -> Figure:
    """Draw what one sees of a loss from where one is, and 64 derivatives at once."""
    fig, (fog, weights) = figures.panels(6.4, 2.5, columns=2)
    at = torch.tensor(-0.5)
    near = torch.linspace(-0.8, -0.2, 20)
    fog.plot(near.tolist(), double_well(near).tolist(), "-", color=INK, lw=4)
    height, slope = float(double_well(at)), float(double_well_derivative(at))
    fog.plot(float(at), height, "o", color=BLUE, ms=11, zorder=4)
    for left, right in ((-2.3, -0.9), (-0.1, 2.2)):
        fog.axvspan(left, right, fc="none", ec=FAINT, hatch="//", lw=0, alpha=0.5)
        name = {"ha": "center", "va": "center", "size": 22}
        fog.text((left + right) / 2, -0.6, "?", **name)
    downhill = (float(at) - 0.6, height - 0.6 * slope)
    known = arrow(fog, (float(at), height), downhill, color=ORANGE, lw=3)
    figures.step(1, known)
    fog.set(xlim=(-2.3, 2.2), ylim=(-2.2, 1), xticks=[], yticks=[])
    fog.set(xlabel="one weight", ylabel="loss", title="here, and no farther")
    blank = torch.zeros(65)
    blank[-1] = torch.logit(digits.y.mean())  # it says how frequent an 8 is
    g = gradient(blank, digits.x, digits.y)[:64]
    figures.squares(weights, -g.reshape(8, 8))
    weights.set(title="64 weights, 64 derivatives")
    weights.set(xlabel="filled: raise it, hollow: lower it")
    figures.step(2, weights)
    return fig


def draw_field() -> Figure:
    """Draw gradients on contours, and of all short steps the one against them."""
    fig, ax = figures.panels(HALF, 3.7)
    ellipses(ax, (0.25, 1, 2.25, 4), 1.0, 2.0)
    places = torch.cartesian_prod(
        torch.linspace(-2, 2, 5), torch.tensor([-1.4, -0.5, 0.5, 1.4])
    )
    g = places * torch.tensor([1.0, 2.0])
    look = {"angles": "xy", "scale_units": "xy", "scale": 5, "width": 0.009}
    field = ax.quiver(*places.T.tolist(), *g.T.tolist(), color=ORANGE, **look)
    figures.step(1, field)
    here, size = torch.tensor([-1.5, 0.9]), 0.75
    down = -here * torch.tensor([1.0, 2.0])
    end = here + size * down / down.norm()
    dot = ax.plot(*here.tolist(), "o", color=BLUE, ms=8, zorder=4)
    short = Circle((-1.5, 0.9), size, fill=False, ec=BLUE, ls=":", lw=2)
    best = arrow(ax, (-1.5, 0.9), (float(end[0]), float(end[1])), color=BLUE, lw=3)
    figures.step(2, *dot, ax.add_patch(short), best)
    ax.set(xlim=(-2.9, 2.9), ylim=(-2.3, 2.3), aspect="equal", xticks=[], yticks=[])
    ax.set(xlabel="one weight", ylabel="another")
    return fig


REGIMES = (  # rate at curvature 1, the rate in general, what is seen
    (0.4, "η < 1/λ", "down one side"),
    (1.0, "η = 1/λ", "there in one step"),
    (1.7, "1/λ < η < 2/λ", "crosses, ever closer"),
    (2.1, "η > 2/λ", "crosses, ever farther"),
)


def on_parabola(ax: Axes, curvature: float, rate: float, start: float) -> list[Any]:
    """Draw six steps of descent on a parabola; return what is drawn of them."""
    theta = torch.linspace(-1.7, 1.7, 60)
    height = curvature * theta**2 / 2
    ax.plot(theta.tolist(), height.tolist(), "-", color=FAINT, lw=2)
    path = descend(SGD(rate), lambda at: curvature * at, torch.tensor(start), 6)
    height = curvature * path**2 / 2
    ax.plot(start, float(height[0]), "o", color=INK, ms=8, zorder=4)
    return ax.plot(path.tolist(), height.tolist(), "o-", color=BLUE, lw=1.5, ms=6)


def draw_regimes() -> Figure:
    """Draw descents on a parabola of curvature 1, one for each kind of factor."""
    fig, axes = figures.panels(8, 2.9, columns=4)
    rows = enumerate(zip(axes, REGIMES, strict=True), 1)
    for number, (ax, (rate, general, seen)) in rows:
        steps = on_parabola(ax, 1, rate, -0.95)
        factor = f"factor {1 - rate:.1f}".replace("-", "−")
        ax.set(title=general, xlabel=f"{factor}:\n{seen}", xticks=[], yticks=[])
        ax.set(ylim=(-0.08, 1.5))
        figures.step(number, *steps, ax.xaxis.label)
    return fig


def draw_curvatures() -> Figure:
    """Draw six steps at one rate in two directions, of large and of small curvature."""
    fig, axes = figures.panels(8, 2.8, columns=2)
    named = {25: "across the ravine", 1: "along it"}
    for ax, (curvature, name) in zip(axes, named.items(), strict=True):
        on_parabola(ax, curvature, 0.07, -1.0)
        factor = f"{1 - 0.07 * curvature:.2f}".replace("-", "−")
        ax.set(title=f"{name}: λ = {curvature}, factor {factor}", ylim=(-1.5, 15))
        ax.set(xticks=[-1, 0, 1], xlim=(-1.3, 1.3), yticks=[])
    axes[0].set(ylabel="loss")
    figures.step(1, axes[1])
    return fig


def draw_batches(digits: Split) -> Figure:
    """Draw steps on all digits, on batches of 32 and of 1, from the same weights.

    The view is that of the step on all, to the right, and of the direction in which
    single examples differ most, up.
    """
    fig, axes = figures.panels(8, 2.2, columns=3)
    x, y = digits.x, digits.y
    each = (0.5 - y)[:, None] * x  # the gradient of an example at theta = 0
    step = -each.mean(0)
    ahead = step / step.norm()
    rest = each - (each @ ahead)[:, None] * ahead
    aside = torch.linalg.svd(rest, full_matrices=False).Vh[0]
    aside = aside * aside.sum().sign()  # else one machine draws it upside down
    view = torch.stack([ahead, aside])
    drawn = torch.Generator().manual_seed(0)
    names = {0: f"all {len(x):,}: full batch", 32: "32: mini-batch", 1: "1: stochastic"}
    look = {"angles": "xy", "scale_units": "xy", "scale": 1}
    for number, (ax, (size, name)) in enumerate(zip(axes, names.items(), strict=True)):
        if size:
            batch = torch.randint(len(x), (25, size), generator=drawn)
            steps = -each[batch].mean(1) @ view.T
            none = torch.zeros(25)
            thin_look = {"color": ORANGE, "width": 0.005, "zorder": 3}
            ax.quiver(none, none, *steps.T, **thin_look, **look)
            figures.step(number, ax)
        ax.quiver(0, 0, *(view @ step), color=BLUE, width=0.03, zorder=2, **look)
        ax.set(title=name, aspect="equal", xlim=(-2.2, 2.6), ylim=(-1.2, 1.2))
        ax.set(xticks=[], yticks=[])
        ax.axhline(0, color=FAINT, lw=0.7)
    return fig


ORDER = (7, 2, 11, 5, 9, 1, 12, 4, 10, 6, 3, 8)  # twelve examples, shuffled


def card(ax: Axes, at: Point, text: str, color: str = INK) -> list[Any]:
    """Draw a card with a text on it, its middle at a place."""
    shape: dict[str, Any] = {
        "boxstyle": "round,pad=0.02,rounding_size=0.1",
        "fc": "none",
        "ec": color,
    }
    outline = FancyBboxPatch((at[0] - 0.32, at[1] - 0.42), 0.64, 0.84, **shape, lw=1.6)
    middle: dict[str, Any] = {"ha": "center", "va": "center", "size": 12}
    return [ax.add_patch(outline), ax.text(*at, text, **middle)]


def draw_cards() -> Figure:
    """Draw an epoch: twelve examples, shuffled, dealt in three, a step on each."""
    fig, ax = figures.panels(8, 3.5)
    names = ["the examples", "shuffle", "deal", "step"]
    shuffled: list[Any] = [ax.text(-0.4, 3.4, names[1], ha="right", va="center")]
    dealt: list[Any] = [ax.text(-0.4, 2.0, names[2], ha="right", va="center")]
    stepped: list[Any] = [ax.text(-0.4, 0.2, names[3], ha="right", va="center")]
    ax.text(-0.4, 4.8, names[0], ha="right", va="center")
    for place, number in enumerate(ORDER):
        batch = place // 4
        color = (BLUE, ORANGE, PURPLE)[batch]
        card(ax, (place + 0.5, 4.8), str(place + 1))
        shuffled += card(ax, (place + 0.5, 3.4), str(number))
        spot = (batch * 4 + 0.8 + 0.75 * (place % 4), 2.0)
        dealt += card(ax, spot, str(number), color)
    stepped.append(ax.text(0.0, 0.2, "θ₀", ha="center", va="center", size=15))
    for batch, name in enumerate(("θ₁", "θ₂", "θ₃")):
        color, right = (BLUE, ORANGE, PURPLE)[batch], 4 * batch + 3.8
        stepped.append(ax.text(right, 0.2, name, ha="center", va="center", size=15))
        stepped.append(arrow(ax, (right - 3.4, 0.2), (right - 0.5, 0.2), color=color))
        middle = right - 1.9
        stepped.append(arrow(ax, (middle, 1.4), (middle, 0.45), color=color))
        label = f"g of batch {batch + 1}"
        stepped.append(ax.text(middle + 0.15, 0.9, label, va="center"))
    for step, parts in enumerate((shuffled, dealt, stepped), 1):
        figures.step(step, *parts)
    ax.set(xlim=(-2.6, 12.3), ylim=(-0.3, 5.4))
    ax.set_axis_off()
    return fig


def fitted(noise: float, *stages: tuple[float, int]) -> tuple[Tensor, Tensor]:
    """Fit a line to 40 points by SGD, batches of one, so many steps at each rate.

    Return the path (steps + 1, 2) and the training losses along it (steps + 1,).
    """
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(40, generator=drawn)
    x = torch.stack([(x - x.mean()) / x.std(), torch.ones(40)], 1)
    error = torch.randn(40, generator=drawn)
    error = error - x @ torch.linalg.lstsq(x, error[:, None]).solution[:, 0]
    y = noise * error  # so that the best line is (0, 0), whatever the noise

    def of_one(theta: Tensor) -> Tensor:
        i = int(torch.randint(40, (), generator=drawn))
        return (theta @ x[i] - y[i]) * x[i]

    path = torch.tensor([[-1.7, 1.3]])
    for rate, steps in stages:
        more = descend(SGD(rate), of_one, path[-1], steps)
        path = torch.cat([path, more[1:]])
    return path, ((path @ x.T - y) ** 2).mean(1) / 2


def draw_cloud() -> Figure:
    """Draw where SGD fluctuates at a large rate, a small one, and if examples agree."""
    fig, axes = figures.panels(8, 3.0, columns=3)
    kinds = {
        "large rate": (0.3, 1.0),
        "small rate": (0.03, 1.0),
        "large rate, examples agree": (0.3, 0.0),
    }
    for number, (ax, (name, kind)) in enumerate(zip(axes, kinds.items(), strict=True)):
        ellipses(ax, (0.12, 0.5, 1.2), 1.0, 1.0)
        path, _ = fitted(kind[1], (kind[0], 400))
        early, late = path[:41].T.tolist(), path[-100:].T.tolist()
        ax.plot(*early, "-", color=FAINT, lw=1.2)
        ax.plot(*path[0].tolist(), "o", color=INK, ms=7)
        ax.plot(*late, "o", color=BLUE, ms=3, ls="", zorder=4)
        ax.set(title=name, aspect="equal", xlim=(-1.9, 1.9), ylim=(-1.6, 1.6))
        ax.set(xticks=[], yticks=[])
        if number:
            figures.step(number, ax)
    return fig


def draw_velocity() -> Figure:
    """Draw how velocities add up: nine tenths of the last one, and the new push."""
    fig, axes = figures.panels(HALF, 3.8, rows=2, columns=2)
    last = torch.zeros(2)
    for t, ax in enumerate(axes.flat, 1):
        push = torch.tensor([1.0, -1.6 if t % 2 else 1.6])
        carried = 0.9 * last
        last = carried + push
        tip, end = (tuple(place.tolist()) for place in (carried, last))
        if t > 1:
            arrow(ax, (0, 0), tip, color=PURPLE, ls="--")
            figures.step(t - 1, ax)
        arrow(ax, tip, end, color=ORANGE)
        arrow(ax, (0, 0), end, color=BLUE, lw=3.5, alpha=0.8)
        ax.set(title=f"step {t}", xlim=(-0.3, 3.8), ylim=(-2.1, 2.1))
        ax.set(xticks=[], yticks=[])
    looks = {"push −g": (ORANGE, "-"), "0.9 × last": (PURPLE, "--"), "sum": (BLUE, "-")}
    for name, (color, style) in looks.items():
        width = 3.5 if name == "sum" else 2
        axes[0, 0].plot([], [], style, color=color, lw=width, label=name)
    key = {"ncols": 3, "columnspacing": 1, "handlelength": 1.6}
    fig.legend(loc="outside lower center", **key)
    return fig


def draw_ahead() -> Figure:
    """Draw the point to which the velocity leads, and the gradient there."""
    fig, ax = figures.panels(HALF, 3.7)
    ellipses(ax, (0.3, 1.2, 2.7, 4.8), 1.0, 4.0)
    scale = torch.tensor([1.0, 4.0])
    here, carried = torch.tensor([-2.2, 0.95]), torch.tensor([1.3, -1.75])
    ahead = here + carried
    ends = {"here": -0.3 * scale * here, "ahead": -0.3 * scale * ahead}
    w, lead = tuple(here.tolist()), tuple(ahead.tolist())
    ax.plot(*w, "o", color=INK, ms=8, zorder=4)
    ax.text(w[0] - 0.15, w[1] + 0.12, "w", ha="right", size=13)
    momentum = tuple((ahead + ends["here"]).tolist())
    nesterov = tuple((ahead + ends["ahead"]).tolist())
    velocity = arrow(ax, w, lead, color=PURPLE, ls="--")
    ring = ax.plot(*lead, "o", color=PURPLE, ms=9, mfc="none", mew=2, zorder=4)
    name = ax.text(lead[0] - 0.2, lead[1] - 0.1, "θ, ahead", ha="right", va="top")
    figures.step(1, velocity, *ring, name)
    old = arrow(ax, lead, momentum, color=FAINT)
    said = ax.text(momentum[0] + 0.12, momentum[1], "momentum:\n−g of w", va="center")
    figures.step(2, old, said)
    new = arrow(ax, lead, nesterov, color=ORANGE, lw=3)
    told_ = ax.text(nesterov[0] + 0.1, nesterov[1] + 0.3, "Nesterov: −g of θ")
    figures.step(3, new, told_)
    ax.set(xlim=(-3, 2.4), ylim=(-2.3, 1.8), xticks=[], yticks=[])
    return fig


def draw_bowl() -> Figure:
    """Draw a ravine, and the same with each axis in units of its derivative's size."""
    fig, axes = figures.panels(HALF, 3.9, rows=2)
    for ax, curvature, name in zip(
        axes, (9.0, 1.0), ("as it is", "b stretched to three times"), strict=True
    ):
        ellipses(ax, (0.4, 1.6, 3.6), 1.0, curvature)
        start = torch.tensor([-2.2, 1.5 / curvature**0.5])
        down = -start * torch.tensor([1.0, curvature])
        end = start + down * (1.05 / float(down.norm()))
        ax.plot(*start.tolist(), "o", color=INK, ms=8, zorder=4)
        places = (tuple(start.tolist()), tuple(end.tolist()))
        arrow(ax, *places, color=BLUE, lw=3)
        ax.set(title=name, xlim=(-4.2, 4.2), ylim=(-2.3, 2.3), aspect="equal")
        ax.set(xticks=[], yticks=[], ylabel="b")
    axes[1].set(xlabel="a")
    figures.step(1, axes[1])
    return fig


def draw_adam() -> Figure:
    """Draw Adam as a diagram: two running means of the gradient, divided, a step."""
    fig, ax = figures.panels(8, 3.6)
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    frame: dict[str, Any] = {"boxstyle": "round,pad=0.5", "fc": "none", "lw": 1.8}

    def node(at: Point, text: str, color: str) -> Any:
        return ax.text(*at, text, bbox=frame | {"ec": color}, **middle)

    node((0.9, 2.5), "gradient\ng", INK)
    parts = {
        1: (BLUE, 4.1, "mean of g: m\nthe direction", "momentum", "m̂: m, scaled"),
        2: (PURPLE, 0.9, "mean of g²: s\nthe size", "RMSProp", "ŝ: s, scaled"),
    }
    for number, (color, at, text, like, hat) in parts.items():
        mean = [node((4.4, at), text, color), arrow(ax, (1.9, 2.5), (3.0, at))]
        beside = at + (0.95 if at > 2 else -0.95)
        mean.append(ax.text(4.4, beside, f"as in {like}", **middle))
        figures.step(number, *mean)
        named = f"{hat} up\nat the start"
        blown = [node((8.0, at), named, color), arrow(ax, (5.9, at), (6.8, at))]
        figures.step(3, *blown)
        figures.step(4, arrow(ax, (9.2, at), (10.2, 2.5 + (0.4 if at > 2 else -0.4))))
    step = "step\n−η m̂ / (√ŝ + ε)"
    figures.step(4, node((11.6, 2.5), step, ORANGE))
    ax.set(xlim=(-0.2, 13.2), ylim=(-0.5, 5.5))
    ax.set_axis_off()
    return fig


def draw_shrinking() -> Figure:
    """Draw two weights shrinking, of large and small derivatives: penalty, AdamW."""
    fig, axes = figures.panels(HALF, 3.9, rows=2)
    sizes, decay, sign = torch.tensor([3.0, 0.3]), 0.5, [1.0]

    def to_and_fro(theta: Tensor) -> Tensor:
        sign[0] = -sign[0]  # so that nothing moves the weights but the decay
        return sign[0] * sizes

    start = torch.ones(2)
    ways = {
        "Adam, penalty on the loss": descend(
            Adam(0.01), lambda at: to_and_fro(at) + decay * at, start, 300
        ),
        "AdamW": descend(AdamW(0.01, decay), to_and_fro, start, 300),
    }
    for number, (ax, (name, path)) in enumerate(zip(axes, ways.items(), strict=True)):
        for weight, (size, look) in enumerate((("large", "-"), ("small", "--"))):
            values = path[::10, weight].tolist()
            label = f"{size} derivatives"
            width = 2 if weight else 4
            ax.plot(range(0, 301, 10), values, look, lw=width, label=label)
        ax.set(title=name, ylim=(-0.1, 1.1), yticks=[0, 1], ylabel="weight")
        if number:
            figures.step(number, ax)
        else:
            ax.label_outer()
    axes[1].set(xlabel="steps")
    key = fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center")
    key.set_ncols(2)
    return fig


def draw_units(tried: dict[str, Tensor]) -> Figure:
    """Draw the test losses of six optimisers on digits, as they are and uneven."""
    fig, ax = figures.panels(8, 3.7)
    names = ["SGD", *RELATIVES, "AdamW"]
    for row, name in enumerate(names):
        _, even = best_rate(tried[f"even {name}"])
        _, uneven = best_rate(tried[f"uneven {name}"])
        label = {"va": "center", "size": 11}
        one = {"label": "as they are"} if not row else {}
        two = {"label": "uneven units"} if not row else {}
        ax.plot(even, row, "o", color=BLUE, ms=10, **one)
        ax.text(even - 0.003, row, f"{even:.3f}", ha="right", **label)
        other = ax.plot(uneven, row, "X", color=ORANGE, ms=10, ls="", **two)
        other += ax.plot([even, uneven], [row, row], "-", color=FAINT, zorder=1)
        other.append(ax.text(uneven + 0.003, row, f"{uneven:.3f}", **label))
        figures.step(1, *other)
    ax.set(yticks=range(6), yticklabels=names, ylim=(5.5, -0.5), xlabel="test loss")
    ax.margins(x=0.15)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower right")
    return fig


def draw_questions() -> Figure:
    """Draw two questions and their answers: safe rates, and a loss that fluctuates."""
    fig, (rates, losses) = figures.panels(HALF, 4.3, rows=2)
    for row, curvature in enumerate((0.1, 50)):
        safe = rates.barh(row, 2 / curvature, 0.6, fc=BLUE, alpha=0.4)
        figures.step(1, *safe)
    both = rates.axvline(2 / 50, color=ORANGE, ls="--")
    figures.step(1, both)
    rates.set(xscale="log", xlim=(1e-3, 100), xlabel="learning rate")
    rates.set_xticks([0.001, 0.04, 1, 20], ["0.001", "0.04", "1", "20"])
    rates.minorticks_off()
    rates.set_yticks([0, 1], ["λ = 0.1", "λ = 50"])
    rates.set(ylim=(-0.6, 1.6), title="1. Which rates are safe?")
    _, loss = fitted(1.0, (0.3, 100), (0.03, 100))
    losses.plot(range(101), loss[:101].tolist(), "-")
    then = losses.plot(range(100, 201), loss[100:].tolist(), "--", color=ORANGE)
    figures.step(2, *then)
    losses.set(title="2. It fluctuates. What now?", xlabel="steps")
    losses.set(ylabel="training loss", ylim=(0.3, 1.6), xlim=(0, 200))
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    curves, (batches, alone) = results["curves"], results["batches"]
    digits, tried = eights(results["seed"]), results["tried"]
    return {
        "curve": draw_curve(),
        "factors": draw_factors(),
        "rates": draw_rates(),
        "sweep": draw_sweep(tried["even SGD"][:, 1]),
        "noise": draw_noise(batches, alone),
        "sizes": draw_sizes(curves["epochs"], curves["clock"], results["clock"]),
        "schedules": draw_schedules(curves["schedules"]),
        "warm_up": draw_warm_up(curves["by_step"], curves["by_rate"]),
        "fog": draw_fog(digits),
        "field": draw_field(),
        "regimes": draw_regimes(),
        "curvatures": draw_curvatures(),
        "batches": draw_batches(digits),
        "cards": draw_cards(),
        "cloud": draw_cloud(),
        "velocity": draw_velocity(),
        "ahead": draw_ahead(),
        "bowl": draw_bowl(),
        "adam": draw_adam(),
        "shrinking": draw_shrinking(),
        "units": draw_units(tried),
        "questions": draw_questions(),
        **{name: draw_race(name, each) for name, each in results["races"].items()},
    }


if __name__ == "__main__":
    figures.run(draw)
