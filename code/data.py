"""Data come first: look at them, part them fairly, and measure on what was not seen.

Every later lecture takes its images from here: the embedded digits, or MNIST,
Fashion-MNIST and CIFAR-10 as torchvision downloads them. They come in three parts,
drawn so that each class has its share in every part, and none is in two.

Source: Kohavi, "A study of cross-validation and bootstrap for accuracy estimation
and model selection", IJCAI 1995.
"""

# --8<-- [start:imports]
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torchvision.datasets import CIFAR10, MNIST, FashionMNIST, VisionDataset
from torchvision.datasets.utils import check_integrity

# --8<-- [end:imports]
from command import BadInput

# --8<-- [start:earlier]
from training import Examples

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


# --8<-- [end:images]
# --8<-- [start:digits]
def digits(seed: int) -> Images:
    """Load the 1,797 digits of 8 by 8 pixels, parted 70 / 20 / 10 as `seed` says."""
    raw = load_digits()
    x = torch.tensor(raw.images / 16, dtype=torch.float32, device="cpu")[:, None]
    y = torch.tensor(raw.target, dtype=torch.long, device="cpu")
    parts = (Examples(x[at], y[at]) for at in split(y, seed, (0.7, 0.2, 0.1)))
    return Images(tuple(map(str, range(10))), *parts)


# --8<-- [end:digits]
# --8<-- [start:download]
KINDS: dict[str, type[VisionDataset]] = {
    "mnist": MNIST,
    "fashion_mnist": FashionMNIST,
    "cifar10": CIFAR10,
}
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neuron-up"
PATIENCE = 20.0  # seconds that a server may be silent


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give up on a server that says nothing for so many seconds."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def distrust(kind: type[VisionDataset], root: Path) -> None:
    """Remove what no checksum vouches for, so that torchvision must make it anew."""
    if issubclass(kind, MNIST):  # of its files, only the packed ones have a checksum
        folder = root / kind.__name__ / "raw"
        for name, checksum in kind.resources:
            (folder / name).with_suffix("").unlink(missing_ok=True)
            if not check_integrity(folder / name, checksum):
                (folder / name).unlink(missing_ok=True)


def fetch(name: str, root: Path) -> tuple[VisionDataset, VisionDataset]:
    """Return the training and the test set called `name`, downloading what is missing.

    Raises BadInput if a file cannot be had whole; none that is damaged is used.
    """
    kind = KINDS[name]
    try:
        distrust(kind, root)
        with deadline(PATIENCE):
            train = kind(root, train=True, download=True)
        return train, kind(root, train=False)
    except (OSError, RuntimeError, EOFError) as error:
        raise BadInput(
            f"--data {name}: cannot be downloaded whole to {root} ({error}); "
            "connect to a network and try again, or use --data digits."
        ) from None


def whole(part: VisionDataset) -> Examples:
    """Return all images of a data set of torchvision, from 0 to 1, and their labels."""
    x, y = torch.as_tensor(part.data), torch.as_tensor(part.targets)
    x = x[:, None] if x.dim() == 3 else x.permute(0, 3, 1, 2)  # (n, channels, h, w)
    return Examples(x / 255, y)


# --8<-- [end:download]
# --8<-- [start:load]
Name = Literal["digits", "mnist", "fashion_mnist", "cifar10"]


def load(name: Name, seed: int, root: Path = CACHE) -> Images:
    """Load the images called `name`, in the three parts that `seed` draws.

    What is downloaded has a test set of its own; the rest is parted 7 to 2.
    Raises BadInput if there is no such data set, or if it cannot be had.
    """
    if name == "digits":
        return digits(seed)
    if name not in KINDS:
        known = ", ".join(["digits", *KINDS])
        raise BadInput(f"--data {name}: no such data set; choose one of {known}.")
    raw, raw_test = fetch(name, root)
    x, y = whole(raw)
    ours, ours_to_judge = split(y, seed, (7 / 9, 2 / 9))
    parts = Examples(x[ours], y[ours]), Examples(x[ours_to_judge], y[ours_to_judge])
    classes = tuple(each.split(" - ")[0] for each in raw.classes)  # "5 - five"
    return Images(classes, *parts, whole(raw_test))


# --8<-- [end:load]
# --8<-- [start:confusion]
def confusion(y: Tensor, guess: Tensor, classes: int) -> Tensor:
    """Count (classes, classes) examples by label y (n,), a row each, and guess (n,)."""
    return (y * classes + guess).bincount(minlength=classes**2).reshape(classes, -1)


# --8<-- [end:confusion]
