"""Prove that the limit for wrong keys is tried with all kinds of keys, places, states and acts, and the culprit is named."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.opening import open_tester
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.measurements.key_kinds import BLANK
from harness.runs.findings import Finding
from harness.target import Target, load_target, shipped_targets
from harness.testing import run_checks
from harness.verdict import Depth, Severity, Verdict
from tests.variants import with_changes

NODES = Path(__file__).with_name("uneven_counts.py")
ROWS = ("SA-09", "SA-11", "SA-14", "SA-15", "SA-19", "SA-36")


def target_of(factory: str) -> Target:
    target = load_target(shipped_targets()["hardened"])
    return replace(target, can=replace(target.can, channel=f"{NODES}:{factory}"))


def findings(target: Target, *rows: str, depth: Depth = Depth.DEFAULT) -> dict[str, Finding]:
    """Return the findings of some checks on level 1 of the ECU, by id."""
    shipped = shipped_functions()
    found = run_checks([shipped[row] for row in rows], target, depth=depth)
    return {one.id: one for one in found if one.parameter in (None, "level 0x01", "DID 2020")}


@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.DEFAULT])
@pytest.mark.parametrize(
    ("factory", "check", "what"),
    [
        ("FirstByteRightIsFree", "SA-09", "a key whose first byte is right"),
        ("SameAgainIsFree", "SA-09", "the same wrong key again"),
        ("BeginningWithZeroIsFree", "SA-09", "a key that begins with 00"),
        ("SuppressedIsFree", "SA-36", "keys with the suppress bit"),
        ("BesideOtherLevelIsFree", "SA-15", "while level 0x03 is open"),
        ("clearing_codes_clears", "SA-14", "14 FF FF FF between them"),
        ("suppressed_session_clears", "SA-11", "without an answer between them"),
    ],
)
def test_a_hole_in_the_limit_is_found_and_named(factory: str, check: str, what: str, depth: Depth) -> None:
    found = findings(target_of(factory), *ROWS, depth=depth)
    assert {row for row, one in found.items() if one.verdict is Verdict.FAIL} == {check}
    assert what in found[check].observed


def test_a_key_that_opens_when_it_comes_again_is_no_fault_of_the_count() -> None:
    found = findings(target_of("SameAgainOpens"), "SA-09", "SA-31")
    assert found["SA-09"].verdict is Verdict.PASS
    assert found["SA-31"].verdict is Verdict.FAIL
    assert "the same wrong key again" in found["SA-31"].observed


@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.DEFAULT])
def test_a_key_of_blank_memory_is_tried_before_the_first_right_one(depth: Depth) -> None:
    found = findings(target_of("BlankKeyOpens"), "SA-09", "SA-31", "SA-32", depth=depth)
    assert (found["SA-31"].verdict, found["SA-32"].verdict) == (Verdict.PASS, Verdict.FAIL)


@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.DEFAULT])
@pytest.mark.parametrize(
    ("factory", "cause"),
    [("TesterPresentShortensTheDelay", "3E 00"), ("SilenceEndsTheDelay", "6 s without any request")],
)
def test_what_shortens_a_delay_is_found_and_named(factory: str, cause: str, depth: Depth) -> None:
    found = findings(target_of(factory), "SA-16", depth=depth)
    assert found["SA-16"].verdict is Verdict.FAIL
    assert cause in found["SA-16"].observed


def test_a_limit_that_is_said_a_second_time_without_a_delay_is_seen() -> None:
    assert findings(target_of("DelayOnce"), "SA-20")["SA-20"].verdict is Verdict.FAIL


def test_an_empty_key_without_a_seed_is_tried() -> None:
    found = findings(target_of("OpensWithoutAnything"), "SA-21", depth=Depth.QUICK)["SA-21"]
    assert (found.verdict, found.severity) == (Verdict.FAIL, Severity.CRITICAL)
    assert "no key at all" in found.observed


def test_on_a_simulated_ecu_the_delay_of_an_hour_is_measured() -> None:
    target = target_of("hour_of_delay")
    target = replace(target, security=tuple(replace(entry, delay_s=3600.0) for entry in target.security))
    found = findings(target, *ROWS, "SA-16")
    assert {one.verdict for one in found.values()} == {Verdict.PASS}
    assert any("delay: 360" in note for note in found["SA-16"].notes)


@pytest.mark.parametrize(
    "variant", ["one_attempt", "ten_attempts", "one_counter", "one_try_after_delay", "boot_delay", "busy_at_times"]
)
def test_a_sound_limit_holds_in_each_row(variant: str) -> None:
    """An ECU that is busy at times is sent another key in place of the one that it did not compare."""
    found = findings(with_changes("hardened", variant), *ROWS)
    assert {one.verdict for one in found.values()} == {Verdict.PASS}


def test_an_ecu_that_needs_a_breath_between_seed_and_key_is_judged() -> None:
    found = findings(target_of("NeedsABreath"), *ROWS, "SA-16", "SA-25", "SA-31", "SA-32", depth=Depth.QUICK)
    assert {one.verdict for one in found.values()} == {Verdict.PASS}


@pytest.mark.parametrize("depth", [Depth.QUICK, Depth.DEFAULT])
def test_a_pause_after_each_key_is_no_delay_that_has_become_short(depth: Depth) -> None:
    found = findings(with_changes("hardened", "pause_after_wrong_key"), "SA-20", "SA-23", depth=depth)
    assert not {one.verdict for one in found.values()} & {Verdict.FAIL, Verdict.INCONCLUSIVE}


def test_each_kind_of_key_comes_once_and_nothing_is_sent_twice() -> None:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    measure = Measurements(tester, Depth.QUICK)
    tester.prove_keys()
    measure.attempts(0x01)
    book = measure.key_book(0x01)
    assert not book.has_uncounted_kinds
    assert {"the same wrong key again", "a key that begins with 00", "a key whose first byte is right"} <= set(book.sent)
    kinds = {**book.kinds.changed(Depth.QUICK), **book.kinds.trivial()}
    sent, before = set(book.sent) & set(kinds), tester.security.wrong_keys_sent
    measure.simple_keys(0x01)
    assert sent
    assert tester.security.wrong_keys_sent - before == len(set(book.kinds.trivial()) - (sent - set(BLANK)))


def test_lockouts_send_the_keys_that_other_checks_want_to_see() -> None:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    measure = Measurements(tester, Depth.QUICK)
    tester.prove_keys()
    measure.attempts(0x01)
    book = measure.key_book(0x01)
    before = len(book.sent)
    tester.restore()
    locked = tester.guesses.lock_out(0x01)
    assert locked.holds
    assert len(book.sent) == before + locked.wrong_keys


def test_a_key_that_opens_while_it_serves_another_check_costs_that_check_nothing() -> None:
    """The inverted seed is among the first keys to be tried, and is sent where any wrong key would do."""
    found = findings(with_changes("hardened", "key_is_inverted_seed"), "SA-09", "SA-16", "SA-17", "SA-32", depth=Depth.QUICK)
    verdicts = {row: one.verdict for row, one in found.items()}
    assert verdicts.pop("SA-32") is Verdict.FAIL
    assert set(verdicts.values()) == {Verdict.PASS}
    assert any("begun again" in note for one in found.values() for note in one.notes)
