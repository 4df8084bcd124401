"""Prove that an ECU process on real SocketCAN survives the loss of its interface, being killed and heavy traffic."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import can
import pytest
from can.interfaces.socketcan import SocketcanBus

from harness.ecu_host.status import running

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
CHANNEL = "vcan8"
"""A channel that these tests make and remove."""
START_S = 60.0


class EcuProcess:
    """`uds-harness ecu hardened` in a process of its own, with everything that it prints."""

    def __init__(self, *words: str, channel: str = CHANNEL, awaited: str = "ready") -> None:
        command = [COMMAND, "ecu", *(words or ("hardened",)), "--interface", "socketcan", "--channel", channel]
        self.said: list[str] = []
        self._spoke = threading.Condition()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self.await_line(awaited)

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            with self._spoke:
                self.said.append(line.rstrip("\n"))
                self._spoke.notify_all()

    def await_line(self, text: str, *, times: int = 1) -> None:
        with self._spoke:
            assert self._spoke.wait_for(lambda: sum(text in line for line in self.said) >= times, START_S), self.said

    def resident_kib(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(START_S)
        self._listener.join()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def ip(*words: str) -> None:
    subprocess.run(["ip", "link", *words], check=True)


@pytest.fixture
def interface() -> Iterator[str]:
    ip("add", CHANNEL, "type", "vcan")
    ip("set", CHANNEL, "up")
    yield CHANNEL
    if Path("/sys/class/net", CHANNEL).exists():
        ip("del", CHANNEL)


@contextmanager
def tool() -> Iterator[can.BusABC]:
    filters: Any = [{"can_id": 0x748, "can_mask": 0x7FF, "extended": False}]
    with SocketcanBus(channel=CHANNEL, can_filters=filters) as bus:
        yield bus


def asked(bus: can.BusABC, data: str) -> str:
    """Send a request; return the answer of one frame in hex, empty if none comes within two seconds."""
    while bus.recv(0.0) is not None:
        pass
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex(data).ljust(8, b"\0"), is_extended_id=False))
    answer = bus.recv(2.0)
    return bytes(answer.data[1 : answer.data[0] + 1]).hex(" ").upper() if answer is not None else ""


def wrong_key(bus: can.BusABC) -> str:
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("0227010000000000"), is_extended_id=False))
    bus.recv(2.0)
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("3000000000000000"), is_extended_id=False))
    for _ in range(2):
        bus.recv(2.0)
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("1012270200000000"), is_extended_id=False))
    bus.recv(2.0)
    bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex("2100000000000000"), is_extended_id=False))
    return asked(bus, "2200000000000000")


def test_an_interface_may_come_late_go_down_and_be_made_anew() -> None:
    ecu = EcuProcess("hardened", "--wait", awaited="there is no interface 'vcan8'")

    def is_served(times: int) -> None:
        ecu.await_line("the ECU is on the bus", times=times)
        with tool() as bus:
            assert asked(bus, "0322101000") == "62 10 10 FF"

    try:
        ip("add", CHANNEL, "type", "vcan")
        ecu.await_line("the interface is down; try: sudo ip link set vcan8 up; waiting for it")
        ip("set", CHANNEL, "up")
        is_served(times=1)
        ip("set", CHANNEL, "down")
        ecu.await_line("the interface is down", times=2)
        ip("set", CHANNEL, "up")
        is_served(times=2)
        ip("del", CHANNEL)
        ecu.await_line("there is no interface 'vcan8'", times=2)
        ip("add", CHANNEL, "type", "vcan")
        ip("set", CHANNEL, "up")
        is_served(times=3)
    finally:
        ip("del", CHANNEL)
    assert ecu.end() == 0, ecu.said


def test_a_killed_ecu_remembers_its_wrong_keys(interface: str, tmp_path: Path) -> None:
    words = ("hardened", "--state", str(tmp_path / "ecu.json"))
    ecu = EcuProcess(*words)
    with tool() as bus:
        asked(bus, "021003")
        assert wrong_key(bus) == "7F 27 35"
        assert wrong_key(bus) == "7F 27 35"
        ecu.end(signal.SIGKILL)
        ecu = EcuProcess(*words)
        while asked(bus, "021003") != "50 03 00 32 01 F4":  # it boots
            pass
        assert asked(bus, "022701") == "7F 27 37"
    (status,) = running(interface="socketcan", channel=CHANNEL)
    assert (status["pid"], status["ecus"][0]["levels"][0]["wrong_keys"]) == (ecu.process.pid, 2)
    assert ecu.end() == 0, ecu.said


SOAK_S = 8.0
LONG_SOAK_S = 300.0
WARM_S = 4.0
GROWTH_KIB = 2 * 1024
LOAD = ["0322101000", "0322F1A000", "021003", "022701", "0327020000", "022F", "10FF22", "21", "30", "00", "FF", "021101"]
"""Single frames, the beginning of a long message, and frames that hold no message."""


@pytest.mark.parametrize("soak_s", [SOAK_S, pytest.param(LONG_SOAK_S, marks=pytest.mark.thorough)])
def test_mixed_load_costs_no_memory(soak_s: float, interface: str, tmp_path: Path) -> None:
    """Requests of every kind, wrong keys, broken frames and foreign traffic leave the memory of a warm process unchanged."""
    ecu = EcuProcess("hardened", "--state", str(tmp_path / "ecu.json"))
    warm_kib = 0
    begun_s = time.monotonic()
    warm_s, until_s = begun_s + WARM_S, begun_s + soak_s
    with tool() as bus:
        while time.monotonic() < until_s:
            for data in LOAD:
                bus.send(can.Message(arbitration_id=0x740, data=bytes.fromhex(data), is_extended_id=False))
                for number in range(4):
                    bus.send(can.Message(arbitration_id=0x100 + number, data=bytes(8), is_extended_id=False))
            while bus.recv(0.02) is not None:
                pass
            if not warm_kib and time.monotonic() > warm_s:
                warm_kib = ecu.resident_kib()
        grown_kib = ecu.resident_kib() - warm_kib
        while bus.recv(1.0) is not None:
            pass
        assert asked(bus, "0322101000") == "62 10 10 FF"
    assert grown_kib < GROWTH_KIB
    assert ecu.end() == 0, ecu.said
