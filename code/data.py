"""Data come first: look at them, part them fairly, and measure on what was not seen.

Every later lecture takes its images from here: the embedded digits, or MNIST,
Fashion-MNIST and CIFAR-10 as torchvision reads them. They come in three parts, drawn
so that each class has its share in every part, and no image is in two. What a model
is worth is measured on a part it has not seen, and not by accuracy alone.

Source: Kohavi, "A study of cross-validation and bootstrap for accuracy estimation
and model selection", IJCAI 1995.
"""

# --8<-- [start:imports]
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, pad
from torchvision.datasets import CIFAR10, MNIST, FashionMNIST, VisionDataset
from torchvision.datasets.utils import check_integrity, download_url, extract_archive
from torchvision.utils import make_grid
from tqdm import tqdm

# --8<-- [end:imports]
import devices
import figures
from command import BadInput, folder, record, run
from figures import BLUE, FAINT, ORANGE

# --8<-- [start:earlier]
from training import Examples, Loader, Loss, fit, predict

# --8<-- [end:earlier]


# --8<-- [start:split]
def split(y: Tensor, seed: int, shares: tuple[float, ...]) -> list[Tensor]:
    """Part the places of labels y (n,) by `shares`, each class alike; shuffled.

    Returns a tensor of places for each share, which add up to 1.
    """
    drawn = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in shares]
    bounds = torch.tensor(shares, dtype=torch.float64).cumsum(0)
    for label in y.unique():
        places = (y == label).nonzero()[:, 0]
        order = torch.randperm(len(places), generator=drawn, device="cpu")
        ends = (bounds[:-1] * len(places)).round().long()
        for part, chosen in zip(parts, places[order].tensor_split(ends), strict=True):
            part.append(chosen)
    whole = [torch.cat(part) for part in parts]
    orders = (torch.randperm(len(p), generator=drawn, device="cpu") for p in whole)
    return [part[order] for part, order in zip(whole, orders, strict=True)]


# --8<-- [end:split]
# --8<-- [start:images]
class Images(NamedTuple):
    """A data set of images x (n, channels, height, width), from 0 to 1, in three parts.

    The labels y (n,) are places in `classes`.
    """

    classes: tuple[str, ...]
    train: Examples
    validation: Examples
    test: Examples

    def to(self, device: torch.device) -> "Images":
        """Return these images on `device`."""
        parts = (part.to(device) for part in (self.train, self.validation, self.test))
        return Images(self.classes, *parts)


