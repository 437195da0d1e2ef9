"""The data files that come in npm's packages, each checked by its SHA-256."""

import hashlib
from pathlib import Path

from neuronup.command import BadInput

ABOVE = Path(__file__).parents
PLACES = ABOVE[2] / "node_modules", ABOVE[1] / "data"  # in the repository, in a zip


def read(name: str, sha256: str) -> bytes:
    """Return the file `name`, which begins with its package.

    Raises BadInput if it is not there, or is not the one with this SHA-256.
    """
    found = [place / name for place in PLACES if (place / name).is_file()]
    content = found[0].read_bytes() if found else b""
    if hashlib.sha256(content).hexdigest() != sha256:
        what = "is not the file it should be" if found else "is not there"
        raise BadInput(
            f"{name}, a file of an npm package, {what}: run `npm ci` or `nox -s env` "
            "in the repository, or unpack the lecture's zip anew."
        )
    return content
