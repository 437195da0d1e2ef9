"""A lecture's script as a command: its arguments, its errors, its results."""

import inspect
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
import tyro

from neuronup.streams import utf8

THREADS = """\
It computes on one thread: nets this small wait for more, and sums end in other digits.
To have four, set OMP_NUM_THREADS=4 in the environment.
"""


class BadInput(Exception):
    """Something the person at the keyboard can put right; the message says how."""


def run(main: Callable[..., None]) -> None:
    """Call `main` with the arguments of the command line.

    Bad input ends in a sentence and exit status 2, Ctrl-C in 130, with no traceback.
    """
    utf8()
    one_thread()
    idea = (inspect.getdoc(main) or "").partition("\n\nArgs:")[0]
    try:
        tyro.cli(main, description=f"{idea}\n\n{THREADS}")
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)


def one_thread() -> None:
    """Compute on one thread, unless OMP_NUM_THREADS says on how many."""
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(1)


def folder(out: Path | None) -> None:
    """Make the folder `out`, if one is named; raise BadInput if it cannot be written.

    It is tried before the computing: a full disk is told at once, not at the end.
    """
    if out is None:
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out) as probe:
            probe.write(bytes(2**20))
    except OSError as error:
        raise refused(out, error) from None


def refused(out: Path, error: OSError) -> BadInput:
    """Say that the folder `out` cannot be written, and why."""
    return BadInput(f"--out {out}: {error.strerror}; name another folder.")


def record(out: Path, seed: int, device: torch.device, **metrics: float | str) -> None:
    """Write metrics.json, from which pages take numbers, into `out`: whole or not."""
    told = json.dumps({"seed": seed, "device": device.type, **metrics}, indent=1)
    _write(out, "metrics.json", told.encode())


def keep(out: Path, **results: object) -> None:
    """Write results.pt, from which drawings.py draws, into `out`: whole or not.

    It may hold numbers, texts, tensors, and lists, tuples and dicts of them.
    """
    packed = io.BytesIO()
    torch.save(results, packed)
    _write(out, "results.pt", packed.getvalue())


def _write(out: Path, name: str, content: bytes) -> None:
    partial = out / f"{name}.partial"
    try:
        partial.write_bytes(content)
        partial.replace(out / name)
    except OSError as error:
        raise refused(out, error) from None


def kept(out: Path) -> dict[str, Any]:
    """Read what `keep` wrote into `out`; raise BadInput if there is nothing."""
    try:
        results: dict[str, Any] = torch.load(out / "results.pt", weights_only=True)
    except FileNotFoundError:
        raise BadInput(
            f"{out / 'results.pt'} is not there: run the lecture's script with "
            f"--out {out} first."
        ) from None
    return results
