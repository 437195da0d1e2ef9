"""The figures of the lecture on data, drawn from what code/data.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import avg_pool2d

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, ORANGE, tiles
from neuronup.images import Images, load, translate
from neuronup.metrics import calibration_curve, roc_curve


def draw_explorer(images: Images) -> Figure:
    """Draw samples and the mean image of each class, class sizes, and grey values."""
    fig, axes = figures.panels(5.2, 4.5, rows=2, columns=2)
    axes[0, 0].get_gridspec().set_height_ratios([3, 2])
    (x, y), classes = images.train, images.classes
    by_class = [x[y == label] for label in range(len(classes))]
    some = torch.cat([each[:1] for each in by_class])
    tiles(axes[0, 0], (2 * some).round() / 2, 2)  # few levels are few bytes
    means = torch.stack([each.mean(dim=0) for each in by_class])
    tiles(axes[0, 1], (3 * avg_pool2d(means, 2)).round() / 3, 2)
    axes[1, 0].bar(range(len(classes)), [len(each) for each in by_class], color=BLUE)
    axes[1, 0].set_xticks(range(len(classes)))
    share = x[:5000].histc(17, 0, 1) / x[:5000].numel()  # it counts up to 2^24
    edges = torch.linspace(0, 1, 18).tolist()
    axes[1, 1].stairs(share.tolist(), edges, color=ORANGE, fill=True)
    axes[1, 1].set(xlabel="value of a pixel", ylabel="share of all")
    axes[1, 0].set(xlabel="class", ylabel="images")
    axes[0, 0].set_title("one image of each class", size="medium")
    axes[0, 1].set_title("mean of each class", size="medium")
    return fig


def draw_translation(x: Tensor) -> Figure:
    """Draw x (height, width), the same one pixel to the right, and the difference."""
    moved = translate(x, 1, 0)
    named = {
        "an image": x,
        "moved by one pixel": moved,
        "the difference": moved - x,
    }
    return figures.images({name: each.flatten() for name, each in named.items()})


Looks = dict[str, tuple[str, str, str]]  # marker, colour and label of each way


def draw_ranges(
    scores: dict[str, dict[str, Tensor]], looks: Looks, xlabel: str, height: float
) -> Figure:
    """Draw a row for each of scores, a mark for each way: mean, range of (seeds,)."""
    fig, ax = figures.panels(5.2, height)
    for number, (way, (marker, colour, label)) in enumerate(looks.items()):
        found = torch.stack([each[way] for each in scores.values()])  # (rows, seeds)
        lift = 0.26 * (number - (len(looks) - 1) / 2)
        rows = [row + lift for row in range(len(scores))]
        ax.hlines(rows, found.amin(1).tolist(), found.amax(1).tolist(), colour, lw=1)
        middle = found.mean(1).tolist()
        ax.plot(middle, rows, marker, color=colour, ms=8, linestyle="", label=label)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.locator_params(axis="x", nbins=6)
    ax.set(ylim=(len(scores) - 0.5, -0.5), xlabel=xlabel)
    if len(looks) > 1:
        fig.legend(loc="outside upper center", ncols=len(looks))
    return fig


def draw_leaks(scores: dict[str, dict[str, Tensor]]) -> Figure:
    """Draw the accuracy without and with each leak."""
    looks = {
        "right": ("o", BLUE, "correct split"),
        "leak": ("X", ORANGE, "with a leak"),
    }
    return draw_ranges(scores, looks, "accuracy on the part held out", 2.4)


GAPS = {
    "drop": "row dropped",
    "median": "median",
    "indicator": "median + indicator",
    "species": "median of species",
}
FAMILIES = {
    "logistic": "logistic regression",
    "network": "small network",
    "forest": "random forest",
    "boosting": "gradient boosting",
}


def draw_penguins(scores: dict[str, Tensor], names: dict[str, str]) -> Figure:
    """Draw the test accuracy on penguins for each of `names`."""
    ways = {name: {"it": scores[way]} for way, name in names.items()}
    look = {"it": ("o", BLUE, "accuracy")}
    return draw_ranges(ways, look, "accuracy on penguins held out", 2.0)


def draw_shifts(scores: dict[str, dict[str, Tensor]]) -> Figure:
    """Draw the accuracy before each shift, in use, and corrected."""
    looks = {
        "before": ("o", BLUE, "before"),
        "use": ("X", ORANGE, "in use"),
        "corrected": ("s", GREEN, "corrected"),
    }
    return draw_ranges(scores, looks, "accuracy", 2.6)


def draw_scales(scores: dict[str, Tensor]) -> Figure:
    """Draw the accuracy on three scales, at one learning rate and at the best."""
    names = {"bytes": "0 to 255", "unit": "0 to 1", "scaled": "mean 0, std 1"}
    rows = {}
    for scale, name in names.items():
        runs = [each for key, each in scores.items() if key.startswith(scale)]
        best = max(runs, key=lambda run: float(run.mean()))
        rows[name] = {"fixed": scores[f"{scale} 0.1"], "best": best}
    looks = {
        "fixed": ("X", ORANGE, "rate 0.1"),
        "best": ("o", BLUE, "its best rate"),
    }
    return draw_ranges(rows, looks, "validation accuracy", 2.2)


def draw_feedback(patrols: dict[str, Tensor]) -> Figure:
    """Draw the shares (runs, days) of one district, by records as they are or not."""
    fig, axes = figures.panels(5.2, 2.6, columns=2)
    titles = {"records": "by records", "corrected": "corrected"}
    for ax, (way, shares) in zip(axes, patrols.items(), strict=True):
        days = range(0, shares.shape[1], 30)
        for run in shares[:4, ::30].tolist():
            ax.plot(days, run, "-", color=BLUE, lw=1)
        ax.axhline(0.5, color=ORANGE, ls="--", lw=1.5)
        ax.set(ylim=(0, 1), title=titles[way], xlabel="day")
    axes[0].set_ylabel("share of visits")
    return fig


def draw_groups(scores: dict[str, Tensor]) -> Figure:
    """Draw the error rates of two groups under one threshold."""
    looks = {
        "female": ("o", BLUE, "female"),
        "male": ("X", ORANGE, "male"),
    }
    names = {
        "accuracy": "accuracy",
        "true_positive": "true-positive rate",
        "false_positive": "false-positive rate",
        "precision": "precision",
    }
    rows = {
        name: {sex: scores[f"one_{sex}_{rate}"] for sex in looks}
        for rate, name in names.items()
    }
    return draw_ranges(rows, looks, "share", 2.6)


def draw_confusion(counts: Tensor, classes: tuple[str, ...]) -> Figure:
    """Draw the confusion matrix (classes, classes)."""
    fig, ax = figures.panels(5.2, 4.4)
    figures.confusion(ax, counts, classes)
    return fig


def draw_rare(pooled: dict[str, Any]) -> Figure:
    """Draw the ROC curve, with the threshold of one half, and the reliability."""
    fig, (left, right) = figures.panels(5.2, 3.1, columns=2)
    for (name, (y, z, _)), marker in zip(pooled.items(), "os", strict=True):
        curve = roc_curve(y, z)
        (line,) = left.plot(
            curve.false_positive_rate.tolist(),
            curve.true_positive_rate.tolist(),
            label=name,
        )
        at = (curve.thresholds >= 0).sum() - 1
        left.plot(
            curve.false_positive_rate[at],
            curve.true_positive_rate[at],
            marker,
            color=line.get_color(),
            ms=8,
        )
        calibration = calibration_curve(y, z.double().sigmoid())
        right.plot(
            calibration.predicted.tolist(),
            calibration.observed.tolist(),
            marker=marker,
            ms=5,
        )
    for ax in (left, right):
        ax.plot([0, 1], [0, 1], "-", color=FAINT, lw=1)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    left.set(xlabel="false-positive rate", ylabel="true-positive rate")
    right.set(xlabel="predicted probability", ylabel="share observed")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    images, pooled = load(results["data"], results["seed"]), results["pooled"]
    return {
        "explorer": draw_explorer(load(results["larger"], results["seed"])),
        "shift": draw_translation(images.train.x[0, 0]),
        "leaks": draw_leaks(results["leaks"]),
        "confusion": draw_confusion(results["errors"], images.classes),
        "gaps": draw_penguins(results["tables"]["gap"], GAPS),
        "families": draw_penguins(results["tables"]["family"], FAMILIES),
        "scales": draw_scales(results["scales"]),
        "shifts": draw_shifts(results["shifts"]),
        "feedback": draw_feedback(results["patrols"]),
        "groups": draw_groups(results["tables"]["sex"]),
        "rare": draw_rare({way: pooled[way] for way in ("plain", "weighted")}),
    }


if __name__ == "__main__":
    figures.run(draw)
