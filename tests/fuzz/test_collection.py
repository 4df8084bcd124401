"""Prove that case files and decorated functions anywhere below the audited folder become results, or stop the run."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ..audit.auditing import Done, run_pytest
from .playing import write_case

PYTHON_CASE = """
from harness import fuzz_case

@fuzz_case(id="in-python", why="Reads are answered.", expect={expect!r})
def reads(target, chance):
    for entry in target.data:
        if entry.read.kind == "open":
            yield bytes((0x22,)) + entry.did.to_bytes(2, "big")
"""


def pytest_in(folder: Path, *arguments: str) -> Done:
    return run_pytest("-q", "--import-mode=importlib", *arguments, cwd=folder)


def audit(folder: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    done = pytest_in(folder, "--uds-target", "hardened", "--uds-seed", "1", "--uds-out", "out", "--uds-force", *arguments)
    return done.code, json.loads((folder / "out" / "audit.json").read_text()), done.out + done.err


def run_in(found: dict[str, Any]) -> list[str]:
    return [result["id"] for result in found["results"] if result["verdict"] != "not_run"]


def test_a_file_in_a_folder_named_cases_is_all_that_it_takes(tmp_path: Path) -> None:
    path = write_case(tmp_path)
    code, found, _ = audit(tmp_path)
    (result,) = found["results"]
    assert (code, result["id"], result["verdict"], result["title"]) == (0, "fuzz/one", "pass", "Because")
    assert result["repeat"].endswith("-k fuzz/one")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert sha256(path.read_bytes()).hexdigest() in json.dumps(manifest)


def test_a_function_is_collected_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="positive"))
    code, found, _ = audit(tmp_path)
    assert (code, [result["id"] for result in found["results"]]) == (0, ["fuzz/in-python"])


def test_one_case_is_selected_by_its_id(tmp_path: Path) -> None:
    path = write_case(tmp_path, id='"write-odd-length"', send='"2E 20 {00..FF}"', expect='"negative 13|31|33"')
    path.write_text(path.read_text() + path.read_text().replace("write-odd-length", "another"))
    code, found, text = audit(tmp_path, "-k", "fuzz/write-odd-length")
    assert (code, run_in(found)) == (0, ["fuzz/write-odd-length"]), text
    code, found, _ = audit(tmp_path, "cases/one.toml::fuzz/another")
    assert (code, run_in(found)) == (0, ["fuzz/another"])


def test_a_failure_makes_exit_code_1_and_shows_both_sides(tmp_path: Path) -> None:
    write_case(tmp_path, expect='"negative 31"')
    code, found, text = audit(tmp_path)
    assert (code, found["results"][0]["verdict"]) == (1, "fail")
    assert "expected  negative 0x31 requestOutOfRange" in text
    assert "observed  positive 62 10 10 FF" in text


def test_a_malformed_file_is_one_line_and_exit_code_4_and_nothing_is_sent(tmp_path: Path) -> None:
    write_case(tmp_path, send='"2E 2"')
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="positive"))
    code, found, text = audit(tmp_path)
    assert (code, found["results"]) == (4, [])
    assert (tmp_path / "out" / "bus.log").read_text() == ""
    assert 'cases/one.toml: case #1 (one): send is "2E 2"; "2" is half a byte; give two hex digits per byte' in text
    assert "Traceback" not in text


def test_a_malformed_decorator_is_one_line_and_exit_code_4(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="negative|13"))
    code, found, text = audit(tmp_path)
    assert (code, found["results"]) == (4, [])
    assert 'test_mine.py:4: @fuzz_case in-python: expect is "negative|13"; "13" follows no list of codes' in text
    assert "Traceback" not in text


def test_a_case_that_is_too_large_for_the_target_is_refused(tmp_path: Path) -> None:
    write_case(tmp_path, send='"22 {did} {0000..7FFF}"')
    code, _, text = audit(tmp_path)
    assert code == 4
    assert "that is 196608 messages" in text


def test_an_id_that_two_files_give_is_refused(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "more").mkdir()
    write_case(tmp_path / "more")
    code, found, text = audit(tmp_path)
    assert (code, found["results"]) == (4, []), text
    assert "two checks have the id fuzz/one" in text


def test_a_run_with_the_same_seed_puts_the_same_frames_on_the_bus(tmp_path: Path) -> None:
    write_case(tmp_path, send='"27 {level+1} {0..20*}"', state='"seed pending"')
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="positive"))
    audit(tmp_path)
    first = (tmp_path / "out" / "bus.log").read_bytes()
    audit(tmp_path)
    assert (tmp_path / "out" / "bus.log").read_bytes() == first


def test_other_test_runs_know_nothing_of_case_files(tmp_path: Path) -> None:
    write_case(tmp_path, send='"2E 2"')
    (tmp_path / "test_plain.py").write_text("def test_nothing(): pass\n")
    done = pytest_in(tmp_path)
    assert done.code == 0, done.explain()
    assert "1 passed" in done.out


def test_cases_can_be_listed_without_an_ecu(tmp_path: Path) -> None:
    write_case(tmp_path)
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="positive"))
    done = pytest_in(tmp_path, "--uds-target", "hardened", "--collect-only")
    assert done.code == 0, done.explain()
    assert "cases/one.toml::fuzz/one" in done.out
    assert "test_mine.py::fuzz/in-python" in done.out


@pytest.mark.parametrize("option", [[], ["--collect-only"]])
def test_a_case_without_an_ecu_is_wrong_use(tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "test_mine.py").write_text(PYTHON_CASE.format(expect="positive"))
    done = pytest_in(tmp_path, *option)
    assert done.code == (0 if option else 4), done.explain()
