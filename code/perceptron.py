"""The perceptron: a line that moves only when it is wrong.

A neuron labels a point +1 or -1 by the side of a line it falls on. When it
misreads a point, it adds that point, times its true label, to its weights.
If some line splits the two classes, the mistakes come to an end.

Source: Rosenblatt, "The perceptron: a probabilistic model for information
storage and organization in the brain", Psychological Review 65(6), 1958.
"""

# --8<-- [start:imports]
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.optimize import linprog
from sklearn.datasets import load_digits
from sklearn.svm import SVC
from torch import Tensor
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run
from figures import BLUE, FAINT, INK, ORANGE


# --8<-- [start:model]
class Perceptron:
    """One neuron with a hard threshold."""

    def __init__(self, in_features: int) -> None:
        self.weight = torch.zeros(in_features)
        self.bias = torch.zeros(())

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        return torch.where(x @ self.weight + self.bias > 0, 1.0, -1.0)

    def learn(self, x: Tensor, y: Tensor) -> bool:
        """Correct one point x (in_features,), y () if it is misread; say whether it was."""
        misread = bool(self(x) != y)
        if misread:
            self.weight += y * x
            self.bias += y
        return misread


# --8<-- [end:model]
# --8<-- [start:fit]
def fit(model: "Perceptron | KernelPerceptron", x: Tensor, y: Tensor, epochs: int) -> list[int]:
    """Pass over x (n, d), y (n,) until a pass is clean; return the mistakes of each pass."""
    mistakes = []
    for _ in range(epochs):
        mistakes.append(sum(model.learn(xi, yi) for xi, yi in zip(x, y, strict=True)))
        if mistakes[-1] == 0:
            break
    return mistakes


# --8<-- [end:fit]
# --8<-- [start:bound]
def bound(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> float:
    """Novikoff's limit (R / margin)^2 on the mistakes, from any line that splits x (n, d), y (n,).

    Raises ValueError if the line does not split them.
    """
    x1 = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)  # (n, d + 1): the bias is one more weight
    w1 = torch.cat([weight, bias.reshape(1)])
    margin = (y * (x1 @ w1)).min() / w1.norm()
    if margin <= 0:
        raise ValueError("This line does not split the classes, so it bounds nothing.")
    return float((x1.norm(dim=1).max() / margin) ** 2)


# --8<-- [end:bound]
# --8<-- [start:separable]
def separable(x: Tensor, y: Tensor) -> bool:
    """Whether any line at all splits x (n, d), y (n,): a linear program finds one or proves there is none."""
    x1 = np.column_stack([x.cpu().double(), np.ones(len(x))])
    y1 = y.cpu().numpy()[:, None]
    program = linprog(np.zeros(x1.shape[1]), A_ub=-y1 * x1, b_ub=-np.ones(len(x)), bounds=(None, None))
    return bool(program.status == 0)


