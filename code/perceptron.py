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
        """Correct one point x (in_features,), y () if misread; say whether it was."""
        misread = bool(self(x) != y)
        if misread:
            self.weight += y * x
            self.bias += y
        return misread


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
def bound(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor) -> float:
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
    """Say whether any line splits x (n, d), y (n,), by a linear program.

    Raises RuntimeError if the program gives up.
    """
    x1 = torch.cat([x, torch.ones_like(x[:, :1])], dim=1).double()  # (n, d + 1)
    inequalities = (-y[:, None] * x1).cpu().numpy()  # each row times w is to be <= -1
    any_goal, limits = [0.0] * x1.shape[1], [-1.0] * len(x)
    result = linprog(any_goal, inequalities, limits, bounds=(None, None))
    if result.status not in (0, 2):  # 0: found, 2: there is none
        raise RuntimeError(result.message)
    return bool(result.status == 0)


def widest(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Find the line of widest margin: weight (d,), bias () of a hard support vector."""
    machine = SVC(kernel="linear", C=1e6).fit(x.cpu(), y.cpu())
    weight, bias = machine.coef_[0], machine.intercept_[0]
    return torch.tensor(weight).to(x), torch.tensor(bias).to(x)


# --8<-- [end:separable]
# --8<-- [start:soft]
class SoftNeuron(Perceptron):
    """The same neuron with a smooth rise for a threshold: wrong by degrees."""

    def probability(self, x: Tensor) -> Tensor:
        """Say how likely +1 is at x (..., in_features): (...,) between 0 and 1."""
        return 1 / (1 + torch.exp(-(x @ self.weight + self.bias)))

    def descend(self, x: Tensor, y: Tensor, rate: float) -> None:
        """Take one step downhill on the mean cross-entropy of x (n, d), y (n,)."""
        error = (y + 1) / 2 - self.probability(x)  # (n,), between -1 and 1
        self.weight += rate * (error @ x) / len(x)
        self.bias += rate * error.mean()


# --8<-- [end:soft]
# --8<-- [start:kernel]
class KernelPerceptron:
    """A perceptron in a space it never visits: it compares with what it misread."""

    def __init__(self, in_features: int, degree: int) -> None:
        self.points, self.labels = torch.zeros(0, in_features), torch.zeros(0)
        self.degree = degree

    def __call__(self, x: Tensor) -> Tensor:
        """Label points x (..., in_features) with (...,) of -1 or +1."""
        kernel = (1 + x @ self.points.T) ** self.degree  # (..., points kept)
        return torch.where(kernel @ self.labels > 0, 1.0, -1.0)

    def learn(self, x: Tensor, y: Tensor) -> bool:
        """Keep one point x (in_features,), y () if misread; say whether it was."""
        misread = bool(self(x) != y)
        if misread:
            self.points = torch.cat([self.points, x[None]])
            self.labels = torch.cat([self.labels, y[None]])
        return misread


Learner = Perceptron | KernelPerceptron


# --8<-- [end:kernel]
# --8<-- [start:activations]
def sigmoid(z: Tensor) -> Tensor:
    """Squash any z into (0, 1)."""
    return 1 / (1 + torch.exp(-z))


def softmax(z: Tensor) -> Tensor:
    """Turn scores z (..., k) into k probabilities that add up to 1."""
    e = torch.exp(z - z.amax(dim=-1, keepdim=True))  # at most 1: no overflow
    return e / e.sum(dim=-1, keepdim=True)


def maxout(z: Tensor) -> Tensor:
    """Pass on the largest of the k sums z (..., k) of one neuron: (...,)."""
    return z.amax(dim=-1)


Curve = Callable[[Tensor], Tensor]
ACTIVATIONS: dict[str, tuple[Curve, Curve]] = {  # each with its slope
    "step": (lambda z: (z > 0).to(z), torch.zeros_like),
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * (1 - sigmoid(z))),
    "tanh": (lambda z: 2 * sigmoid(2 * z) - 1, lambda z: 1 - torch.tanh(z) ** 2),
    "ReLU": (lambda z: z.clamp(min=0), lambda z: (z > 0).to(z)),
    "leaky ReLU": (
        lambda z: torch.where(z > 0, z, 0.01 * z),
        lambda z: torch.where(z > 0, 1.0, 0.01),
    ),
    "ELU": (
        lambda z: torch.where(z > 0, z, torch.expm1(z)),
        lambda z: torch.where(z > 0, 1.0, torch.exp(z)),
    ),
}


# --8<-- [end:activations]
# --8<-- [start:data]
def scans(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load scanned digits: x (n, 64) from 0 (paper) to 1 (ink) and digit (n,), twice.

    First the 70 % to learn from, as `seed` shuffles them; then those held out.
    """
    data = load_digits()
    x = torch.tensor(data.data / 16, dtype=torch.float32)
    digit = torch.tensor(data.target)
    shuffled = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=shuffled, device="cpu")
    ours, held_out = order.tensor_split([len(x) * 7 // 10])
    return x[ours], digit[ours], x[held_out], digit[held_out]


def duel(x: Tensor, digit: Tensor, a: int, b: int) -> tuple[Tensor, Tensor]:
    """Keep the scans of two digits: x (m, 64), and y (m,) of +1 for a and -1 for b."""
    kept = (digit == a) | (digit == b)
    return x[kept], torch.where(digit[kept] == a, 1.0, -1.0)


# --8<-- [end:data]
# --8<-- [start:features]
def two_features(x: Tensor) -> Tensor:
    """Boil scans x (n, 64) down to (n, 2): ink in the middle, and how top-heavy."""
    image = x.reshape(-1, 8, 8)
    middle = image[:, 3:5, 3:5].mean(dim=(1, 2))
    above, below = image[:, :4].mean(dim=(1, 2)), image[:, 4:].mean(dim=(1, 2))
    return torch.stack([middle, above - below], dim=1)


# --8<-- [end:features]
# --8<-- [start:xor]
def xor() -> tuple[Tensor, Tensor]:
    """Return four points (4, 2), labelled (4,) +1 where their coordinates differ."""
    x = torch.cartesian_prod(torch.tensor([-1.0, 1.0]), torch.tensor([-1.0, 1.0]))
    return x, -x.prod(dim=1)


def lift(x: Tensor) -> Tensor:
    """Map points x (n, 2) to (n, 3): one more feature, the product of the two."""
    return torch.cat([x, x.prod(dim=1, keepdim=True)], dim=1)


# --8<-- [end:xor]
def accuracy(model: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> float:
    """Share of the points x (n, d) that `model` labels as y (n,) says."""
    return float((model(x) == y).float().mean())


# --8<-- [start:pairs]
Duels = dict[tuple[int, int], dict[str, float]]


def all_pairs(seed: int) -> Duels:
    """Set each digit against each other: what each duel took, and came to."""
    x, digit, x_test, digit_test = scans(seed)
    results = {}
    for a, b in tqdm(list(combinations(range(10), 2)), desc="pairs", disable=None):
        (x_pair, y_pair), model = duel(x, digit, a, b), Perceptron(64)
        mistakes = fit(model, x_pair, y_pair, epochs=1000)
        results[a, b] = {
            "a": a,
            "b": b,
            "mistakes": sum(mistakes),
            "allowed": bound(x_pair, y_pair, *widest(x_pair, y_pair)),
            "split": mistakes[-1] == 0,
            "split_flat": separable(two_features(x_pair), y_pair),
            "accuracy": accuracy(model, *duel(x_test, digit_test, a, b)),
        }
    return results


# --8<-- [end:pairs]
# --8<-- [start:rest]
def one_against_rest(digit: int, seed: int, epochs: int) -> dict[str, list[float]]:
    """Teach three neurons `digit` against the others; list held-out accuracies."""
    x, digits, x_test, digits_test = scans(seed)
    y, y_test = (torch.where(d == digit, 1.0, -1.0) for d in (digits, digits_test))
    hard, soft, kernel = Perceptron(64), SoftNeuron(64), KernelPerceptron(64, degree=2)
    curves: dict[str, list[float]] = {"kernel": [], "soft": [], "perceptron": []}
    for _ in range(epochs):
        fit(hard, x, y, epochs=1)
        fit(kernel, x, y, epochs=1)
        for xb, yb in zip(x.split(32), y.split(32), strict=True):
            soft.descend(xb, yb, rate=1.0)
        curves["kernel"].append(accuracy(kernel, x_test, y_test))
        curves["soft"].append(accuracy(soft, x_test, y_test))
        curves["perceptron"].append(accuracy(hard, x_test, y_test))
    return curves


# --8<-- [end:rest]
def draw_boundary(x: Tensor, y: Tensor) -> Figure:
    """Draw 0 (+1) against 8 (-1) in two features x (n, 2), and each line tried."""
    model, lines = Perceptron(2), []
    for xi, yi in zip(x.repeat(100, 1), y.repeat(100), strict=True):
        if model.learn(xi, yi):
            lines.append((model.weight.clone(), model.bias.clone()))
    fig, ax = figures.panels(5.2, 3.4)
    figures.scatter(ax, x, y, ("scans of 0", "scans of 8"))
    low, high = (x.amin(0) - 0.05).tolist(), (x.amax(0) + 0.05).tolist()
    ends = torch.tensor([low[1], high[1]])
    for number, (weight, bias) in enumerate(lines, 1 - len(lines)):  # the last is 0
        across = -(bias + weight[1] * ends) / weight[0]
        colour, width = (FAINT, 0.7) if number else (INK, 2)
        label = None if number else "the line it kept"
        ax.plot(
            across.tolist(), ends.tolist(), "-", color=colour, lw=width, label=label
        )
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel="ink in the four middle pixels", ylabel="ink above minus below")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def draw_weights(x: Tensor, digit: Tensor, a: int, b: int) -> dict[str, Figure]:
    """Draw a scan of each of two digits, and then the weights that tell them apart."""
    model = Perceptron(64)
    fit(model, *duel(x, digit, a, b), epochs=1000)
    named = {f"a scan of {each}": x[digit == each][0] for each in (a, b)}
    learned = {**named, "the weights": model.weight}
    return {"scans": figures.images(named), "weights": figures.images(learned)}


def draw_mistakes(pairs: Duels) -> Figure:
    """Draw the mistakes of each pair of digits as a table."""
    fig, ax = figures.panels(5.2, 4)
    figures.table(ax, {pair: int(each["mistakes"]) for pair, each in pairs.items()})
    ax.set(xlabel="digit", ylabel="against digit")
    return fig


def draw_bound(pairs: Duels) -> Figure:
    """Draw each pair's mistakes against those that Novikoff's theorem allows."""
    made = [each["mistakes"] for each in pairs.values()]
    allowed = [each["allowed"] for each in pairs.values()]
    fig, ax = figures.panels(5.2, 3.2)
    ax.scatter(allowed, made, s=24, color=BLUE, label="a pair of digits")
    ends = [min(made), max(allowed)]
    ax.plot(ends, ends, "--", color=ORANGE, label="as many as allowed")
    ax.set(
        xscale="log", yscale="log", xlabel="mistakes allowed", ylabel="mistakes made"
    )
    ax.legend()
    return fig


def draw_rest(accuracies: dict[str, Tensor]) -> Figure:
    """Draw three neurons' accuracy on held-out scans (seeds, epochs)."""
    fig, ax = figures.panels(5.2, 3.2)
    figures.curves(ax, accuracies)
    ax.set(xlabel="passes over the training scans", ylabel="held-out accuracy")
    ax.legend(loc="lower right")
    return fig


def draw_activations() -> Figure:
    """Draw each activation of one number, and its slope."""
    fig, axes = figures.panels(5.2, 3.6, rows=2, columns=3)
    z = torch.linspace(-4, 4, 161)
    for ax, (name, pair) in zip(axes.flat, ACTIVATIONS.items(), strict=True):
        for curve, label in zip(pair, ("value", "slope"), strict=True):
            height = curve(z)
            height[1:][height.diff().abs() > 0.5] = torch.nan  # a jump is a gap
            ax.plot(z.tolist(), height.tolist(), label=label)
        ax.set(title=name, ylim=(-1.2, 2.2))
        ax.label_outer()
    fig.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2
    )
    return fig


def draw_xor() -> Figure:
    """Draw the four points as given, and with their product for a second axis."""
    (x, y), (fig, axes) = xor(), figures.panels(5.2, 2.8, columns=2)
    views = {"x₂": x, "x₁ · x₂": lift(x)[:, [0, 2]]}
    for ax, (label, points) in zip(axes, views.items(), strict=True):
        figures.scatter(ax, points, y, size=80)
        ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), aspect="equal")
        ax.set(xlabel="x₁", ylabel=label, xticks=[-1, 1], yticks=[-1, 1])
    weight, bias = widest(lift(x), y)
    axes[1].axhline(float(-bias / weight[2]), color=INK)
    axes[0].legend(loc="center")
    return fig


