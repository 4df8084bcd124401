"""Prove that a second process reads the running ECU's status, and what the command prints from start to end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.ecu_host.status import PREFIX, StatusSocket, duration, names_in, running, status_text
from harness.errors import UserError
from harness.link.bus_lock import abstract_name
from tests.ecu_host.bench import Bench

HARNESS = [sys.executable, "-m", "harness"]
HANGS_S = 120
OWN_CHANNEL = f"status {os.getpid()}"
"""A channel that another run of these tests on the same machine does not use."""


@contextmanager
def stepping(profile: str = "hardened") -> Iterator[tuple[Bench, str]]:
    """Make a host serve each request for its status at once, on the requesting thread."""
    on = Bench(profile)
    on.connect()
    on.host.ask = lambda act: act()  # type: ignore[method-assign]
    status = StatusSocket(on.host, on.bus.name)
    try:
        yield on, on.bus.channel
    finally:
        status.close()
        on.close()


def test_a_running_ecu_is_found_by_its_bus() -> None:
    with stepping() as (_, channel):
        (status,) = running(interface="virtual", channel=channel)
        assert status["profile"] == "hardened"
        assert status["pid"] == os.getpid()
        assert status["is_on_bus"]
        assert running(interface="virtual", channel=channel, profile="hardened") != []
        assert running(interface="virtual", channel=channel, profile="article") == []
    assert running(interface="virtual", channel=channel) == []


def test_names_are_read_from_the_kernels_table_however_it_is_padded() -> None:
    table = (
        "Num       RefCount Protocol Flags    Type St Inode Path\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01  1234 @uds-harness-ecu-socketcan:can0+article\n"
        "ffff8881048b4c00: 00000002 00000000 00010000 0001 01 1234567 @uds-harness-ecu-virtual:two words+hardened\n"
        "0000000000000000: 00000003 00000000 00000000 0001 03  1235\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01   99 /run/@uds-harness-ecu-no\n"
        "0000000000000000: 00000002 00000000 00010000 0001 01   98 @uds-harness-bus-socketcan:can0\n"
    )
    assert names_in(table) == ["uds-harness-ecu-socketcan:can0+article", "uds-harness-ecu-virtual:two words+hardened"]


def test_an_ecu_that_hangs_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.ecu_host.status.ANSWER_S", 0.2)
    with stepping() as (on, channel):
        on.host.ask = lambda act: None  # type: ignore[method-assign]
        (status,) = running(interface="virtual", channel=channel)
    assert status_text(status) == f"hardened on {on.bus.name}: process {os.getpid()} does not answer"


IMPOSTORS = {
    "nothing": b"",
    "no JSON": b"hello",
    "no object": b"[1, 2]",
    "another object": b'{"profile": "hardened", "ecus": [7]}',
    "a deep nest": b"[" * 100_000,
    "more than anybody reads": b" " * 2_000_000,
}


@pytest.mark.parametrize("answer", IMPOSTORS.values(), ids=list(IMPOSTORS))
def test_another_program_with_such_a_name_is_no_ecu(answer: bytes) -> None:
    with impostor(answer):
        assert running(channel=OWN_CHANNEL) == []


def test_what_an_impostor_says_moves_no_cursor() -> None:
    with stepping() as (on, _):
        status = on.host.status()
    with impostor(json.dumps(status | {"channel": OWN_CHANNEL, "faults": ["\x1b[2J"]}).encode()):
        (found,) = running(channel=OWN_CHANNEL)
    assert "\x1b" not in status_text(found)


@contextmanager
def impostor(answer: bytes) -> Iterator[None]:
    """Run a program that has taken an ECU's name, and gives this answer to every connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(abstract_name(f"{PREFIX}virtual:{OWN_CHANNEL}+hardened"))
        server.listen()

        def talk() -> None:
            with suppress(OSError):
                while True:
                    visitor, _ = server.accept()
                    with visitor, suppress(OSError):
                        visitor.sendall(answer)

        talker = threading.Thread(target=talk)
        talker.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            talker.join()


def test_the_same_ecu_twice_on_one_bus_is_refused_and_told_who_is_there() -> None:
    with stepping() as (on, _), pytest.raises(UserError, match=f"is on {on.bus.name} already .process {os.getpid()}"):
        StatusSocket(on.host, on.bus.name)


def test_the_text_says_what_an_operator_asks() -> None:
    with stepping() as (on, _):
        on.ask("1003")
        for _ in range(3):
            on.wrong_key()
        text = status_text(on.host.status())
    assert "hardened on virtual:" in text
    assert "session     extended (0x03), ends in 5.0 s" in text
    assert "level 0x01  locked, 3 of 3 wrong keys, delay 10.0 s" in text
    assert "level 0x03  locked, 0 of 3 wrong keys" in text


@pytest.mark.parametrize(
    ("seconds", "said"), [(12.9, "12 s"), (180, "3 min"), (18_420, "5 h 07 min"), (1_047_600, "12 d 3 h")]
)
def test_durations_are_said_as_people_say_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def started(tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HARNESS, "ecu", *words, "--interface", "virtual", "--channel", OWN_CHANNEL],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )


def lines_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if wanted in line:
            return lines
    raise AssertionError(f"{wanted!r} was not said: {lines}")


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.thorough)])
def test_a_signal_ends_it_cleanly_with_its_memory_written(number: signal.Signals, tmp_path: Path) -> None:
    process = started(tmp_path, "hardened", "--state", "ecu.json")
    assert lines_until(process, "ready")[0] == f"hardened is on virtual:{OWN_CHANNEL}; Ctrl-C ends it"
    process.send_signal(signal.SIGUSR1)
    said = "\n".join(lines_until(process, "state file"))
    assert "level 0x01  locked" in said
    done = subprocess.run(
        [*HARNESS, "ecu", "hardened", "--status", "--json", "--channel", OWN_CHANNEL],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)[0]["pid"] == process.pid
    process.send_signal(number)
    out, err = process.communicate(timeout=HANGS_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert json.loads((tmp_path / "ecu.json").read_text())["profile"] == "hardened"


def test_a_broken_state_file_ends_it_before_anything_is_said(tmp_path: Path) -> None:
    (tmp_path / "ecu.json").write_text("{")
    process = started(tmp_path, "hardened", "--state", "ecu.json")
    out, err = process.communicate(timeout=HANGS_S)
    assert process.returncode == 4
    assert out == ""
    assert err == "uds-harness: --state ecu.json: it is no JSON; remove the file to begin with a new ECU\n"


def test_status_of_nobody_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ecu", "article-v1", "--status", "--channel", OWN_CHANNEL]) == 3
    assert capsys.readouterr().out == "no article-v1 runs on this machine\n"
