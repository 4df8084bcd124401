"""Call a function, and return the refusal that it raises, or how many functions it calls."""

import sys
from collections.abc import Callable

from harness.errors import UserError


def refusal_of(call: Callable[[], object]) -> str:
    """Return the text of the UserError that a call raises; empty if it raises none."""
    try:
        call()
    except UserError as error:
        return str(error)
    return ""


def calls_made_by(work: Callable[[], object]) -> int:
    """Return how many functions a call makes: a measure of work that is equal on every machine."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls
