"""Send one stream of fuzzed messages to an ECU in batches, watch the ECU, and reduce what fails.

Unlike a case, whose every message is judged, a stream is long, and raw frames are sent without waiting for answers. After
each batch the ECU must be alive, its lock and its protected data unchanged (see oracles.py). If not, the batch is played
again from a known state, and halved until only the messages are left that cause the failure.
"""

from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from harness.errors import ContactLost, NotPermitted, NotRun, Unjudged, Violation
from harness.fuzz.bench import Bench, Judging, Setting
from harness.fuzz.keyed import shown_bytes
from harness.fuzz.minimal import Minimizer
from harness.fuzz.oracles import ChangedValues, Damage
from harness.fuzz.play import Stimulus
from harness.fuzz.survey import StimulusSurvey
from harness.tester.reply import RawReply, Reply
from harness.tester.tester import Tester

BATCH: Final = 50
THOROUGH_EVERY: Final = 4
REPLAYS: Final = 64
SHOWN_STIMULI: Final = 6

_CHANGED_VALUES: Final = ChangedValues()


class StimulusStream:
    """Fuzzed messages that are sent to one ECU, which has just been restored."""

    def __init__(
        self,
        tester: Tester,
        *,
        is_raw: bool = False,
        is_form_judged: bool = False,
        hear: Callable[[Reply], None] = lambda reply: None,
        most_keys: int | None = None,
    ) -> None:
        """Make the stream.

        `hear` is called with each answer. `is_form_judged`: malformed answers fail too, if seen twice. At most `most_keys`
        stimuli into which an ECU may read a wrong key are sent to each level; None: as many as the budget permits.
        """
        self._tester = tester
        self._setting = Setting(is_raw=is_raw)
        self._most_keys = most_keys
        judging = Judging.FORM if is_form_judged else Judging.NOTHING
        self._hear_reply = hear
        self._bench = Bench(
            tester, judging=judging, hear=self._hear, has_habits=False, changed_values=_CHANGED_VALUES.on(tester)
        )

    def run(self, stimuli: Sequence[Stimulus]) -> int:
        """Send all permitted stimuli; return their number.

        Raises the exception that ends the check: Violation for a failure or a complaint, NotRun if nothing is permitted or
        the keys that an ECU may read into the stimuli exceed the budget.
        """
        tester = self._tester
        permitted = self._permitted(stimuli)
        tester.access.require_locked()
        tester.require_quiet()
        self._bench.begin(self._setting, is_known=True)
        unsure: list[Stimulus] = []
        for number, start in enumerate(range(0, len(permitted), BATCH), 1):
            batch = permitted[start : start + BATCH]
            unsure += batch
            self._bench.play(batch)
            is_thorough = number % THOROUGH_EVERY == 0 or start + BATCH >= len(permitted)
            damage = self._bench.look(is_thorough=is_thorough)
            if damage is not None:
                self._accuse(damage, unsure)
            unsure = [] if is_thorough else unsure
        tester.state.expect_anything()
        complaint = next(iter(self._bench.complaints.values()), None)
        if complaint is not None:
            if complaint.evidence is not None:
                tester.cite(complaint.evidence)
            raise Violation(expected=complaint.expected, observed=complaint.observed, severity=complaint.severity)
        return len(permitted)

    def _hear(self, heard: Reply | RawReply) -> None:
        if isinstance(heard, Reply):
            self._hear_reply(heard)

    # Before anything is sent

    def _permitted(self, stimuli: Sequence[Stimulus]) -> list[Stimulus]:
        survey = StimulusSurvey(self._tester, most_keys=self._most_keys)
        found = [stimulus for stimulus in stimuli if survey.lets_pass(stimulus, is_raw=self._setting.is_raw)]
        if not found:
            raise NotRun(survey.reason or "there is nothing to send")
        if len(found) < len(stimuli):
            left_out = len(stimuli) - len(found)
            self._tester.note(f"{left_out} of {len(stimuli)} stimuli were left out; the first: {survey.reason}")
        return found

    # The damage

    def _accuse(self, damage: Damage, suspects: list[Stimulus]) -> NoReturn:
        """Fail with the shortest part of the suspects that fails again.

        Raises ContactLost if nothing brings the ECU back, so that the failure cannot be repeated.
        """
        tester = self._tester
        tester.state.expect_anything()
        if damage.evidence is not None:
            tester.cite(damage.evidence)
        guilty = suspects
        is_reproduced = damage.is_restart
        try:
            if not self._breaks_again(self._setting, suspects):
                tester.note("sent once more from a known state, the messages did not do it again")
            else:
                is_reproduced = True
                minimizer = Minimizer(self._breaks_again, most_tries=REPLAYS)
                setting, guilty = minimizer.stimuli(self._setting, suspects, as_requests=False)
                self._breaks_again(setting, guilty)
                if self._bench.latest is not None:
                    tester.cite(self._bench.latest)
            tester.restore()
        except ContactLost as lost:
            tester.crashes.report(self._shown(suspects), damage.observed, is_reproduced=False)
            raise ContactLost(
                f"contact lost after {self._shown(suspects)}; nothing brings the ECU back to repeat it"
            ) from lost
        except (Unjudged, NotPermitted) as reason:
            tester.note(f"which messages did it was not found out: {reason}")
        if damage.is_crash:
            tester.crashes.report(self._shown(guilty), damage.observed, is_reproduced=is_reproduced)
        raise Violation(
            expected=f"{damage.expected} after {self._shown(guilty)}", observed=damage.observed, severity=damage.severity
        )

    def _breaks_again(self, setting: Setting, part: Sequence[Stimulus]) -> bool:
        return any(isinstance(failure, Damage) for failure in self._bench.failures(setting, part).values())

    def _shown(self, stimuli: Sequence[Stimulus]) -> str:
        shown = ["; ".join(map(shown_bytes, stimulus)) for stimulus in stimuli[-SHOWN_STIMULI:]]
        more = len(stimuli) - len(shown)
        words = " | ".join(shown) + (" as raw frames" if self._setting.is_raw else "")
        return f"the last of {more + len(shown)} stimuli: {words}" if more else words
