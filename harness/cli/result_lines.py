"""Show one result on a terminal: in a single line, or with its evidence and the command that repeats it."""

import sys
from typing import Final

from harness.cli.wrapping import WIDTH, command_lines, first_line, flat, has_colour, labelled, width_of, wrapped
from harness.report.decode import service_name
from harness.report.text import bytes_of, shown_hex
from harness.runs.findings import Finding
from harness.verdict import Severity, Verdict

LONGEST_REQUEST: Final = 24
"""The largest number of bytes of a request that are shown."""
MOST_REQUESTS: Final = 3

ID_WIDTH: Final = 6
SEVERITY_WIDTH: Final = max(len(severity) for severity in Severity) + 2
VERDICT_WIDTH: Final = max(len(verdict) for verdict in Verdict) + 2
_COLOURS: Final = {
    Verdict.PASS: "32", Verdict.FAIL: "1;31", Verdict.ERROR: "1;35",
    Verdict.INCONCLUSIVE: "33", Verdict.NOT_APPLICABLE: "2", Verdict.NOT_RUN: "2",
}  # fmt: skip


def result_lines(finding: Finding, *, colour: bool = False, width: int = WIDTH) -> list[str]:
    """Return one line for the result; below a failure also request, expected, observed, and the command that repeats it.

    Every other verdict except pass adds the result's reason. No part of an ECU's answer can leave its line, or reach the
    terminal as a control sequence.
    """
    lines = _headline(finding, colour, width)
    if finding.verdict is Verdict.FAIL:
        lines += labelled("severity", f"{finding.severity} ({finding.basis})", width)
        if finding.accepted:
            lines += labelled("accepted", finding.accepted, width)
        if finding.exchanges:
            lines += labelled("request", _requests(finding), width)
        lines += labelled("expected", finding.expected, width)
        lines += labelled("observed", finding.observed, width)
        lines += command_lines("repeat", finding.repeat, width)
    elif finding.verdict is not Verdict.PASS:
        lines += labelled("reason", first_line(finding.reason), width)
        if finding.verdict is Verdict.ERROR:
            lines += command_lines("repeat", finding.repeat, width)
    return lines


def print_result(finding: Finding) -> None:
    """Print what `result_lines` says of a result, as wide and as coloured as standard output allows."""
    lines = result_lines(finding, colour=has_colour(sys.stdout), width=width_of(sys.stdout))
    print("\n".join(lines), flush=True)


def finding_lines(finding: Finding, *, colour: bool = False, width: int = WIDTH) -> list[str]:
    """Return a failure, or an error with its reason, in a line: ``fail  high  SA-09  No limit on wrong keys``."""
    word = painted(finding.verdict, colour, width=SEVERITY_WIDTH - 3)
    what = named(finding)
    if finding.verdict is Verdict.ERROR:
        severity, what = "", f"{what}: {flat(first_line(finding.reason), 200)}"
    else:
        severity = finding.severity.value + (", accepted" if finding.accepted else "")
    prefix = SEVERITY_WIDTH - 3 + SEVERITY_WIDTH
    first, *others = wrapped(f"{severity:<{SEVERITY_WIDTH}}{what}", width - SEVERITY_WIDTH + 3, width - prefix)
    return [word + first, *(" " * prefix + line for line in others)]


def named(finding: Finding) -> str:
    """Return a result's id, heading and parameter."""
    parameter = "" if finding.parameter is None else f" [{flat(finding.parameter, 120)}]"
    return f"{flat(finding.id, 80):<{ID_WIDTH}} {flat(finding.heading, 300)}{parameter}"


def painted(verdict: Verdict, colour: bool, *, width: int = VERDICT_WIDTH) -> str:
    """Return the padded verdict, with colour added to the word, so that the text reads the same without colour."""
    padding = " " * (width - len(verdict))
    return f"\x1b[{_COLOURS[verdict]}m{verdict}\x1b[0m{padding}" if colour else f"{verdict}{padding}"


def _headline(finding: Finding, colour: bool, width: int) -> list[str]:
    indent = VERDICT_WIDTH + ID_WIDTH + 1
    first, *others = wrapped(named(finding), width - VERDICT_WIDTH, width - indent)
    return [painted(finding.verdict, colour) + first, *(" " * indent + line for line in others)]


def _requests(finding: Finding) -> str:
    """Return the last requests of the evidence, the decisive request at the end."""
    last = [exchange.request for exchange in finding.exchanges[-MOST_REQUESTS:]]
    texts = [shown_hex(request, LONGEST_REQUEST) for request in last]
    data = bytes_of(last[-1])
    name = service_name(data[0]) if data else None
    more = "… " if len(finding.exchanges) > MOST_REQUESTS else ""
    return f"{more}{'; '.join(texts)}" + (f" ({name})" if name else "")
