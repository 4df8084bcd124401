"""Write summary.md for a reviewer of a merge request: the conclusion, the findings, and which checks were not judged."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from harness.report.conclusion import answer, conclusion, interruption, rank, target_name
from harness.report.groups import wrong
from harness.report.markdown import markdown
from harness.runs.findings import Finding, Run
from harness.runs.folder import AUDIT_HTML
from harness.verdict import Severity, Verdict

LONGEST_SUMMARY: Final = 60_000
"""The largest number of characters: GitHub takes comments of up to 65,536, and whoever posts the summary may add to it."""

LONGEST_ANSWER: Final = 1000
LONGEST_VALUE: Final = 240
LONGEST_NAME: Final = 100
MOST_NAMES: Final = 30
"""How many checks are named beside a reason that they share."""


@dataclass(frozen=True, slots=True)
class SummaryTable:
    """A heading with a table below it, already in Markdown; a folded table is shown on demand."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_folded: bool = False


def summary_md(run: Run) -> str:
    """Return the content of summary.md in GitHub's Markdown, which GitLab reads too. Rows that do not fit are counted."""
    lines = [*_top(run), ""]
    room = LONGEST_SUMMARY - sum(len(line) + 1 for line in lines)
    for table in _tables(run):
        added = list(_fitting(table, room))
        room -= sum(len(line) + 1 for line in added)
        lines += added
    return "\n".join(lines)


def _top(run: Run) -> Iterator[str]:
    info = run.info
    yield f"## Audit of {markdown(target_name(info), LONGEST_NAME)}"
    yield ""
    if said := interruption(info):
        yield f"> **{said}**"
        yield ""
    yield f"**{markdown(answer(run), LONGEST_ANSWER)}**"
    yield ""
    yield conclusion(run)
    yield ""
    version = info.versions.get("uds-harness", "of unknown version")
    facts = {"Started": info.started_utc, "depth": info.depth, "seed": info.seed, "uds-harness": version}
    ecu = "A simulated ECU." if info.environment == "simulated" else "An ECU on a bench."
    yield f"{ecu} {', '.join(f'{name} {markdown(value, LONGEST_NAME)}' for name, value in facts.items())}."
    yield f"The evidence, down to the frames, is in `{AUDIT_HTML}` of the run folder."


def _tables(run: Run) -> Iterator[SummaryTable]:
    summary = run.summary()
    verdicts = [(verdict.value.replace("_", " "), summary["verdict"][verdict.value]) for verdict in Verdict]
    yield SummaryTable("", *_counts("results", summary["results"], verdicts))
    severities = [(level.value, summary["severity"][level.value]) for level in Severity]
    yield SummaryTable("", *_counts("findings", len(run.failures()), severities))
    yield SummaryTable(
        "Findings",
        ("Severity", "Check", "Expected", "Observed"),
        tuple(
            (f"**{one.severity}**", _name(one), _value(one.expected), _value(one.observed))
            for one in sorted(run.failures(), key=rank)
        ),
    )
    yield SummaryTable(
        "Accepted by the target file",
        ("Severity", "Check", "Reason"),
        tuple((one.severity.value, _name(one), _value(one.accepted)) for one in run.accepted()),
    )
    for verdict, heading, is_folded in (
        (Verdict.ERROR, "Ended in an error of the harness", False),
        (Verdict.INCONCLUSIVE, "Inconclusive", False),
        (Verdict.NOT_RUN, "Not run", True),
        (Verdict.NOT_APPLICABLE, "Not applicable", True),
    ):
        found = run.with_verdict(verdict)
        yield SummaryTable(f"{heading}: {len(found)}", ("Reason", "Checks"), tuple(_by_reason(found)), is_folded)


def _counts(what: str, total: int, counts: list[tuple[str, int]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    return (what, *(name for name, _ in counts)), ((str(total), *(str(count) for _, count in counts)),)


def _by_reason(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """Yield one row for each reason, with the checks that share it: e.g. all deselected ones, or all that lack a key."""
    ids: dict[str, dict[str, None]] = {}
    for one in findings:
        ids.setdefault(one.reason, {})[one.id] = None
    for reason, names in ids.items():
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        yield _value(reason), ", ".join(markdown(name, LONGEST_NAME) for name in list(names)[:MOST_NAMES]) + more


def _name(finding: Finding) -> str:
    parameter = "" if finding.parameter is None else f" ({markdown(finding.parameter, LONGEST_NAME)})"
    return f"{markdown(finding.id, LONGEST_NAME)} {markdown(wrong(finding), LONGEST_NAME)}{parameter}"


def _value(text: str) -> str:
    return markdown(text, LONGEST_VALUE)


def _fitting(table: SummaryTable, room: int) -> Iterator[str]:
    """Return as many of the table's rows as there is room for, and how many are left out."""
    if not table.rows:
        return
    head = [f"<details><summary>{table.heading}</summary>", ""] if table.is_folded else [f"### {table.heading}", ""]
    tail = ["</details>", ""] if table.is_folded else []
    more = f"… and more: {{}} of {len(table.rows)} rows are in `{AUDIT_HTML}` only."
    lines = [*(head if table.heading else []), _row(table.columns), _row(("---",) * len(table.columns))]
    room -= sum(len(line) + 1 for line in (*lines, more, *tail)) + 10
    if room < 0:
        return
    shown = 0
    for row in map(_row, table.rows):
        room -= len(row) + 1
        if room < 0:
            break
        lines.append(row)
        shown += 1
    yield from lines
    yield ""
    if shown < len(table.rows):
        yield more.format(len(table.rows) - shown)
        yield ""
    yield from tail


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
