"""Gradient descent: small steps against the gradient make the loss smaller.

The gradient of a loss says how it changes with every parameter at once, and a few
examples are enough to estimate it. What is left to choose is how far to step, on
how many examples, and how much to remember of the steps before.

Source: Robbins and Monro, "A stochastic approximation method", Annals of
Mathematical Statistics 22(3), 1951.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter
from timeit import repeat
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
from neuronup.seeds import stack


# --8<-- [start:curve]
def double_well(theta: Tensor) -> Tensor:
    """Return a loss with a local minimum at 1.27 and the global one at -1.53."""
    return theta**4 / 4 - theta**2 + theta / 2


def double_well_derivative(theta: Tensor) -> Tensor:
    """Return the derivative of that loss, where the weight is theta (...)."""
    return theta**3 - 2 * theta + 1 / 2


# --8<-- [end:curve]
# --8<-- [start:descend]
def descend(optimiser: SGD, gradient: Curve, theta: Tensor, steps: int) -> Tensor:
    """Step down from theta (...); return every place passed: (steps + 1, ...)."""
    path = [theta]
    for _ in range(steps):
        path.append(optimiser.step(path[-1], gradient(path[-1])))
    return torch.stack(path)


# --8<-- [end:descend]
class Surface(NamedTuple):
    """A loss of two parameters, its partial derivatives, and where a descent begins."""

    height: Callable[[Tensor, Tensor], Tensor]
    partial: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    start: tuple[float, float]
    lowest: float = 0  # the height at the minimum
    minima: tuple[tuple[float, float], ...] = ((0, 0),)

    def value(self, theta: Tensor) -> Tensor:
        """Return the height (...) at theta (..., 2)."""
        return self.height(*theta.unbind(-1))

    def gradient(self, theta: Tensor) -> Tensor:
        """Return the gradient (..., 2) at theta (..., 2)."""
        return torch.stack(self.partial(*theta.unbind(-1)), dim=-1)


def bell(a: Tensor, b: Tensor) -> Tensor:
    """Fall off from 1 in the middle to 0 all around."""
    return torch.exp(-(a**2 + b**2) / 2)


SURFACES = {
    "ravine": Surface(
        lambda a, b: (a**2 + 25 * b**2) / 2,
        lambda a, b: (a, 25 * b),
        start=(-4.0, 1.0),
    ),
    "rosenbrock": Surface(
        lambda a, b: (1 - a) ** 2 + 100 * (b - a**2) ** 2,
        lambda a, b: (-2 * (1 - a) - 400 * a * (b - a**2), 200 * (b - a**2)),
        start=(-1.2, 1.0),
        minima=((1, 1),),
    ),
    "saddle": Surface(
        lambda a, b: (a**2 - b**2) / 2 + b**4 / 4,
        lambda a, b: (a, b**3 - b),
        start=(-1.5, 0.001),
        lowest=-0.25,
        minima=((0, 1), (0, -1)),
    ),
    "plateau": Surface(
        lambda a, b: 1 - bell(a, b),
        lambda a, b: (a * bell(a, b), b * bell(a, b)),
        start=(-3.4, 1.6),
    ),
}


RELATIVES = {
    "momentum": Momentum,
    "Nesterov": Nesterov,
    "RMSProp": RMSProp,
    "Adam": Adam,
}
RACERS: dict[str, type[SGD]] = {"gradient descent": SGD, **RELATIVES}


class Descent(NamedTuple):
    """How one optimiser came down a surface, at its best learning rate."""

    rate: float
    steps: float  # until within 0.01 of the lowest for good: the mean, or infinity
    path: Tensor  # (steps + 1, 2), from the surface's own start


def race(
    surface: Surface,
    steps: int,
    kind: Callable[[float | Tensor], SGD],
    seed: int,
    device: torch.device,
) -> Descent:
    """Send an optimiser down from 200 places near the start, at its best rate.

    That is searched, from 20 other places, among 20 rates a decade from 0.0001 to 10,
    then among 41 between the neighbours of the best: theta is (rates, places, 2).
    """
    offsets = torch.randn(220, 2, generator=torch.Generator().manual_seed(seed))
    offsets[0] = 0
    starts = (torch.tensor(surface.start) * (1 + 0.1 * offsets)).to(device)
    step = torch.arange(1, steps + 2, device=device)[:, None, None]
    rates = 10 ** torch.linspace(-4, 1, 101)
    for places in (20, 20, 220):  # search, search again, count
        each = starts[:places].expand(len(rates), -1, -1)
        optimiser = kind(rates.to(device)[:, None, None])
        paths = descend(optimiser, surface.gradient, each, steps)
        height = (surface.value(paths) - surface.lowest).nan_to_num(nan=torch.inf)
        arrival = (step * (height >= 0.01)).amax(0)  # (rates, places), for good
        late = (arrival > steps).any(1)  # then the height at the end decides
        best = int(((arrival + height[-1]).mean(1) + steps * late).argmin())
        near, chosen = rates[max(best - 1, 0) : best + 2], rates[best : best + 1]
        again = len(rates) > 41
        rates = torch.linspace(float(near[0]), float(near[-1]), 41) if again else chosen
    taken = arrival[0, 20:].clamp(max=steps).float()  # who does not arrive: all steps
    mean = math.inf if taken.median() == steps else float(taken.mean())
    return Descent(float(rates), mean, paths[: int(arrival[0, 0]) + 1, 0, 0].cpu())


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
    """Mean cross-entropy (...) of logistic regression theta (..., d) on x, y (n,)."""
    z = theta @ x.T  # (..., n): the rows of x (n, d) are examples
    return (softplus(z) - y * z).mean(-1)


def gradient(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Gradient (..., d) of that loss, the mean over all examples."""
    return (sigmoid(theta @ x.T) - y) @ x / len(x)


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
def by_epoch(steps: Iterator[Tensor], an_epoch: int, epochs: int) -> Tensor:
    """Stack the theta (d,) at the end of each epoch of so many steps: (epochs, d)."""
    return torch.stack([*islice(steps, an_epoch - 1, an_epoch * epochs, an_epoch)])


