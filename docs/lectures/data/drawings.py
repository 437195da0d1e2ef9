"""The figures of the lecture on data, drawn from what code/data.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, ORANGE, tiles
from neuronup.images import Images, load, translate
from neuronup.metrics import calibration_curve, roc_curve


def draw_explorer(images: Images) -> Figure:
    """Draw samples and the mean image of each class, class sizes, and grey values."""
    fig, axes = figures.panels(5.2, 4.5, rows=2, columns=2)
    axes[0, 0].get_gridspec().set_height_ratios([3, 2])
    (x, y), classes = images.train, images.classes
    by_class = [x[y == label] for label in range(len(classes))]
    tiles(axes[0, 0], torch.cat([each[:5] for each in by_class]), 5)
    middles = [(row + 0.5) * (x.shape[2] + 1) for row in range(len(classes))]
    axes[0, 0].set_yticks(middles, classes)
    means = torch.stack([each.mean(dim=0) for each in by_class])
    tiles(axes[0, 1], (16 * means).round() / 16, 2)  # few levels are few bytes
    axes[1, 0].bar(range(len(classes)), [len(each) for each in by_class], color=BLUE)
    axes[1, 0].set_xticks(range(len(classes)))
    share = x.histc(17, 0, 1) / x.numel()
    edges = torch.linspace(0, 1, 18).tolist()
    axes[1, 1].stairs(share.tolist(), edges, color=ORANGE, fill=True)
    axes[1, 1].set(xlabel="value of a pixel", ylabel="share of all")
    axes[1, 0].set(xlabel="class", ylabel="images")
    axes[0, 0].set_title("some images", size="medium")
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


def draw_leaks(scores: dict[str, dict[str, Tensor]]) -> Figure:
    """Draw the accuracy without and with each leak: mean and range of (seeds,)."""
    fig, ax = figures.panels(5.2, 2.4)
    looks = {
        "right": ("o", BLUE, "correct split"),
        "leak": ("X", ORANGE, "with a leak"),
    }
    for lift, way in ((-0.13, "right"), (0.13, "leak")):
        marker, colour, label = looks[way]
        found = torch.stack([each[way] for each in scores.values()])  # (leaks, seeds)
        rows = [row + lift for row in range(len(scores))]
        ax.hlines(rows, found.amin(1).tolist(), found.amax(1).tolist(), colour, lw=1)
        middle = found.mean(1).tolist()
        ax.plot(middle, rows, marker, color=colour, ms=8, linestyle="", label=label)
    ax.set_yticks(range(len(scores)), list(scores))
    ax.set(ylim=(len(scores) - 0.5, -0.5), xlabel="accuracy on the part held out")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


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
        "explorer": draw_explorer(images),
        "shift": draw_translation(images.train.x[0, 0]),
        "leaks": draw_leaks(results["leaks"]),
        "confusion": draw_confusion(results["errors"], images.classes),
        "rare": draw_rare({way: pooled[way] for way in ("plain", "weighted")}),
    }


if __name__ == "__main__":
    figures.run(draw)
