"""Run a fuzz case: send and judge every message, watch the ECU, and name the message that caused a failure.

Nothing is sent before every message of the case has been examined. A step with a message that is not permitted is left out;
if no step remains, or the wrong keys exceed the budget, the case is not run.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple, NoReturn

from harness.errors import ContactLost, Inconclusive, NotApplicable, NotRun, Unjudged, Violation
from harness.fuzz.bench import Bench, Judging, Setting
from harness.fuzz.case import Case
from harness.fuzz.case_state import wait_out_lockout
from harness.fuzz.habits import OWN_LAG_SHARE, SLOW_TIMES
from harness.fuzz.keyed import shown_bytes
from harness.fuzz.oracles import ChangedValues, Damage
from harness.fuzz.play import NOT_TAKEN_LIMIT, Answered
from harness.fuzz.send import SentStep
from harness.fuzz.survey import guesses, hold_whole_key, refusal
from harness.tester.access import STORING_S
from harness.tester.bus_load import own_lag_s
from harness.tester.listening import SECOND_WITHIN_S
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import Service
from harness.verdict import Severity

THOROUGH_EVERY: Final = 16
"""The steps between two complete looks at the ECU; the lock is also examined after steps that could unlock or write."""

COMPARED_SHARE: Final = 3
"""At most one in this many wrong keys of a case has the right length, since the ECU compares and counts only such keys."""
_SEVERITIES: Final = list(Severity)


def run_case(
    case: Case, tester: Tester, changed_values: ChangedValues | None = None, *, most_keys: int | None = None
) -> None:
    """Run a case on an ECU that has just been restored. The case passes if this returns, and ends otherwise by an exception.

    To repeat a failure, pass the same `changed_values` again. Of the steps that send wrong keys, at most `most_keys` are
    played for each level: those of the right length, the first and the last, and some between them.
    """
    _Execution(case, tester, (changed_values or ChangedValues()).on(tester), most_keys).run()


class _Done(NamedTuple):
    """A step that was sent, and its answer."""

    step: SentStep
    answer: Answered


class _Execution:
    def __init__(self, case: Case, tester: Tester, changed_values: dict[int, bytes], most_keys: int | None) -> None:
        self._case = case
        self._most_keys = most_keys
        self._tester = tester
        gap_s = None if case.gap_ms is None else case.gap_ms / 1000
        self._setting = Setting(case.state, is_raw=case.is_raw, gap_s=gap_s, is_weighed=case.repeat > 1)
        self._bench = Bench(tester, judging=Judging.NOTHING, changed_values=changed_values, sessions=self._sessions())
        self._first_level: int | None = None
        self._latest: tuple[Reply | RawReply, ...] = ()
        self._not_taken = self._not_taken_in_a_row = 0
        self._fault = ""
        self._unseen: list[_Done] = []
        """The steps since the lock and its values were last examined."""
        self._unsure: list[_Done] = []
        """The steps since the whole ECU was last examined."""

    def run(self) -> None:
        """Send all steps, and raise the exception that ends the case."""
        tester = self._tester
        count = self._survey()
        if self._case.state is None or self._case.state.unlocked_level is None:
            tester.access.require_locked()
        if self._case.is_raw:
            tester.require_quiet()
        try:
            self._begin(is_known=True)
            for step in self._steps():
                if not self._refusal(step):
                    self._play(step)
            tester.wait(STORING_S, "the ECU stores a value")
            self._look(is_thorough=True)
        finally:
            self._bench.close()
        tester.cite(*self._latest)
        self._conclude(count)

    def _conclude(self, count: int) -> None:
        """Say what the case has examined. Raises Inconclusive if the ECU received none of its messages."""
        judged = count - self._not_taken
        if not judged:
            raise Inconclusive(f"no message of this length was taken ({self._fault})")
        if self._not_taken:
            self._tester.note(f"{self._not_taken} long messages were not taken whole, and not judged ({self._fault})")
        number = "one message" if judged == 1 else f"{judged} messages"
        self._tester.note(f"{number} judged; life, lock and protected values were watched")

    def _sessions(self) -> set[int]:
        """Return the declared sessions that the case enters, by its state or its first step."""
        step = next(iter(self._steps()), None)
        entered = (
            {one[1] for one in step.messages if len(one) > 1 and one[0] == 0x10} if step and not self._case.is_raw else set()
        )
        state = self._case.state
        entered |= {state.session} if state is not None and state.session is not None else set()
        return entered & {one.id for one in self._tester.target.sessions}

    def _steps(self) -> Iterator[SentStep]:
        """Yield the steps of the case; each call yields the same steps."""
        steps = self._case.messages.steps(self._tester.target, self._tester.chance.stream(self._case.full_id))
        if self._case.repeat > 1:
            steps = (step._replace(messages=step.messages * self._case.repeat) for step in steps)
        if self._most_keys is None:
            yield from steps
            return
        every = list(steps)
        keys: dict[tuple[int, ...], list[int]] = {}
        for number, step in enumerate(every):
            levels = [one for message in step.messages for one in guesses(self._tester, message, is_raw=self._case.is_raw)]
            if levels:
                keys.setdefault(tuple(levels), []).append(number)
        left_out = {number for numbers in keys.values() for number in set(numbers) - self._chosen(every, numbers)}
        yield from (step for number, step in enumerate(every) if number not in left_out)

    def _chosen(self, steps: list[SentStep], numbers: list[int]) -> set[int]:
        """Return which steps with wrong keys for one level to play, with few keys of the length that the ECU compares."""
        assert self._most_keys is not None
        lengths = {
            entry.level: self._tester.security.level(entry.level).key_length for entry in self._tester.target.security
        }
        usual = {2 + length for length in lengths.values() if length}
        fitting = [number for number in numbers if usual & set(map(len, steps[number].messages))]
        fitting = fitting[: max(self._most_keys // COMPARED_SHARE, 1)]
        others = [number for number in numbers if not usual & set(map(len, steps[number].messages))]
        room = self._most_keys - len(fitting)
        spread = [others[at * (len(others) - 1) // max(room - 1, 1)] for at in range(room if others else 0)]
        return {*fitting, *list(dict.fromkeys((*others[:1], *others[-1:], *spread)))[:room]}

    def _refusal(self, step: SentStep) -> str:
        """Return why a step may not be sent; empty if it may."""
        reasons = (refusal(self._tester, message, is_raw=self._case.is_raw) for message in step.messages)
        return next(filter(None, reasons), "")

    # Before anything is sent

    def _survey(self) -> int:
        """Return how many messages may be sent.

        Raises NotRun if no message may be sent or the keys exceed the budget, NotApplicable if the case has no message for
        this target.
        """
        sent = left_out = 0
        first_reason = ""
        keys: Counter[int] = Counter()
        for step in self._steps():
            reason = self._refusal(step)
            if reason:
                left_out += len(step.messages)
                first_reason = first_reason or reason
                continue
            self._first_level = step.level if not sent else self._first_level
            sent += len(step.messages)
            for message in step.messages:
                keys.update(guesses(self._tester, message, is_raw=self._case.is_raw))
        if not sent and not left_out:
            raise NotApplicable("the case has no message for this target")
        if not sent:
            raise NotRun(first_reason)
        if left_out:
            self._tester.note(f"{left_out} of {sent + left_out} messages were left out; the first: {first_reason}")
        for level, number in keys.items():
            self._tester.security.ledger.check(level, number)
        return sent

    # Sending

    def _begin(self, *, is_known: bool) -> None:
        """Reach the state, and read what must not change; `is_known` as in `Bench.begin`."""
        self._bench.begin(self._setting, level=self._first_level, is_known=is_known)

    def _play(self, step: SentStep) -> None:
        is_long = any(len(message) >= self._tester.frame_bytes for message in step.messages)
        if is_long and self._not_taken_in_a_row >= NOT_TAKEN_LIMIT:
            self._not_taken += len(step.messages)
            return
        done = self._send(step)
        self._latest = done.answer.evidence
        if done.answer.is_right_key:
            self._forgive()
            return
        self._fault = done.answer.not_taken or self._fault
        if done.answer.not_taken:
            self._not_taken += len(step.messages)
            self._not_taken_in_a_row += 1
        else:
            self._not_taken_in_a_row = 0 if is_long else self._not_taken_in_a_row
            self._judge(done)
        self._unseen.append(done)
        self._unsure.append(done)
        if self._may_have_effect(step):
            self._look(is_thorough=False)
        if len(self._unsure) >= THOROUGH_EVERY:
            self._look(is_thorough=True)
        if done.answer.locked_out_level is not None:
            wait_out_lockout(done.answer.locked_out_level, self._tester)

    def _send(self, step: SentStep) -> _Done:
        return _Done(step, self._bench.answer_to(step.messages, level=step.level))

    def _forgive(self) -> None:
        """Lock the ECU again after a random key that happened to be right; the ECU was right to open then."""
        self._tester.note("a random key was the right one; it was not judged")
        self._tester.restore()
        self._tester.access.require_locked()
        self._begin(is_known=True)

    def _may_have_effect(self, step: SentStep) -> bool:
        """Whether a step may have an effect that the next step could hide by reaching the state anew or by another write."""
        if self._case.is_raw or self._case.state is not None:
            return True
        services = (Service.DIAGNOSTIC_SESSION_CONTROL, Service.SECURITY_ACCESS)
        return any(message[0] in services or self._tester.gate.harms(message) for message in step.messages)

    # Judging

    def _judge(self, done: _Done) -> None:
        reply = done.answer.reply
        if self._case.expect.accepts(reply):
            in_time_s = SECOND_WITHIN_S if self._tester.link.is_virtual else self._tester.target.timing.p2_ms / 1000
            is_one = self._case.one_answer and not reply.is_silence
            late = self._tester.listen(in_time_s, why="a second answer") if is_one else None
            if late and not self._tester.is_shared():
                self._tester.cite(*done.answer.evidence)
                observed = f"{reply}, and then {late[0].text()}"
                raise Violation(expected=f"one answer to {self._named(done.step)}", observed=observed)
            self._judge_time(done)
            return
        damage = self._bench.look(is_thorough=True)
        if damage is not None:
            self._accuse(damage, [*self._unsure, done])
        self._tester.cite(*done.answer.evidence)
        sequence = f" to the last of {self._named(done.step)}" if len(done.step.messages) > 1 else ""
        raise Violation(expected=f"{self._case.expect}{sequence}", observed=str(reply))

    def _judge_time(self, done: _Done) -> None:
        """Fail the case if the answer is too late each time while the ECU answers a plain request in time."""
        tester, within_ms = self._tester, self._case.within_ms
        if within_ms is None or self._case.is_raw:
            return
        taken: list[float] = []
        while len(taken) < SLOW_TIMES:
            reply = done.answer.reply if not taken else self._send(done.step).answer.reply
            times_s = tester.answer_times_s(reply)
            if len(reply.replies) != 1 or not times_s or times_s[0] * 1000 <= within_ms:
                return
            taken.append(times_s[0] * 1000)
            plain_s = tester.answer_times_s(tester.request(tester.liveness_request))
            if not plain_s or plain_s[0] * 1000 > within_ms or own_lag_s(tester) * 1000 > within_ms * OWN_LAG_SHARE:
                return
        tester.cite(*done.answer.evidence)
        expected = f"an answer to {self._named(done.step)} within {within_ms} ms"
        raise Violation(
            expected=expected, observed=f"after {', '.join(f'{one:.1f}' for one in taken)} ms", severity=self._case.severity
        )

    def _look(self, *, is_thorough: bool) -> None:
        """Examine the ECU; if anything is wrong, name the message that caused it."""
        suspects = self._unsure if is_thorough else self._unseen
        damage = self._bench.look(is_thorough=is_thorough) if suspects else None
        if damage is not None:
            self._accuse(damage, suspects)
        self._unseen = []
        if is_thorough:
            self._unsure = []

    def _accuse(self, damage: Damage, suspects: list[_Done]) -> NoReturn:
        """Fail the case, and name the message that caused the damage.

        Raises ContactLost if nothing brings the ECU back, so that the failure cannot be repeated.
        """
        silent = (suspect for suspect in suspects if suspect.answer.reply.kind is ReplyKind.SILENCE)
        done, found = next(silent, suspects[-1]) if damage.is_death else suspects[-1], damage
        which = f"after {self._named(done.step)}"
        self._tester.state.expect_anything()
        try:
            if len(suspects) > 1:
                guilty = self._replayed([suspect.step for suspect in suspects])
                done, found = guilty or (done, found)
                which = f"after {self._named(done.step)}"
                if guilty is None:
                    which = f"after one of {len(suspects)} messages up to {self._named(suspects[-1].step)}"
            self._tester.cite(*done.answer.evidence)
            if found.evidence is not None:
                self._tester.cite(found.evidence)
            if found.is_death:
                self._tester.restore()
        except ContactLost as lost:
            self._tester.crashes.report(self._named(done.step), found.observed, is_reproduced=False)
            self._tester.note(f"contact was lost {which}")
            raise ContactLost(f"contact lost {which}, and nothing brings the ECU back to repeat it") from lost
        if found.is_crash:
            is_reproduced = found.is_restart or found is not damage
            self._tester.crashes.report(self._named(done.step), found.observed, is_reproduced=is_reproduced)
        severity = min(found.severity, self._case.severity, key=_SEVERITIES.index)
        if hold_whole_key(self._tester, done.step.messages, found.open_level, is_raw=self._case.is_raw):
            severity = self._case.severity
        raise Violation(
            expected=f"{found.expected} {which}",
            observed=f"{found.observed}; the answer was {done.answer.reply}",
            severity=severity,
        )

    def _replayed(self, suspects: list[SentStep]) -> tuple[_Done, Damage] | None:
        """Play the suspects again from a known state, one by one; return the first that fails again, and how."""
        try:
            self._begin(is_known=False)
            for step in suspects:
                done = self._send(step)
                damage = self._bench.look(is_thorough=True)
                if damage is not None:
                    return done, damage
        except ContactLost:
            raise
        except Unjudged as reason:
            self._tester.note(f"which message did it was not found out: {reason}")
        else:
            self._tester.note("sent once more, one by one, the messages did not do it again")
        return None

    def _named(self, step: SentStep) -> str:
        once = step.messages[: len(step.messages) // self._case.repeat]
        words = ", then ".join(map(shown_bytes, once))
        words += f", {self._case.repeat} times" if self._case.repeat > 1 else ""
        return f"{words} as raw frames" if self._case.is_raw else words
