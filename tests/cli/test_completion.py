"""Prove that the script for bash completes commands, options, targets, checks and pages."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ..audit.auditing import HANGS_S, uds_harness

ASK = """
source ./script
complete_words() {
    COMP_WORDS=("$@") COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    FUNCTION "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
}
"""
"""A script that does what bash does when a user presses Tab after these words."""

CASES = [
    ("au", "audit"),
    ("audit --exit", "--exit-zero"),
    ("audit kwp", "kwp2000"),
    ("audit my", "my.toml"),
    ("plan article --check SA-0", " ".join(f"SA-0{n}" for n in range(1, 10))),
    ("audit article --severity h", "high"),
    ("audit article --family S", "SA ST"),
    ("show AC-01", "AC-01"),
    ("docs fi", "first-audit"),
    ("ecu hardened-", "hardened-article-key"),
    ("replay some-run SA-4", "SA-40 SA-41"),
]


def test_bash_is_offered_what_there_is(tmp_path: Path) -> None:
    script = uds_harness("completion", "bash", cwd=tmp_path).out
    (tmp_path / "script").write_text(script, encoding="utf-8")
    (tmp_path / "my.toml").touch()
    (function,) = re.findall(r"^complete .*-F (\S+) uds-harness$", script, re.MULTILINE)
    lines = [f"complete_words uds-harness {words}" for words, _ in CASES]
    asked = "\n".join([ASK.replace("FUNCTION", function), *lines])
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=HANGS_S, check=True
    )
    offered = done.stdout.splitlines()
    assert dict(zip([words for words, _ in CASES], offered, strict=True)) == dict(CASES), done.stderr


def test_a_script_for_zsh_names_the_same(tmp_path: Path) -> None:
    script = uds_harness("completion", "zsh", cwd=tmp_path).out
    assert script.startswith("#compdef uds-harness")
    assert all(shlex.quote(name) in script for name in ("kwp2000", "SA-40", "first-audit"))
    assert "audit:'run the checks and write a report'" in script


def test_without_shtab_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    done = uds_harness("completion", "bash", cwd=tmp_path)
    assert (done.code, done.out) == (4, "")
    assert done.err.count("\n") == 1
    assert "pip install 'uds-harness[completion]'" in done.err
