"""Prove that levels share lockouts and waits if one does not affect the other, and that this hides nothing."""

from collections.abc import Iterator

import pytest

from harness.audit.catalogue import shipped_functions
from harness.ecu.flaws import FLAWS
from harness.runs.findings import Finding
from harness.simulation.simulated_link import SimulatedLink
from harness.tester.tester import Tester
from harness.testing import open_ecu, run_checks, target_of
from harness.verdict import Depth, Verdict
from tests.unseen.ecu import TABLES
from tests.unseen.score import audit
from tests.variants import with_changes

CHECKS = shipped_functions()
LEVELS = (0x01, 0x03)


@pytest.fixture
def _as_on_a_real_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checks save time, as they do on a real bus, where time costs something."""
    monkeypatch.setattr(SimulatedLink, "is_virtual", False)


@pytest.fixture
def locked_out() -> Iterator[Tester]:
    """Level 01 of the hardened ECU, just locked out; the keys of both levels are known to be right."""
    with open_ecu() as tester:
        tester.prove_keys()
        tester.restore()
        tester.guesses.lock_out(0x01)
        yield tester


def audited(ids: list[str], profile: str = "hardened", depth: Depth = Depth.QUICK) -> list[Finding]:
    return run_checks([CHECKS[id] for id in ids], target_of(profile), depth=depth)


def seconds(findings: list[Finding]) -> float:
    return sum(finding.duration_s for finding in findings)


def verdicts(findings: list[Finding], id: str) -> set[Verdict]:
    return {finding.verdict for finding in findings if finding.id == id}


@pytest.mark.usefixtures("_as_on_a_real_bus")
@pytest.mark.parametrize(("depth", "most_s"), [(Depth.QUICK, 95.0), (Depth.DEFAULT, 230.0)])
def test_rows_of_wrong_keys_of_two_levels_wait_for_the_same_delays(depth: Depth, most_s: float) -> None:
    findings = audited(["SA-09", "SA-10", "SA-11", "SA-14"], depth=depth)
    assert {finding.verdict for finding in findings} == {Verdict.PASS}
    assert seconds(findings) < most_s, "one level after the other takes half as much again, or twice as much"


@pytest.mark.usefixtures("_as_on_a_real_bus")
def test_what_a_lockout_must_not_affect_is_tried_for_two_levels_in_the_same_delays() -> None:
    findings = audited(["SA-09", "SA-16", "SA-17", "SA-19", "SA-41"])
    assert {finding.verdict for finding in findings} == {Verdict.PASS}
    assert seconds([finding for finding in findings if finding.id != "SA-09"]) < 95.0


@pytest.mark.usefixtures("_as_on_a_real_bus")
def test_sessions_end_unasked_while_a_delay_runs() -> None:
    alone = audited(["ST-04"])
    beside = audited(["SA-09", "ST-04"])
    assert {finding.verdict for finding in beside} == {Verdict.PASS}
    assert seconds([finding for finding in beside if finding.id == "ST-04"]) < seconds(alone) / 2
    assert seconds(beside) < seconds(audited(["SA-09"])) + seconds(alone) / 2


@pytest.mark.parametrize("name", ["tester_present_revives_session", "tester_present_ends_s3", "tester_present_from_any_id"])
def test_a_session_that_goes_on_is_found_while_a_delay_runs(name: str) -> None:
    assert "ST-04" in FLAWS[name].kills
    assert verdicts(audited(["SA-09", "ST-04"], f"hardened+{name}"), "ST-04") == {Verdict.FAIL}


def test_another_level_is_asked_in_the_delay_of_the_first(locked_out: Tester) -> None:
    begun_s = locked_out.link.now_s
    locked_out.restore(for_level=0x03)
    assert locked_out.state.serves_during_delay(0x01, 0x03)
    assert locked_out.security.unlock(0x03).key
    assert locked_out.link.now_s - begun_s < 2.0
    locked_out.restore()
    locked_out.session_for(0x01)
    assert locked_out.security.request_seed(0x01).is_seed, "without a level all delays are waited for"


def test_a_delay_is_waited_for_as_long_as_it_still_runs(locked_out: Tester) -> None:
    begun_s = locked_out.link.now_s
    locked_out.wait(8.0)
    locked_out.session_for(0x01)
    assert locked_out.security.seed(0x01)
    assert 10.0 < locked_out.link.now_s - begun_s < 11.0


def test_a_delay_that_locks_all_levels_is_waited_for() -> None:
    target = with_changes("hardened", "one_counter")
    findings = run_checks([CHECKS[id] for id in ("SA-09", "SA-16", "SA-41")], target)
    assert {finding.verdict for finding in findings} == {Verdict.PASS}


@pytest.mark.parametrize(("name", "id", "depth"), [
    ("reads_refused_in_delay", "SA-41", Depth.QUICK),
    ("delay_ended_by_other_level", "SA-19", Depth.QUICK),
    ("delay_lost_at_reset", "SA-17", Depth.QUICK),
    ("locked_for_ever", "SA-41", Depth.DEFAULT),
    ("delay_short_after_reset", "SA-17", Depth.DEFAULT),
])  # fmt: skip
def test_a_flaw_of_both_levels_is_found_at_each(name: str, id: str, depth: Depth) -> None:
    found = [finding for finding in audited([id], f"hardened+{name}", depth) if finding.verdict is Verdict.FAIL]
    assert [finding.parameter for finding in found] == [f"level 0x{level:02X}" for level in LEVELS]


def test_the_seed_that_was_answered_last_is_tried_in_the_delay_before_another_level_is_asked() -> None:
    (ecu,) = [one for ecus in TABLES.values() for one in ecus if one.name == "last-seed-good-in-the-delay"]
    score = audit(ecu, "states", only=["SA-16"])
    assert Verdict.FAIL in {finding.verdict for finding in score.findings}
