"""A lecture's script as a command: its arguments, its errors, its results."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import tyro


class BadInput(Exception):
    """Something the person at the keyboard can put right; the message says how."""


def run(main: Callable[..., None]) -> None:
    """Call `main` with the arguments of the command line.

    Bad input ends in a sentence and exit status 2, Ctrl-C in 130, with no traceback.
    """
    try:
        tyro.cli(main)
    except BadInput as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        sys.exit(130)


def folder(out: Path | None) -> None:
    """Make the folder `out`, if one is named; raise BadInput if it cannot be."""
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {out}: {error.strerror}; name another folder.") from None


def record(out: Path, seed: int, device: torch.device, **metrics: float | str) -> None:
    """Write metrics.json, from which pages take numbers, into `out`: whole or not."""
    partial = out / "metrics.json.partial"
    partial.write_text(
        json.dumps({"seed": seed, "device": device.type, **metrics}, indent=1),
        encoding="utf-8",
    )
    partial.replace(out / "metrics.json")
