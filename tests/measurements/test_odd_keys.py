"""Prove that keys and locks are judged by effects: odd answers do not mislead the checks, and are noticed."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding
from harness.target import load_target, shipped_targets
from harness.testing import run_checks
from harness.verdict import Verdict

NODES = Path(__file__).with_name("odd_keys.py")
ROWS = (
    "SA-09",
    "SA-10",
    "SA-11",
    "SA-12",
    "SA-14",
    "SA-16",
    "SA-17",
    "SA-18",
    "SA-19",
    "SA-22",
    "SA-25",
    "SA-32",
    "SA-41",
    "CF-07",
)
"""Checks that need wrong keys to be compared, or the right key to be accepted."""


def findings(factory: str, *rows: str) -> dict[str, Finding]:
    """Return the findings of some checks on level 1 of the ECU, by id."""
    target = load_target(shipped_targets()["hardened"])
    target = replace(target, can=replace(target.can, channel=f"{NODES}:{factory}"))
    shipped = shipped_functions()
    of_level_1 = (None, "level 0x01", "DID 2020")
    return {one.id: one for one in run_checks([shipped[row] for row in rows], target) if one.parameter in of_level_1}


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("wrong_key_33", "0x33"),
        ("wrong_key_10", "0x10"),
        ("wrong_key_22", "0x22"),
        ("wrong_key_31", "0x31"),
        ("wrong_key_13", "0x13"),
        ("wrong_key_silent", "silence"),
        ("wrong_key_malformed", "27 35"),
        ("wrong_key_claimed", "67 02"),
    ],
)
def test_wrong_keys_that_are_refused_oddly_are_judged_on_every_row(factory: str, said: str) -> None:
    found = findings(factory, *ROWS)
    assert {row: found[row].verdict for row in ROWS if row != "CF-07"} == dict.fromkeys(ROWS[:-1], Verdict.PASS)
    assert found["CF-07"].verdict is Verdict.FAIL
    assert said in found["CF-07"].observed


@pytest.mark.parametrize("factory", ["FirstWrongKeyNotReady", "DelaySays22"])
def test_an_ecu_that_says_for_a_while_that_it_is_not_ready_is_judged(factory: str) -> None:
    found = findings(factory, *ROWS)
    assert {row: finding.verdict for row, finding in found.items()} == dict.fromkeys(ROWS, Verdict.PASS)


def test_a_right_key_that_is_answered_oddly_is_right_if_it_opens() -> None:
    found = findings("RightKeyMalformed", *ROWS, "CF-10", "FZ-04", "ST-01")
    assert {row: found[row].verdict for row in (*ROWS, "FZ-04", "ST-01")} == dict.fromkeys(
        (*ROWS, "FZ-04", "ST-01"), Verdict.PASS
    )
    assert found["CF-10"].verdict is Verdict.FAIL


def test_zero_seeds_of_a_locked_level_are_the_finding_and_the_audit_goes_on_with_the_key() -> None:
    found = findings("ZeroSeeds", *ROWS, "SA-07")
    assert {row: found[row].verdict for row in ROWS} == dict.fromkeys(ROWS, Verdict.PASS)
    assert found["SA-07"].verdict is Verdict.FAIL


def test_an_ecu_that_takes_any_key_fails_for_one_cause() -> None:
    found = findings("any_key_opens", "SA-09", "SA-22", "SA-31")
    assert [finding.verdict for finding in found.values()] == [Verdict.FAIL] * 3
    assert {found[row].cause for row in ("SA-09", "SA-22")} == {"a wrong key opens level 0x01"}


def test_what_an_effect_has_proved_stands_though_it_does_not_happen_again() -> None:
    found = findings("second_wrong_key_opens", "SA-09")
    assert found["SA-09"].verdict is Verdict.FAIL
    assert "what the level guards was done" in found["SA-09"].observed
    assert "seen in 1 of 2 tries: an effect has proved it" in found["SA-09"].notes
