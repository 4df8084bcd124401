"""Compare two runs, e.g. of two software versions of an ECU: what became better, worse, new or gone."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.report.conclusion import DESELECTED
from harness.report.conditions import differing_conditions
from harness.runs.findings import Finding, Run
from harness.verdict import Severity, Verdict


class Change(StrEnum):
    """How the result of one check on one subject changed between two runs."""

    WORSE = "worse"
    NEW = "new"
    INCOMPARABLE = "incomparable"
    LOST = "lost"
    GONE = "gone"
    NOT_JUDGED = "not_judged"
    BETTER = "better"
    ACCEPTED = "accepted"
    GAINED = "gained"
    SAME = "same"


MEANINGS: Final[dict[Change, str]] = {
    Change.WORSE: "It passed or was accepted and fails now, or fails more severely.",
    Change.NEW: "It fails now; nothing was known of it before.",
    Change.INCOMPARABLE: "The verdicts differ, and so does how they were reached: it may not be the ECU that changed.",
    Change.LOST: "It was judged before and could not be judged now.",
    Change.GONE: "It was judged before; the later run has no such result.",
    Change.NOT_JUDGED: "It was judged before and was not run now, or the later run ended before it.",
    Change.BETTER: "It failed and passes now, or fails less severely.",
    Change.ACCEPTED: "It fails, and the target file now accepts that.",
    Change.GAINED: "It passes now; nothing was known of it before.",
    Change.SAME: "As before.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """The results of one check on one subject, in the earlier and in the later run."""

    old: Finding | None
    new: Finding | None
    change: Change
    conditions: tuple[str, ...] = ()
    """The conditions under which the two runs judged differently."""
    why: str = ""
    """What became worse or better, where the two verdicts do not say it."""

    @property
    def finding(self) -> Finding:
        """The later finding; the earlier finding if there is no later one."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def is_made_in_neither(self) -> bool:
        """Whether the user's selection left the check out of both runs, so that there is nothing to compare."""
        return all(one.reason == DESELECTED for one in (self.old, self.new) if one is not None)

    @property
    def is_alarm(self) -> bool:
        """Whether a failure that is not accepted is new or more severe; a new failure counts under other conditions, too."""
        if self.change is Change.INCOMPARABLE:
            return _is_failure(self.new) and not _is_failure(self.old)
        return self.change in (Change.WORSE, Change.NEW)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs, compared result by result."""

    old: Run
    new: Run
    differences: tuple[Difference, ...]

    def of(self, change: Change) -> tuple[Difference, ...]:
        """Return the differences of one kind, worst first."""
        worst_first = list(Severity)
        found = (one for one in self.differences if one.change is change)
        return tuple(sorted(found, key=lambda one: (not one.is_alarm, worst_first.index(one.finding.severity))))

    def as_before(self) -> tuple[Difference, ...]:
        """Return the unchanged results, without those that the user's selection left out of both runs."""
        return tuple(one for one in self.of(Change.SAME) if not one.is_made_in_neither)

    @property
    def made_in_neither(self) -> int:
        """How many results the user's selection left out of both runs."""
        return sum(one.is_made_in_neither for one in self.differences)

    def shared_conditions(self, change: Change) -> tuple[str, ...]:
        """Return the differing conditions that all differences of a kind share, so that they can be printed once."""
        found = self.of(change)
        return tuple(name for name in found[0].conditions if all(name in one.conditions for one in found)) if found else ()

    def is_worse(self, *, strict: bool = False) -> bool:
        """Whether a CI should fail: because of an alarm or, if strict, of evidence that was lost."""
        return any(one.is_alarm or (strict and one.change is Change.LOST) for one in self.differences)


def compare(old: Run, new: Run) -> Comparison:
    """Compare all results: first those of the later run, in its order, then those that only the earlier run has."""
    before = {(one.id, one.parameter): one for one in old.findings}
    after = {(one.id, one.parameter): one for one in new.findings}
    return Comparison(old, new, tuple(_differences(before, after, old, new)))


def _differences(
    before: dict[tuple[str, str | None], Finding], after: dict[tuple[str, str | None], Finding], old: Run, new: Run
) -> Iterator[Difference]:
    for key, finding in after.items():
        yield _difference(before.get(key), finding, old, new)
    for key, finding in before.items():
        if key not in after:
            missing = Change.NOT_JUDGED if new.info.interrupted else Change.GONE
            yield Difference(finding, None, missing if _is_judged(finding) else Change.SAME)


def _difference(old: Finding | None, new: Finding, old_run: Run, new_run: Run) -> Difference:
    if old is None or not _is_judged(old):
        if not _is_judged(new):
            return Difference(old, new, Change.SAME)
        change = Change.GAINED if new.verdict is Verdict.PASS else Change.ACCEPTED if new.accepted else Change.NEW
        return Difference(old, new, change)
    if new.verdict is Verdict.NOT_RUN:
        return Difference(old, new, Change.NOT_JUDGED)
    conditions = differing_conditions(old, new, old_run.info, new_run.info)
    change, why = _change(old, new)
    if conditions and change in (Change.WORSE, Change.BETTER, Change.LOST):
        change = Change.INCOMPARABLE
    return Difference(old, new, change, conditions, why)


def _change(old: Finding, new: Finding) -> tuple[Change, str]:
    """Say what changed between two results; the earlier one is a pass or a fail."""
    if not _is_judged(new):
        return Change.LOST, ""
    if not _is_failure(new):
        if new.verdict is Verdict.FAIL:
            return (Change.SAME, "") if old.accepted else (Change.ACCEPTED, "")
        return (Change.SAME, "") if old.verdict is Verdict.PASS else (Change.BETTER, "")
    if old.verdict is Verdict.PASS:
        return Change.WORSE, ""
    if old.accepted:
        return Change.WORSE, "it is no longer accepted"
    worst_first = list(Severity)
    harm = worst_first.index(new.severity) - worst_first.index(old.severity)
    if not harm:
        return Change.SAME, ""
    why = f"its severity was {old.severity} and is {new.severity}"
    return (Change.WORSE, why) if harm < 0 else (Change.BETTER, why)


def _is_judged(finding: Finding) -> bool:
    return finding.verdict in (Verdict.PASS, Verdict.FAIL)


def _is_failure(finding: Finding | None) -> bool:
    return finding is not None and finding.verdict is Verdict.FAIL and not finding.accepted