# --8<-- [end:images]
# --8<-- [start:scale]
class Scale(NamedTuple):
    """What to take from every channel, and what to divide it by: (channels, 1, 1)."""

    mean: Tensor
    std: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return images x (..., channels, height, width) in units of their spread."""
        return (x - self.mean) / self.std


def scale_of(train: Examples) -> Scale:
    """Measure the scale on training images alone: the others must not be looked at."""
    mean = train.x.mean(dim=(0, 2, 3))[:, None, None]
    return Scale(mean, train.x.std(dim=(0, 2, 3))[:, None, None])


def scaled(images: Images) -> Images:
    """Return the images on the scale of their training part."""
    scale = scale_of(images.train)
    parts = (images.train, images.validation, images.test)
    return Images(images.classes, *(Examples(scale(x), y) for x, y in parts))


# --8<-- [end:scale]
# --8<-- [start:digits]
def scans() -> Examples:
    """Load all 1,797 scans x (n, 1, 8, 8), from 0 to 1, in the order of the file."""
    raw = load_digits()
    x = torch.tensor(raw.images / 16, dtype=torch.float32, device="cpu")[:, None]
    return Examples(x, torch.tensor(raw.target, dtype=torch.long, device="cpu"))


def digits(seed: int) -> Images:
    """Load the 1,797 digits of 8 by 8 pixels, parted 70 / 20 / 10 as `seed` says."""
    x, y = scans()
    parts = (Examples(x[at], y[at]) for at in split(y, seed, (0.7, 0.2, 0.1)))
    return Images(tuple(map(str, range(10))), *parts)


# --8<-- [end:digits]
# --8<-- [start:distinct]
def distinct(x: Tensor, known: Tensor) -> Tensor:
    """List the places of images x (n, ...) that repeat none before, nor any `known`."""
    seen = {sha256(image.tobytes()).digest() for image in known.numpy()}
    places = []
    for place, image in enumerate(x.numpy()):
        mark = sha256(image.tobytes()).digest()
        if mark not in seen:
            seen.add(mark)
            places.append(place)
    return torch.tensor(places, dtype=torch.long, device="cpu")


# --8<-- [end:distinct]
# --8<-- [start:download]
KINDS: dict[str, type[VisionDataset]] = {
    "mnist": MNIST,
    "fashion_mnist": FashionMNIST,
    "cifar10": CIFAR10,
}
PATIENCE = 20.0  # seconds that a server may be silent


class Parcel(NamedTuple):
    """A packed file: who has it, where it is kept below the cache, its checksum."""

    urls: list[str]
    place: Path
    checksum: str


def parcels(kind: type[VisionDataset]) -> list[Parcel]:
    """List the packed files of a data set, and every mirror that torchvision knows."""
    if issubclass(kind, MNIST):
        raw = Path(kind.__name__) / "raw"
        return [
            Parcel([mirror + name for mirror in kind.mirrors], raw / name, checksum)
            for name, checksum in kind.resources
        ]
    assert issubclass(kind, CIFAR10)
    return [Parcel([kind.url], Path(kind.filename), kind.tgz_md5)]


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give up on a server that says nothing for so many seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def reason(error: Exception) -> str:
    """Say in a few words, on one line, what went wrong."""
    cause = getattr(error, "reason", error)  # of a URLError, the error beneath
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    place = getattr(cause, "filename", None)  # where on the disk, if it was there
    return " ".join((f"{text}: {place}" if place else str(text)).split()).rstrip(".")


# --8<-- [end:download]
# --8<-- [start:obtain]
def obtain(parcel: Parcel, root: Path) -> None:
    """Have the file whole below `root`: as it is, or from the first mirror that can.

    It gets its name only after its checksum was found right, so no other process,
    and no later run, takes half a file for a whole one. Raises OSError if no mirror
    has it.
    """
    path = root / parcel.place
    if check_integrity(path, parcel.checksum):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    faults = []
    with TemporaryDirectory(prefix="partial-", dir=path.parent) as aside:
        for url in parcel.urls:
            try:
                with deadline(PATIENCE):
                    download_url(url, aside, path.name, parcel.checksum)
                Path(aside, path.name).replace(path)
                return
            except (OSError, HTTPException, RuntimeError) as error:
                faults.append(f"{urlsplit(url).hostname}: {reason(error)}")
    raise OSError(f"{path.name}: {', '.join(faults)}")


# --8<-- [end:obtain]
# --8<-- [start:fetch]
def fetch(name: str, root: Path) -> tuple[VisionDataset, VisionDataset]:
    """Return the training and the test set called `name`, downloading what is missing.

    What is kept in `root` is packed, and its checksum is compared every time; it is
    unpacked into a folder that only this call knows. Raises BadInput if a file
    cannot be had whole.
    """
    kind = KINDS[name]
    try:
        with TemporaryDirectory() as desk:
            for parcel in parcels(kind):
                obtain(parcel, root)
                here = Path(desk, parcel.place).parent
                here.mkdir(parents=True, exist_ok=True)
                extract_archive(root / parcel.place, here)
            return kind(desk, train=True), kind(desk, train=False)
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"--data {name}: cannot be downloaded whole to {root} ({reason(error)}); "
            "connect to a network and try again, or use --data digits."
        ) from None


def whole(part: VisionDataset) -> Examples:
    """Return all images of a data set of torchvision, from 0 to 1, and their labels."""
    x, y = torch.as_tensor(part.data), torch.as_tensor(part.targets)
    x = x[:, None] if x.dim() == 3 else x.permute(0, 3, 1, 2)  # (n, channels, h, w)
    return Examples(x / 255, y)


# --8<-- [end:fetch]
# --8<-- [start:load]
Name = Literal["digits", "mnist", "fashion_mnist", "cifar10"]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuron-up"


def load(name: Name, seed: int, root: Path = CACHE) -> Images:
    """Load the images called `name`, in the three parts that `seed` draws.

    What is downloaded has a test set of its own; the rest is parted 7 to 2, without
    images that are in the test set too, or that it holds twice.
    Raises BadInput if there is no such data set, or if it cannot be had.
    """
    if name == "digits":
        return digits(seed)
    if name not in KINDS:
        known = ", ".join(["digits", *KINDS])
        raise BadInput(f"--data {name}: no such data set; choose one of {known}.")
    raw, raw_test = fetch(name, root)
    (x, y), test = whole(raw), whole(raw_test)
    kept = distinct(x, test.x)
    parts = (kept[part] for part in split(y[kept], seed, (7 / 9, 2 / 9)))
    ours, to_judge = (Examples(x[part], y[part]) for part in parts)
    classes = tuple(each.split(" - ")[0] for each in raw.classes)  # "5 - five"
    return Images(classes, ours, to_judge, test)


# --8<-- [end:load]
# --8<-- [start:shift]
def shift(x: Tensor, right: int, down: int) -> Tensor:
    """Move images x (..., height, width) by whole pixels; what comes in is 0."""
    return pad(x, (right, -right, down, -down))


def how_far(train: Examples) -> dict[str, float]:
    """Compare images with themselves moved right by one pixel, in shares of them."""
    x, y = train.x[:1000], train.y[:1000]
    moved = shift(x, 1, 0)
    inked = (x > 0) | (moved > 0)
    distance = torch.cdist(x.flatten(1), x.flatten(1)).fill_diagonal_(torch.inf)
    distance[y[:, None] != y] = torch.inf  # to others of the same class alone
    closer = distance.amin(dim=1) < (x - moved).flatten(1).norm(dim=1)
    return {
        "shift_all": float((x != moved).float().mean()),
        "shift_inked": float((x != moved)[inked].float().mean()),
        "shift_stranger": float(closer.float().mean()),
    }


# --8<-- [end:shift]
# --8<-- [start:words]
END, UNKNOWN = "<eos>", "<unk>"


def dictionary(sentences: list[str]) -> list[str]:
    """List two signs of our own, and then every word of the sentences once."""
    told = {word for sentence in sentences for word in sentence.split()}
    return [END, UNKNOWN, *sorted(told)]


def encode(sentence: str, words: list[str]) -> Tensor:
    """Turn a sentence into places in the dictionary, and the sign of its end."""
    places = {word: place for place, word in enumerate(words)}
    told = [places.get(word, places[UNKNOWN]) for word in sentence.split()]
    return torch.tensor([*told, places[END]], device="cpu")


def decode(code: Tensor, words: list[str]) -> str:
    """Turn places back into a sentence, up to its end."""
    told = [words[place] for place in code.tolist()]
    return " ".join(told[: told.index(END)])


# --8<-- [end:words]
# --8<-- [start:nearest]
def nearest(train: Examples, test: Examples) -> float:
    """Share of `test` that has the label of the most similar training example."""
    distance = torch.cdist(test.x.flatten(1), train.x.flatten(1))  # (tests, trains)
    return float((train.y[distance.argmin(dim=1)] == test.y).float().mean())


# --8<-- [end:nearest]
# --8<-- [start:copies]
Scores = dict[str, float]  # of the split done rightly, and with a leak


def copies(seed: int) -> Scores:
    """Make five noisy copies of each of 200 scans: after the split, or before it."""
    drawn = torch.Generator().manual_seed(seed)
    x, y = digits(seed).train
    x, y = x[:200], y[:200]

    def multiply(few: Examples) -> Examples:
        many = few.x.repeat(5, 1, 1, 1)
        noise = torch.randn(many.shape, generator=drawn, device="cpu")
        return Examples(many + 0.1 * noise, few.y.repeat(5))

    ours, held_out = (Examples(x[at], y[at]) for at in split(y, seed, (0.8, 0.2)))
    pool = multiply(Examples(x, y))
    at, rest = split(pool.y, seed, (0.8, 0.2))
    blurred = Examples(pool.x[at], pool.y[at]), Examples(pool.x[rest], pool.y[rest])
    return {"right": nearest(multiply(ours), held_out), "leak": nearest(*blurred)}


# --8<-- [end:copies]
# --8<-- [start:selection]
def selection(seed: int) -> Scores:
    """Choose 20 of 2,000 columns of noise: by the training part, or by everything."""
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(100, 2000, generator=drawn, device="cpu")
    y = torch.randint(2, (100,), generator=drawn, device="cpu")  # nothing to learn
    ours, held_out = split(y, seed, (0.7, 0.3))
    scores = {}
    for name, at in (("right", ours), ("leak", torch.arange(100))):
        means = [x[at][y[at] == label].mean(dim=0) for label in (0, 1)]
        best = (means[1] - means[0]).abs().topk(20).indices
        centres = torch.stack(
            [x[ours][y[ours] == label][:, best].mean(dim=0) for label in (0, 1)]
        )
        middles = Examples(centres, torch.arange(2))
        scores[name] = nearest(middles, Examples(x[held_out][:, best], y[held_out]))
    return scores


# --8<-- [end:selection]
# --8<-- [start:writers]
def writers(seed: int) -> Scores:
    """Hold out one fifth of the scans: a run of them as they were collected, or any."""
    x, y = scans()
    run_of_them = torch.arange(len(y)) * 5 // len(y) == seed % 5
    drawn = torch.Generator().manual_seed(seed)
    shuffled = run_of_them[torch.randperm(len(y), generator=drawn, device="cpu")]
    return {
        name: nearest(Examples(x[~out], y[~out]), Examples(x[out], y[out]))
        for name, out in (("right", run_of_them), ("leak", shuffled))
    }


LEAKS: dict[str, Callable[[int], Scores]] = {
    "copies": copies,
    "selection": selection,
    "writers": writers,
}


# --8<-- [end:writers]
# --8<-- [start:confusion]
def confusion(y: Tensor, guess: Tensor, classes: int) -> Tensor:
    """Count (classes, classes) examples by label y (n,), a row each, and guess (n,)."""
    return (y * classes + guess).bincount(minlength=classes**2).reshape(classes, -1)


class Marks(NamedTuple):
    """What a classifier is worth for each class: three tensors (classes,)."""

    precision: Tensor  # of those it called so, how many are
    recall: Tensor  # of those that are, how many it called so
    f1: Tensor  # high only if both are


def marks(counts: Tensor) -> Marks:
    """Read the marks off a confusion matrix (classes, classes); nothing is 0 of 0."""
    right, called, are = counts.diagonal(), counts.sum(dim=0), counts.sum(dim=1)
    shares = (right / called, right / are, 2 * right / (called + are))
    return Marks(*(share.nan_to_num(0.0) for share in shares))


# --8<-- [end:confusion]
# --8<-- [start:roc]
class Roc(NamedTuple):
    """What each threshold gives, if all scores from it on are called positive: (k,)."""

    false_alarms: Tensor  # share of the negatives
    hits: Tensor  # share of the positives: the recall
    thresholds: Tensor


def roc(y: Tensor, score: Tensor) -> Roc:
    """Sweep the threshold over the scores (n,) of examples y (n,), 0 or 1.

    Raises ValueError if one of the two is absent: its share would be of nothing.
    """
    if not 0 < y.sum() < len(y):
        raise ValueError("A ROC curve needs examples of both classes.")
    score, order = score.sort(descending=True)
    positive = y[order].bool()
    last = torch.cat([score.diff() != 0, torch.tensor([True], device=score.device)])
    hits, false = positive.cumsum(0)[last], (~positive).cumsum(0)[last]  # ties as one
    hits, false = (pad(n / n[-1], (1, 0)) for n in (hits, false))  # from none called
    return Roc(false, hits, pad(score[last], (1, 0), value=torch.inf))


def auc(curve: Roc) -> float:
    """Area under the curve: how often a positive outscores a negative, ties half."""
    return float(torch.trapezoid(curve.hits, curve.false_alarms))


def best_threshold(y: Tensor, score: Tensor) -> float:
    """Return the threshold of the highest F1 on y (n,), score (n,): not the test's."""
    curve, positives = roc(y, score), y.sum()
    hits = curve.hits * positives
    called = hits + curve.false_alarms * (len(y) - positives)
    return float(curve.thresholds[(2 * hits / (called + positives)).argmax()])


