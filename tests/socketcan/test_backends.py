"""Prove an ECU and its audit over serial adapters (slcan), and over CAN in UDP, instead of a SocketCAN driver."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.target import shipped_targets

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
END_S = 300
CHECKS = "SA-22 or AC-01"
VERDICTS = {"SA-22": "fail", "AC-01": "pass"}
"""The verdicts on the article's ECU that are compared: a seed stays valid, and a locked write is refused."""

N_SLCAN = 17
"""The number of the kernel's line discipline for adapters that speak SLCAN over a serial line."""
GROUP = "239.74.163.2"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class SerialAdapters:
    """Two adapters on one bus, each behind a pseudo-terminal, of which the kernel makes an interface."""

    names = ("can0", "can1")

    def __init__(self) -> None:
        pairs = [pty.openpty() for _ in self.names]
        for line in (end for pair in pairs for end in pair):
            tty.setraw(line)
        for _, line in pairs:
            fcntl.ioctl(line, termios.TIOCSETD, struct.pack("i", N_SLCAN))
        self._ends = [end for pair in pairs for end in pair]
        adapters = [adapter for adapter, _ in pairs]
        for own, other in (adapters, adapters[::-1]):
            threading.Thread(target=self._relay, args=(own, other), daemon=True).start()
        for name in self.names:
            ip("link", "set", name, "up", "type", "can", "bitrate", "500000")

    @staticmethod
    def _relay(own: int, other: int) -> None:
        """Send frames on to the other adapter, and confirm every other command: rates, open and close."""
        waiting = b""
        with suppress(OSError):
            while read := os.read(own, 4096):
                *commands, waiting = (waiting + read).split(b"\r")
                for command in commands:
                    is_frame = command[:1] in (b"t", b"T", b"r", b"R")
                    os.write(other if is_frame else own, command + b"\r" if is_frame else b"\r")

    def close(self) -> None:
        for end in self._ends:
            os.close(end)


@pytest.fixture(params=["slcan", "udp_multicast"])
def places(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """The interface and channel for the ECU, and for its audit."""
    if request.param == "slcan":
        adapters = SerialAdapters()
        yield [f"socketcan:{name}" for name in adapters.names]
        adapters.close()
        return
    ip("link", "set", "lo", "multicast", "on")
    ip("route", "add", "224.0.0.0/4", "dev", "lo")
    yield [f"udp_multicast:{GROUP}"] * 2
    ip("route", "del", "224.0.0.0/4", "dev", "lo")


def test_an_ecu_is_audited_with_the_verdicts_of_the_simulated_one(places: list[str], tmp_path: Path) -> None:
    (interface, channel), (own_interface, own_channel) = (place.split(":", 1) for place in places)
    text = shipped_targets()["raspberry-pi"].read_text(encoding="utf-8")
    text = re.sub(r'^interface = ".*"', f'interface = "{own_interface}"', text, flags=re.MULTILINE)
    text = re.sub(r'^channel = ".*"', f'channel = "{own_channel}"', text, flags=re.MULTILINE)
    (tmp_path / "pi.toml").write_text(text.replace("p2_ms = 50", "p2_ms = 500"), encoding="utf-8")
    words = [COMMAND, "ecu", "article", "--interface", interface, "--channel", channel]
    with (tmp_path / "ecu.log").open("w") as printed, subprocess.Popen(words, stdout=printed, stderr=printed) as ecu:
        run = [COMMAND, "audit", "pi.toml", "-k", CHECKS, "--depth", "quick", "--seed", "1", "--out", "run"]
        done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=END_S, check=False)
        ecu.send_signal(signal.SIGTERM)
    assert ecu.returncode == 0
    results = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))["results"]
    found = {one["id"]: one["verdict"] for one in results if one["reason"] != "deselected"}
    assert found == VERDICTS, done.stdout + done.stderr
