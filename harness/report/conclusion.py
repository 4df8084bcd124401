"""Say in sentences what a run found, in the words that the terminal and audit.html share."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from harness.report.text import shown
from harness.runs.findings import Crash, Finding, Run, RunInfo
from harness.verdict import Severity, Verdict

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
    """Return the target's declared name, or ``unnamed target``."""
    name = _table(info.target, "target").get("name") or info.target.get("name")
    return name if isinstance(name, str) and name else "unnamed target"


def interruption(info: RunInfo) -> str:
    """Return what a reader must know of a run that was cut short; empty if the run reached its end."""
    if not info.interrupted:
        return ""
    if info.finished_utc:
        why = f" ({shown(info.stopped_by)})" if info.stopped_by else ""
        return f"This run was interrupted{why}: checks that had not ended are missing."
    return "This run was cut short and never finished: checks that had not ended are missing."


def security_access_unjudged(run: Run) -> bool:
    """Whether the ECU has SecurityAccess, checks of it were selected, and none came to a verdict."""
    summary = run.info.security_access
    selected = [one for one in run.findings if one.id.startswith("SA-") and one.reason != DESELECTED]
    return summary is not None and summary.seen and not summary.judged and bool(selected)


def warnings(run: Run) -> list[str]:
    """Return warnings, worst first: crashes, a SecurityAccess that was not judged, services that Authentication guards."""
    info = run.info
    said = [_crash(crash) for crash in info.crashes]
    summary = info.security_access
    if security_access_unjudged(run) and summary is not None:
        said.append(f"SecurityAccess was not judged, though the ECU has it: {summary.why}.")
    if summary is not None and summary.authentication:
        services = ", ".join(summary.authentication)
        said.append(f"Authentication (0x29) guards service {services}: whether SecurityAccess would open it was not judged.")
    return said


def _crash(crash: Crash) -> str:
    certainty = "and did so again from a known state" if crash.reproduced else "once; that it does so again was not shown"
    return f"{crash.what[:1].upper()}{crash.what[1:].rstrip('.')} after {crash.request} ({crash.check}), {certainty}."


def causes(run: Run) -> list[tuple[str, list[Finding]]]:
    """Group failures by the flaw that their checks name as the cause, worst first; failures without a cause are left out."""
    found: dict[str, list[Finding]] = {}
    for finding in run.failures():
        if finding.cause:
            found.setdefault(finding.cause, []).append(finding)
    return list(found.items())


def answer(run: Run) -> str:
    """Say in one sentence whether the ECU's protection is real, which is the first thing that a reader is told."""
    failures, decided = run.failures(), run.with_verdict(Verdict.PASS) + run.with_verdict(Verdict.FAIL)
    is_judged = any(one.id.startswith(_ON_THE_PROTECTION) for one in decided)
    if not decided or (not failures and (security_access_unjudged(run) or not is_judged)):
        return f"{_UNKNOWN}."
    if not failures and is_partial(run):
        return f"Nothing failed, but {_why_unknown(run)}: whether this ECU's protection is real is not known."
    if not failures:
        return "This ECU's protection is real, by every check that could be made."
    worst = min(failures, key=rank)
    stopped = _crashes(run)
    if worst in stopped:
        return _stopped_by(run, stopped, worst)
    named = worst.cause or worst.heading
    what = f"{named[:1] if named[1:2].isupper() else named[:1].lower()}{named[1:].rstrip('.')}"
    if not worst.cause and not worst.failure:  # it is headed by what is demanded
        what = f"this does not hold: {what}"
    others = len({one.id for one in failures if one.severity is worst.severity} - {worst.id})
    more = f", and {others} more of that severity" if others else ""
    how_bad = _ANSWERS[worst.severity]
    if worst.severity in _MILD and not is_judged:
        how_bad = f"{_UNKNOWN}; other rules are broken"
    elif worst.severity in _MILD and is_partial(run):
        how_bad = f"{_UNKNOWN}: {_why_unknown(run)}; {_MILD[worst.severity]}"
    return f"{how_bad}: {what} ({worst.id}){more}."


