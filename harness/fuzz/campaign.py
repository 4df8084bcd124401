"""What does a stream of fuzzed messages do to an ECU? Sent in batches, looked after, and reduced to what is guilty.

Other than a case, whose every message is judged, a campaign is about mass: raw frames go out without waiting for answers.
After each batch the ECU must be alive, locked as before and its protected data unchanged (see oracles.py). If it is not,
the batch is played again from a known state, in ever smaller parts, until only what is needed for the breach is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from harness.errors import ContactLost, NotPermitted, NotRun, Unjudged, Violation
from harness.fuzz.execution import NOT_TAKEN_LIMIT, Spoiled
from harness.fuzz.oracles import Breach, Watch
from harness.fuzz.reduce import reduced
from harness.fuzz.requests import SLOWEST_BOOT, guesses, not_taken, refusal, shown_bytes
from harness.link.frame import Frame
from harness.tester.access import STORING_S
from harness.tester.bus_load import MOST_BACKLOG_S, await_quiet
from harness.tester.reply import RawReply, Reply
from harness.tester.tester import Tester
from harness.uds import SUPPRESS_POSITIVE_RESPONSE, Service, Session
from harness.verdict import Severity

Stimulus = tuple[bytes, ...]
"""The data fields of frames that go out back to back, or one request."""

Judge = Callable[[Reply], str]
"""What is wrong with an answer; nothing if it may be so."""

BATCH: Final = 50
THOROUGH_EVERY: Final = 4
SHORTEST_GAP_S, LONGEST_GAP_S = 0.002, 0.02
"""Between two raw stimuli: long enough for an answer of this ECU, so that it looks at each."""

PART_OF_BUDGET: Final = 4
"""A campaign takes no more than this part of the wrong keys that are left: other checks need theirs."""

REPLAYS: Final = 32
SHOWN_STIMULI: Final = 6

_SPOILED: Final = Spoiled()


class Campaign:
    """Fuzzed messages for one ECU that has just been restored."""

    def __init__(
        self,
        tester: Tester,
        *,
        is_raw: bool = False,
        judge: Judge | None = None,
        timeout_s: float | None = None,
        most_keys: int | None = None,
    ) -> None:
        """`judge` looks at each answer, and `timeout_s` is how long one is waited for: neither with raw frames.

        Of stimuli in which an ECU may read a wrong key at most `most_keys` are sent to each level; None: as many as the
        budget has room for.
        """
        self._tester = tester
        self._is_raw = is_raw
        self._judge = judge
        self._most_keys = most_keys
        self._timeout_s = timeout_s
        self._gap_s = SHORTEST_GAP_S
        self._not_taken_in_a_row = 0
        self._watch = Watch(tester, None, _SPOILED.on(tester))
        self._latest: Reply | RawReply | None = None
        self._complaint: tuple[Reply, str] | None = None

    def run(self, stimuli: Sequence[Stimulus]) -> int:
        """Send all that is permitted, and say how many stimuli that was.

        Raises what the check ends by: Violation for a breach or a complaint, NotRun if nothing is permitted or the keys
        that an ECU may read into it are over budget.
        """
        tester = self._tester
        permitted = self._permitted(stimuli)
        tester.access.require_locked()
        tester.require_quiet()
        self._gap_s = self._suitable_gap_s()
        self._watch.begin()
        unsure: list[Stimulus] = []
        for number, start in enumerate(range(0, len(permitted), BATCH), 1):
            batch = permitted[start : start + BATCH]
            unsure += batch
            self._play(batch)
            is_thorough = number % THOROUGH_EVERY == 0 or start + BATCH >= len(permitted)
            breach = self._watch.check(is_thorough=is_thorough)
            if breach is not None:
                self._accuse(breach, unsure)
            unsure = [] if is_thorough else unsure
        tester.state.expect_anything()
        if self._complaint is not None:
            reply, complaint = self._complaint
            tester.cite(reply)
            raise Violation(
                expected=complaint, observed=f"{shown_bytes(reply.request)} gives {reply}", severity=Severity.LOW
            )
        return len(permitted)

    # Before anything is sent

    def _permitted(self, stimuli: Sequence[Stimulus]) -> list[Stimulus]:
        tester = self._tester
        found: list[Stimulus] = []
        keys: Counter[int] = Counter()
        reason = ""
        for stimulus in stimuli:
            refused = next(filter(None, (refusal(tester, one, is_raw=self._is_raw) for one in stimulus)), "")
            levels = [] if refused else [level for one in stimulus for level in guesses(tester, one, is_raw=self._is_raw)]
            refused = refused or next(filter(None, (self._why_no_guess(level, keys) for level in levels)), "")
            reason = reason or refused
            if not refused:
                found.append(stimulus)
                keys.update(levels)
        if not found:
            raise NotRun(reason or "there is nothing to send")
        if len(found) < len(stimuli):
            tester.note(f"{len(stimuli) - len(found)} of {len(stimuli)} stimuli were left out; the first: {reason}")
        return found

    def _why_no_guess(self, level: int, planned: Counter[int]) -> str:
        security = self._tester.security
        left = security.ledger.left(level)
        if left is not None and planned[level] >= left // PART_OF_BUDGET:
            return f"more keys for level 0x{level:02X} than a campaign may take of the budget"
        if self._most_keys is not None and planned[level] >= self._most_keys:
            return f"more keys for level 0x{level:02X} than {self._most_keys}, which is enough for this depth"
        return security.why_no_guess(level)

    def _suitable_gap_s(self) -> float:
        tester = self._tester
        times = [max(tester.answer_times_s(tester.request(tester.liveness_request)), default=0.0) for _ in range(3)]
        return min(max(1.5 * max(times), SHORTEST_GAP_S), LONGEST_GAP_S)

    # Sending

    def _play(self, batch: Sequence[Stimulus]) -> None:
        tester = self._tester
        heard: list[Frame] = []
        for stimulus in batch:
            if self._is_raw:
                raw = self._latest = tester.raw(*stimulus, listen_s=self._gap_s)
                heard += raw.answers
            else:
                self._ask(stimulus)
        if self._is_raw:
            heard += tester.listen(STORING_S)
            await_quiet(tester, MOST_BACKLOG_S, after=heard)
        if any(map(self._may_restart, batch)):
            reset = tester.target.reset
            tester.wait(reset.boot_s)
            tester.await_life(reset.boot_s * SLOWEST_BOOT + 2.0)

    def _ask(self, stimulus: Stimulus) -> None:
        tester = self._tester
        for pdu in stimulus:
            if len(pdu) >= tester.frame_bytes and self._not_taken_in_a_row >= NOT_TAKEN_LIMIT:
                tester.note("long messages were left out: the ECU takes none")
                continue
            reply = self._latest = tester.request(pdu, timeout_s=self._timeout_s)
            if len(pdu) >= tester.frame_bytes:
                self._not_taken_in_a_row = self._not_taken_in_a_row + 1 if not_taken([reply]) else 0
            if self._may_restart((pdu,)) and not reply.is_negative:
                tester.wait(tester.target.reset.boot_s)
                tester.await_life(tester.target.reset.boot_s * SLOWEST_BOOT + 2.0)
            elif self._judge is not None and self._complaint is None and (complaint := self._judge(reply)):
                self._complaint = reply, complaint

    def _may_restart(self, stimulus: Stimulus) -> bool:
        """Whether an ECU may find in it the request to restart, or to leave its application."""
        return any(self._asks_for_restart(data[start:]) for data in stimulus for start in range(4 if self._is_raw else 1))

    @staticmethod
    def _asks_for_restart(reading: bytes) -> bool:
        if reading[:1] == bytes((Service.ECU_RESET,)):
            return True
        is_session = len(reading) > 1 and reading[0] == Service.DIAGNOSTIC_SESSION_CONTROL
        return is_session and reading[1] & ~SUPPRESS_POSITIVE_RESPONSE == Session.PROGRAMMING

    # The breach

    def _accuse(self, breach: Breach, suspects: list[Stimulus]) -> NoReturn:
        """Fail, with the shortest part of the suspects that does it again.

        ContactLost: nothing brings the ECU back, so that it cannot be repeated.
        """
        tester = self._tester
        tester.state.expect_anything()
        if breach.evidence is not None:
            tester.cite(breach.evidence)
        guilty = suspects
        is_reproduced = breach.is_restart
        try:
            if not self._breaks_again(suspects):
                tester.note("sent once more from a known state, the messages did not do it again")
            else:
                is_reproduced = True
                guilty = reduced(suspects, self._breaks_again, most_tries=REPLAYS)
                if len(guilty) == 1 and self._is_raw:
                    frames = reduced(guilty[0], lambda part: self._breaks_again([tuple(part)]), most_tries=REPLAYS)
                    guilty = [tuple(frames)]
                self._breaks_again(guilty)
                if self._latest is not None:
                    tester.cite(self._latest)
            tester.restore()
        except ContactLost as lost:
            tester.crashes.report(self._shown(suspects), breach.observed, is_reproduced=False)
            raise ContactLost(
                f"contact lost after {self._shown(suspects)}; nothing brings the ECU back to repeat it"
            ) from lost
        except (Unjudged, NotPermitted) as reason:
            tester.note(f"which messages did it was not found out: {reason}")
        if breach.is_crash:
            tester.crashes.report(self._shown(guilty), breach.observed, is_reproduced=is_reproduced)
        raise Violation(
            expected=f"{breach.expected} after {self._shown(guilty)}", observed=breach.observed, severity=breach.severity
        )

    def _breaks_again(self, part: Sequence[Stimulus]) -> bool:
        tester = self._tester
        tester.state.expect_anything()
        tester.restore()
        self._watch.begin()
        self._play(part)
        return self._watch.check(is_thorough=True) is not None

    def _shown(self, stimuli: Sequence[Stimulus]) -> str:
        shown = ["; ".join(map(shown_bytes, stimulus)) for stimulus in stimuli[-SHOWN_STIMULI:]]
        more = len(stimuli) - len(shown)
        words = " | ".join(shown) + (" as raw frames" if self._is_raw else "")
        return f"the last of {more + len(shown)} stimuli: {words}" if more else words
