"""A network: matrices with nonlinearities between them, initialised at random.

A layer of neurons is a matrix of weights, a vector of biases, and an activation.
The output of one layer is the input of the next. One hidden layer, wide enough,
comes as close as you like to any continuous curve; for some curves more layers
need far fewer neurons.

Source: Cybenko, "Approximation by superpositions of a sigmoidal function",
Mathematics of Control, Signals and Systems 2(4), 1989.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.command import folder, keep, record, run
from neuronup.xor import xor

WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256]  # of the hidden layer, for a curve
DRAWN = (4, 32, 256)  # widths of which a network is shown beside the curve
XOR_WIDTHS = [2, 3, 4, 8, 16]  # of the hidden layer, for XOR
DEEP, SHALLOW = (4, 16, 8, 1), (4, 37, 1)  # for prices: about as many parameters
PRICE_RATES = [0.003, 0.01, 0.03, 0.1]  # the best on validation homes is used


# --8<-- [start:forward]
def forward(theta: list[Tensor], x: Tensor) -> list[Tensor]:
    """List the activations of each layer for x (n, in); the last are the outputs.

    The parameters theta are W (out, in) and b (out,) of one layer after another.
    """
    activations, layers = [x], len(theta) // 2
    for layer, (weight, bias) in enumerate(zip(theta[::2], theta[1::2], strict=True)):
        z = activations[-1] @ weight.mT + bias  # (n, out)
        activations.append(torch.relu(z) if layer < layers - 1 else z)
    return activations[1:]


Forward = Callable[[list[Tensor], Tensor], list[Tensor]]


# --8<-- [end:forward]
# --8<-- [start:initialise]
def initialise(*widths: int, device: torch.device | None = None) -> list[Tensor]:
    """Draw W and b for layers of these widths, the inputs first: small and random."""
    theta = []
    for inputs, outputs in pairwise(widths):
        reach = inputs**-0.5
        theta.append(torch.empty(outputs, inputs).uniform_(-reach, reach))
        theta.append(torch.empty(outputs).uniform_(-reach, reach))
    return [parameter.to(device).requires_grad_() for parameter in theta]


def parameter_count(*widths: int) -> int:
    """Count the parameters: a weight for each edge, a bias for each neuron."""
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(widths))


# --8<-- [end:initialise]
# --8<-- [start:fit]
def fit(
    theta: list[Tensor],
    x: Tensor,
    y: Tensor,
    steps: int,
    rate: float = 0.01,
    forward: Forward = forward,
) -> None:
    """Train theta to a small mean squared error on x (n, in), y (n, out)."""
    optimiser = torch.optim.Adam(theta, lr=rate)
    for _ in range(steps):
        loss = ((forward(theta, x)[-1] - y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


# --8<-- [end:fit]
# --8<-- [start:many]
forward_many = torch.vmap(forward, in_dims=(0, None))


def initialise_many(
    many: int, *widths: int, device: torch.device | None = None
) -> list[Tensor]:
    """Draw many networks and stack them: W (many, out, in), b (many, out), ..."""
    drawn = zip(*(initialise(*widths) for _ in range(many)), strict=True)
    stacked = [torch.stack(each).detach().to(device) for each in drawn]
    return [parameter.requires_grad_() for parameter in stacked]


# --8<-- [end:many]
# --8<-- [start:by_hand]
def step_function(z: Tensor) -> Tensor:
    """Return 1 where z is above 0, else 0."""
    return (z > 0).to(z)


def xor_by_hand(x: Tensor) -> tuple[Tensor, Tensor]:
    """Label points x (n, 2): hidden activations (n, 2), and outputs (n,) of -1, +1."""
    weight, bias = torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([1.0, -1.0])
    hidden = step_function(x @ weight.mT + bias)  # at least one is +1; both are +1
    z = hidden @ torch.tensor([1.0, -1.0]) - 0.5  # the first, but not the second
    return hidden, torch.where(z > 0, 1.0, -1.0)


# --8<-- [end:by_hand]
# --8<-- [start:fit_xor]
def fit_xor(theta: list[Tensor], steps: int = 500) -> Tensor:
    """Train networks theta (many, ...) on XOR; say which (many,) solve it."""
    x, y = (each.to(theta[0].device) for each in xor())
    fit(theta, x, y[:, None], steps, rate=0.03, forward=forward_many)
    predicted = forward_many(theta, x)[-1].squeeze(-1).sign()  # (many, 4)
    return (predicted == y).all(dim=1)


def has_dead_relu(theta: list[Tensor]) -> Tensor:
    """Say which networks (many,) have a hidden ReLU that is 0 at all four points."""
    x = xor()[0].to(theta[0].device)
    hidden = forward_many(theta, x)[0]  # (many, 4, hidden)
    return (hidden == 0).all(dim=1).any(dim=1)


def initialise_equal(hidden: int, device: torch.device | None = None) -> list[Tensor]:
    """Make a network 2 -> hidden -> 1 of equal parameters: not random at all."""
    theta = initialise_many(1, 2, hidden, 1, device=device)
    return [torch.full_like(each, 0.1).requires_grad_() for each in theta]


# --8<-- [end:fit_xor]
def weights_by_step(theta: list[Tensor], steps: int) -> Tensor:
    """Train a network theta (1, ...) on XOR; return weights (steps, hidden) of x₁."""
    seen = []

    def watched(theta: list[Tensor], x: Tensor) -> list[Tensor]:
        seen.append(theta[0][0, :, 0].detach().clone())
        return forward_many(theta, x)

    x, y = (each.to(theta[0].device) for each in xor())
    fit(theta, x, y[:, None], steps, rate=0.03, forward=watched)
    return torch.stack(seen).cpu()


# --8<-- [start:curve]
def target_curve(x: Tensor) -> Tensor:
    """Rise and fall on x (...,) from -1 to 1: the curve to come close to."""
    return torch.sin(3 * x) + 0.3 * torch.sin(9 * x)


def piecewise_linear(width: int) -> list[Tensor]:
    """Choose theta of 1 -> width -> 1 by hand: ReLUs that join points of the curve."""
    x = torch.linspace(-1, 1, width + 1)
    derivatives = target_curve(x).diff() / x.diff()  # (width,), one for each piece
    changes = derivatives.diff(prepend=torch.zeros(1))  # at the breakpoints
    return [torch.ones(width, 1), -x[:-1], changes[None], target_curve(x[:1])]


# --8<-- [end:curve]
# --8<-- [start:approximate]
def given_points() -> tuple[Tensor, Tensor]:
    """Return points x (257, 1) at equal distances, and the curve's values there."""
    x = torch.linspace(-1, 1, 257)[:, None]
    return x, target_curve(x)


