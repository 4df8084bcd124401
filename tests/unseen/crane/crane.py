"""A crane's controller: 11-bit ids, two connections, levels 03 and 09, sessions 01, 03 and (only from 03) 02.

Wrong keys are counted for each level in a memory that survives power cuts. An unlock belongs to the connection that sent the
key. Each flawed crane overrides one method of this file or of `crane_services`.
"""

from __future__ import annotations

import hmac
from typing import ClassVar

import can

DEFAULT, PROGRAMMING, EXTENDED = 1, 2, 3
LOW, HIGH = 0x03, 0x09
KEPT_BACK = (0x11, 0x12, 0x31, 0x7E, 0x7F)
"""Codes of refusals that are not sent in answer to a functional request."""


def key(seed: bytes, level: int) -> bytes:
    return hmac.digest(b"crane, level %02X, 8d1f2c60" % level, seed, "sha256")[: 10 if level == LOW else 16]


class No(Exception):
    """A refusal; the argument is its code."""


class Line:
    """ISO-TP on one pair of ids, with one message in each direction and blocks of eight frames."""

    most, n_cr_s, n_bs_s, most_waits = 1024, 1.0, 1.0, 10

    def __init__(self, ecu: Crane, number: int, request_id: int, response_id: int) -> None:
        self.ecu, self.number, self.request_id, self.response_id = ecu, number, request_id, response_id
        self.clear()

    def clear(self) -> None:
        self.want, self.got, self.next, self.in_block, self.since_s = 0, b"", 1, 0, 0.0
        self.stop()

    def stop(self) -> None:
        """Send nothing more of the answer."""
        self.rest, self.sent, self.waits = b"", 1, 0
        self.is_awaiting, self.turn = False, object()

    def frame(self, data: bytes) -> None:
        kind, low = divmod(data[0], 16) if data else (15, 0)
        if kind == 0 and 0 < low < min(len(data), 8):
            self.want = 0
            self.ecu.receive(data[1 : 1 + low], self, False)
        elif kind == 1 and len(data) == 8:
            self.first(low << 8 | data[1], data)
        elif kind == 2 and self.want and len(data) > min(7, self.want - len(self.got)):
            self.further(low, data[1:])
        elif kind == 3 and self.is_awaiting and len(data) >= 3:
            self.flow(low, data[1], data[2])

    def first(self, size: int, data: bytes) -> None:
        is_escape = size == 0
        if is_escape:
            size = int.from_bytes(data[2:6], "big")
        if size < (4096 if is_escape else 8):
            return
        self.want = 0
        if size > self.most:
            self.put(b"\x32\x00\x00")
            return
        self.ecu.hear()
        self.want, self.got, self.next, self.in_block, self.since_s = size, data[2:], 1, 8, self.ecu.port.now_s
        self.put(b"\x30\x08\x01")

    def further(self, number: int, content: bytes) -> None:
        if number != self.next % 16 or self.ecu.port.now_s - self.since_s > self.n_cr_s:
            self.want = 0
            return
        self.got += content
        self.next, self.in_block, self.since_s = self.next + 1, self.in_block - 1, self.ecu.port.now_s
        if len(self.got) >= self.want:
            pdu, self.want = self.got[: self.want], 0
            self.ecu.receive(pdu, self, False)
        elif not self.in_block:
            self.in_block = 8
            self.put(b"\x30\x08\x01")

    def flow(self, status: int, block: int, stmin: int) -> None:
        if status == 1 and self.waits < self.most_waits:
            self.waits += 1
            self.await_flow()
            return
        if status != 0:
            self.stop()
            return
        self.is_awaiting, self.waits, self.turn = False, 0, object()
        gap_s = stmin / 1000 if stmin < 0x80 else (stmin - 0xF0) / 10_000 if 0xF1 <= stmin <= 0xF9 else 0.127
        self.go_on(block or -1, gap_s, self.turn)

    def go_on(self, left: int, gap_s: float, turn: object) -> None:
        if turn is not self.turn or not self.rest:
            return
        self.put(bytes((0x20 | self.sent % 16,)) + self.rest[:7])
        self.rest, self.sent = self.rest[7:], self.sent + 1
        if not self.rest:
            self.stop()
        elif left == 1:
            self.await_flow()
        else:
            self.ecu.port.call_later(gap_s, lambda: self.go_on(left - 1, gap_s, turn))

    def await_flow(self) -> None:
        self.is_awaiting, self.turn = True, object()
        turn = self.turn
        self.ecu.port.call_later(self.n_bs_s, lambda: self.stop() if turn is self.turn else None)

    def send(self, pdu: bytes) -> None:
        self.stop()
        if len(pdu) < 8:
            self.put(bytes((len(pdu),)) + pdu)
            return
        self.rest = pdu[6:]
        self.put(bytes((0x10 | len(pdu) >> 8, len(pdu) & 0xFF)) + pdu[:6])
        self.await_flow()

    def put(self, data: bytes) -> None:
        padded = data.ljust(8, b"\xaa")
        self.ecu.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=False, data=padded))


