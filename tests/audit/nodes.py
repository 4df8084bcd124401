"""ECUs written by hand for these tests: nothing of `harness` in them. Each variant of the small one does one thing more."""

from __future__ import annotations

import hashlib

import can

OPEN, PROTECTED = 0x0100, 0x0200
MARKUP = "<script>alert(1)</script>"


def key(seed: bytes, level: int) -> bytes:
    return hashlib.sha1(b"small" + seed).digest()[:4]


def raising_key(seed: bytes, level: int) -> bytes:
    raise RuntimeError("the DLL is not licensed")


def text_key(seed: bytes, level: int) -> str:
    return key(seed, level).hex()


class SmallEcu:
    """Single frames, no sessions, three attempts and then ten seconds; sound."""

    limit, delay_s = 3, 10.0

    def __init__(self) -> None:
        self.values = {OPEN: b"\x01", PROTECTED: b"\x02"}
        self.failures = 0
        self.deaths = 0

    def attach(self, port) -> None:
        self.port = port
        self.start()

    def power_cycle(self) -> None:
        self.start()

    def start(self) -> None:
        self.is_open = False
        self.seed = None
        self.opens_s = self.port.now_s + self.delay_s if self.failures else 0.0

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if frame.arbitration_id != 0x700 or frame.is_extended_id or frame.is_remote_frame:
            return
        if not data or not 1 <= data[0] <= 7 or len(data) <= data[0]:
            return
        answer = self.answer(data[1 : 1 + data[0]])
        if answer:
            padded = (bytes((len(answer),)) + answer).ljust(8, b"\x00")
            self.port.send(can.Message(arbitration_id=0x708, is_extended_id=False, data=padded))

    def answer(self, pdu: bytes) -> bytes | None:
        service = {0x22: self.read, 0x2E: self.write, 0x27: self.security, 0x3E: self.present}.get(pdu[0])
        answer = service(pdu) if service else 0x11
        return bytes((0x7F, pdu[0], answer)) if isinstance(answer, int) else answer

    def present(self, pdu: bytes):
        if len(pdu) != 2:
            return 0x13
        return {0x00: b"\x7e\x00", 0x80: b""}.get(pdu[1], 0x12)

    def read(self, pdu: bytes):
        if len(pdu) != 3:
            return 0x13
        did = int.from_bytes(pdu[1:3], "big")
        return b"\x62" + pdu[1:3] + self.values[did] if did in self.values else 0x31

    def write(self, pdu: bytes):
        if len(pdu) < 4:
            return 0x13
        did = int.from_bytes(pdu[1:3], "big")
        if did not in self.values:
            return 0x31
        if len(pdu) != 3 + len(self.values[did]):
            return 0x13
        if did == PROTECTED and not self.is_open:
            return 0x33
        self.values[did] = pdu[3:]
        return b"\x6e" + pdu[1:3]

    def security(self, pdu: bytes):
        if len(pdu) < 2:
            return 0x13
        if pdu[1] == 0x01:
            return self.give_seed(pdu)
        return self.take_key(pdu) if pdu[1] == 0x02 else 0x12

    def give_seed(self, pdu: bytes):
        if len(pdu) != 2:
            return 0x13
        if self.port.now_s < self.opens_s:
            return 0x37
        if self.is_open:
            return b"\x67\x01" + bytes(4)
        self.seed = self.port.random_bytes(4)
        return b"\x67\x01" + self.seed

    def take_key(self, pdu: bytes):
        seed, self.seed = self.seed, None
        if seed is None:
            return 0x24
        if len(pdu) != 6:
            return 0x13
        if pdu[2:] == key(seed, 1):
            self.is_open = True
            self.failures = 0
            return b"\x67\x02"
        self.failures += 1
        if self.failures < self.limit:
            return 0x35
        self.failures = 0
        self.opens_s = self.port.now_s + self.delay_s
        return 0x36


def small() -> SmallEcu:
    return SmallEcu()


class Unlimited(SmallEcu):
    limit = 10**9


class Mute(SmallEcu):
    """Never answers."""

    def answer(self, pdu: bytes) -> None:
        return None


class FlawedOnce(SmallEcu):
    """The first read of 0200 gives another value."""

    has_lied = False

    def read(self, pdu: bytes):
        if pdu[1:3] == b"\x02\x00" and not self.has_lied:
            self.has_lied = True
            return b"\x62\x02\x00\xee"
        return super().read(pdu)


class DiesOnF0(SmallEcu):
    """The service F0 kills it, as often as it is asked."""

    most_deaths = 10**9

    def answer(self, pdu: bytes) -> bytes | None:
        if pdu[0] == 0xF0 and self.deaths < self.most_deaths:
            self.deaths += 1
            raise MemoryError(f"stack smashed {MARKUP}")
        return super().answer(pdu)


class DiesOnceOnF0(DiesOnF0):
    most_deaths = 1


class DiesForEver(DiesOnF0):
    """Cutting its supply does not help."""

    def start(self) -> None:
        if self.deaths:
            raise MemoryError("still smashed")
        super().start()


class Markup(DiesOnF0):
    """What it says is markup: in DID 5000, on its console, and in its last words."""

    rest = b""

    def start(self) -> None:
        super().start()
        print(MARKUP)

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x700 and frame.data[0] >> 4 == 3:
            for number, start in enumerate(range(0, len(self.rest), 7), start=1):
                self.send(bytes((0x20 | number,)) + self.rest[start : start + 7])
            self.rest = b""
        elif frame.arbitration_id == 0x700 and frame.data[:4] == b"\x03\x22\x50\x00":
            answer = b"\x62\x50\x00" + MARKUP.encode()
            self.rest = answer[6:]
            self.send(bytes((0x10, len(answer))) + answer[:6])
        else:
            super().on_frame(frame)

    def send(self, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=0x708, is_extended_id=False, data=data.ljust(8, b"\x00")))
