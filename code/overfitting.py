"""Overfitting: a model that has memorised its examples and fails on new ones.

With enough parameters a model fits anything, noise included. What counts is how
it does on examples it has not seen. Every regulariser makes it harder to memorise:
more examples, an earlier end, smaller weights, a little noise, fewer parameters.

Source: Geman, Bienenstock and Doursat, "Neural networks and the bias/variance
dilemma", Neural Computation 4(1), 1992.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.checkpoint import History
from neuronup.command import folder, keep, record, run
from neuronup.images import Images, Name, load, standardised
from neuronup.loaders import Examples, Loader
from neuronup.loop import fit, predict
from neuronup.optimisers import SGD, Adam, AdamW
from neuronup.regularisation import BatchNorm, Dropout, penalised, translate_randomly
from neuronup.seeds import stack
from neuronup.selection import cross_validate, optimism, random_predictions

# --8<-- [start:curve]
NOISE = 0.3  # standard deviation of the noise on every measurement


def true_curve(x: Tensor) -> Tensor:
    """Rise and fall on x (...,) from -1 to 1: the truth behind the measurements."""
    return torch.sin(4 * x + 1)


def measure(x: Tensor, sets: int, drawn: torch.Generator) -> Tensor:
    """Measure the curve at x (n,) many times over, with noise: y (sets, n)."""
    noise = torch.randn(sets, len(x), generator=drawn, dtype=x.dtype, device="cpu")
    return true_curve(x) + NOISE * noise.to(x.device)


# --8<-- [end:curve]
# --8<-- [start:polynomial]
def polynomial(x: Tensor, y: Tensor, degree: int) -> Callable[[Tensor], Tensor]:
    """Fit a polynomial to each row of y (sets, n), measured at x (n,), as a function.

    At places (m,) it predicts (sets, m): a curve for each training set.
    """
    weight = torch.linalg.lstsq(torch.linalg.vander(x, N=degree + 1), y.mT).solution
    return lambda places: (torch.linalg.vander(places, N=degree + 1) @ weight).mT


# --8<-- [end:polynomial]
DEGREES = list(range(1, 16))


def fit_some_sets(seed: int, sets: int = 20) -> dict[str, Any]:
    """Fit three degrees to the same measurements: x (20,), y (sets, 20), the fits."""
    x, places = torch.linspace(-1, 1, 20).double(), torch.linspace(-1, 1, 61).double()
    drawn = torch.Generator().manual_seed(seed)
    y = torch.cat([measure(x, 1, drawn) for _ in range(sets)])
    fits = {degree: polynomial(x, y, degree)(places) for degree in (1, 5, 15)}
    return {"x": x, "y": y, "places": places, "fits": fits}


# --8<-- [start:errors]
class Errors(NamedTuple):
    """Mean squared errors of many fits of one degree, and what they are made of."""

    training: float
    held_out: float
    bias: float  # squared: how far the mean fit is from the truth
    variance: float  # how far the fits are from their mean
    noise: float  # what no model can predict


# --8<-- [end:errors]
# --8<-- [start:decompose]
def decompose(degree: int, seed: int, n: int = 20, sets: int = 2000) -> Errors:
    """Fit many training sets of n measurements; take the held-out error apart."""
    drawn = torch.Generator().manual_seed(seed)
    x, places = (torch.linspace(-1, 1, k, dtype=torch.float64) for k in (n, 201))
    y, fresh = measure(x, sets, drawn), measure(places, sets, drawn)
    predict_at = polynomial(x, y, degree)
    prediction = predict_at(places)  # (sets, 201)
    return Errors(
        training=float((predict_at(x) - y).square().mean()),
        held_out=float((prediction - fresh).square().mean()),
        bias=float((prediction.mean(dim=0) - true_curve(places)).square().mean()),
        variance=float(prediction.var(dim=0, correction=0).mean()),
        noise=NOISE**2,
    )


# --8<-- [end:decompose]
def choose_degree(seed: int, sets: int = 500) -> dict[str, float]:
    """Choose a degree for each training set, by three criteria: the mean error each."""
    drawn, x = torch.Generator().manual_seed(seed), torch.linspace(-1, 1, 20).double()
    y, places = measure(x, sets, drawn), torch.linspace(-1, 1, 201).double()
    # of the 20 measurements, folds leave only 16 to fit
    methods = [partial(polynomial, degree=degree) for degree in DEGREES[:12]]
    fits = [method(x, y) for method in methods]
    truth = true_curve(places)
    true = torch.stack([(f(places) - truth).square().mean(1) for f in fits])
    criteria = {
        "training": torch.stack([(f(x) - y).square().mean(1) for f in fits]),
        "folds": torch.stack([cross_validate(x, y, f, seed) for f in methods]),
        "truth": true,  # (degrees, sets) each
    }
    return {
        name: float(true.gather(0, errors.argmin(0)[None]).mean()) + NOISE**2
        for name, errors in criteria.items()
    }


# --8<-- [start:label_noise]
def corrupt_labels(
    y: Tensor, share: float, classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Give a share of the labels y (n,) another class: new labels, and which (n,)."""
    drawn = torch.Generator().manual_seed(seed)
    wrong = torch.rand(len(y), generator=drawn, device="cpu") < share
    away = torch.randint(1, classes, (len(y),), generator=drawn, device="cpu")
    wrong, away = wrong.to(y.device), away.to(y.device)
    return torch.where(wrong, (y + away) % classes, y), wrong


