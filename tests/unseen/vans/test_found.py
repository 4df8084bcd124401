"""Prove that verdicts on undescribed ECUs are right."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.buses import open_bus_of
from harness.discovery.discover import discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.target import Target, load_text, unknown_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict
from tests.audit.auditing import uds_harness
from tests.unseen.vans import nodes_found

ACCUSING = (Verdict.FAIL, Verdict.ERROR)
CHECKS = shipped_functions()

SOUND = {
    "Closed": (),
    "HigherIncludesLower": ("SA-32",),
    "EitherLevel": ("SA-32",),
    "InPlantMode": (),
    "OtherLengthsUncounted": (),
    "OneByteKeys": (),
    "DeniesFirst": (),
    "LongDelay": (),
    "LongBoot": (),
    "KnownUpstairs": ("SA-32",),
}
"""By sound ECU: the checks that may fail on it all the same."""

FLAWED = [
    ("OpensOnce", "SA-32", "the seed is refused"),
    ("StaysOpen", "SA-32", "the seed is refused"),
    ("StaysOpen", "ST-01", "protected after entering the default session"),
    ("LockedForGood", "SA-41", "a seed within 10 delays"),
    ("AnnouncedOnly", "SA-16", "no seed at first"),
    ("NoDelayBeforeTheLimit", "SA-18", "0x37 after a wrong key and ECUReset"),
    ("UnguardedInProgramming", "AC-15", "DID 2020, declared nowhere, in session 0x02"),
    ("TwelveTries", "SA-09", "after at most 10 wrong keys"),
    ("OpensWhenWrong", "SA-39", "locked after a wrong key"),
]


@cache
def found(name: str) -> Target:
    """Return the target that discovery makes for an ECU."""
    target = unknown_target(interface="uds-sim", channel=f"{Path(nodes_found.__file__)}:{name}")
    link = open_bus_of(target, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        (one,) = discover(link, target, candidates=[(0x700, False)], depth=Depth.QUICK).ecus
    finally:
        link.close()
    return load_text(one.text, name)


def audit(name: str, *ids: str) -> list[Finding]:
    return run_checks([CHECKS[one] for one in ids or CHECKS], found(name))


def accusations(findings: list[Finding]) -> dict[str, str]:
    return {one.id: f"{one.expected}: {one.observed}{one.reason}" for one in findings if one.verdict in ACCUSING}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_ecu_is_accused_of_nothing(name: str) -> None:
    findings = audit(name)
    accused = {check: what for check, what in accusations(findings).items() if check not in SOUND[name]}
    assert not accused
    assert sum(one.verdict is Verdict.PASS for one in findings) > 40


@pytest.mark.parametrize(("name", "check", "said"), FLAWED)
def test_a_flaw_is_seen(name: str, check: str, said: str) -> None:
    assert said in accusations(audit(name, "SA-32", check)).get(check, "")


def test_a_rule_is_told_from_one_that_often_gives_the_same_key() -> None:
    findings = run_checks([CHECKS["SA-32"], CHECKS["AC-01"]], found("Turned"), depth=Depth.DEFAULT)
    assert accusations(findings)["SA-32"].startswith("the seed rotated right by 1 is refused")
    assert {one.verdict for one in findings if one.id == "AC-01"} == {Verdict.PASS}


def test_seeds_of_an_ecu_that_a_wrong_key_opens_are_not_called_constant() -> None:
    assert set(accusations(audit("OpensWhenWrong"))) & {"SA-01", "SA-39"} == {"SA-39"}


def test_the_length_that_counts_is_found_where_all_are_answered_alike() -> None:
    (level, _) = audit("OtherLengthsUncounted", "SA-09")
    assert level.verdict is Verdict.PASS
    assert any("keys having 16 bytes; those of 8 are not counted" in note for note in level.notes), level.notes


def test_trying_simple_keys_first_leaves_wrong_keys_to_other_checks() -> None:
    target = found("Closed")
    frugal = replace(target, safety=replace(target.safety, wrong_keys=40))
    findings = run_checks([CHECKS["SA-09"], CHECKS["SA-32"]], frugal)
    assert {one.verdict for one in findings if one.id == "SA-09"} == {Verdict.PASS}


def test_the_time_to_boot_is_measured_from_an_ecu_that_goes_on_for_a_moment() -> None:
    assert found("LongBoot").reset.boot_s == pytest.approx(4.0, abs=0.3)


def test_what_tells_the_session_is_no_data_to_watch() -> None:
    assert [entry.did for entry in found("DeniesFirst").data if entry.volatile] == [nodes_found.SESSION]


def test_written_cases_know_that_a_level_may_include_another(tmp_path: Path) -> None:
    channel = f"{nodes_found.__name__}:HigherIncludesLower"
    words = ("--request-id", "0x700", "--depth", "quick", "--seed", "1", "-k", "write-through-another-level or SA-32")
    done = uds_harness("audit", "--interface", "uds-sim", "--channel", channel, *words, cwd=tmp_path)
    assert done.verdicts["SA-32"] == "fail", done.explain()
    assert done.verdicts["fuzz/write-through-another-level"] != "fail", done.explain()
