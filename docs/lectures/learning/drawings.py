"""The figures of the lecture on learning, drawn from what code/learning.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from torch import Tensor
from torch.nn.functional import pad

from learning import SIZES
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, INK, ORANGE


def strokes(images: Tensor, level: float) -> Outline:
    """Draw a stroke through each run of pixels of at least `level`.

    The images (n, 8, 8) stand side by side.
    """
    strip = pad(images, (1, 1)).transpose(0, 1).reshape(8, -1)
    edges = (strip >= level).int().diff()  # (8, 10 n - 1): 1 where a run begins
    begins, ends = ((edges == step).nonzero().tolist() for step in (1, -1))
    runs = zip(begins, ends, strict=True)
    lines = [Outline([(left, row), (end, row)]) for (row, left), (_, end) in runs]
    return Outline.make_compound_path(*lines)


def draw_teachers(rows: dict[str, Tensor]) -> Figure:
    """Draw the ten means (10, 64) from each kind of learning, a row for each."""
    fig, axes = figures.panels(5.2, 2.6, rows=3)
    for ax, name in zip(axes, rows, strict=True):
        ax.set(
            xlim=(-0.5, 98.5), ylim=(7.5, -0.5), aspect="equal", xticks=[], yticks=[]
        )
        ax.spines[:].set_visible(False)
        ax.set_title(name, loc="left", pad=3)
    fig.draw_without_rendering()  # now it is known how large a pixel is
    for ax, each in zip(axes, rows.values(), strict=True):
        width = ax.bbox.height / 8 * 72 / fig.dpi
        for level, alpha in ((0.25, 0.35), (0.6, 0.6)):
            path = strokes(each.nan_to_num().reshape(-1, 8, 8), level)
            look = {"color": INK, "alpha": alpha, "lw": width, "capstyle": "butt"}
            ax.add_patch(PathPatch(path, fill=False, **look))
    return fig


def by_size(ax: Axes, named: dict[str, Tensor]) -> None:
    """Draw held-out accuracies (seeds, SIZES) against the number of images."""
    for name, values in named.items():
        (line,) = ax.plot(SIZES, values.mean(0).tolist(), marker="o", ms=4, label=name)
        low, high = values.amin(0).tolist(), values.amax(0).tolist()
        ax.fill_between(SIZES, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(xscale="log", xticks=SIZES, xticklabels=SIZES, ylim=(0, 1))
    ax.minorticks_off()
    ax.set(xlabel="training images", ylabel="held-out accuracy")


def draw_kinds(curves: dict[str, Tensor]) -> Figure:
    """Draw accuracy by number of images for each kind of learning (seeds, SIZES)."""
    fig, ax = figures.panels(5.2, 3.6)
    names = {
        "labels": "supervised: every label",
        "random": "rewards; only explores",
        "some": "rewards; 30 % exploration",
        "greedy": "rewards; never explores",
    }
    by_size(ax, {label: curves[name] for name, label in names.items()})
    groups = float(curves["groups"].mean())
    ax.axhline(groups, color=FAINT, lw=1.5, label="unsupervised, then ten labels")
    fig.legend(loc="outside upper center", ncols=2, fontsize="small")
    return fig


def draw_models(curves: dict[str, Tensor]) -> Figure:
    """Draw accuracy by number of images for each model (seeds, SIZES)."""
    fig, ax = figures.panels(5.2, 3.4)
    names = {
        "mean": "nearest mean",
        "neighbour": "nearest neighbour",
        "vectors": "support-vector machine",
    }
    by_size(ax, {label: curves[name] for name, label in names.items()})
    ax.set(ylim=(0.4, 1))
    ax.legend(loc="lower right")
    return fig


def draw_map(points: Tensor, digit: Tensor) -> Figure:
    """Draw images at their first two components (n, 2), each as its digit (n,)."""
    fig, ax = figures.panels(5.2, 4.4)
    for (across, up), each in zip(points.tolist(), digit.tolist(), strict=True):
        colour = (BLUE, ORANGE, INK)[each % 3]
        ax.text(across, up, str(each), color=colour, ha="center", va="center")
    low, high = points.amin(0).tolist(), points.amax(0).tolist()
    ax.set(xlim=(low[0] - 0.2, high[0] + 0.2), ylim=(low[1] - 0.2, high[1] + 0.2))
    ax.set(xlabel="first component", ylabel="second component")
    return fig


def draw_clusters(counts: Tensor) -> Figure:
    """Draw how many of each digit each group holds: counts (groups, digits)."""
    rows = sorted(counts.tolist(), key=lambda row: row.index(max(row)))
    fig, ax = figures.panels(5.2, 4)
    cells = {
        (each, row): count
        for row, counted in enumerate(rows)
        for each, count in enumerate(counted)
        if count
    }
    figures.table(ax, cells)
    ax.set(xlabel="digit", ylabel="group", yticklabels="ABCDEFGHIJ")
    return fig


def draw_waves(named: dict[str, Tensor]) -> Figure:
    """Draw pairs of signals (time, 2), each under its name."""
    fig, axes = figures.panels(5.2, 3.2, rows=3)
    for ax, (name, pair) in zip(axes, named.items(), strict=True):
        ax.plot(pair.tolist())
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, loc="left", pad=3)
    return fig


def draw_regression(prediction: Tensor, truth: Tensor, mean: float) -> Figure:
    """Draw the progression of held-out patients (n,) against predictions (n,)."""
    fig, ax = figures.panels(5.2, 3.4)
    ax.scatter(prediction.tolist(), truth.tolist(), 16, color=BLUE, alpha=0.7, lw=0)
    ends = [float(prediction.min()), float(prediction.max())]
    ax.plot(ends, ends, "--", color=ORANGE, label="as predicted")
    ax.axhline(mean, color=FAINT, label="mean of the training set")
    ax.set(xlabel="predicted", ylabel="progression after a year")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_features(accuracies: dict[str, float]) -> Figure:
    """Draw the accuracy of the nearest neighbour with each representation."""
    fig, ax = figures.panels(5.2, 2.2)
    names = {
        "hand": "6 features by hand",
        "components": "6 components",
        "learned": "6 learned features",
        "pixels": "64 pixels",
    }
    values = [accuracies[name] for name in names]
    bars = ax.barh(list(names.values()), values, color=BLUE, alpha=0.7, height=0.6)
    ax.bar_label(bars, [f"{value:.1%}" for value in values], padding=4)
    ax.set(xlim=(0, 1.15), xlabel="held-out accuracy", xticks=[0, 0.5, 1])
    ax.invert_yaxis()
    return fig


def draw_votes(share: Tensor, malignant: Tensor) -> Figure:
    """Draw how many held-out tumours got which share of votes (n,), by truth (n,)."""
    votes, (fig, ax) = (share * 15).round().long(), figures.panels(5.2, 3)
    looks = {"benign": (-0.2, BLUE, None), "malignant": (0.2, ORANGE, "///")}
    for kind, (name, (shift, colour, hatch)) in enumerate(looks.items()):
        counts = torch.bincount(votes[malignant == kind], minlength=16).tolist()
        places = [place + shift for place in range(16)]
        fill = "none" if hatch else colour
        bars = ax.bar(places, counts, width=0.4, edgecolor=colour, label=name)
        for bar in bars:
            bar.set(facecolor=fill, hatch=hatch)
    ax.axvspan(1.5, 13.5, color=FAINT, alpha=0.2, lw=0)
    ax.text(7.5, 20, "not sure: look again", ha="center")
    ax.set(yscale="symlog", yticks=[0, 1, 3, 10, 30, 100], xticks=[0, 5, 10, 15])
    ax.set(yticklabels=[0, 1, 3, 10, 30, 100])
    ax.set(xlabel='votes for "malignant", of 15', ylabel="held-out tumours")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results = kept(source)
    learned, shown = results["learned"], 130  # digits on the map
    teachers = {
        "supervised: every label": learned["means, labels"],
        "unsupervised: no labels": learned["means, nothing"],
        "reinforcement: right or wrong": learned["means, rewards"],
    }
    signals = {
        "two sources": learned["signals"],
        "what two microphones hear": learned["mixed"],
        "separated again": learned["unmixed"],
    }
    return {
        "teachers": draw_teachers(teachers),
        "kinds": draw_kinds(results["feedback"]),
        "models": draw_models(results["models"]),
        "map": draw_map(learned["map"][:shown], learned["digits"][:shown]),
        "clusters": draw_clusters(learned["digits of groups"]),
        "waves": draw_waves(signals),
        "regression": draw_regression(
            learned["predicted progression"],
            learned["progression"],
            float(learned["mean progression"]),
        ),
        "features": draw_features(results["features"]),
        "votes": draw_votes(learned["votes"], learned["malignant"]),
    }


if __name__ == "__main__":
    figures.run(draw)
