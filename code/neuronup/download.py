"""Downloads that are whole or not there: a file gets its name when its sum is right.

Built in the lecture `data`.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

# --8<-- [start:download]
DOWNLOADED = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "cifar10": "CIFAR10"}
PATIENCE = 20.0  # seconds that a server may be silent


def dataset_class(name: str) -> Any:
    """Return the class of torchvision that reads the data set called `name`."""
    from torchvision import datasets  # takes seconds: only who downloads is to wait

    return getattr(datasets, DOWNLOADED[name])


class Parcel(NamedTuple):
    """A packed file: who has it, where it is kept below the cache, its checksum."""

    urls: list[str]
    place: Path
    checksum: str


def parcels(kind: Any) -> list[Parcel]:
    """List the packed files of a data set, and every mirror that torchvision knows."""
    if hasattr(kind, "mirrors"):  # MNIST and its relatives
        raw = Path(kind.__name__) / "raw"
        return [
            Parcel([mirror + name for mirror in kind.mirrors], raw / name, checksum)
            for name, checksum in kind.resources
        ]
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
    from torchvision.datasets.utils import check_integrity, download_url

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
