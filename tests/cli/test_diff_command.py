"""Prove `uds-harness diff` on two software versions of an ECU, audited one after the other."""

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.target import shipped_targets
from tests.audit.auditing import Done, uds_harness

SELECTED = "SA-09 or SA-22 or SA-24 or CF-01"
HARDENED = shipped_targets()["hardened"].read_text(encoding="utf-8")


def audited(place: Path, software: str) -> Path:
    """Audit one software version of the van."""
    target = place / f"{software}.toml"
    target.write_text(HARDENED.replace('channel = "hardened"', f'channel = "{software}"'), encoding="utf-8")
    words = ("--depth", "quick", "-k", SELECTED, "--seed", "1", "--out", f"run-{software}")
    uds_harness("audit", target, *words, cwd=place)
    return place / f"run-{software}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs that the tests of this file compare."""
    return tmp_path_factory.mktemp("van")


@pytest.fixture(scope="module")
def sound(place: Path) -> Path:
    return audited(place, "hardened")


@pytest.fixture(scope="module")
def flawed(place: Path) -> Path:
    return audited(place, "hardened+no_attempt_limit")


def test_a_software_that_lost_its_lock_is_worse(sound: Path, flawed: Path, place: Path) -> None:
    done = uds_harness("diff", sound, flawed, cwd=place)
    assert done.code == 1, done.explain()
    lines = done.out.splitlines()
    assert "Worse (2)" in lines
    assert "  SA-09  No limit on wrong keys [level 0x01, level 0x03]" in lines
    assert lines[-1].startswith("2 worse; ")
    assert all(len(line) <= 80 for line in lines)


def test_the_other_way_round_it_is_better(sound: Path, flawed: Path, place: Path) -> None:
    done = uds_harness("diff", flawed, sound, cwd=place)
    assert done.code == 0, done.explain()
    assert done.out.splitlines()[-1].startswith("2 better; ")


def test_json_and_html_say_the_same(sound: Path, flawed: Path, place: Path) -> None:
    printed = uds_harness("diff", sound, flawed, "--json", "-", "--html", "diff.html", cwd=place)
    assert printed.code == 1
    document = json.loads(printed.out)
    worse = [(one["id"], one["parameter"]) for one in document["results"] if one["change"] == "worse"]
    assert worse == [("SA-09", "level 0x01"), ("SA-09", "level 0x03")]
    assert document["is_worse"] is True
    page = (place / "diff.html").read_text(encoding="utf-8")
    assert "Worse (2)" in page
    assert "<script" not in page
    written = uds_harness("diff", sound, flawed, "--json", "diff.json", cwd=place)
    assert json.loads((place / "diff.json").read_text()) == document
    assert written.out.startswith("old  hardened: SIMULATED ECU")


def test_a_run_keeps_what_it_needs_to_be_compared(sound: Path) -> None:
    results = {one["id"]: one for one in json.loads((sound / "audit.json").read_text())["results"]}
    assert re.fullmatch("[0-9a-f]{16}", results["SA-09"]["check_version"])
    assert results["SA-09"]["permitted"] == ["lockout"]
    assert results["CF-01"]["permitted"] == ["lockout", "write", "reset"]


def test_strict_stops_at_lost_evidence(sound: Path, place: Path) -> None:
    copy = Path(shutil.copytree(sound, place / "copy"))
    text = (copy / "audit.json").read_text()
    (copy / "audit.json").write_text(text.replace('"verdict": "pass"', '"verdict": "inconclusive"'))
    assert uds_harness("diff", sound, copy, cwd=place).code == 0
    assert uds_harness("diff", sound, copy, "--strict", cwd=place).code == 1


@pytest.mark.parametrize(("file", "text"), [("audit.json", "{"), ("audit.json", '{"schema_version": 9}')])
def test_a_damaged_or_later_run_is_4(file: str, text: str, sound: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(sound, tmp_path / "copy"))
    (copy / file).write_text(text)
    done: Done = uds_harness("diff", sound, copy, cwd=tmp_path)
    assert done.code == 4
    assert done.err.count("\n") == 1


def test_what_cannot_be_written_is_4(sound: Path, tmp_path: Path) -> None:
    done = uds_harness("diff", sound, sound, "--html", tmp_path, cwd=tmp_path)
    assert done.code == 4
    assert "cannot be written" in done.err
