"""Measure exchanges on vcan0 between two processes, compared with bare python-can."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import can

CHANNEL = "vcan0"
REQUEST = can.Message(arbitration_id=0x740, is_extended_id=False, data=bytes.fromhex("0322101000000000"))
ANSWER = can.Message(arbitration_id=0x748, is_extended_id=False, data=bytes.fromhex("04621010FF000000"))
TIMEOUT_S = 5.0


def is_there() -> bool:
    """Say whether this machine has the interface `vcan0`."""
    return Path("/sys/class/net", CHANNEL).exists()


@contextmanager
def other_process(*words: str) -> Iterator[None]:
    """Run the process at the other end of the bus; the block begins when that process has printed "ready"."""
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "ready":
                break
        try:
            yield
        finally:
            process.terminate()


def bare_rate(exchanges: int) -> float:
    """Return the exchanges a second of two python-can programs that do nothing else."""
    with other_process(__file__), can.Bus(interface="socketcan", channel=CHANNEL) as bus:
        started_s = time.perf_counter()
        for _ in range(exchanges):
            bus.send(REQUEST)
            answer = bus.recv(TIMEOUT_S)
            assert answer is not None
            assert answer.data == ANSWER.data
        return exchanges / (time.perf_counter() - started_s)


def _answer_for_ever() -> None:
    with can.Bus(interface="socketcan", channel=CHANNEL) as bus:
        print("ready", flush=True)
        while True:
            request = bus.recv(None)
            assert request is not None
            assert request.data == REQUEST.data
            bus.send(ANSWER)


if __name__ == "__main__":
    _answer_for_ever()
