"""ECUs with an address byte before single frames, as makers build them; written without the harness's own ISO-TP."""

from collections.abc import Callable

import can

from harness.simulation.node import Node, Port

SEED, KEY = bytes.fromhex("1A2B3C4D"), bytes.fromhex("4D3C2B1A")


class Addressed:
    """An ECU with sessions, a level and two identifiers, on `request_id` with the address `own`, or `everybody`'s
    address.
    """

    def __init__(self, request_id: int, response_id: int, own: int, tester: int, everybody: int | None = None) -> None:
        self.request_id, self.response_id = request_id, response_id
        self.own, self.tester, self.everybody = own, tester, everybody
        self.has_tester_present = True

    def attach(self, port: Port) -> None:
        self.port = port
        self.power_cycle()

    def power_cycle(self) -> None:
        self.session, self.rest = 1, b""

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        is_own = frame.arbitration_id == self.request_id and not frame.is_remote_frame and len(data) > 1
        if not is_own or data[0] not in (self.own, self.everybody):
            return
        pci = data[1]
        if 0 < pci < 7 and len(data) >= 2 + pci:
            answer = self.answer(data[2 : 2 + pci])
            is_for_all = data[0] == self.everybody
            if answer and not (is_for_all and answer[:1] == b"\x7f" and answer[2] in (0x11, 0x12, 0x31)):
                self.port.call_later(0.002, lambda: self.say(answer))
        elif pci == 0x30 and self.rest:
            rest, self.rest = self.rest, b""
            for number, start in enumerate(range(0, len(rest), 6), 1):
                self.send(bytes((0x20 | number & 0xF,)) + rest[start : start + 6])

    def say(self, message: bytes) -> None:
        if len(message) <= 6:
            self.send(bytes((len(message),)) + message)
        else:
            self.rest = message[5:]
            self.send(bytes((0x10, len(message))) + message[:5])

    def send(self, data: bytes) -> None:
        field = (bytes((self.tester,)) + data).ljust(8, b"\xaa")
        is_long = self.response_id > 0x7FF
        self.port.send(can.Message(arbitration_id=self.response_id, data=field, is_extended_id=is_long))

    def answer(self, pdu: bytes) -> bytes:
        if pdu[0] == 0x3E:
            if not self.has_tester_present:
                return b""
            return b"\x7e\x00" if pdu[1:] == b"\x00" else b"\x7f\x3e" + (b"\x13" if len(pdu) != 2 else b"\x12")
        if pdu[0] == 0x10:
            if pdu[1:] not in (b"\x01", b"\x03"):
                return b"\x7f\x10\x12"
            self.session = pdu[1]
            return bytes((0x50, pdu[1])) + b"\x00\x32\x01\xf4"
        if pdu[0] == 0x22:
            known = {b"\xf1\x90": b"WVWZZZ1JZXW386752", b"\x20\x20": b"\x07"}
            return b"\x62" + pdu[1:] + known[pdu[1:]] if pdu[1:] in known else b"\x7f\x22\x31"
        if pdu == b"\x27\x01":
            return b"\x67\x01" + SEED if self.session == 3 else b"\x7f\x27\x7f"
        if pdu[:2] == b"\x27\x02":
            return b"\x67\x02" if pdu[2:] == KEY else b"\x7f\x27\x35"
        return bytes((0x7F, pdu[0], 0x11))


def _only(make: Callable[[], Addressed]) -> Callable[[], Node]:
    return make


bmw = _only(lambda: Addressed(0x6F1, 0x612, 0x12, 0xF1, 0xDF))
toyota = _only(lambda: Addressed(0x750, 0x758, 0x2A, 0x2A))
long_extended = _only(lambda: Addressed(0x18DA30F1, 0x18DAF130, 0x30, 0xF1))
long_mixed = _only(lambda: Addressed(0x18CE30F1, 0x18CEF130, 0x77, 0x77))


def two_of_bmw() -> list[Node]:
    return [Addressed(0x6F1, 0x612, 0x12, 0xF1, 0xDF), Addressed(0x6F1, 0x640, 0x40, 0xF1, 0xDF)]


def without_tester_present() -> Node:
    node = Addressed(0x6F1, 0x612, 0x12, 0xF1)
    node.has_tester_present = False
    return node


class Poller:
    """Another tester, which reads an identifier every half second."""

    def attach(self, port: Port) -> None:
        self.port = port
        self.poll()

    def on_frame(self, frame: can.Message) -> None: ...

    def poll(self) -> None:
        field = bytes.fromhex("1203222020000000")
        self.port.send(can.Message(arbitration_id=0x6F1, data=field, is_extended_id=False))
        self.port.call_later(0.5, self.poll)


def polled() -> list[Node]:
    return [Addressed(0x6F1, 0x612, 0x12, 0xF1), Poller()]
