"""Group results by problem, by area, and by the threat or requirement that they answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from harness.report.text import LONGEST_TEXT, cut
from harness.runs.findings import Finding, Met, Run, met
from harness.verdict import Severity, Verdict

LONGEST_ANCHOR: Final = 60

AREAS: Final = {
    "SA": "SecurityAccess",
    "AC": "Access to data, memory and services",
    "ST": "Sessions and timing",
    "IE": "What leaks",
    "CF": "Conformance of answers",
    "TP": "Transport (ISO-TP)",
    "FZ": "Fuzzing",
    "DS": "Robustness",
    "LM": "State machine",
}
"""The area of results, by the family with which a check's id begins."""

FEWEST_SHARING: Final = 4
MOST_TOGETHER: Final = 60
"""How many results are listed below one reason before the reason is stated again."""


@dataclass(frozen=True, slots=True)
class Group:
    """Results that are shown together, because they have one cause or come from one check."""

    anchor: str
    """The id of the group in the page, e.g. ``check-SA-09``."""
    findings: tuple[Finding, ...]
    cause: str = ""
    """The flaw that causes the results; empty if the results come from one check."""

    @property
    def title(self) -> str:
        """The cause as a sentence, else what is wrong."""
        return self.cause[:1].upper() + self.cause[1:] if self.cause else wrong(self.first)

    @property
    def ids(self) -> str:
        """The ids of the group's checks, each once."""
        return ", ".join(dict.fromkeys(one.id for one in self.findings))

    @property
    def first(self) -> Finding:
        """The first of the findings, which shows what all of them have in common."""
        return self.findings[0]

    @property
    def severity(self) -> Severity:
        """The worst severity among the findings."""
        return min((one.severity for one in self.findings), key=list(Severity).index)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The user's own requirements that the group's results answer, each once."""
        return tuple(dict.fromkeys(name for one in self.findings for name in one.requirements))

    @property
    def sources(self) -> str:
        """The source of the check's rule, with CWE and R155 numbers unless the source names them."""
        one = self.first
        weaknesses = [f"CWE-{number}" for number in one.cwe if not re.search(rf"CWE-{number}\b", one.source)]
        threats = [name for name in one.r155 if name not in one.source]
        parts = [one.source, ", ".join(weaknesses), f"UN R155 Annex 5: {', '.join(threats)}" if threats else ""]
        return "; ".join(filter(None, parts))

    @property
    def first_step(self) -> str:
        """The first step of the remediation, as a sentence."""
        text = " ".join(cut(self.first.remediation, LONGEST_TEXT).split())
        end = re.search(r"[.;] ", text)
        return text[: end.start()] + "." if end else text


def wrong(finding: Finding) -> str:
    """Say what is wrong; for a fuzz case, whose title is a demand, say that the demand is not met."""
    is_demand = finding.id.startswith("fuzz/") and not finding.failure
    return f"Does not hold: {finding.heading}" if is_demand else finding.heading


def grouped(findings: Iterable[Finding], *, anchors: Anchors) -> list[Group]:
    """Group findings by cause where several checks name the same cause, else by check, in the order of first appearance."""
    findings = list(findings)
    checks: dict[str, set[str]] = {}
    for finding in findings:
        checks.setdefault(finding.cause, set()).add(finding.id)
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        is_shared = bool(finding.cause) and len(checks[finding.cause]) > 1
        found.setdefault((finding.cause, "") if is_shared else ("", finding.id), []).append(finding)
    return [Group(anchors.new(name or some[0].id), tuple(some), cause) for (cause, name), some in found.items()]


@dataclass(frozen=True, slots=True)
class Area:
    """The results of one area, threat or requirement, in numbers."""

    name: str
    failed: int
    """Failures, without accepted ones."""
    worst: Severity | None
    passed: int
    undecided: int
    """Results that are inconclusive, were not run, or ended in an error."""
    not_applicable: int
    accepted: int
    """Failures in this area that the target file accepts."""
    met: Met
    """Whether the user's requirement is met; empty for an area or a threat."""

    @property
    def sign(self) -> Verdict:
        """The verdict whose sign is shown beside `met`."""
        return _SIGNS[self.met]

    @property
    def bar(self) -> Markup:
        """The shares of failures, undecided results and passes as a picture, from left to right."""
        total = self.failed + self.undecided + self.passed + self.not_applicable + self.accepted
        left, parts = 0, []
        for kind, count in (("failed", self.failed), ("undecided", self.undecided), ("passed", self.passed)):
            if count:
                parts.append(_BAR_PART.format(kind, left, count, count))
            left += count
        return _BAR.format(max(total, 1), Markup("").join(parts))


