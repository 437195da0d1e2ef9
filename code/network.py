"""A network: matrices with bends between them, started from random numbers.

A layer of neurons is a matrix of weights, a vector of biases, and an activation.
What one layer says is the observation of the next. One hidden layer, wide enough,
comes as close as you like to any continuous curve; for some curves more layers
need far fewer neurons.

Source: Cybenko, "Approximation by superpositions of a sigmoidal function",
Mathematics of Control, Signals and Systems 2(4), 1989.
"""

# --8<-- [start:imports]
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run
from figures import BLUE, FAINT, INK, ORANGE

# --8<-- [start:earlier]
from perceptron import xor

# --8<-- [end:earlier]

WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256]  # of the layer that learns a curve
HIDDEN = [2, 3, 4, 8, 16]  # neurons to learn XOR with
DEEP, FLAT = (4, 16, 8, 1), (4, 37, 1)  # to price homes: about as many parameters


# --8<-- [start:forward]
def forward(theta: list[Tensor], x: Tensor) -> list[Tensor]:
    """List the activations of each layer for x (n, in); the last are the answers.

    The parameters theta are W (out, in) and b (out,) of one layer after another.
    """
    activations, layers = [x], len(theta) // 2
    for layer, (weight, bias) in enumerate(zip(theta[::2], theta[1::2], strict=True)):
        z = activations[-1] @ weight.mT + bias  # (n, out)
        activations.append(torch.relu(z) if layer < layers - 1 else z)
    return activations[1:]


Forward = Callable[[list[Tensor], Tensor], list[Tensor]]


# --8<-- [end:forward]
# --8<-- [start:start]
def start(*widths: int) -> list[Tensor]:
    """Draw W and b for layers of these widths, the inputs first: small and random."""
    theta = []
    for inputs, outputs in pairwise(widths):
        reach = inputs**-0.5
        theta.append(torch.empty(outputs, inputs).uniform_(-reach, reach))
        theta.append(torch.empty(outputs).uniform_(-reach, reach))
    return [parameter.requires_grad_() for parameter in theta]


def count(*widths: int) -> int:
    """Count the parameters: a weight for each edge, a bias for each neuron."""
    return sum(inputs * outputs + outputs for inputs, outputs in pairwise(widths))


