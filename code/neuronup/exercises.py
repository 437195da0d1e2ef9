"""Exercises in a lab: a check says what is still missing, and the lab goes on."""

from collections.abc import Callable

from neuronup.command import one_thread

one_thread()  # every lab imports this module, and so computes as the scripts do


def attempt(check: Callable[..., None], *things: object) -> None:
    """Try `things` on `check` and print what came of it; never raise."""
    try:
        check(*things)
    except AssertionError as error:
        print(f"Not yet: {str(error) or 'the check does not pass'}")
    except Exception as error:  # whatever an unfinished answer breaks
        print(f"Not yet: {type(error).__name__}: {error}")
    else:
        print("Right.")
