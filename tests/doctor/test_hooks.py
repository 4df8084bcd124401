"""Prove that key functions, commands and files of a target are examined without the ECU."""

import socket
from pathlib import Path

import pytest

from harness.doctor.diagnosis import Diagnosis
from harness.doctor.hooks import keys, programs
from harness.target import Target, load_text

HEAD = """
[target]
name = "mine"
environment = "bench"
[can]
interface = "socketcan"
channel = "can0"
request_id = 0x7E0
response_id = 0x7E8
"""


def target(text: str, folder: Path) -> Target:
    path = folder / "mine.toml"
    path.write_text(HEAD + text)
    return load_text(path.read_text(), "mine.toml", path)


def the_key(key: str, folder: Path, more: str = "") -> Diagnosis:
    (one,) = keys(target(f"[[security]]\nlevel = 0x01\nkey = '{key}'\n{more}", folder))
    return one


def test_a_key_function_that_gives_a_key_is_fine(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def key(seed, level):\n    return seed[::-1]\n")
    one = the_key("mine.py:key", tmp_path)
    assert not one.has_failed
    assert "a key of 4 bytes" in one.seen


def test_a_key_function_that_wants_another_length_is_tried_with_others(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def key(seed, level):\n    assert len(seed) == 16\n    return seed\n")
    assert "a seed of 16" in the_key("mine.py:key", tmp_path).seen


@pytest.mark.parametrize(
    ("source", "key"),
    [
        ("def key(seed, level):\n    raise RuntimeError('licence expired')\n", "mine.py:key"),
        ("def key(seed, level):\n    return None\n", "mine.py:key"),
        ("", "mine.py:key"),
        ("import no_such_module\n", "mine.py:key"),
        ("", "missing.py:key"),
        ("", "command: /no/such/program"),
        ("", "command: false"),
        ("", "http://127.0.0.1:9/key"),
    ],
    ids=str,
)
def test_a_key_function_that_fails_is_told_before_an_audit_needs_it(source: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source)
    one = the_key(key, tmp_path)
    assert one.has_failed
    assert "\n" not in one.seen
    assert str(tmp_path / "mine.toml") in one.remedy[-1]


def test_a_key_program_that_never_answers_is_waited_for_once(tmp_path: Path) -> None:
    (tmp_path / "slow.sh").write_text(f"#!/bin/sh\necho called >> {tmp_path / 'calls'}\nexec sleep 9\n")
    (tmp_path / "slow.sh").chmod(0o755)
    assert the_key(f"command: {tmp_path / 'slow.sh'}", tmp_path, "key_timeout_s = 0.5\n").has_failed
    calls = tmp_path / "calls"
    assert not calls.exists() or calls.read_text() == "called\n"  # on a busy machine it may never have come so far


def test_a_key_server_that_never_answers_is_waited_for_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert the_key(f"http://127.0.0.1:{port}/key", tmp_path, "key_timeout_s = 0.2\n").has_failed
        server.settimeout(0)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_level_without_a_key_function_is_named_and_no_failure(tmp_path: Path) -> None:
    (one,) = keys(target("[[security]]\nlevel = 0x01\n", tmp_path))
    assert not one.has_failed
    assert "none is declared" in one.seen


def test_programs_and_files_that_are_named_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "firmware.bin").touch()
    text = """
[reset]
power = "command: no-such-relay --off"
command = "command: sh -c reboot"
[observe]
image = "firmware.bin"
other_unit = "missing.pairs"
"""
    found = {one.what: one.has_failed for one in programs(target(text, tmp_path))}
    assert found == {"reset.command": False, "reset.power": True, "observe.image": False, "observe.other_unit": True}
