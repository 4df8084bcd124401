"""Print an audit on a terminal: a line for each result, the check that is running, and the summary."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TextIO

import pytest

from harness.audit import REQUEST
from harness.audit.catalogue import why_not_collected
from harness.audit.contact import NOT_BEGUN
from harness.audit.items import ATTACK, is_foreseen
from harness.audit.requirements import attacks_folder
from harness.audit.session import AuditOptions
from harness.report.as_pytest import own_pytest
from harness.report.conclusion import DESELECTED, answer, causes, closing_line, in_a_sentence, interruption, warnings
from harness.report.decode import service_name
from harness.report.groups import Anchors, grouped
from harness.report.text import bytes_of, shown, shown_hex, visible
from harness.runs.findings import Finding, Run
from harness.runs.folder import AUDIT_HTML
from harness.verdict import Severity, Verdict

WIDTH: Final = 80
LONGEST_VALUE: Final = 600
LONGEST_REQUEST: Final = 24
"""In bytes."""

MOST_REQUESTS: Final = 3
FIX_FIRST: Final = 8

_LABEL: Final = 10
_NOT_JUDGED: Final = (Verdict.NOT_APPLICABLE, Verdict.NOT_RUN)
_VERDICT: Final = max(len(verdict) for verdict in Verdict) + 2
_COLOURS: Final = {
    Verdict.PASS: "32", Verdict.FAIL: "1;31", Verdict.ERROR: "1;35",
    Verdict.INCONCLUSIVE: "33", Verdict.NOT_APPLICABLE: "2", Verdict.NOT_RUN: "2",
}  # fmt: skip


def result_lines(finding: Finding, *, colour: bool = False, width: int = WIDTH, has_reason: bool = True) -> list[str]:
    """Return one line for the result; below a failure also request, expected, observed, and how to repeat it.

    All other verdicts except pass add their reason; without `has_reason` only those of checks that were run. No part of
    an ECU's answer can leave its line, or reach the terminal as a control sequence.
    """
    lines = _headline(finding, colour, width)
    if finding.verdict is Verdict.FAIL:
        lines += _labelled("severity", f"{finding.severity} ({finding.basis})", width)
        if finding.accepted:
            lines += _labelled("accepted", finding.accepted, width)
        if finding.exchanges:
            lines += _labelled("request", _requests(finding), width)
        lines += _labelled("expected", finding.expected, width)
        lines += _labelled("observed", finding.observed, width)
        lines += _command("repeat", finding.repeat, width)
    elif finding.verdict is not Verdict.PASS and (has_reason or finding.verdict not in _NOT_JUDGED):
        lines += _labelled("reason", finding.reason, width)
        if finding.verdict is Verdict.ERROR:
            lines += _command("repeat", finding.repeat, width)
    return lines


def summary_lines(run: Run, *, colour: bool = False, width: int = WIDTH) -> list[str]:
    """Return the counts, the findings by severity and the warnings of a run; the last line is the number of findings."""
    lines = [line for text in warnings(run) for line in (*_hanging("! ", text, width), "")]
    left_out = sum(finding.reason == DESELECTED for finding in run.with_verdict(Verdict.NOT_RUN))
    for verdict in Verdict:
        if count := len(run.with_verdict(verdict)) - (left_out if verdict is Verdict.NOT_RUN else 0):
            accepted = f", {len(run.accepted())} of them accepted" if verdict is Verdict.FAIL and run.accepted() else ""
            lines.append(f"{_painted(verdict, colour)}{count:>5}{accepted}")
    if left_out:
        lines.append(f"{'left out':<{_VERDICT}}{left_out:>5} by the selection")
    if any(finding.verdict is not Verdict.NOT_RUN for finding in run.findings):
        lines += ["", *_hanging("", answer(run), width)]
    if failures := run.failures():
        lines += ["", "What to mend first"]
        for group in grouped(failures, anchors=Anchors())[:FIX_FIRST]:
            lines += _hanging(f"  {group.severity:<{_LABEL}}", f"{_flat(group.ids, 60)} {_flat(group.title, 200)}", width)
        lines += ["", "Findings by severity"]
        for severity in Severity:
            ids = [finding.id for finding in failures if finding.severity is severity]
            if ids:
                lines += _hanging(f"  {severity:<{_LABEL}}{len(ids):>3}  ", ", ".join(_counted(ids)), width)
    for cause, findings in causes(run):
        names = ", ".join(_counted([finding.id for finding in findings]))
        lines += ["", *_hanging("", f"One cause, {cause}: {names}", width)]
    decided = any(finding.verdict is not Verdict.NOT_RUN for finding in run.findings)
    said = [interruption(run.info), *run.info.remarks, "" if decided else in_a_sentence(run)]
    for text in filter(None, said):
        lines += ["", *_hanging("", text, width)]
    return [*lines, "", *_hanging("", closing_line(run), width)]


def _headline(finding: Finding, colour: bool, width: int) -> list[str]:
    parameter = "" if finding.parameter is None else f" [{_flat(finding.parameter, 120)}]"
    text = f"{_flat(finding.id, 80):<6} {_flat(finding.heading, 300)}{parameter}"
    first, *others = _wrapped(text, width - _VERDICT, width - _VERDICT - 7)
    return [_painted(finding.verdict, colour) + first, *(" " * (_VERDICT + 7) + line for line in others)]


def _painted(verdict: Verdict, colour: bool) -> str:
    """Return the verdict, padded; colour is only added to the word, so that the text reads the same without."""
    padding = " " * (_VERDICT - len(verdict))
    return f"\x1b[{_COLOURS[verdict]}m{verdict}\x1b[0m{padding}" if colour else f"{verdict}{padding}"


def _requests(finding: Finding) -> str:
    """Return the last requests of the evidence, the decisive one at the end."""
    last = [exchange.request for exchange in finding.exchanges[-MOST_REQUESTS:]]
    texts = [shown_hex(request, LONGEST_REQUEST) for request in last]
    data = bytes_of(last[-1])
    name = service_name(data[0]) if data else None
    more = "… " if len(finding.exchanges) > MOST_REQUESTS else ""
    return f"{more}{'; '.join(texts)}" + (f" ({name})" if name else "")


def _labelled(label: str, text: str, width: int) -> list[str]:
    return _hanging(f"    {label:<{_LABEL}}", shown(text, LONGEST_VALUE), width) if text else []


def _hanging(prefix: str, text: str, width: int) -> list[str]:
    """Wrap the text behind a prefix; further lines are indented to the text's beginning."""
    shown_text = shown(text, LONGEST_VALUE * 4).expandtabs(4)
    room = width - len(prefix)
    lines = [line for paragraph in shown_text.split("\n") for line in _wrapped(paragraph, room, room)]
    return [((" " * len(prefix) if number else prefix) + line).rstrip() for number, line in enumerate(lines)]