# --8<-- [end:start]
# --8<-- [start:fit]
def fit(
    theta: list[Tensor],
    x: Tensor,
    y: Tensor,
    steps: int,
    rate: float = 0.01,
    forward: Forward = forward,
) -> None:
    """Move theta downhill on the mean squared error of x (n, in), y (n, out)."""
    optimizer = torch.optim.Adam(theta, lr=rate)
    for _ in range(steps):
        loss = ((forward(theta, x)[-1] - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


# --8<-- [end:fit]
# --8<-- [start:many]
forward_many = torch.vmap(forward, in_dims=(0, None))


def start_many(many: int, *widths: int) -> list[Tensor]:
    """Draw many networks and stack them: W (many, out, in), b (many, out), ..."""
    drawn = zip(*(start(*widths) for _ in range(many)), strict=True)
    return [torch.stack(each).detach().requires_grad_() for each in drawn]


# --8<-- [end:many]
# --8<-- [start:uniform]
def uniform(seed: int, *shape: int) -> Tensor:
    """Draw numbers from 0 to 1, the same ones on every device."""
    source = torch.Generator().manual_seed(seed)
    drawn = torch.rand(*shape, generator=source, device="cpu")
    return drawn.to(torch.get_default_device())


# --8<-- [end:uniform]
# --8<-- [start:by_hand]
def step(z: Tensor) -> Tensor:
    """Decide: 1 where z is above 0, else 0."""
    return (z > 0).to(z)


def xor_by_hand(x: Tensor) -> tuple[Tensor, Tensor]:
    """Label points x (n, 2): hidden activations (n, 2), and answers (n,) of -1, +1."""
    weight, bias = torch.tensor([[1.0, 1.0], [1.0, 1.0]]), torch.tensor([1.0, -1.0])
    hidden = step(x @ weight.mT + bias)  # "at least one is +1" and "both are +1"
    z = hidden @ torch.tensor([1.0, -1.0]) - 0.5  # the first, but not the second
    return hidden, torch.where(z > 0, 1.0, -1.0)


# --8<-- [end:by_hand]
# --8<-- [start:learn_xor]
def learn_xor(theta: list[Tensor], steps: int = 500) -> float:
    """Teach nets theta (many, ...) XOR; return the share with all points right."""
    x, y = xor()
    fit(theta, x, y[:, None], steps, rate=0.03, forward=forward_many)
    answers = forward_many(theta, x)[-1].squeeze(-1).sign()  # (many, 4)
    return float((answers == y).all(dim=1).float().mean())


def equal_start(hidden: int) -> list[Tensor]:
    """Start a net 2 -> hidden -> 1 with all parameters the same: not random at all."""
    theta = start_many(1, 2, hidden, 1)
    return [torch.full_like(each, 0.1).requires_grad_() for each in theta]


# --8<-- [end:learn_xor]
# --8<-- [start:curve]
def curve(x: Tensor) -> Tensor:
    """Rise and fall on x (...,) from -1 to 1: the curve to come close to."""
    return torch.sin(3 * x) + 0.3 * torch.sin(9 * x)


def build(width: int) -> list[Tensor]:
    """Choose theta of 1 -> width -> 1 by hand: ReLUs that join dots on the curve."""
    dots = torch.linspace(-1, 1, width + 1)
    slopes = curve(dots).diff() / dots.diff()  # (width,), from dot to dot
    bends = slopes.diff(prepend=torch.zeros(1))  # each ReLU adds one at its dot
    return [torch.ones(width, 1), -dots[:-1], bends[None], curve(dots[:1])]


# --8<-- [end:curve]
# --8<-- [start:approximate]
def learn_curve(width: int, seed: int, steps: int, many: int = 10) -> list[Tensor]:
    """Teach many nets 1 -> width -> 1 the curve, from 100 points of it."""
    x = uniform(seed, 100, 1) * 2 - 1
    theta = start_many(many, 1, width, 1)
    fit(theta, x, curve(x), steps, rate=0.02, forward=forward_many)
    return [parameter.detach() for parameter in theta]


def off(answers: Tensor, x: Tensor) -> Tensor:
    """Return the root mean squared error (...,) of answers (..., n, 1) at x (n, 1)."""
    return (answers - curve(x)).square().mean(dim=(-2, -1)).sqrt()


# --8<-- [end:approximate]
# --8<-- [start:folds]
def folds(hidden: int) -> list[Tensor]:
    """Choose theta of hidden layers of two neurons: each folds 0 to 1 in half."""
    first = [torch.ones(2, 1), torch.tensor([0, -0.5])]
    again = [torch.tensor([[2.0, -4.0], [2.0, -4.0]]), torch.tensor([0, -0.5])]
    return [*first, *again * (hidden - 1), torch.tensor([[2.0, -4.0]]), torch.zeros(1)]


# --8<-- [end:folds]
# --8<-- [start:market]
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
# --8<-- [start:straight]
def straight(x: Tensor, y: Tensor) -> Callable[[Tensor], Tensor]:
    """Find the weighted sum of x (n, d) that is nearest to y (n, k), as a function."""

    def with_one(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (n, d + 1)

    weight = torch.linalg.pinv(with_one(x)) @ y
    return lambda x: with_one(x) @ weight


def explained(guess: Tensor, y: Tensor) -> Tensor:
    """Share of the variance of each column of y (n, k) that a guess explains: (k,)."""
    return 1 - (guess - y).square().mean(dim=0) / y.var(dim=0, correction=0)


def correlation(a: Tensor, b: Tensor) -> Tensor:
    """Correlate each column of a (n, k) with each of b (n, m): (k, m), 0 if silent."""
    both = torch.cat([a, b], dim=1)
    both = (both - both.mean(dim=0)) / both.std(dim=0)  # not a number if silent
    both = both.nan_to_num(0) / (len(both) - 1) ** 0.5
    return both[:, : a.shape[1]].T @ both[:, a.shape[1] :]


# --8<-- [end:straight]
# --8<-- [start:homes]
class Homes:
    """Homes sold, to learn from, and new ones to price: x (n, 4), y (n, 1).

    The facts sold have mean 0 and spread 1, the prices y are in 100,000 euros, and
    the truths (n, 3) are closeness, comfort and price, to look at afterwards.
    """

    def __init__(self, seed: int, sold: int = 1000, new: int = 1000) -> None:
        facts, concepts, price = market(sold + new, seed)
        seen = facts[:sold]  # new homes have no say in the scale
        self.mean, self.spread = seen.mean(dim=0), seen.std(dim=0)
        truths = torch.cat([concepts, price], dim=1)
        self.facts_new = facts[sold:]
        self.x, self.x_new = self.scale(facts).split([sold, new])
        self.y, self.y_new = (price / 100).split([sold, new])
        self.truths, self.truths_new = truths.split([sold, new])

    def scale(self, facts: Tensor) -> Tensor:
        """Bring facts (..., 4) to the mean and spread that the nets know."""
        return (facts - self.mean) / self.spread

    def learn(self, widths: tuple[int, ...], steps: int, many: int = 5) -> list[Tensor]:
        """Teach many nets of these widths what homes sold for."""
        theta = start_many(many, *widths)
        fit(theta, self.x, self.y, steps, rate=0.02, forward=forward_many)
        return [parameter.detach() for parameter in theta]

    def error(self, answers: Tensor) -> float:
        """Return how far answers (..., n, 1) are off for new homes, in 1,000 euros."""
        return float((answers - self.y_new).abs().mean() * 100)

    def readable(self, theta: list[Tensor]) -> Tensor:
        """Say how well a weighted sum tells each truth: (many, 1 + hidden layers, 3).

        First a sum of the facts themselves, then of each hidden layer's activations.
        """
        before = [self.x.expand(len(theta[0]), -1, -1), *forward_many(theta, self.x)]
        after = [
            self.x_new.expand(len(theta[0]), -1, -1),
            *forward_many(theta, self.x_new),
        ]
        rows = []
        for a, b in zip(before[:-1], after[:-1], strict=True):  # (many, n, k) each
            guesses = (straight(x, self.truths) for x in a)
            pairs = zip(guesses, b, strict=True)
            shares = [explained(guess(x), self.truths_new) for guess, x in pairs]
            rows.append(torch.stack(shares))
        return torch.stack(rows, dim=1)


# --8<-- [end:homes]
def draw_xor() -> Figure:
    """Draw the lines of two neurons between the points of XOR, and what they say."""
    (x, y), (fig, axes) = xor(), figures.panels(5.2, 2.8, columns=2)
    hidden, _ = xor_by_hand(x)
    for ax, points, end in zip(axes, (x, hidden), (1.7, 1.4), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
    axes[1].set(xlim=(-0.5, 1.6), ylim=(-0.5, 1.6))
    lines = ((1, "a₁", "-", (0.65, -1.55)), (-1, "a₂", "--", (-0.3, 1.4)))
    for bias, name, look, place in lines:
        axes[0].plot([-2, 2], [2 - bias, -2 - bias], look, color=INK)
        axes[0].text(*place, name, size="large")
    axes[1].plot([0, 2], [-0.5, 1.5], color=INK)
    axes[1].annotate("two points", (1, 0), (0.42, -0.35))
    axes[0].set(xlabel="x₁", ylabel="x₂", xticks=[-1, 1], yticks=[-1, 1])
    axes[1].set(xlabel="a₁: at least one is +1", ylabel="a₂: both are +1")
    axes[1].set(xticks=[0, 1], yticks=[0, 1])
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside upper center", ncols=2)
    return fig


def draw_shares(shares: dict[int, float]) -> Figure:
    """Draw the share of random starts that learned XOR, by hidden neurons."""
    fig, ax = figures.panels(5.2, 2.4)
    names = [str(width) for width in shares]
    bars = ax.bar(names, [100 * share for share in shares.values()], 0.6, color=BLUE)
    ax.bar_label(bars, fmt="%.0f %%")
    ax.set(xlabel="hidden neurons", ylabel="starts that learn XOR", ylim=(0, 115))
    ax.set(yticks=[0, 50, 100], yticklabels=["0 %", "50 %", "100 %"])
    return fig


def draw_pieces(pieces: int = 12) -> Figure:
    """Draw a bump of two steps and a tent of three ReLUs, and curves built of them."""
    fig, axes = figures.panels(5.2, 4.2, rows=2, columns=2)
    z, x = torch.linspace(-0.5, 1.5, 201), torch.linspace(-1, 1, 201)
    ramps = [torch.relu(z), -2 * torch.relu(z - 0.5), torch.relu(z - 1)]
    simple = {
        "two steps: a bump": ([step(z - 0.2), -step(z - 0.8)], 0),
        "three ReLUs: a tent": (ramps, 1),
    }
    for name, (parts, row) in simple.items():
        for part in parts:
            axes[row, 0].plot(z.tolist(), part.tolist(), "--", color=FAINT, lw=1.2)
        axes[row, 0].plot(
            z.tolist(), torch.stack(parts).sum(dim=0).tolist(), "-", color=BLUE
        )
        axes[row, 0].set(title=name, ylim=(-1.3, 1.3))
    edges = torch.linspace(-1, 1, pieces + 1)
    for low, high in pairwise(edges.tolist()):
        middle = float(curve(torch.tensor((low + high) / 2)))
        axes[0, 1].plot([low, low, high, high], [0, middle, middle, 0], "-", color=BLUE)
        axes[0, 1].lines[-1].set_linewidth(1)
    for edge in edges.tolist():
        ends, top = (
            [edge - 2 / pieces, edge, edge + 2 / pieces],
            curve(torch.tensor(edge)),
        )
        axes[1, 1].plot(ends, [0, float(top), 0], "-", color=BLUE, lw=0.8)
    answers = forward(build(pieces), x[:, None])[-1]
    axes[1, 1].plot(x.tolist(), answers.squeeze(1).tolist(), "-", color=BLUE)
    names = (f"{pieces} bumps", f"{pieces + 1} tents")  # a tent on each dot
    for ax, name in zip(axes[:, 1], names, strict=True):
        ax.plot(x.tolist(), curve(x).tolist(), "--", color=ORANGE)
        ax.set(title=f"{name}: a curve", xlim=(-1, 1))
    return fig


def draw_curves(nets: dict[int, list[Tensor]], widths: tuple[int, ...]) -> Figure:
    """Draw the curve, and the first learned net of each of three widths."""
    fig, axes = figures.panels(5.2, 2.3, columns=len(widths))
    x = torch.linspace(-1, 1, 61)[:, None]
    for ax, width in zip(axes, widths, strict=True):
        answers = forward_many(nets[width], x)[-1][0]
        across = x.squeeze(1).tolist()
        ax.plot(across, answers.squeeze(1).tolist(), label="the net")
        ax.plot(across, curve(x).squeeze(1).tolist(), label="the curve", lw=1.4)
        ax.set(title=f"width {width}", ylim=(-1.3, 1.3))
        ax.label_outer()
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return fig


def draw_widths(learned: Tensor, built: Tensor) -> Figure:
    """Draw errors by width: learned (widths, starts), built by hand (widths,)."""
    fig, ax = figures.panels(5.2, 3.2)
    ax.plot(WIDTHS, learned.mean(dim=1).tolist(), "o-", label="learned", ms=4)
    low, high = learned.amin(dim=1).tolist(), learned.amax(dim=1).tolist()
    ax.fill_between(WIDTHS, low, high, color=BLUE, alpha=0.2, lw=0)
    ax.plot(WIDTHS, built.tolist(), "s--", color=ORANGE, label="built by hand", ms=4)
    ax.set(xscale="log", yscale="log", xlabel="width of the hidden layer")
    ax.set(ylabel="error", xticks=WIDTHS, xticklabels=[str(width) for width in WIDTHS])
    ax.minorticks_off()
    ax.legend()
    return fig


def draw_folds(depths: tuple[int, ...] = (1, 2, 4)) -> Figure:
    """Draw what nets of two neurons a layer say, after 1, 2 and 4 layers."""
    fig, axes = figures.panels(5.2, 2, columns=len(depths))
    for ax, depth in zip(axes, depths, strict=True):
        x = torch.linspace(0, 1, 2**depth + 1)
        answers = forward(folds(depth), x[:, None])[-1].squeeze(1)
        ax.plot(x.tolist(), answers.tolist())
        name = "layer" if depth == 1 else "layers"
        ax.set(title=f"{depth} {name}: {2**depth} pieces", xticks=[0, 1], yticks=[0, 1])
        ax.label_outer()
    return fig


def contours(ax: Axes, height: Tensor) -> None:
    """Draw lines of equal height (side, side) over a town of 12 by 12 km."""
    ends = torch.linspace(-6, 6, height.shape[0]).tolist()
    levels = torch.linspace(float(height.min()), float(height.max()), 8)[1:-1].tolist()
    ax.contour(ends, ends, height.T.tolist(), levels, colors=BLUE, linewidths=1.2)
    ax.plot([0], [0], "+", color=ORANGE, ms=10)
    ax.set(aspect="equal", xticks=[-6, 0, 6], yticks=[-6, 0, 6], xlabel="km east")


def draw_town(homes: Homes, theta: list[Tensor], side: int = 19) -> Figure:
    """Draw what the first net says of one home, wherever in town it stands."""
    ends = torch.linspace(-6, 6, side)
    places = torch.cartesian_prod(ends, ends)  # (side * side, 2), east first
    home = torch.tensor([3.0, 75.0]).expand(len(places), 2)
    first = [parameter[0] for parameter in theta]
    said = forward(first, homes.scale(torch.cat([home, places], dim=1)))
    at_home = forward(first, homes.x_new)
    fig, axes = figures.panels(5.2, 2.3, columns=3)
    names = ("a neuron of layer 1", "a neuron of layer 2", "the price")
    for ax, name, layer, known in zip(axes, names, said, at_home, strict=True):
        one = correlation(known, homes.truths_new)[:, 0].abs().argmax()
        contours(ax, layer[:, one].reshape(side, side))
        ax.set_title(name, size="small")
        ax.label_outer()
    axes[0].set_ylabel("km north")
    return fig


def draw_readable(readable: Tensor) -> Figure:
    """Draw how much of each truth a layer tells: (many, layers, 3)."""
    fig, ax = figures.panels(5.2, 3)
    names = ("closeness", "comfort", "price")
    figures.curves(ax, dict(zip(names, readable.unbind(dim=2), strict=True)))
    ax.set(xticks=[1, 2, 3], xticklabels=["facts", "layer 1", "layer 2"])
    ax.set(ylabel="variance explained", ylim=(-0.05, 1.05))
    return fig


def draw_meanings(homes: Homes, theta: list[Tensor]) -> Figure:
    """Draw how each hidden neuron of the first net goes with facts and truths."""
    first = [parameter[0] for parameter in theta]
    known = torch.cat([homes.facts_new, homes.truths_new], dim=1)
    names = ["rooms", "area", "east", "north", "closeness", "comfort", "price"]
    fig, axes = figures.panels(5.2, 4.4, rows=2)
    layers = forward(first, homes.x_new)[:-1]
    for number, (ax, layer) in enumerate(zip(axes, layers, strict=True), 1):
        figures.squares(ax, correlation(layer, known).T)
        ax.set(yticks=range(7), yticklabels=names, title=f"layer {number}")
        ax.grid(False)
    return fig


def learn_curves(
    seed: int, steps: int
) -> tuple[dict[int, list[Tensor]], Tensor, Tensor]:
    """Learn the curve at each width: the nets, their errors, and those of built ones.

    Errors are (widths, starts) and (widths,), at points no net has seen.
    """
    x = torch.linspace(-1, 1, 1000)[:, None]
    bar = tqdm(WIDTHS, desc="widths", disable=None)
    nets = {width: learn_curve(width, seed, steps) for width in bar}
    learned = [off(forward_many(theta, x)[-1], x) for theta in nets.values()]
    built = [off(forward(build(width), x)[-1], x) for width in WIDTHS]
    return nets, torch.stack(learned), torch.stack(built)


def prices(homes: Homes, deep: list[Tensor], flat: list[Tensor]) -> dict[str, float]:
    """Boil down how well new homes are priced, and what the neurons came to mean."""
    _, area = homes.facts_new[:, :2].T
    closeness, comfort, _ = homes.truths_new.T
    formula = (area * (1 + 7 * closeness) * comfort)[:, None] / 100
    layers = forward_many(deep, homes.x_new)
    readable = homes.readable(deep).mean(dim=0)  # (layers, truths)
    chance = [each.detach() for each in start_many(100, *DEEP)]
    untrained = homes.readable(chance).mean(dim=0)  # before any learning
    numbers = {
        "homes": len(homes.x),
        "homes_new": len(homes.x_new),
        "price_mean": float(homes.y_new.mean() * 100),
        "error_mean": homes.error(homes.y.mean()),
        "error_straight": homes.error(straight(homes.x, homes.y)(homes.x_new)),
        "error_formula": homes.error(formula),
    }
    for name, theta in (("flat", flat), ("deep", deep)):
        errors = [homes.error(each) for each in forward_many(theta, homes.x_new)[-1]]
        numbers[f"error_{name}"] = sum(errors) / len(errors)
        numbers[f"error_{name}_low"] = min(errors)
        numbers[f"error_{name}_high"] = max(errors)
    known = torch.cat([homes.facts_new, homes.truths_new], dim=1)
    for number, layer in enumerate(layers[:-1], 1):
        numbers[f"largest_{number}"] = float(correlation(layer[0], known).abs().max())
    for column, truth in enumerate(("closeness", "comfort", "price")):
        for row, place in enumerate(("facts", "layer_1", "layer_2")):
            numbers[f"{truth}_{place}"] = max(0.0, float(readable[row, column]))
        for row in (1, 2):
            numbers[f"{truth}_untrained_{row}"] = float(untrained[row, column])
        best = [
            max(correlation(a, homes.truths_new)[:, column].abs().max() for a in net)
            for net in zip(*layers[:-1], strict=True)
        ]
        numbers[f"best_{truth}"] = float(torch.stack(best).mean())
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    steps: int = 1000,
    out: Path | None = None,
) -> None:
    """Learn XOR, a curve and the prices of homes, each with a layer or two between.

    Args:
        seed: Which points and homes are drawn, and where learning starts.
        device: Where to compute.
        steps: Steps downhill, on the curve and on the prices; half as many on XOR.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    torch.manual_seed(seed)
    with devices.on(device) as used:
        bar = tqdm(HIDDEN, desc="XOR", disable=None)
        shares = {
            hidden: learn_xor(start_many(100, 2, hidden, 1), steps // 2)
            for hidden in bar
        }
        equal = learn_xor(same := equal_start(16), steps // 2)
        nets, learned, built = learn_curves(seed, steps)
        homes = Homes(seed)
        deep, flat = homes.learn(DEEP, steps), homes.learn(FLAT, steps)
        numbers = {f"xor_{hidden}": share for hidden, share in shares.items()}
        numbers |= {"xor_equal": equal, "kinds": len(same[0][0].unique(dim=0))}
        for width, ours, theirs in zip(WIDTHS, learned, built, strict=True):
            numbers |= {f"learned_{width}": float(ours.mean())}
            numbers |= {f"built_{width}": float(theirs)}
        numbers |= {"deep": count(*DEEP), "flat": count(*FLAT), "steps": steps}
        numbers |= prices(homes, deep, flat)
        print(REPORT.format(**numbers))
        if out is not None:
            drawings = {
                "xor": draw_xor(),
                "shares": draw_shares(shares),
                "pieces": draw_pieces(),
                "curves": draw_curves(nets, (4, 32, 256)),
                "widths": draw_widths(learned, built),
                "folds": draw_folds(),
                "town": draw_town(homes, deep),
                "readable": draw_readable(homes.readable(deep)),
                "meanings": draw_meanings(homes, deep),
            }
            figures.save_all(drawings, out)
            record(out, seed, used, **numbers)


REPORT = """\
XOR learned from 100 random starts, with 2 hidden neurons: {xor_2:.0%} of them
  with 4: {xor_4:.0%}, with 8: {xor_8:.0%}, with 16: {xor_16:.0%}
  with 16 that start all alike: {xor_equal:.0%}, and they stay {kinds} kind of neuron
a curve, error at points not seen, mean of 10 starts, by width:
  1: {learned_1:.3f}, 4: {learned_4:.3f}, 16: {learned_16:.3f}, \
64: {learned_64:.3f}, 256: {learned_256:.3f}
  built by hand, 256: {built_256:.4f}
homes, {homes_new:,} not seen, worth {price_mean:.0f} thousand euros on average; error:
  always the mean: {error_mean:.0f}, a weighted sum: {error_straight:.0f}
  one hidden layer, {flat} parameters: {error_flat:.1f} \
(from {error_flat_low:.1f} to {error_flat_high:.1f} over five starts)
  two hidden layers, {deep} parameters: {error_deep:.1f} \
(from {error_deep_low:.1f} to {error_deep_high:.1f})
  the market's own formula, without the haggling: {error_formula:.1f}"""

if __name__ == "__main__":
    run(main)
