"""Prove the verdicts on frugal ECUs, sedans, trucks and wrecks, which were written independently of the checks.

The tables say what each ECU is and which checks must fail on it.
"""

import io
from functools import cache
from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from .stranger import STRANGERS, Stranger, accused, missed, shown, with_verdict

CHECKS = {
    *("SA-01", "SA-09", "SA-21", "SA-22", "SA-24", "SA-25", "SA-32", "SA-39"),
    *("AC-01", "AC-02", "AC-13", "ST-01", "CF-01", "CF-02", "TP-12", "TP-15"),
}
"""The checks for which these ECUs were written; some ECUs that are sound here have flaws for other checks."""

TAKES_LONG = {"spins-on-key-without-seed", "spins-on-unsupported"}
"""ECUs that spin for seconds of processor time until the watchdog ends them; they are run by hand only."""

KEY_FUNCTION_AT_FAULT = {"raising-key", "text-key"}
"""ECUs on which `error` is the right verdict, since the target's key function is at fault."""

DECIDES_ALL = {"frugal", "sedan", "truck", "one-try", "ten-tries", "only-programming", "crowded", "pending", "slow"}
"""Sound ECUs with every hook and a key, on which no check may be inconclusive."""


SOUND = STRANGERS["frugal sound"] + STRANGERS["sedan sound"]
FLAWED = sum((STRANGERS[f"{family} {kind}"] for kind in ("flawed", "broken") for family in ("frugal", "sedan")), ())
BY_NAME = {one.name: one for one in SOUND + FLAWED}


def audit(stranger: Stranger, *only: str, trace: Trace | None = None) -> list[Finding]:
    """Run the sixteen checks, or some of them, on one ECU; return the results."""
    functions = [function for check, function in shipped_functions().items() if check in (only or CHECKS)]
    findings = run_checks(functions, stranger.target, depth=Depth.DEFAULT, trace=trace)
    assert {one.id for one in findings} == set(only or CHECKS)
    return findings


@cache
def whole(name: str) -> list[Finding]:
    """The results of the sixteen checks, which several tests of one ECU look at."""
    return audit(BY_NAME[name])


def each(strangers: tuple[Stranger, ...], *marks: pytest.MarkDecorator) -> list[Any]:
    return [pytest.param(one, id=one.name, marks=marks) for one in strangers if one.name not in TAKES_LONG]


def test_each_stranger_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(SOUND + FLAWED)


@pytest.mark.parametrize("stranger", each(SOUND))
def test_a_sound_stranger_is_not_accused(stranger: Stranger) -> None:
    findings = whole(stranger.name)
    assert not shown(with_verdict(findings, Verdict.FAIL, Verdict.ERROR, Verdict.NOT_RUN))
    if stranger.name in DECIDES_ALL:
        assert not shown(with_verdict(findings, Verdict.INCONCLUSIVE))


NAMED = tuple(one for one in FLAWED if one.must_fail)
UNNAMED = tuple(one for one in FLAWED if not one.must_fail)


@pytest.mark.parametrize("stranger", each(NAMED))
def test_a_flaw_is_found(stranger: Stranger) -> None:
    """`make test` runs only the checks that must find the flaw, since the others take longer."""
    findings = audit(stranger, *set().union(*stranger.wanted))
    assert not missed(stranger, findings), shown(findings)


@pytest.mark.parametrize("stranger", [*each(UNNAMED), *each(NAMED, pytest.mark.thorough)])
def test_a_flaw_is_found_and_nothing_else(stranger: Stranger) -> None:
    findings = whole(stranger.name)
    errors = [] if stranger.name in KEY_FUNCTION_AT_FAULT else with_verdict(findings, Verdict.ERROR)
    assert not shown(missed(stranger, findings)), "missed"
    assert not shown(accused(stranger, findings)), "accused of what it has not"
    assert not shown(errors)


def test_a_suspect_key_function_costs_one_attempt_only() -> None:
    log = io.StringIO()
    trace = Trace()
    trace.write_to(log)
    findings = audit(BY_NAME["wrong-key"], trace=trace)
    assert log.getvalue().count("#037F2735") == 1
    assert "#037F2736" not in log.getvalue()
    assert any("key function suspect" in one.reason for one in findings)


@pytest.mark.parametrize("name", ["frugal", "static-uncounted", "seeds-of-session"])
def test_a_check_alone_says_what_it_says_in_the_whole_audit(name: str) -> None:
    among_others = whole(name)
    for check in ("SA-01", "SA-09", "SA-32"):
        assert shown(audit(BY_NAME[name], check)) == shown(one for one in among_others if one.id == check)
