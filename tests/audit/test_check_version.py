"""Prove that a check's version changes if and only if what decides its verdict changes."""

import importlib.util
import itertools
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.check_version import check_version
from harness.audit.fuzzing import check_of
from harness.fuzz.case import read_cases

SOURCE = """
from harness import Severity, attack, fail

LIMIT = 3


@attack(id="MY-1", title="A title", severity=Severity.LOW, basis="policy", source="me", rationale="Why.", remediation="How.")
def test_mine(tester):
    if not in_order(tester):
        fail(expected=f"at most {LIMIT}", observed="more")


def in_order(tester):
    return len(tester.notes) < LIMIT


def nobody_calls_it():
    return 1
"""
CASE = """
[[case]]
id = "one"
why = "A write without data is refused."
send = "2E 20 20"
expect = "negative 13"
"""
number = itertools.count()


def version(folder: Path, change: str = "") -> str:
    """Return the version of the check above, with ``old => new`` replaced in its source."""
    old, _, new = change.partition(" => ")
    assert old in SOURCE
    text = SOURCE.replace(old, new) if change else SOURCE
    path = folder / f"mine_{next(number)}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mine", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return check_version(module.test_mine)


@pytest.mark.parametrize(
    "change",
    [
        "if not in_order => if in_order",
        "LIMIT = 3 => LIMIT = 4",
        "< LIMIT => <= LIMIT",
        "Severity.LOW => Severity.HIGH",
        'basis="policy" => basis="standard"',
        'source="me" => source="me", needs=("lockout",)',
    ],
)
def test_what_decides_a_verdict_makes_another_version(change: str, tmp_path: Path) -> None:
    assert version(tmp_path, change=change) != version(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "A title => Another title",
        "Why. => Because.",
        "return 1 => return 2",
        "LIMIT = 3\n => LIMIT = 3\n\n# a comment, and lines moved\n\n",
    ],
)
def test_words_and_what_it_does_not_use_do_not(change: str, tmp_path: Path) -> None:
    assert version(tmp_path, change=change) == version(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "is_other"),
    [("2E 20 20", "2E 20", True), ("negative 13", "negative 13|31", True), ("why = ", "# a comment\nwhy = ", False)],
)
def test_a_fuzz_case_has_a_version_of_its_own(old: str, new: str, is_other: bool, tmp_path: Path) -> None:
    def case(text: str) -> str:
        path = tmp_path / "cases.toml"
        path.write_text(text, encoding="utf-8")
        return check_version(check_of(read_cases(path)[0]))

    assert (case(CASE.replace(old, new)) != case(CASE)) is is_other


def test_no_two_shipped_checks_have_the_same_version() -> None:
    versions = [check_version(function) for function in shipped_functions().values()]
    assert all(versions)
    assert len(set(versions)) == len(versions)


def test_where_the_source_is_not_known_there_is_no_version() -> None:
    spoken: dict[str, object] = {}
    exec(compile(SOURCE, "<nowhere>", "exec"), spoken)
    assert check_version(spoken["test_mine"]) == ""  # type: ignore[arg-type]