def summary(pairs: Duels, rest: dict[str, Tensor], seed: int) -> dict[str, float]:
    """Boil down the duels, and accuracies (seeds, epochs) of 8 and the rest."""
    duels = sorted(pairs.values(), key=lambda each: each["mistakes"])
    x, digit, _, digit_test = scans(seed)
    points, sides = xor()
    flat = fit(Perceptron(2), points, sides, epochs=1000)
    numbers = {
        "scans": len(x),
        "held_out": len(digit_test),
        "pairs": len(duels),
        "split": sum(each["split"] for each in duels),
        "split_flat": sum(each["split_flat"] for each in duels),
        "pairs_accuracy": sum(each["accuracy"] for each in duels) / len(duels),
        "rest_split": separable(x, torch.where(digit == 8, 1.0, -1.0)),
        "rest_never": float((digit_test != 8).float().mean()),
        "xor_passes": len(flat),
        "xor_last": flat[-1],
        "xor_lift": sum(fit(Perceptron(3), lift(points), sides, epochs=1000)),
        "xor_kernel": sum(fit(KernelPerceptron(2, 2), points, sides, epochs=1000)),
    }
    for name, extreme in (("easy", duels[0]), ("hard", duels[-1])):
        numbers |= {f"{name}_{key}": value for key, value in extreme.items()}
    for name, curve in rest.items():
        numbers[f"rest_{name}"] = float(curve[:, -1].mean())
        sway = curve[:, -10:].diff().abs().mean()  # from one pass to the next
        numbers[f"sway_{name}"] = float(sway) * 100  # in percentage points
    return numbers


