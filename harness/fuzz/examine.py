"""Examine a failure of a hunt: repeat it from a known state, make it minimal, and record it by its cause."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from harness.errors import ContactLost, KeyFunctionError, NotPermitted, Unjudged
from harness.fuzz.answers import Complaint
from harness.fuzz.bench import Bench, Setting
from harness.fuzz.case_state import requests_to
from harness.fuzz.found import FuzzFinding, Pattern
from harness.fuzz.habits import MEMORY
from harness.fuzz.keyed import Keyed
from harness.fuzz.minimal import FRAME_GAP_S, MOST_TRIES, Minimizer
from harness.fuzz.oracles import Damage
from harness.fuzz.play import Stimulus
from harness.fuzz.survey import StimulusSurvey, hold_whole_key
from harness.fuzz.trials import Trial
from harness.tester.tester import Tester
from harness.verdict import Severity

CHEAP_BEGIN_S: Final = 0.5
"""The seconds that the restart of an ECU may take until it counts as slow."""
REDUCING_S: Final = 300.0
FEWEST_TRIES: Final = 24
"""The smallest number of tries to reduce a failure on an ECU whose restart is slow, even beyond `REDUCING_S`."""
PLAIN_BEHIND: Final = 64
MOST_UNREPRODUCED: Final = 3
"""How often a cause may fail to reproduce before it is no longer examined."""

KEY_AT_LEAST: Final = 1


class Examiner:
    """Knows the findings so far. `known` are those of earlier hunts, which are only counted."""

    def __init__(self, tester: Tester, bench: Bench, survey: StimulusSurvey, known: Sequence[FuzzFinding]) -> None:
        self._tester, self._bench, self._survey = tester, bench, survey
        self.known = list(known)
        self.found: list[FuzzFinding] = []
        """The findings of this hunt, those that were known before included."""
        self.not_reproduced: list[str] = []
        """Failures that did not repeat, each with what came before it."""
        self._doubtful: Counter[str] = Counter()
        self._harmful: list[FuzzFinding] = []
        """The known findings that harm the ECU, whatever it answers."""
        self._sort_known()

    def is_known(self, trial: Trial) -> bool:
        """Whether the trial would only repeat a sequence that is known to harm the ECU."""
        for one in self._harmful:
            if one.is_raw is not trial.is_raw:
                continue
            if one.is_part_of(trial.messages * min(trial.repeat, one.repeat), is_raw=trial.is_raw):
                return True
        return False

    def _sort_known(self) -> None:
        self._harmful = [one for one in self.known if not one.is_about_answer]

    def is_counted(self, what: str) -> bool:
        """Count a wrong answer of a known cause; return whether its cause is known, or failed to reproduce too often."""
        if self._doubtful[what] >= MOST_UNREPRODUCED:
            return True
        for one in self.known:
            if one.what == what and one.is_about_answer:
                self._count(one)
                return True
        return False

    def accuse(
        self, what: str, seen: Damage | Complaint, setting: Setting, played: Sequence[Stimulus], trial: Trial, *, at: int
    ) -> None:
        """Record a failure as known, as reproduced and minimal, or as not reproduced.

        `played` are all stimuli since the setting was reached, `trial` the last of them; `at`: the exchanges so far.
        """
        flat = [message for stimulus in played for message in stimulus]
        for one in self.known:
            if one.what == what and one.is_part_of(flat, is_raw=setting.is_raw):
                self._count(one)
                return
        if self._doubtful[what] >= MOST_UNREPRODUCED:
            return
        found = self.minimal(what, seen, setting, list(played), trial)
        if found is None:
            self._doubtful[what] += 1
            if self._doubtful[what] == 1:
                self.not_reproduced.append(f"{seen.observed} (after {len(played)} stimuli of {trial.row})")
            return
        self.keep(replace(found, exchanges=at))

    def keep(self, found: FuzzFinding) -> None:
        """Record a finding whose cause is new, to be known from now on."""
        self.known.append(found)
        self._sort_known()
        self._count(found)

    def _count(self, met: FuzzFinding) -> None:
        """Record a failure, or count it if its cause was seen in this hunt before."""
        met = replace(met, times=1)
        for index, one in enumerate(self.found):
            if one.cause == met.cause:
                self.found[index] = one.also(met)
                return
        self.found.append(met)

    def _may_be_played(self, setting: Setting, stimuli: Sequence[Stimulus]) -> bool:
        """Whether the budget of wrong keys permits playing the stimuli again."""
        messages = [message for stimulus in stimuli for message in stimulus]
        return self._survey.lets_pass(messages, is_raw=setting.is_raw)

    def _ways_to_repeat(self, setting: Setting, played: list[Stimulus]) -> Iterator[tuple[Setting, list[Stimulus]]]:
        """Yield ways to repeat a failure: all stimuli from the state; the last one; all, each from the state.

        Requests are also played with plain requests behind them, in place of the requests that had examined the ECU.
        """
        yield setting, played
        if not setting.is_raw:
            yield setting, [*played, *[(self._tester.liveness_request,)] * PLAIN_BEHIND]
        if setting.state is None or not setting.is_raw:
            return
        yield setting, played[-1:]
        way: list[Stimulus] = [
            (bytes((len(request),)) + request,) for request in requests_to(setting.state, self._tester.target)
        ]
        if all(len(frame) <= self._tester.frame_bytes for (frame,) in way):
            yield replace(setting, state=None), [one for stimulus in played for one in (*way, stimulus)]

    def minimal(
        self, what: str, seen: Damage | Complaint, setting: Setting, played: list[Stimulus], trial: Trial
    ) -> FuzzFinding | None:
        """Return the finding that the shortest failing part of `played` is; None if the failure does not repeat."""
        latest: dict[str, Damage | Complaint] = {}

        def fails(setting: Setting, stimuli: Sequence[Stimulus], *, is_try: bool = True) -> bool:
            if not self._tester.link.can_renew() and not self._may_be_played(setting, stimuli):
                return False
            try:
                failures = self._bench.failures(setting, stimuli, is_try=is_try)
            except (Unjudged, NotPermitted, KeyFunctionError) as reason:
                if isinstance(reason, ContactLost):
                    raise
                return False
            if what in failures:
                latest[what] = failures[what]
            return what in failures

        way = next((one for one in self._ways_to_repeat(setting, played) if fails(*one)), None)
        if way is None:
            return None
        setting, played = way
        begin_s = self._bench.begin_s
        most_tries = MOST_TRIES if begin_s <= CHEAP_BEGIN_S else max(int(REDUCING_S / begin_s), FEWEST_TRIES)
        minimizer = Minimizer(fails, most_tries=min(most_tries, MOST_TRIES), plain=self._tester.liveness_request)
        repeat = 1
        if what == MEMORY:  # which is measured, and not seen: no byte of it is tried alone
            part, repeat = trial._replace(repeat=1).stimuli, trial.repeat
            pattern: Pattern = tuple(tuple(message) for stimulus in part for message in stimulus)
        else:
            if trial.repeat > 1 and not fails(setting, played[-1:]):
                part = trial._replace(repeat=1).stimuli
                repeat = minimizer.repeats(setting, part, trial.repeat)
            else:
                setting, part = minimizer.stimuli(setting, played)
            part, pattern = minimizer.bytes_of(setting, part, repeat)
        if not fails(setting, part * repeat, is_try=False):
            return None
        shown = latest[what]
        observed = shown.observed
        if any(isinstance(message, Keyed) for stimulus in part for message in stimulus):
            observed = observed.partition(" gives ")[2] or observed  # what was sent holds the key; `shown` does not
        last = part[-1][-1]
        if setting.is_raw and isinstance(last, Keyed) and last[0] < len(last.head) - 1 + KEY_AT_LEAST:
            observed += "; the key stood in the padding, behind the end of the message"
        complaint = shown if isinstance(shown, Complaint) else None
        severity = shown.severity
        if isinstance(shown, Damage):
            sent = [message for stimulus in part for message in stimulus]
            is_by_key = hold_whole_key(self._tester, sent, shown.open_level, is_raw=setting.is_raw)
            severity = Severity.LOW if is_by_key else severity
        return FuzzFinding(
            row=trial.row,
            what=what,
            expected=shown.expected,
            observed=observed,
            severity=severity,
            expect=complaint.expect if complaint is not None else "any",
            state=str(setting.state) if setting.state is not None else "",
            is_raw=setting.is_raw,
            messages=tuple(message for stimulus in part for message in stimulus),
            repeat=repeat,
            gap_ms=round(FRAME_GAP_S * 1000) if setting.gap_s is not None else None,
            one_answer=complaint is not None and complaint.one_answer,
            within_ms=complaint.within_ms if complaint is not None else None,
            is_crash=isinstance(shown, Damage) and shown.is_crash,
            pattern=pattern,
        )