def other_points() -> Tensor:
    """Return x (1000, 1) to evaluate at: between -1 and 1, none of them given."""
    return torch.linspace(-1, 1, 1002)[1:-1, None]


def fit_curve(
    width: int, steps: int, many: int = 10, device: torch.device | None = None
) -> list[Tensor]:
    """Train many networks 1 -> width -> 1 on the given points of the curve."""
    x, y = (each.to(device) for each in given_points())
    theta = initialise_many(many, 1, width, 1, device=device)
    fit(theta, x, y, steps, rate=0.02, forward=forward_many)
    return [parameter.detach() for parameter in theta]


def curve_error(output: Tensor, x: Tensor) -> Tensor:
    """Return the root mean squared error (...,) of outputs (..., n, 1) at x (n, 1)."""
    return (output - target_curve(x)).square().mean(dim=(-2, -1)).sqrt()


# --8<-- [end:approximate]
# --8<-- [start:folds]
def folding_network(hidden: int) -> list[Tensor]:
    """Choose theta of hidden layers of two neurons: each folds 0 to 1 in half."""
    first = [torch.ones(2, 1), torch.tensor([0, -0.5])]
    again = [torch.tensor([[2.0, -4.0], [2.0, -4.0]]), torch.tensor([0, -0.5])]
    return [*first, *again * (hidden - 1), torch.tensor([[2.0, -4.0]]), torch.zeros(1)]


# --8<-- [end:folds]
# --8<-- [start:market]
def uniform(seed: int, *shape: int) -> Tensor:
    """Draw numbers from 0 to 1, the same ones on every device."""
    source = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=source)