# --8<-- [end:label_noise]
FEATURE_WIDTHS = [10, 20, 40, 70, 100, 140, 180, 200, 220, 280, 400, 700, 1200, 2000]


def random_features(
    training: Examples, held_out: Examples, width: int, seed: int
) -> list[float]:
    """Fit a layer on `width` random neurons: error rate in training, and held out.

    By least squares; of all weights that fit best it takes the smallest.
    """
    drawn = torch.Generator().manual_seed(seed)
    x, x_new = (part.x.flatten(1).cpu().double() for part in (training, held_out))
    first = torch.randn(x.shape[1], width, generator=drawn).double() / 8
    bias = torch.randn(width, generator=drawn).double()
    hidden, hidden_new = torch.tanh(x @ first + bias), torch.tanh(x_new @ first + bias)
    last = torch.linalg.pinv(hidden) @ one_hot(training.y.cpu()).double()
    return [
        1 - float(accuracy(hidden @ last, training.y.cpu())),
        1 - float(accuracy(hidden_new @ last, held_out.y.cpu())),
    ]


def double_descent(images: Images, seed: int) -> list[list[float]]:
    """Error rates for each width, on 200 examples, 15 % of them mislabelled."""
    x, y = (part[:200] for part in images.train)
    few = Examples(x, corrupt_labels(y, 0.15, len(images.classes), seed)[0])
    return [random_features(few, images.validation, w, seed) for w in FEATURE_WIDTHS]


# --8<-- [start:configuration]
class Configuration(NamedTuple):
    """How to train a network: the examples, the share of wrong labels, regularisers."""

    examples: int = 300
    label_noise: float = 0.3
    hidden: tuple[int, ...] = (128,)
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = False
    translation: bool = False
    patience: int | None = None


MILD = Configuration(l2=0.005, dropout=0.2, translation=True, patience=10)
REGULARISERS = {
    "unregularised": Configuration(),
    "more data": Configuration(examples=900),
    "early stopping": Configuration(patience=5),
    "weight decay (L2)": Configuration(l2=0.05),
    "L1": Configuration(l1=0.005),
    "dropout": Configuration(dropout=0.8),
    "translation": Configuration(translation=True),
    "batch norm": Configuration(batch_norm=True),
    "fewer parameters": Configuration(hidden=(16,)),
    "deeper": Configuration(hidden=(45, 45, 45, 45)),
    "four together": MILD,
    "data + early stop": Configuration(examples=900, patience=5),
    "data + all four": MILD._replace(examples=900),
    "correct labels": Configuration(label_noise=0.0),
}


