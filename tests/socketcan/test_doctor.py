"""Prove `uds-harness doctor` on real interfaces: sound, down, classic, missing, or in use."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.link.bus_lock import BusLock

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
TIMEOUT_S = 600


def ip(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


def doctor(*words: str) -> tuple[int, str]:
    done = subprocess.run([COMMAND, "doctor", *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def spare() -> Iterator[str]:
    """A virtual interface that a test may spoil."""
    ip("add", "dev", "vcan9", "type", "vcan")
    ip("set", "vcan9", "mtu", "16", "up")
    yield "vcan9"
    ip("del", "vcan9")


@pytest.fixture
def hardened() -> Iterator[None]:
    words = [COMMAND, "ecu", "hardened", "--interface", "socketcan", "--channel", "vcan0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "ready" in [process.stdout.readline().strip() for _ in range(2)]
        yield
        process.terminate()


def test_an_ecu_on_a_sound_interface_is_found_well(hardened: None) -> None:
    code, said = doctor("socketcan:vcan0?request=0x740&response=0x748")
    assert code == 0, said
    assert {line[:4].strip() for line in said.splitlines()} == {"ok"}
    assert "confirmed by the adapter" in said


def test_a_wrong_response_id_is_corrected(hardened: None) -> None:
    code, said = doctor("socketcan:vcan0?request=0x740&response=0x749")
    assert code == 1
    assert "response_id = 0x748" in said


def test_fd_frames_to_a_classic_ecu_are_told(hardened: None) -> None:
    code, said = doctor("socketcan:vcan0?request=0x740&response=0x748&fd=true")
    assert code == 1
    assert "fd = false" in said


def test_what_is_typed_mends_an_interface_that_is_down(spare: str) -> None:
    ip("set", spare, "down")
    assert "sudo ip link set vcan9 up" in doctor("--interface", "socketcan", "--channel", spare)[1]
    ip("set", spare, "up")
    code, said = doctor("--interface", "socketcan", "--channel", spare)
    assert code == 1, "nobody is there"
    assert "uds-harness discover --interface socketcan --channel vcan9" in said


def test_what_is_typed_mends_an_interface_for_classic_frames(spare: str) -> None:
    target = f"socketcan:{spare}?fd=true"
    said = doctor(target)[1]
    assert "FAIL  CAN FD" in said
    for command in ("sudo ip link set vcan9 down", "sudo ip link set vcan9 mtu 72", "sudo ip link set vcan9 up"):
        assert command in said
        subprocess.run(command.split()[1:], check=True)
    assert "ok    CAN FD" in doctor(target)[1]


def test_an_interface_that_is_missing_and_one_that_is_no_can() -> None:
    code, said = doctor("--interface", "socketcan", "--channel", "vcan8")
    assert code == 1
    assert "CAN interfaces here: vcan0, vcan1" in " ".join(said.split())
    assert "lo is no CAN interface" in doctor("--interface", "socketcan", "--channel", "lo")[1]


def test_a_bus_in_use_is_left_alone() -> None:
    lock = BusLock("socketcan:vcan1")
    try:
        code, said = doctor("--interface", "socketcan", "--channel", "vcan1")
    finally:
        lock.release()
    assert code == 1
    assert "another run uses this bus" in said
