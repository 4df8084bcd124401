"""Print an audit: findings or results as they come, the check that is running, and the end of the run."""

import contextlib
import io
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Final, TextIO

import pytest

import uds_harness_pytest
from harness.audit import REQUEST
from harness.audit.catalogue import why_not_collected
from harness.audit.contact import NOT_BEGUN, Operator
from harness.audit.items import ATTACK, is_foreseen, parameter_of
from harness.audit.requirements import attacks_folder
from harness.audit.session import AuditOptions
from harness.cli.ending import Ended, ending_lines
from harness.cli.progress import CheckKey, PlannedTime, Progress, Watched
from harness.cli.result_lines import finding_lines, result_lines
from harness.cli.wrapping import hanging, has_colour, width_of
from harness.report.as_pytest import own_pytest
from harness.report.text import visible
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict

DEBUG: Final = 2
"""The verbosity from which the log shows the present activity, and the progress display is off."""


class TerminalOutput(Operator):
    """Prints an audit and its progress: on a terminal in lines that are overwritten, elsewhere in a line now and then.

    If the output is closed nothing more is printed: the audit goes on, and its report is written.
    """

    def __init__(self, out: TextIO, *, verbosity: int = 0, tells_findings: bool = True, is_exit_zero: bool = False) -> None:
        """Print on `out`. `verbosity`: below 0 only the end is printed; at 0 also findings, above 0 every result.

        `tells_findings`: whether findings are printed as they come; an audit that takes only seconds prints them at its end.
        """
        self._out = out
        self._verbosity = verbosity
        self._tells_findings = tells_findings
        self._is_exit_zero = is_exit_zero
        self.folder: Path | None = None
        """The run's folder; None until the run has ended."""
        self.is_ecu_mute = False
        """Whether the ECU has never answered; set when the run has ended."""
        self.planned: Mapping[CheckKey, PlannedTime] = {}
        """The duration of each check that was planned; set before the first check begins."""
        self.is_there = out.isatty() and sys.stdin is not None and sys.stdin.isatty()
        """Whether a person reads the messages, and can act."""
        self._watched: Watched | None = None
        self._progress: Progress | None = None
        self._has_printed = False
        self._not_begun: list[Finding] = []

    def watch(self, watched: Watched) -> None:
        """Set the object that describes what the audit is waiting for."""
        self._watched = watched

    def expect(self, checks: Sequence[CheckKey]) -> None:
        """Set the expected results, and start to show the progress."""
        if not 0 <= self._verbosity < DEBUG:
            return
        self._progress = Progress(
            self._out, sys.stderr, planned=self.planned, shows_recent=self._verbosity == 0 and not self._tells_findings
        )
        if self._watched is not None:
            self._progress.watch(self._watched)
        self._progress.course.expect(checks)
        self._progress.start()

    def starting(self, check: CheckKey) -> None:
        """Show which check is running."""
        if self._progress is not None:
            self._progress.begins(check)

    def result(self, finding: Finding) -> None:
        """Print one result. Results that only say that the ECU was lost are collected, and printed together."""
        is_finding = finding.verdict in (Verdict.FAIL, Verdict.ERROR)
        colour, width = has_colour(self._out), width_of(self._out)
        if self._progress is not None:
            self._progress.course.ends(is_finding=finding.verdict is Verdict.FAIL)
            if is_finding:
                self._progress.found(finding_lines(finding, colour=colour, width=width - 1)[0])
        if self._verbosity > 0 and finding.reason.startswith(NOT_BEGUN):
            self._not_begun.append(finding)
            return
        self._tell_not_begun()
        if self._verbosity > 0:
            self._print(result_lines(finding, colour=colour, width=width))
        elif self._verbosity == 0 and self._tells_findings and is_finding:
            self._print(finding_lines(finding, colour=colour, width=width))

    def interrupted(self) -> None:
        """Show that no further check will be begun."""
        if self._progress is not None:
            self._progress.is_ending = True

    def end(self) -> None:
        """Stop showing the progress."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def summary(self, run: Run, folder: str, code: int, *, is_mute: bool = False) -> None:
        """Print the end of the run, with its exit code and the path of the report; `is_mute`: the ECU never answered."""
        self._tell_not_begun()
        self.end()
        self.folder, self.is_ecu_mute = Path(folder), is_mute
        ended = Ended(code=code, folder=folder, is_exit_zero=self._is_exit_zero, is_mute=is_mute)
        self._print([*([""] if self._has_printed else []), *ending_lines(run, ended, width=width_of(self._out))])

    def say(self, text: str) -> None:
        """Print a message in the middle of the run."""
        self._print([visible(text)])

    def heading(self, text: str) -> None:
        """Print what will be done next, as a heading."""
        if self._verbosity >= 0:
            self._write("\n".join([*hanging("", text, width_of(self._out)), "", ""]))

    def _tell_not_begun(self) -> None:
        if self._not_begun:
            first, number = self._not_begun[0], len(self._not_begun)
            self._not_begun = []
            what = "1 check was" if number == 1 else f"{number} checks were"
            self.say(f"{first.verdict:<16}{what} {first.reason}")

    def _print(self, lines: Sequence[str]) -> None:
        self._has_printed = True
        if self._progress is None or not self._progress.print_above("\n".join(lines)):
            self._write("\n".join([*lines, ""]))

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError:  # the pipe is closed, the disk is full
            self._out = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (for as long as the process lives)


class AuditRequest:
    """The command line's own pytest plugin: it says what to audit, and where to print. Pytest finds it by its name."""

    __name__ = REQUEST

    def __init__(self, options: AuditOptions, *, verbosity: int = 0, is_exit_zero: bool = False) -> None:
        self.options = options
        self.console = TerminalOutput(
            sys.stdout, verbosity=verbosity, tells_findings=not options.target.is_simulated, is_exit_zero=is_exit_zero
        )
        self.has_internal_error = False
        self._has_collect_error = False
        self._checks: dict[str, CheckKey] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None]:
        """Tell the terminal which checks will run, before any request is sent."""
        for item in session.items:
            declared = item.stash.get(ATTACK, None)
            self._checks[item.nodeid] = (declared.id, parameter_of(item)) if declared else (item.name, None)
        self.console.expect(list(self._checks.values()))
        yield

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show the running check."""
        self.console.starting(self._checks.get(nodeid, (nodeid, None)))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a result as soon as there is one."""
        finding = getattr(report, "uds_finding", None)
        if finding is not None:
            self.console.result(finding)

    @pytest.hookimpl
    def pytest_keyboard_interrupt(self) -> None:
        """Show that the run is ending, which may take as long as the ECU's delay."""
        self.console.interrupted()

    @pytest.hookimpl
    def pytest_exception_interact(
        self, call: pytest.CallInfo[object], report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Keep where a file of checks raised, which pytest leaves out when it prints nothing."""
        error = call.excinfo
        if isinstance(report, pytest.CollectReport) and error and not isinstance(error.value, pytest.Collector.CollectError):
            report.longrepr = error.getrepr(style="short")

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say which file of checks cannot be read, and why."""
        if report.failed:
            self._has_collect_error = True
            print(f"uds-harness: {why_not_collected(report)}", file=sys.stderr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Raise UsageError if a path after `--checks` holds no check."""
        for path in self.options.checks:
            if not self._has_collect_error and not any(item.path.is_relative_to(path.resolve()) for item in items):
                see = "uds-harness docs checks, or for cases: uds-harness docs fuzzing"
                raise pytest.UsageError(f"--checks {path}: there is no check in it; see: {see}")

    @pytest.hookimpl
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that pytest or the harness failed, unless the error's text tells the user enough."""
        self.has_internal_error = not is_foreseen(excinfo.value)


def run_pytest(request: AuditRequest, selection: Sequence[str]) -> int:
    """Run the checks that a request selects, in a pytest that prints nothing itself; return its exit code."""
    settings = Path(__file__).parents[1] / "audit" / "pytest.ini"
    words = ["-c", str(settings), "--rootdir", str(attacks_folder().parent), "-p", "no:cacheprovider", "-s"]
    words += ["-p", "no:randomly"]  # pytest-randomly would shuffle the checks
    words += ["-qq", "--no-header", "--no-summary", "--tb=no", "-o", "console_output_style=classic", *selection]
    plugins = [uds_harness_pytest, request]  # not by name: pytest would read the metadata of all that is installed
    pytest_says = io.StringIO()
    with own_pytest(), contextlib.redirect_stdout(pytest_says):  # results are printed by the console, in its own form
        try:
            code = int(pytest.main([*words, str(attacks_folder()), *map(str, request.options.checks)], plugins=plugins))
        finally:
            request.console.end()
    if code not in range(6) or request.has_internal_error:
        print(pytest_says.getvalue(), file=sys.stderr)
    return code
