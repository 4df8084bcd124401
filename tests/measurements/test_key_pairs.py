"""Prove how pairs of seed and key are collected: pairs that opened the level, and recorded ones."""

import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.opening import open_tester
from harness.errors import Inconclusive, UserError
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.measurements.pairs import read_pairs
from harness.runs.findings import Finding
from harness.target import Target, load_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

SEEDS = [bytes((number, 7 * number & 0xFF, 0x5A, number ^ 0x33)) for number in range(1, 6)]


def with_pairs(path: Path, base: str = "hardened", **changes: object) -> Target:
    target = load_target(base)
    levels = tuple(replace(entry, pairs=str(path), **changes) for entry in target.security)  # type: ignore[arg-type]
    return replace(target, security=levels)


def file_of(folder: Path, *lines: str) -> Path:
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def sa_33(target: Target) -> list[Finding]:
    return run_checks([shipped_functions()["SA-33"]], target)


def test_a_file_has_a_pair_a_line(tmp_path: Path) -> None:
    path = file_of(tmp_path, "# recorded in the workshop", "A83A63B3C1,5EF739B0", "", " 0000000000 , 6c791af4  # zero")
    assert read_pairs(load_target("article"), str(path)) == (
        (bytes.fromhex("A83A63B3C1"), bytes.fromhex("5EF739B0")),
        (bytes(5), bytes.fromhex("6C791AF4")),
    )


def test_a_relative_path_starts_at_the_target_file(tmp_path: Path) -> None:
    file_of(tmp_path, "01,02")
    assert read_pairs(replace(load_target("article"), path=tmp_path / "my.toml"), "pairs.csv") == ((b"\x01", b"\x02"),)


@pytest.mark.parametrize("line", ["A83A", "A83A,", "A83A,5E,F7", "seed,key", "A8 3,00", ","])
def test_a_line_that_is_no_pair_is_told_before_anything_is_sent(tmp_path: Path, line: str) -> None:
    target = with_pairs(file_of(tmp_path, "01,02", line))
    with pytest.raises(UserError, match="line 2 is no pair"):
        open_tester(target, seed=1, trace=Trace(), ledger_path=None)


def test_a_missing_file_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        open_tester(with_pairs(tmp_path / "none.csv"), seed=1, trace=Trace(), ledger_path=None)


def test_recorded_pairs_are_enough_without_a_key_function(tmp_path: Path) -> None:
    path = file_of(tmp_path, *(f"{seed.hex()},{zlib.crc32(seed):08x}" for seed in SEEDS))
    findings = sa_33(with_pairs(path, key=None, secret=None))
    assert {finding.verdict for finding in findings} == {Verdict.FAIL}
    assert "checksum" in findings[0].observed


def test_two_recorded_pairs_are_too_few(tmp_path: Path) -> None:
    path = file_of(tmp_path, *(f"{seed.hex()},{zlib.crc32(seed):08x}" for seed in SEEDS[:2]))
    assert {finding.verdict for finding in sa_33(with_pairs(path, key=None, secret=None))} == {Verdict.INCONCLUSIVE}


def test_three_unlocks_are_seen_and_the_key_function_gives_the_rest() -> None:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    pairs = Measurements(tester, Depth.QUICK).pairs(1)
    assert len(pairs.seen) == 3
    assert len(pairs.computed) > 129
    assert all(tester.security.right_key(1, seed) == key for seed, key in pairs.all)
    assert tester.security.wrong_keys_sent == 0


def test_a_key_function_elsewhere_is_asked_a_few_times_only() -> None:
    target = load_target("hardened")
    levels = tuple(replace(entry, key="command: printf 00", secret=None) for entry in target.security)
    tester = open_tester(replace(target, security=levels), seed=1, trace=Trace(), ledger_path=None)
    tester.security.level(1).pairs[b"\x01"] = b"\x00"
    tester.security.level(1).pairs[b"\x02"] = b"\x00"
    tester.security.level(1).pairs[b"\x03"] = b"\x00"
    assert len(Measurements(tester, Depth.QUICK).pairs(1).computed) == 4


def test_without_key_and_file_there_are_no_pairs() -> None:
    target = load_target("hardened")
    levels = tuple(replace(entry, key=None, secret=None) for entry in target.security)
    tester = open_tester(replace(target, security=levels), seed=1, trace=Trace(), ledger_path=None)
    with pytest.raises(Inconclusive, match="no key function"):
        Measurements(tester, Depth.QUICK).pairs(1)
