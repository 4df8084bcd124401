"""Prove that reports/sample/ contains what the harness makes today of the shipped ECUs."""

import re

import pytest

from ..samples import COMMANDS, FILES, FOLDER, files_of
from .auditing import Done

STALE = "reports/sample/ is not what the code gives: run `make samples`, and look at what changed"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_kept_sample_is_what_comes_of_a_run_today(name: str, request: pytest.FixtureRequest) -> None:
    done: Done = request.getfixturevalue(name)
    page = (FOLDER / name / "audit.html").read_text(encoding="utf-8")
    for path, text in files_of(name, done.run):
        is_current = path.is_file() and path.read_text(encoding="utf-8") == text
        assert is_current, f"{path.name}: {STALE}"
    linked = {name for _, text in files_of(name, done.run) for name in re.findall(r"audit\.html#([\w-]+)", text)}
    assert [anchor for anchor in linked if f'id="{anchor}"' not in page] == []


def test_a_sample_holds_nothing_but_its_reports() -> None:
    for name, files in FILES.items():
        assert {path.name for path in (FOLDER / name).iterdir()} == set(files)


def test_the_samples_are_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*/*")) < 3_000_000
