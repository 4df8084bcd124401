"""Show a comparison of two runs: as text of 80 columns, as JSON, and as one self-contained page."""

import json
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import groupby
from typing import Any, Final

from jinja2 import Template

from harness.report.compare import MEANINGS, Change, Comparison, Difference
from harness.report.conclusion import interruption, target_name
from harness.report.html import environment
from harness.report.text import shown
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict

WIDTH: Final = 80
LONGEST_VALUE: Final = 300
SCHEMA_VERSION: Final = 1

HEADINGS: Final[dict[Change, str]] = {
    Change.WORSE: "Worse",
    Change.NEW: "New failures",
    Change.INCOMPARABLE: "Cannot be compared",
    Change.LOST: "Evidence lost",
    Change.GONE: "Gone",
    Change.NOT_JUDGED: "Not judged this time",
    Change.BETTER: "Better",
    Change.ACCEPTED: "Newly accepted",
    Change.GAINED: "Newly judged",
}
"""The headings of the changes that are listed, in this order; unchanged results are only counted."""


COUNTED: Final[dict[Change, str]] = {
    Change.WORSE: "worse",
    Change.NEW: "failing for the first time",
    Change.INCOMPARABLE: "not comparable",
    Change.LOST: "with evidence lost",
    Change.GONE: "gone",
    Change.NOT_JUDGED: "not judged this time",
    Change.BETTER: "better",
    Change.ACCEPTED: "newly accepted",
    Change.GAINED: "newly judged",
}


def conclusion(comparison: Comparison) -> str:
    """Return e.g. ``2 worse, 3 better; 40 as before, 96 made in neither run``."""
    counts = {change: len(comparison.of(change)) for change in Change}
    said = [f"{counts[change]} {words}" for change, words in COUNTED.items() if counts[change]]
    same, unmade = len(comparison.as_before()), comparison.made_in_neither
    beside = f", {unmade} made in neither run" if unmade else ""
    return (f"{', '.join(said)}; {same} as before" if said else f"Nothing changed in {same} results") + beside


def remarks(comparison: Comparison) -> list[str]:
    """Return what a reader must know of the two runs before their differences."""
    old, new = comparison.old, comparison.new
    found = [
        f"The {which} run: {interruption(run.info)}" for which, run in (("old", old), ("new", new)) if run.info.interrupted
    ]
    if target_name(old.info) != target_name(new.info):
        found.append(f"The runs are of targets of different names: {target_name(old.info)}, then {target_name(new.info)}.")
    before, after = (run.info.versions.get("uds-harness", "unknown") for run in (old, new))
    if before != after:
        found.append(f"uds-harness was {before} and is {after}: what the checks share may have changed too.")
    same = sum(bool(one.conditions) for one in comparison.as_before())
    if same:
        found.append(f"{same} of the results that are as before were judged under other conditions.")
    alarms = sum(one.is_alarm for one in comparison.of(Change.INCOMPARABLE))
    if alarms:
        found.append(f"{alarms} of those that cannot be compared fail now and did not before: they count as worse.")
    return found


def diff_lines(comparison: Comparison) -> Iterator[str]:
    """Yield the comparison as lines of text; line breaks in an ECU's answer are escaped."""
    for which, run in (("old", comparison.old), ("new", comparison.new)):
        yield from _wrapped(f"{which}  ", _headline(run))
    for remark in remarks(comparison):
        yield from _wrapped("     ", remark)
    for change, heading in HEADINGS.items():
        found = comparison.of(change)
        if found:
            yield ""
            yield f"{heading} ({len(found)})"
        shared = comparison.shared_conditions(change)
        if shared:
            yield from _wrapped("  ", f"differs in all: {', '.join(shared)}")
        for (name, title, said), alike in groupby(found, partial(_line, shared)):
            subjects = ", ".join(one.finding.parameter for one in alike if one.finding.parameter is not None)
            yield from _wrapped("  ", f"{name:<6} {title}" + (f" [{subjects}]" if subjects else ""), " " * 9)
            yield from _wrapped(" " * 9, said)
    yield ""
    yield from _wrapped("", conclusion(comparison))


