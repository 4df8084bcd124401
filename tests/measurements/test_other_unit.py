"""Prove how the key of one unit is tried on another: with a recording, or on a second unit of the simulated bus."""

from dataclasses import replace
from pathlib import Path

import pytest

from attacks.exposure.test_shared_secret import test_another_unit_has_another_secret as check
from harness.ecu.config import of_another_unit
from harness.ecu.profiles import HARDENED
from harness.errors import UserError
from harness.measurements.other_unit import read_pairs
from harness.runs.findings import Finding
from harness.target import Target, load_target
from harness.testing import run_checks

from ..variants import with_changes

SEED = bytes(range(16))


def verdicts(target: Target) -> list[Finding]:
    return run_checks([check], target)


def recorded(folder: Path, *keys: bytes) -> Target:
    lines = [f"0x01 {SEED.hex()} {key.hex()}  # from the other bench" for key in keys]
    (folder / "other.pairs").write_text("\n".join(["# level seed key", "", *lines]))
    target = load_target("hardened")
    return replace(target, observe=replace(target.observe, other_unit=str(folder / "other.pairs")))


def test_the_simulated_units_differ_unless_a_flaw_makes_them_alike() -> None:
    assert {one.verdict.value for one in verdicts(load_target("hardened"))} == {"pass"}
    assert {one.verdict.value for one in verdicts(with_changes("hardened", "same_secret_in_every_unit"))} == {"fail"}
    assert {one.verdict.value for one in verdicts(with_changes("hardened", "other_unit"))} == {"pass"}


def test_recorded_pairs_are_compared(tmp_path: Path) -> None:
    own, other = HARDENED.levels[0].key(SEED, 1), of_another_unit(HARDENED.levels[0]).key(SEED, 1)
    first, second = verdicts(recorded(tmp_path, other))
    assert (first.verdict.value, second.verdict.value) == ("pass", "inconclusive"), "there is no pair of level 3"
    first, _ = verdicts(recorded(tmp_path, other, own))
    assert first.verdict.value == "fail"
    assert first.observed == "1 of 2 do"


def test_one_unit_is_no_proof() -> None:
    assert {one.verdict.value for one in verdicts(load_target("article"))} == {"inconclusive"}


@pytest.mark.parametrize("line", ["0x01 55", "01 5 5", "0x01 zz 00", "0x01 55 66 77"])
def test_a_line_that_is_no_pair_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "other.pairs"
    path.write_text(f"\n{line}\n")
    with pytest.raises(UserError, match=r"other\.pairs:2: give level, seed and key"):
        read_pairs(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_pairs(tmp_path / "none")
