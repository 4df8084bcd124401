"""Prove that simple keys are tried if no key function is given; a key that works is a finding, and serves the checks."""

from dataclasses import replace

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding
from harness.target import Target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from ..variants import LEVEL_1, with_changes


def without_keys(*changes: str, **safety: object) -> Target:
    target = with_changes("hardened-article-key", *changes)
    levels = tuple(replace(entry, key=None, secret=None) for entry in target.security)
    return replace(target, security=levels, safety=replace(target.safety, **safety))  # type: ignore[arg-type]


def findings(target: Target, *ids: str, depth: Depth = Depth.DEFAULT) -> dict[str, Finding]:
    functions = shipped_functions()
    found = run_checks([functions[one] for one in ids], target, depth=depth)
    return {finding.id: finding for finding in found if finding.parameter in (None, "level 0x01", "DID 2020")}


@pytest.mark.parametrize(
    ("flaw", "what"),
    [
        ("default_key", "is refused as a key"),
        ("key_is_inverted_seed", "the seed inverted is refused as a key"),
        ("key_is_crc_of_seed", "CRC-32 of the seed is refused as a key"),
    ],
)
def test_a_key_that_is_found_is_a_critical_finding_and_serves_the_checks_that_need_one(flaw: str, what: str) -> None:
    found = findings(without_keys(flaw), "SA-32", "SA-33", "AC-01", "ST-01")
    assert found["SA-32"].verdict is Verdict.FAIL
    assert found["SA-32"].severity == "critical"
    assert found["SA-32"].expected.endswith(what)
    assert found["SA-32"].exchanges[-1].outcome.startswith("positive 67 02")
    assert found["SA-33"].verdict is Verdict.INCONCLUSIVE
    assert "beside the ECU's own" in found["SA-33"].reason
    assert found["AC-01"].verdict is Verdict.PASS
    assert found["ST-01"].verdict is Verdict.PASS


def test_without_a_key_that_is_simple_the_checks_say_that_one_is_missing() -> None:
    found = findings(without_keys(), "SA-32", "AC-01")
    assert found["SA-32"].verdict is Verdict.PASS
    assert found["SA-32"].notes[-1] == "67 of 68 simple keys were compared and refused"
    assert found["AC-01"].verdict is Verdict.INCONCLUSIVE
    assert "no key function" in found["AC-01"].reason


def test_no_key_is_tried_for_checks_that_send_no_wrong_ones() -> None:
    found = findings(without_keys("default_key"), "AC-01")
    assert found["AC-01"].verdict is Verdict.INCONCLUSIVE
    assert "no key function" in found["AC-01"].reason


def test_no_key_is_tried_where_wrong_keys_are_not_allowed() -> None:
    found = findings(without_keys("default_key", allow=frozenset({"write"})), "SA-32", "AC-01")
    assert found["SA-32"].verdict is Verdict.NOT_RUN
    assert found["AC-01"].verdict is Verdict.INCONCLUSIVE


def test_trying_ends_with_the_budget_of_wrong_keys() -> None:
    found = findings(without_keys("key_is_crc_of_seed", wrong_keys=20), "SA-32", "AC-01")
    assert found["SA-32"].verdict is Verdict.NOT_RUN
    assert "budget of wrong keys" in found["SA-32"].reason
    assert found["AC-01"].verdict is Verdict.INCONCLUSIVE


def test_on_an_ecu_that_cannot_be_locked_again_the_checks_that_need_the_lock_come_first() -> None:
    target = without_keys("default_key", "no_sessions", allow=frozenset({"lockout", "write"}))
    target = replace(target, reset=replace(target.reset, uds=None, power=None, command=None))
    found = findings(target, "AC-01", "SA-32")
    assert found["SA-32"].verdict is Verdict.FAIL
    assert found["AC-01"].verdict is Verdict.PASS


def test_which_of_two_levels_opens_what_was_found_is_learnt_by_their_keys() -> None:
    target = with_changes("hardened-article-key")
    data = tuple(
        replace(entry, origin="found", write=LEVEL_1) if entry.did in (0x2020, 0x3030) else entry for entry in target.data
    )
    functions = shipped_functions()
    found = run_checks([functions["AC-01"], functions["ST-01"]], replace(target, data=data))
    assert {(one.id, one.parameter, one.verdict.value) for one in found} == {
        *((check, f"DID {did}", "pass") for check in ("AC-01", "ST-01") for did in ("2020", "3030")),
        ("AC-01", "DID 2A2A", "pass"),  # read with the level only
    }