def diff_json(comparison: Comparison, *, strict: bool) -> str:
    """Return the comparison as JSON for programs, unchanged results included."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "old": _run_json(comparison.old),
        "new": _run_json(comparison.new),
        "is_worse": comparison.is_worse(strict=strict),
        "counts": {change.value: len(comparison.of(change)) for change in Change},
        "remarks": remarks(comparison),
        "results": [_difference_json(one) for one in comparison.differences],
    }
    return json.dumps(document, indent=1) + "\n"


def diff_html(comparison: Comparison) -> str:
    """Return the comparison as one self-contained page."""
    return _template().render(
        comparison=comparison,
        runs=(("Old", comparison.old), ("New", comparison.new)),
        is_simulated="simulated" in (comparison.old.info.environment, comparison.new.info.environment),
        name=target_name,
        conclusion=conclusion(comparison),
        is_worse=comparison.is_worse(),
        remarks=remarks(comparison),
        headings=HEADINGS,
        meanings=MEANINGS,
        same=comparison.as_before(),
        verdict=_verdict,
    )


def _line(shared: Sequence[str], one: Difference) -> tuple[str, str, str]:
    """Return id, heading and text of a difference; subjects for which all three are equal are printed together."""
    return one.finding.id, one.finding.heading, "; ".join(_says(one, shared))


def _says(one: Difference, shared: Sequence[str]) -> Iterator[str]:
    yield f"{_verdict(one.old)} -> {_verdict(one.new)}"
    if one.why:
        yield one.why
    if one.new is not None and one.new.verdict is Verdict.FAIL:
        yield f"{one.new.severity}; observed: {shown(one.new.observed, LONGEST_VALUE)}"
    elif one.new is not None and one.new.reason:
        yield shown(one.new.reason, LONGEST_VALUE)
    if conditions := [name for name in one.conditions if name not in shared]:
        yield f"differs: {', '.join(conditions)}"


def _verdict(finding: Finding | None) -> str:
    if finding is None:
        return "no result"
    return f"{finding.verdict.value.replace('_', ' ')}{' (accepted)' if finding.accepted else ''}"


def _headline(run: Run) -> str:
    info = run.info
    kind = "SIMULATED ECU, " if info.environment == "simulated" else ""
    harness = info.versions.get("uds-harness", "of unknown version")
    return f"{shown(target_name(info), 120)}: {kind}{info.started_utc}, depth {info.depth}, uds-harness {harness}"


def _wrapped(prefix: str, text: str, later: str = "") -> list[str]:
    """Wrap the text to at most 80 columns, the prefix before the first line."""
    flat = shown(text, LONGEST_VALUE * 4).replace("\n", "\\n").replace("\t", "\\t")
    return textwrap.wrap(flat, WIDTH, initial_indent=prefix, subsequent_indent=later or " " * len(prefix)) or [
        prefix.rstrip()
    ]


def _run_json(run: Run) -> dict[str, Any]:
    info = run.info
    about = {"target": target_name(info), "environment": info.environment, "depth": info.depth, "seed": info.seed}
    times = {"started_utc": info.started_utc, "interrupted": info.interrupted, "versions": info.versions}
    return {**about, **times, "summary": run.summary()}


def _difference_json(one: Difference) -> dict[str, Any]:
    return {
        "id": one.finding.id,
        "title": one.finding.title,
        "parameter": one.finding.parameter,
        "change": one.change.value,
        "why": one.why,
        "conditions": list(one.conditions),
        "old": _finding_json(one.old),
        "new": _finding_json(one.new),
    }


def _finding_json(finding: Finding | None) -> dict[str, Any] | None:
    if finding is None:
        return None
    kept = ("verdict", "severity", "observed", "reason", "accepted", "check_version")
    return {name: getattr(finding, name) for name in kept}


@cache
def _template() -> Template:
    return environment().get_template("diff.html")
