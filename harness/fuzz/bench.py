"""Play stimuli on one ECU from a known state, watch the ECU, and name whatever goes wrong.

Cases, streams and hunts all use this bench: they survey what may be sent, begin, play and look, and reduce what fails.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from harness.fuzz.answers import AnswerJudge, Complaint
from harness.fuzz.case_state import CaseState, CaseStateKind, reach
from harness.fuzz.habits import Habits
from harness.fuzz.keyed import is_the_right_key
from harness.fuzz.novelty import SentIn
from harness.fuzz.oracles import CRASH, SELF_HELP_S, Damage, Watch
from harness.fuzz.play import Answered, Player, Stimulus
from harness.tester.oddities import Oddity
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import Service, is_send_key
from harness.verdict import Severity

_SILENCE: Final = ReplyKind.SILENCE
_SESSION_CONTROL: Final = int(Service.DIAGNOSTIC_SESSION_CONTROL)
LOCK_SERVICES: Final = frozenset({0x10, 0x11, 0x27, 0x2E})
"""Services after which, as after frames, the lock is examined before the next trial could hide a change."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How stimuli are played: in which state of the ECU, as requests or frames, and with which gap between them."""

    state: CaseState | None = None
    is_raw: bool = False
    gap_s: float | None = None
    """Seconds between frames; None: frames back to back, and between two stimuli the time that this ECU takes to answer."""
    is_weighed: bool = False
    """Whether the memory in use is measured before and after the stimuli, if the target says how."""


class Judging(Enum):
    """Which properties of the answers in a stream are judged."""

    NOTHING = "nothing"
    FORM = "their form and number, seen twice"
    ALL = "form, number, and what the target allows"


