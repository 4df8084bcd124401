"""Prove the shell at a terminal: completion, history, and behaviour without prompt_toolkit."""

import builtins
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from harness.shell.prompt import completer_of, completions, history_of, lines_of_a_person
from harness.target import load_target

from ..audit.auditing import HANGS_S
from .talk import HERE


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of the user's history file."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "uds-harness" / "shell-history"


def typed(keys: str, target: str | Path = "hardened") -> list[str]:
    """Return the lines that the shell reads when these keys are typed."""
    with create_pipe_input() as source:
        source.send_text(keys)
        lines: Iterator[str] = lines_of_a_person(load_target(target), print, input=source, output=DummyOutput())
        return list(lines)


@pytest.mark.parametrize(
    ("before", "offered"),
    [
        ("se", ["seed", "session"]),
        ("session ", ["01", "02", "03"]),
        ("seed ", ["01", "03"]),
        ("unlock 0", ["01", "03"]),
        ("write 2", ["2020", "2A2A"]),
        ("read f1", ["F18C", "F1A0"]),
        ("read 1010 2a", ["2A2A"]),
        ("write 2020 ", []),
        ("key ", []),
        ("bogus ", []),
        ("", None),
    ],
)
def test_what_the_target_declares_is_offered(before: str, offered: list[str] | None) -> None:
    found = completions(load_target("hardened"), before)
    assert "session" in found if offered is None else found == offered


def test_an_ecu_without_sessions_is_offered_none() -> None:
    assert completions(load_target("article"), "session ") == []


def test_a_completion_takes_the_place_of_what_was_begun() -> None:
    offered = completer_of(load_target("hardened")).get_completions(Document("unlock 0"), CompleteEvent())
    assert [(one.text, one.start_position) for one in offered] == [("01", -1), ("03", -1)]


def test_ctrl_c_drops_a_line_and_ctrl_d_ends() -> None:
    assert typed("read\x03seed 01\r\x04read") == ["", "seed 01"]


def test_history_is_the_users_alone_and_leaves_out_what_is_secret(history: Path) -> None:
    typed("read 2020\rwrite 2020 42\rwrite 0x2020 43\rraw 2E2020 44\rwrite 1010 45\r\x04", HERE / "secret.toml")
    kept = [line[1:] for line in history.read_text(encoding="utf-8").splitlines() if line.startswith("+")]
    assert kept == ["read 2020", "write 1010 45"]
    assert history.stat().st_mode & 0o777 == 0o600
    assert list(history_of(load_target("article")).load_history_strings()) == ["write 1010 45", "read 2020"]


@pytest.mark.parametrize("place", ["/dev/null", "/proc/version"])
def test_a_history_that_is_no_file_of_the_users_is_kept_in_memory(history: Path, place: str) -> None:
    history.parent.mkdir(parents=True)
    history.symlink_to(place)
    assert isinstance(history_of(load_target("hardened")), InMemoryHistory)
    assert typed("read 2020\r\x04") == ["read 2020"]


def test_without_prompt_toolkit_lines_are_read_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    found, said, lines = builtins.__import__, list[str](), iter(["read 2020", "seed 01"])

    def without(name: str, *rest: Any) -> Any:
        if name == "prompt_toolkit":
            raise ImportError(name)
        return found(name, *rest)

    def read(message: str) -> str:
        assert message == "hardened> "
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(builtins, "input", read)
    assert list(lines_of_a_person(load_target("hardened"), said.append)) == ["read 2020", "seed 01"]
    assert [line.startswith("for line editing") and "pip install 'uds-harness[shell]'" in line for line in said] == [True]


def test_a_person_is_told_of_a_bad_line_and_goes_on(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "harness", "shell", "article"]
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "80"}
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=environment) as process:
        os.close(theirs)
        os.write(ours, b"raed 1010\rread 1010\rquit\r")
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.wait(HANGS_S) == 0
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "article on uds-sim:article, 0x740 -> 0x748" in text
    assert "did you mean read?" in text
    assert "< 62 10 10 FF  ReadDataByIdentifierPositiveResponse" in text


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end is closed
        return b""
