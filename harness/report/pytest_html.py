"""Show an audit in pytest-html, the tester's view: our columns and summary, and each result's frames."""

from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final

import pytest
from markupsafe import Markup

from harness.report.conclusion import DESELECTED, conclusion, interruption, target_name
from harness.report.decode import frame_line, reply_line, request_line
from harness.report.groups import Anchors
from harness.report.redacted import marked
from harness.report.text import bytes_of, shown, shown_hex, visible
from harness.runs.findings import Exchange, Finding, Run, RunInfo
from harness.runs.folder import AUDIT_HTML, AUDIT_JSON, BUS_LOG
from harness.verdict import Severity, Verdict

FINDING: Final = "uds_finding"
"""The attribute of a pytest report that holds the stored result."""

COLUMNS: Final = {
    "result": "Outcome", "verdict": "Verdict", "severity": "Severity", "testId": "Id", "check": "Check", "time": "Time",
}  # fmt: skip
"""Columns, by pytest-html's names for filtering and sorting; the first column is pytest's own outcome."""

MOST_EXCHANGES: Final = 24
MOST_REPLIES: Final = 16
MOST_FRAMES: Final = 48
MOST_NOTES: Final = 40


class DetailView:
    """Hooks of pytest-html that show one audit, which may still be running."""

    def __init__(self, info: RunInfo, run: Run | None = None, files: Sequence[str] = ()) -> None:
        self._info = info
        self._run = run
        self._files = files
        can = info.target.get("can")
        ids = (can.get(key) for key in ("request_id", "response_id", "functional_id")) if isinstance(can, dict) else ()
        self._spoken_ids = frozenset(one for one in ids if isinstance(one, int))

    @pytest.hookimpl(optionalhook=True)
    def pytest_metadata(self, metadata: dict[str, Any]) -> None:
        """Show the versions of the programs that made the run, not of those that render the page."""
        metadata.clear()
        metadata.update({escape(visible(name)): escape(visible(version)) for name, version in self._info.versions.items()})

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        kind = "SIMULATED ECU: " if self._info.environment == "simulated" else ""
        report.title = f"{kind}details of the audit of {shown(target_name(self._info), 120)}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        prefix += [f"<style>{style_text()}</style>", *_summary(self._info, self._run, self._files)]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        columns = {**COLUMNS, "time": "Virtual time"} if self._info.environment == "simulated" else COLUMNS
        cells[:] = [
            f'<th scope="col" class="sortable col-{name}" data-column-type="{name}">{words}</th>'
            for name, words in columns.items()
        ]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        finding = getattr(report, FINDING, None)
        outcome = cells[0]
        if finding is None:  # a plain test beside the checks
            cells[:] = [outcome, *(f'<td class="col-{name}"></td>' for name in ("verdict", "severity")), cells[1]]
            cells += [f'<td class="col-{name}"></td>' for name in ("check", "time")]
        else:
            cells[:] = [outcome, *(f'<td class="col-{name}">{content}</td>' for name, content in _cells(finding).items())]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: Any, data: list[str]) -> None:
        finding = getattr(report, FINDING, None)
        if finding is not None:
            redacted = {one for exchange in finding.exchanges for one in exchange.redacted}
            text = marked(details(finding, self._spoken_ids), redacted)
            data[:] = [self._link(finding), f"<pre>{text if isinstance(text, Markup) else escape(text)}</pre>"]

    def _link(self, finding: Finding) -> str:
        """Link to the check's place in the report."""
        if AUDIT_HTML not in self._files:
            return ""
        return f'<p><a href="{AUDIT_HTML}#{Anchors().new(finding.id)}">{escape(shown(finding.id, 80))} in the report</a></p>'


def details(finding: Finding, spoken_ids: frozenset[int]) -> str:
    """Return all evidence of a result as text that ends with its frames."""
    said = {
        "expected": finding.expected,
        "observed": finding.observed,
        "reason": finding.reason,
        "accepted": finding.accepted,
        "repeat": finding.repeat,
    }
    lines = [f"{name:10}{_indented(text)}" for name, text in said.items() if text]
    lines += [f"note      {_indented(note)}" for note in finding.notes[:MOST_NOTES]]
    if finding.last_frame > finding.first_frame:
        lines.append(f"frames    {finding.first_frame} to {finding.last_frame - 1} of {BUS_LOG}")
    for exchange in finding.exchanges[:MOST_EXCHANGES]:
        lines += ["", *_exchange_lines(exchange, spoken_ids)]
    if (left_out := len(finding.exchanges) - MOST_EXCHANGES) > 0:
        lines += ["", f"{left_out} more exchanges are in {AUDIT_JSON}"]
    return "\n".join(lines)


