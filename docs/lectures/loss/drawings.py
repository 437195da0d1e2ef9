"""The figures of the lecture on losses, drawn from what code/loss.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor
from torch.distributions import Laplace, Normal

from loss import (
    TIMES,
    ElementwiseLoss,
    SoftmaxLayer,
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
    log_softmax,
    patients,
    squared,
    squared_log,
)
from neuronup import figures
from neuronup.activations import sigmoid
from neuronup.command import kept
from neuronup.digits import Split, train_test_digits
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, arrow
from neuronup.one_hot import most_likely, one_hot

Lines = dict[int, dict[str, Tensor]]  # by the factor of the misprint, by loss
Point = tuple[float, float]
# For half a slide: narrower, so that the lettering is as large as on a whole one.
HALF = 4.0
TREE = (  # what is predicted, its height, and the leaves: height, when, loss, PyTorch
    (
        "a number",
        5.1,
        (
            (6.2, "by default", "squared error", "nn.MSELoss"),
            (
                5.1,
                "outliers may be slips",
                "Huber, absolute",
                "nn.HuberLoss, nn.L1Loss",
            ),
            (4.0, "ratios matter", "squared log", "nn.MSELoss on log1p"),
        ),
    ),
    (
        "a class",
        2.35,
        (
            (2.9, "yes or no", "binary cross-entropy", "nn.BCEWithLogitsLoss"),
            (1.8, "one of K", "cross-entropy", "nn.CrossEntropyLoss"),
        ),
    ),
    (
        "a distribution",
        0.4,
        (
            (
                0.4,
                "of K classes",
                "cross-entropy, KL",
                "nn.CrossEntropyLoss, nn.KLDivLoss",
            ),
        ),
    ),
)


def draw_forecasters(width: float = 5.2, height: float = 2.9) -> Figure:
    """Draw what two forecasts cost if it rains, and if it stays dry."""
    fig, ax = figures.panels(width, height)
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
    figures.step(1, axes[1])
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
    figures.step(1, axes[1])
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
    for number, curve in zip((2, 1, 3), ax.get_lines()[1:], strict=True):
        figures.step(number, curve)
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
    figures.step(1, axes[1])
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
    figures.step(1, axes[1])
    return fig


def draw_distance() -> Figure:
    """Draw entropy, cross-entropy and divergence over predictions for a coin of 0.7."""
    fig, ax = figures.panels(5.2, 3.2)
    q = torch.linspace(0.02, 0.98, 49)
    z, p = torch.stack([q.log(), (1 - q).log()], dim=1), torch.tensor([0.7, 0.3])
    p = p.expand_as(z)
    ax.plot(q.tolist(), cross_entropy(z, p).tolist(), label="cross-entropy H(p, q)")
    kl = ax.plot(
        q.tolist(), kl_divergence(z, p).tolist(), label="KL divergence KL(p ‖ q)"
    )
    lowest = ax.plot(q.tolist(), entropy(p).tolist(), label="entropy H(p)")
    figures.step(1, *lowest)
    figures.step(2, *kl)
    ax.axvline(0.7, color=PURPLE, ls=":", label="the truth, p = 0.7")
    ax.set(xlabel="predicted probability q of heads", ylabel="nats", ylim=(-0.1, 2.6))
    ax.legend(loc=(0.15, 0.62))
    return fig


def draw_forecasts() -> Figure:
    """Draw two forecasts as bars: the share of rain, and what is left for dry."""
    fig, ax = figures.panels(HALF, 2.9)
    for row, rain in enumerate((51, 99)):
        ax.barh(row, rain, 0.6, color=BLUE, alpha=0.3)
        ax.barh(row, 100 - rain, 0.6, left=rain, fill=False, ec=FAINT, hatch="///")
        inside = {"va": "center", "ha": "center", "size": "large"}
        ax.text(rain / 2, row, f"rain {rain} %", **inside)
        dry = {"ha": "right", "size": "large"}
        ax.text(112, row - 0.4, f"dry {100 - rain} %", **dry)
    ax.set(xlim=(0, 112), xticks=[0, 50, 100], xlabel="probability in %")
    ax.set(ylim=(1.6, -0.6), yticks=[0, 1], yticklabels=["careful", "bold"])
    ax.grid(False)
    return fig


def draw_gaps(data: Split, theta: Tensor) -> Figure:
    """Draw patients we have and others, and the gaps between a line and its labels."""
    fig, ax = figures.panels(HALF, 3.5)
    x, y, x_other, y_other = (each.tolist() for each in (*some(data), *others(data)))
    ring = {"facecolors": "none", "edgecolors": FAINT, "linewidths": 1.2}
    ax.scatter(x_other, y_other, 22, label="the world", **ring)
    ax.scatter(x, y, 40, color=BLUE, label="our pairs")
    ends = torch.tensor([-1.4, 2.6])
    name = {"color": INK, "label": "prediction"}
    predicted = ax.plot(ends.tolist(), line(theta, ends).tolist(), "-", **name)
    prediction = line(theta, torch.tensor(x)).tolist()
    gaps = [
        arrow(ax, (at, start), (at, end), color=ORANGE)
        for at, start, end in zip(x, prediction, y, strict=True)
    ]
    figures.step(1, *predicted)
    figures.step(2, *gaps)
    marks = [25 + 5 * tick for tick in (-1, 0, 1, 2)]
    ax.set(xlabel="body-mass index", xticks=[-1, 0, 1, 2], xticklabels=marks)
    ax.set(ylabel="progression", ylim=(0, 400))
    fig.legend(loc="outside lower center", ncols=3, columnspacing=1, handletextpad=0.4)
    return fig


def some(data: Split) -> tuple[Tensor, Tensor]:
    """Choose eight training patients from left to right: x (8,), y (8,)."""
    chosen = data.x.argsort()[len(data.x) // 16 :: len(data.x) // 8][:8]
    return data.x[chosen], data.y[chosen]


def others(data: Split) -> tuple[Tensor, Tensor]:
    """Choose half of the patients that are held out: x (n,), y (n,)."""
    return data.x_test[::2], data.y_test[::2]


def draw_mean(data: Split, theta: Tensor) -> Figure:
    """Draw the losses of eight patients as bars, their mean, and what nobody sees."""
    fig, ax = figures.panels(HALF, 3.0)
    x, y = some(data)
    losses = squared(line(theta, x), y)
    ax.bar(range(1, 9), losses.tolist(), 0.7, color=BLUE, alpha=0.6)
    mean, top = float(losses.mean()), 1.15 * float(losses.max())
    (measured,) = ax.plot([0.5, 8.5], [mean, mean], "--", color=ORANGE)
    name = ax.text(0.6, mean + top / 12, "their mean: L̂")
    unseen = ax.bar((9.6, 10.6, 11.6), top, 0.7, fill=False, ec=FAINT, ls=":", lw=1.5)
    marks = [ax.text(at, top / 2, "?", ha="center") for at in (9.6, 10.6, 11.6)]
    marks.append(ax.text(10.6, top * 1.03, "over all: L", ha="center"))
    figures.step(1, measured, name)
    figures.step(2, *unseen, *marks)
    ax.set(xticks=[4.5, 10.6], xticklabels=["our pairs", "the world's"])
    ax.set(ylabel="squared error", ylim=(0, 1.12 * top))
    return fig


def draw_sets(images: Tensor, digits: Tensor) -> Figure:
    """Draw images and digits as sets: a pair, an unlikely one, the model, the loss."""
    fig, ax = figures.panels(8, 3.3)
    outline: dict[str, Any] = {"fill": False, "ec": FAINT, "lw": 1.6}
    ax.add_patch(Ellipse((2.2, 2.5), 4.2, 5, **outline))
    ax.add_patch(Ellipse((7.4, 2.5), 1.5, 5.3, **outline))
    for digit, (left, low) in zip(
        (5, 0, 3), ((0.9, 0.6), (1, 3), (2.5, 1.9)), strict=True
    ):
        image = images[digits == digit][0].reshape(8, 8)
        span = (left, left + 1.3, low, low + 1.3)
        ax.imshow(image.numpy(), "gray_r", interpolation="none", extent=span)
    at = [4.6 - 0.46 * digit for digit in range(10)]
    for digit, height in enumerate(at):
        ax.text(7.4, height, str(digit), ha="center", va="center")
    ax.text(2.2, 5.3, "X: images of 8 × 8 pixels", ha="center")
    ax.text(7.4, 5.3, "Y: digits", ha="center")
    side, start, right = {"va": "center", "size": 11.5}, 3.95, 7.1
    pair = ax.plot([start, right], [2.6, at[3]], "-", color=BLUE)
    pair.append(ax.text(8.6, at[3], "a pair z = (x, y), in Z = X × Y", **side))
    rare = ax.plot([start, right], [3.0, at[0]], ":", color=FAINT)
    rare.append(ax.text(8.6, at[0], "also in Z; but D makes it rare", **side))
    model = arrow(ax, (start, 2.2), (right, at[8]), color=ORANGE, ls="--")
    named = ax.text(8.6, at[8], "the prediction ŷ of the model θ", **side)
    gap = arrow(ax, (8.3, at[8]), (8.3, at[3]), arrowstyle="<->")
    loss = ax.text(8.6, (at[3] + at[8]) / 2, "the loss ℓ(θ; z): how wrong?", **side)
    for number, parts in enumerate((pair, rare, (model, named), (gap, loss)), 1):
        figures.step(number, *parts)
    ax.set(xlim=(0, 13.2), ylim=(-0.25, 5.7), aspect="equal")
    ax.set_axis_off()
    return fig


def draw_secants() -> Figure:
    """Draw how a secant through two points turns into the tangent as they approach."""
    fig, ax = figures.panels(5.2, 3.1)
    y, at = torch.tensor(3.0), torch.tensor(1.0)
    curve = torch.linspace(0, 2.6, 53)
    ax.plot(curve.tolist(), squared_log(curve, y).tolist(), "-", color=FAINT, lw=3)
    height = float(squared_log(at, y))
    ax.plot(1, height, "o", color=INK, ms=8, zorder=5)
    looks = ((1.0, ":", "s"), (0.5, "-.", "D"), (0.1, "--", "^"), (1e-3, "-", ""))
    for number, (step, style, marker) in enumerate(looks, 1):
        rise = float(derivative(squared_log, at, y, step))
        pair = torch.stack([at - step, at + step])
        low, high = squared_log(pair, y).tolist()
        reach = (-1.0, 1.3)
        middle = (low + high) / 2
        ends = [1 + each for each in reach], [middle + rise * each for each in reach]
        colour = INK if number == 4 else (BLUE, ORANGE, GREEN)[number - 1]
        drawn = ax.plot(*ends, style, color=colour)
        name = f"step {step:g}: {rise:.3f}".replace("-", "−")
        if marker:
            drawn += ax.plot(pair.tolist(), [low, high], marker, color=colour, ls="")
        place = 0.97 - 0.1 * number
        within = {"transform": ax.transAxes}
        drawn += ax.plot([0.52, 0.62], [place] * 2, style, color=colour, **within)
        drawn.append(ax.text(0.65, place, name, va="center", **within))
        figures.step(number, *drawn)
    ax.set(xlabel="prediction ŷ", ylabel="squared log error, y = 3", ylim=(-0.4, 2))
    ax.set(xlim=(-0.05, 2.6))
    return fig


def draw_wants() -> Figure:
    """Draw five numbers, and their pulls at the mean and at the median."""
    fig, axes = figures.panels(HALF, 3.6, rows=2)
    sample = (1, 2, 3, 5, 9)
    for ax, best, name in zip(
        axes, (4, 3), ("squared error: mean", "absolute error: median"), strict=True
    ):
        ax.axvline(best, color=PURPLE, ls=":")
        ax.plot(sample, [0] * 5, "o", color=BLUE, ms=8, clip_on=False)
        for row, value in enumerate(sample, 1):
            pull = value - best if best == 4 else (value > best) - (value < best)
            if pull:
                arrow(ax, (best, row), (best + pull, row), color=ORANGE)
        ax.set(title=f"{name} {best}", xlim=(0.5, 9.5), ylim=(-0.6, 6), yticks=[])
        ax.set(xticks=range(1, 10))
    figures.step(1, axes[1])
    return fig


def draw_residual() -> Figure:
    """Draw a sigmoid, and at one sum the two gaps to the labels 1 and 0."""
    fig, ax = figures.panels(HALF, 3.4)
    z = torch.linspace(-4, 4, 81)
    ax.plot(z.tolist(), sigmoid(z).tolist(), label="σ(z)")
    at = float(sigmoid(torch.tensor(1.0)))
    ax.plot(1, at, "o", color=INK, ms=8, zorder=5)
    for number, (y, place) in enumerate(((1, 1.06), (0, 0.3)), 1):
        label = ax.axhline(y, color=FAINT, ls=":")
        gap = arrow(ax, (1, y), (1, at), color=ORANGE, lw=2.5)
        side = ("left", 1.2) if y == 0 else ("right", 0.8)
        text = f"y′ = {y}: {at - y:+.2f}".replace("-", "−")
        name = ax.text(side[1], place, text, ha=side[0], va="center")
        figures.step(number, label, gap, name)
    ax.set(xlabel="logit z", ylim=(-0.08, 1.15), yticks=[0, 0.5, 1])
    ax.legend(loc=(0.02, 0.55))
    return fig


def bars(ax: Axes, p: Tensor, title: str, **look: Any) -> None:
    """Draw probabilities p (10,) of ten digits as bars."""
    ax.bar(range(10), p.tolist(), 0.7, **look)
    ax.set(title=title, ylim=(0, 1.05), yticks=[0, 0.5, 1], xticks=range(10))


def draw_one_hot(x: Tensor, digit: Tensor, layer: SoftmaxLayer) -> Figure:
    """Draw the 3 with the largest loss of those it classifies correctly, and its q."""
    fig, axes = figures.panels(6.6, 1.6, columns=3)
    z = layer(x)
    right = (most_likely(z) == digit) & (digit == 3)
    losses = cross_entropy(z, one_hot(digit, 10)).masked_fill(~right, -1.0)
    chosen = losses.argmax()
    figures.greyscale(axes[0], x[chosen].reshape(8, 8), "an image", levels=8)
    bars(axes[1], one_hot(digit[chosen], 10), "its label p", color=BLUE, alpha=0.7)
    q = log_softmax(z[chosen]).exp()
    bars(axes[2], q, "a prediction q", color=ORANGE, alpha=0.7, hatch="//")
    figures.step(1, axes[1])
    figures.step(2, axes[2])
    return fig


def draw_worst(x: Tensor, digit: Tensor, layer: SoftmaxLayer) -> Figure:
    """Draw the held-out image with the largest loss, and its probabilities."""
    fig, axes = figures.panels(3.2, 3.7, rows=2)
    z = layer(x)
    worst = cross_entropy(z, one_hot(digit, 10)).argmax()
    figures.greyscale(axes[0], x[worst].reshape(8, 8), levels=8)
    title = f"label {digit[worst]}, prediction {most_likely(z[worst])}"
    bars(axes[1], log_softmax(z[worst]).exp(), title, color=ORANGE, alpha=0.7)
    figures.step(1, axes[1])
    return fig


def draw_likelihood() -> Figure:
    """Draw five probabilities and their product, and the sum of minus their logs."""
    fig, axes = figures.panels(HALF, 3.5, rows=2)
    q = torch.tensor([0.9, 0.8, 0.3, 0.9, 0.6])
    axes[0].bar(range(5), q.tolist(), 0.6, color=BLUE, alpha=0.5)
    for place, value in enumerate(q.tolist()):
        axes[0].text(place, value + 0.05, f"{value:.1f}", ha="center")
    axes[0].bar(5.3, float(q.prod()), 0.6, color=ORANGE, alpha=0.7, hatch="//")
    axes[0].text(5.3, float(q.prod()) + 0.05, f"{q.prod():.2f}", ha="center")
    axes[0].set(title="the product of five probabilities", ylim=(0, 1.2), yticks=[0, 1])
    axes[0].set_xticks([2, 5.3], ["of the true classes", "product"])
    left = 0.0
    for place, value in enumerate((-q.log()).tolist()):
        look = {"hatch": "//"} if place % 2 else {}
        axes[1].barh(0, value, 0.6, left=left, fc="none", ec=BLUE, lw=1.5, **look)
        left += value
    axes[1].text(left / 2, 0.5, f"−ln {q.prod():.2f} = {left:.2f}", ha="center")
    axes[1].set(title="the sum of their −ln", ylim=(-0.5, 1), yticks=[], xlim=(0, 2.3))
    figures.step(1, axes[1])
    return fig


def draw_noise() -> Figure:
    """Draw a Gaussian and a Laplace density of the error, and minus their logs."""
    fig, axes = figures.panels(HALF, 3.9, rows=2)
    error = torch.linspace(-4, 4, 81)
    for noise, name in ((Normal(0.0, 1.0), "Gaussian"), (Laplace(0.0, 1.0), "Laplace")):
        log_density = noise.log_prob(error)
        axes[0].plot(error.tolist(), log_density.exp().tolist(), label=name)
        axes[1].plot(error.tolist(), (-log_density).tolist())
    axes[0].set(title="density", ylim=(0, 0.55), yticks=[0, 0.5])
    axes[0].label_outer()
    axes[1].set(title="minus its logarithm: the loss", xlabel="error ŷ − y")
    figures.step(1, axes[1])
    fig.legend(loc="outside lower center", ncols=2)
    return fig


def draw_overflow() -> Figure:
    """Draw exp of 32 bits on a logarithmic scale, up to where it overflows."""
    fig, ax = figures.panels(HALF, 3.6)
    z = torch.linspace(-20, 88.7, 100)
    ax.plot(z.tolist(), torch.exp(z).log10().tolist(), "-", label="exp(z)")
    largest = torch.log10(torch.tensor(torch.finfo(torch.float32).max))
    ax.axhline(float(largest), color=FAINT, ls="--")
    ax.text(-18, float(largest) + 1, "the largest number")
    ax.axvspan(88.7, 130, fc="none", ec=ORANGE, hatch="//", lw=0, alpha=0.6)
    ax.text(109, 15, "inf", ha="center", size="large", bbox={"fc": "none", "ec": INK})
    ax.set(xlabel="logit z", xlim=(-20, 130), xticks=[0, 50, 88], ylim=(-10, 46))
    ax.set_yticks([0, 20, 38], ["1", "$10^{20}$", "$10^{38}$"])
    ax.plot(0, 0, "o", color=INK, ms=8)
    ax.text(6, -1, "the largest logit,\nafter subtracting it", va="top")
    ax.legend(loc=(0.12, 0.6))
    return fig


def draw_choice() -> Figure:
    """Draw which loss to take as a tree, from what is predicted to PyTorch's name."""
    fig, ax = figures.panels(8, 3.8)
    frame = {"boxstyle": "round,pad=0.4", "fc": "none", "ec": BLUE, "lw": 1.6}
    middle: dict[str, Any] = {"ha": "center", "va": "center"}
    ax.text(1.3, 3.1, "What do you\npredict?", bbox=frame, **middle)
    for number, (kind, at, leaves) in enumerate(TREE, 1):
        parts: list[Any] = [arrow(ax, (2.6, 3.1), (3.4, at), color=FAINT)]
        parts.append(ax.text(4.6, at, kind, bbox=frame | {"ec": PURPLE}, **middle))
        for height, when, name, pytorch in leaves:
            parts.append(arrow(ax, (5.8, at), (6.4, height), color=FAINT))
            parts.append(ax.text(6.55, height, when, va="center"))
            parts.append(arrow(ax, (9.7, height), (10.3, height), color=FAINT))
            bold = {"weight": "bold", "va": "bottom"}
            parts.append(ax.text(10.5, height, name, **bold))
            parts.append(ax.text(10.5, height - 0.06, pytorch, va="top"))
        figures.step(number, *parts)
    ax.set(xlim=(0, 16), ylim=(-0.5, 6.6))
    ax.set_axis_off()
    return fig


