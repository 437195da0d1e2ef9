"""A loss is one number that says how wrong a prediction is.

Learning lowers the mean of it, and looks at nothing else. So the shape of the
loss decides what a model cares about: an outlier, a confident mistake, a ratio.

Source: Huber, "Robust estimation of a location parameter", Annals of
Mathematical Statistics 35(1), 1964; Kullback and Leibler, "On information and
sufficiency", Annals of Mathematical Statistics 22(1), 1951.
"""

from collections.abc import Callable
from math import log
from pathlib import Path

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.command import folder, keep, record, run
from neuronup.digits import Split, train_test_digits
from neuronup.one_hot import most_likely, one_hot
from neuronup.seeds import stack


# --8<-- [start:regression]
def squared(prediction: Tensor, y: Tensor) -> Tensor:
    """Square the errors of prediction (...,) against y (...,): their mean is MSE."""
    return (prediction - y) ** 2


def absolute(prediction: Tensor, y: Tensor) -> Tensor:
    """Take the size of each error of prediction (...,) against y (...,), for MAE."""
    return (prediction - y).abs()


def huber(prediction: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Square the errors up to `delta`, and go straight on from there: (...,)."""
    error = (prediction - y).abs()
    near = error.clamp(max=delta)
    return near * (error - near / 2)


def squared_log(prediction: Tensor, y: Tensor) -> Tensor:
    """Square the errors of ln(1 + prediction) against ln(1 + y): their mean is MSLE."""
    return (torch.log1p(prediction) - torch.log1p(y)) ** 2


# --8<-- [end:regression]
# --8<-- [start:frame]
ElementwiseLoss = Callable[[Tensor, Tensor], Tensor]


def empirical_loss(loss: ElementwiseLoss, prediction: Tensor, y: Tensor) -> Tensor:
    """Average a loss over n examples, prediction (n, ...), y (n, ...): one number."""
    return loss(prediction, y).mean()


def derivative(
    loss: ElementwiseLoss, prediction: Tensor, y: Tensor, step: float = 1e-3
) -> Tensor:
    """Nudge each prediction (...,) up and down: how fast its loss changes, (...,)."""
    return (loss(prediction + step, y) - loss(prediction - step, y)) / (2 * step)


# --8<-- [end:frame]
# --8<-- [start:minimum]
def find_minimum(risk: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Find parameters (k,) where `risk` is lowest, by trying points around `start`."""
    from scipy.optimize import minimize  # here, since it takes a while to load

    def risk_at(theta: list[float]) -> float:
        return float(risk(torch.tensor(theta).to(start)))

    steps = torch.diag((start.abs() / 20).clamp(min=1))
    around = torch.cat([start[None], start + steps]).tolist()  # never all in one place
    options = {"initial_simplex": around, "xatol": 1e-3, "fatol": 1e-6, "maxiter": 2000}
    found = minimize(risk_at, start.tolist(), method="Nelder-Mead", options=options)
    return torch.tensor(found.x).to(start)


def line(theta: Tensor, x: Tensor) -> Tensor:
    """Predict for x (n,) by a line theta (2,), its weight and its bias: (n,)."""
    return theta[0] * x + theta[1]


def fit(loss: ElementwiseLoss, x: Tensor, y: Tensor) -> Tensor:
    """Find the line theta (2,) with the lowest mean loss on x (n,), y (n,)."""
    start = torch.stack([y.std(), y.median()])
    return find_minimum(lambda theta: empirical_loss(loss, line(theta, x), y), start)


# --8<-- [end:minimum]
# --8<-- [start:broken]
def naive_softmax(z: Tensor) -> Tensor:
    """Turn logits z (..., K) into probabilities, as the formula says."""
    return torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True)


def naive_cross_entropy(z: Tensor, p: Tensor) -> Tensor:
    """Compare logits z (..., K) with p (..., K), as the formula says: (...,)."""
    return -(p * naive_softmax(z).log()).sum(dim=-1)


# --8<-- [end:broken]
# --8<-- [start:stable]
def log_sum_exp(z: Tensor) -> Tensor:
    """Take the logarithm of the sum of exp(z), z (..., K), with no overflow: (...,)."""
    top = z.amax(dim=-1, keepdim=True)
    return top.squeeze(-1) + torch.exp(z - top).sum(dim=-1).log()


def log_softmax(z: Tensor) -> Tensor:
    """Turn logits z (..., K) into the logarithms of K probabilities: (..., K)."""
    below = z - z.amax(dim=-1, keepdim=True)  # at most 0: no digit is lost in the sum
    return below - log_sum_exp(below).unsqueeze(-1)


# --8<-- [end:stable]
# --8<-- [start:binary]
def binary_cross_entropy(z: Tensor, y: Tensor) -> Tensor:
    """Say how surprising y (...,) of 0 or 1 is to the logits z (...,): (...,)."""
    return log_sum_exp(torch.stack([torch.zeros_like(z), z], dim=-1)) - y * z


