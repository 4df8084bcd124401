"""A tester that reports to the progress display what it is waiting for."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from harness.tester.tester import Tester

LISTENING: Final = "frames that nobody asked for"
UNNAMED: Final = "a pause"
LEAST_SHOWN_S: Final = 0.5
"""The length in seconds of the shortest wait that is shown, since nobody could read shorter ones."""


_THINGS: Final = ("the delay ", "the end ", "a ", "frames ")
"""Beginnings of purposes that name a thing to wait for; all other purposes are actions or questions."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A wait of the tester: its reason, and its times in seconds of the link's clock."""

    why: str
    since_s: float
    """The beginning of the whole wait."""
    begun_s: float
    """The beginning of the wait's present part. Between two parts the tester asks the ECU whether the wait is over."""
    until_s: float
    """The end of the wait's present part."""

    def told(self, now_s: float) -> str:
        """Describe the wait with the remaining time, or the elapsed time if the end is unknown; empty if it is over."""
        if now_s > self.until_s + LEAST_SHOWN_S or self.until_s - self.since_s < LEAST_SHOWN_S:
            return ""
        left_s = self.until_s - now_s
        is_end_known = self.since_s == self.begun_s and left_s >= 1
        how_long = f"{left_s:.0f} s left" if is_end_known else f"for {now_s - self.since_s:.0f} s so far"
        for_what = f"for {self.why}" if self.why.startswith(_THINGS) else f"({self.why})"
        return f"waits {for_what}, {how_long}"


class WatchedTester(Tester):
    """A tester that keeps its last wait in `waiting`."""

    waiting: Waiting | None = None
    measured: Callable[[], str] = staticmethod(lambda: "")
    """A function that returns the name of the present measurement; empty if there is none."""

    def _wait_told(self, seconds: float, why: str, *, is_pause: bool) -> AbstractContextManager[None]:
        why = why or (UNNAMED if is_pause else LISTENING)
        now_s, before = self.link.now_s, self.waiting
        since_s = now_s
        if before is not None and before.why == why and now_s <= before.until_s + LEAST_SHOWN_S:
            since_s = before.since_s
        self.waiting = Waiting(why, since_s, now_s, now_s + seconds)
        return nullcontext()

    def doing(self) -> str:
        """Describe the present wait and measurement; empty if requests are being sent."""
        waits = self.waiting.told(self.link.now_s) if self.waiting is not None else ""
        measured = f"measures {self.measured()}" if self.measured() else ""
        return "; ".join(filter(None, (waits, measured)))
