"""Score the checks on ECUs that were written without sight of them, and on other people's servers."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.audit.catalogue import shipped_functions
from harness.audit.fuzzing import checks_among, checks_below
from harness.audit.requirements import attacks_folder
from harness.errors import HarnessError
from harness.runs.findings import Finding
from harness.target import Target
from harness.target.load import load_text
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from .ecu import HERE, Unseen

MOST_INCONCLUSIVE = 15
"""The largest number of inconclusive results on a sound ECU; with more, the audit has judged too little."""


class Outcome(StrEnum):
    """What the checks made of one ECU."""

    CAUGHT = "caught"
    """A check that has to notice the flaw failed."""
    MISSED = "missed"
    QUIET = "quiet"
    """The ECU is sound, no check accuses it, and at most `MOST_INCONCLUSIVE` results are undecided."""
    BLINDED = "blinded"
    """The ECU is sound and no check accuses it, but too many results are undecided."""
    ACCUSED = "falsely accused"
    """The ECU is sound, and a check fails or ends in an error."""
    NOT_AUDITED = "not audited"
    """The audit could not begin; `Score.problem` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One ECU, and the results of the checks on it."""

    ecu: Unseen
    kind: str
    """The name of the table that lists the ECU."""
    findings: tuple[Finding, ...]
    problem: str = ""

    def with_verdict(self, *verdicts: Verdict) -> list[Finding]:
        return [finding for finding in self.findings if finding.verdict in verdicts]

    @property
    def counts(self) -> Counter[str]:
        return Counter(finding.verdict.value for finding in self.findings)

    @property
    def accusing(self) -> list[Finding]:
        return self.with_verdict(Verdict.FAIL, Verdict.ERROR)

    @property
    def outcome(self) -> Outcome:
        if self.problem:
            return Outcome.NOT_AUDITED
        if self.ecu.flaw:
            failing = {finding.id for finding in self.with_verdict(Verdict.FAIL)}
            return Outcome.CAUGHT if failing & set(self.ecu.must_fail) else Outcome.MISSED
        if self.accusing:
            return Outcome.ACCUSED
        return Outcome.QUIET if len(self.with_verdict(Verdict.INCONCLUSIVE)) <= MOST_INCONCLUSIVE else Outcome.BLINDED

    def reasons(self) -> list[tuple[str, list[str]]]:
        """Why results are inconclusive, with numbers left out: the most common reason first, with the ids of its checks."""
        found: dict[str, list[str]] = {}
        first: dict[str, str] = {}
        for finding in self.with_verdict(Verdict.INCONCLUSIVE):
            alike = re.sub(r"\d+(\.\d+)?", "#", finding.reason)
            first.setdefault(alike, finding.reason)
            found.setdefault(alike, []).append(finding.id)
        return sorted(((first[alike], ids) for alike, ids in found.items()), key=lambda one: -len(one[1]))


def target_of(ecu: Unseen) -> Target:
    """Return the ECU's target file, filled in; the key function is ``key`` of the factory's file."""
    file, _, factory = ecu.factory.rpartition(":")
    path = HERE / file
    text = ecu.target.replace("@CHANNEL@", f"{path}:{factory}").replace("@KEY@", f"{path}:key")
    return load_text(text, ecu.name)


def checks(*only: str) -> list[Callable[..., object]]:
    """Return the shipped checks and fuzz cases, or only those with these ids."""
    functions = shipped_functions()
    if only:
        return [functions[check] for check in only]
    return [*functions.values(), *checks_below(attacks_folder()), *checks_among(functions.values())]


def audit(ecu: Unseen, kind: str, *, depth: Depth | None = None, only: Iterable[str] = (), seed: int = 1) -> Score:
    """Audit one ECU in this process, at its own depth unless another is given."""
    try:
        found = run_checks(checks(*only), target_of(ecu), depth=depth or Depth(ecu.depth), seed=seed)
    except HarnessError as error:
        return Score(ecu=ecu, kind=kind, findings=(), problem=str(error))
    return Score(ecu=ecu, kind=kind, findings=tuple(found))


def described(score: Score) -> str:
    """Describe one ECU's result in full, for a person who wants to know the reason."""
    ecu = score.ecu
    lines = [f"{ecu.name} ({score.kind}): {score.outcome}", f"  {ecu.flaw or 'sound'}"]
    if score.problem:
        return "\n".join([*lines, f"  {score.problem}"])
    if ecu.must_fail:
        lines.append(f"  must fail, one at least: {' '.join(ecu.must_fail)}")
    lines.append("  " + ", ".join(f"{count} {verdict}" for verdict, count in score.counts.most_common()))
    for finding in score.accusing:
        lines.append(f"  {finding.verdict} {finding.severity} {finding.id} {finding.parameter or ''}".rstrip())
        lines += [f"      {text}" for text in (finding.expected, finding.observed, finding.reason, *finding.notes) if text]
    for check in ecu.must_fail:
        lines += [
            f"  {check} {finding.parameter or ''}: {finding.verdict}; {finding.observed or finding.reason}"
            for finding in score.findings
            if finding.id == check and finding.verdict is not Verdict.FAIL
        ]
    for reason, ids in score.reasons():
        lines.append(f"  {len(ids)} inconclusive ({' '.join(dict.fromkeys(ids))}): {reason}")
    return "\n".join(lines)


def line(score: Score) -> str:
    """Describe one ECU's result in one line."""
    failing = " ".join(dict.fromkeys(finding.id for finding in score.accusing)) or "-"
    left_open = score.counts["inconclusive"]
    said = score.problem or f"{left_open} inconclusive, fails {failing}"
    return f"{score.outcome:<16} {score.kind} {score.ecu.name}: {said}"
