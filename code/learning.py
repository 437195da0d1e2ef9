"""Learning from data: one model, ten mean images, and three kinds of feedback.

Whoever cannot write down the rule can give examples of its answers, and let a program
look for the rule. From labels it learns fast; from rewards, right or wrong, slowly;
without either it still finds groups, and does not know what they are called.

Source: Mitchell, "Machine Learning", McGraw-Hill, 1997.
"""

import math
from pathlib import Path
from typing import NamedTuple

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes
from torch import Tensor
from tqdm import trange

from neuronup import devices  # the folder neuronup/ is in the lecture's zip
from neuronup.accuracy import accuracy
from neuronup.command import folder, keep, record, run
from neuronup.digits import Split, train_test_digits, train_test_split
from neuronup.distortions import distorted, fit_width
from neuronup.seeds import mean, stack


# --8<-- [start:model]
def means(x: Tensor, label: Tensor, classes: int = 10) -> Tensor:
    """Average the images x (n, d) of each label (n,): (classes, d), nan if none."""
    total = x.new_zeros(classes, x.shape[1]).index_add(0, label, x)
    return total / torch.bincount(label, minlength=classes)[:, None]


def nearest_index(x: Tensor, points: Tensor) -> Tensor:
    """Say which of the points (k, d) is nearest to each x (n, d): (n,) from 0."""
    return torch.cdist(x, points).nan_to_num(nan=torch.inf).argmin(dim=1)


# --8<-- [end:model]
# --8<-- [start:clusters]
def k_means(x: Tensor, initial: Tensor) -> tuple[Tensor, list[float]]:
    """Move means `initial` (k, d) of x (n, d) till they stay: (k, d), cost by step."""
    centres, costs, before = initial, [], None
    while True:
        member = nearest_index(x, centres)  # each image joins the nearest mean
        costs.append(float((x - centres[member]).square().sum()))
        if before is not None and torch.equal(member, before):
            return centres, costs
        moved = means(x, member, len(initial))  # each mean moves to its members
        centres = torch.where(moved.isnan(), centres, moved)  # nobody came: it stays
        before = member


# --8<-- [end:clusters]
# --8<-- [start:initialisations]
def best_clusters(x: Tensor, k: int, initialisations: int, seed: int) -> Tensor:
    """Run k-means from k random images of x (n, d), a few times; keep the best (k, d).

    The best is the one of the lowest cost.
    """
    generator = torch.Generator().manual_seed(seed)
    orders = [
        torch.randperm(len(x), generator=generator, device="cpu")
        for _ in range(initialisations)
    ]
    runs = [k_means(x, x[order[:k]]) for order in orders]
    return min(runs, key=lambda run: run[1][-1])[0]


# --8<-- [end:initialisations]
# --8<-- [start:reward]
def play(x: Tensor, label: Tensor, exploration: float, seed: int) -> Tensor:
    """A contextual bandit: name images x (n, d), told right or wrong; rewards (n,).

    A share `exploration` of the actions is random; the others are the nearest mean.
    """
    generator = torch.Generator().manual_seed(seed)
    actions = torch.randint(10, (len(x),), generator=generator, device="cpu").tolist()
    explores = torch.rand(len(x), generator=generator, device="cpu") < exploration
    total, count = x.new_zeros(10, x.shape[1]), x.new_zeros(10, 1)
    rewards: list[bool] = []
    for image, truth, random_action, tries in zip(
        x, label.tolist(), actions, explores.tolist(), strict=True
    ):
        if tries or not any(rewards):
            action = random_action
        else:
            action = int(nearest_index(image[None], total / count))
        rewards.append(action == truth)  # this is all that it is told
        if rewards[-1]:
            total[action] += image
            count[action] += 1
    return torch.tensor(rewards, device=x.device)


# --8<-- [end:reward]
# --8<-- [start:pca]
def principal_components(x: Tensor, k: int) -> tuple[Tensor, Tensor, float]:
    """Find the k directions (d, k) in which x (n, d) varies most.

    Returns the mean (d,) of x, the directions, and their share of the variance.
    """
    centre = x.mean(dim=0)
    _, size, directions = torch.linalg.svd(x - centre, full_matrices=False)
    return centre, directions[:k].T, float((size[:k] ** 2).sum() / (size**2).sum())


