"""Prove that the random walk finds nothing on sound ECUs, and notices each deviation from the state machine."""

import pytest

from attacks.fuzz.test_state_walk import test_the_ecu_follows_the_state_machine as check
from harness.audit.opening import open_tester
from harness.ecu.variants import VARIANTS
from harness.fuzz.hunt import Hunt
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.testing import run_checks
from harness.verdict import Depth, Severity, Verdict

from ..variants import with_changes

OPEN_DOORS = (
    "unlock_survives_default_session",
    "unlock_survives_reset",
    "seed_kept_after_wrong_key",
    "old_key_accepted",
    "wrong_key_unlocks",
    "malformed_key_unlocks",
    "unprotected_while_seed_pending",
)


def walk(*changes: str, base: str = "hardened", depth: Depth = Depth.QUICK, seed: int = 1) -> Finding:
    (finding,) = run_checks([check], with_changes(base, *changes), depth=depth, seed=seed)
    return finding


@pytest.mark.parametrize("base", ["hardened", "hardened-article-key"])
@pytest.mark.parametrize("seed", range(2, 8))
def test_a_sound_ecu_stays_within_the_model(base: str, seed: int) -> None:
    finding = walk(base=base, seed=seed)
    assert finding.verdict is Verdict.PASS, finding.observed


@pytest.mark.parametrize("name", VARIANTS)
def test_no_benign_variant_is_accused(name: str) -> None:
    finding = walk(name, seed=2)
    assert finding.verdict in (Verdict.PASS, Verdict.INCONCLUSIVE), finding.observed


@pytest.mark.parametrize("name", OPEN_DOORS)
def test_an_open_door_is_found_and_is_serious(name: str) -> None:
    finding = walk(name, depth=Depth.DEFAULT)
    assert finding.verdict is Verdict.FAIL
    assert finding.severity is Severity.HIGH
    assert "a write is effective" in finding.observed
    assert "the last steps" in finding.observed


def test_a_wrong_answer_alone_is_a_matter_of_conformance() -> None:
    finding = walk("fresh_seed_when_unlocked")
    assert finding.verdict is Verdict.FAIL
    assert finding.severity is Severity.LOW


def test_without_sessions_and_resets_the_article_deviates() -> None:
    assert walk(base="article").verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("name", "seed", "shown"),
    [
        ("unprotected_while_seed_pending", 1, "10 02 | 27 03"),
        ("malformed_key_unlocks", 2, "10 02 | 27 01 | 27 02 …"),
    ],
)
def test_a_hunt_makes_a_finding_of_a_walk_that_opens_the_ecu_without_a_right_key(name: str, seed: int, shown: str) -> None:
    tester = open_tester(with_changes("hardened", name), seed=seed, trace=Trace(), ledger_path=None)
    tester.restore()
    result = Hunt(tester, Chance(seed)).run(1)
    assert [(found.row, found.what, found.shown) for found in result.found] == [("FZ-04", "lock 2020", shown)]
    assert result.is_open
    tester.link.close()


def test_a_walk_that_used_a_right_key_is_told_and_makes_no_finding() -> None:
    tester = open_tester(with_changes("hardened", "unlock_survives_reset"), seed=1, trace=Trace(), ledger_path=None)
    tester.restore()
    result = Hunt(tester, Chance(1)).run(1)
    assert (result.found, result.not_reproduced, result.is_open) == ([], [], True)
    tester.link.close()