class Bench:
    """One ECU under test. `begin` brings it to a known state; `play` sends, judges and watches."""

    def __init__(
        self,
        tester: Tester,
        *,
        judging: Judging,
        hear: Callable[[Reply | RawReply], None] = lambda reply: None,
        hear_line: Callable[[str], None] | None = None,
        has_habits: bool = True,
        sessions: Iterable[int] = (),
        may_renew: bool = False,
        changed_values: dict[int, bytes] | None = None,
    ) -> None:
        """Make a bench.

        `hear` is called with every answer, `hear_line` with each new kind of console line. `has_habits`: whether usual
        behaviour is watched (see habits.py). `sessions` are the sessions whose loss is to be noticed. `may_renew`: a
        simulated ECU may be replaced by a factory-new one. `changed_values` as for `Watch`; None: values that were changed
        before are taken as they are now.
        """
        self.tester = tester
        self._judging = judging
        self._hear = hear
        self._may_renew = may_renew and tester.link.can_renew()
        self._changed_values = changed_values
        self._habits = Habits(tester, hear_line) if has_habits else None
        self._judge = AnswerJudge(tester)
        self._frame_bytes = tester.frame_bytes
        self._sessions = tuple(sessions)
        self._stays: set[int] = set()
        """Services that may restart an ECU, but were seen not to restart this one."""
        self._setting = Setting()
        self._steady_values: dict[int, bytes] | None = {} if self._may_renew else None
        """Protected values that were seen to stay the same; they are known only for an ECU that is replaced each time."""
        self._gap_s: float | None = None
        self.sent_in: SentIn = (tester.state.condition, None)
        """The state in which the last request was sent."""
        self.begin_s = 0.0
        """The seconds on the bus that `begin` last took to renew the ECU and to read what must not change."""
        self._was_silent = False
        self._asked_s = 0.0
        self._gone_s: float | None = None
        """When the request was sent since which the ECU, perhaps restarted, has answered nothing; None if it answers."""
        self.was_opened_rightly = False
        """Whether a right key was sent in the proper way among the messages, so that an open level is no fault."""
        self.complaints: dict[str, Complaint] = {}
        """By name: the complaints about answers since the last `begin`."""

    def renew(self) -> None:
        """Bring the ECU to a known state: replace a simulated ECU, restore a real one. Raises ContactLost if it is gone."""
        tester = self.tester
        if self._may_renew:
            tester.link.renew()
            tester.state.renewed()
            tester.wait(2 * tester.target.reset.boot_s, "the ECU boots")
        else:
            tester.state.expect_anything()
            tester.restore()

    def begin(self, setting: Setting, *, level: int | None = None, is_known: bool = False) -> None:
        """Renew the ECU, bring it into the setting's state, and read what must not change.

        Raises Unjudged if that is impossible.

        `level` is the meaning of `{level}` in the state. `is_known`: the ECU is in a known state already.
        """
        tester, state = self.tester, setting.state
        begun_s = tester.link.now_s
        if self._habits is not None:
            self._habits.know(self._sessions)
            self._habits.renewed()
        if not is_known:
            self.renew()
        self._setting = setting
        open_level = state.unlocked_level if state is not None else None
        changed_values = {} if self._changed_values is None else self._changed_values
        self._watch = Watch(tester, open_level, changed_values, steady_values=self._steady_values)
        self._player = Player(
            tester,
            is_raw=setting.is_raw,
            timeout_s=tester.target.timing.p2_ms / 1000,
            hear=self._hear_reply,
            hear_raw=self._hear_frames,
            before=self._before,
            stays=self._stays,
        )
        self._gone_s = None
        self.complaints.clear()
        self._second_count, self._seconds = self.tester.oddities.second_answers, self._second_answers()
        self.was_opened_rightly = self._was_silent = False
        if state is not None:
            reach(state, tester, level)
        self._watch.begin()
        if self._habits is not None:
            self._habits.begin(is_weighed=setting.is_weighed)
            if state is not None:
                self._habits.entered()
        self._judge.begin(self._closed_levels(open_level))
        if not is_known:
            self.begin_s = tester.link.now_s - begun_s

    def _closed_levels(self, open_level: int | None) -> set[int]:
        """Return the levels known to be locked: all of a new ECU, else those that an effect has shown to be locked."""
        levels = {entry.level for entry in self.tester.target.security} - {open_level}
        return levels if self._may_renew else levels & self._watch.locked_levels

    @property
    def state(self) -> SentIn:
        """The state of the ECU, as far as answers to requests show it."""
        state = self.tester.state
        return state.condition, state.pending_level

    def approach(self) -> None:
        """Bring the ECU into the setting's state again, before the next trial."""
        state = self._setting.state
        if state is not None and state.kind is not CaseStateKind.UNLOCKED:
            reach(state, self.tester, None)
            if self._habits is not None:
                self._habits.entered()

    def play(self, stimuli: Sequence[Stimulus]) -> None:
        """Send the stimuli one after the other, and judge the answers as `judging` says."""
        if self._setting.gap_s is not None:
            self._player.gap_s = self._setting.gap_s
        elif self._setting.is_raw:
            if self._gap_s is None:
                self._player.measure_gap()
                self._gap_s = self._player.gap_s
            self._player.gap_s = self._gap_s
        self._player.play(stimuli)

    def answer_to(self, stimulus: Stimulus, *, level: int | None = None) -> Answered:
        """Bring the ECU into the setting's state, send one stimulus, and return the answer for the caller to judge."""
        if self._setting.state is not None:
            reach(self._setting.state, self.tester, level)
        if self._habits is None:
            return self._player.answer_to(stimulus, gap_s=self._setting.gap_s)
        if self._setting.state is not None:
            self._habits.entered()
        self._habits.sent(stimulus, is_raw=self._setting.is_raw)
        answered = self._player.answer_to(stimulus, gap_s=self._setting.gap_s)
        for reply in answered.evidence:
            if isinstance(reply, Reply):
                self._habits.heard(reply)
        return answered

    @property
    def latest(self) -> Reply | RawReply | None:
        """The last answer that came in a stream."""
        return self._player.latest

    def look(self, *, is_thorough: bool) -> Damage | None:
        """Return what is wrong with the ECU, if anything. A level that a right key has opened is not wrong."""
        damage = self._watch.check(is_thorough=is_thorough)
        if damage is not None and self.was_opened_rightly and not damage.is_crash:
            damage = None
        return damage or self._look_at_habits(is_thorough=is_thorough)

    def _look_at_habits(self, *, is_thorough: bool) -> Damage | None:
        return None if self._habits is None else self._habits.check(is_thorough=is_thorough)

    def look_at_console(self) -> Damage | None:
        """Return the fault that the console reports, if any; this takes no request."""
        return None if self._habits is None else self._habits.check_console()

    def look_at_lock(self) -> Damage | None:
        """Return what is wrong with the lock, or with anything else that takes only few requests to see."""
        damage = None if self.was_opened_rightly else self._watch.check_lock()
        return damage or self._look_at_habits(is_thorough=False)

    def look_at_life(self) -> Damage | None:
        """Return the damage if the ECU has stopped answering, or came back after a short silence; else None."""
        tester = self.tester
        self._was_silent = False
        silent_since_s, self._gone_s = self._gone_s, None
        if silent_since_s is None:
            if tester.answers_now() or tester.answers_now():
                return None
            silent_since_s = tester.link.now_s
        elif self._watch.is_repeated:
            return Damage(CRASH, "the ECU answers without interruption", "it fell silent", Severity.HIGH, is_restart=True)
        while tester.link.now_s < silent_since_s + SELF_HELP_S and not self._watch.is_repeated:
            if tester.answers_now():
                observed = (
                    f"it fell silent, and was back within {tester.link.now_s - silent_since_s:.1f} s: it has restarted"
                )
                return Damage(CRASH, "the ECU answers without interruption", observed, Severity.HIGH, is_restart=True)
        return self._watch.check_life()

    def close(self) -> None:
        """Stop everything that was started to watch the ECU."""
        if self._habits is not None:
            self._habits.close()

    def failures(
        self, setting: Setting, stimuli: Sequence[Stimulus], *, is_try: bool = False
    ) -> dict[str, Damage | Complaint]:
        """Play stimuli once from a known state; return everything that goes wrong, by its name.

        `is_try`: the same went wrong before, and the only question is whether it happens again.
        """
        self.begin(setting)
        self._watch.is_repeated = is_try
        self.approach()
        if setting.is_raw:
            self.play(stimuli)
        else:
            self._play_while_alive(stimuli)
        damage = (self.look_at_life() if self._was_silent else None) or self.look(is_thorough=True)
        found: dict[str, Damage | Complaint] = dict(self.complaints)
        if damage is not None:
            found[damage.what] = damage
        return found

    def _play_while_alive(self, stimuli: Sequence[Stimulus]) -> None:
        """Play requests until the ECU is silent for good, since each further request would only cost a wait."""
        was_silent = False
        for stimulus in stimuli:
            self._was_silent = False
            self.play([stimulus])
            if self._was_silent:
                was_silent = True
                if not self.tester.answers_now() and not self.tester.answers_now():
                    break
        self._was_silent = was_silent

    def _before(self, stimulus: Stimulus) -> None:
        is_raw = self._setting.is_raw
        for message in self._judge.before_frames(stimulus) if is_raw else stimulus:
            if is_send_key(message):
                self.was_opened_rightly |= is_the_right_key(message, self.tester)
        if self._habits is not None:
            self._habits.sent(stimulus, is_raw=is_raw)
        self.sent_in = self.state
        self._asked_s = self.tester.link.now_s

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
            slowness = self._slowness(reply)
            if self._gone_s is not None:
                return
            if not is_second and slowness is None and reply.nrc is not None and self._judge.is_quiet():
                return  # a refusal, and no other answer comes
            complaint = (is_second and self._second(reply)) or slowness or self._judge.of_reply(reply)
        if complaint is not None and not self.was_opened_rightly:
            self.complaints.setdefault(complaint.what, complaint)

    def _slowness(self, reply: Reply) -> Complaint | None:
        if self._habits is None:
            return None
        if reply.request[0] == _SESSION_CONTROL:
            self._habits.heard(reply)
        if len(reply.request) >= self._frame_bytes or len(reply.pdu) >= self._frame_bytes:
            return None
        elapsed_s = self.tester.link.now_s - self._asked_s
        if reply.kind is _SILENCE:
            if not self._judge.must_answer(reply):
                return None
            complaint, is_gone = self._habits.lateness(reply, elapsed_s)
            self._gone_s = self._asked_s if is_gone else None
            return complaint
        return self._habits.slowness(reply, elapsed_s)

    def _second(self, reply: Reply) -> Complaint | None:
        """Return the complaint about a late second answer to an earlier request."""
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
