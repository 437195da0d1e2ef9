"""Gradient descent: feel which way is down, and take a step that way.

The gradient of a loss says how it changes with every parameter at once. To walk
against it is to learn; a few examples are enough to guess it. What is left to
choose is how far to step, on how many examples, and how much to remember of the
steps before: that is what tells the relatives of gradient descent apart.

Source: Robbins and Monro, "A stochastic approximation method", Annals of
Mathematical Statistics 22(3), 1951.
"""

# --8<-- [start:imports]
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from contourpy import contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import softplus
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run
from figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE

# --8<-- [start:neuron]
from perceptron import Curve, scans, sigmoid

# --8<-- [end:neuron]


# --8<-- [start:sgd]
class SGD:
    """Step straight down the slope."""

    def __init__(self, rate: float | Tensor) -> None:
        self.rate = rate

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against the gradient g (..., d)."""
        return theta - self.rate * g


# --8<-- [end:sgd]
# --8<-- [start:momentum]
class Momentum(SGD):
    """Roll like a ball: keep most of the velocity of the step before."""

    def __init__(self, rate: float | Tensor, keep: float = 0.9) -> None:
        super().__init__(rate)
        self.keep, self.velocity = keep, torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against the gradients g so far."""
        self.velocity = self.keep * self.velocity + g
        return theta - self.rate * self.velocity


# --8<-- [end:momentum]
# --8<-- [start:nesterov]
class Nesterov(Momentum):
    """Roll, but brake early: count the newest gradient once more."""

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, from where the ball is about to be."""
        self.velocity = self.keep * self.velocity + g
        return theta - self.rate * (g + self.keep * self.velocity)


# --8<-- [end:nesterov]
# --8<-- [start:rmsprop]
class RMSProp(SGD):
    """Give each parameter a step of its own: divide by the usual size of its slope."""

    def __init__(self, rate: float | Tensor, keep: float = 0.9) -> None:
        super().__init__(rate)
        self.keep, self.square = keep, torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, against g in units of its usual size."""
        self.square = self.keep * self.square + (1 - self.keep) * g**2
        return theta - self.rate * g / (self.square.sqrt() + 1e-8)


