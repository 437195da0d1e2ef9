"""A loss is one number that says how wrong a prediction is.

Learning lowers the mean of it, and looks at nothing else. So the shape of the
loss decides what a model cares about: an outlier, a confident mistake, a ratio.

Source: Huber, "Robust estimation of a location parameter", Annals of
Mathematical Statistics 35(1), 1964; Kullback and Leibler, "On information and
sufficiency", Annals of Mathematical Statistics 22(1), 1951.
"""

# --8<-- [start:imports]
from collections.abc import Callable
from math import log
from pathlib import Path

import torch
from matplotlib.figure import Figure
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from torch import Tensor
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run
from figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE
from perceptron import scans, sigmoid


# --8<-- [start:regression]
def squared(guess: Tensor, y: Tensor) -> Tensor:
    """Square each error of guess (...,) against y (...,): the mean of these is MSE."""
    return (guess - y) ** 2


def absolute(guess: Tensor, y: Tensor) -> Tensor:
    """Take each error of guess (...,) against y (...,) as it is: their mean is MAE."""
    return (guess - y).abs()


def huber(guess: Tensor, y: Tensor, delta: float = 1.0) -> Tensor:
    """Square the errors up to `delta`, and go straight on from there: (...,)."""
    error = (guess - y).abs()
    near = error.clamp(max=delta)
    return near * (error - near / 2)


def squared_log(guess: Tensor, y: Tensor) -> Tensor:
    """Square the error between the logarithms of 1 + guess and 1 + y (...,): MSLE."""
    return (torch.log1p(guess) - torch.log1p(y)) ** 2


# --8<-- [end:regression]
# --8<-- [start:frame]
Loss = Callable[[Tensor, Tensor], Tensor]


def empirical(loss: Loss, guess: Tensor, y: Tensor) -> Tensor:
    """Average a loss over n examples, guess (n, ...), y (n, ...): one number ()."""
    return loss(guess, y).mean()


def slope(loss: Loss, guess: Tensor, y: Tensor, step: float = 1e-3) -> Tensor:
    """Nudge each guess (...,) up and down; see how fast its loss changes: (...,)."""
    return (loss(guess + step, y) - loss(guess - step, y)) / (2 * step)


