"""ECUs with habits seen in other servers. They send single frames, on 0x7E0 and 0x7E8."""

import can

from harness.simulation.node import Port


class OneFrame:
    """An ECU that answers each message of one frame with what `answer` returns."""

    def attach(self, port: Port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if frame.arbitration_id == 0x7E0 and not frame.is_extended_id and data and 0 < data[0] < len(data):
            answer = self.answer(data[1 : 1 + data[0]])
            if answer:
                self.port.call_later(0.001, lambda: self.send(answer))

    def send(self, answer: bytes) -> None:
        data = (bytes((len(answer),)) + answer).ljust(8, b"\x00")
        self.port.send(can.Message(arbitration_id=0x7E8, data=data, is_extended_id=False))

    def answer(self, pdu: bytes) -> bytes:
        """Refuse every request with generalReject."""
        return bytes((0x7F, pdu[0], 0x10))


class Terse(OneFrame):
    """An ECU that confirms each session without naming it."""

    def answer(self, pdu: bytes) -> bytes:
        return b"\x50" if pdu[0] == 0x10 else super().answer(pdu)


class Generous(OneFrame):
    """An ECU that gives the same seed to every possible level."""

    def answer(self, pdu: bytes) -> bytes:
        if pdu[0] == 0x27 and len(pdu) == 2 and pdu[1] % 2:
            return bytes((0x67, pdu[1], 0x12, 0x34))
        return super().answer(pdu)


class Varied(OneFrame):
    """An ECU that also draws the length of its seeds, which may be 0; the key is the seed."""

    seed: bytes | None = None

    def power_cycle(self) -> None:
        self.seed = None

    def answer(self, pdu: bytes) -> bytes:
        if pdu[0] != 0x27 or len(pdu) < 2 or pdu[1] not in (1, 2):
            return bytes((0x7F, pdu[0], 0x12 if pdu[0] == 0x27 else 0x11))
        if pdu[1] == 1:
            self.seed = self.port.random_bytes(self.port.random_bytes(1)[0] % 6)
            return b"\x67\x01" + self.seed
        seed, self.seed = self.seed, None
        if seed is None:
            return b"\x7f\x27\x24"
        return b"\x67\x02" if pdu[2:] == seed else b"\x7f\x27\x35"


class Mortal(OneFrame):
    """An ECU that dies of a message of one byte, unless its service is TesterPresent."""

    def answer(self, pdu: bytes) -> bytes:
        if pdu == b"\x31":
            raise IndexError("no sub-function")
        return super().answer(pdu)