# --8<-- [end:rmsprop]
# --8<-- [start:adam]
class Adam(SGD):
    """Both at once: a velocity, in units of the usual size of the slope."""

    def __init__(
        self, rate: float | Tensor, keep: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        super().__init__(rate)
        self.keep, self.steps = keep, 0
        self.mean, self.square = torch.zeros(()), torch.zeros(())

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, of at most about `rate` in each d."""
        (a, b), self.steps = self.keep, self.steps + 1
        self.mean = a * self.mean + (1 - a) * g
        self.square = b * self.square + (1 - b) * g**2
        mean = self.mean / (1 - a**self.steps)  # both began at 0, too small:
        square = self.square / (1 - b**self.steps)  # blow them up to their true size
        return theta - self.rate * mean / (square.sqrt() + 1e-8)


# --8<-- [end:adam]
# --8<-- [start:adamw]
class AdamW(Adam):
    """Adam, whose weights also shrink a little with every step."""

    def __init__(self, rate: float | Tensor, decay: float = 0.01) -> None:
        super().__init__(rate)
        self.decay = decay

    def step(self, theta: Tensor, g: Tensor) -> Tensor:
        """Return theta (..., d) one step on, from a place a little nearer to 0."""
        return super().step(theta * (1 - self.rate * self.decay), g)


# --8<-- [end:adamw]
# --8<-- [start:descend]
def descend(optimiser: SGD, slope: Curve, theta: Tensor, steps: int) -> Tensor:
    """Walk down from theta (..., d); return every place passed (steps + 1, ..., d)."""
    path = [theta]
    for _ in range(steps):
        path.append(optimiser.step(path[-1], slope(path[-1])))
    return torch.stack(path)


# --8<-- [end:descend]
# --8<-- [start:surfaces]
class Surface(NamedTuple):
    """A loss of two parameters (..., 2), its gradient, and where a walk begins."""

    value: Curve
    slope: Curve
    start: tuple[float, float]
    lowest: float  # the value at the bottom
    bottoms: tuple[tuple[float, float], ...] = ((0, 0),)


def pair(a: Tensor, b: Tensor) -> Tensor:
    """Put two slopes (...,) side by side: (..., 2)."""
    return torch.stack([a, b], dim=-1)


def bell(theta: Tensor) -> Tensor:
    """Fall off from 1 in the middle to 0 all around: a bell over theta (..., 2)."""
    return torch.exp(-(theta**2).sum(-1) / 2)


SURFACES = {
    "ravine": Surface(  # (a² + 25 b²) / 2: curvatures 1 and 25
        lambda p: (p[..., 0] ** 2 + 25 * p[..., 1] ** 2) / 2,
        lambda p: pair(p[..., 0], 25 * p[..., 1]),
        start=(-4.0, 1.0),
        lowest=0,
    ),
    "rosenbrock": Surface(  # (1 - a)² + 100 (b - a²)², a ravine with a bend
        lambda p: (1 - p[..., 0]) ** 2 + 100 * (p[..., 1] - p[..., 0] ** 2) ** 2,
        lambda p: pair(
            -2 * (1 - p[..., 0]) - 400 * p[..., 0] * (p[..., 1] - p[..., 0] ** 2),
            200 * (p[..., 1] - p[..., 0] ** 2),
        ),
        start=(-1.2, 1.0),
        lowest=0,
        bottoms=((1, 1),),
    ),
    "saddle": Surface(  # a² / 2 - b² / 2 + b⁴ / 4, a pass between two valleys
        lambda p: (p[..., 0] ** 2 - p[..., 1] ** 2) / 2 + p[..., 1] ** 4 / 4,
        lambda p: pair(p[..., 0], p[..., 1] ** 3 - p[..., 1]),
        start=(-1.5, 0.001),
        lowest=-0.25,
        bottoms=((0, 1), (0, -1)),
    ),
    "plateau": Surface(  # 1 - exp(-(a² + b²) / 2), a hole in flat land
        lambda p: 1 - bell(p),
        lambda p: p * bell(p)[..., None],
        start=(-3.4, 1.6),
        lowest=0,
    ),
}


# --8<-- [end:surfaces]
# --8<-- [start:race]
RACERS: dict[str, type[SGD]] = {
    "SGD": SGD,
    "momentum": Momentum,
    "Nesterov": Nesterov,
    "RMSProp": RMSProp,
    "Adam": Adam,
}


class Run(NamedTuple):
    """How one optimiser came down a surface, at its best learning rate."""

    rate: float
    steps: float  # until within 0.01 of the lowest for good: the mean, or infinity
    path: Tensor  # (steps + 1, 2), the walk from the surface's own start


def race(
    surface: Surface,
    steps: int,
    seed: int,
    racers: Mapping[str, Callable[[float | Tensor], SGD]] = RACERS,
) -> dict[str, Run]:
    """Send each optimiser down from 20 places near the start, at its best rate of 17.

    All rates and places walk at once: theta is (rates, places, 2).
    """
    rates, drawn = 10 ** torch.linspace(-4, 0, 17), torch.Generator().manual_seed(seed)
    sway = torch.randn(20, 2, generator=drawn, device="cpu").to(rates.device)
    sway[0] = 0
    starts = (torch.tensor(surface.start) * (1 + 0.1 * sway)).expand(len(rates), -1, -1)
    runs = {}
    for name, kind in racers.items():
        paths = descend(kind(rates[:, None, None]), surface.slope, starts, steps)
        height = (surface.value(paths) - surface.lowest).nan_to_num(nan=torch.inf)
        step = torch.arange(1, steps + 2)[:, None, None]
        arrival = (step * (height >= 0.01)).amax(0)  # (rates, places), after the last
        # Steps, plus the height at the end: it decides between rates that never arrive.
        mean = (arrival + height[-1]).mean(1)
        best = int(mean.argmin())
        there = bool((arrival[best] <= steps).all())
        taken = float(arrival[best].float().mean()) if there else math.inf
        path = paths[: int(arrival[best, 0]) + 1, best, 0]
        runs[name] = Run(float(rates[best]), taken, path)
    return runs


# --8<-- [end:race]
# --8<-- [start:data]
def eights(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load scans x (n, 65), the last a 1 for the bias, and y (n,): 1 for an 8, else 0.

    First those to learn from, as `seed` shuffles them; then those held out.
    """
    x, digit, x_test, digit_test = scans(seed)
    x, x_test = (torch.cat([x, torch.ones_like(x[:, :1])], 1) for x in (x, x_test))
    return x, (digit == 8).float(), x_test, (digit_test == 8).float()


# --8<-- [end:data]
# --8<-- [start:widen]
def widen(x: Tensor) -> Tensor:
    """Add to scans x (n, 65) the product of every two pixels: (n, 2145)."""
    first, second = torch.triu_indices(64, 64, device=x.device)
    return torch.cat([x, x[:, first] * x[:, second]], dim=1)


# --8<-- [end:widen]
# --8<-- [start:gradient]
def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy () of a soft neuron theta (d,) on x (n, d), y (n,)."""
    z = x @ theta
    return (softplus(z) - y * z).mean()


def gradient(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean gradient (d,) of that loss over x (n, d), y (n,)."""
    return (sigmoid(x @ theta) - y) @ x / len(x)


# --8<-- [end:gradient]
# --8<-- [start:constant]
Schedule = Callable[[int], float]  # from the number of a step to a share of the rate


def constant(t: int) -> float:
    """Keep the rate as it is."""
    return 1.0


# --8<-- [end:constant]
# --8<-- [start:learn]
def learn(
    optimiser: SGD,
    x: Tensor,
    y: Tensor,
    size: int,
    seed: int,
    schedule: Schedule = constant,
) -> Iterator[Tensor]:
    """Yield theta (d,) after each step on batches of x (n, d), y (n,), without end."""
    shuffled = torch.Generator().manual_seed(seed)
    theta, top, t = torch.zeros(x.shape[1]), optimiser.rate, 0
    while True:  # once round is an epoch
        if size < len(x):
            order = torch.randperm(len(x), generator=shuffled, device="cpu")
            x, y = x[order], y[order]
        for xb, yb in zip(x.split(size), y.split(size), strict=True):
            optimiser.rate = top * schedule(t)
            theta = optimiser.step(theta, gradient(theta, xb, yb))
            yield theta
            t += 1


# --8<-- [end:learn]
# --8<-- [start:schedules]
def stairs(t: int, every: int, factor: float = 0.1) -> float:
    """Drop the rate to `factor` of itself, `every` so many steps."""
    return factor ** (t // every)


def cosine(t: int, steps: int) -> float:
    """Let the rate glide from 1 to 0 along half a wave, in so many steps."""
    return (1 + math.cos(math.pi * t / steps)) / 2


def warm_up(t: int, steps: int) -> float:
    """Raise the rate in a straight line, in so many steps, and then keep it."""
    return min(1.0, (t + 1) / steps)


# --8<-- [end:schedules]
# --8<-- [start:compare]
def by_epoch(steps: Iterator[Tensor], an_epoch: int, epochs: int) -> list[Tensor]:
    """List the theta (d,) at the end of each epoch of so many steps."""
    return list(islice(steps, an_epoch - 1, an_epoch * epochs, an_epoch))


def by_clock(steps: Iterator[Tensor], marks: list[float]) -> list[Tensor]:
    """List the theta (d,) reached when each of the `marks`, in seconds, is passed."""
    reached: list[Tensor] = []
    began = perf_counter()
    while len(reached) < len(marks):
        theta = next(steps)
        float(theta[0])  # an accelerator works behind our back: wait for it
        if perf_counter() - began >= marks[len(reached)]:
            reached.append(theta)
    return reached


# --8<-- [end:compare]
# --8<-- [start:noise]
def noise(
    theta: Tensor, x: Tensor, y: Tensor, size: int, draws: int, seed: int
) -> float:
    """Mean squared distance of a mini-batch's gradient from that of all x (n, d)."""
    drawn = torch.Generator().manual_seed(seed)
    batches = torch.randint(len(x), (draws, size), generator=drawn, device="cpu")
    each = (sigmoid(x @ theta) - y)[:, None] * x  # (n, d), a gradient an example
    off = each[batches].mean(1) - each.mean(0)  # (draws, d)
    return float((off**2).sum(1).mean())


# --8<-- [end:noise]
# --8<-- [start:limit]
def limit(x: Tensor) -> float:
    """Largest rate that is safe at theta = 0 on x (n, d): 2 over the curvature."""
    curvature = x.T @ x / (4 * len(x))  # (d, d): an example's share is σ'(0) = 1/4
    return 2 / float(torch.linalg.eigvalsh(curvature.cpu())[-1])


# --8<-- [end:limit]
RATES = [2.0**power for power in range(-8, 6)]
SIZES = {"1 example": 1, "32 examples": 32, "all examples": 10_000}


def sweep(seed: int) -> list[float]:
    """Return the held-out loss after 5 epochs of mini-batches, for each of RATES."""
    x, y, x_test, y_test = eights(seed)
    ends = (by_epoch(learn(SGD(r), x, y, 32, seed), 40, 5)[-1] for r in RATES)
    return [float(loss(theta, x_test, y_test)) for theta in ends]


def sizes(
    seed: int, epochs: int, seconds: float
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Compare batch sizes at one rate: held-out loss by epoch, and by the clock."""
    x, y, x_test, y_test = eights(seed)
    x, x_test = widen(x), widen(x_test)
    marks = [seconds * part / 15 for part in range(1, 16)]
    epoch_by_epoch, tick_by_tick = {}, {}
    for name, size in SIZES.items():
        an_epoch = math.ceil(len(x) / size)
        thetas = by_epoch(learn(SGD(0.1), x, y, size, seed), an_epoch, epochs)
        epoch_by_epoch[name] = [float(loss(theta, x_test, y_test)) for theta in thetas]
        thetas = by_clock(learn(SGD(0.1), x, y, size, seed), marks)
        tick_by_tick[name] = [float(loss(theta, x_test, y_test)) for theta in thetas]
    return epoch_by_epoch, tick_by_tick


def scheduled(seed: int, epochs: int) -> dict[str, list[float]]:
    """List held-out losses by epoch at a bold rate, for four schedules."""
    x, y, x_test, y_test = eights(seed)
    curves = {}
    for name, schedule in schedules(40 * epochs).items():
        thetas = by_epoch(learn(SGD(4.0), x, y, 32, seed, schedule), 40, epochs)
        curves[name] = [float(loss(theta, x_test, y_test)) for theta in thetas]
    return curves


def schedules(steps: int) -> dict[str, Schedule]:
    """Return the four schedules that we compare, laid out over so many steps."""
    return {
        "constant": constant,
        "stairs": lambda t: stairs(t, every=steps // 3),
        "cosine": lambda t: cosine(t, steps),
        "warm-up, cosine": lambda t: warm_up(t, steps // 10) * cosine(t, steps),
    }


def peaks(seed: int) -> dict[str, float]:
    """Return the highest loss after any step of a rate three times too large."""
    x, y, _, _ = eights(seed)
    found = {}
    for name, rise in {"cold": constant, "warm": lambda t: warm_up(t, 20)}.items():
        walk = by_epoch(learn(SGD(3 * limit(x)), x, y, len(x), seed, rise), 1, 40)
        found[name] = max(float(loss(theta, x, y)) for theta in walk)
    return found


def table(seed: int) -> dict[str, float]:
    """Return held-out losses of six optimisers, on scans and on scans badly scaled.

    Each has the best of five rates, by the loss it reaches on its training scans.
    """
    x, y, x_test, y_test = eights(seed)
    drawn = torch.Generator().manual_seed(seed)
    units = 10 ** (2 * torch.rand(65, generator=drawn, device="cpu") - 1).to(x.device)
    found = {}
    for name, kind in {**RACERS, "AdamW": AdamW}.items():
        for scale, unit in {"even": torch.ones(65), "uneven": units}.items():
            walks = (learn(kind(10.0**p), x * unit, y, 32, seed) for p in range(-3, 2))
            ends = [by_epoch(walk, 40, 5)[-1] for walk in walks]
            best = min(ends, key=lambda theta: float(loss(theta, x * unit, y)))
            found[f"{scale}_{name}"] = float(loss(best, x_test * unit, y_test))
    return found


LOOKS: dict[str, dict[str, object]] = {
    "SGD": {"color": INK, "linestyle": "-", "marker": "o"},
    "momentum": {"color": BLUE, "linestyle": "--", "marker": "s"},
    "Nesterov": {"color": PURPLE, "linestyle": "-.", "marker": "D"},
    "RMSProp": {"color": ORANGE, "linestyle": ":", "marker": "x"},
    "Adam": {"color": GREEN, "linestyle": (0, (6, 1.5)), "marker": "^"},
}


View = tuple[float, float, float, float]  # left, right, low, high
VIEWS: dict[str, tuple[View, tuple[float, ...]]] = {  # and heights above the bottom
    "ravine": ((-4.6, 1.6, -1.4, 1.4), (1, 6, 16)),
    "rosenbrock": ((-1.9, 1.9, -0.7, 2.1), (2, 30, 200)),
    "saddle": ((-1.8, 1.8, -1.3, 1.5), (0.1, 0.25, 0.6)),
    "plateau": ((-4, 2.2, -1.9, 2.2), (0.2, 0.8, 0.99)),
}


def thin(path: Tensor, apart: float) -> Tensor:
    """Keep of a path (n, 2) the points so far apart, and its end: (few, 2)."""
    kept = [path[0]]
    for place in path[1:]:
        if (place - kept[-1]).norm() > apart:
            kept.append(place)
    return torch.stack([*kept, path[-1]])


def contours(ax: Axes, name: str) -> None:
    """Draw the surface called `name`: lines of equal height, a star at the bottom."""
    surface, ((left, right, low, high), levels) = SURFACES[name], VIEWS[name]
    a, b = torch.linspace(left, right, 80), torch.linspace(low, high, 60)
    height = surface.value(torch.cartesian_prod(a, b)).reshape(80, 60).T
    lines = contour_generator(a.tolist(), b.tolist(), height.cpu().numpy())
    for level in levels:
        for line in lines.lines(surface.lowest + level):
            few = thin(torch.tensor(line), 0.015 * (right - left))
            ax.plot(*few.T.tolist(), "-", color=FAINT, lw=0.7)
    for bottom in surface.bottoms:
        ax.plot(*bottom, "*", color=ORANGE, ms=9, zorder=3)  # above the walks
    ax.set(xlim=(left, right), ylim=(low, high))
    ax.locator_params(nbins=3)
    ax.grid(False)


def draw_rates() -> Figure:
    """Draw walks down the ravine at three learning rates."""
    fig, axes = figures.panels(5.2, 4.2, rows=3)
    shares = {"too small": 100, "about right": 14, "too large": 12}
    for ax, (name, share) in zip(axes, shares.items(), strict=True):
        ravine = SURFACES["ravine"]
        path = descend(SGD(1 / share), ravine.slope, torch.tensor(ravine.start), 20)
        contours(ax, "ravine")
        ax.plot(*path.T.tolist(), "o-", color=BLUE, lw=1, ms=3)
        ax.set_title(f"{name}: η = 1/{share}")
        ax.set(xticks=[], yticks=[])
    return fig


def draw_sweep(losses: Tensor) -> Figure:
    """Draw what a rate does: theory on the ravine, held-out loss (seeds, RATES)."""
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
    measured.plot(RATES, middle.tolist(), "o-", ms=4)
    measured.fill_between(RATES, low.tolist(), high.tolist(), alpha=0.2, lw=0)
    measured.set(xscale="log", yscale="log", xlabel="learning rate η")
    measured.set(title="the scans", ylabel="held-out loss, 5 epochs")
    measured.minorticks_off()
    return fig


def draw_noise(seed: int) -> Figure:
    """Draw how noise and time for an example fall with the size of a batch."""
    fig, (left, right) = figures.panels(5.2, 2.9, columns=2)
    x, y, _, _ = eights(seed)
    theta, powers = torch.zeros(65), [4**power for power in range(5)]
    found = [noise(theta, x, y, size, 400, seed) for size in powers]
    alone = noise(theta, x, y, 1, 20_000, seed)
    left.plot(powers, [alone / size for size in powers], label="1 / batch size")
    left.plot(powers, found, "o", color=ORANGE, label="measured")
    left.set(xscale="log", yscale="log", xlabel="batch size", title="noise")
    left.legend()
    left.minorticks_off()
    wide = widen(x)
    times = [step_time(wide, y, size) / size * 1e6 for size in powers]
    right.plot(powers, times, "o-", color=PURPLE)
    right.set(xscale="log", yscale="log", xlabel="batch size")
    right.set(title="µs for an example")
    right.minorticks_off()
    return fig


def step_time(x: Tensor, y: Tensor, size: int) -> float:
    """Return the seconds of a step on `size` of x (n, d), y (n,): the best of 20."""
    walk, best = learn(SGD(0.1), x, y, size, seed=0), math.inf
    for _ in range(20):
        began = perf_counter()
        float(next(walk)[0])
        best = min(best, perf_counter() - began)
    return best


def draw_sizes(
    epochs: dict[str, Tensor], clock: dict[str, Tensor], end: float
) -> Figure:
    """Draw held-out losses (seeds, steps) of batch sizes, by epoch and by clock."""
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    for ax, curves in zip(axes, (epochs, clock), strict=True):
        figures.curves(ax, curves)
        ax.get_legend().remove()
        ax.set(yscale="log", ylim=(0.05, 0.8), yticks=[0.1, 0.2, 0.4])
        ax.set_yticklabels(["0.1", "0.2", "0.4"])
        ax.minorticks_off()
    axes[0].set(xlabel="epochs", ylabel="held-out loss", title="equal epochs")
    ticks = [0, 5, 10, 15]
    axes[1].set(xlabel="seconds", title="equal time", xticks=ticks, yticklabels=[])
    axes[1].set_xticklabels([f"{end * tick / 15:.1f}" for tick in ticks])
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=3)
    return fig


def draw_schedules(losses: dict[str, Tensor]) -> Figure:
    """Draw four schedules, and the held-out losses (seeds, epochs) they lead to."""
    fig, (shape, effect) = figures.panels(5.2, 3.4, columns=2)
    for name, schedule in schedules(200).items():
        shares = [schedule(t) for t in range(200)]
        shape.plot([t / 200 for t in range(200)], shares, label=name)
    for values in losses.values():
        effect.plot(range(1, values.shape[1] + 1), values.mean(0).tolist())
    shape.set(xlabel="share of all steps", title="share of the rate")
    effect.set(xlabel="epochs", title="held-out loss", ylim=(0, 0.9))
    effect.set_yticks([0, 0.2, 0.4, 0.6, 0.8])
    handles = shape.get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_race(surface: str, runs: dict[str, Run]) -> Figure:
    """Draw the way that each optimiser took down a surface, with steps in the key."""
    left, right = VIEWS[surface][0][:2]
    fig, ax = figures.panels(5.2, 3.5)
    contours(ax, surface)
    for name, ended in runs.items():
        path = thin(ended.path, 0.04 * (right - left))
        every = max(1, len(path) // 5)
        look = {**LOOKS[name], "lw": 1.5, "ms": 5, "markevery": every, "mew": 1.5}
        ax.plot(*path.T.tolist(), label=f"{name}: {told(ended.steps)}", **look)
    ax.set(xlabel="a", ylabel="b")
    fig.legend(loc="outside lower center", ncols=3, columnspacing=1, fontsize="small")
    return fig


def told(steps: float) -> str:
    """Say how many steps a run took, or that it did not arrive."""
    return f"{steps:,.0f}" if steps < math.inf else "too slow"


class Trial(NamedTuple):
    """What the experiments on scans came to, with one seed."""

    rates: list[float]  # held-out losses
    epochs: dict[str, list[float]]
    clock: dict[str, list[float]]
    plans: dict[str, list[float]]
    table: dict[str, float]
    peaks: dict[str, float]


def trial(seed: int, epochs: int, clock: float) -> Trial:
    """Try every rate, batch size, schedule and optimiser on the scans of one seed."""
    by_epochs, by_seconds = sizes(seed, max(2, epochs // 3), clock)
    plans, row = scheduled(seed, epochs), table(seed)
    return Trial(sweep(seed), by_epochs, by_seconds, plans, row, peaks(seed))


def stack(runs: list[dict[str, list[float]]]) -> dict[str, Tensor]:
    """Turn a dictionary of curves for each seed into one of (seeds, steps)."""
    return {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}


def summary(
    races: dict[str, dict[str, Run]], trials: list[Trial], seed: int
) -> dict[str, float | str]:
    """Boil down the races, and the means of the trials over their seeds."""
    x, y, _, _ = eights(seed)
    rates = torch.tensor([each.rates for each in trials]).mean(0)
    less = {"memory": lambda rate: Momentum(rate, keep=0.5)}
    half = race(SURFACES["ravine"], 400, seed, less)["memory"]
    numbers: dict[str, float | str] = {
        f"{surface}_{name.lower()}": told(ended.steps)
        for surface, runs in races.items()
        for name, ended in runs.items()
    }
    numbers |= {
        "ravine_momentum_half": told(half.steps),
        "scans": len(x),
        "limit": limit(x),
        "limit_wide": limit(widen(x)),
        "rate_small": RATES[0],
        "rate_large": RATES[-1],
        "rate_best": RATES[int(rates.argmin())],
        "rate_best_loss": float(rates.min()),
        "rate_small_loss": float(rates[0]),
        "rate_large_loss": float(rates[-1]),
        "noise_1": noise(torch.zeros(65), x, y, 1, 20_000, seed),
        "noise_64": noise(torch.zeros(65), x, y, 64, 2000, seed),
    }
    for kind in ("epochs", "clock", "plans"):
        for name, curve in stack([getattr(each, kind) for each in trials]).items():
            key = f"{kind}_{name.split()[0].strip(',').replace('-', '_')}"
            numbers[key] = float(curve[:, -1].mean())
            numbers[f"{key}_sway"] = float(curve[:, -5:].diff().abs().mean())
    for kind in ("table", "peaks"):
        rows = [getattr(each, kind) for each in trials]
        for name in rows[0]:
            numbers[name.lower()] = sum(row[name] for row in rows) / len(rows)
    return numbers


def draw(
    races: dict[str, dict[str, Run]], trials: list[Trial], seed: int, clock: float
) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    by_epochs, by_seconds, plans = (
        stack([getattr(each, kind) for each in trials])
        for kind in ("epochs", "clock", "plans")
    )
    return {
        "rates": draw_rates(),
        "sweep": draw_sweep(torch.tensor([each.rates for each in trials])),
        "noise": draw_noise(seed),
        "sizes": draw_sizes(by_epochs, by_seconds, clock),
        "schedules": draw_schedules(plans),
        **{name: draw_race(name, runs) for name, runs in races.items()},
    }


def results(races: dict[str, dict[str, Run]]) -> str:
    """Lay the steps of every race out as the rows of a table."""
    rows = [
        f"  {name:<10}" + "".join(f"{told(ended.steps):>10}" for ended in runs.values())
        for name, runs in races.items()
    ]
    return "\n".join(rows)


@contextmanager
def one_core() -> Iterator[None]:
    """Compute on one core, so that the clock is fair whatever else is running."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 20,
    clock: float = 0.3,
    out: Path | None = None,
) -> None:
    """Race five optimisers down four surfaces; then learn to tell 8 from the rest.

    Args:
        seed: Which scans are held out; the next four seeds are tried too.
        device: Where to compute.
        epochs: Passes over the scans for each schedule; batch sizes get a third.
        clock: Seconds that each batch size may learn when they race the clock.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    with devices.on(device) as used, one_core():
        races = {}
        for name in tqdm(SURFACES, desc="surfaces", disable=None):
            steps = 2000 if name == "rosenbrock" else 400
            races[name] = race(SURFACES[name], steps, seed)
        seeds = tqdm(range(seed, seed + 5), desc="scans", disable=None)
        trials = [trial(each, epochs, clock) for each in seeds]
        numbers = summary(races, trials, seed)
        print(REPORT.format(races=results(races), **numbers))
        if out is not None:
            figures.save_all(draw(races, trials, seed, clock), out)
            record(out, seed, used, **numbers)


REPORT = """\
steps to within 0.01 of the lowest height, each at its best rate, mean of 20 starts:
                   SGD  momentum  Nesterov   RMSProp      Adam
{races}
8 against the rest, held-out loss, mean of 5 seeds, by learning rate:
  {rate_small:.3f}: {rate_small_loss:.3f}
  {rate_best:.3f}: {rate_best_loss:.3f}, the best
  {rate_large:.3f}: {rate_large_loss:.3f}
by batch size, with every two pixels multiplied, 1 / 32 / all examples:
  equal epochs {epochs_1:.3f} / {epochs_32:.3f} / {epochs_all:.3f}
  equal time   {clock_1:.3f} / {clock_32:.3f} / {clock_all:.3f}
gradient noise of 1 example {noise_1:.2f}, of 64 {noise_64:.4f}
at a bold rate: constant {plans_constant:.3f}, cosine {plans_cosine:.3f}
highest loss after a step, at three times the limit: cold {cold:.2f}, \
warmed up {warm:.2f}"""

if __name__ == "__main__":
    run(main)