def _exchange_lines(exchange: Exchange, spoken_ids: frozenset[int]) -> Iterator[str]:
    request = bytes_of(exchange.request)
    yield f"request   {_with_meaning(exchange.request, None if request is None else request_line(request))}"
    for reply in exchange.replies[:MOST_REPLIES]:
        pdu = bytes_of(reply)
        yield f"reply     {_with_meaning(reply, None if pdu is None else reply_line(pdu))}"
    if (left_out := len(exchange.replies) - MOST_REPLIES) > 0:
        yield f"          {left_out} more messages are in {AUDIT_JSON}"
    yield f"outcome   {_indented(exchange.outcome)}"
    for frame in exchange.frames[:MOST_FRAMES]:
        is_spoken = frame.is_sent or frame.can_id in spoken_ids
        can_id = f"{frame.can_id:0{8 if frame.is_extended else 3}X}"
        data = bytes_of(frame.data) if is_spoken and not (frame.is_error or frame.is_remote) else None
        kinds = {"remote": frame.is_remote, "error": frame.is_error, "FD": frame.is_fd}
        words = [f"{name} frame" for name, is_so in kinds.items() if is_so] + ([frame_line(data)] if data else [])
        side = "sent" if frame.is_sent else "got"
        yield f"{frame.time_s:16.6f}  {side:4}  {can_id:>8}  {shown_hex(frame.data):23}  {', '.join(words)}".rstrip()


def _with_meaning(message: str, meaning: str | None) -> str:
    return shown_hex(message) + (f"   {visible(meaning)}" if meaning else "")


def _indented(text: str) -> str:
    """Indent a value of several lines beside its label."""
    return shown(text).replace("\n", "\n" + " " * 10)


def _cells(finding: Finding) -> dict[str, str]:
    """Return the cells of a row behind pytest's outcome; hidden values sort severities by weight and times by length."""
    verdict, parameter = finding.verdict, finding.parameter
    word = f"{verdict.value}, accepted" if finding.accepted else verdict.value.replace("_", " ")
    order = list(Severity).index(finding.severity)
    subject = "" if parameter is None else f' <span class="parameter">{escape(shown(parameter, 120))}</span>'
    return {
        "verdict": f'<b class="{verdict.value}">{escape(visible(word))}</b>',
        "severity": f'<span hidden>{order}</span><span class="{finding.severity.value}">{finding.severity.value}</span>',
        "testId": escape(shown(finding.id, 80)) + subject,
        "check": escape(shown(finding.heading, 300)),
        "time": f"<span hidden>{finding.duration_s:015.6f}</span>{finding.duration_s:.3f} s",
    }


def _summary(info: RunInfo, run: Run | None, files: Sequence[str]) -> Iterator[str]:
    if info.environment == "simulated":
        yield (
            '<p class="simulated"><strong>SIMULATED ECU</strong> Nothing here was measured on a real device. '
            "Times are virtual: on the simulated bus, a wait passes at once.</p>"
        )
    if run is not None:
        if interruption(run.info):
            yield f'<p class="warning"><strong>Interrupted.</strong> {escape(interruption(run.info))}</p>'
        counts = ((len(run.with_verdict(verdict)), verdict.value.replace("_", " ")) for verdict in Verdict)
        yield f'<p class="conclusion">{escape(visible(conclusion(run)))}</p>'
        deselected = sum(one.reason == DESELECTED for one in run.findings)
        aside = f" The {deselected} that were deselected are not shown." if deselected else ""
        yield f"<p>{len(run.findings)} results: {', '.join(f'{count} {word}' for count, word in counts)}.{aside}</p>"
    rows = {
        "Target": target_name(info),
        "Depth": info.depth,
        "Seed": str(info.seed),
        "Started": info.started_utc,
        "Command": info.command,
    }
    table = "".join(f"<div><dt>{name}</dt><dd>{escape(shown(text))}</dd></div>" for name, text in rows.items())
    yield f'<dl class="facts">{table}</dl>'
    linked = {name: f'<a href="{name}">{name}</a>' if name in files else name for name in (AUDIT_HTML, AUDIT_JSON, BUS_LOG)}
    yield (
        f"<p>This is the detail view, for whoever runs the checks. The report is {linked[AUDIT_HTML]}; every exchange is in "
        f"{linked[AUDIT_JSON]}, every frame in {linked[BUS_LOG]}. "
        "A click on a row unfolds what the result rests on, down to the frames; a click on a heading sorts.</p>"
    )
    if not info.keeps_secrets:
        yield (
            '<p>Bytes that are marked like <code><mark title="redacted">E4 E1 EB</mark></code> stand for a key or a secret; '
            "they were not on the bus.</p>"
        )
    yield f'<noscript><p class="warning">This view needs JavaScript; {AUDIT_HTML} does not.</p></noscript>'


@cache
def style_text() -> str:
    """Return the style that is appended to pytest-html's own."""
    return (resources.files("harness.report") / "templates" / "pytest.css").read_text(encoding="utf-8")
