"""Overfitting: a model that knows its examples by heart and has not understood them.

With enough parameters a model fits anything, noise included. What counts is how
it does on examples it has not seen. Every cure makes it harder to learn by heart:
more examples, an earlier end, smaller weights, a little noise, fewer parameters.

Source: Geman, Bienenstock and Doursat, "Neural networks and the bias/variance
dilemma", Neural Computation 4(1), 1992.
"""

# --8<-- [start:imports]
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, pad
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run

# --8<-- [start:data]
from data import Images, Name, load, scaled

# --8<-- [end:data]
from figures import BLUE, FAINT, GREEN, INK, ORANGE

# --8<-- [start:earlier]
from sgd import SGD, Adam, AdamW
from training import Examples, History, Loader, Loss, accuracy, fit, predict

# --8<-- [end:earlier]

DEGREES = list(range(1, 16))
WIDTHS = [10, 20, 40, 70, 100, 140, 180, 200, 220, 280, 400, 700, 1200, 2000]


# --8<-- [start:curve]
NOISE = 0.3  # spread of the noise on every measurement


def curve(x: Tensor) -> Tensor:
    """Rise and fall on x (...,) from -1 to 1: the truth behind the measurements."""
    return torch.sin(4 * x + 1)


def measure(x: Tensor, sets: int, drawn: torch.Generator) -> Tensor:
    """Measure the curve at x (n,) many times over, with noise: y (sets, n)."""
    noise = torch.randn(sets, len(x), generator=drawn, dtype=x.dtype, device="cpu")
    return curve(x) + NOISE * noise.to(x.device)


# --8<-- [end:curve]
# --8<-- [start:polynomial]
def polynomial(x: Tensor, y: Tensor, degree: int) -> Callable[[Tensor], Tensor]:
    """Fit a polynomial to each row of y (sets, n), measured at x (n,), as a function.

    At places (m,) it answers with (sets, m): a curve for each training set.
    """
    weight = torch.linalg.lstsq(torch.linalg.vander(x, N=degree + 1), y.mT).solution
    return lambda places: (torch.linalg.vander(places, N=degree + 1) @ weight).mT


# --8<-- [end:polynomial]
# --8<-- [start:errors]
class Errors(NamedTuple):
    """Mean squared errors of many fits of one degree, and what they are made of."""

    training: float
    held_out: float
    bias: float  # squared: how far the mean fit is from the truth
    variance: float  # how far the fits are from their mean
    noise: float  # what nobody can foresee


# --8<-- [end:errors]
# --8<-- [start:decompose]
def decompose(degree: int, seed: int, n: int = 20, sets: int = 2000) -> Errors:
    """Fit many training sets of n measurements; take the held-out error apart."""
    drawn = torch.Generator().manual_seed(seed)
    x, places = (torch.linspace(-1, 1, k, dtype=torch.float64) for k in (n, 201))
    y, fresh = measure(x, sets, drawn), measure(places, sets, drawn)
    answer = polynomial(x, y, degree)
    guesses = answer(places)  # (sets, 201)
    return Errors(
        training=float((answer(x) - y).square().mean()),
        held_out=float((guesses - fresh).square().mean()),
        bias=float((guesses.mean(dim=0) - curve(places)).square().mean()),
        variance=float(guesses.var(dim=0, correction=0).mean()),
        noise=NOISE**2,
    )


