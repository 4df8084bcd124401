"""What the command line shows of a running audit: a line a result, as it ends, and what is running meanwhile."""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TextIO

import pytest

from harness.audit import REQUEST
from harness.audit.contact import NOT_BEGUN
from harness.audit.items import ATTACK, is_foreseen
from harness.audit.session import AuditOptions
from harness.report.terminal import WIDTH, result_lines, summary_lines
from harness.report.text import visible
from harness.run import Finding, Run
from harness.run_folder import AUDIT_HTML

CLEAR_LINE = "\r\x1b[K"
LONGEST_ERROR = 400


class Console:
    """Prints results. On a terminal, the check under way and how many are left stand on a line that is overwritten.

    When nobody reads any more it goes quiet: the audit goes on, and its report is written.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self.is_there = self._is_terminal and sys.stdin is not None and sys.stdin.isatty()
        """Somebody reads what is said, and can act."""
        self._total = 0
        self._done = 0
        self._not_begun: list[Finding] = []

    def expect(self, total: int) -> None:
        """How many results there will be."""
        self._total = total

    def starting(self, name: str) -> None:
        """Say what is under way."""
        if self._is_terminal:
            self._write(CLEAR_LINE + visible(f"[{self._done + 1}/{self._total}] {name}")[: WIDTH - 1])

    def result(self, finding: Finding) -> None:
        """Print one result. Those that found the ECU given up are told together, once it is known how many there are."""
        self._done += 1
        if finding.reason.startswith(NOT_BEGUN):
            self._not_begun.append(finding)
            return
        self._tell_not_begun()
        self._write("\n".join([self._cleared(), *result_lines(finding, colour=self._is_terminal), ""]).lstrip("\n"))

    def summary(self, run: Run, folder: str) -> None:
        """Print what it comes to, and where the report is."""
        self._tell_not_begun()
        lines = summary_lines(run, colour=self._is_terminal)
        end = len(lines) - lines[::-1].index("")
        lines.insert(end, f"report: {folder}/{AUDIT_HTML}")
        if run.info.interrupted:
            lines.insert(end + 1, f"to make its reports again: uds-harness report {shlex.quote(folder)}")
        self._write(self._cleared() + "\n".join(["", *lines, ""]))

    def say(self, text: str) -> None:
        """Print what happens in the middle of the run."""
        self._write(f"{self._cleared()}{visible(text)}\n")

    def heading(self, text: str) -> None:
        """Print what is about to be done."""
        self._write(f"{text}\n\n")

    def _tell_not_begun(self) -> None:
        if self._not_begun:
            first, number = self._not_begun[0], len(self._not_begun)
            self._not_begun = []
            what = "1 check was" if number == 1 else f"{number} checks were"
            self.say(f"{first.verdict:<16}{what} {first.reason}")

    def _cleared(self) -> str:
        return CLEAR_LINE if self._is_terminal else ""

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # the pipe is closed, the disk is full
            self._out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (for as long as the process lives)


class AuditRequest:
    """The command line's own plugin: what to audit, and where to print. Pytest finds it by its name."""

    __name__ = REQUEST

    def __init__(self, options: AuditOptions) -> None:
        self.options = options
        self.console = Console(sys.stdout)
        self.has_internal_error = False
        self._has_collect_error = False
        self._names: dict[str, str] = {}

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Know how many there will be."""
        self.console.expect(len(session.items))
        for item in session.items:
            declared = item.stash.get(ATTACK, None)
            self._names[item.nodeid] = f"{declared.id} {declared.title}" if declared else item.name

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show what is under way."""
        self.console.starting(self._names.get(nodeid, nodeid))

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
            self._has_collect_error = True
            lines = [line[1:].strip() for line in str(report.longrepr).splitlines() if line.startswith("E ")]
            where = re.findall(r"^(\S+\.py:\d+): ", str(report.longrepr), flags=re.MULTILINE)[-1:]
            what = " ".join(lines) or str(report.longrepr).strip().splitlines()[-1]
            print(f"uds-harness: {where[0] if where else report.nodeid}: {what[:LONGEST_ERROR]}", file=sys.stderr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A place that was named and holds no checks is a mistake."""
        for path in self.options.checks:
            if not self._has_collect_error and not any(item.path.is_relative_to(path.resolve()) for item in items):
                raise pytest.UsageError(f"--checks {path}: there is no check in it; see CONTRIBUTING.md for what one is")

    @pytest.hookimpl
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that pytest, or the harness, failed."""
        self.has_internal_error = not is_foreseen(excinfo.value)