def hinge(z: Tensor, y: Tensor) -> Tensor:
    """Say how much z (...,) lacks to 1 on the side of y (...,) of -1 or +1: (...,)."""
    return (1 - y * z).clamp(min=0)


# --8<-- [end:binary]
# --8<-- [start:multiclass]
def cross_entropy(z: Tensor, p: Tensor) -> Tensor:
    """Say how surprising draws from p (..., K) are to the logits z (..., K): (...,)."""
    return -(p * log_softmax(z)).sum(dim=-1)


def negative_log_likelihood(z: Tensor, label: Tensor) -> Tensor:
    """Pick minus the log-probability of label (...,) from logits z (..., K): (...,)."""
    return -log_softmax(z).gather(-1, label.unsqueeze(-1)).squeeze(-1)


def entropy(p: Tensor) -> Tensor:
    """Say how surprising draws from p (..., K) are to one who knows p: (...,)."""
    return -torch.xlogy(p, p).sum(dim=-1)  # 0 log 0 counts as 0


def kl_divergence(z: Tensor, p: Tensor) -> Tensor:
    """Say how far logits z (..., K) are from p (..., K), 0 if they agree: (...,)."""
    return cross_entropy(z, p) - entropy(p)


# --8<-- [end:multiclass]
# --8<-- [start:patients]
def patients(seed: int) -> Split:
    """Load patients: body-mass index x (n,), diabetes a year later y (n,), twice.

    First the 70 % to train on, as `seed` shuffles them; then those held out.
    One unit of x is five index points, and 0 is an index of 25.
    """
    data = load_diabetes(scaled=False)
    x = torch.tensor((data.data[:, 2] - 25) / 5, dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32)
    shuffled = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=shuffled)
    training, held_out = order.tensor_split([len(x) * 7 // 10])
    return Split(x[training], y[training], x[held_out], y[held_out])


def misprint(x: Tensor, y: Tensor, times: float) -> Tensor:
    """Copy y (n,), but with the value at the largest x (n,) multiplied by `times`."""
    corrupted = y.clone()
    corrupted[x.argmax()] *= times
    return corrupted


# --8<-- [end:patients]
def above_median(y: Tensor) -> Tensor:
    """Label values y (n,) with 1 where they are above their median, else 0: (n,)."""
    return (y > y.median()).to(y)


LOSSES: dict[str, ElementwiseLoss] = {
    "squared": squared,
    "Huber": lambda prediction, y: huber(prediction, y, delta=50),
    "absolute": absolute,
    "squared log": lambda prediction, y: squared_log(prediction.clamp(min=0), y),
}
TIMES = (1, 2, 5, 10, 20, 50, 100)


def fit_each(x: Tensor, y: Tensor, times: float) -> dict[str, Tensor]:
    """Fit a line (2,) by each loss to x (n,), y (n,), with one value misprinted."""
    return {name: fit(loss, x, misprint(x, y, times)) for name, loss in LOSSES.items()}


def held_out_errors(seed: int, device: torch.device) -> dict[str, list[float]]:
    """Fit lines while one value of the training set grows: held-out mean errors."""
    x, y, x_test, y_test = patients(seed).to(device)
    fits = [fit_each(x, y, times) for times in TIMES]
    return {
        name: [
            float(empirical_loss(absolute, line(thetas[name], x_test), y_test))
            for thetas in fits
        ]
        for name in LOSSES
    }


# --8<-- [start:layer]
class SoftmaxLayer:
    """Logistic regression for K classes: a neuron for each, trained together."""

    def __init__(
        self, in_features: int, classes: int, device: torch.device | None = None
    ) -> None:
        self.weight = torch.zeros(classes, in_features, device=device)
        self.bias = torch.zeros(classes, device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """Give x (..., in_features) its logits (..., classes)."""
        return x @ self.weight.T + self.bias

    def gradient_step(self, x: Tensor, p: Tensor, rate: float) -> None:
        """Take a step down the gradient of mean cross-entropy on x (n, d), p (n, K)."""
        error = p - log_softmax(self(x)).exp()  # (n, K), between -1 and 1
        self.weight += rate * error.T @ x / len(x)
        self.bias += rate * error.mean(dim=0)


# --8<-- [end:layer]
def train_on_digits(
    seed: int, steps: int, device: torch.device
) -> tuple[SoftmaxLayer, dict[str, float]]:
    """Train a layer on digits; measure its losses on the way, and on single images."""
    x, digit, x_test, digit_test = train_test_digits(seed).to(device)
    layer = SoftmaxLayer(64, 10, device)
    p, p_test = one_hot(digit, 10), one_hot(digit_test, 10)
    numbers: dict[str, float] = {
        "images": len(x),
        "images_held_out": len(x_test),
        "steps": steps,
        "untrained": float(empirical_loss(cross_entropy, layer(x), p)),
    }
    for name, until in (("half", steps // 2), ("end", steps - steps // 2)):
        for _ in tqdm(range(until), desc="digits", disable=None):
            layer.gradient_step(x, p, rate=1.0)
        z = layer(x_test)
        numbers[f"{name}_loss"] = float(empirical_loss(cross_entropy, z, p_test))
        numbers[f"{name}_accuracy"] = float(accuracy(z, digit_test))
    losses = cross_entropy(z, p_test)
    worst = int(losses.argmax())
    return layer, numbers | {
        "worst_loss": float(losses[worst]),
        "worst_digit": int(digit_test[worst]),
        "worst_prediction": int(most_likely(z[worst])),
        "worst_given": float(torch.exp(-losses[worst])),
        "typical_loss": float(losses.median()),
    }


def summary(
    errors: dict[str, Tensor], seed: int, device: torch.device
) -> dict[str, float]:
    """Boil down the misprint, errors (seeds, times), and what else the page tells."""
    x, y, x_test, y_test = patients(seed).to(device)
    theta = fit(squared, x, y)
    numbers: dict[str, float] = {
        "patients": len(y) + len(y_test),
        "ours": len(y),
        "held_out": len(y_test),
        "seeds": len(next(iter(errors.values()))),
        "mean": float(y.mean()),
        "median": float(y.median()),
        "weight": float(theta[0]),
        "bias": float(theta[1]),
        "risk": float(empirical_loss(squared, line(theta, x), y)),
        "risk_held_out": float(empirical_loss(squared, line(theta, x_test), y_test)),
        "spoiled_from": float(y[x.argmax()]),
    }
    for name, loss in LOSSES.items():
        key = name.replace(" ", "_")

        def risk(theta: Tensor, loss: ElementwiseLoss = loss) -> Tensor:
            return empirical_loss(loss, theta.expand_as(y), y)

        numbers[f"constant_{key}"] = float(find_minimum(risk, y.median()[None]))
        mean = errors[name].mean(0)
        numbers[f"clean_{key}"] = float(mean[0])
        numbers[f"ten_{key}"] = float(mean[TIMES.index(10)])
        numbers[f"hundred_{key}"] = float(mean[-1])
    return numbers


def extremes() -> dict[str, str | float]:
    """Ask both softmaxes, and both cross-entropies, for more than exp can do."""
    z, p = torch.tensor([[1000.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    return {
        "exp_88": float(torch.exp(torch.tensor(88.0))),
        "exp_89": str(float(torch.exp(torch.tensor(89.0)))),  # JSON has no infinity
        "naive": str(naive_softmax(z)[0].tolist()),
        "stable": str(log_softmax(z).exp()[0].tolist()),
        "naive_loss": str(float(naive_cross_entropy(z, p))),
        "stable_loss": float(cross_entropy(z, p)),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    seeds: int = 10,
    steps: int = 1000,
    out: Path | None = None,
) -> None:
    """Fit lines by four losses, with one misprint and without; then classify digits.

    Args:
        seed: Which patients and images are held out; the misprint takes the next too.
        device: Where to compute; the lines to draw, and what exp can do, on the CPU.
        seeds: Over how many splits of the patients the held-out errors are averaged.
        steps: How many steps of gradient descent the layer takes on the digits.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    splits = tqdm(range(seed, seed + seeds), desc="misprint", disable=None)
    errors = stack([held_out_errors(each, used) for each in splits])
    layer, digits = train_on_digits(seed, steps, used)
    numbers = {**summary(errors, seed, used), **digits, **extremes()}
    print(REPORT.format(**numbers, ln_10=log(10)))
    if out is not None:
        x, y, _, _ = patients(seed)
        keep(
            out,
            seed=seed,
            errors=errors,
            lines={times: fit_each(x, y, times) for times in (1, 10)},
            classifier=fit(binary_cross_entropy, x, above_median(y)),
            layer=(layer.weight.cpu(), layer.bias.cpu()),
        )
        record(out, seed, used, **numbers)


REPORT = """\
the best constant for {ours} patients (mean {mean:.1f}, median {median:.1f}):
  squared {constant_squared:.1f}, absolute {constant_absolute:.1f}, \
Huber {constant_Huber:.1f}, squared log {constant_squared_log:.1f}
a line by body-mass index, held-out mean error over {seeds} splits:
               as measured   one value x 10   x 100
  squared      {clean_squared:11.1f}   {ten_squared:14.1f}   {hundred_squared:5.1f}
  Huber        {clean_Huber:11.1f}   {ten_Huber:14.1f}   {hundred_Huber:5.1f}
  absolute     {clean_absolute:11.1f}   {ten_absolute:14.1f}   {hundred_absolute:5.1f}
  squared log  {clean_squared_log:11.1f}   {ten_squared_log:14.1f}   \
{hundred_squared_log:5.1f}
softmax of 1000 and 0: naive {naive}, stable {stable}
cross-entropy if the second is true: naive {naive_loss}, stable {stable_loss}
digits, cross-entropy before training {untrained:.3f} (ln 10 = {ln_10:.3f})
  held-out {half_loss:.3f} half-way (accuracy {half_accuracy:.1%}), \
{end_loss:.3f} after {steps:,} steps ({end_accuracy:.1%})"""

if __name__ == "__main__":
    run(main)
