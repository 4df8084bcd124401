"""Interrupt Python code of the user's that does not return."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from harness.errors import KeyFunctionError

AGAIN_S = 1.0
"""Code that swallows the interruption gets another so often."""


class _TakesTooLong(BaseException):
    """Raised within the code: no ``except Exception`` of its catches this."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """KeyFunctionError if what is done within this takes longer.

    It interrupts a loop and a sleep. In another thread than the main one nothing is interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
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
