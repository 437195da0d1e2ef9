"""The figures of the lecture on history, drawn from what code/history.py kept.

Drawing takes seconds and trains nothing: `python drawings.py outputs figures`.
"""

from collections import Counter
from itertools import pairwise
from pathlib import Path
from textwrap import fill
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from torch import Tensor

from history import (
    EVENT_KINDS,
    EVENTS,
    FACTS,
    MODELS,
    RULES,
    SILENT,
    SPARSE,
    TRAINING_SIZES,
    Rule,
    fixed_split,
    infer,
    observe,
    parse,
    shift,
)
from neuronup import figures
from neuronup.command import kept
from neuronup.figures import BLUE, FAINT, GREEN, INK, ORANGE, PURPLE, arrow

WINTERS = [(1974, 1980), (1987, 1993)]
Point = tuple[float, float]
# For half a slide: narrower, so that the lettering is as large as on a whole one.
HALF = 4.0
DISPUTED, MOVED, NEW = 1036, 653, 462  # images that show what happens to many
TOP_FIVE = {  # top-5 error in per cent, and on which images, as the page says
    "runner-up, features by people": (26.2, "contest"),
    "one AlexNet": (18.2, "validation"),
    "five, averaged": (16.4, "validation"),
    "seven, averaged: the winner": (15.3, "contest"),
}
RULE_BASES = {  # rules, as the page says
    "MYCIN, 1976": 600,
    "XCON, end of 1980": 850,
    "XCON, 1983": 3300,
    "XCON, 1987": 6200,
}
LOOKS = dict(zip(EVENT_KINDS, ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^")), strict=True))


def draw_growth(seen: list[float], held_out: list[float], learned: Tensor) -> Figure:
    """Draw accuracy by number of rules, beside that of examples (seeds, sizes)."""
    fig, axes = figures.panels(5.2, 3.2, columns=2)
    for name, values in (("training images", seen), ("held-out images", held_out)):
        axes[0].plot(range(1, len(values) + 1), values, label=f"rules, {name}")
    axes[0].set(xlabel="rules", ylabel="accuracy", ylim=(0, 1))
    name, look = (
        "nearest neighbour, held-out",
        {"ls": "-.", "marker": "o", "ms": 4},
    )
    figures.band(axes[1], TRAINING_SIZES, learned, name, color=GREEN, **look)
    axes[1].axhline(held_out[-1], color=ORANGE, ls=":", label="all rules")
    axes[1].set(xlabel="examples", ylim=(0, 1), xscale="log", yticklabels=[])
    axes[1].set_xticks([10, 100, 1000], ["10", "100", "1000"])
    axes[1].minorticks_off()
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_gains(steps: list[dict[str, float]]) -> Figure:
    """Draw how many images each rule won, and how many it lost."""
    fig, ax = figures.panels(5.2, 2.8)
    rules = range(1, len(steps) + 1)
    lost = [-step["lost"] for step in steps]
    ax.bar(rules, [step["won"] for step in steps], color=BLUE, label="newly correct")
    ax.bar(
        rules,
        lost,
        fill=False,
        edgecolor=ORANGE,
        hatch="///",
        label="no longer correct",
    )
    ax.axhline(0, color=INK, lw=0.8)
    ax.set(xlabel="rule added", ylabel="training images")
    ax.legend()
    return fig


def draw_confusion(prediction: Tensor, digit: Tensor) -> Figure:
    """Draw how often each prediction (n,) fell to each digit (n,), silence last."""
    fig, ax = figures.panels(4.4, 3.9)
    column = torch.where(prediction == SILENT, 10, prediction).tolist()
    cells = Counter(zip(column, digit.tolist(), strict=True))
    figures.table(ax, cells)
    columns = sorted(set(column))
    ax.set_xticks(columns, [str(c) if c < 10 else "none" for c in columns])
    ax.set(xlabel="predicted", ylabel="digit")
    return fig


def draw_three(x: Tensor, digit: Tensor, prediction: Tensor) -> Figure:
    """Draw three images x (n, 8, 8) of an 8 that the rules do not classify as an 8."""
    wrong = (digit == 8) & (prediction != 8)
    named = {
        "no rule fires" if output == SILENT else f"predicted: {output}": image.flatten()
        for output, image in zip(prediction[wrong].tolist(), x[wrong], strict=True)
    }
    return figures.images(dict(sorted(named.items())[:3]))


def draw_timeline(first: int, last: int, width: float = 5.2) -> Figure:
    """Draw the events from one year to another down the page, winters shaded."""
    events = [event for event in EVENTS if first <= event.year <= last]
    fig, ax = figures.panels(width, 0.29 * len(events) + 0.7)
    ax.grid(False)  # lines would run through the words
    span = last - first
    for start, end in WINTERS:
        if first <= start and end <= last:
            ax.axhspan(start, end, color=FAINT, alpha=0.25, lw=0)
            ax.text(0.01, (start + end) / 2, "winter", va="center", size="small")
    ax.plot([0.17, 0.17], [first, last], color=FAINT, lw=1)
    for place, event in enumerate(events):
        colour, marker = LOOKS[event.kind]
        line = first + span * (place + 0.5) / len(events)
        aside = 0.03 * sum(other.year == event.year for other in events[:place])
        ax.plot([0.17 + aside, 0.27], [event.year, line], "-", color=FAINT, lw=0.7)
        ax.plot(0.17 + aside, event.year, marker, color=colour, ms=6)
        ax.text(0.28, line, f"{event.year}  {event.what}", va="center")
    for kind, (colour, marker) in LOOKS.items():
        ax.plot([], [], marker, color=colour, label=kind)
    look = {"handletextpad": 0.1, "columnspacing": 2 if width > HALF else 0.8}
    fig.legend(loc="outside upper center", ncols=3, **look)
    if width == HALF:
        ax.set(yticks=range(5 * -(-first // 5), last + 1, 5))
    ax.set(xlim=(0, 1.2), ylim=(last + span / 40, first - span / 40), xticks=[])
    ax.spines["bottom"].set_visible(False)
    return fig


def name_dot(ax: Axes, name: str, year: float, size: float, left: str) -> None:
    """Write a model's name right of its dot, or left of it if it is in `left`."""
    side = -1 if name in left else 1
    ax.annotate(
        name,
        (year, size),
        xytext=(6 * side, 0),
        textcoords="offset points",
        ha="right" if side < 0 else "left",
        va="center",
        size="small",
    )


def draw_compute(left: str) -> Figure:
    """Draw the work of training the models by year, and how far sources differ."""
    fig, ax = figures.panels(5.2, 3.8)
    for model in MODELS:
        reach = [model.exaflop, *model.others]
        ends = [1e18 * min(reach), 1e18 * max(reach)]
        ax.plot([model.year] * 2, ends, "-", color=ORANGE, lw=4)
        ax.plot(model.year, model.exaflop * 1e18, "o", color=BLUE, ms=5)
        name_dot(ax, model.name, model.year, model.exaflop * 1e18, left)
    ax.plot([], [], "-", color=ORANGE, lw=4, label="other counts of the same run")
    ax.legend(loc="upper left")
    ax.set(yscale="log", xlabel="year", xlim=(2011.5, 2027.5))
    ax.set(ylabel="operations to train (FLOP)", xticks=range(2012, 2027, 2))
    return fig


def draw_parameters(left: str) -> Figure:
    """Draw the parameters of the models by year; open: mixtures of experts."""
    fig, ax = figures.panels(5.2, 3.8)
    known = [(each.name, each.year, each.parameters) for each in MODELS]
    sparse = [(name, year, size) for name, (year, size, _) in SPARSE.items()]
    for name, year, size in [*known, *sparse]:
        if size is None:
            continue
        look = "none" if name in {*SPARSE, "MoE-Multi", "DeepSeek-V3"} else PURPLE
        ax.plot(year, size, "o", color=PURPLE, mfc=look, ms=5, mew=1.2)
        name_dot(ax, name, year, size, left)
    for look, label in (
        (PURPLE, "all used for every token"),
        ("none", "few used for each token"),
    ):
        ax.plot([], [], "o", color=PURPLE, mfc=look, ms=5, mew=1.2, label=label)
    ax.legend(loc="lower right")
    ax.set(yscale="log", xlabel="year", xlim=(2011.5, 2027.5), ylim=(1e7, 5e12))
    ax.set(ylabel="parameters", xticks=range(2012, 2027, 2))
    return fig


def boxed(ax: Axes, place: Point, words: str, colour: str = BLUE, **look: Any) -> Text:
    """Write words in a box."""
    frame = {"boxstyle": "round,pad=0.45", "fc": "none", "ec": colour, "lw": 1.6}
    return ax.text(*place, words, bbox=frame, ha="center", va="center", **look)


def bare(ax: Axes, width: float, height: float) -> None:
    """Make the axes an empty board of so many units."""
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()


def draw_network(
    ax: Axes, sizes: list[int], corner: Point, gap: Point, **look: Any
) -> list[Artist]:
    """Draw layers of units, left to right from a corner, and all links."""
    columns = [
        [(corner[0] + layer * gap[0], corner[1] + unit * gap[1]) for unit in units]
        for layer, units in enumerate(
            [row + (max(sizes) - size) / 2 for row in range(size)] for size in sizes
        )
    ]
    parts: list[Artist] = []
    for before, after in pairwise(columns):
        for start in before:
            for end in after:
                ends = zip(start, end, strict=True)
                parts += ax.plot(*ends, "-", color=FAINT, lw=1)
    dots = [place for column in columns for place in column]
    ringed: dict[str, Any] = {"color": BLUE, "ms": 9} | look
    return [*parts, *ax.plot(*zip(*dots, strict=True), "o", **ringed)]


def draw_promises() -> Figure:
    """Draw how long two promises gave themselves, and what there was by then."""
    fig, ax = figures.panels(HALF, 3.5)
    bars = ((2, 1960, 20, "any work a man can do"), (1, 1966, 1, "a machine that sees"))
    for row, start, years, words in bars:
        ax.barh(row, years, 0.3, left=start, fc=BLUE, ec=BLUE, alpha=0.6, hatch="//")
        ax.text(1960, row + 0.27, words, va="bottom", weight="bold")
    came = (
        (2, 1980, 1980, "1980: XCON\norders computers"),
        (1, 1967, 2012, "2012: AlexNet names\nwhat photographs show"),
    )
    for number, (row, start, year, words) in enumerate(came, 1):
        line = ax.plot([start, year], [row, row], ":", color=ORANGE)
        dot = ax.plot(year, row, "o", color=ORANGE, ms=9)
        side = "left" if number == 1 else "right"
        told = ax.text(year, row - 0.22, words, ha=side, va="top")
        figures.step(number, *line, *dot, told)
    ax.set(xlim=(1957, 2018), ylim=(0.3, 2.75), yticks=[], xticks=[1960, 1980, 2000])
    return fig


def draw_serial() -> Figure:
    """Draw rules, one after another, beside a network, whose units work at once."""
    fig, ax = figures.panels(HALF, 3.6)
    for row in range(4):
        boxed(ax, (1.6, 6.2 - 1.6 * row), f"{row + 1}. if … then …", ORANGE)
        if row:
            arrow(ax, (1.6, 7.25 - 1.6 * row), (1.6, 6.75 - 1.6 * row))
    ax.text(1.6, 7.3, "a list of rules", ha="center", weight="bold")
    title = ax.text(6.1, 7.3, "a network", ha="center", weight="bold")
    net = draw_network(ax, [4, 3, 2], (4.4, 2.6), (1.7, 1.2))
    figures.step(1, title, *net)
    told = "18 links: 18 steps,\none after another"
    figures.step(2, ax.text(6.1, 1.2, told, ha="center", va="center"))
    bare(ax, 8.2, 8)
    return fig


def draw_parts() -> Figure:
    """Draw the parts of an expert system, and who puts what in."""
    fig, ax = figures.panels(8, 3.7)
    large = {"fontsize": 13, "ha": "center"}
    boxed(ax, (1.3, 6), "experts", FAINT, fontsize=13)
    asks = arrow(ax, (2.6, 6), (4.4, 6), arrowstyle="<->")
    told = ax.text(3.5, 6.25, "asks", **large)
    writer = boxed(ax, (6.8, 6), "knowledge engineer", FAINT, fontsize=13)
    figures.step(1, asks, told, writer)
    writes = arrow(ax, (9.2, 6), (11, 6))
    told = ax.text(10.1, 6.25, "writes", **large)
    base = boxed(ax, (13.3, 6), "knowledge base", BLUE, fontsize=13)
    rules = [ax.text(13.3, height, "if … then …", **large) for height in (4.7, 4.1)]
    figures.step(2, writes, told, base, *rules)
    reads = arrow(ax, (13.3, 3.8), (13.3, 2.3))
    engine = boxed(ax, (13.3, 1.6), "inference engine", ORANGE, fontsize=13)
    figures.step(3, reads, engine)
    case = boxed(ax, (6.8, 2.6), "facts of one case", FAINT, fontsize=13)
    figures.step(4, case, arrow(ax, (9.2, 2.6), (11, 1.9)))
    advice = boxed(ax, (6.8, 0.7), "advice", PURPLE, fontsize=13, weight="bold")
    figures.step(5, advice, arrow(ax, (11, 1.3), (8, 0.7), color=PURPLE))
    bare(ax, 15.6, 7.2)
    return fig


def draw_rule_bases() -> Figure:
    """Draw how many rules two expert systems had."""
    fig, ax = figures.panels(HALF, 3.4)
    for row, (name, rules) in enumerate(RULE_BASES.items()):
        look = {"color": BLUE} if row else {"fc": "none", "ec": ORANGE, "hatch": "//"}
        number = f"{rules:,}" if row else "450–600"
        parts = [*ax.barh(row, rules, 0.5, **look)]
        parts.append(ax.text(rules + 120, row, number, va="center"))
        parts.append(ax.text(0, row - 0.31, name, va="bottom"))
        if row > 1:
            figures.step(row - 1, *parts)
    ax.set(xlabel="rules", xlim=(0, 7600), ylim=(3.4, -0.8), yticks=[])
    ax.set(xticks=[0, 2000, 4000, 6000])
    return fig


def draw_observed(image: Tensor) -> Figure:
    """Draw an image (8, 8), and the facts about it."""
    fig, axes = figures.panels(8, 3.7, columns=2)
    axes[0].set_box_aspect(1)
    figures.squares(axes[0], image)
    facts = {name: bool(fact(image[None])) for name, fact in FACTS.items()}
    name, patch = "stroke upper left", image[2:4, 1:3]
    figures.box(axes[0], 1, 2, 2, 2, ec=ORANGE, lw=3)
    figures.step(2, axes[0].patches[-1])
    told = f"mean of the patch {patch.mean():.2f}, at least 0.3?"
    figures.step(2, axes[0].text(0.5, -0.05, told, **below(axes[0])))
    for row, (each, holds) in enumerate(facts.items()):
        number = 1 if "hole" in each else 2 if each == name else 3
        bold = "bold" if each == name else "normal"
        at = 13.5 - row
        parts = [axes[1].text(0, at, each, va="center", weight=bold)]
        parts.append(axes[1].text(7, at, "yes" if holds else "no", va="center"))
        parts += axes[1].plot(6.5, at, "o", color=BLUE, mfc=BLUE if holds else "none")
        figures.step(number, *parts)
    bare(axes[1], 8, 14)
    return fig


def below(ax: Axes) -> dict[str, Any]:
    """Say where words below the axes stand."""
    return {"transform": ax.transAxes, "ha": "center", "va": "top"}


def draw_fires(image: Tensor, rules: list[Rule]) -> Figure:
    """Draw an image (8, 8), and the rules that fire on it: the most specific wins."""
    fig, axes = figures.panels(8, 3.6, columns=2)
    axes[0].set_box_aspect(1)
    figures.squares(axes[0], image)
    facts = observe(image[None])
    firing = [each for each in enumerate(rules, 1) if each[1].fires(facts)]
    firing.sort(key=lambda each: len(each[1].conditions))
    top = 13.0
    for number, (place, rule) in enumerate(firing, 1):
        words = fill(", ".join(rule.conditions), 38)
        count = len(rule.conditions)
        head = f"rule {place} says {rule.digit}: {count} conditions hold"
        parts = [axes[1].text(0, top, head, weight="bold", va="center")]
        parts.append(axes[1].text(0, top - 0.5, words, va="top"))
        figures.step(number, *parts)
        top -= 2.2 + 0.95 * words.count("\n")
    won = boxed(
        axes[1], (4, 0.9), f"most conditions win: {firing[-1][1].digit}", ORANGE
    )
    figures.step(len(firing) + 1, won)
    bare(axes[1], 8, 14)
    return fig


def draw_happens(results: dict[str, Any]) -> Figure:
    """Draw what happens as rules are added: gains, conflicts, two accuracies."""
    fig, axes = figures.panels(8, 3.6, columns=3)
    seen, held_out = results["seen"], results["held_out"]
    rules = range(1, len(seen) + 1)
    nets = torch.tensor([step["won"] - step["lost"] for step in seen]).float()
    means = [float(nets[:10].mean()), float(nets[10:].mean())]
    axes[0].bar(["first ten", "later"], means, 0.6, color=BLUE, alpha=0.7)
    for place, mean in enumerate(means):
        axes[0].text(place, mean + 2, f"{mean:.0f}", ha="center")
    axes[0].set(title="gains shrink", ylabel="images won by a rule", ylim=(0, 90))
    conflict = [100 * step["conflict"] for step in held_out]
    axes[1].plot(rules, conflict, "-", color=ORANGE)
    axes[1].set(title="rules collide", ylabel="% of images with a conflict")
    axes[1].set(xlabel="rules", ylim=(0, 45))
    for name, steps, look in (("looked at", seen, "-"), ("held out", held_out, "--")):
        accuracy = [100 * step["accuracy"] for step in steps]
        axes[2].plot(rules[9:], accuracy[9:], look, label=name)
    axes[2].set(title="they fit what was seen", ylabel="accuracy in %", xlabel="rules")
    axes[2].legend(loc="lower right")
    figures.step(1, axes[1])
    figures.step(2, axes[2])
    return fig


def draw_nearest(x: Tensor, digit: Tensor, new: Tensor) -> Figure:
    """Draw a new image (8, 8), its nearest examples of x (n, 8, 8), and a far one."""
    fig, axes = figures.panels(8, 2.1, columns=5)
    distance = (x - new).flatten(1).norm(dim=1)
    order = distance.argsort()
    figures.squares(axes[0], new)
    axes[0].set_title("new: ?")
    for place, which in enumerate([*order[:3].tolist(), int(order[-1])], 1):
        figures.squares(axes[place], x[which])
        name = f"a {digit[which]}, distance {distance[which]:.1f}"
        axes[place].set_title(name, weight="bold" if place == 1 else "normal")
        figures.step(1 if place == 4 else 2 if place == 1 else 3, axes[place])
    return fig


def draw_moved(image: Tensor, rules: list[Rule]) -> Figure:
    """Draw an image (8, 8), the same one pixel to the right, and what changes."""
    fig, axes = figures.panels(HALF, 2.7, columns=2)
    both = torch.stack([image, shift(image[None])[0]])
    outputs, facts = infer(rules, observe(both)).tolist(), observe(both)
    for ax, each, output in zip(axes, both, outputs, strict=True):
        figures.squares(ax, each)
        figures.box(ax, 1, 2, 2, 2, ec=ORANGE, lw=3)
        ax.set_title(f"predicted: {output}")
    found = [facts["stroke upper left"][at].item() for at in (0, 1)]
    for ax, holds in zip(axes, found, strict=True):
        ax.set_xlabel(f"stroke upper left:\n{'yes' if holds else 'no'}")
    figures.step(1, axes[1])
    return fig


def draw_found() -> Figure:
    """Draw when backpropagation was found, and what for, along the years."""
    fig, ax = figures.panels(8, 3.7)
    ax.plot([0.4, 15.4], [3.2, 3.2], "-", color=FAINT, lw=1.5)
    places = {year: 0.9 + (year - 1968) * 0.7 for year in range(1968, 1991)}
    start, end = places[1974], places[1980]
    ax.add_patch(
        Rectangle((start, 2.95), end - start, 0.5, color=FAINT, alpha=0.3, lw=0)
    )
    ax.text((start + end) / 2 + 0.4, 3.2, "winter", ha="center", va="center")
    told = (
        (1970, 2.3, "1970 Linnainmaa", "the method,\nno networks"),
        (1974, 7.1, "1974 Werbos", "for networks,\nunnoticed"),
        (1986, 13.1, "1986 Rumelhart, Hinton,\nWilliams", "look what it\nlearns"),
    )
    sizes = ([1, 1, 1], [3, 2, 1], [3, 2, 1])
    for number, (year, at, who, what) in enumerate(told):
        parts: list[Artist] = [*ax.plot(places[year], 3.2, "o", color=BLUE, ms=10)]
        parts.append(ax.text(at, 2.6, who, ha="center", va="top", weight="bold"))
        parts.append(ax.text(at, 1.5, what, ha="center", va="top"))
        parts += draw_network(ax, sizes[number], (at - 1.3, 4.3), (1.3, 0.75))
        parts.append(arrow(ax, (at + 1.3, 6.5), (at - 1.3, 6.5), color=ORANGE, lw=2.5))
        if year == 1986:
            ring = {"mfc": "none", "mec": ORANGE, "ms": 17, "mew": 2.5}
            parts += ax.plot([at] * 2, [4.675, 5.425], "o", **ring)
        if number:
            figures.step(number, *parts)
    bare(ax, 15.6, 6.9)
    return fig


def draw_four() -> Figure:
    """Draw four things that came together in 2012."""
    fig, ax = figures.panels(8, 3.8)
    told = (
        ("data", "ImageNet, 2009: grew to over\n14 million sorted pictures"),
        ("compute", "GPUs, CUDA since 2007: up to\n70 times as fast (2009)"),
        ("algorithms", "backpropagation since 1986,\nand many small inventions"),
        ("open tools", "Theano, Torch; later\nTensorFlow, PyTorch"),
    )
    for number, (name, words) in enumerate(told):
        at = 7.0 - 2 * number
        parts: list[Artist] = [boxed(ax, (1.5, at), name, BLUE, weight="bold")]
        parts.append(ax.text(3.2, at, words, va="center"))
        end = (11.1, 1.0) if name == "open tools" else (11.3, 6.5 - 0.3 * number)
        parts.append(arrow(ax, (9.0, at), end, color=ORANGE))
        if number:
            figures.step(number, *parts)
    parts = [boxed(ax, (13.4, 6.2), "2012: AlexNet", PURPLE, weight="bold")]
    for row, words in enumerate(("60 million parameters", "1.2 million pictures")):
        parts.append(ax.text(13.4, 5.2 - 0.7 * row, words, ha="center", va="center"))
    figures.step(2, *parts, ax.text(13.4, 3.8, "two GPUs", ha="center", va="center"))
    followed = arrow(ax, (13.4, 3.3), (13.4, 1.75), color=ORANGE)
    figures.step(3, boxed(ax, (13.4, 1.0), "since then nearly all", PURPLE), followed)
    bare(ax, 15.7, 8)
    return fig


def draw_cores() -> Figure:
    """Draw a processor of four cores beside a gaming card of 512."""
    fig, axes = figures.panels(8, 3.7, columns=2)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        core = Rectangle((4 + 4.2 * column, 4 + 4.2 * row), 3.8, 3.8)
        core.set(fc="none", ec=BLUE, lw=2)
        axes[0].add_patch(core)
        axes[0].text(5.9 + 4.2 * column, 5.9 + 4.2 * row, "core", **middle())
    axes[0].set_title("a processor: a few fast cores")
    axes[0].text(8, 2.2, "many different steps, in order", **middle())
    dots = [(0.5 * column, 4 + 0.56 * row) for row in range(16) for column in range(32)]
    axes[1].plot(*zip(*dots, strict=True), "s", color=ORANGE, ms=3.6)
    axes[1].set_title("GTX 580: 512 simple cores")
    axes[1].text(8, 2.2, "the same small sum, 512 times at once", **middle())
    for ax in axes:
        ax.set(xlim=(-0.5, 16.5), ylim=(1.2, 13))
        ax.set_axis_off()
    figures.step(1, axes[1])
    return fig


def middle() -> dict[str, Any]:
    """Say that words are centred on their place."""
    return {"ha": "center", "va": "center"}


def draw_top_five() -> Figure:
    """Draw the top-5 errors of ImageNet's contest in 2012."""
    fig, ax = figures.panels(8, 3.1)
    for row, (name, (error, images)) in enumerate(TOP_FIVE.items()):
        ours = {"color": BLUE, "alpha": 0.8 if images == "contest" else 0.35}
        look = ours if row else {"fc": "none", "ec": ORANGE, "hatch": "//", "lw": 1.5}
        parts = [*ax.barh(row, error, 0.55, **look)]
        parts.append(ax.text(-0.4, row, name, ha="right", va="center"))
        aside = "" if images == "contest" else " (validation images)"
        parts.append(ax.text(error + 0.3, row, f"{error} %{aside}", va="center"))
        if row:
            figures.step(row, *parts)
    ax.set(xlabel="top-5 error in %", xlim=(0, 32), ylim=(3.6, -0.6), yticks=[])
    return fig


def draw(source: Path) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name, from what the script kept."""
    results, (x, digit, x_test, digit_test) = kept(source), fixed_split()
    rules = parse(RULES)
    seen, held_out = (
        [step["accuracy"] for step in results[name]] for name in ("seen", "held_out")
    )
    return {
        "growth": draw_growth(seen, held_out, results["curves"]),
        "gains": draw_gains(results["seen"]),
        "rules": draw_confusion(results["inferred"], digit_test),
        "learned": draw_confusion(results["learned"], digit_test),
        "three": draw_three(x_test, digit_test, results["inferred"]),
        "promises": draw_promises(),
        "serial": draw_serial(),
        "parts": draw_parts(),
        "rule_bases": draw_rule_bases(),
        "observed": draw_observed(x[DISPUTED]),
        "fires": draw_fires(x[DISPUTED], rules),
        "happens": draw_happens(results),
        "nearest": draw_nearest(x, digit, x_test[NEW]),
        "moved": draw_moved(x[MOVED], rules),
        "found": draw_found(),
        "four": draw_four(),
        "cores": draw_cores(),
        "top_five": draw_top_five(),
        "early": draw_timeline(1943, 1969),
        "middle": draw_timeline(1970, 2009),
        "first_winter": draw_timeline(1970, 1986, HALF),
        "second_winter": draw_timeline(1987, 2009, HALF),
        "revolution": draw_timeline(2011, 2017),
        "today": draw_timeline(2018, 2025),
        "compute": draw_compute("Deep Speech 2 ResNet-152 GNMT GPT-4 Grok 4"),
        "parameters": draw_parameters("Deep Speech 2 GNMT PanGu-Σ Switch"),
    }


if __name__ == "__main__":
    figures.run(draw)