def draw_answers() -> Figure:
    """Draw the probability of the true class in five examples, for two models."""
    fig, axes = figures.panels(HALF, 3.6, rows=2)
    models = {"A": (0.6, 0.7, 0.6, 0.8, 0.4), "B": (0.99, 0.98, 0.99, 0.97, 0.01)}
    for ax, (name, q) in zip(axes, models.items(), strict=True):
        ax.bar(range(1, 6), q, 0.6, color=BLUE, alpha=0.6)
        ax.axhline(0.5, color=ORANGE, ls="--")
        ax.set(
            ylim=(0, 1.05), yticks=[0, 0.5, 1], title=f"model {name}: 4 of 5 correct"
        )
        mean = float(-torch.tensor(q).log().mean())
        paid = ax.text(6.5, 0.56, f"mean loss\n{mean:.2f}", ha="center")
        figures.step(1, paid)
        ax.set(xlim=(0.5, 7.5), xticks=range(1, 6))
        ax.label_outer()
    fig.supylabel("probability of the true class", size="medium")
    axes[1].set(xlabel="example")
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    data = patients(results["seed"])
    lines: Lines = results["lines"]
    digits = train_test_digits(results["seed"])
    layer = SoftmaxLayer(64, 10)
    layer.weight, layer.bias = results["layer"]
    return {
        "forecasters": draw_forecasters(),
        "costs": draw_forecasters(HALF, 3.4),
        "regression": draw_regression(),
        "lines": draw_lines(data.x, data.y, lines),
        "reaction": draw_reaction(results["errors"]),
        "surface": draw_surface(data.x, data.y, lines[1]),
        "binary": draw_binary(),
        "surrogate": draw_surrogate(
            data.x, above_median(data.y), results["classifier"]
        ),
        "distance": draw_distance(),
        "forecasts": draw_forecasts(),
        "gaps": draw_gaps(data, lines[1]["squared"]),
        "mean": draw_mean(data, lines[1]["squared"]),
        "sets": draw_sets(digits.x, digits.y),
        "secants": draw_secants(),
        "wants": draw_wants(),
        "residual": draw_residual(),
        "one_hot": draw_one_hot(digits.x_test, digits.y_test, layer),
        "worst": draw_worst(digits.x_test, digits.y_test, layer),
        "likelihood": draw_likelihood(),
        "noise": draw_noise(),
        "overflow": draw_overflow(),
        "choice": draw_choice(),
        "answers": draw_answers(),
    }


if __name__ == "__main__":
    figures.run(draw)
