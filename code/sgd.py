"""Gradient descent: feel which way is down, and take a step that way.

The gradient of a loss says how it changes with every parameter at once. To walk
against it is to learn; a few examples are enough to estimate it. What is left to
choose is how far to step, on how many examples, and how much to remember of the
steps before: that is what tells the relatives of gradient descent apart.

Source: Robbins and Monro, "A stochastic approximation method", Annals of
Mathematical Statistics 22(3), 1951.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.activations import Curve, sigmoid
from neuronup.command import folder, keep, record, run
from neuronup.digits import Split, train_test_digits
from neuronup.optimisers import SGD, Adam, AdamW, Momentum, Nesterov, RMSProp
from neuronup.schedules import Schedule, constant, cosine, step_decay, warm_up
from neuronup.seeds import mean, stack


# --8<-- [start:descend]
def descend(optimiser: SGD, gradient: Curve, theta: Tensor, steps: int) -> Tensor:
    """Walk down from theta (..., d); return every place passed (steps + 1, ..., d)."""
    path = [theta]
    for _ in range(steps):
        path.append(optimiser.step(path[-1], gradient(path[-1])))
    return torch.stack(path)


# --8<-- [end:descend]
class Surface(NamedTuple):
    """A loss of two parameters (..., 2), its gradient, and where a walk begins."""

    value: Curve
    gradient: Curve
    start: tuple[float, float]
    lowest: float  # the value at the minimum
    minima: tuple[tuple[float, float], ...] = ((0, 0),)


def pair(a: Tensor, b: Tensor) -> Tensor:
    """Put two partial derivatives (...,) side by side: (..., 2)."""
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
        minima=((1, 1),),
    ),
    "saddle": Surface(  # a² / 2 - b² / 2 + b⁴ / 4, a pass between two valleys
        lambda p: (p[..., 0] ** 2 - p[..., 1] ** 2) / 2 + p[..., 1] ** 4 / 4,
        lambda p: pair(p[..., 0], p[..., 1] ** 3 - p[..., 1]),
        start=(-1.5, 0.001),
        lowest=-0.25,
        minima=((0, 1), (0, -1)),
    ),
    "plateau": Surface(  # 1 - exp(-(a² + b²) / 2), a hole in flat land
        lambda p: 1 - bell(p),
        lambda p: p * bell(p)[..., None],
        start=(-3.4, 1.6),
        lowest=0,
    ),
}


RACERS: dict[str, type[SGD]] = {
    "SGD": SGD,
    "momentum": Momentum,
    "Nesterov": Nesterov,
    "RMSProp": RMSProp,
    "Adam": Adam,
}


class Descent(NamedTuple):
    """How one optimiser came down a surface, at its best learning rate."""

    rate: float
    steps: float  # until within 0.01 of the lowest for good: the mean, or infinity
    path: Tensor  # (steps + 1, 2), the walk from the surface's own start


def race(
    surface: Surface,
    steps: int,
    seed: int,
    device: torch.device,
    racers: Mapping[str, Callable[[float | Tensor], SGD]] = RACERS,
) -> dict[str, Descent]:
    """Send each optimiser down from 20 places near the start, at its best rate of 17.

    All rates and places walk at once: theta is (rates, places, 2).
    """
    rates = (10 ** torch.linspace(-4, 0, 17)).to(device)
    offsets = torch.randn(20, 2, generator=torch.Generator().manual_seed(seed))
    offsets[0] = 0
    starts = (torch.tensor(surface.start) * (1 + 0.1 * offsets)).to(device)
    starts = starts.expand(len(rates), -1, -1)
    found = {}
    for name, kind in racers.items():
        paths = descend(kind(rates[:, None, None]), surface.gradient, starts, steps)
        height = (surface.value(paths) - surface.lowest).nan_to_num(nan=torch.inf)
        step = torch.arange(1, steps + 2, device=device)[:, None, None]
        arrival = (step * (height >= 0.01)).amax(0)  # (rates, places), after the last
        # Steps, plus the height at the end: it decides between rates that never arrive.
        best = int((arrival + height[-1]).mean(1).argmin())
        there = bool((arrival[best] <= steps).all())
        taken = float(arrival[best].float().mean()) if there else math.inf
        path = paths[: int(arrival[best, 0]) + 1, best, 0]
        found[name] = Descent(float(rates[best]), taken, path.cpu())
    return found


# --8<-- [start:data]
def eights(seed: int) -> Split:
    """Load digits x (n, 65), the last a 1 for the bias, and y (n,): 1 for an 8, else 0.

    First those to train on, as `seed` shuffles them; then those held out.
    """
    x, label, x_test, label_test = train_test_digits(seed)
    x, x_test = (torch.cat([x, torch.ones_like(x[:, :1])], 1) for x in (x, x_test))
    return Split(x, (label == 8).float(), x_test, (label_test == 8).float())


# --8<-- [end:data]
def widen(x: Tensor) -> Tensor:
    """Add to images x (n, 65) the product of every two pixels: (n, 2145)."""
    first, second = torch.triu_indices(64, 64, device=x.device)
    return torch.cat([x, x[:, first] * x[:, second]], dim=1)


# --8<-- [start:gradient]
def logistic_loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean cross-entropy () of logistic regression theta (d,) on x (n, d), y (n,)."""
    z = x @ theta
    return (softplus(z) - y * z).mean()