def build_mlp(configuration: Configuration, inputs: int, classes: int) -> nn.Sequential:
    """Stack the layers of a network from images of so many numbers to logits."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, width in pairwise([inputs, *configuration.hidden]):
        layers += [nn.Linear(before, width)]
        layers += [BatchNorm(width)] if configuration.batch_norm else []
        layers += [nn.ReLU()]
        layers += [Dropout(configuration.dropout)] if configuration.dropout else []
    last = [inputs, *configuration.hidden][-1]
    return nn.Sequential(*layers, nn.Linear(last, classes))


# --8<-- [end:configuration]
# --8<-- [start:train]
class Trained(NamedTuple):
    """A network that was trained by a configuration, and its history."""

    model: nn.Module
    history: History
    examples: Examples  # with the labels that it was given
    wrong: Tensor  # (n,), which of these are wrong


def train(
    configuration: Configuration, images: Images, seed: int, epochs: int
) -> Trained:
    """Train a network by `configuration` on the first of the training images."""
    torch.manual_seed(seed)
    x, y = (part[: configuration.examples] for part in images.train)
    y, wrong = corrupt_labels(y, configuration.label_noise, len(images.classes), seed)
    transform = translate_randomly if configuration.translation else None
    loader = Loader(Examples(x, y), 50, seed, transform)
    model = build_mlp(configuration, x[0].numel(), len(images.classes)).to(x.device)
    history = fit(
        model,
        loader,
        images.validation,
        torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9),
        epochs,
        loss=penalised(model, configuration.l1, configuration.l2),
        patience=configuration.patience,
    )
    return Trained(model, history, loader.examples, wrong)


def is_correct(model: nn.Module, part: Examples) -> Tensor:
    """Say of each example whether the model predicts its label: (n,)."""
    return predict(model, part.x).argmax(dim=1) == part.y


# --8<-- [end:train]
class Comparison(NamedTuple):
    """What configurations came to with one seed, by name."""

    test: dict[str, float]  # accuracy on test images
    memorised: dict[str, float]  # share of the wrong labels that it repeats
    histories: dict[str, History]  # of four configurations
    weights: dict[str, Tensor]  # of these, biases included: (parameters,)


def compare_regularisers(images: Images, seed: int, epochs: int) -> Comparison:
    """Train a network by each configuration; evaluate it on the test images."""
    found = Comparison({}, {}, {}, {})
    for name, configuration in tqdm(REGULARISERS.items(), desc="train", disable=None):
        net = train(configuration, images, seed, epochs)
        found.test[name] = float(is_correct(net.model, images.test).float().mean())
        if net.wrong.any():
            repeated = is_correct(net.model, net.examples)[net.wrong]
            found.memorised[name] = float(repeated.float().mean())
        if name in ("unregularised", "weight decay (L2)", "L1", "correct labels"):
            flat = nn.utils.parameters_to_vector(net.model.parameters()).detach()
            found.histories[name], found.weights[name] = net.history, flat.cpu()
    return found


def decay_under_noise(decoupled: bool, seed: int, decay: float = 0.5) -> Tensor:
    """Shrink two weights from 1, whose gradients are noise: what is left (201, 2).

    The noise on the first is small (0.01), on the second large (10); mean of 500.
    """
    drawn, path = torch.Generator().manual_seed(seed), [torch.ones(500, 2)]
    optimiser: SGD = AdamW(0.01, decay) if decoupled else Adam(0.01)
    for _ in range(200):
        noise = torch.randn(500, 2, generator=drawn) * torch.tensor([0.01, 10.0])
        penalty = 0.0 if decoupled else decay * path[-1]  # its gradient, of L2
        path.append(optimiser.step(path[-1], noise + penalty))
    return torch.stack(path).mean(dim=1)


# --8<-- [start:sample]
def sample_configuration(drawn: torch.Generator) -> Configuration:
    """Sample a configuration: the penalty by its power of ten, the rest evenly."""
    u = torch.rand(4, generator=drawn, device="cpu").tolist()
    return Configuration(
        hidden=(int(16 * 2 ** (4 * u[0])),),  # 16 to 255
        l2=10 ** (-3 + 2 * u[1]),  # 0.001 to 0.1
        dropout=0.9 * u[2],
        translation=u[3] < 0.5,
    )


# --8<-- [end:sample]
class Search(NamedTuple):
    """Configurations that were tried, and which images each classifies correctly."""

    configurations: list[Configuration]
    validation: Tensor  # (tries, n), of bool
    test: Tensor  # (tries, m)


def random_search(images: Images, seed: int, epochs: int, tries: int) -> Search:
    """Try random configurations. A real search would not look at the test images."""
    drawn = torch.Generator().manual_seed(seed)
    configurations = [sample_configuration(drawn) for _ in range(tries)]
    nets = [
        train(configuration, images, seed, epochs).model
        for configuration in tqdm(configurations, desc="search", disable=None)
    ]
    validation, test = (
        torch.stack([is_correct(net, part) for net in nets]).cpu()
        for part in (images.validation, images.test)
    )
    return Search(configurations, validation, test)


Numbers = dict[str, float | str]


def metric_name(name: str) -> str:
    """Return the name of a configuration as part of the name of a metric."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def summarise_curve_fits(errors: list[Errors]) -> Numbers:
    """Boil down the errors of polynomials: of degree 1, the best, and 15."""
    held_out = [each.held_out for each in errors]
    best = held_out.index(min(held_out))
    numbers: Numbers = {"degree_best": DEGREES[best]}
    for name, place in (("1", 0), ("best", best), ("15", -1)):
        numbers[f"training_{name}"] = errors[place].training
        numbers[f"held_out_{name}"] = errors[place].held_out
    return numbers | {
        "bias_1": errors[0].bias,
        "variance_15": errors[-1].variance,
        "noise_15": errors[-1].noise,
        "sum_off": max(abs(sum(e[2:]) / e.held_out - 1) for e in errors),
    }


