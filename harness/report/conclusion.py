"""What does the whole run say, in a sentence? The words that the terminal and audit.html share."""

from __future__ import annotations

from typing import Any, Final

from harness.report.text import shown
from harness.run import Run, RunInfo, Severity, Verdict

VERDICT_MEANINGS: Final[dict[Verdict, str]] = {
    Verdict.PASS: "The check ran and the ECU did not violate what it tests.",
    Verdict.FAIL: "The ECU violated what the check tests; the frames that show so are kept.",
    Verdict.INCONCLUSIVE: "Nothing can be said: no key, no hook, no control, or silence that cannot be judged.",
    Verdict.NOT_APPLICABLE: "What the check is about does not exist on this ECU.",
    Verdict.NOT_RUN: "Not permitted by the target file, over budget, or deselected.",
    Verdict.ERROR: "A fault of the harness, the adapter or the key function. It says nothing about the ECU.",
}

DESELECTED: Final = "deselected"
"""The reason of a result that the user's selection left out."""

SEVERITY_MEANINGS: Final[dict[Severity, str]] = {
    Severity.CRITICAL: "The protection is void for whoever reaches the bus.",
    Severity.HIGH: "The protection can be overcome with realistic effort.",
    Severity.MEDIUM: "Makes another attack easier, or hides it.",
    Severity.LOW: "Breaks a rule, of little use to an attacker by itself.",
    Severity.INFO: "Worth knowing.",
}

BASIS_MEANINGS: Final[dict[str, str]] = {
    "standard": "A rule of the standard named as the source.",
    "policy": "Good security practice, beyond what the standard demands.",
    "declared": "What the target file declares of this ECU.",
}


def target_name(info: RunInfo) -> str:
    """The target's name as declared."""
    name = _table(info.target, "target").get("name") or info.target.get("name")
    return name if isinstance(name, str) and name else "unnamed target"


def interruption(info: RunInfo) -> str:
    """What a reader must know of a run that did not reach its end; empty if it did."""
    if not info.interrupted:
        return ""
    if info.finished_utc:
        why = f" ({shown(info.stopped_by)})" if info.stopped_by else ""
        return f"This run was interrupted{why}: checks that had not ended are missing."
    return "This run was cut short and never finished: checks that had not ended are missing."


def conclusion(run: Run) -> str:
    """How bad is it? One sentence, or two if some checks ended in errors."""
    failures = run.failures()
    decided = len(run.with_verdict(Verdict.PASS)) + len(run.with_verdict(Verdict.FAIL))
    if all(finding.verdict is Verdict.NOT_RUN for finding in run.findings):
        is_none_selected = bool(run.findings) and all(finding.reason == DESELECTED for finding in run.findings)
        sentence = "No check was selected; see: uds-harness list" if is_none_selected else "No check gave a result."
    elif not decided:
        sentence = "Nothing is known of this ECU's protection: no result is a pass or a fail."
    elif not failures:
        rest = "the rest is not known" if run.info.interrupted else "nothing needs mending"
        sentence = f"No finding: {_count(decided, 'result')} reached pass or fail, and {rest}."
    else:
        worst = failures[0].severity
        number = sum(one.severity is worst for one in failures)
        how_bad = f"of {worst} severity" if number == len(failures) else f"{number} of them {worst}"
        decided_results = f"{_count(decided, 'result')} that reached pass or fail"
        sentence = f"{_count(len(failures), 'finding')} among the {decided_results}, {how_bad}."
    if accepted := len(run.accepted()):
        sentence += f" The target file accepts {_count(accepted, 'more failure' if failures else 'failure')}."
    if errors := len(run.with_verdict(Verdict.ERROR)):
        sentence += f" {_count(errors, 'result')} ended in an error of the harness and must be repeated."
    return sentence


def closing_line(run: Run) -> str:
    """``5 findings``, and whether they are the ones that the target is known for."""
    count = _count(len(run.failures()), "finding")
    expected = expected_findings(run.info)
    if not expected:
        return count
    ran = {one.id for one in run.findings if one.verdict is not Verdict.NOT_RUN}
    failing = {one.id for one in run.with_verdict(Verdict.FAIL)}
    missing = [name for name in expected if name in ran - failing]
    new = sorted({one.id for one in run.failures()} - set(expected))
    if not missing and not new:
        untested = len(set(expected) - ran)
        if not untested:
            return f"{count}, as expected of this deliberately weak ECU"
        return f"{count}, none new; {_count(untested, 'known finding')} of this deliberately weak ECU not tested"
    parts = []
    if missing:
        parts.append(f"known of this deliberately weak ECU but not found: {', '.join(missing)}")
    if new:
        parts.append(f"new: {', '.join(new)}")
    return f"{count}; {'; '.join(parts)}"


def expected_findings(info: RunInfo) -> list[str]:
    """The ids that the target file names as this ECU's known weaknesses."""
    listed = info.target.get("expected_findings") or _table(info.target, "target").get("expected_findings")
    return [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
