"""A tractor's implement controller with its own ISO-TP: three sessions, one level (05), seeds of 12 bytes and keys of 10.

This controller is sound; the other files of the folder change one thing each. `key` opens all of them, unless their file has
a key function of its own.
"""

import hashlib
from collections.abc import Callable

import can

DEFAULT, PROGRAMMING, EXTENDED = 0x01, 0x02, 0x03
SPEED, LIMIT, CODE, SERIAL, ACTIVE_SESSION = 0x4A01, 0x4A02, 0x4A03, 0xF18C, 0xF186
GUARDED = (LIMIT, CODE)
UNSAID_TO_ALL = (0x11, 0x12, 0x31, 0x7E, 0x7F)
"""Codes with which a functional request is not refused."""
SECRET = bytes.fromhex("5E0C91D7A2384BF66D1F20C3887AE415")


def key(seed: bytes, level: int) -> bytes:
    return hashlib.sha3_256(SECRET + bytes((level,)) + seed).digest()[:10]


class Refusal(Exception):
    """A negative response; the argument is its code."""


def but(base: type, **otherwise: object) -> type:
    """Return a class that differs from its base in some values and methods, given by name."""
    return type(base.__name__, (base,), otherwise)


class Lane:
    """ISO-TP for one pair of ids: a buffer of 600 bytes for receiving, and one message at a time for sending."""

    room, n_cr_s, n_bs_s, most_waits = 600, 1.0, 1.0, 8

    def __init__(self, now_s: Callable[[], float], put: Callable[[bytes], None], later: Callable) -> None:
        self.now_s, self.put, self.later = now_s, put, later
        self.wanted, self.got, self.number, self.last_s = 0, bytearray(), 0, 0.0
        self.rest, self.index, self.turn, self.waits, self.is_asking = b"", 0, 0, 0, False

    # Receiving

    def take(self, data: bytes, is_functional: bool) -> bytes | None:
        """Take a frame; return the message that this frame completes, if any."""
        kind = data[0] >> 4 if data else None
        if kind == 0:
            return self.single(data, is_functional)
        if is_functional:
            return None
        if kind == 1 and len(data) == 8:
            self.first(data)
        elif kind == 2:
            return self.consecutive(data)
        elif kind == 3 and len(data) >= 3:
            self.flow(data[0] & 0xF, data[1], data[2])
        return None

    def single(self, data: bytes, is_functional: bool) -> bytes | None:
        size = data[0] & 0xF
        if not 0 < size < len(data):
            return None
        if not is_functional:
            self.wanted = 0
        return data[1 : 1 + size]

    def first(self, data: bytes) -> None:
        size = int.from_bytes(data[:2], "big") & 0xFFF
        if size == 0:
            if int.from_bytes(data[2:6], "big") > 0xFFF:
                self.put(b"\x32\x00\x00")
            return
        if size < 8:
            return
        self.wanted = 0
        if size > self.room:
            self.put(b"\x32\x00\x00")
        else:
            self.begin(size, data[2:])

    def begin(self, size: int, content: bytes) -> None:
        self.wanted, self.got, self.number, self.last_s = size, bytearray(content), 1, self.now_s()
        self.put(b"\x30\x00\x00")

    def consecutive(self, data: bytes) -> bytes | None:
        if not self.wanted:
            return None
        needed = min(7, self.wanted - len(self.got))
        if self.now_s() - self.last_s > self.n_cr_s or data[0] & 0xF != self.number or len(data) <= needed:
            self.wanted = 0
            return None
        self.got += data[1 : 1 + needed]
        self.number, self.last_s = (self.number + 1) & 0xF, self.now_s()
        if len(self.got) < self.wanted:
            return None
        self.wanted = 0
        return bytes(self.got)

    # Sending

    def send(self, pdu: bytes) -> None:
        self.turn += 1
        self.is_asking, self.rest = False, b""
        if len(pdu) < 8:
            self.put(bytes((len(pdu),)) + pdu)
            return
        self.rest, self.index, self.waits = pdu[6:], 1, 0
        self.put((0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:6])
        self.ask()

    def ask(self) -> None:
        self.turn += 1
        turn, self.is_asking = self.turn, True
        self.later(self.n_bs_s, lambda: self.give_up() if self.turn == turn else None)

    def give_up(self) -> None:
        self.turn += 1
        self.rest, self.is_asking = b"", False

    def flow(self, status: int, block: int, gap: int) -> None:
        if not self.is_asking:
            return
        if status == 0:
            self.is_asking = False
            self.turn += 1
            self.go(block, block, self.gap_s(gap), self.turn)
        elif status == 1 and self.waits < self.most_waits:
            self.waits += 1
            self.ask()
        else:
            self.give_up()

    def gap_s(self, gap: int) -> float:
        if 0xF1 <= gap <= 0xF9:
            return (gap - 0xF0) * 1e-4
        return min(gap, 0x7F) * 1e-3

    def go(self, block: int, left: int, gap_s: float, turn: int) -> None:
        while self.rest and self.turn == turn:
            self.put(bytes((0x20 | self.index & 0xF,)) + self.rest[:7])
            self.rest, self.index, left = self.rest[7:], self.index + 1, left - 1
            if self.rest and block and left == 0:
                self.ask()
            elif self.rest and gap_s:
                self.later(gap_s, lambda left=left: self.go(block, left, gap_s, turn))
                return


