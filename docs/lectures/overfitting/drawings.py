"""The figures of the lecture on overfitting, drawn from what code/overfitting.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE
from overfitting import DEGREES, NOISE, Errors, true_curve

Histories = dict[str, dict[str, Tensor]]  # by configuration and name: (seeds, epochs)


def draw_fits(one_set: dict[str, Any]) -> Figure:
    """Draw polynomials of three degrees through the same 20 measurements."""
    fig, axes = figures.panels(5.2, 2.5, columns=3)
    x, y, fine = (one_set[name].tolist() for name in ("x", "y", "places"))
    truth = true_curve(one_set["places"]).tolist()
    for ax, (degree, fit) in zip(axes, one_set["fits"].items(), strict=True):
        ax.plot(x, y, "o", color=INK, ms=3.5, mfc="none")
        ax.plot(fine, fit.tolist(), "-", color=BLUE, label="the fit")
        look = {"color": ORANGE, "lw": 1.4, "label": "the truth"}
        ax.plot(fine[::3], truth[::3], "--", **look)
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


def draw_descent(widths: list[int], mistakes: Tensor, examples: int = 200) -> Figure:
    """Draw error rates (seeds, widths, 2) by the width of a random layer."""
    fig, ax = figures.panels(5.2, 3.1)
    for part, (name, marker) in enumerate((("training", "o"), ("held out", "s"))):
        figures.band(ax, widths, 100 * mistakes[:, :, part], name, marker=marker, ms=4)
    ax.axvline(examples, color=INK, lw=1, ls=":")
    ax.text(examples * 1.15, 88, "as many as examples")
    ax.set(xscale="log", ylim=(0, 95), xlabel="random neurons", ylabel="error rate, %")
    ax.set(xticks=[10, 100, 1000], xticklabels=["10", "100", "1,000"])
    ax.minorticks_off()
    ax.legend(loc="upper left")
    return fig


def draw_curves(histories: Histories) -> Figure:
    """Draw losses and validation accuracy by epoch: wrong labels, and correct ones."""
    fig, (left, right) = figures.panels(5.2, 3.1, columns=2)
    wrong_labels, correct_labels = (
        histories["unregularised"],
        histories["correct labels"],
    )
    last = wrong_labels["loss"].shape[1]
    # fewer, where it is slow
    epochs = [*range(1, min(8, last)), *range(8, last + 1, 3)]

    def by_epoch(ax: Axes, runs: Tensor, name: str) -> None:
        figures.band(ax, epochs, runs[:, [epoch - 1 for epoch in epochs]], name)

    by_epoch(left, wrong_labels["loss"], "training")
    by_epoch(left, wrong_labels["validation_loss"], "validation")
    by_epoch(right, wrong_labels["validation_score"], "wrong labels")
    by_epoch(right, correct_labels["validation_score"], "correct labels")
    left.legend()
    right.legend()
    left.set(xlabel="epochs", title="loss, wrong labels", ylim=(0, None))
    right.set(xlabel="epochs", title="validation accuracy", ylim=(0.5, 1))
    return fig


def draw_regularisers(test: dict[str, Tensor], memorised: dict[str, Tensor]) -> Figure:
    """Draw each configuration's test accuracy (seeds,), and what it memorised."""
    fig, axes = figures.panels(5.2, 4, columns=2)
    names = list(memorised)[::-1]
    looks = ((test, "o", BLUE), (memorised, "s", ORANGE))
    for ax, (shares, marker, colour) in zip(axes, looks, strict=True):
        for row, name in enumerate(names):
            each = (100 * shares[name]).tolist()
            ax.plot(each, [row] * len(each), "|", color=colour, ms=7, mew=1)
            mean = sum(each) / len(each)
            ax.plot(mean, row, marker, color=colour, ms=6)
        ax.axvline(100 * float(shares["unregularised"].mean()), color=INK, lw=1, ls=":")
        ax.set(yticks=range(len(names)), yticklabels=names if ax is axes[0] else [])
    axes[0].set(title="test accuracy, %")
    axes[1].set(title="wrong labels\nmemorised, %", xlim=(-5, 105))
    axes[1].set(xticks=[0, 50, 100])
    return fig


def draw_search(curves: dict[str, Tensor], counts: dict[str, list[int]]) -> Figure:
    """Draw the winner's two scores (tries, 2) by the number of tries, twice."""
    fig, axes = figures.panels(5.2, 3, columns=2)
    for ax, (name, scores) in zip(axes, curves.items(), strict=True):
        looks = (("validation", "o-", BLUE), ("test", "s--", ORANGE))
        for column, (label, look, colour) in enumerate(looks):
            shares = (100 * scores[:, column]).tolist()
            ax.plot(counts[name], shares, look, color=colour, ms=4, label=label)
        ax.set(xscale="log", xlabel="tries", title=name)
        ax.set(xticks=counts[name][::2], xticklabels=map(str, counts[name][::2]))
        ax.minorticks_off()
    axes[0].set(ylabel="accuracy of the winner, %", ylim=(0, None))
    handles = axes[0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=2)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    errors = [Errors(**each) for each in results["errors"]]
    return {
        "fits": draw_fits(results["one_set"]),
        "degrees": draw_degrees(errors),
        "parts": draw_parts(errors),
        "descent": draw_descent(results["widths"], results["mistakes"]),
        "curves": draw_curves(results["histories"]),
        "regularisers": draw_regularisers(results["test"], results["memorised"]),
        "search": draw_search(results["curves"], results["counts"]),
    }


if __name__ == "__main__":
    figures.run(draw)