class Crane:
    """Frames, sessions, restarts and SecurityAccess."""

    ids = ((0x6A2, 0x6A3), (0x6A8, 0x6A9))
    functional_id = 0x6DF
    boot_s, s3_s, latency_s = 0.25, 5.0, 0.003
    limit, delay_s = 3, 10.0
    sizes: ClassVar = {LOW: (12, 10), HIGH: (20, 16)}
    """By level: the number of bytes of its seed, and of its key."""
    level_sessions: ClassVar = {LOW: (EXTENDED, PROGRAMMING), HIGH: (PROGRAMMING,)}

    def __init__(self) -> None:
        self.failures = {LOW: 0, HIGH: 0}

    def attach(self, port) -> None:
        self.port = port
        self.lines = [Line(self, number, *pair) for number, pair in enumerate(self.ids)]
        self.boot("power")
        self.awake_s = 0.0

    def power_cycle(self) -> None:
        self.boot("power")

    def boot(self, cause: str | int) -> None:
        """Start anew; `cause` is "power" or the reset's type."""
        for line in self.lines:
            line.clear()
        self.awake_s = self.heard_s = self.port.now_s + self.boot_s
        self.session = DEFAULT
        self.relock()
        self.free_s = {level: self.awake_s + self.delay_s if n else 0.0 for level, n in self.failures.items()}

    def relock(self) -> None:
        self.unlocked: tuple[int, int] | None = None
        """The level, and the number of the connection that unlocked it."""
        self.forget_seed()

    def forget_seed(self) -> None:
        self.asked: tuple[int, bytes, int] | None = None
        """The level and the seed, with the number of the connection that requested it."""

    # frames

    def on_frame(self, frame: can.Message) -> None:
        if frame.is_extended_id or frame.is_remote_frame or frame.is_error_frame or frame.is_fd:
            return
        if self.port.now_s < self.awake_s:
            return
        data = bytes(frame.data)
        for line in self.lines:
            if frame.arbitration_id == line.request_id:
                line.frame(data)
        if frame.arbitration_id == self.functional_id and data and 0 < data[0] < min(len(data), 8):
            self.receive(data[1 : 1 + data[0]], self.lines[0], True)

    def hear(self) -> None:
        """Begin a request: end the session if it has run out, else prolong it."""
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.lapse()
        self.heard_s = self.port.now_s

    def lapse(self) -> None:
        self.enter(DEFAULT)

    def receive(self, pdu: bytes, line: Line, is_functional: bool) -> None:
        self.hear()
        self.port.call_later(self.latency_s, lambda: self.answer(pdu, line, is_functional))

    def answer(self, pdu: bytes, line: Line, is_functional: bool) -> None:
        if self.port.now_s < self.awake_s:
            return
        self.line, self.is_functional = line.number, is_functional
        try:
            said = self.serve(pdu)
        except No as no:
            said = None if is_functional and no.args[0] in KEPT_BACK else bytes((0x7F, pdu[0], no.args[0]))
        self.heard_s = max(self.heard_s, self.port.now_s)
        if said:
            line.send(said)

    # sessions and restarts

    def services(self) -> dict:
        """Return, for each service, its function, the sessions that have it, and the least length of a request."""
        other = (PROGRAMMING, EXTENDED)
        every = (DEFAULT, *other)
        return {
            0x10: (self.control, every, 2),
            0x11: (self.reset, every, 2),
            0x27: (self.security, other, 2),
            0x3E: (self.present, every, 2),
        }

    def serve(self, pdu: bytes) -> bytes | None:
        known = self.services().get(pdu[0])
        if known is None:
            raise No(0x11)
        function, sessions, least = known
        if self.session not in sessions:
            raise No(0x7F)
        if len(pdu) < least:
            raise No(0x13)
        return function(pdu)

    def sub(self, pdu: bytes, *known: int, size: int = 2) -> int:
        if pdu[1] & 0x7F not in known:
            raise No(0x12)
        if len(pdu) != size:
            raise No(0x13)
        return pdu[1] & 0x7F

    def yes(self, pdu: bytes, rest: bytes = b"") -> bytes | None:
        return None if pdu[1] & 0x80 else bytes((pdu[0] + 0x40, pdu[1])) + rest

    def control(self, pdu: bytes) -> bytes | None:
        session = self.sub(pdu, DEFAULT, PROGRAMMING, EXTENDED)
        if session == PROGRAMMING and self.session == DEFAULT:
            raise No(0x7E)
        self.enter(session)
        return self.yes(pdu, b"\x00\x32\x01\xf4")

    def enter(self, session: int) -> None:
        self.session = session
        self.relock()

    def reset(self, pdu: bytes) -> bytes | None:
        kind = self.sub(pdu, 1, 2, 3)
        self.port.call_later(0.005, lambda: self.boot(kind))
        return self.yes(pdu)

    def present(self, pdu: bytes) -> bytes | None:
        self.sub(pdu, 0)
        return self.yes(pdu)

    # SecurityAccess

    def may(self, level: int) -> bool:
        """Whether the connection of the present request has unlocked the level."""
        return self.unlocked == (level, self.line)

    def need(self, level: int | None) -> None:
        if level is not None and not self.may(level):
            raise No(0x33)

    def security(self, pdu: bytes) -> bytes | None:
        number = pdu[1] & 0x7F
        level = number - 1 + number % 2
        if level not in self.sizes:
            raise No(0x12)
        if self.session not in self.level_sessions[level]:
            raise No(0x7E)
        return self.request_seed(pdu, level) if number == level else self.send_key(pdu, level)

    def is_delayed(self, level: int) -> bool:
        if self.port.now_s < self.free_s[level]:
            return True
        if self.failures[level] >= self.limit:
            self.failures[level] = 0
        return False

    def request_seed(self, pdu: bytes, level: int) -> bytes | None:
        if len(pdu) != 2:
            raise No(0x13)
        if self.may(level):
            self.forget_seed()
            return self.yes(pdu, bytes(self.sizes[level][0]))
        if self.is_delayed(level):
            raise No(0x37)
        seed = self.new_seed(level)
        self.asked = level, seed, self.line
        return self.yes(pdu, seed)

    def new_seed(self, level: int) -> bytes:
        return self.port.random_bytes(self.sizes[level][0])

    def send_key(self, pdu: bytes, level: int) -> bytes | None:
        if self.is_delayed(level):
            self.forget_seed()
            raise No(0x37)
        asked = self.asked
        self.forget_seed()
        if asked is None or (asked[0], asked[2]) != (level, self.line):
            raise No(0x24)
        sent = pdu[2:]
        if not self.has_key_size(level, len(sent)):
            raise No(0x13)
        if not self.fits(level, asked[1], sent):
            self.count(level, sent)
            raise No(0x36 if self.is_delayed(level) else 0x35)
        self.unlock(level)
        return self.yes(pdu)

    def has_key_size(self, level: int, size: int) -> bool:
        return size == self.sizes[level][1]

    def fits(self, level: int, seed: bytes, sent: bytes) -> bool:
        return hmac.compare_digest(sent, key(seed, level))

    def count(self, level: int, sent: bytes) -> None:
        self.failures[level] += 1
        if self.failures[level] >= self.limit:
            self.free_s[level] = self.port.now_s + self.delay_s

    def unlock(self, level: int) -> None:
        self.unlocked, self.failures[level] = (level, self.line), 0
