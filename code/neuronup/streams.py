"""What is printed arrives, whatever letters this machine is set to."""

import io
import sys


def utf8() -> None:
    """Print into files and pipes as UTF-8; a terminal keeps its letters.

    What a terminal lacks is shown as a code, as in `\\u0177`, and stops nothing.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not a notebook's, nor none at all
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