def draw(pairs: Duels, rest: dict[str, Tensor], seed: int) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    x, digit, _, _ = scans(seed)
    zeros_and_eights, sides = duel(x, digit, 0, 8)
    return {
        "boundary": draw_boundary(two_features(zeros_and_eights), sides),
        **draw_weights(x, digit, 3, 8),
        "mistakes": draw_mistakes(pairs),
        "bound": draw_bound(pairs),
        "rest": draw_rest(rest),
        "activations": draw_activations(),
        "xor": draw_xor(),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    epochs: int = 40,
    out: Path | None = None,
) -> None:
    """Let one neuron tell digits apart: each pair, then 8 from the rest; then XOR.

    Args:
        seed: Which scans are held out; 8 and the rest takes the next four seeds too.
        device: Where to compute.
        epochs: Passes over 8 and the rest, which no line splits.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    with devices.on(device) as used:
        pairs = all_pairs(seed)
        seeds = tqdm(range(seed, seed + 5), desc="8 and the rest", disable=None)
        runs = [one_against_rest(8, each, epochs) for each in seeds]
        rest = {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}
        numbers = summary(pairs, rest, seed)
        print(REPORT.format(**numbers))
        if out is not None:
            figures.save_all(draw(pairs, rest, seed), out)
            record(out, seed, used, **numbers)


REPORT = """\
{split} of {pairs} pairs of digits: a line through 64 pixels splits the training scans
{split_flat} of {pairs} pairs of digits: a line through two features does
easiest: {easy_a} from {easy_b}, {easy_mistakes} mistakes of {easy_allowed:.0f} allowed
hardest: {hard_a} from {hard_b}, {hard_mistakes} mistakes of {hard_allowed:.0f} allowed
held-out scans of a pair told apart: {pairs_accuracy:.1%} on average
8 against the rest, held-out scans, mean of 5 seeds:
  perceptron {rest_perceptron:.1%}, soft {rest_soft:.1%}, kernel {rest_kernel:.1%}
  (always to say "not 8": {rest_never:.1%})
XOR: {xor_last} mistakes in pass {xor_passes}
  with the product as a feature, clean after {xor_lift} mistakes
  with a kernel, clean after {xor_kernel} mistakes"""

if __name__ == "__main__":
    run(main)
