"""Provide an ECU's host on an in-process bus, with a tester and a clock that tests move."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import can

from harness.ecu.keys import article_key, hmac_sha256_key
from harness.ecu.profiles import SECRETS
from harness.ecu_host.host import BusOptions, Host

EPOCH_S = 1_767_225_600.0
STEP_S = 0.05
_channels = count()


class HandClock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now_s(self) -> float:
        return self.seconds

    def utc_s(self) -> float:
        return EPOCH_S + self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Bench:
    """A host, its messages, and a tester on the same bus that sends single and segmented messages."""

    def __init__(self, profile: str = "hardened", **options: Any) -> None:
        self.clock = HandClock()
        self.said: list[str] = []
        self.bus = BusOptions(interface="virtual", channel=f"bench {next(_channels)} of {os.getpid()}")
        self.host = Host(profile, say=self.said.append, clock=self.clock, **options)
        self.tester = can.Bus(interface="virtual", channel=self.bus.channel)

    def connect(self) -> None:
        self.host.connect(self.bus)
        self.host.step(0.0)

    def let_pass(self, seconds: float) -> None:
        """Let time pass in steps, and call what is due."""
        until_s = self.clock.seconds + seconds
        while self.clock.seconds < until_s:
            self.clock.seconds = min(self.clock.seconds + STEP_S, until_s)
            self.host.step(0.0)

    def send(self, data: str, can_id: int = 0x740) -> None:
        self.tester.send(can.Message(arbitration_id=can_id, data=bytes.fromhex(data), is_extended_id=False))
        for _ in range(4):
            self.host.step(0.0)

    def frames(self) -> list[can.Message]:
        found = []
        while (message := self.tester.recv(0.0)) is not None:
            found.append(message)
        return found

    def ask(self, pdu: str) -> str:
        """Send a request; return the answer in hex, empty if there is none."""
        message = bytes.fromhex(pdu)
        self.frames()
        if len(message) <= 7:
            self.send((bytes((len(message),)) + message).ljust(8, b"\0").hex())
        else:
            self.send((bytes((0x10, len(message))) + message[:6]).hex())
            for number, start in enumerate(range(6, len(message), 7), start=1):
                self.send((bytes((0x20 | number,)) + message[start : start + 7]).ljust(8, b"\0").hex())
        return self._answer()

    def _answer(self) -> str:
        frames = [message for message in self.frames() if message.arbitration_id == 0x748]
        frames = [message for message in frames if message.data[0] >> 4 in (0, 1)]
        if not frames:
            return ""
        data = bytes(frames[-1].data)
        if data[0] >> 4 == 0:
            return data[1 : data[0] + 1].hex(" ").upper()
        length, content = (data[0] & 0xF) << 8 | data[1], data[2:]
        self.send("3000000000000000")
        for message in self.frames():
            content += bytes(message.data[1:])
        return content[:length].hex(" ").upper()

    def seed(self, level: int = 1) -> bytes:
        answer = bytes.fromhex(self.ask(f"27{level:02X}"))
        assert answer[:2] == bytes((0x67, level)), answer.hex()
        return answer[2:]

    def wrong_key(self, level: int = 1) -> str:
        self.seed(level)
        return self.ask(f"27{level + 1:02X}" + "AA" * 16)

    def unlock(self, level: int = 1) -> str:
        seed = self.seed(level)
        if len(seed) == 5:
            key = article_key(seed, level, secret=bytes.fromhex("1234567890"))
        else:
            key = hmac_sha256_key(seed, level, secret=SECRETS[level])
        return self.ask(f"27{level + 1:02X}" + key.hex())

    def close(self) -> None:
        self.host.close()
        self.tester.shutdown()


@contextmanager
def bench(profile: str = "hardened", **options: Any) -> Iterator[Bench]:
    """A host that is connected to its bus."""
    made = Bench(profile, **options)
    try:
        made.connect()
        yield made
    finally:
        made.close()
