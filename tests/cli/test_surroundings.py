"""Prove that `uds-harness audit` does not depend on the folder and the pytest settings of its caller."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.runs.folder import differences_to_manifest, read_run
from harness.system import extra_command, own_command

from ..audit.auditing import HANGS_S, uds_harness

WORDS = ["audit", "--out", "run", "-k", "CF-01 or CF-02"]
AUDIT = [sys.executable, "-m", "harness", *WORDS]


def as_ever(place: Path, code: int, errors: str) -> None:
    assert code == 1, errors
    assert errors == ""
    failed = [finding.id for finding in read_run(place / "run").failures()]
    assert sorted(failed) == ["CF-01", "CF-02"]
    assert (place / "run" / "pytest.html").exists()


def audited(place: Path) -> None:
    done = uds_harness(*WORDS, cwd=place)
    as_ever(place, done.code, done.err)


@pytest.mark.parametrize("options", ["-n 2", "--maxfail=1", "-p no:html"])
def test_options_that_the_user_gives_to_every_pytest_are_not_meant(
    options: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", options)
    audited(tmp_path)


def test_a_plugin_that_shuffles_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users of `uds-harness audit` cannot give -p no:randomly, and need not know that pytest runs inside."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "randomly.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "plugins")
    monkeypatch.setenv("PYTEST_PLUGINS", "randomly")
    audited(tmp_path)


def test_it_works_where_pytest_is_told_to_load_no_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds of Linux distributions tell pytest so."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    audited(tmp_path)


def test_settings_of_the_project_around_are_not_meant(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not meant for you')\n")
    audited(tmp_path)


def test_it_works_on_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(AUDIT, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANGS_S)
    as_ever(tmp_path, done.returncode, done.stderr)


def test_a_reader_that_goes_away_does_not_cost_the_report(tmp_path: Path) -> None:
    """After `uds-harness audit | head -1` the run ends with what it measured, and the report is written."""
    process = subprocess.Popen(AUDIT, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("uds-harness audit: article")
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=HANGS_S)
    assert "Traceback" not in said
    assert (tmp_path / "run" / "audit.html").exists()
    assert {finding.id for finding in read_run(tmp_path / "run").failures()} == {"CF-01", "CF-02"}
    assert differences_to_manifest(tmp_path / "run") == []


def test_an_audit_whose_output_nobody_takes_leaves_its_report(tmp_path: Path) -> None:
    """Standard output is closed, or is a full disk."""
    for redirection in (">&-", ">/dev/full"):
        words = ["sh", "-c", f'"$@" {redirection}', "sh", *AUDIT, "--force"]
        done = subprocess.run(words, cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        as_ever(tmp_path, done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_list_that_cannot_be_printed_is_one_line(tmp_path: Path) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        words = [sys.executable, "-m", "harness", "list"]
        done = subprocess.run(words, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4
    assert done.stderr == "uds-harness: the output: No space left on device\n"


def test_suggested_commands_are_called_as_this_one_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bin = tmp_path / ".venv" / "bin"
    bin.mkdir(parents=True)
    (own := bin / "uds-harness").write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/uds-harness", "audit"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert own_command() == ".venv/bin/uds-harness"
    monkeypatch.setattr(sys, "argv", [str(own)])
    assert own_command() == ".venv/bin/uds-harness"
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "harness" / "__main__.py")])
    monkeypatch.setattr(sys, "executable", str(bin / "python"))
    assert own_command() == ".venv/bin/python -m harness"
    monkeypatch.setenv("PATH", str(bin))
    assert own_command() == "uds-harness"
    monkeypatch.setattr(sys, "argv", [str(own)])
    assert own_command() == "uds-harness"


def test_an_extra_is_installed_into_a_clone_by_its_own_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clone = Path(__file__).parents[2]
    monkeypatch.setattr(sys, "executable", str(clone / ".venv" / "bin" / "python"))
    monkeypatch.chdir(clone)
    in_clone = ".venv/bin/python -m pip install -e '.[learn]'"
    assert extra_command("learn") == f"{in_clone}, or outside this clone: pip install 'uds-harness[learn]'"
    monkeypatch.setattr("harness.system.__file__", str(tmp_path / "site-packages" / "harness" / "system.py"))
    assert extra_command("learn") == f"{sys.executable} -m pip install 'uds-harness[learn]'"
