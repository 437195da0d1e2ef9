"""Exercises in a lab: a check says what is still missing, and the lab goes on.

A lab asks in three cells: a stub to fill in, `attempt(checks.<name>, <name>)`, which
tries the answer, and the course's own answer under `@solution`, which is used only
where the student's has not passed. Checks stand in `checks.py` beside the lab.
"""

import copy
import ctypes
import linecache
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import CodeType
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from neuronup.command import one_thread

one_thread()  # every lab imports this module, and so computes as the scripts do

Answer = TypeVar("Answer", bound=Callable[..., Any])
SECONDS = 20.0  # that an answer may take, unless its check gives it more


class Exercise(NamedTuple):
    """A check, and the answers that were tried on it last."""

    check: Callable[..., None]
    answers: dict[str, Any]
    passed: bool


_tried: dict[str, Exercise] = {}  # by the name of each answer
_official: dict[str, Callable[..., Any]] = {}  # the course's own answers


class TooLong(BaseException):
    """An answer was not done in time."""


def attempt(
    check: Callable[..., None], *answers: Callable[..., Any], seconds: float = SECONDS
) -> None:
    """Try functions or classes on `check` and print what came of it; never raise."""
    named = {_name(answer, check): answer for answer in answers}
    said = "Right."
    try:
        with _deadline(seconds), _as_it_was():
            check(*answers)
    except AssertionError as error:
        said = f"Not yet: {str(error) or 'the check does not pass'}"
    except TooLong as error:
        place = _place(error, answers)
        said = f"Not yet: after {seconds:g} seconds it was not done. "
        said += "Does a loop never end?" + (f" It was at {place}." if place else "")
    except Exception as error:  # whatever an unfinished answer breaks
        said = f"Not yet: {_told(error, answers)}"
    if any(_official.get(name) is answer for name, answer in named.items()):
        said = "This is the course's answer: run your own cell again, then this one."
    for name in named:
        _tried[name] = Exercise(check, named, said == "Right.")
    print(said)


def solution(answer: Answer) -> Answer:
    """Return the student's answer of this name if it passed, else the course's own.

    Raises AssertionError if the course's own does not pass.
    """
    name = answer.__name__
    _official[name] = answer
    tried = _tried.get(name)
    if tried is not None and tried.passed:
        print(f"Your own {name} passed: it is used below.")
        return tried.answers[name]
    if tried is not None and tried.answers.keys() <= _official.keys():
        with _as_it_was():
            tried.check(*(_official[each] for each in tried.answers))
    print(f"Below, the course's {name} is used.")
    return answer


def call(answer: Callable[..., Any], *inputs: Any) -> Any:
    """Call `answer` with `inputs`, which it must not change, and return the result.

    Raises AssertionError, in words for a student, if it changes them or returns None.
    """
    given = copy.deepcopy(inputs)
    found = answer(*given)
    name = getattr(answer, "__name__", "it")
    assert found is not None, f"{name} returns nothing yet"
    for number, (before, after) in enumerate(zip(inputs, given, strict=True), 1):
        assert not isinstance(before, Tensor) or _equal(before, after), (
            f"{name} changed the tensor that it was given as argument {number}: "
            "make a new one, x = x + 1 and not x += 1"
        )
    return found


def tensor(found: object, *shape: int) -> Tensor:
    """Return what a student found as floats, whether tensor, array, list or number.

    Raises AssertionError if it is none of these, or not of the sizes `shape`, if any.
    """
    assert found is not None, "it returns nothing yet"
    try:
        if isinstance(found, list | tuple):
            found = torch.stack([torch.as_tensor(each) for each in found])
        floats = torch.as_tensor(found).detach().cpu().to(torch.float32)
    except (TypeError, ValueError, RuntimeError):
        kind = type(found).__name__
        raise AssertionError(
            f"a tensor (or an array, a list, a number) is asked for, not a {kind}"
        ) from None
    assert not shape or floats.shape == shape, (
        f"the result should have the shape {shape}, not {tuple(floats.shape)}"
    )
    return floats


def expect(
    found: object,
    right: object,
    otherwise: str,
    mistakes: Mapping[str, object] | None = None,
    within: float = 1e-4,
) -> None:
    """Raise AssertionError unless `found` is `right`, up to what 32 bits can tell.

    Args:
        found: What the student's answer gave: tensor, array, list or number.
        right: What it should be.
        otherwise: What to say if it is anything else.
        mistakes: What to say if it is what a known mistake would give, by the text.
        within: The difference allowed, absolutely and relative to `right`.
    """
    goal = tensor(right)
    given = tensor(found, *goal.shape)
    if goal.dim() == 0:
        assert given.dim() == 0, (
            f"a single number is asked for, not the shape {tuple(given.shape)}"
        )
    assert given.isfinite().all() or not goal.isfinite().all(), (
        f"the result is not a finite number everywhere: {_short(given)}"
    )
    if torch.allclose(given, goal, rtol=within, atol=within):
        return
    for text, wrong in (mistakes or {}).items():
        if torch.allclose(given, tensor(wrong), rtol=within, atol=within):
            raise AssertionError(text)
    raise AssertionError(f"{otherwise} (expected {_short(goal)}, got {_short(given)})")


def _name(answer: Any, check: Callable[..., None]) -> str:
    """Name an answer; what has no name of its own is called as its check."""
    name = getattr(answer, "__name__", "<lambda>")
    return check.__name__ if name == "<lambda>" else name


def _equal(before: Tensor, after: Tensor) -> bool:
    return before.shape == after.shape and bool(
        torch.equal(before.nan_to_num(), after.nan_to_num())
    )


def _short(values: Tensor) -> str:
    """Write the first few of `values`, as many digits as help."""
    numbers = [f"{value:.4g}" for value in values.flatten()[:4].tolist()]
    more = ", …" if values.numel() > 4 else ""
    return f"{', '.join(numbers)}{more}"


def _place(error: BaseException, answers: tuple[Callable[..., Any], ...]) -> str:
    """Say at which line of the student's own code an error arose; "" if at none."""
    files = {code.co_filename for code in map(_code, answers) if code}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        code = frame.f_code
        if code.co_filename in files:
            text = linecache.getline(code.co_filename, line).strip()
            own = line - code.co_firstlineno + 1
            return f"line {own} of {code.co_name}" + (f", `{text}`" if text else "")
    return ""


def _code(answer: Any) -> CodeType | None:
    """Find the code of a function, or of a class's first method."""
    members = [answer, *vars(answer).values()] if isinstance(answer, type) else [answer]
    codes = (getattr(member, "__code__", None) for member in members)
    return next((code for code in codes if code), None)


def _told(error: Exception, answers: tuple[Callable[..., Any], ...]) -> str:
    """Say what an unexpected error was, and where in the student's code it arose."""
    what = f"{type(error).__name__}: {error}"
    if place := _place(error, answers):
        return f"{place}, stopped with {what}"
    return f"the check could not use what it got: {what}"


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Let random numbers begin at a seed; then put them, and torch's modes, back."""
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            yield
        finally:
            torch.set_grad_enabled(grad)
            torch.set_default_dtype(dtype)


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise TooLong in this thread, wherever it is, after so many seconds."""
    me, lock, done = threading.get_ident(), threading.Lock(), threading.Event()

    def stop() -> None:
        with lock:
            if not done.is_set():
                raised = ctypes.c_ulong(me), ctypes.py_object(TooLong)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(*raised)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            done.set()
        timer.cancel()