def widest(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The line with the widest margin: weight (d,) and bias () of a hard support-vector machine."""
    machine = SVC(kernel="linear", C=1e6).fit(x.cpu(), y.cpu())
    return torch.tensor(machine.coef_[0]).to(x), torch.tensor(machine.intercept_[0]).to(x)


# --8<-- [end:separable]
# --8<-- [start:soft]
class SoftNeuron(Perceptron):
    """The same neuron with a slope for a threshold: it is wrong by degrees, and learns by degrees."""

    def probability(self, x: Tensor) -> Tensor:
        """Say how likely label +1 is for points x (..., in_features): (...,) between 0 and 1."""
        return 1 / (1 + torch.exp(-(x @ self.weight + self.bias)))

    def descend(self, x: Tensor, y: Tensor, rate: float) -> None:
        """Take one step downhill on the cross-entropy of all points x (n, d), y (n,)."""
        error = (y + 1) / 2 - self.probability(x)  # (n,), between -1 and 1
        self.weight += rate * (error @ x) / len(x)
        self.bias += rate * error.mean()


# --8<-- [end:soft]
# --8<-- [start:kernel]
class KernelPerceptron:
    """A perceptron in a space it never visits: it keeps the points it misread, and compares new ones with them."""

    def __init__(self, in_features: int, degree: int) -> None:
        self.points, self.labels = torch.zeros(0, in_features), torch.zeros(0)
        self.degree = degree

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        kernel = (1 + x @ self.points.T) ** self.degree  # (..., kept): inner products of all monomials up to `degree`
        return torch.where(kernel @ self.labels > 0, 1.0, -1.0)

    def learn(self, x: Tensor, y: Tensor) -> bool:
        """Keep one point x (in_features,), y () if it is misread; say whether it was."""
        misread = bool(self(x) != y)
        if misread:
            self.points = torch.cat([self.points, x[None]])
            self.labels = torch.cat([self.labels, y[None]])
        return misread


# --8<-- [end:kernel]
# --8<-- [start:activations]
def sigmoid(z: Tensor) -> Tensor:
    """Squash any z into (0, 1)."""
    return 1 / (1 + torch.exp(-z))


def softmax(z: Tensor) -> Tensor:
    """Turn scores z (..., k) into k probabilities that add up to 1."""
    e = torch.exp(z - z.amax(dim=-1, keepdim=True))  # the largest exponent is 0: exp cannot overflow
    return e / e.sum(dim=-1, keepdim=True)


def maxout(z: Tensor) -> Tensor:
    """Pass on the largest of the k sums z (..., k) of one neuron: (...,)."""
    return z.amax(dim=-1)


ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {  # and their derivatives
    "step": (lambda z: (z > 0).to(z), torch.zeros_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (lambda z: 2 * sigmoid(2 * z) - 1, lambda z: 4 * sigmoid(2 * z) * (1 - sigmoid(2 * z))),
    "ReLU": (lambda z: z.clamp(min=0), lambda z: (z > 0).to(z)),
    "leaky ReLU": (lambda z: torch.where(z > 0, z, 0.01 * z), lambda z: torch.where(z > 0, 1.0, 0.01)),
    "ELU": (lambda z: torch.where(z > 0, z, torch.expm1(z)), lambda z: torch.where(z > 0, 1.0, torch.exp(z))),
}


# --8<-- [end:activations]
# --8<-- [start:data]
def scans(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load 1,797 scanned digits: x (n, 64) from 0 (paper) to 1 (ink) and digit (n,), twice.

    The first 70 %, shuffled by `seed`, are to learn from; the rest is held out.
    """
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(seed), device="cpu")
    x, digit = torch.tensor(digits.data / 16, dtype=torch.float32)[order], torch.tensor(digits.target)[order]
    n = len(x) * 7 // 10
    return x[:n], digit[:n], x[n:], digit[n:]


def duel(x: Tensor, digit: Tensor, a: int, b: int) -> tuple[Tensor, Tensor]:
    """Keep the scans of two digits: x (m, 64), and y (m,) of +1 for `a` and -1 for `b`."""
    kept = (digit == a) | (digit == b)
    return x[kept], torch.where(digit[kept] == a, 1.0, -1.0)


def two_features(x: Tensor) -> Tensor:
    """Boil scans x (n, 64) down to (n, 2): ink in the four middle pixels, and ink above minus ink below the middle."""
    image = x.reshape(-1, 8, 8)
    return torch.stack([image[:, 3:5, 3:5].mean((1, 2)), image[:, :4].mean((1, 2)) - image[:, 4:].mean((1, 2))], dim=1)


XOR = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]), torch.tensor([-1.0, 1.0, 1.0, -1.0])


def lift(x: Tensor) -> Tensor:
    """Map points x (n, 2) to (n, 3): one more feature, the product of the two."""
    return torch.cat([x, x[:, :1] * x[:, 1:]], dim=1)


