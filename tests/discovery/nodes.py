"""Buses to be discovered: several ECUs, traffic, gateways, and ECUs that are hard to find."""

from dataclasses import replace

import can

from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED
from harness.ecu.server import Server
from harness.simulation.node import Node, Port

BUSY_IDS = range(0x100, 0x118)


class Traffic:
    """A node that sends twenty-four ids, each every 10 ms: some 60 % of a bus at 500 kbit/s."""

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
    """A gateway that repeats frames of 0x700..0x7FF on 0x600..0x6FF, and takes requests there."""

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
    """A node that gives one fixed answer to every request, after some time."""

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
    """A node that answers every single frame positively, by its service plus 0x40 and the following bytes."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and len(frame.data) > 1 and 0 < frame.data[0] < 8:
            self.answer = bytes((frame.data[0], frame.data[1] + 0x40 & 0xFF)) + bytes(frame.data[2:])
            self.port.call_later(self.delay_s, self.send)


def hardened_at(request_id: int, response_id: int, serial: bytes = b"A") -> UdsNode:
    numbered = {0xF18C: serial.ljust(16, b"0")}
    data = tuple(replace(entry, initial=numbered.get(entry.did, entry.initial)) for entry in HARDENED.data_identifiers)
    config = replace(HARDENED, connections=(), data_identifiers=data)
    return UdsNode(Server(config), request_id=request_id, response_id=response_id)


def two_quiet_ecus() -> list[Node]:
    return [hardened_at(0x7E0, 0x7E8), hardened_at(0x7E1, 0x7E9, b"B")]


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


class WantingRecords(Server):
    """Level 05 gives a seed only to a request with four more bytes; without them level 07 says that its delay is running."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        if pdu[:1] == b"\x27" and pdu[1:2] in (b"\x05", b"\x07") and self.state.session == 0x03:
            if len(pdu) != 6:
                return [b"\x7f\x27\x13" if pdu[1] == 5 else b"\x7f\x27\x31"]
            return [b"\x67\x05\x01\x02\x03" if pdu[1] == 5 else b"\x7f\x27\x37"]
        return super().answer(pdu, is_functional=is_functional, connection=connection)


class LookingAtTheFirst(Server):
    """Only the first identifier of a request is read."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        return super().answer(pdu[:3] if pdu[:1] == b"\x22" else pdu, is_functional=is_functional, connection=connection)


class TakingOne(Server):
    """A request for several identifiers is refused for its length."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        if pdu[:1] == b"\x22" and len(pdu) != 3:
            return [b"\x7f\x22\x13"]
        return super().answer(pdu, is_functional=is_functional, connection=connection)


class NamingSubFunctions(Server):
    """The sub-function is checked before the length, as the standard demands."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        if pdu[:1] == b"\x28" and len(pdu) == 2 and self.state.session == 0x03:
            return [b"\x7f\x28\x12" if pdu[1] > 0x01 else b"\x7f\x28\x13"]
        return super().answer(pdu, is_functional=is_functional, connection=connection)


class Hiding(Server):
    """While the ECU is locked, guarded data seems not to exist."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        if pdu == b"\x22\x2a\x2a" and not self.state.unlocked_level:
            return [b"\x7f\x22\x31"]
        return super().answer(pdu, is_functional=is_functional, connection=connection)


ALONE = replace(HARDENED, connections=())


def hiding() -> Node:
    return UdsNode(Hiding(ALONE))


def wanting_records() -> Node:
    return UdsNode(WantingRecords(ALONE))


def looking_at_the_first() -> Node:
    return UdsNode(LookingAtTheFirst(ALONE))


def taking_one() -> Node:
    return UdsNode(TakingOne(ALONE))


def naming_sub_functions() -> Node:
    return UdsNode(NamingSubFunctions(ALONE))


def rare() -> Node:
    """An ECU with identifiers far from the usual ranges, one of them guarded."""
    one = ALONE.data_identifiers[0]
    far = (replace(one, did=0x9ABC, initial=b"far"), replace(one, did=0x9ABE, initial=b"secret", read=0x01))
    return UdsNode(Server(replace(ALONE, data_identifiers=(*ALONE.data_identifiers, *far))))


class OnlyFlexible(UdsNode):
    """An ECU that hears only CAN FD frames."""

    def on_frame(self, frame: can.Message) -> None:
        if frame.is_fd:
            super().on_frame(frame)


def only_flexible() -> Node:
    return OnlyFlexible(Server(replace(ALONE, fd=True)))


class AnsweringClassic(UdsNode):
    """An ECU that hears frames of both kinds, and answers in classic ones."""

    def on_frame(self, frame: can.Message) -> None:
        frame.is_fd = False
        super().on_frame(frame)


def answering_classic() -> Node:
    return AnsweringClassic(Server(ALONE))


def with_long_ids(request_id: int, response_id: int) -> UdsNode:
    ids = {"request_id": request_id, "response_id": response_id}
    return UdsNode(Server(ALONE), **ids, hears_extended=True, speaks_extended=True)


def of_a_truck() -> Node:
    return with_long_ids(0x18DA00F9, 0x18DAF900)


def of_another_priority() -> Node:
    return with_long_ids(0x14DA80F1, 0x14DAF180)


def of_a_group_of_makers() -> Node:
    return with_long_ids(0x17FC0076, 0x17FE0076)
