"""The data files that come in npm's packages, each checked by its MD5 or SHA-256."""

import hashlib
from pathlib import Path

from neuronup.command import BadInput

ABOVE = Path(__file__).parents
PLACES = (
    ABOVE[2] / "node_modules",  # in the repository
    ABOVE[1] / "data",  # in a zip
    Path("node_modules"),  # in the folder where Python runs, as on Colab
)


def find(name: str) -> Path | None:
    """Say where the file `name` is, which begins with its package, if it is there."""
    found = (place / name for place in PLACES if (place / name).is_file())
    return next(found, None)


def read(name: str, checksum: str) -> bytes:
    """Return the file `name`, which begins with its package.

    Raises BadInput if it is not there, or is not the one with this checksum.
    """
    path = find(name)
    content = path.read_bytes() if path else b""
    kind = {32: "md5", 64: "sha256"}[len(checksum)]
    if hashlib.new(kind, content, usedforsecurity=False).hexdigest() != checksum:
        what = "is not the file it should be" if path else "is not there"
        raise BadInput(
            f"{name}, a file of an npm package, {what}: run `npm ci` or `nox -s env` "
            "in the repository, or unpack the lecture's zip anew."
        )
    return content
