"""Try trials on one ECU from a known state, and say by name whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.fuzz.answers import AnswerJudge, Complaint
from harness.fuzz.case_state import CaseState, CaseStateKind, reach
from harness.fuzz.keyed import is_the_right_key
from harness.fuzz.oracles import CRASH, SELF_HELP_S, Breach, Watch
from harness.fuzz.play import Player, Stimulus
from harness.tester.oddities import Oddity
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import is_send_key
from harness.verdict import Severity

_SILENCE: Final = ReplyKind.SILENCE
LOCK_SERVICES: Final = frozenset({0x10, 0x11, 0x27, 0x2E})
"""After these, and after frames, the lock is looked at before the next trial could hide what became of it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How stimuli are played: the state they find, and whether they are frames, and so long apart."""

    state: CaseState | None = None
    is_raw: bool = False
    gap_s: float | None = None
    """Between frames; None: back to back, and the ECU's own time between stimuli."""


class Bench:
    """One ECU. `begin` brings it to a known state; `play` sends, judges and looks after it."""

    def __init__(self, tester: Tester, hear: Callable[[Reply | RawReply], None] = lambda reply: None) -> None:
        """`hear` is told every answer."""
        self.tester = tester
        self._hear = hear
        self._setting = Setting()
        self._gap_s: float | None = None
        self._was_silent = False
        self.was_opened_rightly = False
        """The right key, sent as it ought to be, was among the messages: what is open now is open by right."""
        self.complaints: dict[str, Complaint] = {}
        """What answers were wrong since the last beginning, by what."""

    def renew(self) -> None:
        """Put the ECU into a known state: a factory-new one on a simulated bus, else restored. ContactLost: it is gone."""
        tester = self.tester
        if tester.link.can_renew():
            tester.link.renew()
            tester.state.renewed()
            tester.wait(2 * tester.target.reset.boot_s)
        else:
            tester.state.expect_anything()
            tester.restore()

    def begin(self, setting: Setting) -> None:
        """Renew the ECU, bring it into the setting's state, and take stock there. Unjudged: it does not go there."""
        tester, state = self.tester, setting.state
        self.renew()
        self._setting = setting
        level = state.unlocked_level if state is not None else None
        self._watch = Watch(tester, level, {})
        self._player = Player(
            tester,
            is_raw=setting.is_raw,
            timeout_s=tester.target.timing.p2_ms / 1000,
            hear=self._hear_reply,
            hear_raw=self._hear_frames,
            before=self._before,
        )
        if setting.gap_s is not None:
            self._player.gap_s = setting.gap_s
        elif setting.is_raw:
            if self._gap_s is None:
                self._player.measure_gap()
                self._gap_s = self._player.gap_s
            self._player.gap_s = self._gap_s
        self.complaints.clear()
        self._second_count, self._seconds = self.tester.oddities.second_answers, self._second_answers()
        self.was_opened_rightly = self._was_silent = False
        if state is not None:
            reach(state, tester, None)
        self._watch.begin()
        self._judge = AnswerJudge(tester, self._closed_levels(level))

    def _closed_levels(self, open_level: int | None) -> set[int]:
        """The levels that are closed: all of a factory-new ECU, of another one those that an effect has shown to be."""
        levels = {entry.level for entry in self.tester.target.security} - {open_level}
        return levels if self.tester.link.can_renew() else levels & self._watch.locked_levels

    def approach(self) -> None:
        """Bring the ECU into the state once more, before the next trial."""
        state = self._setting.state
        if state is not None and state.kind is not CaseStateKind.UNLOCKED:
            reach(state, self.tester, None)

    def play(self, stimuli: Sequence[Stimulus]) -> None:
        """Send them, one after the other."""
        self._player.play(stimuli)

    def look(self, *, is_thorough: bool) -> Breach | None:
        """Whether the ECU is as it must be; nothing is wrong with a level that was opened by right."""
        breach = self._watch.check(is_thorough=is_thorough)
        return None if breach is not None and self.was_opened_rightly and not breach.is_crash else breach

    def look_at_lock(self) -> Breach | None:
        """The same for the lock alone."""
        return None if self.was_opened_rightly else self._watch.check_lock()

    def look_at_life(self) -> Breach | None:
        """The same for life alone. An ECU that is back after a moment of silence has restarted."""
        tester = self.tester
        self._was_silent = False
        if tester.answers_now() or tester.answers_now():
            return None
        silent_since_s = tester.link.now_s
        while tester.link.now_s < silent_since_s + SELF_HELP_S:
            if tester.answers_now():
                observed = (
                    f"it fell silent, and was back within {tester.link.now_s - silent_since_s:.1f} s: it has restarted"
                )
                return Breach(CRASH, "the ECU answers without interruption", observed, Severity.HIGH, is_restart=True)
        return self._watch.check_life()

    def failures(self, setting: Setting, stimuli: Sequence[Stimulus]) -> dict[str, Breach | Complaint]:
        """All that goes wrong, by what, when stimuli are played once from a known state."""
        self.begin(setting)
        self.approach()
        self.play(stimuli)
        breach = (self.look_at_life() if self._was_silent else None) or self.look(is_thorough=True)
        found: dict[str, Breach | Complaint] = dict(self.complaints)
        if breach is not None:
            found[breach.what] = breach
        return found

    def _before(self, stimulus: Stimulus) -> None:
        messages: Sequence[bytes] = self._judge.before_frames(stimulus) if self._setting.is_raw else stimulus
        for message in messages:
            if is_send_key(message):
                self.was_opened_rightly |= is_the_right_key(message, self.tester)

    def _hear_reply(self, reply: Reply) -> None:
        self._hear(reply)
        if reply.kind is _SILENCE:
            self._was_silent = True
        is_second = self.tester.oddities.second_answers != self._second_count
        complaint = (is_second and self._second(reply)) or self._judge.of_reply(reply)
        if complaint is not None and not self.was_opened_rightly:
            self.complaints.setdefault(complaint.what, complaint)

    def _second(self, reply: Reply) -> Complaint | None:
        """A second answer to one of the requests before this one, which has come only now."""
        now, before = self._second_answers(), self._seconds
        self._second_count, self._seconds = self.tester.oddities.second_answers, now
        for asked in now if not reply.is_malformed else ():  # what fits an earlier request may be a wrong answer to this one
            if now[asked] > before.get(asked, 0):
                expected = f"one answer to {asked} …"
                return Complaint(f"second {asked[:2]}", expected, "another final answer later", "any", one_answer=True)
        return None

    def _second_answers(self) -> dict[str, int]:
        return {one.asked: one.count for one in self.tester.oddities.of(Oddity.SECOND_ANSWER)}

    def _hear_frames(self, raw: RawReply) -> None:
        self._hear(raw)
        complaint = self._judge.of_frames(raw)
        if complaint is not None and not self.was_opened_rightly:
            self.complaints.setdefault(complaint.what, complaint)
