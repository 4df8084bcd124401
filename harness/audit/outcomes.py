"""Show verdicts in pytest: as report outcomes, words, and the exit code."""

import pytest

from harness.check import Attack
from harness.report.conclusion import DESELECTED, security_access_unjudged
from harness.report.pytest_html import FINDING
from harness.runs.findings import Finding, Run
from harness.verdict import Verdict

LONGEST_REQUEST = 200
REPORT_ATTRIBUTE = FINDING

_OUTCOME = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.ERROR: "failed"}
_STATUS = {
    Verdict.PASS: ("passed", ".", "PASS"),
    Verdict.FAIL: ("failed", "F", "FAIL"),
    Verdict.ERROR: ("error", "E", "ERROR"),
}


def show(finding: Finding, report: pytest.TestReport) -> None:
    """Copy the finding into a pytest report: an error as an error, an unjudged result as skipped with the reason."""
    setattr(report, REPORT_ATTRIBUTE, finding)
    report.outcome = _OUTCOME.get(finding.verdict, "skipped")  # type: ignore[assignment]
    if finding.verdict is Verdict.PASS:
        report.longrepr = None
    elif finding.verdict is Verdict.FAIL:
        lines = [f"{finding.id} {finding.heading}"]
        lines += [f"  request   {exchange.request[:LONGEST_REQUEST]}" for exchange in finding.exchanges[-1:]]
        lines += [f"  expected  {finding.expected}", f"  observed  {finding.observed}", f"  repeat    {finding.repeat}"]
        report.longrepr = "\n".join(lines)
    elif finding.verdict is Verdict.ERROR:
        report.longrepr = finding.reason
        report.when = "setup"  # pytest and junit tell errors from failures by this
    else:
        path, line, _ = report.location
        report.longrepr = (path, line or 0, f"{finding.verdict.value}: {finding.reason}")


def ended_by_pytest(declared: Attack, parameter: str | None, repeat: str, report: pytest.TestReport) -> Finding:
    """Return the finding of a check that pytest itself skipped, or could not run, e.g. because of an unknown fixture."""
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        return _unjudged(declared, parameter, repeat, Verdict.NOT_RUN, f"skipped: {reason.removeprefix('Skipped: ')}")
    return _unjudged(declared, parameter, repeat, Verdict.ERROR, str(report.longrepr)[:4000])


def left_out(declared: Attack, parameter: str | None, repeat: str, reason: str = DESELECTED) -> Finding:
    """Return the finding of a check that was not begun, because of the user's selection or for the given `reason`."""
    return _unjudged(declared, parameter, repeat, Verdict.NOT_RUN, reason)


def _unjudged(declared: Attack, parameter: str | None, repeat: str, verdict: Verdict, reason: str) -> Finding:
    return Finding(
        id=declared.id,
        title=declared.title,
        failure=declared.failure,
        parameter=parameter,
        verdict=verdict,
        severity=declared.severity,
        basis=declared.basis,
        reason=reason,
        repeat=repeat,
    )


def status(finding: Finding) -> tuple[str, str, str]:
    """Return category, letter and word for pytest's terminal."""
    return _STATUS.get(finding.verdict, ("skipped", "s", finding.verdict.value.upper()))


def exit_code(run: Run, *, has_failed_test: bool = False) -> int:
    """Return the first exit code that applies: 2 interrupted, 3 any error, 1 any failure not accepted, 5 nothing judged, 0.

    5 applies too if SecurityAccess was seen, checks of it were selected, and all those checks ended without pass or fail.
    `has_failed_test`: whether a plain test that ran beside the checks failed.
    """
    verdicts = {finding.verdict for finding in run.findings}
    if run.info.interrupted:
        return 2
    if Verdict.ERROR in verdicts:
        return 3
    if run.failures() or has_failed_test:
        return 1
    if not verdicts & {Verdict.PASS, Verdict.FAIL} or security_access_unjudged(run):
        return 5
    return 0