def _command(label: str, command: str, width: int) -> list[str]:
    """Wrap a command so that it can be copied: lines that go on end with a backslash, no quoted word is broken."""
    if not command:
        return []
    prefix = f"    {label:<{_LABEL}}"
    lines = [""]
    for word in _shell_words(_flat(command, LONGEST_VALUE)):
        if lines[-1] and _columns(f"{lines[-1]} {word} \\") > width - len(prefix):
            lines[-1] += " \\"
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [(" " * len(prefix) if number else prefix) + line for number, line in enumerate(lines)]


def _shell_words(command: str) -> Iterable[str]:
    """Split the command at spaces outside quotes; keep the quotes."""
    word, quote = "", ""
    for character in command:
        if character == " " and not quote:
            if word:
                yield word
            word = ""
            continue
        if character in "'\"" and quote in ("", character):
            quote = "" if quote else character
        word += character
    if word:
        yield word


def _wrapped(text: str, first: int, others: int) -> list[str]:
    """Wrap at spaces to so many columns; a longer word is broken."""
    lines, line, room = [], "", first
    for word in text.split(" "):
        if line and _columns(line) + 1 + _columns(word) > room:
            lines.append(line)
            line, room = "", others
        line = f"{line} {word}" if line else word
        while _columns(line) > room:
            end = _fitting(line, room)
            lines.append(line[:end])
            line, room = line[end:], others
    return [*lines, line]


def _fitting(text: str, room: int) -> int:
    """Return how many characters fit into so many columns; at least one."""
    used = 0
    for index, character in enumerate(text):
        used += _columns(character)
        if used > room:
            return max(index, 1)
    return len(text)


