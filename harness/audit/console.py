"""What the command line shows of a running audit: a line a result, as it ends, and what is running meanwhile."""

from __future__ import annotations

import sys
from typing import TextIO

import pytest

from harness.audit.declare import declared_attack
from harness.audit.plugin import REQUEST
from harness.report.terminal import result_lines, summary_lines
from harness.run import Finding, Run


class Console:
    """Prints results. On a terminal, the check under way and how many are left stand on a line that is overwritten."""

    def __init__(self, out: TextIO, total: int = 0) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._total = total
        self._done = 0

    def expect(self, total: int) -> None:
        """How many results there will be."""
        self._total = total

    def starting(self, name: str) -> None:
        """Say what is under way."""
        if self._is_terminal:
            self._out.write(f"\r\x1b[K[{self._done + 1}/{self._total}] {name}"[:90])
            self._out.flush()

    def result(self, finding: Finding) -> None:
        """Print one result."""
        self._done += 1
        if self._is_terminal:
            self._out.write("\r\x1b[K")
        print("\n".join(result_lines(finding, colour=self._is_terminal)), file=self._out, flush=True)

    def summary(self, run: Run, folder: str) -> None:
        """Print what it comes to, and where the report is."""
        lines = ["", *summary_lines(run, colour=self._is_terminal)]
        lines.insert(len(lines) - 1, f"report: {folder}/audit.html")
        print("\n".join(lines), file=self._out, flush=True)


class AuditRequest:
    """The command line's own plugin: what to audit, and where to print. Pytest finds it by its name."""

    __name__ = REQUEST

    def __init__(self, options: object) -> None:
        self.options = options
        self.console = Console(sys.stdout)
        self.has_internal_error = False

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many there will be."""
        self.console.expect(len(session.items))

    @pytest.hookimpl
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Show what is under way."""
        declared = declared_attack(getattr(item, "function", None))
        self.console.starting(f"{declared.id} {declared.title}" if declared else item.name)

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a result when it is there."""
        finding = getattr(report, "uds_finding", None)
        if finding is not None:
            self.console.result(finding)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say which file of checks cannot be read, and why."""
        if report.failed:
            last = str(report.longrepr).strip().splitlines()[-1:] or ["?"]
            print(f"uds-harness: {report.nodeid}: {last[0].removeprefix('E').strip()}", file=sys.stderr)

    @pytest.hookimpl
    def pytest_internalerror(self) -> None:
        """Remember that pytest itself failed."""
        self.has_internal_error = True
