"""Answers that students give: `tests/test_labs.py` tries each on its check in `docs/lectures/<topic>/checks.py`.

A file for each lab, `<topic>.py`, holds them as functions (or classes), four and more of each kind for a check:

    @right("margins")                        # another style, which the check must accept
    @wrong("margins", "times the label")     # a mistake, and what the check must say of it

What answers an exercise in several functions is told as `right("activation", sine, cosine)`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Given(NamedTuple):
    """An answer, the name of its check, and what the check says of it: None if it is right."""

    check: str
    functions: tuple[Callable[..., Any], ...]
    said: str | None


GIVEN: dict[str, list[Given]] = {}  # by the module that holds them


def right(check: str, *functions: Callable[..., Any]) -> Callable[..., Any]:
    """Note that the functions, or else the one below, answer `check` rightly."""
    return _note(check, functions, None)


def wrong(check: str, said: str, *functions: Callable[..., Any]) -> Callable[..., Any]:
    """Note that the functions, or else the one below, are refused with a sentence that contains `said`."""
    return _note(check, functions, said)


def _note(check: str, functions: tuple[Callable[..., Any], ...], said: str | None) -> Callable[..., Any]:
    def note(*functions: Callable[..., Any]) -> Callable[..., Any]:
        GIVEN.setdefault(functions[0].__module__, []).append(Given(check, functions, said))
        return functions[0]

    return note(*functions) if functions else note