# --8<-- [end:pca]
# --8<-- [start:unmix]
def unmix(mixed: Tensor) -> Tensor:
    """Part two mixed signals (n, 2), up to their order, sign and loudness: (n, 2)."""
    centre, directions, _ = principal_components(mixed, 2)
    uncorrelated = (mixed - centre) @ directions
    a, b = (uncorrelated / uncorrelated.std(dim=0)).T  # as loud as each other
    angle = torch.linspace(0, math.pi / 2, 181)[:, None].to(mixed)
    pairs = torch.stack(
        [a * angle.cos() + b * angle.sin(), b * angle.cos() - a * angle.sin()]
    )
    kurtosis = (pairs**4).mean(dim=2) - 3  # (2, 181); a bell curve has 0
    return pairs[:, kurtosis.square().sum(dim=0).argmax()].T


# --8<-- [end:unmix]
def diabetes_split(seed: int) -> Split:
    """Load patients: measurements x (n, 10), progression in a year y (n,); twice."""
    data = load_diabetes(scaled=False)
    x, y = (
        torch.tensor(each, dtype=torch.float32) for each in (data.data, data.target)
    )
    return train_test_split(x, y, seed)


# --8<-- [start:regression]
def predict_linear(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """Weigh the columns of x (n, d) to come close to y (n,); use it on x_new (m, d)."""
    centre, std = x.mean(dim=0), x.std(dim=0)
    scaled, scaled_new = ((each - centre) / std for each in (x, x_new))
    weight = torch.linalg.lstsq(scaled, (y - y.mean())[:, None]).solution
    return y.mean() + (scaled_new @ weight)[:, 0]


# --8<-- [end:regression]
# --8<-- [start:features]
def hand_made_features(x: Tensor) -> Tensor:
    """Describe images x (n, 64) by six features that a person thought of: (n, 6)."""
    image = x.reshape(-1, 8, 8)
    intensity = image.mean(dim=(1, 2))
    middle = image[:, 3:5, 3:5].mean(dim=(1, 2))
    top_heavy = image[:, :4].mean(dim=(1, 2)) - image[:, 4:].mean(dim=(1, 2))
    left_heavy = image[:, :, :4].mean(dim=(1, 2)) - image[:, :, 4:].mean(dim=(1, 2))
    mirrored = (image - image.flip(2)).abs().mean(dim=(1, 2))
    upside_down = (image - image.flip(1)).abs().mean(dim=(1, 2))
    features = [intensity, middle, top_heavy, left_heavy, mirrored, upside_down]
    return torch.stack(features, dim=1)


# --8<-- [end:features]
def compare_representations(seed: int, device: torch.device) -> dict[str, float]:
    """Describe images in four ways; how accurate is the nearest neighbour with each?"""
    from sklearn.neighbors import NeighborhoodComponentsAnalysis  # slow to import

    x, y, x_test, y_test = train_test_digits(seed).to(device)
    std = hand_made_features(x).std(dim=0)
    centre, directions, _ = principal_components(x, 6)
    learner = NeighborhoodComponentsAnalysis(n_components=6, tol=1e-3)
    learned = learner.fit(x.cpu(), y.cpu()).components_.T
    representations = {
        "hand": (hand_made_features(x) / std, hand_made_features(x_test) / std),
        "components": ((x - centre) @ directions, (x_test - centre) @ directions),
        "learned": tuple(each @ torch.tensor(learned).to(x) for each in (x, x_test)),
        "pixels": (x, x_test),
    }
    return {
        name: float(accuracy(y[nearest_index(new, known)], y_test))
        for name, (known, new) in representations.items()
    }


# --8<-- [start:votes]
class KNearestNeighbours:
    """The nearest known cases vote: a model that learns by keeping what it saw."""

    def __init__(self, k: int) -> None:
        self.k = k

    def fit(self, x: Tensor, y: Tensor) -> None:
        """Keep the cases x (n, d) and their labels y (n,), yes or no."""
        self.x, self.y = x, y.float()

    def __call__(self, x: Tensor) -> Tensor:
        """Share of yes among the k nearest known cases, for each x (m, d): (m,)."""
        near = torch.cdist(x, self.x).topk(self.k, largest=False).indices
        return self.y[near].mean(dim=1)


def serve(share: float) -> str:
    """Say what a doctor is told when this share of the votes is "malignant"."""
    if 0.1 <= share <= 0.9:
        return "not sure: look again"
    return "looks malignant" if share > 0.5 else "looks benign"


# --8<-- [end:votes]
# --8<-- [start:pipeline]
def diagnose(seed: int) -> tuple[Tensor, Tensor]:
    """Take tumours from a table to answers: votes (n,) and labels (n,), held out."""
    table = load_breast_cancer()  # load
    measured = torch.tensor(table.data, dtype=torch.float32)
    malignant = torch.tensor(table.target == 0)
    x, y, x_test, y_test = train_test_split(measured, malignant, seed)  # prepare
    centre, std = x.mean(dim=0), x.std(dim=0)  # of the training set, only
    model = KNearestNeighbours(k=15)  # model
    model.fit((x - centre) / std, y)  # learn
    return model((x_test - centre) / std), y_test  # to evaluate, and to serve


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
EXPLORATION = {"greedy": 0.0, "some": 0.3, "random": 1.0}  # of three agents
SIZES = [10, 20, 50, 100, 200, 500, 1257]  # how many training images are used
AccuracyBySize = dict[str, list[float]]  # on the test set, for each of SIZES


def compare_feedback(seed: int, device: torch.device) -> AccuracyBySize:
    """Learn the same images from labels, from rewards, and from nothing.

    "groups" is told ten labels only; "..._paid" is the share of an agent's actions
    that were right.
    """
    x, y, x_test, y_test = train_test_digits(seed).to(device)
    rewards = {name: play(x, y, share, seed) for name, share in EXPLORATION.items()}
    curves = {f"{name}_paid": [float(r.float().mean())] for name, r in rewards.items()}
    every = torch.ones_like(y, dtype=torch.bool)
    for name, right in {"labels": every, **rewards}.items():
        curves[name] = []
        for n in SIZES:
            known = right[:n]  # the agent knows the label only where it was right
            model = means(x[:n][known], y[:n][known])
            curves[name].append(float(accuracy(nearest_index(x_test, model), y_test)))
    groups = best_clusters(x, 10, initialisations=10, seed=seed)
    names = y[nearest_index(groups, x)]  # one label each, of the image nearest its mean
    curves["groups"] = [float(accuracy(names[nearest_index(x_test, groups)], y_test))]
    return curves


def compare_models(seed: int, device: torch.device) -> AccuracyBySize:
    """Classify test images by three models, from weak to strong."""
    from sklearn.svm import SVC  # slow to import

    x, y, x_test, y_test = train_test_digits(seed).to(device)
    curves: AccuracyBySize = {"mean": [], "neighbour": [], "vectors": []}
    for n in SIZES:
        known, label = x[:n], y[:n]
        machine = SVC(C=10).fit(known.cpu(), label.cpu())
        predictions = {
            "mean": nearest_index(x_test, means(known, label)),
            "neighbour": label[nearest_index(x_test, known)],
            "vectors": torch.tensor(machine.predict(x_test.cpu())).to(label),
        }
        for name, prediction in predictions.items():
            curves[name].append(float(accuracy(prediction, y_test)))
    return curves


NEURONS = {"linear": 0, "narrow": 16, "wide": 128}  # neurons between image and scores
MADE = [100, 500, 2000, 8000, 30_000]  # how many distorted images are used
LEARNING_RATE = 0.01  # of three the best for both networks, on other test images


def compare_widths(seed: int, device: torch.device) -> AccuracyBySize:
    """Train classifiers of three widths on ever more distorted images."""
    x, y, x_test, y_test = train_test_digits(seed).to(device)
    x, y = distorted(x, y, MADE[-1], seed)
    half = len(x_test) // 2  # the other half has chosen the rate
    x_test, y_test = distorted(x_test[half:], y_test[half:], 5000, seed)
    curves: AccuracyBySize = {name: [] for name in NEURONS}
    for name, width in NEURONS.items():
        for n in MADE:
            model = fit_width(x[:n], y[:n], width, LEARNING_RATE, seed)
            curves[name].append(float(accuracy(model(x_test), y_test)))
    return curves


def waves() -> tuple[Tensor, Tensor]:
    """Make two signals (n, 2), a sine and a square wave, and two mixtures (n, 2)."""
    time = torch.linspace(0, 6 * math.pi, 61)
    signals = torch.stack([time.sin(), (1.7 * time).sin().sign()], dim=1)
    return signals, signals @ torch.tensor([[0.8, 0.5], [0.6, -0.7]])


def evaluate_tumours(seed: int) -> dict[str, float]:
    """Count what the votes make of held-out tumours, and what is left unsaid."""
    share, y = diagnose(seed)
    prediction = share > 0.5
    sure = torch.tensor([serve(each).startswith("looks") for each in share.tolist()])
    missed = y & ~prediction
    return {
        "malignant": int(y.sum()),
        "tumours_right": float(accuracy(prediction, y)),
        "tumours_never": float(accuracy(torch.zeros_like(y), y)),
        "missed": int(missed.sum()),
        "sure": float(sure.float().mean()),
        "missed_sure": int((missed & sure).sum()),
    }


def evaluate_diabetes(seed: int) -> dict[str, float]:
    """Mean absolute error of a predicted progression, and of the training mean."""
    x, y, x_test, y_test = diabetes_split(seed)
    return {
        "off_line": float((predict_linear(x, y, x_test) - y_test).abs().mean()),
        "off_mean": float((y.mean() - y_test).abs().mean()),
    }


def learn_once(seed: int, device: torch.device) -> dict[str, Tensor]:
    """Learn from one split all that is drawn of it."""
    x, y, _, _ = train_test_digits(seed).to(device)
    groups = best_clusters(x, 10, initialisations=10, seed=seed)
    member = nearest_index(x, groups)
    rewarded = play(x, y, EXPLORATION["some"], seed)
    centre, directions, _ = principal_components(x, 2)
    patients, progression, patients_test, progression_test = diabetes_split(seed)
    share, malignant = diagnose(seed)
    signals, mixed = waves()
    return {
        "means, labels": means(x, y),  # (10, 64), as the next two
        "means, nothing": groups[y[nearest_index(groups, x)].argsort()],
        "means, rewards": means(x[rewarded], y[rewarded]),
        "digits of groups": torch.stack(  # (10 groups, 10 digits): how many
            [torch.bincount(y[member == k], minlength=10) for k in range(10)]
        ),
        "map": (x - centre) @ directions,  # (n, 2)
        "digits": y,
        "mean progression": progression.mean(),
        "predicted progression": predict_linear(patients, progression, patients_test),
        "progression": progression_test,
        "votes": share,
        "malignant": malignant,
        "signals": signals,  # (time, 2), as the next two
        "mixed": mixed,
        "unmixed": unmix(mixed),
    }


REPORTED = {  # of the curves, at so many training images
    "labels": (10, 100, 1257),
    "greedy": (1257,),
    "some": (1257,),
    "random": (100, 1257),
    "mean": (200, 1257),
    "neighbour": (200, 500),
    "vectors": (100, 200),
}


def summary(
    curves: dict[str, Tensor],
    learned: dict[str, Tensor],
    seed: int,
    device: torch.device,
) -> dict[str, float]:
    """Boil down the curves (seeds, SIZES), and what was learned from one split."""
    x, _, _, y_test = train_test_digits(seed).to(device)
    signals, counts = learned["signals"], learned["digits of groups"]
    pairs = (torch.cat([signals, learned[name]], 1).T for name in ("mixed", "unmixed"))
    heard, parted = (torch.corrcoef(pair)[:2, 2:].abs().amax(0).min() for pair in pairs)
    numbers = {
        "training_images": len(x),
        "held_out": len(y_test),
        "groups": float(curves["groups"].mean()),
        "steps": len(k_means(x, x[:10])[1]),
        "pure": float(counts.amax(dim=1).sum()) / len(x),
        "map_share": principal_components(x, 2)[2],
        "heard": float(heard),
        "parted": float(parted),
    }
    numbers |= {
        f"{name}_paid": float(curves[f"{name}_paid"].mean()) for name in EXPLORATION
    }
    for name, sizes in REPORTED.items():
        by_size = dict(zip(SIZES, curves[name].mean(0).tolist(), strict=True))
        numbers |= {f"{name}_{size}": by_size[size] for size in sizes}
    return numbers


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    seeds: int = 5,
    out: Path | None = None,
) -> None:
    """Learn digits from three kinds of feedback; then from patients and tumours.

    Args:
        seed: Which examples are held out, at first; the next seeds are taken too.
        device: Where to learn from digits, the rest on the CPU; a GPU adds up means in
            any order: last digits may differ from run to run.
        seeds: How many ways to hold out examples to average over.
        out: Folder for metrics.json and the results that drawings.py draws; without
            it, only lines are printed.
    """
    folder(out)
    used = devices.pick(device)
    every = [seed + each for each in trange(seeds, desc="seeds", disable=None)]
    feedback = stack([compare_feedback(each, used) for each in every])
    models = stack([compare_models(each, used) for each in every])
    widths = stack([compare_widths(each, used) for each in every[:3]])
    features = mean([compare_representations(each, used) for each in every])
    learned = learn_once(seed, used)
    numbers = summary(feedback | models, learned, seed, used)
    numbers |= mean([evaluate_tumours(each) for each in every])
    numbers |= mean([evaluate_diabetes(each) for each in every])
    numbers |= features | {"few": MADE[0], "many": MADE[-1]}
    for name, by_size in widths.items():
        few, *_, many = by_size.mean(0).tolist()
        numbers |= {f"{name}_few": few, f"{name}_many": many}
    print(REPORT.format(seeds=seeds, **numbers))
    for case, advice in CASES.items():
        print(f"  {case}: {advice.what} ({advice.why})")
    if out is not None:
        found = {"feedback": feedback, "models": models, "widths": widths}
        found["learned"] = learned
        for name, tensors in found.items():
            found[name] = {key: each.cpu() for key, each in tensors.items()}
        keep(out, features=features, **found)
        record(out, seed, used, **numbers)


