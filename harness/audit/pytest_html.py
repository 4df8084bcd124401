"""What pytest-html shows of an audit: the tester's view, with our columns and the frames of each result folded in."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import pytest

from harness.audit.outcomes import REPORT_ATTRIBUTE
from harness.report.text import visible
from harness.run import Exchange, Finding, RunInfo

COLUMNS = ("Verdict", "Id", "Check", "Severity", "Time")
"""Behind pytest's own outcome, which the page filters by."""


class DetailView:
    """Hooks of pytest-html for one audit."""

    def __init__(self, info: RunInfo) -> None:
        self._info = info

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        report.title = f"{'SIMULATED ECU: ' if self._is_simulated else ''}details of the audit"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], summary: list[str], postfix: list[str]) -> None:
        if self._is_simulated:
            prefix.append("<p><strong>SIMULATED ECU</strong></p>")
        target = escape(visible(str(self._info.target.get("name", ""))))
        prefix.append(f"<p>Target: {target}, depth {self._info.depth}, seed {self._info.seed}.</p>")
        prefix.append(
            '<p>This is the detail view, for whoever runs the checks. The report is <a href="audit.html">audit.html</a>.</p>'
        )

    @property
    def _is_simulated(self) -> bool:
        return self._info.environment == "simulated"

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        cells[1:] = [f"<th>{name}</th>" for name in COLUMNS]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: Any, cells: list[str]) -> None:
        finding = getattr(report, REPORT_ATTRIBUTE, None)
        if finding is None:
            return
        check = finding.title + (f" [{finding.parameter}]" if finding.parameter else "")
        row = (finding.verdict.value, finding.id, check, finding.severity.value, f"{finding.duration_s:.3f} s")
        cells[1:] = [f"<td>{escape(visible(text))}</td>" for text in row]

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_html(self, report: Any, data: list[str]) -> None:
        finding = getattr(report, REPORT_ATTRIBUTE, None)
        if finding is not None:
            data[:] = [f"<pre>{escape(details(finding))}</pre>"]


def details(finding: Finding) -> str:
    """All that a result rests on, as text."""
    lines = [
        f"{name:10}{visible(text)}"
        for name, text in (
            ("expected", finding.expected),
            ("observed", finding.observed),
            ("reason", finding.reason),
            ("repeat", finding.repeat),
        )
        if text
    ]
    lines += [f"note      {visible(note)}" for note in finding.notes]
    lines.append(f"frames    {finding.first_frame} to {finding.last_frame} of bus.log")
    for exchange in finding.exchanges:
        lines += ["", *exchange_lines(exchange)]
    return "\n".join(lines)


def exchange_lines(exchange: Exchange) -> Sequence[str]:
    """One exchange with its raw frames."""
    lines = [f"request   {visible(exchange.request)}", *(f"reply     {visible(reply)}" for reply in exchange.replies)]
    lines.append(f"outcome   {visible(exchange.outcome)}")
    for frame in exchange.frames:
        can_id = f"{frame.can_id:08X}" if frame.is_extended else f"{frame.can_id:03X}"
        lines.append(f"  {frame.time_s:14.6f}  {'sent' if frame.is_sent else 'got '}  {can_id:>8}  {frame.data}")
    return lines
