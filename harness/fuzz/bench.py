"""Play stimuli on one ECU from a known state, look after it, and say by name whatever goes wrong.

Cases, streams and hunts all play on it: they survey what may be sent, begin, play and look, and make minimal what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from harness.fuzz.answers import AnswerJudge, Complaint
from harness.fuzz.case_state import CaseState, CaseStateKind, reach
from harness.fuzz.keyed import is_the_right_key
from harness.fuzz.oracles import CRASH, SELF_HELP_S, Breach, Watch
from harness.fuzz.play import Answered, Player, Stimulus
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


class Judging(Enum):
    """What is judged of the answers in a stream of stimuli."""

    NOTHING = "nothing"
    FORM = "their form and number, seen twice"
    ALL = "form, number, and what the target allows"


class Bench:
    """One ECU. `begin` brings it to a known state; `play` sends, judges and looks after it."""

    def __init__(
        self,
        tester: Tester,
        *,
        judging: Judging,
        hear: Callable[[Reply | RawReply], None] = lambda reply: None,
        may_renew: bool = False,
        spoiled: dict[int, bytes] | None = None,
    ) -> None:
        """`hear` is told every answer. `may_renew`: a simulated ECU may be replaced by a factory-new one.

        `spoiled` as of `Watch`; None: what was changed before is what is there now.
        """
        self.tester = tester
        self._judging = judging
        self._hear = hear
        self._may_renew = may_renew and tester.link.can_renew()
        self._spoiled = spoiled
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
        if self._may_renew:
            tester.link.renew()
            tester.state.renewed()
            tester.wait(2 * tester.target.reset.boot_s)
        else:
            tester.state.expect_anything()
            tester.restore()

    def begin(self, setting: Setting, *, level: int | None = None, is_known: bool = False) -> None:
        """Renew the ECU, bring it into the setting's state, and take stock there. Unjudged: it does not go there.

        `level` is what `{level}` stands for in the state. `is_known`: the ECU is in a known state already.
        """
        tester, state = self.tester, setting.state
        if not is_known:
            self.renew()
        self._setting = setting
        open_level = state.unlocked_level if state is not None else None
        self._watch = Watch(tester, open_level, {} if self._spoiled is None else self._spoiled)
        self._player = Player(
            tester,
            is_raw=setting.is_raw,
            timeout_s=tester.target.timing.p2_ms / 1000,
            hear=self._hear_reply,
            hear_raw=self._hear_frames,
            before=self._before,
        )
        self.complaints.clear()
        self._second_count, self._seconds = self.tester.oddities.second_answers, self._second_answers()
        self.was_opened_rightly = self._was_silent = False
        if state is not None:
            reach(state, tester, level)
        self._watch.begin()
        self._judge = AnswerJudge(tester, self._closed_levels(open_level))

    def _closed_levels(self, open_level: int | None) -> set[int]:
        """The levels that are closed: all of a factory-new ECU, of another one those that an effect has shown to be."""
        levels = {entry.level for entry in self.tester.target.security} - {open_level}
        return levels if self._may_renew else levels & self._watch.locked_levels

    def approach(self) -> None:
        """Bring the ECU into the state once more, before the next trial."""
        state = self._setting.state
        if state is not None and state.kind is not CaseStateKind.UNLOCKED:
            reach(state, self.tester, None)

    def play(self, stimuli: Sequence[Stimulus]) -> None:
        """Send them, one after the other, and judge the answers as was said."""
        if self._setting.gap_s is not None:
            self._player.gap_s = self._setting.gap_s
        elif self._setting.is_raw:
            if self._gap_s is None:
                self._player.measure_gap()
                self._gap_s = self._player.gap_s
            self._player.gap_s = self._gap_s
        self._player.play(stimuli)

    def answer_to(self, stimulus: Stimulus, *, level: int | None = None) -> Answered:
        """Bring the ECU into the state, send one stimulus by itself, and take what comes back: who asks judges it."""
        if self._setting.state is not None:
            reach(self._setting.state, self.tester, level)
        return self._player.answer_to(stimulus, gap_s=self._setting.gap_s)

    @property
    def latest(self) -> Reply | RawReply | None:
        """What came back last in a stream."""
        return self._player.latest

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
        if self._judging is Judging.NOTHING:
            return
        if self._judging is Judging.FORM:
            complaint = self._judge.of_form_confirmed(reply)
        else:
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
        complaint = self._judge.of_frames(raw) if self._judging is Judging.ALL else None
        if complaint is not None and not self.was_opened_rightly:
            self.complaints.setdefault(complaint.what, complaint)
