"""Write audit.sarif (SARIF 2.1.0) for code-scanning tools: findings as alerts, accepted findings as suppressed.

Only failures are results: GitHub makes an alert of every result, whatever its ``kind``, so a pass would look like a problem.
Unjudged checks are notifications of the invocation; passes are in audit.json.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from harness.report.conclusion import conclusion, interruption, target_name
from harness.report.sarif_rules import CWE, R155, SarifRules, message
from harness.report.text import shown
from harness.runs.findings import Exchange, FilePlace, Finding, Run, RunInfo
from harness.runs.folder import AUDIT_HTML, BUS_LOG, indented_json
from harness.verdict import Severity, Verdict

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: Final = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
MOST_EXCHANGES: Final = 9
"""How many exchanges are locations of one result; with the location of the whole check that makes ten, GitHub's limit."""

RUN_FOLDER: Final = "RUN_FOLDER"
SOURCES: Final = "%SRCROOT%"


def sarif_json(run: Run) -> str:
    """Return the content of audit.sarif."""
    info = run.info
    rules = SarifRules(run.findings)
    failures = [*run.failures(), *run.accepted()]
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(info, rules)},
                "taxonomies": rules.taxonomies,
                "automationDetails": {"id": f"uds-harness/{_word(target_name(info))}/{_word(info.started_utc)}"},
                "invocations": [_invocation(run, rules)],
                "originalUriBaseIds": {
                    RUN_FOLDER: {"description": message(f"The run folder, in which {AUDIT_HTML} and {BUS_LOG} lie.")},
                    SOURCES: {"description": message("The folder of the target file.")},
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, info, rules) for one in failures],
                "properties": {
                    "conclusion": conclusion(run),
                    "summary": run.summary(),
                    "environment": info.environment,
                    "seed": info.seed,
                    "depth": shown(info.depth),
                },
            }
        ],
    }
    return indented_json(document)


def _driver(info: RunInfo, rules: SarifRules) -> dict[str, Any]:
    version = shown(info.versions.get("uds-harness", "unknown"))
    return {
        "name": "uds-harness",
        "version": version,
        "shortDescription": message("Security test harness for the UDS SecurityAccess of automotive ECUs."),
        "supportedTaxonomies": [{"name": name} for name in (CWE, R155)],
        "rules": rules.descriptors,
    }


def _invocation(run: Run, rules: SarifRules) -> dict[str, Any]:
    info = run.info
    notifications = [_notification("error", said) for said in filter(None, [interruption(info)])]
    notifications += [_notification("note", remark) for remark in info.remarks]
    for verdict, level in ((Verdict.ERROR, "error"), (Verdict.INCONCLUSIVE, "warning")):
        for one in run.with_verdict(verdict):
            text = f"{verdict.value}: {_name(one)}: {one.reason}"
            notifications.append({**_notification(level, text), "associatedRule": rules.reference(one)})
    times = {"startTimeUtc": info.started_utc, "endTimeUtc": info.finished_utc}
    return {
        "commandLine": shown(info.command),
        "account": shown(info.operator),
        **{key: text for key, text in times.items() if _is_time(text)},
        "executionSuccessful": not info.interrupted and not run.with_verdict(Verdict.ERROR),
        "toolExecutionNotifications": notifications,
    }


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": message(text)}


def _result(finding: Finding, info: RunInfo, rules: SarifRules) -> dict[str, Any]:
    text = f"{_name(finding)}: expected {finding.expected}; observed {finding.observed}"
    result: dict[str, Any] = {
        "ruleId": rules.identifier(finding),
        "ruleIndex": rules.index(finding),
        "kind": "fail",
        "level": LEVELS[finding.severity],
        "message": message(text),
        "locations": [_location(info, finding)],
        "partialFingerprints": {"primaryLocationLineHash": _fingerprint(info, finding)},
        "properties": {
            "severity": finding.severity.value,
            "basis": finding.basis,
            "requirements": [shown(name) for name in finding.requirements],
            "parameter": None if finding.parameter is None else shown(finding.parameter),
            "expected": shown(finding.expected),
            "observed": shown(finding.observed),
            "repeat": shown(finding.repeat),
        },
    }
    if related := list(_evidence(finding)):
        result["relatedLocations"] = [one for index, one in enumerate(related) if one not in related[:index]]
    if finding.accepted:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": shown(finding.accepted)}]
    return result


def _location(info: RunInfo, finding: Finding) -> dict[str, Any]:
    """Return a location for a result of an ECU, which has no source code: in the target file, else in the report."""
    path = info.target.get("path")
    is_file = isinstance(path, str) and bool(path)
    uri, base = (str(path), SOURCES) if is_file else (AUDIT_HTML, RUN_FOLDER)
    subject = target_name(info) + ("" if finding.parameter is None else f": {finding.parameter}")
    place = _entry(info, finding) if is_file else FIRST_LINE
    region = {"startLine": place.line, "startColumn": place.column, "endLine": place.line, "endColumn": place.end_column}
    return {**_place(uri, base, region), "logicalLocations": [{"fullyQualifiedName": shown(subject), "kind": "module"}]}


def _entry(info: RunInfo, finding: Finding) -> FilePlace:
    """Return the place in the target file of the first entry that the result's parameter names, else of the whole target."""
    words = finding.parameter or ""
    named = (place for name, place in info.places.items() if re.search(rf"\b{re.escape(name)}\b", words))
    return next(named, None) or info.places.get("target", FIRST_LINE)


FIRST_LINE: Final = FilePlace(line=1, column=1, end_column=2)


def _evidence(finding: Finding) -> Iterator[dict[str, Any]]:
    """Yield locations in the bus log: all lines of the check, then those of each of its last exchanges, which decided."""
    if finding.last_frame > finding.first_frame >= 0:
        yield _lines(finding.first_frame, finding.last_frame, "every frame of this check")
    last_ones: tuple[Exchange, ...] = finding.exchanges[-MOST_EXCHANGES:]
    for one in last_ones:
        if one.last_frame > one.first_frame >= 0:
            yield _lines(one.first_frame, one.last_frame, f"request {one.request[:64]}: {one.outcome}")


def _lines(first_frame: int, last_frame: int, said: str) -> dict[str, Any]:
    region = {"startLine": first_frame + 1, "endLine": last_frame}
    return {**_place(BUS_LOG, RUN_FOLDER, region), "message": message(said)}


def _place(uri: str, base: str, region: dict[str, int]) -> dict[str, Any]:
    location = {"uri": quote(uri, errors="backslashreplace"), "uriBaseId": base}
    return {"physicalLocation": {"artifactLocation": location, "region": region}}


def _fingerprint(info: RunInfo, finding: Finding) -> str:
    """Return a value that is equal in all runs for one check, parameter and target; by it alone GitHub knows alerts."""
    parts: Iterable[str] = (target_name(info), finding.id, finding.parameter or "")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:32] + ":1"


def _name(finding: Finding) -> str:
    return finding.heading + ("" if finding.parameter is None else f" ({finding.parameter})")


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._:-]+", "-", text)[:100].strip("-") or "unnamed"


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