# --8<-- [end:roc]
# --8<-- [start:calibration]
class Reliability(NamedTuple):
    """Examples in bins of predicted probability, the empty ones left out: (bins,)."""

    predicted: Tensor  # mean probability of a positive, as the model says
    observed: Tensor  # share of positives, as it turned out
    examples: Tensor  # in each bin


def reliability(y: Tensor, p: Tensor, bins: int = 5) -> Reliability:
    """Sort examples y (n,), 0 or 1, by the probability p (n,) that they are 1."""
    edges = torch.linspace(0, 1, bins + 1, dtype=p.dtype, device=p.device)
    place = torch.bucketize(p, edges[1:-1])
    count = place.bincount(minlength=bins)
    filled = count > 0
    told, came = (place.bincount(each.to(p.dtype), bins) / count for each in (p, y))
    return Reliability(told[filled], came[filled], count[filled])


def calibration_error(curve: Reliability) -> float:
    """Mean gap between what is predicted and what is observed: ECE."""
    gaps = (curve.predicted - curve.observed).abs() * curve.examples
    return float(gaps.sum() / curve.examples.sum())


# --8<-- [end:calibration]
# --8<-- [start:units]
def classifier(x: Tensor, classes: int, hidden: int = 32) -> nn.Sequential:
    """Build a small network for images like x (n, ...)."""
    inputs = x[0].numel()
    layers = nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes)
    return nn.Sequential(nn.Flatten(), *layers)