_SIGNS: Final[dict[Met, Verdict]] = {
    "not met": Verdict.FAIL,
    "not met, accepted": Verdict.FAIL,
    "open": Verdict.INCONCLUSIVE,
    "met": Verdict.PASS,
    "not applicable": Verdict.NOT_APPLICABLE,
    "no result": Verdict.NOT_RUN,
}
_BAR: Final = Markup('<svg class="bar" viewBox="0 0 {} 1" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
_BAR_PART: Final = Markup('<path class="{}" d="M{} 0h{}v1h-{}"/>')


def by_area(findings: Sequence[Finding]) -> list[Area]:
    """Count the results of each area, in the order of `AREAS`; checks of other families are the user's own."""
    found: dict[str, list[Finding]] = {}
    for one in findings:
        family = re.split("[-/]", one.id)[0]
        found.setdefault(AREAS.get("FZ" if family == "fuzz" else family, "Checks of your own"), []).append(one)
    names = [*AREAS.values(), "Checks of your own"]
    return [_area(name, found[name]) for name in names if name in found]


def _area(name: str, findings: Sequence[Finding]) -> Area:
    failures = [one for one in findings if one.verdict is Verdict.FAIL and not one.accepted]
    count = Counter(one.verdict for one in findings)
    return Area(
        name=name,
        failed=len(failures),
        worst=min((one.severity for one in failures), key=list(Severity).index, default=None),
        passed=count[Verdict.PASS],
        undecided=count[Verdict.INCONCLUSIVE] + count[Verdict.NOT_RUN] + count[Verdict.ERROR],
        not_applicable=count[Verdict.NOT_APPLICABLE],
        accepted=count[Verdict.FAIL] - len(failures),
        met=met(findings),
    )


def by_threat(findings: Sequence[Finding]) -> list[Area]:
    """Count results by threat of UN R155 Annex 5, as the checks name them."""
    threats: dict[str, list[Finding]] = {}
    for one in findings:
        for name in one.r155:
            threats.setdefault(name, []).append(one)
    in_order = sorted(threats.items(), key=lambda item: [int(part) for part in re.findall(r"\d+", item[0])])
    return [_area(name, some) for name, some in in_order]


def by_requirement(run: Run) -> list[Area]:
    """Count results by the user's own requirements."""
    return [_area(name, findings) for name, findings in run.by_requirement().items()]


@dataclass(frozen=True, slots=True)
class UnjudgedGroup:
    """Results that were not judged for the same reason."""

    verdict: Verdict
    reason: str
    count: int


def unjudged(findings: Sequence[Finding]) -> list[UnjudgedGroup]:
    """Group results that were not judged by their reason: errors first, then inconclusive, then not run.

    Within each verdict the most frequent reason comes first.
    """
    found = Counter((one.verdict, one.reason) for one in findings if one.verdict in _UNJUDGED)
    some = [UnjudgedGroup(verdict, reason, count) for (verdict, reason), count in found.items()]
    return sorted(some, key=lambda one: (_UNJUDGED.index(one.verdict), -one.count))


_UNJUDGED: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN)


def sharing_a_reason(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Group results with the same reason and nothing else to show, at most `MOST_TOGETHER` each; others stay alone."""
    found: list[list[Finding]] = []
    open_: dict[str, list[Finding]] = {}
    times = Counter(one.reason for one in findings)
    for one in findings:
        if not one.reason or one.notes or one.observed or times[one.reason] < FEWEST_SHARING:
            found.append([one])
        elif len(open_.get(one.reason, [])) % MOST_TOGETHER:
            open_[one.reason].append(one)
        else:
            open_[one.reason] = [one]
            found.append(open_[one.reason])
    return found


class Anchors:
    """Gives each result a unique name that can be part of an address."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, identity: str) -> str:
        """Return ``check-SA-09`` for ``SA-09``; if that is taken, e.g. by an accepted finding, ``check-SA-09-2``."""
        stem = "check-" + (re.sub(r"[^A-Za-z0-9]+", "-", identity[:LONGEST_ANCHOR]).strip("-") or "unnamed")
        name, number = stem, 1
        while name in self._given:
            number += 1
            name = f"{stem}-{number}"
        self._given.add(name)
        return name