def _columns(text: str) -> int:
    """Return how wide a terminal shows the text: East Asian wide characters take two columns."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def _flat(text: str, limit: int) -> str:
    """Put the text on one line, cut to `limit`."""
    return shown(text, limit).replace("\n", "\\n").replace("\t", "\\t")


def _counted(ids: Sequence[str]) -> list[str]:
    """Return each id once, with how often it failed."""
    times = {one: ids.count(one) for one in ids}
    return [_flat(one, 80) + (f" ({count} times)" if count > 1 else "") for one, count in times.items()]


CLEAR_LINE = "\r\x1b[K"


class TerminalOutput:
    """Prints results. A terminal also shows, on a line that is overwritten, the running check and how many are left.

    If the output is closed it prints nothing more: the audit goes on, and its report is written.
    """

    def __init__(self, out: TextIO, *, verbosity: int = 0) -> None:
        """`verbosity`: below 0 only the summary is printed; above 0 also why something was not run."""
        self._out = out
        self._verbosity = verbosity
        self.folder: Path | None = None
        """The folder of the run, once that has ended."""
        self._is_terminal = out.isatty()
        self.is_there = self._is_terminal and sys.stdin is not None and sys.stdin.isatty()
        """Whether somebody reads the messages, and can act."""
        self._total = 0
        self._done = 0
        self._not_begun: list[Finding] = []

    def expect(self, total: int) -> None:
        """Set how many results there will be."""
        self._total = total

    def starting(self, name: str) -> None:
        """Show which check is running."""
        if self._is_terminal and self._verbosity >= 0:
            self._write(CLEAR_LINE + visible(f"[{self._done + 1}/{self._total}] {name}")[: WIDTH - 1])

    def result(self, finding: Finding) -> None:
        """Print one result. Results that only say that the ECU was lost are collected, and printed together."""
        self._done += 1
        if finding.reason.startswith(NOT_BEGUN):
            self._not_begun.append(finding)
            return
        self._tell_not_begun()
        if self._verbosity >= 0:
            lines = result_lines(finding, colour=self._is_terminal, has_reason=self._verbosity > 0)
            self._write("\n".join([self._cleared(), *lines, ""]).lstrip("\n"))

    def summary(self, run: Run, folder: str) -> None:
        """Print the summary, and where the report is."""
        self._tell_not_begun()
        self.folder = Path(folder)
        lines = summary_lines(run, colour=self._is_terminal)
        end = len(lines) - lines[::-1].index("")
        lines.insert(end, f"report: {folder}/{AUDIT_HTML}")
        if run.info.interrupted:
            lines.insert(end + 1, f"to make its reports again: uds-harness report {shlex.quote(folder)}")
        self._write(self._cleared() + "\n".join(["", *lines, ""]))

    def say(self, text: str) -> None:
        """Print a message in the middle of the run."""
        self._write(f"{self._cleared()}{visible(text)}\n")

    def heading(self, text: str) -> None:
        """Print what will be done next."""
        if self._verbosity >= 0:
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

    def __init__(self, options: AuditOptions, *, verbosity: int = 0) -> None:
        self.options = options
        self.console = TerminalOutput(sys.stdout, verbosity=verbosity)
        self.has_internal_error = False
        self._has_collect_error = False
        self._names: dict[str, str] = {}

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Set the number of checks."""
        self.console.expect(len(session.items))
        for item in session.items:
            declared = item.stash.get(ATTACK, None)
            self._names[item.nodeid] = f"{declared.id} {declared.title}" if declared else item.name

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show the running check."""
        self.console.starting(self._names.get(nodeid, nodeid))

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print a result as soon as it is there."""
        finding = getattr(report, "uds_finding", None)
        if finding is not None:
            self.console.result(finding)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Say which file of checks cannot be read, and why."""
        if report.failed:
            self._has_collect_error = True
            print(f"uds-harness: {why_not_collected(report)}", file=sys.stderr)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Report a named place that holds no checks as a mistake."""
        for path in self.options.checks:
            if not self._has_collect_error and not any(item.path.is_relative_to(path.resolve()) for item in items):
                see = "uds-harness docs checks, or for cases: uds-harness docs fuzzing"
                raise pytest.UsageError(f"--checks {path}: there is no check in it; see: {see}")

    @pytest.hookimpl
    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that pytest, or the harness, failed."""
        self.has_internal_error = not is_foreseen(excinfo.value)


def run_pytest(request: AuditRequest, selection: Sequence[str]) -> int:
    """Run the checks that a request selects, by a pytest that prints nothing itself; return its exit code."""
    settings = Path(__file__).parents[1] / "audit" / "pytest.ini"
    words = ["-c", str(settings), "--rootdir", str(attacks_folder().parent), "-p", "no:cacheprovider", "-s"]
    words += ["-p", "uds_harness", "-p", "no:randomly"]  # pytest-randomly would shuffle the checks
    words += ["-qq", "--no-header", "--no-summary", "--tb=no", "-o", "console_output_style=classic", *selection]
    pytest_says = io.StringIO()
    with own_pytest(), contextlib.redirect_stdout(pytest_says):  # results are printed by the console, in its own form
        code = int(pytest.main([*words, str(attacks_folder()), *map(str, request.options.checks)], plugins=[request]))
    if code not in range(6) or request.has_internal_error:
        print(pytest_says.getvalue(), file=sys.stderr)
    return code