REPORT = """\
{training_images} training images, {held_out} held out; means of {seeds} splits
supervised, from every label: accuracy {labels_1257:.1%} on held-out images
reinforcement, {training_images} actions told right or wrong:
  never explores:    accuracy {greedy_1257:.1%}, rewarded {greedy_paid:.1%} of the time
  30 % exploration:  accuracy {some_1257:.1%}, rewarded {some_paid:.1%} of the time
  only explores:     accuracy {random_1257:.1%}, rewarded {random_paid:.1%} of the time
unsupervised, then ten labels: accuracy {groups:.1%} (ten labels alone {labels_10:.1%})
nearest neighbour: 6 features by hand {hand:.1%}, 6 components {components:.1%},
  6 learned features {learned:.1%}, all 64 pixels {pixels:.1%}
distorted images, from {few} to {many}: linear model {linear_few:.1%} to \
{linear_many:.1%},
  16 neurons {narrow_few:.1%} to {narrow_many:.1%}, 128 neurons {wide_few:.1%} to \
{wide_many:.1%}
disease progression: off by {off_line:.0f}, the mean of other patients by {off_mean:.0f}
tumours: {tumours_right:.1%} right, {missed:.1f} of {malignant:.1f} malignant missed;
  sure of {sure:.1%}, with {missed_sure:.1f} malignant missed
rules or learning?"""

if __name__ == "__main__":
    run(main)
