"""Bring back an ECU that no longer answers: by waiting, by its hooks, or with the help of a person at the terminal."""

from typing import Final

from harness.errors import ContactLost, LinkError, LinkInterrupted
from harness.tester.crashes import RECOVERY_S
from harness.tester.restart import SLOWEST_BOOT
from harness.tester.tester import Tester

OPERATOR_S: Final = 600.0
"""The seconds in which a person at the terminal may cycle the ECU's power."""
UNATTENDED_S: Final = 30.0
"""The seconds in which an ECU on a real bus may come back when nobody is there to help."""
LOOK_S: Final = 1.0
MOST_LOOKS: Final = 8
"""Before how many checks an ECU that has never answered is looked for again."""

NOT_BEGUN: Final = "not begun: "
"""The beginning of the reason of each check that was not begun because the ECU was lost."""


MOST_INTERRUPTIONS: Final = 3
"""How often the bus may be interrupted during one action before that action is given up."""


def restored(tester: Tester, for_level: int | None = None) -> None:
    """Restore the ECU as `Tester.restore` does, with what that raises; again if the bus was interrupted meanwhile."""
    for _ in range(MOST_INTERRUPTIONS):
        try:
            return tester.restore(for_level=for_level)
        except LinkInterrupted:
            continue
    return tester.restore(for_level=for_level)


class Operator:
    """The person who watches the run, and may help; here nobody does."""

    is_there = False
    """Whether somebody reads the messages and can act: the run is on a terminal."""

    def say(self, text: str) -> None:
        """Show a line to the person."""


class Contact:
    """Knows whether one ECU answers, and tries to bring it back when it does not."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester
        self.operator = Operator()
        self._looks = 0
        self.lost = ""
        """Why checks send no more requests to the ECU; empty as long as the ECU answers."""
        self.was_silent = False
        """Whether the ECU was silent at the last restore, even if that brought it back."""
        self.needed_a_person = False
        """Whether the ECU last came back only because somebody cycled its power, or by an event that nobody can repeat."""

    @property
    def is_mute(self) -> bool:
        """Whether requests were sent to the ECU, and it has never answered any."""
        return self._tester.exchange_count > 0 and not self._tester.has_answered

    def require(self) -> None:
        """Raise ContactLost if the ECU was lost and still does not answer; else the audit goes on."""
        if not self.lost:
            return
        if self.is_mute:
            self._looks += 1
        if self._looks > MOST_LOOKS or not self._tester.answers_now():
            raise ContactLost(self.lost)
        self.lost = ""
        self.operator.say("the ECU answers again; the audit goes on")

    def restore(self, doing: str, for_level: int | None = None) -> None:
        """Bring the ECU to a known state; if it is silent, bring it back first. Raises ContactLost if it stays silent.

        `doing` says when contact was lost, e.g. ``before SA-09``; `for_level` is that of `Tester.restore`.
        """
        tester = self._tester
        self.needed_a_person = self.was_silent = False
        tester.revived_by = None
        try:
            restored(tester, for_level)
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
            self.operator.say("the ECU has not come back; the checks that are left end without a verdict" + self._advice())
            raise ContactLost(f"contact was lost {doing}, and the ECU has not come back: {first}")
        self.operator.say("the ECU answers again; the audit goes on")
        restored(tester)

    def _advice(self) -> str:
        """Name what lets an audit bring the ECU back, if the target file does not have it."""
        tester = self._tester
        reset, allow = tester.target.reset, tester.target.safety.allow
        if reset.power is None and reset.command is None:
            way = 'power = "simulated"' if tester.link.can_power_cycle() else "power or command"
            return f"; {way} under [reset] in the target file lets an audit bring it back"
        missing = "power" if reset.power is not None else "reset"
        return f'; "{missing}" in [safety] allow lets an audit bring it back' if missing not in allow else ""

    def _comes_back(self) -> bool:
        """Wait, briefly and then for longer, while a person may help; return whether the ECU answers again."""
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
            tester.wait(LOOK_S, "whether the ECU comes back")
        return True

    def is_lost(self) -> bool:
        """Whether the ECU has stopped answering; an adapter that fails says nothing about the ECU."""
        try:
            return not self._tester.is_alive()
        except LinkError:
            return False
