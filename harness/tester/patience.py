"""Interrupt Python code of the user's that runs too long."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.errors import KeyFunctionError
from harness.system import HAS_ALARM

AGAIN_S = 1.0
"""The seconds between further interruptions of code that ignores the first one."""


class _TakesTooLong(BaseException):
    """Raised within the interrupted code; not derived from Exception, so that the code's handlers do not catch it."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raise KeyFunctionError if the block takes longer than `seconds`.

    Loops and sleeps are interrupted, but only in the main thread, and not on Windows.
    """
    if not HAS_ALARM or threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGALRM, _interrupt)
    before = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_S)
    try:
        yield
    except _TakesTooLong:
        raise KeyFunctionError(f"no answer within {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
        signal.signal(signal.SIGALRM, former)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise _TakesTooLong


@contextmanager
def nobody_to_ask() -> Iterator[None]:
    """Keep key functions from asking a person for keys of seeds that no real ECU has given."""
    before = sys.stdin
    with open(os.devnull, encoding="utf-8") as nothing:
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before