def by_clock(steps: Iterator[Tensor], marks: list[float]) -> Tensor:
    """Stack the theta (d,) reached when each of the `marks`, in seconds, is passed."""
    reached: list[Tensor] = []
    began = perf_counter()
    while len(reached) < len(marks):
        theta = next(steps)
        float(theta[0])  # an accelerator works behind our back: wait for it
        if perf_counter() - began >= marks[len(reached)]:
            reached.append(theta)
    return torch.stack(reached)


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
RATES = [10 ** (power / 10) for power in range(-30, 16)]  # ten a decade
MULTIPLES = [2 ** (power / 2) for power in range(-1, 9)]  # of the limit
BATCH_SIZES = {"1": 1, "32": 32, "all": 10_000}
Curves = dict[str, dict[str, list[float]]]  # by experiment and variant
Tries = list[list[float]]  # (2, RATES): validation losses, and test losses
Stacked = dict[str, Tensor]  # (seeds, ...)


def try_rates(
    kind: type[SGD],
    digits: Split,
    size: int,
    epochs: int,
    seed: int,
    schedule: Schedule = constant,
) -> Tries:
    """Train at each of RATES on four fifths; list validation and test losses."""
    x, y, x_test, y_test = digits
    n = len(x) * 4 // 5
    rates = torch.tensor(RATES, device=x.device)[:, None]
    steps = train(kind(rates), x[:n], y[:n], size, seed, schedule)
    theta = by_epoch(steps, math.ceil(n / size), epochs)[-1]  # (rates, d)
    sets = ((x[n:], y[n:]), (x_test, y_test))
    return [logistic_loss(theta, *examples).tolist() for examples in sets]


def try_all_rates(digits: Split, seed: int, epochs: int) -> dict[str, Tries]:
    """Try every rate for each batch size, each schedule and each optimiser.

    Optimisers get images as they are, and with each pixel in units of its own.
    """
    x, y, x_test, y_test = digits
    wide = Split(widen(x), y, widen(x_test), y_test)
    drawn = torch.Generator().manual_seed(seed)
    units = 10 ** (2 * torch.rand(65, generator=drawn) - 1).to(x.device)
    uneven = Split(x * units, y, x_test * units, y_test)
    found = {}
    for name, size in BATCH_SIZES.items():
        found[f"rate {name}"] = try_rates(SGD, wide, size, max(2, epochs // 3), seed)
    for name, schedule in schedules(math.ceil(len(x) * 4 // 5 / 32) * epochs).items():
        found[f"tuned {name}"] = try_rates(SGD, digits, 32, epochs, seed, schedule)
    for name, kind in {"SGD": SGD, **RELATIVES, "AdamW": AdamW}.items():
        found[f"even {name}"] = try_rates(kind, digits, 32, 5, seed)
        found[f"uneven {name}"] = try_rates(kind, uneven, 32, 5, seed)
    return found


def best_rate(tried: Tensor) -> tuple[float, float]:
    """Choose from (seeds, 2, RATES) the rate best on validation; add its test loss."""
    validation, test = tried.mean(0)
    best = int(validation.nan_to_num(nan=torch.inf).argmin())
    return RATES[best], float(test[best])


def compare_batch_sizes(
    digits: Split, seed: int, epochs: int, seconds: float, rates: dict[str, float]
) -> Curves:
    """Compare batch sizes, each at its rate: test loss by epoch, and by the clock."""
    x, y, x_test, y_test = digits
    x, x_test = widen(x), widen(x_test)
    marks = [seconds * part / 15 for part in range(1, 16)]
    found: Curves = {"epochs": {}, "clock": {}}
    for name, size in BATCH_SIZES.items():
        run, an_epoch = partial(train, SGD(rates[name]), x, y), math.ceil(len(x) / size)
        thetas = by_epoch(run(size, seed), an_epoch, epochs)
        found["epochs"][name] = logistic_loss(thetas, x_test, y_test).tolist()
        thetas = by_clock(run(size, seed), marks)
        found["clock"][name] = logistic_loss(thetas, x_test, y_test).tolist()
    return found


def compare_schedules(digits: Split, seed: int, epochs: int) -> Curves:
    """List test losses by epoch at a rate of 4, for four schedules."""
    x, y, x_test, y_test = digits
    found = {}
    for name, schedule in schedules(40 * epochs).items():
        thetas = by_epoch(train(SGD(4.0), x, y, 32, seed, schedule), 40, epochs)
        found[name] = logistic_loss(thetas, x_test, y_test).tolist()
    return {"schedules": found}


def schedules(steps: int) -> dict[str, Schedule]:
    """Return the four schedules that we compare, laid out over so many steps."""
    return {
        "constant": constant,
        "step decay": lambda t: step_decay(t, every=steps // 3),
        "cosine": lambda t: cosine(t, steps),
        "warm-up, cosine": lambda t: warm_up(t, steps // 10) * cosine(t, steps),
    }


def compare_warm_up(digits: Split, seed: int) -> Curves:
    """Compare training losses with and without warm-up, on all examples at once.

    First by step, of gradient descent at three times the limit; then after 200 steps
    of momentum, at each of MULTIPLES of the limit.
    """
    x, y, safe = digits.x, digits.y, limit(digits.x)
    rates = safe * torch.tensor(MULTIPLES, device=x.device)[:, None]
    found: Curves = {"by_step": {}, "by_rate": {}}
    warm: tuple[Schedule, Schedule] = (
        lambda t: warm_up(t, 20),
        lambda t: warm_up(t, 40),
    )
    for name, (first, then) in {"cold": (constant,) * 2, "warm": warm}.items():
        thetas = by_epoch(train(SGD(3 * safe), x, y, len(x), seed, first), 1, 40)
        found["by_step"][name] = logistic_loss(thetas, x, y).tolist()
        thetas = by_epoch(train(Momentum(rates), x, y, len(x), seed, then), 1, 200)
        found["by_rate"][name] = logistic_loss(thetas[-1], x, y).tolist()
    return found


def measure_batches(digits: Split, seed: int) -> list[tuple[int, float, float]]:
    """List batch sizes, with their gradients' noise and the seconds for an example."""
    x, y, _, _ = digits
    theta, wide, measured = x.new_zeros(65), widen(x), []
    for size in (1, 4, 16, 64, 256):
        noise = gradient_noise(theta, x, y, size, 400, seed)
        name = {"steps": train(SGD(0.1), wide, y, size, seed)}
        taken = repeat("float(next(steps)[0])", globals=name, number=1, repeat=20)
        measured.append((size, noise, min(taken) / size))
    return measured


def told(steps: float) -> str:
    """Say how many steps a descent took, or that it did not arrive."""
    return f"{steps:,.0f}" if steps < math.inf else "too slow"


def slug(name: str) -> str:
    """Make of the name of something the name of a metric."""
    return name.lower().replace(",", "").replace(" ", "_").replace("-", "_")


def race_numbers(races: dict[str, dict[str, Descent]]) -> dict[str, str]:
    """Say how many steps each optimiser took on each surface, by name."""
    return {
        slug(f"{surface} {name}"): told(ended.steps)
        for surface, descents in races.items()
        for name, ended in descents.items()
    }


def digit_numbers(
    tried: Stacked, curves: dict[str, Stacked], digits: Split, seed: int
) -> dict[str, float]:
    """Boil down what was measured with five seeds to means, at the rates chosen."""
    x, y, _, _ = digits
    theta, sweep = x.new_zeros(65), tried["even SGD"][:, 1].mean(0)
    minima = descend(SGD(0.1), double_well_derivative, torch.tensor([-0.5, 2.0]), 50)
    numbers = {
        "from_left": float(minima[-1, 0]),
        "from_right": float(minima[-1, 1]),
        "limit": limit(x),
        "noise_1": gradient_noise(theta, x, y, 1, 20_000, seed),
        "noise_64": gradient_noise(theta, x, y, 64, 2000, seed),
    }
    for name, index in {"small": 0, "best": int(sweep.argmin()), "large": -1}.items():
        numbers[f"rate_{name}"] = RATES[index]
        numbers[f"rate_{name}_loss"] = float(sweep[index])
    for name, both in tried.items():
        rate, loss = best_rate(both)
        numbers[slug(name)] = rate if name.startswith("rate") else loss
    for kind in ("epochs", "clock", "schedules"):
        for name, curve in curves[kind].items():
            numbers[slug(f"{kind} {name}")] = float(curve[:, -1].mean())
    last = curves["schedules"]["constant"][:, -5:]  # of the last epochs
    numbers["constant_fluctuation"] = float(last.diff().abs().mean())
    for name, curve in curves["by_step"].items():
        numbers[name] = float(curve.amax(1).mean())
        numbers[f"{name}_bold"] = float(curves["by_rate"][name][:, -1].mean())
    return numbers


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
        device: Where to compute; on a GPU results differ, as between seeds.
        epochs: Passes over the digits for each schedule; batch sizes get a third.
        clock: Seconds that each batch size may learn when they race the clock.
        out: Folder for metrics.json and results.pt; without it, lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    races = {}
    for name, surface in tqdm(SURFACES.items(), desc="surfaces", disable=None):
        down = partial(race, surface, 2000 if name == "rosenbrock" else 400)
        races[name] = {key: down(kind, seed, used) for key, kind in RACERS.items()}
    splits = {each: eights(each).to(used) for each in range(seed, seed + 5)}
    each = tqdm(splits.items(), desc="rates", disable=None)
    tried = stack([try_all_rates(digits, one, epochs) for one, digits in each])
    rates = {name: best_rate(tried[f"rate {name}"])[0] for name in BATCH_SIZES}
    trials = [
        compare_batch_sizes(digits, one, max(2, epochs // 3), clock, rates)
        | compare_schedules(digits, one, epochs)
        | compare_warm_up(digits, one)
        for one, digits in tqdm(splits.items(), desc="digits", disable=None)
    ]
    curves = {kind: stack([found[kind] for found in trials]) for kind in trials[0]}
    half = race(SURFACES["ravine"], 400, partial(Momentum, momentum=0.5), seed, used)
    steps_taken = race_numbers(races) | {"ravine_momentum_half": told(half.steps)}
    numbers = digit_numbers(tried, curves, splits[seed], seed)
    print(race_report(steps_taken), REPORT.format(**numbers), sep="\n")
    if out is not None:
        paths = {
            surface: {name: ended._asdict() for name, ended in descents.items()}
            for surface, descents in races.items()
        }
        batches = measure_batches(splits[seed], seed), numbers["noise_1"]
        found = {"batches": batches, "curves": curves, "clock": clock}
        keep(out, seed=seed, races=paths, tried=tried, **found)
        record(out, seed, used, **steps_taken, **numbers)


def race_report(steps: dict[str, str]) -> str:
    """Lay out how many steps each optimiser took on each surface."""
    lines = [REACHED + "".join(f"{surface:>12}" for surface in SURFACES)]
    for name in RACERS:
        each = (steps[slug(f"{surface} {name}")] for surface in SURFACES)
        lines.append(f"  {name:<16}" + "".join(f"{taken:>12}" for taken in each))
    return "\n".join(lines)


REACHED = """\
steps to within 0.01 of the minimum, each at its best rate, mean of 200 starts:
                  """
REPORT = """\
two descents on the curve end at {from_right:.2f} and at {from_left:.2f}
8 against the rest, mean test loss of 5 seeds, at rate
  {rate_small:.3f}: {rate_small_loss:.3f}; {rate_best:.1f}: {rate_best_loss:.3f}; \
{rate_large:.0f}: {rate_large_loss:.3f}
with every two pixels multiplied, by batch size 1 / 32 / all
  best rate    {rate_1:.3f} / {rate_32:.3f} / {rate_all:.3f}
  equal epochs {epochs_1:.3f} / {epochs_32:.3f} / {epochs_all:.3f}
  equal time   {clock_1:.3f} / {clock_32:.3f} / {clock_all:.3f}
gradient noise of 1 example {noise_1:.2f}, of 64 {noise_64:.4f}
constant rate / cosine: {schedules_constant:.3f} / {schedules_cosine:.3f} at rate 4, \
{tuned_constant:.3f} / {tuned_cosine:.3f} at the best
highest loss at three times the limit: cold {cold:.2f}, warmed up {warm:.2f}"""

if __name__ == "__main__":
    run(main)
