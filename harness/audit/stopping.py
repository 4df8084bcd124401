"""What ends a run early from outside: Ctrl-C, SIGTERM and SIGHUP, at whatever moment and however often."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

NAMES: Final = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", signal.SIGHUP: "SIGHUP"}
GIVES_UP_AT: Final = 3
"""So many signals end even the ending."""


class Stop:
    """Takes those signals while it is installed, and lets them interrupt only what may be interrupted.

    A KeyboardInterrupt at any moment could cut a result in two, or the report short. So one is raised only between
    `allow` and `hold`, and within `interruptible`; everywhere else the wish is noted, and the next of these raises it.
    The third signal is raised wherever it arrives.
    """

    def __init__(self) -> None:
        self.reason = ""
        """What asked first, e.g. ``SIGTERM``; empty as long as nothing has."""
        self.has_given_up = False
        """Asked so often that the ending itself was cut short."""
        self._count = 0
        self._may_raise = False
        self._former: dict[signal.Signals, object] = {}

    def install(self) -> None:
        """Take the signals from now on; one that this process was told to ignore (``nohup``) stays ignored."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NAMES:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._former[number] = signal.signal(number, self._on_signal)

    def remove(self) -> None:
        """Give the signals back."""
        for number, former in self._former.items():
            signal.signal(number, former)  # type: ignore[arg-type]
        self._former = {}

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Within this the first signal raises KeyboardInterrupt, and one that came before does so at once."""
        try:
            self.allow()
            yield
        finally:
            self.hold()

    def allow(self) -> None:
        """From now on the first signal raises KeyboardInterrupt; so does this, if one has come."""
        self._may_raise = True
        if self._count:
            self._may_raise = False  # a second one must not cut what ends the first
            raise KeyboardInterrupt

    def hold(self) -> None:
        """From now on only what is `interruptible` is interrupted."""
        self._may_raise = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self.reason = self.reason or NAMES[signal.Signals(number)]
        if self._count >= GIVES_UP_AT:
            self.has_given_up = True
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
