"""Provide a tester that knows little more than ISO-TP, on a bus whose time is a number."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from pathlib import Path

import can

from harness.simulation.node import load_nodes, power_cycle
from tests.clock import Timer

HERE = Path(__file__).parent


class Port:
    """A node's access to the bus."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.random_bytes = random.Random(7).randbytes
        self.timers: list[Timer] = []

    @property
    def now_s(self) -> float:
        return self.talk.now_s

    @property
    def utc_s(self) -> float:
        return 1.75e9 + self.talk.now_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        self.timers.append(timer)
        self.talk.schedule(delay_s, timer)
        return timer

    def send(self, frame: can.Message) -> None:
        self.talk.carry(frame, self)


class Talk:
    """A dialogue with an ECU; the answer to a request is the first message other than 7F xx 78, or None."""

    def __init__(self, factory: str) -> None:
        self.now_s, self.order, self.queue = 0.0, itertools.count(), []
        self.frames: list[tuple[float, can.Message]] = []
        self.messages: list[bytes] = []
        self.is_dead = False
        self.nodes = [(node, Port(self)) for node in load_nodes(factory, HERE)]
        ecu = [node for node, _ in self.nodes if hasattr(node, "request_id")][-1]
        self.request_id, self.response_id, self.functional_id = ecu.request_id, ecu.response_id, ecu.functional_id
        self.is_extended = ecu.is_extended
        for node, port in self.nodes:
            node.attach(port)

    # The bus

    def schedule(self, delay_s: float, timer: Timer) -> None:
        heapq.heappush(self.queue, (self.now_s + delay_s, next(self.order), timer))

    def carry(self, frame: can.Message, sender: Port | None) -> None:
        self.schedule(0.0002, Timer(lambda: self.land(frame, sender)))

    def land(self, frame: can.Message, sender: Port | None) -> None:
        for node, port in self.nodes:
            if port is not sender and not self.is_dead:
                node.on_frame(frame)
        if sender is not None:
            self.frames.append((self.now_s, frame))
            if (frame.arbitration_id, frame.is_extended_id) == (self.response_id, self.is_extended):
                self.hear(bytes(frame.data))

    def wait(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self.queue and self.queue[0][0] <= end_s:
            self.now_s, _, timer = heapq.heappop(self.queue)
            if timer.callback:
                try:
                    timer.callback()
                except MemoryError:  # as a simulated bus has it: a node that raises is dead
                    self.is_dead = True
        self.now_s = end_s

    def cut(self) -> None:
        """Cut and restore the supply of the ECU."""
        self.is_dead = False
        for node, port in self.nodes:
            for timer in port.timers:
                timer.cancel()
            power_cycle(node)
        self.wait(5.0)

    # The tester

    def hear(self, data: bytes) -> None:
        kind = data[0] >> 4 if data else None
        if kind == 0:
            self.messages.append(data[1 : 1 + data[0]])
        elif kind == 1:
            self.size, self.got = int.from_bytes(data[:2], "big") & 0xFFF, data[2:]
            self.raw("3000000000000000")
        elif kind == 2:
            self.got += data[1:]
            if len(self.got) >= self.size:
                self.messages.append(self.got[: self.size])
                self.got = b""

    def raw(self, data: str, can_id: int | None = None, **how: bool) -> None:
        """Send one frame."""
        how.setdefault("is_extended_id", self.is_extended)
        can_id = self.request_id if can_id is None else can_id
        self.carry(can.Message(arbitration_id=can_id, data=bytes.fromhex(data), **how), None)

    def ask(self, pdu: str | bytes, *, is_functional: bool = False, within_s: float = 1.5) -> bytes | None:
        pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
        self.messages.clear()
        if len(pdu) < 8:
            can_id = self.functional_id if is_functional else None
            self.raw((bytes((len(pdu),)) + pdu).ljust(8, b"\0").hex(), can_id)
        else:
            self.raw(((0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:6]).hex())
            self.wait(0.002)
            for number, at in enumerate(range(6, len(pdu), 7), 1):
                self.raw((bytes((0x20 | number & 15,)) + pdu[at : at + 7]).ljust(8, b"\0").hex())
        for _ in range(round(within_s / 0.005)):
            self.wait(0.005)
            final = [message for message in self.messages if message[:1] != b"\x7f" or message[2:] != b"\x78"]
            if final and final[0][:1] + final[0][2:] == b"\x7f\x21":
                self.wait(0.02)
                return self.ask(pdu, is_functional=is_functional)
            if final:
                return final[0]
        return None

    def seed(self, request: str = "2705") -> bytes:
        """Request a seed and return it; b"" if none is given."""
        said = self.ask(request)
        return said[2:] if said and said[0] == 0x67 else b""

    def says(self, pdu: str | bytes, **how: bool) -> str:
        """Send a request; return the answer in hex, "" for none."""
        return (self.ask(pdu, **how) or b"").hex()
