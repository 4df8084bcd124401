"""Prove that the random walk is silent on sound ECUs, and notices each deviation from the state machine."""

from __future__ import annotations

import pytest

from attacks.fuzz.test_state_walk import test_the_ecu_follows_the_state_machine as check
from harness.ecu.variants import VARIANTS
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
