"""A tester that says what it waits for, to whoever shows the progress of an audit."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from harness.link.frame import Frame
from harness.tester.tester import Tester

LISTENING: Final = "frames that nobody asked for"
UNNAMED: Final = "a pause"
LEAST_SHOWN_S: Final = 0.5
"""Shorter times are not told: nobody could read of them."""


_THINGS: Final = ("the delay ", "the end ", "a ", "frames ")
"""How purposes begin that are things; others are what happens meanwhile, or a question."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is waited for, in seconds of the link's time."""

    why: str
    since_s: float
    """When waiting for it began."""
    begun_s: float
    """When this part of it began: between two parts the ECU is asked whether it is over."""
    until_s: float
    """When this part ends."""

    def told(self, now_s: float) -> str:
        """Say what is waited for, and for how long still; if nobody knows that, for how long so far. Empty if it is over."""
        if now_s > self.until_s + LEAST_SHOWN_S or self.until_s - self.since_s < LEAST_SHOWN_S:
            return ""
        left_s = self.until_s - now_s
        is_end_known = self.since_s == self.begun_s and left_s >= 1
        how_long = f"{left_s:.0f} s left" if is_end_known else f"for {now_s - self.since_s:.0f} s so far"
        for_what = f"for {self.why}" if self.why.startswith(_THINGS) else f"({self.why})"
        return f"waits {for_what}, {how_long}"


class WatchedTester(Tester):
    """Keeps in `waiting` what was waited for last."""

    waiting: Waiting | None = None
    measured: Callable[[], str] = staticmethod(lambda: "")
    """Returns the name of what is measured now; empty if nothing is."""

    def wait(self, seconds: float, why: str = "") -> None:
        """As the base."""
        self._note(seconds, why or UNNAMED)
        Tester.listen(self, seconds)

    def listen(
        self, seconds: float, *, after_first_of: int = 0, also_from: Collection[int] = (), why: str = ""
    ) -> tuple[Frame, ...]:
        """As the base."""
        self._note(seconds, why or LISTENING)
        return super().listen(seconds, after_first_of=after_first_of, also_from=also_from)

    def _note(self, seconds: float, why: str) -> None:
        now_s, before = self.link.now_s, self.waiting
        since_s = now_s
        if before is not None and before.why == why and now_s <= before.until_s + LEAST_SHOWN_S:
            since_s = before.since_s
        self.waiting = Waiting(why, since_s, now_s, now_s + seconds)

    def doing(self) -> str:
        """Say what is measured now, and what is waited for; empty if the ECU is just asked."""
        measured = f"measures {self.measured()}" if self.measured() else ""
        waits = self.waiting.told(self.link.now_s) if self.waiting is not None else ""
        return ", ".join(filter(None, (measured, waits)))
