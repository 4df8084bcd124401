"""What does a stream of fuzzed messages do to an ECU? Sent in batches, looked after, and reduced to what is guilty.

Other than a case, whose every message is judged, a campaign is about mass: raw frames go out without waiting for answers.
After each batch the ECU must be alive, locked as before and its protected data unchanged (see oracles.py). If it is not,
the batch is played again from a known state, in ever smaller parts, until only what is needed for the breach is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from harness.errors import ContactLost, NotPermitted, NotRun, Unjudged, Violation
from harness.fuzz.execution import Spoiled
from harness.fuzz.oracles import Breach, Watch
from harness.fuzz.play import Player, Stimulus
from harness.fuzz.reduce import reduced
from harness.fuzz.requests import shown_bytes
from harness.fuzz.survey import StimulusSurvey
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.verdict import Severity

Judge = Callable[[Reply], str]
"""What is wrong with an answer; nothing if it may be so."""

BATCH: Final = 50
THOROUGH_EVERY: Final = 4
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
        self._player = Player(tester, is_raw=is_raw, timeout_s=timeout_s, hear=self._hear)
        self._most_keys = most_keys
        self._watch = Watch(tester, None, _SPOILED.on(tester))
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
        self._player.measure_gap()
        self._watch.begin()
        unsure: list[Stimulus] = []
        for number, start in enumerate(range(0, len(permitted), BATCH), 1):
            batch = permitted[start : start + BATCH]
            unsure += batch
            self._player.play(batch)
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
        survey = StimulusSurvey(self._tester, most_keys=self._most_keys)
        found = [stimulus for stimulus in stimuli if survey.lets_pass(stimulus, is_raw=self._is_raw)]
        if not found:
            raise NotRun(survey.reason or "there is nothing to send")
        if len(found) < len(stimuli):
            left_out = len(stimuli) - len(found)
            self._tester.note(f"{left_out} of {len(stimuli)} stimuli were left out; the first: {survey.reason}")
        return found

    def _hear(self, reply: Reply) -> None:
        if self._judge is not None and self._complaint is None and (complaint := self._judge(reply)):
            self._complaint = reply, complaint

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
                if self._player.latest is not None:
                    tester.cite(self._player.latest)
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
        self._player.play(part)
        return self._watch.check(is_thorough=True) is not None

    def _shown(self, stimuli: Sequence[Stimulus]) -> str:
        shown = ["; ".join(map(shown_bytes, stimulus)) for stimulus in stimuli[-SHOWN_STIMULI:]]
        more = len(stimuli) - len(shown)
        words = " | ".join(shown) + (" as raw frames" if self._is_raw else "")
        return f"the last of {more + len(shown)} stimuli: {words}" if more else words
