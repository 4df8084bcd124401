"""ECUs that do not answer the request, frame or id that most ECUs answer."""

import can

from harness.ecu.ecu_node import UdsNode
from harness.ecu.server import Server
from harness.simulation.node import Node, Port

from .nodes import ALONE, hardened_at

FUNCTIONAL = 0x7DF


class Deaf(Server):
    """An ECU that ignores some services."""

    services: tuple[int, ...] = ()

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        answers = super().answer(pdu, is_functional=is_functional, connection=connection)
        return [] if pdu[0] in self.services else answers


class WithoutTesterPresent(Deaf):
    services = (0x3E,)


class ReadsOnly(Deaf):
    services = (0x3E, 0x10)


class SilentToUnknownServices(Server):
    """An ECU that ignores every request that it would refuse with 0x11, physical or functional."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        answers = super().answer(pdu, is_functional=is_functional, connection=connection)
        return [] if answers[:1] == [bytes((0x7F, pdu[0], 0x11))] else answers


class ShortFramesOnly(UdsNode):
    """An ECU that takes only frames as short as their content, and sends only such frames."""

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        kind = data[0] >> 4 if data else 4
        if (kind == 0 and len(data) == data[0] + 1) or (kind == 3 and len(data) == 3) or kind in (1, 2):
            super().on_frame(frame)


class AddressFirst:
    """An ECU that takes requests on 0x6F1 whose first byte is 0x12, and answers on 0x612 with 0xF1 before the message."""

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if frame.arbitration_id == 0x6F1 and data[:4] == b"\x12\x02\x3e\x00":
            self.port.call_later(0.001, lambda: self.send(0x612, b"\xf1\x02\x7e\x00"))
        if frame.arbitration_id == 0x6F1 and data[:5] == b"\x12\x03\x22\xf1\x90":
            self.port.call_later(0.001, lambda: self.send(0x612, b"\xf1\x04\x62\xf1\x90\x31"))

    def send(self, can_id: int, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=can_id, is_extended_id=False, data=data.ljust(8, b"\xff")))


class Polling:
    """Another tester, which sends a frame every half second."""

    def __init__(self, can_id: int, data: str) -> None:
        self.can_id, self.data = can_id, bytes.fromhex(data).ljust(8, b"\x00")

    def attach(self, port: Port) -> None:
        self.port = port
        self.poll()

    def poll(self) -> None:
        self.port.send(can.Message(arbitration_id=self.can_id, is_extended_id=False, data=self.data))
        self.port.call_later(0.5, self.poll)

    def on_frame(self, frame: can.Message) -> None:
        return


class ShortTesterPresent(Server):
    """An ECU whose answer to TesterPresent is only the service."""

    def answer(self, pdu: bytes, *, is_functional: bool = False, connection: int = 0) -> list[bytes]:
        answers = super().answer(pdu, is_functional=is_functional, connection=connection)
        return [b"\x7e"] if answers == [b"\x7e\x00"] else answers


def short_tester_present() -> Node:
    return UdsNode(ShortTesterPresent(ALONE))


def without_tester_present() -> Node:
    return UdsNode(WithoutTesterPresent(ALONE))


def reads_only() -> Node:
    return UdsNode(ReadsOnly(ALONE))


def silent_to_unknown_services() -> Node:
    return UdsNode(SilentToUnknownServices(ALONE))


def two_of_two_kinds() -> list[Node]:
    return [hardened_at(0x7E0, 0x7E8), UdsNode(WithoutTesterPresent(ALONE), request_id=0x7E1, response_id=0x7E9)]


def short_frames_only() -> Node:
    return ShortFramesOnly(Server(ALONE))


def address_first_and_polled() -> list[Node]:
    return [AddressFirst(), Polling(0x6F1, "12 03 22 F1 90")]


def polled() -> list[Node]:
    return [UdsNode(Server(ALONE)), Polling(0x740, "03 22 F1 8C")]


class FullFlowControlsOnly(UdsNode):
    """An ECU that takes single frames of any length, but ignores a flow control without padding."""

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if data[:1] < b"\x30" or data[:1] >= b"\x40" or len(data) == 8:
            super().on_frame(frame)


def full_flow_controls_only() -> Node:
    return FullFlowControlsOnly(Server(ALONE))


class OnlyTesterPresent:
    """A node that answers 3E 00 on id 0x740 in either format, and nothing else."""

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x740 and bytes(frame.data[:3]) == b"\x02\x3e\x00":
            self.port.send(can.Message(arbitration_id=0x748, is_extended_id=False, data=b"\x02\x7e\x00"))


def only_tester_present() -> Node:
    return OnlyTesterPresent()
