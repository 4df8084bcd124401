"""Buses to be discovered: several ECUs, traffic, gateways, and ECUs that make it hard."""

from __future__ import annotations

from dataclasses import replace

import can

from harness.ecu.node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server
from harness.link.node import Node, Port

BUSY_IDS = range(0x100, 0x118)


class Traffic:
    """Twenty-four ids, each every 10 ms: some 60 % of a bus at 500 kbit/s."""

    def attach(self, port: Port) -> None:
        self.port = port
        for index, can_id in enumerate(BUSY_IDS):
            self.again(can_id, 0.0004 * index)

    def again(self, can_id: int, delay_s: float) -> None:
        def send() -> None:
            self.port.send(can.Message(arbitration_id=can_id, data=bytes(8), is_extended_id=False))
            self.again(can_id, 0.010)

        self.port.call_later(delay_s, send)

    def on_frame(self, frame: can.Message) -> None:
        return


class Gateway:
    """Repeats what passes on 0x700..0x7FF on 0x600..0x6FF, and takes requests there."""

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        can_id = frame.arbitration_id
        if frame.is_extended_id or not 0x600 <= can_id <= 0x7FF:
            return
        other = can_id - 0x100 if can_id >= 0x700 else can_id + 0x100
        copy = can.Message(arbitration_id=other, data=frame.data, is_extended_id=False)
        self.port.call_later(0.001, lambda: self.port.send(copy))


class Fixed:
    """Gives one answer to whatever it is asked, after some time."""

    def __init__(self, answer: str, delay_s: float = 0.001) -> None:
        self.answer = bytes.fromhex(answer)
        self.delay_s = delay_s

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and not frame.is_extended_id:
            self.port.call_later(self.delay_s, self.send)

    def send(self) -> None:
        self.port.send(can.Message(arbitration_id=0x748, data=self.answer, is_extended_id=False))


class Agreeable(Fixed):
    """Answers every single frame positively: its service plus 0x40, and what follows."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and len(frame.data) > 1 and 0 < frame.data[0] < 8:
            self.answer = bytes((frame.data[0], frame.data[1] + 0x40 & 0xFF)) + bytes(frame.data[2:])
            self.port.call_later(self.delay_s, self.send)


def hardened_at(request_id: int, response_id: int, serial: bytes = b"A") -> UdsNode:
    numbered = {0xF18C: serial.ljust(16, b"0")}
    data = tuple(replace(entry, initial=numbered.get(entry.did, entry.initial)) for entry in HARDENED.data_identifiers)
    config = replace(HARDENED, connections=(), data_identifiers=data)
    return UdsNode(Server(config), request_id=request_id, response_id=response_id)


def two_ecus() -> list[Node]:
    return [hardened_at(0x7E0, 0x7E8), hardened_at(0x7E1, 0x7E9, b"B"), Traffic()]


def behind_a_gateway() -> list[Node]:
    return [hardened_at(0x7E0, 0x7E8), hardened_at(0x722, 0x72A, b"B"), Gateway(), Traffic()]


def late() -> Node:
    return UdsNode(Server(replace(HARDENED, connections=(), answer_delay_s=1.2)))


def agreeable() -> Node:
    return Agreeable("")


def silent() -> Node:
    return Fixed("", delay_s=1e9)


def garbage() -> Node:
    return Fixed("FF FF FF FF FF FF FF FF")
