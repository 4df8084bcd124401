"""Prove that the checks of seeds find each flaw's true cause, and nothing else."""

from dataclasses import replace

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding
from harness.target import Target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from ..variants import with_changes

CHECKS = shipped_functions()


def judged(target: Target, *ids: str, depth: Depth = Depth.QUICK) -> dict[str, Finding]:
    """Return the finding of each check, on level 1 only."""
    target = replace(target, security=target.security[:1])
    return {finding.id: finding for finding in run_checks([CHECKS[one] for one in ids], target, depth=depth, seed=1)}


@pytest.mark.parametrize("flaw", ["zero_seed_at_times", "seed_renewed_each_fifth_time", "seed_renewed_each_second"])
def test_a_record_is_not_blamed_for_what_comes_without_it_too(flaw: str) -> None:
    found = judged(with_changes("hardened", "record_ignored", flaw), "SA-38")
    assert found["SA-38"].verdict is Verdict.PASS


def test_a_record_that_fixes_the_seed_is_blamed_beside_zeros_that_come_anyway() -> None:
    found = judged(with_changes("hardened", "seed_made_of_record"), "SA-38")
    assert found["SA-38"].verdict is Verdict.FAIL
    assert "requests without it between them give others" in found["SA-38"].observed


@pytest.mark.parametrize("flaw", ["constant_seed", "seed_renewed_each_second", "seed_renewed_each_fifth_time"])
def test_restarts_are_not_blamed_for_seeds_that_come_again_without_them(flaw: str) -> None:
    found = judged(with_changes("hardened", flaw), "SA-01", "SA-05")
    assert found["SA-01"].verdict is Verdict.FAIL
    assert found["SA-05"].verdict is Verdict.INCONCLUSIVE
    assert "without a restart too" in found["SA-05"].reason


@pytest.mark.parametrize(
    "flaw", ["cycling_seeds", "lfsr_seed_by_session", "rand_seeded_by_time", "uptime_seed", "seed_unready_at_first"]
)
def test_restarts_are_blamed_for_seeds_that_they_bring_back(flaw: str) -> None:
    assert judged(with_changes("hardened", flaw), "SA-05")["SA-05"].verdict is Verdict.FAIL


def test_zero_seeds_that_come_at_times_are_the_finding_and_stop_no_other_check() -> None:
    ids = ("SA-01", "SA-02", "SA-03", "SA-04", "SA-05", "SA-06", "SA-07")
    found = judged(with_changes("hardened", "zero_seed_at_times"), *ids)
    assert {one for one in ids if found[one].verdict is Verdict.FAIL} == {"SA-07"}
    assert {found[one].verdict for one in ids} == {Verdict.PASS, Verdict.FAIL}


@pytest.mark.parametrize("flaw", ["seed_renewed_each_second", "seed_renewed_each_fifth_time"])
def test_a_seed_that_its_key_does_not_end_fails(flaw: str) -> None:
    found = judged(with_changes("hardened", flaw), "SA-01")["SA-01"]
    assert found.verdict is Verdict.FAIL
    assert "one that was answered came again" in found.observed


def test_a_seed_held_in_its_session_is_not_passed_where_nothing_could_be_tried_on_it() -> None:
    found = judged(with_changes("hardened", "held_seed_of_session"), "SA-01")["SA-01"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "comes with each session" in found.reason


def test_generators_that_the_clock_starts_are_found_without_a_restart() -> None:
    for flaw in ("rand_seeded_at_each_request", "rand_seeded_by_session"):
        target = with_changes("hardened", flaw)
        target = replace(target, safety=replace(target.safety, allow=frozenset({"write", "lockout"})))
        found = judged(target, "SA-04")["SA-04"]
        assert found.verdict is Verdict.FAIL, flaw
        assert "rand() of the C standard" in found.observed


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        ("half_of_seed_masked", "bytes 8-15 are bytes 0-7 XOR 88 BB FD F3 31 F4 1C 51"),
        ("half_of_seed_added", "bytes 8-15 are bytes 0-7 plus 88BBFDF331F41C51, read big-endian"),
        ("half_of_seed_looked_up", "byte 8 is a function of byte 0"),
        ("seed_mostly_uptime", "are a clock of 1000 ticks a second"),
        ("seed_mostly_counted", "bytes 12-13 are a counter that goes up by 1"),
    ],
)
def test_a_seed_of_which_parts_follow_is_said_to_be_so(flaw: str, words: str) -> None:
    found = judged(with_changes("hardened", flaw), "SA-02", "SA-06")
    assert found["SA-02"].verdict is Verdict.FAIL
    assert words in found["SA-02"].observed
    is_enough = flaw.startswith("half")
    assert found["SA-06"].verdict is (Verdict.PASS if is_enough else Verdict.FAIL)
    if not is_enough:
        assert words in found["SA-06"].observed


def test_a_seed_of_which_little_is_left_to_guess_is_foretold() -> None:
    found = judged(with_changes("hardened", "seed_mostly_counted"), "SA-03")["SA-03"]
    assert found.verdict is Verdict.FAIL
    assert "to within 2^16 values" in found.observed
    assert judged(with_changes("hardened", "seed_mostly_uptime"), "SA-03")["SA-03"].verdict is Verdict.PASS


def test_what_is_left_of_a_seed_decides_how_bad_it_is() -> None:
    half = judged(with_changes("hardened", "half_of_seed_masked"), "SA-02")["SA-02"]
    mostly = judged(with_changes("hardened", "seed_mostly_counted"), "SA-02")["SA-02"]
    assert (half.severity, mostly.severity) == ("low", "high")


def test_seeds_of_two_lengths_are_judged_for_each() -> None:
    found = judged(with_changes("hardened", "seeds_of_two_lengths"), "SA-02", "SA-03", "SA-04", "SA-06")
    assert {finding.verdict for finding in found.values()} == {Verdict.PASS}
    notes = " ".join(found["SA-02"].notes)
    assert "seeds of 16 bytes" in notes
    assert "seeds of 8 bytes" in notes
    assert "seeds of 64 bits" in " ".join(found["SA-06"].notes)


def test_seeds_of_few_bits_are_judged_by_two_samples_together() -> None:
    found = judged(with_changes("hardened", "seed_of_sixteen_bits"), "SA-01", depth=Depth.DEFAULT)["SA-01"]
    assert found.verdict is Verdict.FAIL
    assert "with a second sample" in found.observed