def _crashes(run: Run) -> list[Finding]:
    """Return the failures that are crashes of the ECU, and those that share a crash's cause."""
    seen = tuple(crash.what for crash in run.info.crashes if crash.what)
    found = [one for one in run.failures() if one.observed.startswith(seen)]
    shared = {one.cause for one in found if one.cause}
    return [one for one in run.failures() if one in found or one.cause in shared]


def _stopped_by(run: Run, stopped: Sequence[Finding], worst: Finding) -> str:
    """Say whether the protection is real for an ECU whose worst failure is a crash: name the crash first.

    The failures other than crashes decide about the protection.
    """
    seen = [one for one in run.info.crashes if worst.observed.startswith(one.what)] or run.info.crashes
    crash = next((one for one in seen if one.check == worst.id), seen[0])
    is_raw = crash.request.startswith("raw ") or crash.request.endswith(" as raw frames")
    by = "Frames stop" if is_raw else "A request stops"
    what = f"{crash.what[:1].lower() if crash.what[1:2].islower() else crash.what[:1]}{crash.what[1:].rstrip('.')}"
    said = f"{by} this ECU: after {crash.request} {what} ({worst.id})."
    rest = replace(run, findings=tuple(one for one in run.findings if one not in stopped))
    if rest.failures():
        return f"{said} {answer(rest)}"
    return f"{said} Whether its protection is real is not known: {_why_unknown(run)}."


def _why_unknown(run: Run) -> str:
    """Say why too little was judged to call the protection real."""
    decided = run.with_verdict(Verdict.PASS) + run.with_verdict(Verdict.FAIL)
    if _is_much_open(run):
        return f"only {len(decided)} of {_count(len(run.findings), 'result')} came to a verdict"
    if run.info.interrupted:
        return "the run did not reach its end"
    if security_access_unjudged(run):
        return "SecurityAccess was not judged"
    if run.info.crashes:
        return "the ECU crashed meanwhile"
    return "what Authentication (0x29) guards was not judged"


def rank(finding: Finding) -> tuple[int, int]:
    """Return a sort key: the worst failures first, and within one severity those of the protection itself first."""
    family = finding.id.partition("-")[0]
    place = _FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES)
    return list(Severity).index(finding.severity), place


_FAMILIES: Final = ("SA", "AC", "ST")
_ON_THE_PROTECTION: Final = (*(f"{family}-" for family in _FAMILIES), "LM-")
"""Prefixes of the ids of results that tell whether the protection is real, with those of a learned state machine."""
_ANSWERS: Final[dict[Severity, str]] = {
    Severity.CRITICAL: "This ECU's protection is void for whoever reaches the bus",
    Severity.HIGH: "This ECU's protection can be overcome with realistic effort",
    Severity.MEDIUM: "This ECU's protection holds, and is easier to attack than it need be",
    Severity.LOW: "This ECU's protection holds; it breaks rules of little use to an attacker",
    Severity.INFO: "This ECU's protection holds; some things are worth knowing",
}
_UNKNOWN: Final = "It is not known whether this ECU's protection is real"
_MILD: Final[dict[Severity, str]] = {
    Severity.MEDIUM: "it is easier to attack than it need be",
    Severity.LOW: "it breaks rules of little use to an attacker",
    Severity.INFO: "some things are worth knowing",
}
"""By the severity of the worst failure: the sentence on an ECU whose protection is not known to be real."""


def conclusion(run: Run) -> str:
    """Say how bad the run's results are: the warnings, then `in_a_sentence`."""
    return " ".join([*warnings(run), in_a_sentence(run)])


def is_partial(run: Run) -> bool:
    """Whether too little was judged to call the ECU sound: the run was cut short, has `warnings`, or left much undecided."""
    return run.info.interrupted or bool(warnings(run)) or _is_much_open(run)


