"""Learning from data: one model, ten mean scans, and three kinds of teacher.

Whoever cannot write down the rule can give examples of its answers, and let a program
look for the rule. Told every answer it learns fast; told only right or wrong, slowly;
told nothing, it still finds groups, and does not know what they are called.

Source: Mitchell, "Machine Learning", McGraw-Hill, 1997.
"""

# --8<-- [start:imports]
import math
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.svm import SVC
from torch import Tensor
from tqdm import trange

# --8<-- [end:imports]
import devices
import figures
from command import folder, record, run
from figures import BLUE, FAINT, INK, ORANGE


# --8<-- [start:data]
def split(x: Tensor, y: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Shuffle x (n, d), y (n,) by `seed`: 70 % to learn from, then 30 % held out."""
    shuffled = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=shuffled, device="cpu")
    ours, held_out = order.tensor_split([len(x) * 7 // 10])
    return x[ours], y[ours], x[held_out], y[held_out]


def scans(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load scanned digits: x (n, 64) from 0 (paper) to 1 (ink), digit (n,); twice."""
    data = load_digits()
    x = torch.tensor(data.data / 16, dtype=torch.float32)
    return split(x, torch.tensor(data.target), seed)


# --8<-- [end:data]
# --8<-- [start:model]
def means(x: Tensor, label: Tensor, classes: int = 10) -> Tensor:
    """Average the scans x (n, d) of each label (n,): (classes, d), nan if none."""
    total = torch.zeros(classes, x.shape[1]).index_add(0, label, x)
    return total / torch.bincount(label, minlength=classes)[:, None]


def nearest(x: Tensor, points: Tensor) -> Tensor:
    """Say which of the points (k, d) is nearest to each x (n, d): (n,) from 0."""
    return torch.cdist(x, points).nan_to_num(nan=torch.inf).argmin(dim=1)


def accuracy(said: Tensor, truth: Tensor) -> float:
    """Share of what was said (n,) that is the truth (n,)."""
    return float((said == truth).float().mean())


# --8<-- [end:model]
# --8<-- [start:clusters]
def cluster(x: Tensor, start: Tensor) -> tuple[Tensor, list[float]]:
    """Move means from `start` (k, d) till x (n, d) holds them: (k, d), cost by step."""
    centres, costs, before = start, [], None
    while True:
        member = nearest(x, centres)  # each scan joins the nearest mean
        costs.append(float((x - centres[member]).square().sum()))
        if before is not None and torch.equal(member, before):
            return centres, costs
        moved = means(x, member, len(start))  # each mean moves to its members
        centres = torch.where(moved.isnan(), centres, moved)  # nobody came: it stays
        before = member


# --8<-- [end:clusters]
# --8<-- [start:starts]
def best_clusters(x: Tensor, k: int, starts: int, seed: int) -> Tensor:
    """Start k means on random scans of x (n, d), a few times; keep the best (k, d)."""
    draw = torch.Generator().manual_seed(seed)
    orders = [
        torch.randperm(len(x), generator=draw, device="cpu") for _ in range(starts)
    ]
    runs = [cluster(x, x[order[:k]]) for order in orders]
    return min(runs, key=lambda run: run[1][-1])[0]


# --8<-- [end:starts]
# --8<-- [start:reward]
def play(x: Tensor, label: Tensor, explore: float, seed: int) -> Tensor:
    """Answer scans x (n, d) one by one, told only right or wrong: rewards (n,).

    A share `explore` of the answers is a guess; the others are the nearest mean.
    """
    draw = torch.Generator().manual_seed(seed)
    guesses = torch.randint(10, (len(x),), generator=draw, device="cpu").tolist()
    explores = (torch.rand(len(x), generator=draw, device="cpu") < explore).tolist()
    total, count = torch.zeros(10, x.shape[1]), torch.zeros(10, 1)
    rewards: list[bool] = []
    for scan, truth, guess, tries in zip(
        x, label.tolist(), guesses, explores, strict=True
    ):
        if tries or not any(rewards):
            answer = guess
        else:
            answer = int(nearest(scan[None], total / count))
        rewards.append(answer == truth)  # this is all that it is told
        if rewards[-1]:
            total[answer] += scan
            count[answer] += 1
    return torch.tensor(rewards)


# --8<-- [end:reward]
# --8<-- [start:pca]
def components(x: Tensor, k: int) -> tuple[Tensor, Tensor, float]:
    """Find the k directions (d, k) in which x (n, d) spreads most.

    Returns the centre (d,) of x, the directions, and their share of the spread.
    """
    centre = x.mean(dim=0)
    _, size, directions = torch.linalg.svd(x - centre, full_matrices=False)
    return centre, directions[:k].T, float((size[:k] ** 2).sum() / (size**2).sum())


# --8<-- [end:pca]
# --8<-- [start:unmix]
def unmix(mixed: Tensor) -> Tensor:
    """Part two mixed signals (n, 2), up to their order, sign and loudness: (n, 2)."""
    centre, directions, _ = components(mixed, 2)
    flat = (mixed - centre) @ directions
    a, b = (flat / flat.std(dim=0)).T  # as loud as each other, and not alike
    turn = torch.linspace(0, math.pi / 2, 181)[:, None]
    pairs = torch.stack(
        [a * turn.cos() + b * turn.sin(), b * turn.cos() - a * turn.sin()]
    )
    unlike_a_bell = (pairs**4).mean(dim=2) - 3  # (2, 181); a bell curve has 0
    return pairs[:, unlike_a_bell.square().sum(dim=0).argmax()].T


# --8<-- [end:unmix]
def patients(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Load patients: ten measurements x (n, 10), illness a year on y (n,); twice."""
    data = load_diabetes(scaled=False)
    x, y = (
        torch.tensor(each, dtype=torch.float32) for each in (data.data, data.target)
    )
    return split(x, y, seed)


# --8<-- [start:regression]
def predict(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """Weigh the columns of x (n, d) to come close to y (n,); use it on x_new (m, d)."""
    centre, spread = x.mean(dim=0), x.std(dim=0)
    ours, new = ((each - centre) / spread for each in (x, x_new))
    weight = torch.linalg.lstsq(ours, (y - y.mean())[:, None]).solution
    return y.mean() + (new @ weight)[:, 0]


# --8<-- [end:regression]
# --8<-- [start:features]
def by_hand(x: Tensor) -> Tensor:
    """Describe scans x (n, 64) by six features that a person thought of: (n, 6)."""
    image = x.reshape(-1, 8, 8)
    ink = image.mean(dim=(1, 2))
    middle = image[:, 3:5, 3:5].mean(dim=(1, 2))
    top_heavy = image[:, :4].mean(dim=(1, 2)) - image[:, 4:].mean(dim=(1, 2))
    left_heavy = image[:, :, :4].mean(dim=(1, 2)) - image[:, :, 4:].mean(dim=(1, 2))
    upright = (image - image.flip(2)).abs().mean(dim=(1, 2))
    level = (image - image.flip(1)).abs().mean(dim=(1, 2))
    return torch.stack([ink, middle, top_heavy, left_heavy, upright, level], dim=1)


# --8<-- [end:features]
def representations(seed: int) -> dict[str, float]:
    """Describe scans in four ways; how well does the nearest neighbour then read?"""
    x, digit, x_test, digit_test = scans(seed)
    spread = by_hand(x).std(dim=0)
    centre, directions, _ = components(x, 6)
    learner = NeighborhoodComponentsAnalysis(n_components=6, tol=1e-3)
    learned = learner.fit(x.cpu(), digit.cpu()).components_.T
    ways = {
        "hand": (by_hand(x) / spread, by_hand(x_test) / spread),
        "spread": ((x - centre) @ directions, (x_test - centre) @ directions),
        "learned": tuple(each @ torch.tensor(learned).to(x) for each in (x, x_test)),
        "pixels": (x, x_test),
    }
    return {
        name: accuracy(digit[nearest(new, known)], digit_test)
        for name, (known, new) in ways.items()
    }


# --8<-- [start:votes]
class Votes:
    """The nearest known cases vote: a model that learns by keeping what it saw."""

    def __init__(self, voters: int) -> None:
        self.voters = voters

    def learn(self, x: Tensor, y: Tensor) -> None:
        """Keep the cases x (n, d) and their answers y (n,) of yes and no."""
        self.x, self.y = x, y.float()

    def __call__(self, x: Tensor) -> Tensor:
        """Share of yes among the nearest known cases, for each x (m, d): (m,)."""
        near = torch.cdist(x, self.x).topk(self.voters, largest=False).indices
        return self.y[near].mean(dim=1)


def serve(share: float) -> str:
    """Say what a doctor is told when this share of the votes is "malignant"."""
    if 0.1 <= share <= 0.9:
        return "not sure: look again"
    return "looks malignant" if share > 0.5 else "looks benign"


# --8<-- [end:votes]
# --8<-- [start:pipeline]
def diagnose(seed: int) -> tuple[Tensor, Tensor]:
    """Take tumours from a table to answers: votes (n,) and truth (n,), held out."""
    table = load_breast_cancer()  # load
    measured = torch.tensor(table.data, dtype=torch.float32)
    malignant = torch.tensor(table.target == 0)
    x, y, x_new, truth = split(measured, malignant, seed)  # prepare
    centre, spread = x.mean(dim=0), x.std(dim=0)  # of what we learn from, only
    model = Votes(voters=15)  # model
    model.learn((x - centre) / spread, y)  # learn
    return model((x_new - centre) / spread), truth  # to evaluate, and to serve


# --8<-- [end:pipeline]
# --8<-- [start:advise]
class Advice(NamedTuple):
    """What to do, and why."""

    what: str
    why: str


def advise(
    rule: bool, may_err: bool, answers: bool, trials: bool, observations: bool
) -> Advice:
    """Rules or learning? Five questions, in this order; the first that settles it does.

    Args:
        rule: Can you write the rule down, and will it stay true?
        may_err: May an answer be wrong now and then, unchecked?
        answers: Have you examples with their right answers, of every kind?
        trials: Can a program try answers and be scored, with no harm done?
        observations: Have you at least examples without answers?
    """
    if rule:
        return Advice("write rules", "they are exact, and can be read and checked")
    if not may_err:
        return Advice("let a person decide", "what is learned errs; it may propose")
    if answers:
        return Advice("learn, supervised", "the answers say what the rule must do")
    if trials:
        return Advice("learn, by reinforcement", "the score stands in for the answer")
    if observations:
        return Advice("learn, unsupervised", "groups and maps are there, no answers")
    return Advice("collect data first", "there is no rule, and nothing to learn from")


CASES = {
    "tax on an invoice": advise(True, False, True, True, True),
    "dose of a new drug": advise(False, False, True, False, True),
    "spam or not": advise(False, True, True, True, True),
    "a robot's gait, simulated": advise(False, True, False, True, True),
    "kinds of customers": advise(False, True, False, False, True),
    "a disease seen twice": advise(False, True, False, False, False),
}


# --8<-- [end:advise]
SIZES = [10, 20, 50, 100, 200, 500, 1257]
Curves = dict[str, list[float]]


# --8<-- [start:kinds]
def kinds(seed: int) -> Curves:
    """Let each teacher teach the same scans; list held-out accuracy by SIZES.

    "groups" is told ten labels only; "..., paid" is the share of its answers that
    were right.
    """
    x, digit, x_test, digit_test = scans(seed)
    curves: Curves = {}
    learners = {"labels": torch.ones(len(x), dtype=torch.bool)}
    for explore in (0.0, 0.3, 1.0):
        learners[f"explore {explore:.0%}"] = play(x, digit, explore, seed)
    for name, right in learners.items():
        curves[name] = []
        for n in SIZES:
            known = right[:n]  # the agent knows the label only where it was right
            model = means(x[:n][known], digit[:n][known])
            curves[name].append(accuracy(nearest(x_test, model), digit_test))
        curves[f"{name}, paid"] = [float(right.float().mean())]
    groups = best_clusters(x, 10, starts=10, seed=seed)
    names = digit[nearest(groups, x)]  # one label each, of the scan nearest its mean
    curves["groups"] = [accuracy(names[nearest(x_test, groups)], digit_test)]
    return curves


# --8<-- [end:kinds]
# --8<-- [start:models]
def models(seed: int) -> Curves:
    """Read held-out scans by three models, weak to strong; list accuracy by SIZES."""
    x, digit, x_test, digit_test = scans(seed)
    curves: Curves = {
        "nearest mean": [],
        "nearest neighbour": [],
        "support vectors": [],
    }
    for n in SIZES:
        known, label = x[:n], digit[:n]
        machine = SVC(C=10).fit(known.cpu(), label.cpu())
        machine_said = torch.tensor(machine.predict(x_test.cpu())).to(label)
        said = (nearest(x_test, means(known, label)), label[nearest(x_test, known)])
        for curve, each in zip(curves.values(), (*said, machine_said), strict=True):
            curve.append(accuracy(each, digit_test))
    return curves


# --8<-- [end:models]
# --8<-- [start:waves]
def waves() -> tuple[Tensor, Tensor]:
    """Make two signals (n, 2), a sine and a square wave, and two mixtures (n, 2)."""
    time = torch.linspace(0, 6 * math.pi, 61)
    signals = torch.stack([time.sin(), (1.7 * time).sin().sign()], dim=1)
    return signals, signals @ torch.tensor([[0.8, 0.5], [0.6, -0.7]])


# --8<-- [end:waves]
def ink(images: Tensor, level: float) -> Outline:
    """Draw a stroke through each run of pixels of at least `level`.

    The images (n, 8, 8) stand side by side.
    """
    strip = torch.nn.functional.pad(images, (1, 1)).transpose(0, 1).reshape(8, -1)
    edges = (strip >= level).int().diff()  # (8, 10 n - 1): 1 where ink begins
    begins, ends = ((edges == step).nonzero().tolist() for step in (1, -1))
    runs = zip(begins, ends, strict=True)
    strokes = [Outline([(left, row), (end, row)]) for (row, left), (_, end) in runs]
    return Outline.make_compound_path(*strokes)


def draw_teachers(seed: int) -> Figure:
    """Draw the ten means that labels, nobody, and rewards led to, a row for each."""
    x, digit, _, _ = scans(seed)
    groups = best_clusters(x, 10, starts=10, seed=seed)
    right = play(x, digit, 0.3, seed)
    found = groups[digit[nearest(groups, x)].argsort()]
    rows = {
        "told every label": means(x, digit),
        "told nothing": found,
        "told right or wrong": means(x[right], digit[right]),
    }
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
            path = ink(each.nan_to_num().reshape(-1, 8, 8), level)
            look = {"color": INK, "alpha": alpha, "lw": width, "capstyle": "butt"}
            ax.add_patch(PathPatch(path, fill=False, **look))
    return fig


def by_size(ax: Axes, named: dict[str, Tensor]) -> None:
    """Draw held-out accuracies (seeds, SIZES) against the number of scans."""
    for name, values in named.items():
        (line,) = ax.plot(SIZES, values.mean(0).tolist(), marker="o", ms=4, label=name)
        low, high = values.amin(0).tolist(), values.amax(0).tolist()
        ax.fill_between(SIZES, low, high, color=line.get_color(), alpha=0.15, lw=0)
    ax.set(xscale="log", xticks=SIZES, xticklabels=SIZES, ylim=(0, 1))
    ax.minorticks_off()
    ax.set(xlabel="scans seen", ylabel="held-out accuracy")


def draw_kinds(curves: dict[str, Tensor]) -> Figure:
    """Draw accuracy by number of scans for each teacher (seeds, SIZES)."""
    fig, ax = figures.panels(5.2, 3.6)
    names = {
        "labels": "told every label",
        "explore 100%": "right or wrong; it only guesses",
        "explore 30%": "right or wrong; 30 % guesses",
        "explore 0%": "right or wrong; it never guesses",
    }
    by_size(ax, {label: curves[name] for name, label in names.items()})
    groups = float(curves["groups"].mean())
    ax.axhline(groups, color=FAINT, lw=1.5, label="nothing, then ten labels")
    fig.legend(loc="outside upper center", ncols=2, fontsize="small")
    return fig


def draw_models(curves: dict[str, Tensor]) -> Figure:
    """Draw accuracy by number of scans for each model (seeds, SIZES)."""
    fig, ax = figures.panels(5.2, 3.4)
    by_size(ax, curves)
    ax.set(ylim=(0.4, 1))
    ax.legend(loc="lower right")
    return fig


def draw_map(seed: int, shown: int = 130) -> Figure:
    """Draw scans where their first two components put them, each as its digit."""
    x, digit, _, _ = scans(seed)
    centre, directions, _ = components(x, 2)
    fig, ax = figures.panels(5.2, 4.4)
    points = ((x - centre) @ directions)[:shown]
    for (across, up), each in zip(points.tolist(), digit.tolist(), strict=False):
        colour = (BLUE, ORANGE, INK)[each % 3]
        ax.text(across, up, str(each), color=colour, ha="center", va="center")
    low, high = points.amin(0).tolist(), points.amax(0).tolist()
    ax.set(xlim=(low[0] - 0.2, high[0] + 0.2), ylim=(low[1] - 0.2, high[1] + 0.2))
    ax.set(xlabel="first component", ylabel="second component")
    return fig


def draw_clusters(seed: int) -> Figure:
    """Draw which digits each group holds, as a table of scans."""
    x, digit, _, _ = scans(seed)
    member = nearest(x, best_clusters(x, 10, starts=10, seed=seed))
    counts = [
        torch.bincount(digit[member == k], minlength=10).tolist() for k in range(10)
    ]
    counts.sort(key=lambda row: row.index(max(row)))
    fig, ax = figures.panels(5.2, 4)
    cells = {
        (each, row): count
        for row, counted in enumerate(counts)
        for each, count in enumerate(counted)
        if count
    }
    figures.table(ax, cells)
    ax.set(xlabel="digit", ylabel="group", yticklabels="ABCDEFGHIJ")
    return fig


def draw_waves() -> Figure:
    """Draw two signals, their mixtures, and what came out of unmixing those."""
    signals, mixed = waves()
    fig, axes = figures.panels(5.2, 3.2, rows=3)
    named = {"two sources": signals, "what two microphones hear": mixed}
    named["parted again"] = unmix(mixed)
    for ax, (name, pair) in zip(axes, named.items(), strict=True):
        ax.plot(pair.tolist())
        ax.set(xticks=[], yticks=[])
        ax.set_title(name, loc="left", pad=3)
    return fig


def draw_regression(seed: int) -> Figure:
    """Draw what was predicted of held-out patients against what came."""
    x, y, x_new, truth = patients(seed)
    said = predict(x, y, x_new)
    fig, ax = figures.panels(5.2, 3.4)
    ax.scatter(said.tolist(), truth.tolist(), 16, color=BLUE, alpha=0.7, lw=0)
    ends = [float(said.min()), float(said.max())]
    ax.plot(ends, ends, "--", color=ORANGE, label="as predicted")
    ax.axhline(float(y.mean()), color=FAINT, label="the mean of the others")
    ax.set(xlabel="predicted", ylabel="measured after a year")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


def draw_features(reads: dict[str, float]) -> Figure:
    """Draw how well the nearest neighbour reads from each representation."""
    fig, ax = figures.panels(5.2, 2.2)
    names = ("6 by hand", "6 by spread", "6 learned", "64 pixels")
    bars = ax.barh(names, list(reads.values()), color=BLUE, alpha=0.7, height=0.6)
    ax.bar_label(bars, [f"{value:.1%}" for value in reads.values()], padding=4)
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


def mean_of(runs: list[dict[str, float]]) -> dict[str, float]:
    """Average each number over runs of one and the same kind."""
    return {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}


def stacked(runs: list[Curves]) -> dict[str, Tensor]:
    """Stack the curves of several seeds by name: (seeds, points)."""
    return {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}


def tumours(seed: int) -> dict[str, float]:
    """Count what the votes make of held-out tumours, and what is left unsaid."""
    share, truth = diagnose(seed)
    said = share > 0.5
    sure = torch.tensor([serve(each).startswith("looks") for each in share.tolist()])
    missed = truth & ~said
    return {
        "tumours": len(truth),
        "malignant": int(truth.sum()),
        "tumours_right": accuracy(said, truth),
        "tumours_never": accuracy(torch.zeros_like(truth), truth),
        "missed": int(missed.sum()),
        "false_alarms": int((said & ~truth).sum()),
        "sure": accuracy(sure, torch.ones_like(sure)),
        "missed_sure": int((missed & sure).sum()),
    }


def illness(seed: int) -> dict[str, float]:
    """Measure how far off a predicted illness is, and the mean of other patients."""
    x, y, x_new, truth = patients(seed)
    return {
        "off_line": float((predict(x, y, x_new) - truth).abs().mean()),
        "off_mean": float((y.mean() - truth).abs().mean()),
    }


def summary(
    taught: dict[str, Tensor], read: dict[str, Tensor], seed: int
) -> dict[str, float]:
    """Boil down curves (seeds, SIZES) of teachers and of models, and the small ones."""
    x, digit, _, digit_test = scans(seed)
    groups = best_clusters(x, 10, starts=10, seed=seed)
    held = torch.stack(
        [
            torch.bincount(each, minlength=10)
            for each in [digit[nearest(x, groups) == k] for k in range(10)]
        ]
    )
    signals, mixed = waves()
    pairs = (torch.cat([signals, found], 1).T for found in (mixed, unmix(mixed)))
    heard, parted = (torch.corrcoef(pair)[:2, 2:].abs().amax(0).min() for pair in pairs)
    numbers = {
        "scans": len(x),
        "held_out": len(digit_test),
        "groups": float(taught["groups"].mean()),
        "steps": len(cluster(x, x[:10])[1]),
        "pure": float(held.amax(dim=1).sum()) / len(x),
        "map_share": components(x, 2)[2],
        "heard": float(heard),
        "parted": float(parted),
    }
    for name, prefix in (
        ("labels", "labels"),
        ("explore 0%", "greedy"),
        ("explore 30%", "some"),
        ("explore 100%", "guess"),
    ):
        numbers[f"{prefix}_paid"] = float(taught[f"{name}, paid"].mean())
        for n, value in zip(SIZES, taught[name].mean(0).tolist(), strict=True):
            numbers[f"{prefix}_{n}"] = value
    for name, prefix in zip(read, ("mean", "neighbour", "vectors"), strict=True):
        for n, value in zip(SIZES, read[name].mean(0).tolist(), strict=True):
            numbers[f"{prefix}_{n}"] = value
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    seeds: int = 5,
    out: Path | None = None,
) -> None:
    """Learn from scans with three kinds of teacher; then from patients and tumours.

    Args:
        seed: Which examples are held out, at first; the next seeds are taken too.
        device: Where to compute.
        seeds: How many ways to hold out examples to average over.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    with devices.on(device) as used:
        every = [seed + each for each in trange(seeds, desc="seeds", disable=None)]
        taught = stacked([kinds(each) for each in every])
        read = stacked([models(each) for each in every])
        features = mean_of([representations(each) for each in every])
        numbers = summary(taught, read, seed)
        numbers |= mean_of([tumours(each) for each in every])
        numbers |= mean_of([illness(each) for each in every])
        numbers |= features
        print(REPORT.format(seeds=seeds, **numbers))
        for case, advice in CASES.items():
            print(f"  {case}: {advice.what} ({advice.why})")
        if out is not None:
            drawings = {
                "teachers": draw_teachers(seed),
                "kinds": draw_kinds(taught),
                "models": draw_models(read),
                "map": draw_map(seed),
                "clusters": draw_clusters(seed),
                "waves": draw_waves(),
                "regression": draw_regression(seed),
                "features": draw_features(features),
                "votes": draw_votes(*diagnose(seed)),
            }
            figures.save_all(drawings, out)
            record(out, seed, used, **numbers)


REPORT = """\
{scans} scans to learn from, {held_out} held out; means of {seeds} ways to hold out
told every label: {labels_1257:.1%} of held-out scans read rightly
told right or wrong, {scans} times:
  it never guesses: {greedy_1257:.1%} read, {greedy_paid:.1%} of its answers right
  30 % guesses:     {some_1257:.1%} read, {some_paid:.1%} of its answers right
  it only guesses:  {guess_1257:.1%} read, {guess_paid:.1%} of its answers right
told nothing, then ten labels: {groups:.1%} (ten labels alone: {labels_10:.1%})
nearest neighbour: {hand:.1%} with 6 features by hand, {spread:.1%} with 6 by spread,
  {learned:.1%} with 6 learned, {pixels:.1%} with all 64 pixels
illness in a year: off by {off_line:.0f}, the mean of other patients by {off_mean:.0f}
tumours: {tumours_right:.1%} right, {missed:.1f} of {malignant:.1f} malignant missed;
  sure of {sure:.1%}, with {missed_sure:.1f} malignant missed
rules or learning?"""

if __name__ == "__main__":
    run(main)