def times(images: Images, factor: float) -> Images:
    """Measure the images in other units."""
    parts = (images.train, images.validation, images.test)
    return Images(images.classes, *(Examples(factor * x, y) for x, y in parts))


def units(
    images: Images, seed: int, device: torch.device
) -> tuple[dict[str, float], Tensor]:
    """Teach one network on three scales: validation accuracies, and the last's errors.

    The errors are the confusion matrix (classes, classes) of the test part.
    """
    scores, k = {}, len(images.classes)
    views = {"bytes": times(images, 255), "unit": images, "scaled": scaled(images)}
    for name, view in views.items():
        torch.manual_seed(seed)  # the same weights to begin with
        model = classifier(view.train.x, k).to(device)
        train, validation, test = (part.to(device) for part in view[1:])
        batches = Loader(train, max(32, len(train.y) // 40), seed)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        history = fit(model, batches, validation, optimiser, epochs=5)
        scores[name] = history["validation_score"][-1]
    guess = predict(model, test.x).argmax(dim=1)
    return scores, confusion(test.y, guess, k).cpu()


# --8<-- [end:units]
# --8<-- [start:resample]
RARE = 8  # place of the class that is to be told from all others


def resample(train: Examples, seed: int) -> Examples:
    """Repeat positives, drawn at random, until there are as many as negatives."""
    drawn = torch.Generator().manual_seed(seed)
    positive = (train.y == 1).nonzero()[:, 0]
    missing = len(train.y) - 2 * len(positive)
    more = torch.randint(len(positive), (missing,), generator=drawn, device="cpu")
    at = torch.cat([torch.arange(len(train.y)), positive[more]])
    return Examples(train.x[at], train.y[at])


def right(z: Tensor, y: Tensor) -> Tensor:
    """Share () of logits z (n,) on the side of 0 that the label y (n,) says."""
    return ((z >= 0) == (y == 1)).float().mean()


# --8<-- [end:resample]
# --8<-- [start:rare]
class Answers(NamedTuple):
    """Test labels y (n,), logits z (n,) for them, and from which on they mean yes."""

    y: Tensor
    z: Tensor
    threshold: float = 0.0  # a probability of one half


def rare(images: Images, seed: int, device: torch.device) -> dict[str, Answers]:
    """Teach one neuron the rare class in three ways, and move a threshold."""
    train, validation, test = (
        Examples(x, (y == RARE).float()) for x, y in scaled(images)[1:]
    )
    odds = (train.y == 0).sum() / train.y.sum()

    def weighted(z: Tensor, y: Tensor) -> Tensor:
        return binary_cross_entropy_with_logits(z, y, pos_weight=odds)

    plain: Loss = binary_cross_entropy_with_logits
    ways: dict[str, tuple[Examples, Loss]] = {
        "plain": (train, plain),
        "weighted": (train, weighted),
        "resampled": (resample(train, seed), plain),
    }
    answers = {}
    for name, (examples, loss) in ways.items():
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(train.x[0].numel(), 1))
        model = nn.Sequential(model, nn.Flatten(0)).to(device)
        batches = Loader(examples.to(device), max(32, len(examples.y) // 40), seed)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        judge = validation.to(device)
        fit(model, batches, judge, optimiser, 20, loss, right)
        answers[name] = Answers(test.y, predict(model, test.x.to(device)).cpu())
        if name == "plain":
            chosen = best_threshold(judge.y, predict(model, judge.x))
            answers["moved"] = answers[name]._replace(threshold=chosen)
    return answers


# --8<-- [end:rare]
# --8<-- [start:worth]
def worth(answers: Answers) -> dict[str, float]:
    """Measure the answers on the test part, in every way of this lecture."""
    y, z, threshold = answers
    counts = confusion(y.long(), (z >= threshold).long(), 2)
    named = {name: float(values[1]) for name, values in marks(counts)._asdict().items()}
    share = float(counts.diagonal().sum() / counts.sum())
    return {"accuracy": share, **named, "auc": auc(roc(y, z))}


# --8<-- [end:worth]
# --8<-- [start:swing]
def swing(y: Tensor, seed: int, tries: int = 200) -> tuple[int, int]:
    """Draw a tenth of labels y (n,) again and again, blindly: fewest and most rare."""
    drawn = torch.Generator().manual_seed(seed)
    orders = (
        torch.randperm(len(y), generator=drawn, device="cpu") for _ in range(tries)
    )
    found = [int((y[order[: len(y) // 10]] == RARE).sum()) for order in orders]
    return min(found), max(found)


# --8<-- [end:swing]
def show(ax: Axes, x: Tensor, columns: int) -> None:
    """Show images x (n, channels, height, width) in rows, grey ones as ink on paper."""
    x = 1 - x if x.shape[1] == 1 else x
    grid = make_grid(x, columns, padding=1, pad_value=1.0)
    ax.imshow(grid.permute(1, 2, 0).numpy(), interpolation="none")
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)


def draw_explorer(images: Images) -> Figure:
    """Draw samples and the mean image of each class, class sizes, and grey values."""
    fig, axes = figures.panels(5.2, 4.5, rows=2, columns=2)
    axes[0, 0].get_gridspec().set_height_ratios([3, 2])
    (x, y), classes = images.train, images.classes
    by_class = [x[y == label] for label in range(len(classes))]
    show(axes[0, 0], torch.cat([each[:5] for each in by_class]), 5)
    middles = [(row + 0.5) * (x.shape[2] + 1) for row in range(len(classes))]
    axes[0, 0].set_yticks(middles, classes)
    means = torch.stack([each.mean(dim=0) for each in by_class])
    show(axes[0, 1], (16 * means).round() / 16, 2)  # few levels are few bytes
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


def draw_shift(x: Tensor) -> Figure:
    """Draw an image x (height, width), the same one pixel on, and the difference."""
    moved = shift(x, 1, 0)
    named = {"an image": x, "one pixel on": moved, "the difference": moved - x}
    return figures.images({name: each.flatten() for name, each in named.items()})


def draw_leaks(scores: dict[str, dict[str, Tensor]]) -> Figure:
    """Draw the accuracy without and with each leak: mean and range of (seeds,)."""
    fig, ax = figures.panels(5.2, 2.4)
    looks = {"right": ("o", BLUE, "done rightly"), "leak": ("X", ORANGE, "with a leak")}
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
    found = {
        (column, row): count
        for row, line in enumerate(counts.tolist())
        for column, count in enumerate(line)
        if count or row == column
    }
    figures.table(ax, found)
    ax.set_yticks(range(len(classes)), classes)
    ax.set(xlabel="guess", ylabel="label")
    return fig


def draw_rare(pooled: dict[str, Answers]) -> Figure:
    """Draw the ROC curve, with the threshold of one half, and the reliability."""
    fig, (left, right) = figures.panels(5.2, 3.1, columns=2)
    for (name, (y, z, _)), marker in zip(pooled.items(), "os", strict=True):
        curve = roc(y, z)
        (line,) = left.plot(
            curve.false_alarms.tolist(), curve.hits.tolist(), label=name
        )
        at = (curve.thresholds >= 0).sum() - 1
        left.plot(
            curve.false_alarms[at], curve.hits[at], marker, color=line.get_color(), ms=8
        )
        told = reliability(y, z.double().sigmoid())
        right.plot(told.predicted.tolist(), told.observed.tolist(), marker=marker, ms=5)
    for ax in (left, right):
        ax.plot([0, 1], [0, 1], "-", color=FAINT, lw=1)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    left.set(xlabel="false alarms", ylabel="hits")
    right.set(xlabel="predicted probability", ylabel="share observed")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


class Findings(NamedTuple):
    """What five seeds gave: values (seeds,) by name, errors, and pooled answers."""

    leaks: dict[str, dict[str, Tensor]]
    scales: dict[str, Tensor]
    errors: Tensor
    worths: dict[str, dict[str, Tensor]]
    pooled: dict[str, Answers]


def collect(runs: list[dict[str, float]]) -> dict[str, Tensor]:
    """Turn a list of runs into a tensor (runs,) for each name."""
    return {name: torch.tensor([run[name] for run in runs]) for name in runs[0]}


def find(data: Name, seeds: range, device: torch.device) -> Findings:
    """Run every experiment once for each seed."""
    leaks = {name: collect([leak(s) for s in seeds]) for name, leak in LEAKS.items()}
    scales, errors, answers = [], [], []
    for seed in tqdm(seeds, desc="seeds", disable=None):
        images = load(data, seed)
        scores, counts = units(images, seed, device)
        scales.append(scores)
        errors.append(counts)
        answers.append(rare(images, seed, device))
    worths, pooled = {}, {}
    for way in answers[0]:
        worths[way] = collect([worth(run[way]) for run in answers])
        y = torch.cat([run[way].y for run in answers])
        pooled[way] = Answers(y, torch.cat([run[way].z for run in answers]))
    total = torch.stack(errors).sum(dim=0)
    return Findings(leaks, collect(scales), total, worths, pooled)


def summary(images: Images, found: Findings, seed: int) -> dict[str, float | str]:
    """Boil everything down to numbers with names."""
    recall = marks(found.errors).recall
    everyone = torch.cat([part.y for part in images[1:]])
    fewest, most = swing(everyone, seed)
    numbers: dict[str, float | str] = {
        **{part: len(getattr(images, part).y) for part in PARTS},
        **how_far(images.train),
        "pixels": images.train.x[0].numel(),
        "paper": float((images.train.x == 0).float().mean()),
        "rare_name": images.classes[RARE],
        "rare_test": int((images.test.y == RARE).sum()),
        "fewest": fewest,
        "most": most,
        "read": float(found.errors.diagonal().sum() / found.errors.sum()),
        "worst": images.classes[int(recall.argmin())],
        "worst_recall": float(recall.min()),
        "never": 1 - float(found.pooled["plain"].y.mean()),
    }
    for scale, values in found.scales.items():
        numbers[f"scale_{scale}"] = float(values.mean())
    for table in (found.leaks, found.worths):
        for row, cells in table.items():
            numbers |= {f"{row}_{name}": float(v.mean()) for name, v in cells.items()}
    for way, (y, z, _) in found.pooled.items():
        gap = calibration_error(reliability(y, z.double().sigmoid()))
        numbers[f"{way}_gap"] = gap
    known = found.leaks["writers"]
    numbers["writers_lower"] = int((known["right"] < known["leak"]).sum())
    return numbers


def draw(images: Images, found: Findings) -> dict[str, Figure]:
    """Draw every figure of the lecture, by name."""
    return {
        "explorer": draw_explorer(images),
        "shift": draw_shift(images.train.x[0, 0]),
        "leaks": draw_leaks(found.leaks),
        "confusion": draw_confusion(found.errors, images.classes),
        "rare": draw_rare({way: found.pooled[way] for way in ("plain", "weighted")}),
    }


def main(
    seed: int = 0,
    device: devices.Device = "auto",
    data: Name = "digits",
    out: Path | None = None,
) -> None:
    """Look at a data set, split it, and see how accuracy misleads.

    Args:
        seed: How the data are split; the experiments take the next four seeds too.
        device: Where to compute.
        data: Which images; all but the digits are downloaded when first used.
        out: Folder for figures and metrics.json; without it, only lines are printed.
    """
    folder(out)
    used, images = devices.pick(device), load(data, seed)
    found = find(data, range(seed, seed + 5), used)
    numbers = summary(images, found, seed)
    print(REPORT.format(**numbers))
    if out is not None:
        figures.save_all(draw(images, found), out)
        record(out, seed, used, data=data, **numbers)


PARTS = ("train", "validation", "test")
REPORT = """\
{train} images to learn from, {validation} to choose by, {test} to judge by
one pixel to the right: {shift_all:.0%} of the numbers change, {shift_inked:.0%} in ink
leaks, accuracy on what was held out, done rightly and with a leak:
  copies made before the split {copies_right:.1%}, {copies_leak:.1%}
  columns chosen by all data   {selection_right:.1%}, {selection_leak:.1%}
  writers in both parts        {writers_right:.1%}, {writers_leak:.1%}
five epochs on pixels up to 255 {scale_bytes:.1%}, up to 1 {scale_unit:.1%}, \
scaled {scale_scaled:.1%}
class {rare_name} against all others (never: {never:.1%} accuracy):
             accuracy  precision  recall     F1    AUC    ECE
  plain      {plain_accuracy:8.1%} {plain_precision:10.1%} {plain_recall:7.1%} \
{plain_f1:6.3f} {plain_auc:6.3f} {plain_gap:6.3f}
  threshold  {moved_accuracy:8.1%} {moved_precision:10.1%} {moved_recall:7.1%} \
{moved_f1:6.3f} {moved_auc:6.3f} {moved_gap:6.3f}
  weighted   {weighted_accuracy:8.1%} {weighted_precision:10.1%} \
{weighted_recall:7.1%} {weighted_f1:6.3f} {weighted_auc:6.3f} {weighted_gap:6.3f}
  resampled  {resampled_accuracy:8.1%} {resampled_precision:10.1%} \
{resampled_recall:7.1%} {resampled_f1:6.3f} {resampled_auc:6.3f} {resampled_gap:6.3f}"""

if __name__ == "__main__":
    run(main)
