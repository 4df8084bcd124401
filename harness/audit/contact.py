"""Bring back an ECU that no longer answers: by waiting, by its hooks, or by whoever stands beside it."""

from __future__ import annotations

from typing import Final, Protocol

from harness.errors import ContactLost, LinkError, LinkInterrupted
from harness.tester.crashes import RECOVERY_S
from harness.tester.restart import SLOWEST_BOOT
from harness.tester.tester import Tester

OPERATOR_S: Final = 600.0
"""So long a person at the terminal is given to cycle the ECU's power."""
UNATTENDED_S: Final = 30.0
"""So long an ECU on a real bus is given to come back where nobody is there to help."""
LOOK_S: Final = 1.0

NOT_BEGUN: Final = "not begun: "
"""So begins the reason of every check that found the ECU given up."""


MOST_INTERRUPTIONS: Final = 3
"""So often the bus may be away while one thing is done, before it is given up."""


def restored(tester: Tester) -> None:
    """Restore the ECU, once more if the bus was away meanwhile. ContactLost, LinkError: as `Tester.restore`."""
    for _ in range(MOST_INTERRUPTIONS):
        try:
            return tester.restore()
        except LinkInterrupted:
            continue
    return tester.restore()


class Operator(Protocol):
    """Whoever watches the run."""

    is_there: bool
    """Somebody reads what is said, and can act: the run is on a terminal."""

    def say(self, text: str) -> None:
        """Show a line."""


class Nobody:
    """A run that nobody watches."""

    is_there = False

    def say(self, text: str) -> None:
        """Keep it to oneself."""


class Contact:
    """Knows whether one ECU answers, and what is done when it does not."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester
        self.operator: Operator = Nobody()
        self.lost = ""
        """Why nothing is asked any more; empty as long as the ECU answers."""
        self.was_silent = False
        """The last time that it was to be restored it had to be brought back, or was not."""
        self.needed_a_person = False
        """The last time it came back only since somebody cycled its power, or by an event that cannot be repeated."""

    def require(self) -> None:
        """ContactLost: the ECU was given up, and still does not answer. One that answers again is taken up again."""
        if not self.lost:
            return
        if not self._tester.answers_now():
            raise ContactLost(self.lost)
        self.lost = ""
        self.operator.say("the ECU answers again; the audit goes on")

    def restore(self, doing: str) -> None:
        """Bring the ECU to a known state, back to life first if need be. ContactLost: nothing helps; it is given up.

        `doing` says after what contact was lost.
        """
        tester = self._tester
        self.needed_a_person = self.was_silent = False
        tester.revived_by = None
        try:
            restored(tester)
            if tester.revived_by is not None:
                self.was_silent = True
                self.operator.say(f"contact with the ECU was lost {doing}; brought back by {tester.revived_by.value}")
            return
        except ContactLost as lost:
            first = lost
        self.was_silent = True
        if not tester.has_answered:
            self.lost = f"{NOT_BEGUN}{first}"
            raise first
        self.operator.say(f"contact with the ECU is lost {doing}: {first}; waiting for it to come back")
        if not self._comes_back():
            self.lost = f"{NOT_BEGUN}contact was lost {doing}, and the ECU does not answer again"
            self.operator.say("the ECU has not come back; the checks that are left end without a verdict")
            raise ContactLost(f"contact was lost {doing}, and the ECU has not come back: {first}")
        self.operator.say("the ECU answers again; the audit goes on")
        restored(tester)

    def _comes_back(self) -> bool:
        """Whether it answers after a while: its own time first, then that of a person, or of whatever else may help."""
        tester = self._tester
        if self._answers_within(tester.target.reset.boot_s * SLOWEST_BOOT + RECOVERY_S):
            return True
        if tester.link.is_virtual:  # where time costs nothing
            return self._answers_within(OPERATOR_S)
        self.needed_a_person = True
        if self.operator.is_there:
            self.operator.say(
                "please cycle the ECU's power: the audit goes on when it answers, "
                f"and gives up after {OPERATOR_S / 60:.0f} minutes"
            )
            return self._answers_within(OPERATOR_S)
        return self._answers_within(UNATTENDED_S)

    def _answers_within(self, seconds: float) -> bool:
        tester = self._tester
        give_up_s = tester.link.now_s + seconds
        while not tester.answers_now():
            if tester.link.now_s > give_up_s:
                return False
            tester.wait(LOOK_S)
        return True

    def is_lost(self) -> bool:
        """Whether nothing comes back any more. An adapter that fails says nothing of the ECU."""
        try:
            return not self._tester.is_alive()
        except LinkError:
            return False
