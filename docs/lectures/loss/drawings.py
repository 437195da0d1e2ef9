"""The figures of the lecture on losses, drawn from what code/loss.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from loss import (
    TIMES,
    ElementwiseLoss,
    above_median,
    absolute,
    binary_cross_entropy,
    cross_entropy,
    derivative,
    entropy,
    hinge,
    huber,
    kl_divergence,
    line,
    patients,
    squared,
    squared_log,
)
from neuronup import figures
from neuronup.activations import sigmoid
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE

Lines = dict[int, dict[str, Tensor]]  # by the factor of the misprint, by loss


def draw_forecasters() -> Figure:
    """Draw what two forecasts cost if it rains, and if it stays dry."""
    fig, ax = figures.panels(5.2, 2.9)
    p = torch.linspace(0.01, 0.99, 99)
    for y, name, marker in ((1.0, "if it rains", "o"), (0.0, "if it stays dry", "s")):
        cost = binary_cross_entropy(torch.logit(p), torch.full_like(p, y))
        ax.plot(p.tolist(), cost.tolist(), label=name)
        for at, beside in ((50, (0, 9 if y == 0 else -17)), (98, (16, 0))):
            cost_at = float(p[at]), float(cost[at])  # the forecasts of 51 % and 99 %
            ax.plot(*cost_at, marker, color=INK)
            offset = {"textcoords": "offset points", "xytext": beside, "ha": "center"}
            ax.annotate(f"{cost_at[1]:.2f}", cost_at, **offset)
    ax.set(xlabel="forecast: probability of rain", xlim=(0, 1.09), ylim=(-0.15, 5))
    ax.set(ylabel="loss", xticks=[0, 0.25, 0.51, 0.75, 0.99])
    ax.legend(loc="upper center")
    return fig


def draw_regression() -> Figure:
    """Draw each regression loss of one error, and its derivative."""
    fig, axes = figures.panels(5.2, 3.1, columns=2)
    y, error = torch.tensor(3.0), torch.linspace(-3, 3, 49)
    shown: dict[str, ElementwiseLoss] = {
        "squared": squared,
        "Huber, δ = 1": huber,
        "absolute": absolute,
        "squared log, y = 3": squared_log,
    }
    for name, loss in shown.items():
        prediction = y + error
        axes[0].plot(error.tolist(), loss(prediction, y).tolist(), label=name)
        derivatives = derivative(loss, prediction[1:], y)
        axes[1].plot(error[1:].tolist(), derivatives.tolist())
    axes[0].set(title="loss", ylim=(-0.2, 5), xlabel="error ŷ − y")
    axes[1].set(title="its derivative", ylim=(-4.2, 4.2), xlabel="error ŷ − y")
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def draw_lines(x: Tensor, y: Tensor, lines: Lines) -> Figure:
    """Draw every third patient of x (n,), y (n,), and lines by all, also misprinted."""
    fig, axes = figures.panels(5.2, 3.3, columns=2)
    ends, some = torch.stack([x.min(), x.max()]), x[::3]
    for ax, fits in zip(axes, lines.values(), strict=True):
        ax.scatter((25 + 5 * some).tolist(), y[::3].tolist(), s=5, color=FAINT, lw=0)
        for name, theta in fits.items():
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
    """Draw four losses of a margin: the 0–1 loss, and three smooth ones."""
    fig, ax = figures.panels(5.2, 3.2)
    margin = torch.linspace(-4, 4, 161)
    ones = torch.ones_like(margin)
    ax.plot([-4, 0, 0, 4], [1, 1, 0, 0], "-", color=INK, lw=1.2, label="0–1 loss")
    ax.plot(margin.tolist(), binary_cross_entropy(margin, ones).tolist(), "-", c=BLUE)
    ax.plot(margin.tolist(), hinge(margin, ones).tolist(), "--", c=ORANGE)
    squared_error = (1 - sigmoid(margin)) ** 2
    ax.plot(margin.tolist(), squared_error.tolist(), "-.", color=GREEN)
    names = ("0–1 loss", "cross-entropy", "hinge", "squared error of σ(z)")
    ax.legend(ax.get_lines(), names)
    ax.set(xlabel="margin y · z", ylabel="loss", ylim=(-0.15, 4.2))
    return fig


def draw_surrogate(x: Tensor, y: Tensor, theta: Tensor) -> Figure:
    """Draw mean cross-entropy and mistakes on x (n,), y (n,) of 0 or 1, by the bias."""
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


def draw_surface(x: Tensor, y: Tensor, fits: dict[str, Tensor]) -> Figure:
    """Draw the mean loss on x (n,), y (n,) over every line: two losses, as contours."""
    fig, axes = figures.panels(5.2, 3.3, columns=2)
    weights, biases = torch.linspace(0, 100, 26), torch.linspace(70, 220, 26)
    grid = torch.cartesian_prod(weights, biases)  # (676, 2)
    prediction = grid[:, :1] * x + grid[:, 1:]  # (676, n)
    shown = {
        "squared": (squared, (4200, 5000, 7000, 10000, 14000)),
        "absolute": (absolute, (51, 55, 65, 80, 100)),
    }
    for ax, (name, (loss, levels)) in zip(axes, shown.items(), strict=True):
        risk = loss(prediction, y).mean(dim=1).reshape(26, 26).T
        across, up = weights.tolist(), biases.tolist()
        drawn = ax.contour(across, up, risk, levels, colors=BLUE, linewidths=1.2)
        ax.clabel(drawn, fmt="%d", colors=INK, fontsize=9)
        ax.plot(*fits[name][:, None].tolist(), "x", color=ORANGE, ms=9, mew=2.5)
        ax.set(title=f"mean {name} error", xlabel="weight w")
        ax.label_outer()
    axes[0].set(ylabel="bias b")
    return fig


def draw_distance() -> Figure:
    """Draw entropy, cross-entropy and divergence over predictions for a coin of 0.7."""
    fig, ax = figures.panels(5.2, 3.2)
    q = torch.linspace(0.02, 0.98, 49)
    z, p = torch.stack([q.log(), (1 - q).log()], dim=1), torch.tensor([0.7, 0.3])
    p = p.expand_as(z)
    ax.plot(q.tolist(), cross_entropy(z, p).tolist(), label="cross-entropy H(p, q)")
    ax.plot(q.tolist(), kl_divergence(z, p).tolist(), label="KL divergence KL(p ‖ q)")
    ax.plot(q.tolist(), entropy(p).tolist(), label="entropy H(p)")
    ax.axvline(0.7, color=PURPLE, ls=":", label="the truth, p = 0.7")
    ax.set(xlabel="predicted probability q of heads", ylabel="nats", ylim=(-0.1, 2.6))
    ax.legend(loc=(0.15, 0.62))
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    x, y, _, _ = patients(results["seed"])
    lines: Lines = results["lines"]
    return {
        "forecasters": draw_forecasters(),
        "regression": draw_regression(),
        "lines": draw_lines(x, y, lines),
        "reaction": draw_reaction(results["errors"]),
        "surface": draw_surface(x, y, lines[1]),
        "binary": draw_binary(),
        "surrogate": draw_surrogate(x, above_median(y), results["classifier"]),
        "distance": draw_distance(),
    }


if __name__ == "__main__":
    figures.run(draw)