# --8<-- [end:data]
def accuracy(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Share of the points x (n, d) that `model` labels as y (n,) says."""
    return float((model(x) == y).float().mean())


def draw_boundary(x: Tensor, y: Tensor) -> Figure:
    """Draw 0 (+1) against 8 (-1) in two features x (n, 2): each line the neuron tried, faint, and the one it kept."""
    model, lines = Perceptron(2), []
    for xi, yi in zip(x.repeat(100, 1), y.repeat(100), strict=True):
        if model.learn(xi, yi):
            lines.append((model.weight.clone(), model.bias.clone()))
    fig, ax = figures.panels(5.2, 3.6)
    figures.scatter(ax, x, y, ("scans of 0", "scans of 8"))
    low, high = x.amin(0) - 0.05, x.amax(0) + 0.05
    ends = torch.stack([low[1], high[1]])
    for number, (weight, bias) in enumerate(lines, 1 - len(lines)):  # the last is number 0
        look = {"color": FAINT, "linewidth": 0.7} if number else {"color": INK, "label": "the line it kept"}
        ax.plot((-(bias + weight[1] * ends) / weight[0]).tolist(), ends.tolist(), linestyle="-", **look)
    ax.set(xlim=(float(low[0]), float(high[0])), ylim=(float(low[1]), float(high[1])))
    ax.set(xlabel="ink in the four middle pixels", ylabel="ink above minus ink below")
    ax.legend(loc="upper right")
    return fig


def draw_weights(x: Tensor, digit: Tensor, a: int, b: int) -> Figure:
    """Draw a scan of each of two digits, and the weights of the neuron that tells them apart."""
    model = Perceptron(64)
    fit(model, *duel(x, digit, a, b), epochs=1000)
    fig, axes = figures.panels(5.2, 2.0, columns=3)
    images = {f"a scan of {a}": x[digit == a][0], f"a scan of {b}": x[digit == b][0], "the weights": model.weight}
    for ax, (title, image) in zip(axes, images.items(), strict=True):
        figures.squares(ax, image.reshape(8, 8))
        ax.set_title(title)
    return fig


def draw_mistakes(mistakes: dict[tuple[int, int], int]) -> Figure:
    """Draw the mistakes of each pair of digits as a table."""
    fig, ax = figures.panels(5.2, 4.2)
    figures.table(ax, mistakes)
    ax.set(xlabel="digit", ylabel="against digit")
    return fig


def draw_bound(mistakes: list[int], allowed: list[float]) -> Figure:
    """Draw each pair's mistakes against the number that Novikoff's theorem allows it."""
    fig, ax = figures.panels(5.2, 3.2)
    ax.scatter(allowed, mistakes, s=24, color=BLUE, label="a pair of digits")
    ends = [min(mistakes), max(allowed)]
    ax.plot(ends, ends, color=ORANGE, linestyle="--", label="as many as allowed")
    ax.set(xscale="log", yscale="log", xlabel="mistakes allowed by the theorem", ylabel="mistakes made")
    ax.legend()
    return fig


def draw_rest(accuracies: dict[str, Tensor]) -> Figure:
    """Draw three neurons' accuracy on held-out scans (seeds, epochs)."""
    fig, ax = figures.panels(5.2, 3.4)
    figures.curves(ax, accuracies)
    ax.set(xlabel="passes over the training scans", ylabel="accuracy on held-out scans", ylim=(0.88, 1))
    ax.legend(loc="lower right")
    return fig


def draw_activations() -> Figure:
    """Draw each activation of one number, and its slope."""
    fig, axes = figures.panels(5.2, 5.4, rows=3, columns=2)
    z = torch.linspace(-4, 4, 161)
    for ax, (name, (activation, slope)) in zip(axes.flat, ACTIVATIONS.items(), strict=True):
        for curve, label in ((activation, "value"), (slope, "slope")):
            height = curve(z)
            height[1:][height.diff().abs() > 0.5] = torch.nan  # a jump is a gap, not a line
            ax.plot(z.tolist(), height.tolist(), label=label)
        ax.set(title=name, ylim=(-1.2, 2.2))
    axes[0, 0].legend(loc="upper left")
    return fig


def draw_xor() -> Figure:
    """Draw the four points as given, where no line helps, and with their product for a second axis, where one does."""
    (x, y), (fig, axes) = XOR, figures.panels(5.2, 2.8, columns=2)
    for ax, points, label in zip(axes, (x, lift(x)[:, [0, 2]]), ("x₂", "x₁ · x₂"), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal", xticks=[-1, 1], yticks=[-1, 1])
        ax.set(xlabel="x₁", ylabel=label)
    weight, bias = widest(lift(x), y)
    ends = torch.tensor([-1.6, 1.6])
    axes[1].plot(ends.tolist(), (-(bias + weight[0] * ends) / weight[2]).tolist(), color=INK, linestyle="-")
    axes[0].legend(loc="center")
    return fig


# --8<-- [start:pairs]
def all_pairs(seed: int) -> dict[tuple[int, int], dict[str, float]]:
    """Set each digit against each other: mistakes until a clean pass, mistakes allowed, held-out accuracy, and more."""
    x, digit, x_test, digit_test = scans(seed)
    results = {}
    for a, b in tqdm(list(combinations(range(10), 2)), desc="pairs", disable=None):
        (x_pair, y_pair), model = duel(x, digit, a, b), Perceptron(64)
        mistakes = fit(model, x_pair, y_pair, epochs=1000)
        results[a, b] = {
            "mistakes": sum(mistakes),
            "split": mistakes[-1] == 0,
            "allowed": bound(x_pair, y_pair, *widest(x_pair, y_pair)),
            "accuracy": accuracy(model, *duel(x_test, digit_test, a, b)),
            "split_flat": separable(two_features(x_pair), y_pair),
        }
    return results


# --8<-- [end:pairs]
# --8<-- [start:rest]
def one_against_rest(target: int, seed: int, epochs: int) -> dict[str, list[float]]:
    """Teach three neurons `target` against the other nine digits; return their held-out accuracy after each pass."""
    x, digit, x_test, digit_test = scans(seed)
    y, y_test = (torch.where(d == target, 1.0, -1.0) for d in (digit, digit_test))
    hard, soft, kernel = Perceptron(64), SoftNeuron(64), KernelPerceptron(64, degree=2)
    curves: dict[str, list[float]] = {"kernel": [], "soft": [], "perceptron": []}
    for _ in range(epochs):
        fit(hard, x, y, epochs=1)
        fit(kernel, x, y, epochs=1)
        for xb, yb in zip(x.split(32), y.split(32), strict=True):
            soft.descend(xb, yb, rate=1.0)
        for name, model in (("kernel", kernel), ("soft", soft), ("perceptron", hard)):
            curves[name].append(accuracy(model, x_test, y_test))
    return curves


# --8<-- [end:rest]
def xor(epochs: int) -> dict[str, float]:
    """Count mistakes on XOR: as it is, with the product as a third feature, and with a kernel."""
    x, y = XOR
    flat = fit(Perceptron(2), x, y, epochs)
    return {
        "xor_passes": len(flat),
        "xor_last": flat[-1],
        "xor_lift": sum(fit(Perceptron(3), lift(x), y, epochs)),
        "xor_kernel": sum(fit(KernelPerceptron(2, degree=2), x, y, epochs)),
    }


def main(seed: int = 0, device: devices.Device = "auto", epochs: int = 40, out: Path | None = None) -> None:
    """Let one neuron tell scanned digits apart: each against each, then 8 against the rest; then try XOR.

    Args:
        seed: Which scans are held out. 8 against the rest takes this seed and the four after it.
        device: Where to compute.
        epochs: Passes over the scans of 8 against the rest, which no line splits.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    with devices.on(device) as used:
        pairs = all_pairs(seed)
        mistakes = {pair: int(result["mistakes"]) for pair, result in pairs.items()}
        allowed = [result["allowed"] for result in pairs.values()]
        hard, easy = max(pairs, key=mistakes.__getitem__), min(pairs, key=mistakes.__getitem__)
        seeds = tqdm(range(seed, seed + 5), desc="8 and the rest", disable=None)
        runs = [one_against_rest(8, each, epochs) for each in seeds]
        rest = {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}  # each (5, epochs)
        x, digit, _, digit_test = scans(seed)
        numbers = {
            "scans": len(x),
            "held_out": len(digit_test),
            "pairs": len(pairs),
            "pairs_split": sum(result["split"] for result in pairs.values()),
            "pairs_split_flat": sum(result["split_flat"] for result in pairs.values()),
            "pairs_accuracy": sum(result["accuracy"] for result in pairs.values()) / len(pairs),
            **{"hard_a": hard[0], "hard_b": hard[1], **{f"hard_{name}": value for name, value in pairs[hard].items()}},
            **{"easy_a": easy[0], "easy_b": easy[1], **{f"easy_{name}": value for name, value in pairs[easy].items()}},
            "rest_split": separable(x, torch.where(digit == 8, 1.0, -1.0)),
            "rest_never": float((digit_test != 8).float().mean()),
            **{f"rest_{name}": float(curve[:, -1].mean()) for name, curve in rest.items()},
            **{f"sway_{name}": float(curve[:, -10:].diff().abs().mean()) for name, curve in rest.items()},
            **xor(epochs=1000),
        }
        print(REPORT.format(**numbers))
        if out is not None:
            x_pair, y_pair = duel(x, digit, 0, 8)
            figures.save(draw_boundary(two_features(x_pair), y_pair), out / "boundary.svg")
            figures.save(draw_weights(x, digit, 3, 8), out / "weights.svg")
            figures.save(draw_mistakes(mistakes), out / "mistakes.svg")
            figures.save(draw_bound(list(mistakes.values()), allowed), out / "bound.svg")
            figures.save(draw_rest(rest), out / "rest.svg")
            figures.save(draw_activations(), out / "activations.svg")
            figures.save(draw_xor(), out / "xor.svg")
            record(out, seed, used, **numbers)


REPORT = """\
{pairs_split} of {pairs} pairs of digits: a line through 64 pixels splits the training scans
{pairs_split_flat} of {pairs} pairs of digits: a line through two features does
easiest: {easy_a} against {easy_b}, {easy_mistakes} mistakes of {easy_allowed:.0f} allowed
hardest: {hard_a} against {hard_b}, {hard_mistakes} mistakes of {hard_allowed:.0f} allowed
held-out scans of a pair told apart: {pairs_accuracy:.1%} on average
8 against the rest, held-out scans, mean of 5 seeds:
  perceptron {rest_perceptron:.1%}, soft neuron {rest_soft:.1%}, kernel {rest_kernel:.1%}
  (always to say "not 8": {rest_never:.1%})
XOR: {xor_last} mistakes in pass {xor_passes}
  with the product as a feature, clean after {xor_lift} mistakes; with a kernel, after {xor_kernel}"""

if __name__ == "__main__":
    run(main)
