"""Prove the verdicts on limousines, a family of rich ECUs written independently of the checks.

The tables say what each ECU is and which checks must fail on it.
"""

from functools import cache
from typing import Any

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from .stranger import STRANGERS, Stranger, accused, missed, shown, with_verdict

SAMPLED = (
    *("bit-masked", "plain-bit-masked", "last-byte-ignored", "dies-on-half-faults", "key-off-keeps-session"),
    *("locks-for-good", "slower-and-slower", "slowed-by-foreign", "soft-reset-forgives", "soft-reset-keeps-open"),
    *("delay-overflows", "poor-pool"),
)
"""Flaws that a quick audit does not try, but one at default depth does."""

RARE = ("wrong-deep-key-opens", "locks-wrap")
"""Flaws that only a deep audit finds; only the checks that must find them are run so."""

SOUND, FLAWED, BROKEN = (STRANGERS[f"limousine {kind}"] for kind in ("sound", "flawed", "broken"))
BY_NAME = {one.name: one for one in SOUND + FLAWED + BROKEN}


def audit(stranger: Stranger, *only: str) -> list[Finding]:
    """Run all checks, or some of them, on one ECU; return the results."""
    depth = Depth.DEFAULT if stranger.name in SAMPLED else Depth.QUICK
    if stranger.name in RARE:
        depth, only = Depth.DEEP, tuple(set().union(*stranger.wanted))
    functions = [function for check, function in shipped_functions().items() if not only or check in only]
    return run_checks(functions, stranger.target, depth=depth)


@cache
def whole(name: str) -> list[Finding]:
    """The results of all checks, which several tests of one ECU look at."""
    return audit(BY_NAME[name])


def each(strangers: tuple[Stranger, ...], in_make_test: int = 1) -> list[Any]:
    """Return ECUs as test parameters; `make test` tries one in so many, `make thorough` all of them."""
    parameters = []
    for number, one in enumerate(sorted(strangers, key=lambda one: one.name)):
        marks = [pytest.mark.thorough] if number % in_make_test else []
        parameters.append(pytest.param(one, id=one.name, marks=marks))
    return parameters


def test_each_limousine_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(SOUND + FLAWED + BROKEN)


@pytest.mark.parametrize("stranger", each(SOUND, in_make_test=4))
def test_a_sound_limousine_is_not_accused(stranger: Stranger) -> None:
    assert not shown(with_verdict(whole(stranger.name), Verdict.FAIL, Verdict.ERROR))


@pytest.mark.parametrize("stranger", [one for one in each(FLAWED) if one.values[0].must_fail])
def test_a_flaw_is_found(stranger: Stranger) -> None:
    """`make test` runs only the checks that must find the flaw, since the others take longer."""
    findings = audit(stranger, *set().union(*stranger.wanted))
    assert {one.id for one in findings} == set().union(*stranger.wanted)
    assert not missed(stranger, findings), shown(findings)


@pytest.mark.thorough
@pytest.mark.parametrize("stranger", each(FLAWED + BROKEN))
def test_a_flaw_is_found_and_nothing_else(stranger: Stranger) -> None:
    findings = whole(stranger.name)
    assert not shown(missed(stranger, findings)), "missed"
    assert not shown(accused(stranger, findings)), "accused of what it has not"
    assert not shown(with_verdict(findings, Verdict.ERROR))


ALONE = {
    "bit-masked": ("SA-31",),
    "delay-short-after-reset": ("SA-17",),
    "long-thinker": ("TP-15", "SA-12"),
    "slow-memory": ("DS-04",),
    "nothing-between": ("SA-09",),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_check_alone_says_what_it_says_in_the_whole_audit(name: str) -> None:
    for check in ALONE[name]:
        alone = audit(BY_NAME[name], check)
        among_others = [one for one in whole(name) if one.id == check]
        assert [one.verdict for one in alone] == [one.verdict for one in among_others], shown([*alone, *among_others])


@pytest.mark.parametrize("name", ["nothing-between"])
def test_a_right_key_that_comes_out_of_turn_makes_no_key_function_suspect(name: str) -> None:
    assert not shown(one for one in whole(name) if "key function suspect" in one.reason)