def gradient(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Mean gradient (d,) of that loss over x (n, d), y (n,)."""
    return (sigmoid(x @ theta) - y) @ x / len(x)


# --8<-- [end:gradient]
# --8<-- [start:train]
def train(
    optimiser: SGD,
    x: Tensor,
    y: Tensor,
    size: int,
    seed: int,
    schedule: Schedule = constant,
) -> Iterator[Tensor]:
    """Yield theta (d,) after each step on batches of x (n, d), y (n,), without end."""
    shuffled = torch.Generator().manual_seed(seed)
    theta, top, t = x.new_zeros(x.shape[1]), optimiser.rate, 0
    while True:  # once round is an epoch
        if size < len(x):
            order = torch.randperm(len(x), generator=shuffled, device="cpu")
            x, y = x[order], y[order]
        for xb, yb in zip(x.split(size), y.split(size), strict=True):
            optimiser.rate = top * schedule(t)
            theta = optimiser.step(theta, gradient(theta, xb, yb))
            yield theta
            t += 1


# --8<-- [end:train]
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


# --8<-- [start:noise]
def gradient_noise(
    theta: Tensor, x: Tensor, y: Tensor, size: int, draws: int, seed: int
) -> float:
    """Mean squared distance of a mini-batch's gradient from that of all x (n, d)."""
    drawn = torch.Generator().manual_seed(seed)
    batches = torch.randint(len(x), (draws, size), generator=drawn, device="cpu")
    each = (sigmoid(x @ theta) - y)[:, None] * x  # (n, d), a gradient an example
    error = each[batches].mean(1) - each.mean(0)  # (draws, d)
    return float((error**2).sum(1).mean())


# --8<-- [end:noise]
# --8<-- [start:limit]
def limit(x: Tensor) -> float:
    """Largest rate that is safe at theta = 0 on x (n, d): 2 over the curvature."""
    curvature = x.T @ x / (4 * len(x))  # (d, d): an example's share is σ'(0) = 1/4
    return 2 / float(torch.linalg.eigvalsh(curvature.cpu())[-1])


# --8<-- [end:limit]
RATES = [2.0**power for power in range(-8, 6)]
Races = dict[str, dict[str, Descent]]  # by surface and optimiser
BATCH_SIZES = {"1 example": 1, "32 examples": 32, "all examples": 10_000}


def losses(thetas: Iterable[Tensor], x: Tensor, y: Tensor) -> list[float]:
    """List the loss of each theta (d,) on x (n, d), y (n,)."""
    return [float(logistic_loss(theta, x, y)) for theta in thetas]


def sweep_rates(seed: int, device: torch.device) -> list[float]:
    """Return the held-out loss after 5 epochs of mini-batches, for each of RATES."""
    x, y, x_test, y_test = eights(seed).to(device)
    ends = (by_epoch(train(SGD(r), x, y, 32, seed), 40, 5)[-1] for r in RATES)
    return losses(ends, x_test, y_test)


def compare_batch_sizes(
    seed: int, epochs: int, seconds: float, device: torch.device
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Compare batch sizes at one rate: held-out loss by epoch, and by the clock."""
    x, y, x_test, y_test = eights(seed).to(device)
    x, x_test = widen(x), widen(x_test)
    marks = [seconds * part / 15 for part in range(1, 16)]
    epoch_by_epoch, tick_by_tick = {}, {}
    for name, size in BATCH_SIZES.items():
        an_epoch = math.ceil(len(x) / size)
        thetas = by_epoch(train(SGD(0.1), x, y, size, seed), an_epoch, epochs)
        epoch_by_epoch[name] = losses(thetas, x_test, y_test)
        thetas = by_clock(train(SGD(0.1), x, y, size, seed), marks)
        tick_by_tick[name] = losses(thetas, x_test, y_test)
    return epoch_by_epoch, tick_by_tick


def compare_schedules(
    seed: int, epochs: int, device: torch.device
) -> dict[str, list[float]]:
    """List held-out losses by epoch at a bold rate, for four schedules."""
    x, y, x_test, y_test = eights(seed).to(device)
    curves = {}
    for name, schedule in schedules(40 * epochs).items():
        thetas = by_epoch(train(SGD(4.0), x, y, 32, seed, schedule), 40, epochs)
        curves[name] = losses(thetas, x_test, y_test)
    return curves


def schedules(steps: int) -> dict[str, Schedule]:
    """Return the four schedules that we compare, laid out over so many steps."""
    return {
        "constant": constant,
        "stairs": lambda t: step_decay(t, every=steps // 3),
        "cosine": lambda t: cosine(t, steps),
        "warm-up, cosine": lambda t: warm_up(t, steps // 10) * cosine(t, steps),
    }


def highest_losses(seed: int, device: torch.device) -> dict[str, float]:
    """Return the highest loss after any step of a rate three times the limit."""
    x, y, _, _ = eights(seed).to(device)
    found = {}
    for name, rise in {"cold": constant, "warm": lambda t: warm_up(t, 20)}.items():
        walk = by_epoch(train(SGD(3 * limit(x)), x, y, len(x), seed, rise), 1, 40)
        found[name] = max(losses(walk, x, y))
    return found


def compare_optimisers(seed: int, device: torch.device) -> dict[str, float]:
    """Return held-out losses of six optimisers, on images and on badly scaled ones.

    Each has the best of five rates, by the loss it reaches on its training images.
    """
    x, y, x_test, y_test = eights(seed).to(device)
    drawn = torch.Generator().manual_seed(seed)
    units = 10 ** (2 * torch.rand(65, generator=drawn) - 1).to(device)
    found = {}
    for name, kind in {**RACERS, "AdamW": AdamW}.items():
        for scale, unit in {"even": torch.ones_like(units), "uneven": units}.items():
            walks = (train(kind(10.0**p), x * unit, y, 32, seed) for p in range(-3, 2))
            ends = [by_epoch(walk, 40, 5)[-1] for walk in walks]
            best = min(ends, key=lambda theta: float(logistic_loss(theta, x * unit, y)))
            found[f"{scale}_{name}"] = float(logistic_loss(best, x_test * unit, y_test))
    return found


def step_time(x: Tensor, y: Tensor, size: int) -> float:
    """Return the seconds of a step on `size` of x (n, d), y (n,): the best of 20."""
    walk, best = train(SGD(0.1), x, y, size, seed=0), math.inf
    for _ in range(20):
        began = perf_counter()
        float(next(walk)[0])
        best = min(best, perf_counter() - began)
    return best


def measure_batches(seed: int, device: torch.device) -> list[tuple[int, float, float]]:
    """List batch sizes, with their gradients' noise and the seconds for an example."""
    x, y, _, _ = eights(seed).to(device)
    theta, wide = x.new_zeros(65), widen(x)
    measured = []
    for size in (1, 4, 16, 64, 256):
        noise = gradient_noise(theta, x, y, size, 400, seed)
        measured.append((size, noise, step_time(wide, y, size) / size))
    return measured


class SpeedTrial(NamedTuple):
    """What the experiments on digits came to, with one seed."""

    rates: list[float]  # held-out losses
    epochs: dict[str, list[float]]
    clock: dict[str, list[float]]
    schedules: dict[str, list[float]]
    optimisers: dict[str, float]
    peaks: dict[str, float]


def speed_trial(
    seed: int, epochs: int, clock: float, device: torch.device
) -> SpeedTrial:
    """Try every rate, batch size, schedule and optimiser on the digits of one seed."""
    return SpeedTrial(
        sweep_rates(seed, device),
        *compare_batch_sizes(seed, max(2, epochs // 3), clock, device),
        compare_schedules(seed, epochs, device),
        compare_optimisers(seed, device),
        highest_losses(seed, device),
    )


def told(steps: float) -> str:
    """Say how many steps a descent took, or that it did not arrive."""
    return f"{steps:,.0f}" if steps < math.inf else "too slow"


def fluctuation(curve: Tensor) -> float:
    """Measure by how much losses (seeds, epochs) change in each of the last epochs."""
    return float(curve[:, -5:].diff().abs().mean())


def summary(
    races: Races, trials: list[SpeedTrial], seed: int, device: torch.device
) -> dict[str, float | str]:
    """Boil down the races, and the means of the trials over their seeds."""
    x, y, _, _ = eights(seed).to(device)
    theta = x.new_zeros(65)
    rates = torch.tensor([each.rates for each in trials]).mean(0)
    less = {"momentum": lambda rate: Momentum(rate, momentum=0.5)}
    half = race(SURFACES["ravine"], 400, seed, device, less)["momentum"]
    numbers: dict[str, float | str] = {
        f"{surface}_{name.lower()}": told(ended.steps)
        for surface, descents in races.items()
        for name, ended in descents.items()
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
        "noise_1": gradient_noise(theta, x, y, 1, 20_000, seed),
        "noise_64": gradient_noise(theta, x, y, 64, 2000, seed),
    }
    curves = {
        kind: stack([getattr(each, kind) for each in trials])
        for kind in ("epochs", "clock", "schedules")
    }
    for kind, named in curves.items():
        for name, curve in named.items():
            key = name.split()[0].strip(",").replace("-", "_")
            numbers[f"{kind}_{key}"] = float(curve[:, -1].mean())
    numbers |= {
        "epochs_1_fluctuation": fluctuation(curves["epochs"]["1 example"]),
        "epochs_32_fluctuation": fluctuation(curves["epochs"]["32 examples"]),
        "constant_fluctuation": fluctuation(curves["schedules"]["constant"]),
    }
    by_optimiser = mean([each.optimisers for each in trials])
    numbers |= {name.lower(): value for name, value in by_optimiser.items()}
    return numbers | mean([each.peaks for each in trials])


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
        seed: Which digits are held out; the next four seeds are tried too.
        device: Where to compute.
        epochs: Passes over the digits for each schedule; batch sizes get a third.
        clock: Seconds that each batch size may learn when they race the clock.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    with one_core():
        races = {}
        for name in tqdm(SURFACES, desc="surfaces", disable=None):
            steps = 2000 if name == "rosenbrock" else 400
            races[name] = race(SURFACES[name], steps, seed, used)
        seeds = tqdm(range(seed, seed + 5), desc="digits", disable=None)
        trials = [speed_trial(each, epochs, clock, used) for each in seeds]
        numbers = summary(races, trials, seed, used)
        print(REPORT.format(**numbers))
        if out is not None:
            paths = {
                surface: {name: ended._asdict() for name, ended in descents.items()}
                for surface, descents in races.items()
            }
            results = {"races": paths, "trials": [each._asdict() for each in trials]}
            batches = {
                "batches": measure_batches(seed, used),
                "noise": numbers["noise_1"],
            }
            keep(out, clock=clock, **results, **batches)
            record(out, seed, used, **numbers)


REPORT = """\
steps to within 0.01 of the lowest height, each at its best rate, mean of 20 starts:
                   SGD  momentum  Nesterov   RMSProp      Adam
  ravine    {ravine_sgd:>10}{ravine_momentum:>10}{ravine_nesterov:>10}\
{ravine_rmsprop:>10}{ravine_adam:>10}
  rosenbrock{rosenbrock_sgd:>10}{rosenbrock_momentum:>10}{rosenbrock_nesterov:>10}\
{rosenbrock_rmsprop:>10}{rosenbrock_adam:>10}
  saddle    {saddle_sgd:>10}{saddle_momentum:>10}{saddle_nesterov:>10}\
{saddle_rmsprop:>10}{saddle_adam:>10}
  plateau   {plateau_sgd:>10}{plateau_momentum:>10}{plateau_nesterov:>10}\
{plateau_rmsprop:>10}{plateau_adam:>10}
8 against the rest, held-out loss, mean of 5 seeds, by learning rate:
  {rate_small:.3f}: {rate_small_loss:.3f}
  {rate_best:.3f}: {rate_best_loss:.3f}, the best
  {rate_large:.3f}: {rate_large_loss:.3f}
by batch size, with every two pixels multiplied, 1 / 32 / all examples:
  equal epochs {epochs_1:.3f} / {epochs_32:.3f} / {epochs_all:.3f}
  equal time   {clock_1:.3f} / {clock_32:.3f} / {clock_all:.3f}
gradient noise of 1 example {noise_1:.2f}, of 64 {noise_64:.4f}
at a bold rate: constant {schedules_constant:.3f}, cosine {schedules_cosine:.3f}
highest loss after a step, at three times the limit: cold {cold:.2f}, \
warmed up {warm:.2f}"""

if __name__ == "__main__":
    run(main)
