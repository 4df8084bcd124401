"""ECUs older than UDS, with single frames on 7E0 and 7E8; written from public traces without the harness's code."""

import can

from harness.simulation.node import Port


class Old:
    """What the ECUs of both dialects share: a level whose seed is random, and whose key is the seed with every bit
    inverted.
    """

    boots_in_s = 0.1

    def attach(self, port: Port) -> None:
        self.port, self.ready_s, self.wrong, self.closed_s = port, 0.0, 0, 0.0
        self.vin, self.limit = b"W0L0\x01", b"\x05"
        self.restart()

    def power_cycle(self) -> None:
        self.ready_s = self.port.now_s + self.boots_in_s
        self.restart()

    def restart(self) -> None:
        self.session, self.seed, self.is_open, self.heard_s = 0x81, b"", False, self.port.now_s

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        is_ours = frame.arbitration_id == 0x7E0 and not (frame.is_extended_id or frame.is_remote_frame or frame.is_fd)
        if self.port.now_s >= self.ready_s and is_ours and data and 0 < data[0] < min(len(data), 8):
            pdu = data[1 : 1 + data[0]]
            self.port.call_later(0.001, lambda: self.send(self.serve(pdu)))

    def send(self, message: bytes) -> None:
        if message:
            field = (bytes((len(message),)) + message).ljust(8, b"\x00")
            self.port.send(can.Message(arbitration_id=0x7E8, data=field, is_extended_id=False))

    def serve(self, pdu: bytes) -> bytes:
        said = self.answer(pdu[0], pdu[1:])
        self.heard_s = self.port.now_s
        return bytes((0x7F, pdu[0], said)) if isinstance(said, int) else said

    def answer(self, service: int, rest: bytes) -> bytes | int:
        raise NotImplementedError

    def access(self, rest: bytes) -> bytes | int:
        if rest == b"\x01":
            if self.port.now_s < self.closed_s:
                return 0x37
            self.seed = bytes(2) if self.is_open else self.port.random_bytes(2) or b"\x01\x02"
            return b"\x67\x01" + self.seed
        if rest[:1] != b"\x02" or len(rest) != 3:
            return 0x12
        seed, self.seed = self.seed, b""
        if not seed:
            return 0x22
        if rest[1:] == bytes(byte ^ 0xFF for byte in seed):
            self.is_open, self.wrong = True, 0
            return self.opened()
        self.wrong += 1
        if self.wrong < 3:
            return 0x35
        self.wrong, self.closed_s = 0, self.port.now_s + 10.0
        return 0x36

    def opened(self) -> bytes:
        return b"\x67\x02"


class Kwp(Old):
    """KWP2000 with sessions 81 and 89, level 01 in 89, identification 1A 90, and 21 and 3B of identifier 05, which needs the
    level.
    """

    def answer(self, service: int, rest: bytes) -> bytes | int:
        if self.session != 0x81 and self.port.now_s - self.heard_s > 5.0:
            self.change(0x81)
        if service == 0x10:
            if rest not in (b"\x81", b"\x89"):
                return 0x12
            self.change(rest[0])
            return b"\x50" + rest
        if service == 0x3E:
            return {b"\x01": b"\x7e", b"\x02": b""}.get(rest, 0x12)
        if service == 0x1A:
            return b"\x5a\x90" + self.vin if rest == b"\x90" else 0x12
        if service == 0x21:
            return b"\x61\x05" + self.limit if rest == b"\x05" else 0x31
        if service == 0x3B:
            if rest[:1] != b"\x05" or len(rest) != 2:
                return 0x12
            if not self.is_open:
                return 0x33
            self.limit = rest[1:]
            return b"\x7b\x05"
        if service == 0x27:
            return self.access(rest) if self.session == 0x89 else 0x80
        return 0x11

    def change(self, session: int) -> None:
        self.session, self.is_open, self.seed = session, False, b""

    def opened(self) -> bytes:
        return b"\x67\x02\x34"


class PlainKwp(Kwp):
    """KWP2000 without sessions: 20 stops diagnosis, TesterPresent is one byte, and the level is always available."""

    def answer(self, service: int, rest: bytes) -> bytes | int:
        if service == 0x10:
            return 0x12
        if service == 0x20:
            self.change(0x81)
            return 0x12 if rest else b"\x60"
        if service == 0x3E:
            return 0x12 if rest else b"\x7e"
        self.session = 0x89
        return super().answer(service, rest)


class TalkativeKwp(Kwp):
    """KWP2000 whose TesterPresent is also accepted in the form of UDS."""

    def answer(self, service: int, rest: bytes) -> bytes | int:
        return b"\x7e\x00" if (service, rest) == (0x3E, b"\x00") else super().answer(service, rest)


class WorthlessKwp(Kwp):
    """KWP2000 with the same seed each time, and without a count of wrong keys."""

    def access(self, rest: bytes) -> bytes | int:
        if rest == b"\x01":
            self.seed = bytes(2) if self.is_open else b"\x12\x34"
            return b"\x67\x01" + self.seed
        said = super().access(rest)
        self.wrong = 0
        return said


class Gm(Old):
    """GMLAN with TesterPresent of one byte, 1A of 90 and B0, and 3B of 05, which needs the level; 20 returns to normal and
    locks.
    """

    def answer(self, service: int, rest: bytes) -> bytes | int:
        if service == 0x3E:
            return 0x12 if rest else b"\x7e"
        if service == 0x20:
            self.is_open = False
            return 0x12 if rest else b"\x60"
        if service == 0xA2:
            return 0x12 if rest else b"\xe2\x00"
        if service == 0x1A:
            known = {b"\x90": self.vin, b"\x05": self.limit, b"\xb0": b"\x11"}
            return b"\x5a" + rest + known[rest] if rest in known else 0x31
        if service == 0x3B:
            if rest[:1] != b"\x05" or len(rest) != 2:
                return 0x12
            if not self.is_open:
                return 0x33
            self.limit = rest[1:]
            return b"\x7b\x05"
        return self.access(rest) if service == 0x27 else 0x11


class WorthlessGm(Gm):
    """GMLAN without a count of wrong keys."""

    def access(self, rest: bytes) -> bytes | int:
        said = super().access(rest)
        self.wrong, self.closed_s = 0, 0.0
        return 0x35 if said == 0x36 else said


class SilentUds(Old):
    """UDS without TesterPresent, and with a session above 7F; it must not be taken for an older dialect."""

    def answer(self, service: int, rest: bytes) -> bytes | int:
        if service == 0x3E:
            return b""
        if service == 0x10:
            if rest not in (b"\x01", b"\x03", b"\x90"):
                return 0x12
            return b"\x50" + rest + b"\x00\x32\x01\xf4"
        if service == 0x22:
            return b"\x62\xf1\x86\x01" if rest == b"\xf1\x86" else 0x31
        return self.access(rest) if service == 0x27 else 0x11


def inverted(seed: bytes, level: int) -> bytes:
    """Compute the key of all these ECUs."""
    return bytes(byte ^ 0xFF for byte in seed)
