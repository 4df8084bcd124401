"""Let Ctrl-C, SIGTERM and SIGHUP end a run early, at any moment and however often they come."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from harness.system import ENDING_SIGNALS

GIVES_UP_AT: Final = 3
"""How many signals it takes to cut short even the ending of the run."""


class Stop:
    """Handles Ctrl-C, SIGTERM and SIGHUP while installed, and lets them interrupt only parts of the run that may be
    interrupted.

    A KeyboardInterrupt at any moment could cut a result in two, or the report short. So a signal raises it only between
    `allow` and `hold`, and within `interruptible`; after a signal elsewhere, the next such part raises it when it begins.
    The third signal raises it at once, wherever it arrives.
    """

    def __init__(self) -> None:
        self.reason = ""
        """The signal that came first, e.g. ``SIGTERM``; empty if none came."""
        self._count = 0
        self._may_raise = False
        self._former: dict[signal.Signals, object] = {}

    def install(self) -> None:
        """Handle the signals from now on; a signal that this process ignores (``nohup``) stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._on_signal)

    def remove(self) -> None:
        """Restore the former signal handlers."""
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]
        self._former = {}

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the first signal within this block raise KeyboardInterrupt; if a signal has come already, raise it at once."""
        try:
            self.allow()
            yield
        finally:
            self.hold()

    def allow(self) -> None:
        """Let the first signal from now on raise KeyboardInterrupt; if a signal has come already, raise it now."""
        self._may_raise = True
        if self._count:
            self._may_raise = False  # a second signal must not cut the ending short
            raise KeyboardInterrupt

    def hold(self) -> None:
        """Let signals interrupt only `interruptible` blocks from now on."""
        self._may_raise = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.reason = self.reason or ENDING_SIGNALS[signal.Signals(number)]
        if self._count >= GIVES_UP_AT:
            raise KeyboardInterrupt
        if self._may_raise:
            self._may_raise = False
            raise KeyboardInterrupt
        more = "; once more gives that up" if self._count == GIVES_UP_AT - 1 else ""
        _say(f"uds-harness: stopping: the ECU is restored and the report is written{more}")


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, ValueError, RuntimeError):  # the terminal is gone, or was being written to at this moment
        return
