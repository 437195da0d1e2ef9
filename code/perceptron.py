"""The perceptron: a line that moves only when it is wrong.

A neuron labels a point +1 or -1 by the side of a line it falls on. When it
misclassifies a point, it adds that point, times its true label, to its weights.
If some line splits the two classes, the mistakes come to an end.

Source: Rosenblatt, "The perceptron: a probabilistic model for information
storage and organization in the brain", Psychological Review 65(6), 1958.
"""

from itertools import combinations
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.command import folder, keep, record, run
from neuronup.digits import train_test_digits
from neuronup.seeds import stack
from neuronup.xor import lift, xor


# --8<-- [start:model]
class Perceptron:
    """One neuron with a hard threshold."""

    def __init__(self, in_features: int, device: torch.device | None = None) -> None:
        self.weight = torch.zeros(in_features, device=device)
        self.bias = torch.zeros((), device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        return torch.where(x @ self.weight + self.bias > 0, 1.0, -1.0)

    def learn(self, x: Tensor, y: Tensor) -> bool:
        """Correct one point x (in_features,), y () if misclassified; say if it was."""
        misclassified = bool(self(x) != y)
        if misclassified:
            self.weight += y * x
            self.bias += y
        return misclassified


# --8<-- [end:model]
# --8<-- [start:fit]
def fit(model: "Learner", x: Tensor, y: Tensor, epochs: int) -> list[int]:
    """Pass over x (n, d), y (n,) until a pass is clean; list the mistakes by pass."""
    mistakes = []
    for _ in range(epochs):
        mistakes.append(sum(model.learn(xi, yi) for xi, yi in zip(x, y, strict=True)))
        if mistakes[-1] == 0:
            break
    return mistakes


# --8<-- [end:fit]
# --8<-- [start:bound]
def mistake_bound(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> float:
    """Allow (R / margin)^2 mistakes on x (n, d), y (n,), by a line that splits them.

    Raises ValueError if it does not.
    """
    x1 = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (n, d + 1)
    w1 = torch.cat([weight, bias.reshape(1)])  # the bias is one more weight
    margin = (y * (x1 @ w1)).min() / w1.norm()
    if not margin > 0:  # not a number either, when the weights are all zero
        raise ValueError("This line does not split the classes, so it bounds nothing.")
    return float((x1.norm(dim=1).max() / margin) ** 2)


# --8<-- [end:bound]
# --8<-- [start:separable]
def separable(x: Tensor, y: Tensor) -> bool:
    """Say whether any hyperplane splits x (n, d), y (n,), by a linear program.

    Raises RuntimeError if the program gives up.
    """
    from scipy.optimize import linprog  # slow to import, and needed only here

    x1 = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (n, d + 1)
    rows = -y[:, None] * x1  # each row times w is to be <= -1
    inequalities = rows.cpu().double().numpy()
    any_goal, limits = [0.0] * x1.shape[1], [-1.0] * len(x)
    result = linprog(any_goal, inequalities, limits, bounds=(None, None))
    if result.status not in (0, 2):  # 0: found, 2: there is none
        raise RuntimeError(result.message)
    return bool(result.status == 0)


def maximum_margin(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Find the weights (d,), bias () of widest margin by a support-vector machine."""
    from sklearn.svm import SVC  # slow to import, and needed only here

    machine = SVC(kernel="linear", C=1e6).fit(x.cpu(), y.cpu())
    weight, bias = machine.coef_[0], machine.intercept_[0]
    return torch.tensor(weight).to(x), torch.tensor(bias).to(x)


# --8<-- [end:separable]
# --8<-- [start:soft]
class LogisticRegression:
    """One neuron with a sigmoid: it is wrong by degrees."""

    def __init__(self, in_features: int, device: torch.device | None = None) -> None:
        self.weight = torch.zeros(in_features, device=device)
        self.bias = torch.zeros((), device=device)

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        return torch.where(self.probability(x) > 0.5, 1.0, -1.0)

    def probability(self, x: Tensor) -> Tensor:
        """Say how likely +1 is at x (..., in_features): (...,) between 0 and 1."""
        return 1 / (1 + torch.exp(-(x @ self.weight + self.bias)))

    def gradient_step(self, x: Tensor, y: Tensor, rate: float) -> None:
        """Step against the gradient of the mean cross-entropy of x (n, d), y (n,)."""
        error = (y + 1) / 2 - self.probability(x)  # (n,), between -1 and 1
        self.weight += rate * (error @ x) / len(x)
        self.bias += rate * error.mean()


# --8<-- [end:soft]
# --8<-- [start:kernel]
class KernelPerceptron:
    """A perceptron on many features, none computed: it compares with past mistakes."""

    def __init__(
        self, in_features: int, degree: int, device: torch.device | None = None
    ) -> None:
        self.points = torch.zeros(0, in_features, device=device)
        self.labels = torch.zeros(0, device=device)
        self.degree = degree

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        kernel = (1 + x @ self.points.T) ** self.degree  # (..., points kept)
        return torch.where(kernel @ self.labels > 0, 1.0, -1.0)

    def learn(self, x: Tensor, y: Tensor) -> bool:
        """Keep one point x (in_features,), y () if misclassified; say if it was."""
        misclassified = bool(self(x) != y)
        if misclassified:
            self.points = torch.cat([self.points, x[None]])
            self.labels = torch.cat([self.labels, y[None]])
        return misclassified


Learner = Perceptron | KernelPerceptron


# --8<-- [end:kernel]
# --8<-- [start:data]
def select_pair(x: Tensor, digit: Tensor, a: int, b: int) -> tuple[Tensor, Tensor]:
    """Keep the images of two digits: x (m, 64), and y (m,) of +1 for a, -1 for b."""
    kept = (digit == a) | (digit == b)
    return x[kept], torch.where(digit[kept] == a, 1.0, -1.0)


# --8<-- [end:data]
# --8<-- [start:features]
def two_features(x: Tensor) -> Tensor:
    """Reduce images x (n, 64) to (n, 2): intensity in the middle, and top-heaviness."""
    image = x.reshape(-1, 8, 8)
    middle = image[:, 3:5, 3:5].mean(dim=(1, 2))
    above, below = image[:, :4].mean(dim=(1, 2)), image[:, 4:].mean(dim=(1, 2))
    return torch.stack([middle, above - below], dim=1)


# --8<-- [end:features]
Pairs = dict[tuple[int, int], dict[str, float]]


def train_pairs(seed: int, device: torch.device) -> Pairs:
    """Train a perceptron for each pair of digits; say what it took, and came to."""
    x, digit, x_test, digit_test = train_test_digits(seed).to(device)
    results = {}
    for a, b in tqdm(list(combinations(range(10), 2)), desc="pairs", disable=None):
        (x_pair, y_pair), model = select_pair(x, digit, a, b), Perceptron(64, device)
        others, labels = select_pair(x_test, digit_test, a, b)
        mistakes = fit(model, x_pair, y_pair, epochs=1000)
        line = maximum_margin(x_pair, y_pair)
        results[a, b] = {
            "a": a,
            "b": b,
            "mistakes": sum(mistakes),
            "allowed": mistake_bound(x_pair, y_pair, *line),
            "split": mistakes[-1] == 0,
            "split_flat": separable(two_features(x_pair), y_pair),
            "accuracy": float(accuracy(model(others), labels)),
        }
    return results


def pair_accuracy(a: int, b: int, seed: int, device: torch.device) -> float:
    """Train a perceptron on digits a and b; return its accuracy on test images."""
    x, digit, x_test, digit_test = train_test_digits(seed).to(device)
    model = Perceptron(64, device)
    fit(model, *select_pair(x, digit, a, b), epochs=1000)
    others, labels = select_pair(x_test, digit_test, a, b)
    return float(accuracy(model(others), labels))


def one_against_rest(
    digit: int, seed: int, epochs: int, device: torch.device
) -> dict[str, list[float]]:
    """Train three neurons on `digit` against the others; list results by epoch.

    They are test accuracies, also of predicting always that it is not `digit`
    ("never"), and how many points the kernel perceptron keeps ("kernel_points").
    """
    x, digits, x_test, digits_test = train_test_digits(seed).to(device)
    y, y_test = (torch.where(d == digit, 1.0, -1.0) for d in (digits, digits_test))
    kernel = KernelPerceptron(64, degree=2, device=device)
    logistic, perceptron = LogisticRegression(64, device), Perceptron(64, device)
    models: dict[str, Learner | LogisticRegression]
    models = {"kernel": kernel, "logistic": logistic, "perceptron": perceptron}
    results: dict[str, list[float]] = {name: [] for name in models}
    results |= {"never": [], "kernel_points": []}
    for _ in range(epochs):
        fit(perceptron, x, y, epochs=1)
        fit(kernel, x, y, epochs=1)
        for xb, yb in zip(x.split(32), y.split(32), strict=True):
            logistic.gradient_step(xb, yb, rate=1.0)
        for name, model in models.items():
            results[name].append(float(accuracy(model(x_test), y_test)))
        results["never"].append(float((y_test < 0).float().mean()))
        results["kernel_points"].append(float(len(kernel.points)))
    return results


def trace_lines(x: Tensor, y: Tensor, epochs: int = 100) -> Tensor:
    """Train on x (n, d), y (n,); list the line after each mistake: (m, d + 1)."""
    model, lines = Perceptron(x.shape[1], x.device), []
    for xi, yi in zip(x.repeat(epochs, 1), y.repeat(epochs), strict=True):
        if model.learn(xi, yi):
            lines.append(torch.cat([model.weight, model.bias.reshape(1)]))
    return torch.stack(lines)


def trained_weights(seed: int, device: torch.device) -> dict[str, Tensor]:
    """Train the neurons whose weights are drawn: 0 and 8, 3 and 8, XOR lifted."""
    x, digit, _, _ = train_test_digits(seed).to(device)
    zeros_and_eights, sides = select_pair(x, digit, 0, 8)
    model = Perceptron(64, device)
    fit(model, *select_pair(x, digit, 3, 8), epochs=1000)
    points, labels = (each.to(device) for each in xor())
    weight, bias = maximum_margin(lift(points), labels)
    weights = {
        "lines": trace_lines(two_features(zeros_and_eights), sides),
        "three_or_eight": model.weight,
        "xor_line": torch.cat([weight, bias.reshape(1)]),
    }
    return {name: each.cpu() for name, each in weights.items()}


def summary(
    pairs: Pairs, rest: dict[str, Tensor], seed: int, device: torch.device
) -> dict[str, float]:
    """Summarise all pairs, results (seeds, epochs) of 8 and the rest, and XOR."""
    from scipy.stats import spearmanr  # slow to import, and needed only here

    ordered = sorted(pairs.values(), key=lambda each: each["mistakes"])
    made, allowed = ([each[key] for each in ordered] for key in ("mistakes", "allowed"))
    x, _, _, digit_test = train_test_digits(seed)
    three_eight = [pair_accuracy(3, 8, each, device) for each in range(seed, seed + 5)]
    points, sides = (each.to(device) for each in xor())
    flat = fit(Perceptron(2, device), points, sides, epochs=1000)
    mapped = fit(KernelPerceptron(2, 2, device), points, sides, epochs=1000)
    numbers = {
        "training_images": len(x),
        "held_out": len(digit_test),
        "pairs": len(ordered),
        "split": sum(each["split"] for each in ordered),
        "split_flat": sum(each["split_flat"] for each in ordered),
        "pairs_accuracy": sum(each["accuracy"] for each in ordered) / len(ordered),
        "three_eight_mistakes": pairs[3, 8]["mistakes"],
        "three_eight_accuracy": sum(three_eight) / len(three_eight),
        "three_eight_low": min(three_eight),
        "three_eight_high": max(three_eight),
        "bound_rank": float(spearmanr(made, allowed).statistic),
        "xor_passes": len(flat),
        "xor_last": flat[-1],
        "xor_lift": sum(fit(Perceptron(3, device), lift(points), sides, epochs=1000)),
        "xor_kernel": sum(mapped),
    }
    for name, extreme in (("easy", ordered[0]), ("hard", ordered[-1])):
        for key in ("a", "b", "mistakes", "allowed"):
            numbers[f"{name}_{key}"] = extreme[key]
    for name, results in rest.items():
        numbers[f"rest_{name}"] = float(results[:, -1].mean())
    for name in ("logistic", "perceptron"):
        change = rest[name][:, -10:].diff().abs().mean()  # from one pass to the next
        numbers[f"fluctuation_{name}"] = float(change) * 100  # in percentage points
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "cpu",
    epochs: int = 40,
    out: Path | None = None,
) -> None:
    """Let one neuron tell digits apart: each pair, then 8 from the rest; then XOR.

    Args:
        seed: Which images are held out; 3 and 8, and 8 and the rest, take the next
            four seeds too.
        device: Where to compute, one example after another, for which a GPU takes
            longer. SciPy and scikit-learn look for lines on the CPU.
        epochs: Passes over 8 and the rest, which no line splits.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    pairs = train_pairs(seed, used)
    seeds = tqdm(range(seed, seed + 5), desc="8 and the rest", disable=None)
    rest = stack([one_against_rest(8, each, epochs, used) for each in seeds])
    numbers = summary(pairs, rest, seed, used)
    print(REPORT.format(**numbers))
    if out is not None:
        weights = trained_weights(seed, used)
        keep(out, seed=seed, pairs=pairs, rest=rest, **weights)
        record(out, seed, used, **numbers)


REPORT = """\
{split} of {pairs} pairs of digits: a hyperplane splits training images of 64 pixels
{split_flat} of {pairs} pairs of digits: a line splits them by two features
fewest mistakes: {easy_a} and {easy_b}, {easy_mistakes} of {easy_allowed:.0f} allowed
most mistakes: {hard_a} and {hard_b}, {hard_mistakes} of {hard_allowed:.0f} allowed
held-out images classified correctly: {pairs_accuracy:.1%}, mean of all pairs
  3 and 8, five splits of the data: {three_eight_low:.1%} to {three_eight_high:.1%}
8 against the rest, held-out images, means over 5 splits of the data:
  perceptron {rest_perceptron:.1%}, logistic regression {rest_logistic:.1%}
  kernel perceptron {rest_kernel:.1%}, with {rest_kernel_points:.0f} points kept
  (always to predict "not 8": {rest_never:.1%})
XOR: {xor_last} mistakes in pass {xor_passes}
  with the product as a feature, clean after {xor_lift} mistakes
  with a kernel, clean after {xor_kernel} mistakes"""

if __name__ == "__main__":
    run(main)
