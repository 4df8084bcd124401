"""ECUs written by hand, without the package `harness`. Each variant of the small ECU differs in one thing."""

import hashlib

import can

OPEN, PROTECTED = 0x0100, 0x0200
MARKUP = "<script>alert(1)</script>"


def key(seed: bytes, level: int) -> bytes:
    return hashlib.sha1(b"small" + seed).digest()[:8]


def raising_key(seed: bytes, level: int) -> bytes:
    raise RuntimeError("the DLL is not licensed")


def text_key(seed: bytes, level: int) -> str:
    return key(seed, level).hex()


class Wire:
    """ISO-TP on 0x700 and 0x708, with messages of up to 64 bytes. Frames that nobody requested are ignored."""

    longest, patience_s = 64, 1.0

    def attach(self, port) -> None:
        self.port = port
        self.start()

    def power_cycle(self) -> None:
        self.start()

    def start(self) -> None:
        self.length, self.received, self.rest, self.waits_until_s = 0, b"", b"", 0.0

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if frame.arbitration_id != 0x700 or frame.is_extended_id or frame.is_remote_frame or not data:
            return
        kind, low = divmod(data[0], 16)
        if kind == 0 and 1 <= low < len(data):
            self.take(data[1 : 1 + low])
        elif kind == 1 and len(data) == 8 and (low << 8 | data[1]) > 7:
            self.begin(low << 8 | data[1], data[2:])
        elif kind == 2 and self.length and self.port.now_s <= self.waits_until_s:
            self.go_on(low, data[1:])
        elif kind == 3 and len(data) >= 3 and self.rest and self.port.now_s <= self.waits_until_s:
            self.flow(low, data[1], data[2])

    def begin(self, length: int, piece: bytes) -> None:
        is_too_long = length > self.longest
        self.length, self.received, self.number = (0 if is_too_long else length), piece, 1
        self.waits_until_s = self.port.now_s + self.patience_s
        self.send(b"\x32\x00\x00" if is_too_long else b"\x30\x00\x00")

    def go_on(self, number: int, piece: bytes) -> None:
        missing = self.length - len(self.received)
        if number != self.number or len(piece) < min(missing, 7):
            self.length = 0
            return
        self.received += piece[:missing]
        self.number = (number + 1) % 16
        self.waits_until_s = self.port.now_s + self.patience_s
        if len(self.received) == self.length:
            self.take(self.received)

    def take(self, pdu: bytes) -> None:
        self.length, self.rest = 0, b""
        answer = self.answer(pdu)
        if answer and len(answer) < 8:
            self.send(bytes((len(answer),)) + answer)
        elif answer:
            self.rest, self.number_sent = answer[6:], 1
            self.waits_until_s = self.port.now_s + self.patience_s
            self.send(bytes((0x10 | len(answer) >> 8, len(answer) & 0xFF)) + answer[:6])

    def flow(self, status: int, block: int, gap: int) -> None:
        self.waits_until_s = self.port.now_s + self.patience_s
        if status == 0:
            gap_s = gap / 1000 if gap < 0x80 else (gap - 0xF0) / 10_000 if 0xF1 <= gap <= 0xF9 else 0.127
            self.send_rest(block or len(self.rest), gap_s)
        elif status != 1:
            self.rest = b""

    def send_rest(self, frames: int, gap_s: float) -> None:
        self.send(bytes((0x20 | self.number_sent,)) + self.rest[:7])
        self.rest, self.number_sent = self.rest[7:], (self.number_sent + 1) % 16
        if self.rest and frames > 1:
            self.port.call_later(gap_s, lambda: self.rest and self.send_rest(frames - 1, gap_s))

    def send(self, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=0x708, is_extended_id=False, data=data.ljust(8, b"\x00")))


class SmallEcu(Wire):
    """A sound ECU without sessions, with three attempts and then a delay of ten seconds."""

    limit, delay_s = 3, 10.0

    def __init__(self) -> None:
        self.values = {OPEN: b"\x01", PROTECTED: b"\x02"}
        self.failures = 0
        self.deaths = 0

    def start(self) -> None:
        super().start()
        self.is_open = False
        self.seed = None
        self.opens_s = self.port.now_s + self.delay_s if self.failures else 0.0

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
        if self.failures >= self.limit:
            self.failures = 0
        if self.is_open:
            return b"\x67\x01" + bytes(8)
        self.seed = self.port.random_bytes(8)
        return b"\x67\x01" + self.seed

    def take_key(self, pdu: bytes):
        seed, self.seed = self.seed, None
        if seed is None:
            return 0x24
        if len(pdu) != 10:
            return 0x13
        if pdu[2:] == key(seed, 1):
            self.is_open = True
            self.failures = 0
            return b"\x67\x02"
        self.failures += 1
        if self.failures < self.limit:
            return 0x35
        self.opens_s = self.port.now_s + self.delay_s
        return 0x36


def small() -> SmallEcu:
    return SmallEcu()


class Unlimited(SmallEcu):
    limit = 10**9


class Mute(SmallEcu):
    """An ECU that never answers."""

    def answer(self, pdu: bytes) -> None:
        return None


class FlawedOnce(SmallEcu):
    """An ECU whose first read of 0200 gives another value than later reads."""

    has_lied = False

    def read(self, pdu: bytes):
        if pdu[1:3] == b"\x02\x00" and not self.has_lied:
            self.has_lied = True
            return b"\x62\x02\x00\xee"
        return super().read(pdu)


class DiesOnF0(SmallEcu):
    """An ECU that dies at each request of service F0."""

    most_deaths = 10**9

    def answer(self, pdu: bytes) -> bytes | None:
        if pdu[0] == 0xF0 and self.deaths < self.most_deaths:
            self.deaths += 1
            raise MemoryError(f"stack smashed {MARKUP}")
        return super().answer(pdu)


class DiesOnceOnF0(DiesOnF0):
    most_deaths = 1


class DiesForEver(DiesOnF0):
    """An ECU that dies at a request of service F0, and stays dead even if its supply is cut."""

    def start(self) -> None:
        if self.deaths:
            raise MemoryError("still smashed")
        super().start()


class Markup(DiesOnF0):
    """An ECU whose text is markup: in DID 5000, on its console, and in its last words."""

    def start(self) -> None:
        super().start()
        print(MARKUP)

    def read(self, pdu: bytes):
        return b"\x62\x50\x00" + MARKUP.encode() if pdu == b"\x22\x50\x00" else super().read(pdu)