def _is_much_open(run: Run) -> bool:
    decided = [one for one in run.findings if one.verdict in (Verdict.PASS, Verdict.FAIL)]
    open_results = [one for one in run.findings if one.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR)]
    return len(open_results) > len(decided) / 4


def partiality(run: Run) -> str:
    """Say how much of the ECU was judged; empty if that was enough to call the ECU sound."""
    if not is_partial(run):
        return ""
    decided = sum(one.verdict in (Verdict.PASS, Verdict.FAIL) for one in run.findings)
    counted = {
        "not selected": [one for one in run.findings if one.reason == DESELECTED],
        "not run": [one for one in run.with_verdict(Verdict.NOT_RUN) if one.reason != DESELECTED],
        "inconclusive": run.with_verdict(Verdict.INCONCLUSIVE),
        "ended in errors": run.with_verdict(Verdict.ERROR),
    }
    parts = [f"{len(some)} {words}" for words, some in counted.items() if some]
    return (
        f"{decided} of {_count(len(run.findings), 'result')} reached pass or fail"
        + "".join(f", {one}" for one in parts)
        + "."
    )


def in_a_sentence(run: Run) -> str:
    """Say in a sentence how bad the results are; further sentences name shared causes, accepted failures and errors."""
    failures = run.failures()
    decided = len(run.with_verdict(Verdict.PASS)) + len(run.with_verdict(Verdict.FAIL))
    if all(finding.verdict is Verdict.NOT_RUN for finding in run.findings):
        is_none_selected = bool(run.findings) and all(finding.reason == DESELECTED for finding in run.findings)
        sentence = "No check was selected; see: uds-harness list" if is_none_selected else "No check gave a result."
    elif not decided:
        sentence = "Nothing is known of this ECU's protection: no result is a pass or a fail."
    elif not failures:
        sentence = f"No finding: {_count(decided, 'result')} reached pass or fail, and {_rest(run)}."
    else:
        worst = failures[0].severity
        number = sum(one.severity is worst for one in failures)
        how_bad = f"of {worst} severity" if number == len(failures) else f"{number} of them {worst}"
        decided_results = f"{_count(decided, 'result')} that reached pass or fail"
        sentence = f"{_count(len(failures), 'finding')} among the {decided_results}, {how_bad}."
        for cause, findings in causes(run):
            if len(findings) > 1 and run.info.campaign is None:  # a campaign names each cause in a row of its own
                sentence += f" {len(findings)} of them have one cause: {cause}."
    if accepted := len(run.accepted()):
        sentence += f" The target file accepts {_count(accepted, 'more failure' if failures else 'failure')}."
    if errors := len(run.with_verdict(Verdict.ERROR)):
        sentence += f" {_count(errors, 'result')} ended in an error of the harness and must be repeated."
    return sentence


def _rest(run: Run) -> str:
    """Say what of the ECU remains unknown, or that nothing needs mending if the run ended and decided every result."""
    if run.info.interrupted:
        return "the rest is not known"
    selected = [one for one in run.findings if one.reason != DESELECTED]
    if len(selected) < len(run.findings):
        return f"{_count(len(run.findings) - len(selected), 'result')} were not selected: of those nothing is known"
    unknown = [one for one in selected if one.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR)]
    if unknown:
        return f"{_count(len(unknown), 'result')} were not decided"
    return "nothing needs mending"


def closing_line(run: Run) -> str:
    """Return e.g. ``5 findings``, and whether these are the weaknesses that the target file names as known."""
    count = _count(len(run.failures()), "finding")
    if not run.failures() and (run.info.interrupted or warnings(run)):
        count += ", but " + ("the run was cut short" if run.info.interrupted else "see what was not judged above")
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
    """Return the ids that the target file names as this ECU's known weaknesses."""
    listed = info.target.get("expected_findings") or _table(info.target, "target").get("expected_findings")
    return [str(name) for name in listed] if isinstance(listed, (list, tuple)) else []


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    value = table.get(key)
    return value if isinstance(value, dict) else {}


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