# --8<-- [end:frame]
# --8<-- [start:lowest]
def lowest(risk: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Find parameters (k,) where `risk` is lowest, by trying points around `start`."""

    def height(theta: list[float]) -> float:
        return float(risk(torch.tensor(theta).to(start)))

    nudges = torch.diag((start.abs() / 20).clamp(min=1))
    around = torch.cat([start[None], start + nudges]).tolist()  # never all in one place
    aims = {"initial_simplex": around, "xatol": 1e-3, "fatol": 1e-6, "maxiter": 2000}
    found = minimize(height, start.tolist(), method="Nelder-Mead", options=aims)
    return torch.tensor(found.x).to(start)


def line(theta: Tensor, x: Tensor) -> Tensor:
    """Predict for x (n,) along the line of theta (2,), its slope and height: (n,)."""
    return theta[0] * x + theta[1]


def fit(loss: Loss, x: Tensor, y: Tensor) -> Tensor:
    """Find the line theta (2,) with the lowest mean loss on x (n,), y (n,)."""
    start = torch.stack([y.std(), y.median()])
    return lowest(lambda theta: empirical(loss, line(theta, x), y), start)


# --8<-- [end:lowest]
# --8<-- [start:broken]
def hasty_softmax(z: Tensor) -> Tensor:
    """Turn logits z (..., K) into probabilities, as the formula says."""
    return torch.exp(z) / torch.exp(z).sum(dim=-1, keepdim=True)


def hasty_cross_entropy(z: Tensor, p: Tensor) -> Tensor:
    """Compare logits z (..., K) with p (..., K), as the formula says: (...,)."""
    return -(p * hasty_softmax(z).log()).sum(dim=-1)


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
# --8<-- [start:one_hot]
def one_hot(label: Tensor, classes: int) -> Tensor:
    """Write labels (...,) from 0 up as distributions that are sure: (..., classes)."""
    return (label.unsqueeze(-1) == torch.arange(classes).to(label)).float()


def likeliest(p: Tensor) -> Tensor:
    """Go back: from probabilities or logits (..., K) to the likeliest label (...,)."""
    return p.argmax(dim=-1)


# --8<-- [end:one_hot]
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
def patients(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load patients: body-mass index x (n,), diabetes a year later y (n,), twice.

    First the 70 % to learn from, as `seed` shuffles them; then those held out.
    One unit of x is five index points, and 0 is an index of 25.
    """
    data = load_diabetes(scaled=False)
    x = torch.tensor((data.data[:, 2] - 25) / 5, dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32)
    shuffled = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=shuffled, device="cpu").to(x.device)
    ours, held_out = order.tensor_split([len(x) * 7 // 10])
    return x[ours], y[ours], x[held_out], y[held_out]


def misprint(x: Tensor, y: Tensor, times: float) -> Tensor:
    """Copy y (n,), but with the value at the largest x (n,) multiplied by `times`."""
    spoiled = y.clone()
    spoiled[x.argmax()] *= times
    return spoiled


# --8<-- [end:patients]
# --8<-- [start:reaction]
LOSSES: dict[str, Loss] = {
    "squared": squared,
    "Huber": lambda guess, y: huber(guess, y, delta=50),
    "absolute": absolute,
    "squared log": lambda guess, y: squared_log(guess.clamp(min=0), y),
}
TIMES = (1, 2, 5, 10, 20, 50, 100)


def reaction(seed: int) -> dict[str, list[float]]:
    """Fit lines while one value of the training set grows: held-out mean errors."""
    x, y, x_test, y_test = patients(seed)
    return {
        name: [
            float(empirical(absolute, line(theta, x_test), y_test))
            for theta in (fit(loss, x, misprint(x, y, times)) for times in TIMES)
        ]
        for name, loss in LOSSES.items()
    }


# --8<-- [end:reaction]
# --8<-- [start:layer]
class SoftmaxLayer:
    """One soft neuron for each of K classes, taught together by cross-entropy."""

    def __init__(self, in_features: int, classes: int) -> None:
        self.weight = torch.zeros(classes, in_features)
        self.bias = torch.zeros(classes)

    def __call__(self, x: Tensor) -> Tensor:
        """Give x (..., in_features) its logits (..., classes)."""
        return x @ self.weight.T + self.bias

    def descend(self, x: Tensor, p: Tensor, rate: float) -> None:
        """Take one step downhill on the mean cross-entropy of x (n, d), p (n, K)."""
        error = p - log_softmax(self(x)).exp()  # (n, K), between -1 and 1
        self.weight += rate * error.T @ x / len(x)
        self.bias += rate * error.mean(dim=0)


# --8<-- [end:layer]
def digits(seed: int, steps: int) -> dict[str, float]:
    """Teach a layer to read digits; say what its loss was, is, and hides."""
    x, digit, x_test, digit_test = scans(seed)
    layer = SoftmaxLayer(64, 10)
    p, p_test = one_hot(digit, 10), one_hot(digit_test, 10)
    numbers = {"untrained": float(empirical(cross_entropy, layer(x), p))}
    for name, until in (("half", steps // 2), ("end", steps - steps // 2)):
        for _ in tqdm(range(until), desc="digits", disable=None):
            layer.descend(x, p, rate=1.0)
        z = layer(x_test)
        right = likeliest(z) == digit_test
        numbers[f"{name}_train"] = float(empirical(cross_entropy, layer(x), p))
        numbers[f"{name}_loss"] = float(empirical(cross_entropy, z, p_test))
        numbers[f"{name}_accuracy"] = float(right.float().mean())
    losses = cross_entropy(z, p_test)
    worst = int(losses.argmax())
    return numbers | {
        "worst_loss": float(losses[worst]),
        "worst_digit": int(digit_test[worst]),
        "worst_read": int(likeliest(z[worst])),
        "worst_given": float(torch.exp(-losses[worst])),
        "typical_loss": float(losses.median()),
    }


def draw_regression() -> Figure:
    """Draw each regression loss of one error, and its slope."""
    fig, axes = figures.panels(5.2, 3.1, columns=2)
    y, error = torch.tensor(3.0), torch.linspace(-3, 3, 49)
    shown: dict[str, Loss] = {
        "squared": squared,
        "Huber, δ = 1": huber,
        "absolute": absolute,
        "squared log, y = 3": squared_log,
    }
    for name, loss in shown.items():
        guess = y + error
        axes[0].plot(error.tolist(), loss(guess, y).tolist(), label=name)
        pull = slope(loss, guess[1:], y)
        axes[1].plot(error[1:].tolist(), pull.tolist())
    axes[0].set(title="loss", ylim=(-0.2, 5), xlabel="error ŷ − y")
    axes[1].set(title="its slope", ylim=(-4.2, 4.2), xlabel="error ŷ − y")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def draw_lines(x: Tensor, y: Tensor) -> Figure:
    """Draw every third patient of x (n,), y (n,), and lines by all, also misprinted."""
    fig, axes = figures.panels(5.2, 3.3, columns=2)
    ends, some = torch.stack([x.min(), x.max()]), x[::3]
    for ax, times in zip(axes, (1, 10), strict=True):
        ax.scatter((25 + 5 * some).tolist(), y[::3].tolist(), s=5, color=FAINT, lw=0)
        for name, loss in LOSSES.items():
            theta = fit(loss, x, misprint(x, y, times))
            ax.plot((25 + 5 * ends).tolist(), line(theta, ends).tolist(), label=name)
        ax.set(xlabel="body-mass index", ylim=(0, 420))
        ax.label_outer()
    odd = x.argmax()
    at = float(25 + 5 * x[odd]), 395.0
    axes[1].plot(*at, "^", color=INK)  # it lies far above the picture
    label = {"xytext": (-7, 0), "textcoords": "offset points"}
    axes[1].annotate(f"{10 * y[odd]:.0f}", at, ha="right", va="center", **label)
    axes[0].set(title="as measured", ylabel="progression")
    axes[1].set(title="one value times ten")
    fig.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4
    )
    return fig


def draw_reaction(errors: dict[str, Tensor]) -> Figure:
    """Draw held-out errors (seeds, times) against the factor of the misprint."""
    fig, ax = figures.panels(5.2, 3.2)
    for (name, values), marker in zip(errors.items(), "osD^", strict=True):
        mean = values.mean(0).tolist()
        ax.plot(TIMES, mean, marker=marker, ms=5, label=name)
    ax.set(xscale="log", xticks=TIMES, xticklabels=TIMES, xlabel="one value, times")
    ax.minorticks_off()
    ax.set(ylabel="held-out mean error")
    ax.legend()
    return fig


def draw_binary() -> Figure:
    """Draw what a margin costs: by the count, and by three losses."""
    fig, ax = figures.panels(5.2, 3.2)
    margin = torch.linspace(-4, 4, 161)
    ones = torch.ones_like(margin)
    ax.plot([-4, 0, 0, 4], [1, 1, 0, 0], "-", color=INK, lw=1.2, label="mistake or not")
    ax.plot(margin.tolist(), binary_cross_entropy(margin, ones).tolist(), "-", c=BLUE)
    ax.plot(margin.tolist(), hinge(margin, ones).tolist(), "--", c=ORANGE)
    odd = (1 - sigmoid(margin)) ** 2
    ax.plot(margin.tolist(), odd.tolist(), "-.", color=GREEN)
    names = ("mistake or not", "cross-entropy", "hinge", "squared error of σ(z)")
    ax.legend(ax.get_lines(), names)
    ax.set(xlabel="margin y · z", ylabel="loss", ylim=(-0.15, 4.2))
    return fig


def draw_proxy(x: Tensor, y: Tensor) -> Figure:
    """Draw mean cross-entropy and mistakes on x (n,), y (n,) of 0 or 1, by the bias."""
    theta = fit(binary_cross_entropy, x, y)
    fig, axes = figures.panels(5.2, 2.9, columns=2)
    bias = theta[1] + torch.linspace(-1, 1, 121)
    z = theta[0] * x + bias[:, None]  # (biases, n)
    entropies = binary_cross_entropy(z, y.expand_as(z)).mean(dim=1)
    mistakes = ((z > 0).to(y) != y).float().mean(dim=1)
    axes[0].plot(bias[::4].tolist(), entropies[::4].tolist())
    percent = (100 * mistakes).tolist()
    axes[1].step(bias.tolist(), percent, color=ORANGE, ls="-", lw=1.3)
    axes[0].set(title="mean cross-entropy", xlabel="bias b", yticks=[0.6, 0.7])
    axes[1].set(title="mistakes in 100", xlabel="bias b")
    return fig


def draw_surface(x: Tensor, y: Tensor) -> Figure:
    """Draw the mean loss on x (n,), y (n,) over every line: two losses, as contours."""
    fig, axes = figures.panels(5.2, 3.3, columns=2)
    steep, high = torch.linspace(0, 100, 26), torch.linspace(70, 220, 26)
    grid = torch.cartesian_prod(steep, high)  # (676, 2)
    guess = grid[:, :1] * x + grid[:, 1:]  # (676, n)
    shown = {
        "squared": (squared, (4200, 5000, 7000, 10000, 14000)),
        "absolute": (absolute, (51, 55, 65, 80, 100)),
    }
    for ax, (name, (loss, levels)) in zip(axes, shown.items(), strict=True):
        height = loss(guess, y).mean(dim=1).reshape(26, 26).T.cpu()
        across, up = steep.tolist(), high.tolist()
        drawn = ax.contour(across, up, height, levels, colors=BLUE, linewidths=1.2)
        ax.clabel(drawn, fmt="%d", colors=INK, fontsize=9)
        best = fit(loss, x, y)
        ax.plot(*best[:, None].tolist(), "x", color=ORANGE, ms=9, mew=2.5)
        ax.set(title=f"mean {name} error", xlabel="slope w")
        ax.label_outer()
    axes[0].set(ylabel="height b")
    return fig


def draw_distance() -> Figure:
    """Draw entropy, cross-entropy and divergence for every guess at 0.7 of a coin."""
    fig, ax = figures.panels(5.2, 3.2)
    q = torch.linspace(0.02, 0.98, 49)
    z, p = torch.stack([q.log(), (1 - q).log()], dim=1), torch.tensor([0.7, 0.3])
    p = p.expand_as(z)
    ax.plot(q.tolist(), cross_entropy(z, p).tolist(), label="cross-entropy H(p, q)")
    ax.plot(q.tolist(), kl_divergence(z, p).tolist(), label="divergence KL(p ‖ q)")
    ax.plot(q.tolist(), entropy(p).tolist(), label="entropy H(p)")
    ax.axvline(0.7, color=PURPLE, ls=":", label="the truth, p = 0.7")
    ax.set(xlabel="predicted probability q of heads", ylabel="nats", ylim=(-0.1, 2.6))
    ax.legend(loc="upper center")
    return fig


def draw(errors: dict[str, Tensor], seed: int) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    x, y, _, _ = patients(seed)
    return {
        "regression": draw_regression(),
        "lines": draw_lines(x, y),
        "reaction": draw_reaction(errors),
        "surface": draw_surface(x, y),
        "binary": draw_binary(),
        "proxy": draw_proxy(x, (y > y.median()).to(y)),
        "distance": draw_distance(),
    }


def summary(errors: dict[str, Tensor], seed: int) -> dict[str, float]:
    """Boil down the misprint, errors (seeds, times), and what else the page tells."""
    x, y, x_test, y_test = patients(seed)
    theta = fit(squared, x, y)
    numbers: dict[str, float] = {
        "patients": len(y) + len(y_test),
        "ours": len(y),
        "held_out": len(y_test),
        "seeds": len(next(iter(errors.values()))),
        "mean": float(y.mean()),
        "median": float(y.median()),
        "slope": float(theta[0]),
        "height": float(theta[1]),
        "risk": float(empirical(squared, line(theta, x), y)),
        "risk_held_out": float(empirical(squared, line(theta, x_test), y_test)),
        "spoiled_from": float(y[x.argmax()]),
    }
    for name, loss in LOSSES.items():
        key = name.replace(" ", "_")

        def constant(theta: Tensor, loss: Loss = loss) -> Tensor:
            return empirical(loss, theta.expand_as(y), y)

        numbers[f"constant_{key}"] = float(lowest(constant, y.median()[None]))
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
        "hasty": str(hasty_softmax(z)[0].tolist()),
        "stable": str(log_softmax(z).exp()[0].tolist()),
        "hasty_loss": str(float(hasty_cross_entropy(z, p))),
        "stable_loss": float(cross_entropy(z, p)),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    seeds: int = 10,
    steps: int = 1000,
    out: Path | None = None,
) -> None:
    """Measure how wrong lines are, with one misprint and without; then digits.

    Args:
        seed: Which patients and scans are held out; the misprint takes the next too.
        device: Where to compute.
        seeds: Over how many splits of the patients the held-out errors are averaged.
        steps: How many steps downhill the layer that reads digits takes.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    with devices.on(device) as used:
        splits = tqdm(range(seed, seed + seeds), desc="misprint", disable=None)
        runs = [reaction(each) for each in splits]
        errors = {name: torch.tensor([each[name] for each in runs]) for name in LOSSES}
        numbers = {**summary(errors, seed), **digits(seed, steps), **extremes()}
        print(REPORT.format(**numbers, guessing=log(10)))
        if out is not None:
            figures.save_all(draw(errors, seed), out)
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
softmax of 1000 and 0: hasty {hasty}, stable {stable}
cross-entropy if the second is true: hasty {hasty_loss}, stable {stable_loss}
digits, cross-entropy before learning {untrained:.3f}, as by guessing (ln 10 = \
{guessing:.3f})
  held-out {half_loss:.3f} ({half_accuracy:.1%} right) half-way, \
{end_loss:.3f} ({end_accuracy:.1%} right) at the end"""

if __name__ == "__main__":
    run(main)