def summarise_descent(mistakes: Tensor) -> Numbers:
    """Boil down error rates (seeds, widths, 2): first minimum, peak, and end."""
    middle = mistakes.mean(0)[:, 1]
    worst, first = int(middle.argmax()), int(middle[: len(middle) // 2].argmin())
    numbers: Numbers = {}
    for name, place in (("first", first), ("peak", worst), ("last", -1)):
        numbers[f"descent_{name}"] = FEATURE_WIDTHS[place]
        numbers[f"descent_{name}_mistakes"] = float(middle[place])
    return numbers


def summarise_regularisers(
    test: dict[str, Tensor], memorised: dict[str, Tensor], losses: Tensor
) -> Numbers:
    """Boil down shares (seeds,) by name, and mean validation losses (epochs,)."""
    numbers: Numbers = {f"test_{metric_name(n)}": float(test[n].mean()) for n in test}
    for name in ("unregularised", "more data", "batch norm", "fewer parameters"):
        numbers[f"memorised_{metric_name(name)}"] = float(memorised[name].mean())
    names = [name for name in test if name not in ("unregularised", "correct labels")]
    helped = [name for name in names if (test[name] > test["unregularised"]).all()]
    numbers["helped"] = ", ".join(helped)
    numbers["doubtful"] = ", ".join(name for name in names if name not in helped)
    return numbers | {
        "curve_best_epoch": int(losses.argmin()) + 1,
        "curve_best_loss": float(losses.min()),
        "curve_last_loss": float(losses[-1]),
    }


def summarise_search(found: Search) -> Numbers:
    """Describe the configuration that validation chose, and what it is worth."""
    scores = found.validation.double().mean(1)
    winner = int(scores.argmax())
    configuration = found.configurations[winner]
    return {
        "validation": found.validation.shape[1],
        "tries": len(scores),
        "winner_validation": float(scores[winner]),
        "winner_test": float(found.test[winner].double().mean()),
        "winner_hidden": configuration.hidden[0],
        "winner_l2": configuration.l2,
        "winner_dropout": configuration.dropout,
        "winner_translation": "with" if configuration.translation else "without",
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "digits",
    epochs: int = 50,
    tries: int = 20,
    out: Path | None = None,
) -> None:
    """Overfit a curve and a network, regularise it, and search for settings honestly.

    Args:
        seed: Which noise and which images; networks take the next four seeds too.
        device: For networks, float64 on the CPU; on a GPU results differ as with seeds.
        data: The images that the network learns to classify.
        epochs: Passes over the training images, if it is not stopped early.
        tries: How many configurations the search samples.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    errors = [decompose(degree, seed) for degree in DEGREES]
    comparisons, descent = [], []
    for each in tqdm(range(seed, seed + 5), desc="seeds", disable=None):
        images = standardised(load(data, each)).to(used)
        descent.append(double_descent(images, each))
        comparisons.append(compare_regularisers(images, each, epochs))
    mistakes = torch.tensor(descent)
    test = stack([each.test for each in comparisons])
    memorised = stack([each.memorised for each in comparisons])
    runs = [each.histories for each in comparisons]
    histories = {name: stack([run[name] for run in runs]) for name in runs[0]}
    found = random_search(standardised(load(data, seed)).to(used), seed, epochs, tries)
    counts = {
        "random predictions": [1, 3, 10, 30, 100, 300, 1000],
        "trained networks": [n for n in (1, 2, 4, 8, 12, 16, 20) if n <= tries],
    }
    nets = {
        "random predictions": random_predictions(1000, 400, seed),
        "trained networks": (found.validation, found.test),
    }
    curves = {
        name: torch.tensor([optimism(*nets[name], k, 40, seed) for k in counts[name]])
        for name in nets
    }
    losses = histories["unregularised"]["validation_loss"].mean(0)
    decays = {k: decay_under_noise(k == "adamw", seed) for k in ("adam", "adamw")}
    numbers: Numbers = {
        "examples": Configuration().examples,
        "parameters": len(comparisons[0].weights["unregularised"]),
        **summarise_curve_fits(errors),
        **summarise_descent(mistakes),
        **summarise_regularisers(test, memorised, losses),
        **summarise_search(found),
        **{f"choose_{name}": error for name, error in choose_degree(seed).items()},
    }
    for name, scores in zip(("chance", "learned"), curves.values(), strict=True):
        numbers[f"{name}_seen"], numbers[f"{name}_unseen"] = scores[-1].tolist()
    one = curves["trained networks"][0].tolist()  # with one try nothing is chosen
    numbers["learned_one_seen"], numbers["learned_one_unseen"] = one
    for name, path in decays.items():
        numbers[f"{name}_quiet"], numbers[f"{name}_loud"] = path[-1].tolist()
    print(REPORT.format(accuracies=table_rows(test), **numbers))
    if out is not None:
        keep(
            out,
            data=data,
            some_sets=fit_some_sets(seed),
            errors=[each._asdict() for each in errors],
            widths=FEATURE_WIDTHS,
            mistakes=mistakes,
            histories=histories,
            weights=comparisons[0].weights,
            decays=decays,
            test=test,
            memorised=memorised,
            counts=counts,
            curves=curves,
        )
        record(out, seed, used, **numbers)


def table_rows(test: dict[str, Tensor]) -> str:
    """Lay out the test accuracy (seeds,) of each configuration as rows of a table."""
    return "\n".join(
        f"  {name:<18} {float(each.mean()):>6.1%} ± {float(each.std()):.1%}"
        for name, each in test.items()
    )


REPORT = """\
a polynomial through 20 noisy measurements, mean squared error:
  degree  1: training {training_1:.3f}, held out {held_out_1:.3f}
  degree {degree_best:2d}: training {training_best:.3f}, held out {held_out_best:.3f}
  degree 15: training {training_15:.3f}, held out {held_out_15:.3f}
  bias² + variance + noise is within {sum_off:.1%} of what was measured
200 examples, held-out error with {descent_peak} random neurons: \
{descent_peak_mistakes:.0%}, with {descent_last:,}: {descent_last_mistakes:.0%}
300 digits, 30 % of the labels wrong, test accuracy (5 seeds, ± standard deviation):
{accuracies}
search, best of {tries}: validation {winner_validation:.1%}, test {winner_test:.1%}
the best of 1,000 random predictions: 40 validation images {chance_seen:.0%}, \
test {chance_unseen:.0%}"""

if __name__ == "__main__":
    run(main)