# --8<-- [end:decompose]
# --8<-- [start:folds]
def folds(n: int, k: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Deal n places into k parts; list each part (m,), after all others (n - m,)."""
    drawn = torch.Generator().manual_seed(seed)
    parts = torch.randperm(n, generator=drawn, device="cpu").tensor_split(k)
    return [
        (torch.cat([*parts[:each], *parts[each + 1 :]]), parts[each])
        for each in range(k)
    ]


def cross_validate(x: Tensor, y: Tensor, degree: int, seed: int, k: int = 5) -> Tensor:
    """Judge a degree on x (n,), y (sets, n): mean squared error (sets,) of k folds."""
    errors = torch.zeros_like(y)
    for ours, theirs in folds(len(x), k, seed):
        answer = polynomial(x[ours], y[:, ours], degree)
        errors[:, theirs] = (answer(x[theirs]) - y[:, theirs]).square()
    return errors.mean(dim=1)


# --8<-- [end:folds]
def choose_degree(seed: int, sets: int = 500) -> dict[str, float]:
    """Choose a degree for each training set, by three judges; mean error each time."""
    drawn, x = torch.Generator().manual_seed(seed), torch.linspace(-1, 1, 20).double()
    y, places = measure(x, sets, drawn), torch.linspace(-1, 1, 201).double()
    degrees = DEGREES[:12]  # a fold leaves only 16 of the 20 measurements
    fits = [polynomial(x, y, degree) for degree in degrees]
    true = torch.stack([(f(places) - curve(places)).square().mean(1) for f in fits])
    judges = {
        "training": torch.stack([(f(x) - y).square().mean(1) for f in fits]),
        "folds": torch.stack([cross_validate(x, y, d, seed) for d in degrees]),
        "truth": true,  # (degrees, sets) each
    }
    return {
        name: float(true.gather(0, errors.argmin(0)[None]).mean()) + NOISE**2
        for name, errors in judges.items()
    }


# --8<-- [start:spoil]
def spoil(y: Tensor, share: float, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Give a share of the labels y (n,) another class: new labels, and which (n,)."""
    drawn = torch.Generator().manual_seed(seed)
    wrong = torch.rand(len(y), generator=drawn, device="cpu") < share
    away = torch.randint(1, classes, (len(y),), generator=drawn, device="cpu")
    wrong, away = wrong.to(y.device), away.to(y.device)
    return torch.where(wrong, (y + away) % classes, y), wrong


# --8<-- [end:spoil]
# --8<-- [start:descent]
def random_features(train: Examples, held_out: Examples, width: int, seed: int) -> list:
    """Fit a layer on `width` random neurons by least squares; shares of mistakes.

    Of all weights that fit best it takes the smallest. Returns the share on the
    training labels, and on those held out.
    """
    drawn = torch.Generator().manual_seed(seed)
    x, x_new = (part.x.flatten(1).double().cpu() for part in (train, held_out))
    first = torch.randn(x.shape[1], width, generator=drawn).double() / 8
    bias = torch.randn(width, generator=drawn).double()
    hidden, hidden_new = torch.tanh(x @ first + bias), torch.tanh(x_new @ first + bias)
    last = torch.linalg.pinv(hidden) @ one_hot(train.y.cpu()).double()
    return [
        1 - float(accuracy(hidden @ last, train.y.cpu())),
        1 - float(accuracy(hidden_new @ last, held_out.y.cpu())),
    ]


# --8<-- [end:descent]
# --8<-- [start:dropout]
class Dropout(nn.Module):
    """Silence each activation with probability p, and make up for it in the others."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, a: Tensor) -> Tensor:
        """Return activations a (...,): thinned out in training, else as they are."""
        if not self.training:
            return a
        kept = torch.empty_like(a).bernoulli_(1 - self.p)  # (...,) of 1 and 0
        return a * kept / (1 - self.p)  # the mean stays what it was


# --8<-- [end:dropout]
# --8<-- [start:norm]
class BatchNorm(nn.Module):
    """Bring each activation to mean 0 and spread 1 over the batch; then rescale it."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))  # kept, but not learned
        self.register_buffer("variance", torch.ones(width))

    def forward(self, a: Tensor) -> Tensor:
        """Return a (n, width) normalised: by the batch in training, else by memory."""
        mean, variance = self.mean, self.variance
        if self.training:
            mean, variance = a.mean(dim=0), a.var(dim=0, correction=0)
            with torch.no_grad():
                self.mean.lerp_(mean, 0.1)  # a tenth of the way
                self.variance.lerp_(a.var(dim=0), 0.1)
        return self.weight * (a - mean) / (variance + 1e-5).sqrt() + self.bias


# --8<-- [end:norm]
# --8<-- [start:penalty]
def penalised(model: nn.Module, l1: float, l2: float) -> Loss:
    """Return cross-entropy, plus a price on the size of the weights while learning."""

    def loss(z: Tensor, y: Tensor) -> Tensor:
        value = cross_entropy(z, y)
        if model.training and l1:
            value = value + l1 * sum(w.abs().sum() for w in model.parameters())
        if model.training and l2:
            value = value + l2 / 2 * sum(w.square().sum() for w in model.parameters())
        return value

    return loss


# --8<-- [end:penalty]
# --8<-- [start:shift]
def shift(x: Tensor) -> Tensor:
    """Move each image of x (n, c, h, w) by up to a pixel in each direction."""
    height, width = x.shape[-2:]
    framed = pad(x, (1, 1, 1, 1), mode="replicate")
    down, right = torch.randint(3, (2, len(x), 1), device=x.device)
    rows = (down + torch.arange(height, device=x.device))[:, :, None]  # (n, h, 1)
    columns = (right + torch.arange(width, device=x.device))[:, None]  # (n, 1, w)
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return framed[each, :, rows, columns].permute(0, 3, 1, 2)  # (n, h, w, c) before


# --8<-- [end:shift]
# --8<-- [start:recipe]
class Recipe(NamedTuple):
    """How to teach a net: on how many examples, how many of them mislabelled, ..."""

    examples: int = 300
    wrong: float = 0.3
    hidden: tuple[int, ...] = (128,)
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    norm: bool = False
    shifts: bool = False
    patience: int | None = None


MILD = Recipe(l2=0.005, dropout=0.2, shifts=True, patience=10)
CURES = {
    "no cure": Recipe(),
    "more data": Recipe(examples=900),
    "early stopping": Recipe(patience=5),
    "weight decay (L2)": Recipe(l2=0.05),
    "L1": Recipe(l1=0.005),
    "dropout": Recipe(dropout=0.8),
    "shifts": Recipe(shifts=True),
    "batch norm": Recipe(norm=True),
    "fewer parameters": Recipe(hidden=(16,)),
    "deeper": Recipe(hidden=(45, 45, 45, 45)),
    "four together": MILD,
    "data + early stop": Recipe(examples=900, patience=5),
    "data + all four": MILD._replace(examples=900),
    "right labels": Recipe(wrong=0.0),
}


def build(recipe: Recipe, inputs: int, classes: int) -> nn.Sequential:
    """Stack the layers of a net from images of so many numbers to logits."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, width in pairwise([inputs, *recipe.hidden]):
        layers += [nn.Linear(before, width)]
        layers += [BatchNorm(width)] if recipe.norm else []
        layers += [nn.ReLU()]
        layers += [Dropout(recipe.dropout)] if recipe.dropout else []
    return nn.Sequential(*layers, nn.Linear([inputs, *recipe.hidden][-1], classes))


# --8<-- [end:recipe]
# --8<-- [start:teach]
class Pupil(NamedTuple):
    """A net that has learned by a recipe, and what came of it."""

    model: nn.Module
    history: History
    train: Examples  # with the labels that it was given
    wrong: Tensor  # (n,), which of these are wrong


def teach(recipe: Recipe, images: Images, seed: int, epochs: int) -> Pupil:
    """Teach a net by `recipe` on the first of the training images."""
    torch.manual_seed(seed)
    x, y = images.train.x[: recipe.examples], images.train.y[: recipe.examples]
    y, wrong = spoil(y, recipe.wrong, len(images.classes), seed)
    train = Loader(Examples(x, y), 50, seed, shift if recipe.shifts else None)
    model = build(recipe, x[0].numel(), len(images.classes)).to(x.device)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9)
    loss = penalised(model, recipe.l1, recipe.l2)
    history = fit(
        model,
        train,
        images.validation,
        optimiser,
        epochs,
        loss=loss,
        patience=recipe.patience,
    )
    return Pupil(model, history, train.examples, wrong)


def right(model: nn.Module, part: Examples) -> Tensor:
    """Say of each example whether the model's answer is its label: (n,)."""
    return predict(model, part.x).argmax(dim=1) == part.y


# --8<-- [end:teach]
# --8<-- [start:compare]
class Trial(NamedTuple):
    """What recipes came to with one seed, by name."""

    test: dict[str, float]  # accuracy on test images
    by_heart: dict[str, float]  # share of the wrong labels that it repeats
    histories: dict[str, History]


def compare(images: Images, seed: int, epochs: int) -> Trial:
    """Teach a net by each recipe; judge it on the test images."""
    pupils = {
        name: teach(recipe, images, seed, epochs)
        for name, recipe in tqdm(CURES.items(), desc="cures", disable=None)
    }
    return Trial(
        {
            n: float(right(p.model, images.test).float().mean())
            for n, p in pupils.items()
        },
        {
            n: float(right(p.model, p.train)[p.wrong].float().mean())
            for n, p in pupils.items()
            if p.wrong.any()
        },
        {n: pupils[n].history for n in ("no cure", "right labels")},
    )


# --8<-- [end:compare]
# --8<-- [start:fade]
def fade(decoupled: bool, seed: int, decay: float = 0.5, steps: int = 200) -> Tensor:
    """Shrink two weights that start at 1, whose slopes are noise: what is left (2,).

    The noise on the first is small (0.01), on the second large (10); mean of 500.
    """
    drawn, theta = torch.Generator().manual_seed(seed), torch.ones(500, 2)
    optimiser: SGD = AdamW(0.01, decay) if decoupled else Adam(0.01)
    for _ in range(steps):
        noise = torch.randn(500, 2, generator=drawn) * torch.tensor([0.01, 10.0])
        penalty = 0.0 if decoupled else decay * theta  # the slope of an L2 penalty
        theta = optimiser.step(theta, noise + penalty)
    return theta.mean(dim=0)


# --8<-- [end:fade]
# --8<-- [start:draw]
def draw_recipe(drawn: torch.Generator) -> Recipe:
    """Draw a recipe: the size of a penalty by its power of ten, the rest evenly."""
    u = torch.rand(4, generator=drawn, device="cpu").tolist()
    return Recipe(
        hidden=(int(16 * 2 ** (4 * u[0])),),  # 16 to 255
        l2=10 ** (-3 + 2 * u[1]),  # 0.001 to 0.1
        dropout=0.9 * u[2],
        shifts=u[3] < 0.5,
    )


# --8<-- [end:draw]
# --8<-- [start:search]
class Search(NamedTuple):
    """Recipes that were tried, and which images each net read rightly."""

    recipes: list[Recipe]
    validation: Tensor  # (tries, n), of bool
    test: Tensor  # (tries, m)


def search(images: Images, seed: int, epochs: int, tries: int) -> Search:
    """Try recipes drawn at random. A real search would not look at the test images."""
    drawn = torch.Generator().manual_seed(seed)
    recipes = [draw_recipe(drawn) for _ in range(tries)]
    nets = [
        teach(recipe, images, seed, epochs).model
        for recipe in tqdm(recipes, desc="search", disable=None)
    ]
    parts = (images.validation, images.test)
    found = (torch.stack([right(net, part) for net in nets]).cpu() for part in parts)
    return Search(recipes, *found)


# --8<-- [end:search]
# --8<-- [start:optimism]
def optimism(
    validation: Tensor, test: Tensor, tries: int, judges: int, seed: int
) -> tuple[float, float]:
    """Pick the best of a few tries by a few judges, again and again.

    Rows of validation (all, n) and test (all, m) say what a try got right. Returns
    the winner's mean score with its judges, and with the test images.
    """
    drawn, scores = torch.Generator().manual_seed(seed), []
    for _ in range(400):
        some = torch.randperm(len(validation), generator=drawn)[:tries]
        few = torch.randperm(validation.shape[1], generator=drawn)[:judges]
        each = validation[some][:, few].double().mean(dim=1)
        winner = int(each.argmax())
        scores.append([float(each[winner]), float(test[some[winner]].double().mean())])
    seen, unseen = torch.tensor(scores).mean(dim=0).tolist()
    return seen, unseen


def guessers(many: int, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Let nets that know nothing guess one of ten classes: right (many, n), twice."""
    drawn = torch.Generator().manual_seed(seed)
    return torch.rand(many, n, generator=drawn) < 0.1, torch.rand(
        many, n, generator=drawn
    ) < 0.1


# --8<-- [end:optimism]
def draw_fits(seed: int) -> Figure:
    """Draw polynomials of three degrees through the same 20 measurements."""
    fig, axes = figures.panels(5.2, 2.5, columns=3)
    x, fine = torch.linspace(-1, 1, 20).double(), torch.linspace(-1, 1, 61).double()
    y = measure(x, 1, torch.Generator().manual_seed(seed))
    for ax, degree in zip(axes, (1, 5, 15), strict=True):
        ax.plot(x.tolist(), y[0].tolist(), "o", color=INK, ms=3.5, mfc="none")
        fitted = polynomial(x, y, degree)(fine)[0]
        ax.plot(fine.tolist(), fitted.tolist(), "-", color=BLUE, label="the fit")
        truth = curve(fine[::3]).tolist()
        ax.plot(
            fine[::3].tolist(), truth, "--", color=ORANGE, lw=1.4, label="the truth"
        )
        ax.set(title=f"degree {degree}", ylim=(-2.2, 2.2))
        ax.label_outer()
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw_degrees(errors: list[Errors]) -> Figure:
    """Draw the training and the held-out error by degree."""
    fig, ax = figures.panels(5.2, 3)
    ax.plot(DEGREES, [e.held_out for e in errors], "s--", color=ORANGE, ms=4)
    ax.plot(DEGREES, [e.training for e in errors], "o-", color=BLUE, ms=4)
    ax.axhline(NOISE**2, color=INK, lw=1, ls=":")
    ax.text(1, NOISE**2 * 1.08, "noise", va="bottom")
    ax.text(9.5, errors[9].training * 0.6, "training", ha="right", color=BLUE)
    ax.text(11.6, errors[10].held_out * 1.5, "held out", ha="right", color=ORANGE)
    ax.set(yscale="log", xlabel="degree of the polynomial", ylabel="mean squared error")
    return fig


def draw_parts(errors: list[Errors]) -> Figure:
    """Draw what the held-out error is made of, by degree, and the error itself."""
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
    ax.plot(DEGREES, [sum(e[2:]) for e in errors], "-", color=FAINT, label="their sum")
    measured = [e.held_out for e in errors]
    ax.plot(DEGREES, measured, "o", color=INK, mfc="none", label="measured")
    ax.set(yscale="log", ylim=(1e-3, 3), xlabel="degree of the polynomial")
    ax.set(ylabel="mean squared error")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def band(ax: Axes, across: list[int], each: Tensor, name: str, look: str) -> None:
    """Draw a curve (seeds, places) as its mean, in the range that the seeds span."""
    (line,) = ax.plot(across, each.mean(0).tolist(), look, ms=4, label=name)
    low, high = each.amin(0).tolist(), each.amax(0).tolist()
    ax.fill_between(across, low, high, color=line.get_color(), alpha=0.2, lw=0)


def draw_descent(mistakes: Tensor, examples: int) -> Figure:
    """Draw shares of mistakes (seeds, widths, 2) by the width of a random layer."""
    fig, ax = figures.panels(5.2, 3.1)
    band(ax, WIDTHS, 100 * mistakes[:, :, 0], "training", "o-")
    band(ax, WIDTHS, 100 * mistakes[:, :, 1], "held out", "s--")
    ax.axvline(examples, color=INK, lw=1, ls=":")
    ax.text(examples * 1.15, 88, "as many as examples")
    ax.set(xscale="log", ylim=(0, 95), xlabel="random neurons", ylabel="mistakes, %")
    ax.set(xticks=[10, 100, 1000], xticklabels=["10", "100", "1,000"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return fig


def draw_curves(trials: list[Trial]) -> Figure:
    """Draw losses and validation accuracy by epoch: wrong labels, and right ones."""
    fig, (left, right) = figures.panels(5.2, 3.1, columns=2)

    last = len(trials[0].histories["no cure"]["loss"])
    epochs = [
        *range(1, min(8, last)),
        *range(8, last + 1, 3),
    ]  # fewer, where it is slow

    def draw(ax: Axes, recipe: str, what: str, name: str, look: str) -> None:
        each = torch.tensor([trial.histories[recipe][what] for trial in trials])
        band(ax, epochs, each[:, [epoch - 1 for epoch in epochs]], name, look)

    draw(left, "no cure", "loss", "training", "-")
    draw(left, "no cure", "validation_loss", "validation", "--")
    draw(right, "no cure", "validation_score", "wrong labels", "-")
    draw(right, "right labels", "validation_score", "all right", "--")
    left.legend()
    right.legend()
    left.set(xlabel="epochs", title="loss, wrong labels", ylim=(0, None))
    right.set(xlabel="epochs", title="validation accuracy", ylim=(0.5, 1))
    return fig


def draw_cures(test: dict[str, Tensor], by_heart: dict[str, Tensor]) -> Figure:
    """Draw each recipe's test accuracy (seeds,), and what it learned by heart."""
    fig, axes = figures.panels(5.2, 4, columns=2)
    names = list(by_heart)[::-1]
    looks = ((test, "o", BLUE), (by_heart, "s", ORANGE))
    for ax, (shares, marker, colour) in zip(axes, looks, strict=True):
        for row, name in enumerate(names):
            each = (100 * shares[name]).tolist()
            ax.plot(each, [row] * len(each), "|", color=colour, ms=7, mew=1)
            mean = sum(each) / len(each)
            ax.plot(mean, row, marker, color=colour, ms=6)
        ax.axvline(100 * float(shares["no cure"].mean()), color=INK, lw=1, ls=":")
        ax.set(yticks=range(len(names)), yticklabels=names if ax is axes[0] else [])
    axes[0].set(title="test scans read, %")
    axes[1].set(title="wrong labels\nlearned by heart, %", xlim=(-5, 105))
    axes[1].set(xticks=[0, 50, 100])
    return fig


def draw_search(curves: dict[str, Tensor], counts: dict[str, list[int]]) -> Figure:
    """Draw the winner's two scores (tries, 2) by the number of tries, twice."""
    fig, axes = figures.panels(5.2, 3, columns=2)
    for ax, (name, scores) in zip(axes, curves.items(), strict=True):
        looks = (("with its judges", "o-", BLUE), ("on the test", "s--", ORANGE))
        for column, (label, look, colour) in enumerate(looks):
            shares = (100 * scores[:, column]).tolist()
            ax.plot(counts[name], shares, look, color=colour, ms=4, label=label)
        ax.set(xscale="log", xlabel="tries", title=name)
        ax.set(xticks=counts[name][::2], xticklabels=map(str, counts[name][::2]))
        ax.minorticks_off()
    axes[0].set(ylabel="the winner is right, %", ylim=(0, None))
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def stack(runs: list[dict[str, float]]) -> dict[str, Tensor]:
    """Turn a dictionary of numbers for each seed into one of tensors (seeds,)."""
    return {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}


def key(name: str) -> str:
    """Return the name of a recipe as the name of a metric."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def summary(
    errors: list[Errors], descent: Tensor, trials: list[Trial], found: Search
) -> dict[str, float | str]:
    """Boil down the polynomials, the random features, the cures and the search."""
    held_out = [each.held_out for each in errors]
    best, middle = DEGREES[held_out.index(min(held_out))], descent.mean(0)[:, 1]
    worst, first = int(middle.argmax()), int(middle[: len(WIDTHS) // 2].argmin())
    numbers: dict[str, float | str] = {
        "degree_best": best,
        "sum_off": max(abs(sum(e[2:]) / e.held_out - 1) for e in errors),
        "descent_peak": WIDTHS[worst],
        "descent_peak_mistakes": float(middle[worst]),
        "descent_first": WIDTHS[first],
        "descent_first_mistakes": float(middle[first]),
        "descent_last": WIDTHS[-1],
        "descent_last_mistakes": float(middle[-1]),
    }
    for degree in (1, best, 15):
        name = "best" if degree == best else str(degree)
        numbers |= {f"{n}_{name}": v for n, v in errors[degree - 1]._asdict().items()}
    for kind in ("test", "by_heart"):
        for name, shares in stack([getattr(t, kind) for t in trials]).items():
            numbers[f"{kind}_{key(name)}"] = float(shares.mean())
            numbers[f"{kind}_{key(name)}_std"] = float(shares.std())
    runs = stack([trial.test for trial in trials])
    for kind, better in (("helped", True), ("doubtful", False)):
        names = [n for n, each in runs.items() if n not in ("no cure", "right labels")]
        won = {n: bool((runs[n] > runs["no cure"]).all()) for n in names}
        numbers[kind] = ", ".join(n for n in names if won[n] is better)
    plain = [trial.histories["no cure"] for trial in trials]
    losses = torch.tensor([each["validation_loss"] for each in plain]).mean(0)
    numbers["curve_best_epoch"] = int(losses.argmin()) + 1
    numbers["curve_best_loss"] = float(losses.min())
    numbers["curve_last_loss"] = float(losses[-1])
    scores = found.validation.double().mean(1)
    winner = int(scores.argmax())
    recipe = found.recipes[winner]
    numbers |= {
        "examples": Recipe().examples,
        "validation": found.validation.shape[1],
        "tries": len(scores),
        "winner_validation": float(scores[winner]),
        "winner_test": float(found.test[winner].double().mean()),
        "winner_hidden": recipe.hidden[0],
        "winner_l2": recipe.l2,
        "winner_dropout": recipe.dropout,
        "winner_shifts": "with" if recipe.shifts else "without",
    }
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "digits",
    epochs: int = 50,
    tries: int = 20,
    out: Path | None = None,
) -> None:
    """Overfit a curve and a net, cure the net, and search for settings honestly.

    Args:
        seed: Which noise and which images; the net takes the next four seeds too.
        device: Where to compute.
        data: The images that the net learns to read.
        epochs: Passes over the training images, if it is not stopped early.
        tries: How many recipes the search draws.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    errors = [decompose(degree, seed) for degree in DEGREES]
    trials, descent = [], []
    for each in tqdm(range(seed, seed + 5), desc="seeds", disable=None):
        images = scaled(load(data, each)).to(used)
        y, _ = spoil(images.train.y[:200], 0.15, len(images.classes), each)
        train = Examples(images.train.x[:200], y)
        widths = [random_features(train, images.validation, w, each) for w in WIDTHS]
        descent.append(widths)
        trials.append(compare(images, each, epochs))
    found = search(scaled(load(data, seed)).to(used), seed, epochs, tries)
    counts = {
        "nets that guess": [1, 3, 10, 30, 100, 300, 1000],
        "nets that learned": [n for n in (1, 2, 4, 8, 12, 16, 20) if n <= tries],
    }
    chance, learned = guessers(1000, 400, seed), (found.validation, found.test)
    curves = {
        name: torch.tensor([optimism(*nets, k, 40, seed) for k in counts[name]])
        for name, nets in zip(counts, (chance, learned), strict=True)
    }
    numbers = summary(errors, torch.tensor(descent), trials, found)
    for name, scores in zip(("guess", "learned"), curves.values(), strict=True):
        numbers[f"{name}_seen"], numbers[f"{name}_unseen"] = scores[-1].tolist()
        one = scores[0].tolist()  # with one try nothing is chosen
        numbers[f"{name}_one_seen"], numbers[f"{name}_one_unseen"] = one
    numbers |= {f"choose_{n}": e for n, e in choose_degree(seed).items()}
    for name, decoupled in (("adam", False), ("adamw", True)):
        numbers[f"{name}_quiet"], numbers[f"{name}_loud"] = fade(
            decoupled, seed
        ).tolist()
    numbers["parameters"] = sum(p.numel() for p in build(Recipe(), 64, 10).parameters())
    print(REPORT.format(cures=results(numbers), **numbers))
    if out is not None:
        kinds = (
            stack([getattr(t, kind) for t in trials]) for kind in Trial._fields[:2]
        )
        drawings = {
            "fits": draw_fits(seed),
            "degrees": draw_degrees(errors),
            "parts": draw_parts(errors),
            "descent": draw_descent(torch.tensor(descent), 200),
            "curves": draw_curves(trials),
            "cures": draw_cures(*kinds),
            "search": draw_search(curves, counts),
        }
        figures.save_all(drawings, out)
        record(out, seed, used, **numbers)


def results(numbers: dict[str, float | str]) -> str:
    """Lay out what each recipe came to as the rows of a table."""
    return "\n".join(
        f"  {name:<18} {numbers[f'test_{key(name)}']:>6.1%} "
        f"± {numbers[f'test_{key(name)}_std']:.1%}"
        for name in CURES
    )


REPORT = """\
a polynomial through 20 noisy measurements, mean squared error:
  degree  1: training {training_1:.3f}, held out {held_out_1:.3f}
  degree {degree_best:2d}: training {training_best:.3f}, held out {held_out_best:.3f}
  degree 15: training {training_15:.3f}, held out {held_out_15:.3f}
  bias² + variance + noise is within {sum_off:.1%} of what was measured
200 examples, mistakes of {descent_peak} random neurons: {descent_peak_mistakes:.0%}, \
of {descent_last:,}: {descent_last_mistakes:.0%}
300 digits, 30 % of the labels wrong, test accuracy of 5 seeds:
{cures}
search, the best of {tries} recipes: validation {winner_validation:.1%}, \
test {winner_test:.1%}
  the best of 1,000 guessers: 40 scans {guess_seen:.0%}, test {guess_unseen:.0%}"""

if __name__ == "__main__":
    run(main)