class Tractor:
    request_id, response_id, functional_id = 0x6B2, 0x6BA, 0x6F0
    is_extended, fill = False, 0xA5
    answer_s, boot_s, s3_s = 0.003, 0.25, 5.0
    sessions, security_sessions = (DEFAULT, PROGRAMMING, EXTENDED), (EXTENDED,)
    level, seed_bytes, key_bytes, limit, delay_s = 0x05, 12, 10, 3, 10.0

    def __init__(self) -> None:
        self.values = {SPEED: b"\x01\x2c", LIMIT: b"\x37", CODE: b"\x10\x20\x30\x40\x50\x60", SERIAL: b"TRACTOR-0417"}
        self.failures, self.closed_until_s = 0, 0.0  # kept without supply, as are the values

    def attach(self, port) -> None:
        self.port, self.life, self.awake_s = port, 0, 0.0
        self.boot()

    def power_cycle(self) -> None:
        self.awake_s = self.port.now_s + self.boot_s
        self.boot()

    def boot(self) -> None:
        self.life += 1
        self.lane = Lane(lambda: self.port.now_s, self.put, self.later)
        self.heard_s = self.port.now_s
        if self.failures or self.port.now_s < self.closed_until_s:
            self.closed_until_s = self.awake_s + self.delay_s
        self.enter(DEFAULT)

    def later(self, delay_s: float, callback: Callable[[], None]) -> None:
        """Call a function after a time, unless the ECU restarts before."""
        life = self.life
        self.port.call_later(delay_s, lambda: callback() if self.life == life else None)

    def enter(self, session: int) -> None:
        self.session = session
        self.relock()

    def relock(self) -> None:
        self.is_open, self.seed = False, None

    # Frames

    def is_ours(self, frame: can.Message) -> bool:
        if frame.is_remote_frame or frame.is_error_frame or frame.is_fd or frame.is_extended_id != self.is_extended:
            return False
        return frame.arbitration_id in (self.request_id, self.functional_id)

    def on_frame(self, frame: can.Message) -> None:
        if self.port.now_s < self.awake_s or not self.is_ours(frame):
            return
        self.hear(bytes(frame.data), frame.arbitration_id == self.functional_id)

    def hear(self, data: bytes, is_functional: bool) -> None:
        self.expire()
        pdu = self.lane.take(data, is_functional)
        if pdu or self.lane.wanted:
            self.heard_s = self.port.now_s
        if pdu:
            self.later(self.answer_s, lambda: self.answer(pdu, is_functional))

    def expire(self) -> None:
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.enter(DEFAULT)

    def put(self, data: bytes) -> None:
        content = data if self.fill is None else data.ljust(8, bytes((self.fill,)))
        self.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=self.is_extended, data=content))

    def answer(self, pdu: bytes, is_functional: bool) -> None:
        self.is_functional = is_functional
        self.heard_s = self.port.now_s
        try:
            said = self.serve(pdu)
        except Refusal as refusal:
            (code,) = refusal.args
            said = None if is_functional and code in UNSAID_TO_ALL else self.refuse(pdu, code)
        if said:
            self.lane.send(said)

    def refuse(self, pdu: bytes, code: int) -> bytes | None:
        return bytes((0x7F, pdu[0], code))

    # Services

    def services(self) -> dict[int, Callable[[bytes], bytes | None]]:
        return {
            0x10: self.control,
            0x11: self.reset,
            0x22: self.read,
            0x27: self.access,
            0x2E: self.write,
            0x3E: self.present,
        }

    def serve(self, pdu: bytes) -> bytes | None:
        service = self.services().get(pdu[0])
        if service is None:
            raise Refusal(0x11)
        if self.session not in self.sessions_of(pdu[0]):
            raise Refusal(0x7F)
        if len(pdu) < 2:
            raise Refusal(0x13)
        return service(pdu)

    def sessions_of(self, sid: int) -> tuple[int, ...]:
        return self.security_sessions if sid == 0x27 else (self.session,)

    def choice(self, pdu: bytes, *known: int) -> int:
        """Return the sub-function of a request of two bytes."""
        if pdu[1] & 0x7F not in known:
            raise Refusal(0x12)
        if len(pdu) != 2:
            raise Refusal(0x13)
        return pdu[1] & 0x7F

    def routine_choice(self, pdu: bytes, routine: bytes, *known: int) -> int:
        """Return the sub-function of a request for the only routine."""
        if len(pdu) < 4:
            raise Refusal(0x13)
        if pdu[2:4] != routine:
            raise Refusal(0x31)
        if pdu[1] & 0x7F not in known:
            raise Refusal(0x12)
        if len(pdu) != 4:
            raise Refusal(0x13)
        return pdu[1] & 0x7F

    def agree(self, pdu: bytes, rest: bytes = b"") -> bytes | None:
        return None if pdu[1] & 0x80 else bytes((pdu[0] + 0x40, pdu[1])) + rest

    def control(self, pdu: bytes) -> bytes | None:
        self.enter(self.choice(pdu, *self.sessions))
        return self.agree(pdu, b"\x00\x32\x01\xf4")

    def reset(self, pdu: bytes) -> bytes | None:
        self.choice(pdu, 0x01)
        self.later(0.002, self.power_cycle)
        return self.agree(pdu)

    def present(self, pdu: bytes) -> bytes | None:
        self.choice(pdu, 0x00)
        return self.agree(pdu)

    def value(self, did: int) -> bytes | None:
        return bytes((self.session,)) if did == ACTIVE_SESSION else self.values.get(did)

    def may_read(self, did: int) -> bool:
        return did != CODE or self.is_open

    def may_write(self, did: int) -> bool:
        return did not in GUARDED or self.is_open

    def read(self, pdu: bytes) -> bytes | None:
        if len(pdu) % 2 == 0 or len(pdu) > 33:
            raise Refusal(0x13)
        asked = [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu), 2)]
        known = [(did, value) for did in asked if (value := self.value(did)) is not None]
        if not known:
            raise Refusal(0x31)
        if not all(self.may_read(did) for did, _ in known):
            raise Refusal(0x33)
        return b"\x62" + b"".join(did.to_bytes(2, "big") + value for did, value in known)

    def write(self, pdu: bytes) -> bytes | None:
        if len(pdu) < 4:
            raise Refusal(0x13)
        did, value = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        if did not in self.values or did in (SERIAL, ACTIVE_SESSION):
            raise Refusal(0x31)
        if len(value) != len(self.values[did]):
            raise Refusal(0x13)
        if not self.may_write(did):
            raise Refusal(0x33)
        self.values[did] = value
        return b"\x6e" + pdu[1:3]

    # SecurityAccess

    def access(self, pdu: bytes) -> bytes | None:
        sub_function = pdu[1] & 0x7F
        if sub_function == self.level:
            return self.give_seed(pdu)
        if sub_function == self.level + 1:
            return self.take_key(pdu)
        raise Refusal(0x12)

    def give_seed(self, pdu: bytes) -> bytes | None:
        if len(pdu) != 2:
            raise Refusal(0x13)
        if self.is_open:
            return self.agree(pdu, self.open_seed())
        if self.is_closed():
            raise Refusal(0x37)
        self.seed = self.new_seed()
        return self.agree(pdu, self.seed)

    def is_closed(self) -> bool:
        return self.port.now_s < self.closed_until_s

    def open_seed(self) -> bytes:
        return bytes(self.seed_bytes)

    def new_seed(self) -> bytes:
        return self.port.random_bytes(self.seed_bytes)

    def take_key(self, pdu: bytes) -> bytes | None:
        seed, self.seed = self.seed, None
        if seed is None:
            raise Refusal(0x24)
        if len(pdu) != 2 + self.key_bytes:
            raise Refusal(0x13)
        if not self.fits(seed, pdu[2:]):
            return self.wrong_key(pdu)
        self.is_open, self.failures = True, 0
        return self.agree(pdu)

    def fits(self, seed: bytes, sent: bytes) -> bool:
        return sent == key(seed, self.level)

    def wrong_key(self, pdu: bytes) -> bytes | None:
        raise Refusal(0x36 if self.count() else 0x35)

    def count(self) -> bool:
        """Count a wrong key; return whether it was one too many, so that the delay has begun."""
        self.failures += 1
        if self.failures < self.limit:
            return False
        self.failures, self.closed_until_s = 0, self.port.now_s + self.delay_s
        return True