def market(homes: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sell homes: facts (n, 4), hidden concepts (n, 2), prices (n, 1) in 1,000 euros.

    The facts are 1 to 6 rooms, an area of 10 to 40 square metres a room, and the
    location: up to 6 km east (or west) and north (or south) of the town hall.
    """
    u = uniform(seed, 5, homes)
    rooms = (1 + 6 * u[0]).floor()
    area = rooms * (10 + 30 * u[1])
    east, north = 12 * u[2] - 6, 12 * u[3] - 6
    closeness = 0.5 ** (torch.hypot(east, north) / 2)  # halved every 2 km
    comfort = (area / rooms / 20).clamp(max=1)  # 20 square metres a room are enough
    haggling = 0.9 + 0.2 * u[4]  # luck: nothing in the facts tells it
    price = area * (1 + 7 * closeness) * comfort * haggling
    return (
        torch.stack([rooms, area, east, north], dim=1),
        torch.stack([closeness, comfort], dim=1),
        price[:, None],
    )


# --8<-- [end:market]
# --8<-- [start:probe]
def least_squares(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """Find the weighted sum of x (n, d) that is nearest to y (n, k), as a function."""

    def with_one(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (n, d + 1)

    weight = torch.linalg.pinv(with_one(x)) @ y
    return lambda x: with_one(x) @ weight


def r_squared(output: Tensor, y: Tensor) -> Tensor:
    """Share of the variance of each column of y (n, k) that is explained: (k,)."""
    return 1 - (output - y).square().mean(dim=0) / y.var(dim=0, correction=0)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlate each column of a (n, k) with each of b (n, m): 0 if it is constant."""
    both = torch.cat([a, b], dim=1)
    both = (both - both.mean(dim=0)) / both.std(dim=0)  # not a number if constant
    both = both.nan_to_num(0) / (len(both) - 1) ** 0.5
    return both[:, : a.shape[1]].T @ both[:, a.shape[1] :]


# --8<-- [end:probe]
class Homes:
    """Homes sold, for training, others for validation, new ones for the test.

    The facts x (n, 4) of homes sold have mean 0 and standard deviation 1, y (n, 1) is
    in 100,000 euros. Truths (n, 3), for probes only: closeness, comfort and price.
    """

    def __init__(
        self,
        seed: int,
        sold: int = 1000,
        new: int = 1000,
        device: torch.device | None = None,
    ) -> None:
        drawn = market(sold + new, seed)
        facts, concepts, price = (each.to(device) for each in drawn)
        seen = facts[:sold]  # new homes have no say in the scale
        self.mean, self.std = seen.mean(dim=0), seen.std(dim=0)
        truths = torch.cat([concepts, price], dim=1)
        self.facts_new = facts[sold:]
        self.x, self.x_new = self.scale(facts).split([sold, new])
        self.y, self.y_new = (price / 100).split([sold, new])
        self.truths, self.truths_new = truths.split([sold, new])
        facts, _, price = (each.to(device) for each in market(new, seed + 1))
        self.x_validation, self.y_validation = self.scale(facts), price / 100

    def scale(self, facts: Tensor) -> Tensor:
        """Standardise facts (..., 4) as those of the homes sold."""
        return (facts - self.mean) / self.std

    def fit(
        self, widths: tuple[int, ...], steps: int, many: int = 10
    ) -> tuple[list[Tensor], float]:
        """Choose a rate on the validation homes; train many new networks with it.

        The networks that chose it are dropped: they were the luckiest, too.
        """
        errors = {}
        for rate in PRICE_RATES:
            output = forward_many(
                self.train(widths, steps, rate, many), self.x_validation
            )
            errors[rate] = self.error(output[-1], self.y_validation)
        rate = min(errors, key=lambda each: errors[each])
        return self.train(widths, steps, rate, many), rate

    def train(
        self, widths: tuple[int, ...], steps: int, rate: float, many: int
    ) -> list[Tensor]:
        """Train many networks of these widths on the homes sold."""
        theta = initialise_many(many, *widths, device=self.x.device)
        fit(theta, self.x, self.y, steps, rate=rate, forward=forward_many)
        return [parameter.detach() for parameter in theta]

    def error(self, output: Tensor, y: Tensor | None = None) -> float:
        """Mean absolute error for y (new homes by default), in 1,000 euros."""
        return float((output - (self.y_new if y is None else y)).abs().mean() * 100)

    def probe(self, theta: list[Tensor]) -> Tensor:
        """Say how well a weighted sum tells each truth: (many, 1 + hidden layers, 3).

        First a sum of the facts themselves, then of each hidden layer's activations.
        """
        many, shares = len(theta[0]), []
        sold = [self.x.expand(many, -1, -1), *forward_many(theta, self.x)[:-1]]
        new = [self.x_new.expand(many, -1, -1), *forward_many(theta, self.x_new)[:-1]]
        for layer, layer_new in zip(sold, new, strict=True):  # (many, n, k) each
            for x, x_new in zip(layer, layer_new, strict=True):
                output = least_squares(x, self.truths)(x_new)
                shares.append(r_squared(output, self.truths_new))
        return torch.stack(shares).reshape(len(sold), many, -1).transpose(0, 1)


def fit_curves(
    steps: int, device: torch.device
) -> tuple[dict[int, list[Tensor]], Tensor, Tensor]:
    """Train on the curve at each width; evaluate these networks and those by hand.

    Returns the networks and the errors, (widths, many) and (widths,), at points not
    given.
    """
    x = other_points().to(device)
    bar = tqdm(WIDTHS, desc="widths", disable=None)
    trained = {width: fit_curve(width, steps, device=device) for width in bar}
    outputs = [forward_many(theta, x)[-1] for theta in trained.values()]
    by_hand = [[p.to(device) for p in piecewise_linear(width)] for width in WIDTHS]
    built = [forward(theta, x)[-1] for theta in by_hand]
    learned = torch.stack([curve_error(output, x) for output in outputs])
    return trained, learned, torch.stack([curve_error(output, x) for output in built])


def evaluate_prices(
    homes: Homes, deep: list[Tensor], shallow: list[Tensor]
) -> dict[str, float]:
    """Measure the error of each model's prices for new homes."""
    area, (closeness, comfort, _) = homes.facts_new[:, 1], homes.truths_new.T
    formula = (area * (1 + 7 * closeness) * comfort)[:, None] / 100
    numbers = {
        "homes": len(homes.x),
        "homes_validation": len(homes.x_validation),
        "homes_new": len(homes.x_new),
        "price_mean": float(homes.y_new.mean() * 100),
        "error_mean": homes.error(homes.y.mean()),
        "error_straight": homes.error(least_squares(homes.x, homes.y)(homes.x_new)),
        "error_formula": homes.error(formula),
    }
    for name, theta in (("flat", shallow), ("deep", deep)):
        outputs = forward_many(theta, homes.x_new)[-1]
        errors = [homes.error(output) for output in outputs]
        numbers[f"error_{name}"] = sum(errors) / len(errors)
        numbers[f"error_{name}_low"] = min(errors)
        numbers[f"error_{name}_high"] = max(errors)
    return numbers


def interpret(homes: Homes, deep: list[Tensor]) -> dict[str, float]:
    """Measure what the neurons came to mean, one by one and as a layer."""
    drawn = initialise_many(100, *DEEP, device=homes.x.device)
    chance = [parameter.detach() for parameter in drawn]
    untrained = homes.probe(chance).mean(dim=0)  # (layers, truths)
    numbers = {
        "closeness_untrained_1": float(untrained[1, 0]),
        "closeness_untrained_2": float(untrained[2, 0]),
        "price_untrained_2": float(untrained[2, 2]),
    }
    trained = homes.probe(deep).mean(dim=0)  # (layers, truths)
    for truth, column in (("closeness", 0), ("price", 2)):
        for row, place in enumerate(("facts", "layer_1", "layer_2")):
            numbers[f"{truth}_{place}"] = float(trained[row, column])
    known = torch.cat([homes.facts_new, homes.truths_new], dim=1)
    hidden = forward_many(deep, homes.x_new)[:-1]
    for number, layer in enumerate(hidden, 1):
        numbers[f"largest_{number}"] = float(correlation(layer[0], known).abs().max())
    tells = correlation(hidden[1][0], homes.truths_new)  # (neurons, 3)
    ring = tells[tells[:, 0].abs().argmax()]
    numbers |= {"ring_closeness": float(ring[0]), "ring_price": float(ring[2])}
    for truth, column in (("closeness", 0), ("comfort", 1)):
        best = [
            max(correlation(a, homes.truths_new)[:, column].abs().max() for a in net)
            for net in zip(*hidden, strict=True)
        ]
        numbers[f"best_{truth}"] = float(torch.stack(best).mean())
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    steps: int = 1000,
    out: Path | None = None,
) -> None:
    """Train on XOR, a curve and the prices of homes, with a hidden layer or two.

    Args:
        seed: Which homes and initial parameters are drawn.
        device: Where to compute; on a GPU results differ, as between seeds.
        steps: Steps of training, on the curve and on the prices; half as many on XOR.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    torch.manual_seed(seed)
    used = devices.pick(device)
    nets = {n: initialise_many(100, 2, n, 1, device=used) for n in XOR_WIDTHS}
    bar = tqdm(nets.items(), desc="XOR", disable=None)
    solved = {width: fit_xor(theta, steps // 2) for width, theta in bar}
    shares = {width: float(each.float().mean()) for width, each in solved.items()}
    dead = has_dead_relu(nets[2])[~solved[2]].float().mean()
    equal = fit_xor(same := initialise_equal(16, used), steps // 2)
    trained, learned, built = fit_curves(steps, used)
    homes = Homes(seed, device=used)
    deep, rate_deep = homes.fit(DEEP, steps)
    shallow, rate_flat = homes.fit(SHALLOW, steps)
    numbers = {f"xor_{width}": shares[width] for width in (2, 4, 8, 16)}
    numbers |= {"xor_2_dead": float(dead), "xor_equal": float(equal.float().mean())}
    numbers["kinds"] = len(same[0][0].unique(dim=0))
    for width in (1, 4, 16, 64, 256):
        numbers[f"learned_{width}"] = float(learned[WIDTHS.index(width)].mean())
    numbers["built_256"] = float(built[WIDTHS.index(256)])
    numbers |= {"deep": parameter_count(*DEEP), "flat": parameter_count(*SHALLOW)}
    numbers |= {
        "rates": len(PRICE_RATES),
        "rate_deep": rate_deep,
        "rate_flat": rate_flat,
    }
    numbers |= {"steps": steps, "curve_points": len(given_points()[0])}
    numbers |= evaluate_prices(homes, deep, shallow)
    numbers |= interpret(homes, deep)
    print(REPORT.format(**numbers))
    if out is not None:
        drawn = {width: [each.cpu() for each in trained[width]] for width in DRAWN}
        random = initialise_many(1, 2, 16, 1, device=used)
        keep(
            out,
            seed=seed,
            shares=shares,
            networks=drawn,
            learned=learned.cpu(),
            built=built.cpu(),
            deep=[each.cpu() for each in deep],
            probe=homes.probe(deep).cpu(),
            prices={name: v for name, v in numbers.items() if name[:6] == "error_"},
            alike=weights_by_step(initialise_equal(16, used), max(1, steps // 10)),
            random=weights_by_step(random, max(1, steps // 10)),
        )
        record(out, seed, used, **numbers)


REPORT = """\
XOR learned from 100 random initialisations, with 2 hidden neurons: {xor_2:.0%}
  (of the others, {xor_2_dead:.0%} have a ReLU that is 0 at all four points)
  with 4: {xor_4:.0%}, with 8: {xor_8:.0%}, with 16: {xor_16:.0%}
  with 16 initialised alike: {xor_equal:.0%}, and after training {kinds} kind of neuron
a curve, {curve_points} points given, error at others, mean of ten, by width:
  1: {learned_1:.3f}, 4: {learned_4:.3f}, 16: {learned_16:.3f}, \
64: {learned_64:.3f}, 256: {learned_256:.3f}
  built by hand, 256: {built_256:.4f}
homes, {homes_new:,} new, worth {price_mean:.0f} thousand euros on average; error:
  always the mean: {error_mean:.0f}, a weighted sum: {error_straight:.0f}
  one hidden layer, {flat} parameters, rate {rate_flat:g}: {error_flat:.1f} \
(from {error_flat_low:.1f} to {error_flat_high:.1f} over ten initialisations)
  two hidden layers, {deep} parameters, rate {rate_deep:g}: {error_deep:.1f} \
(from {error_deep_low:.1f} to {error_deep_high:.1f})
  the market's own formula, without the haggling: {error_formula:.1f}"""

if __name__ == "__main__":
    run(main)
