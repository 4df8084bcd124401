"""Provide a bus for one ECU, with a clock that a test moves, and a tester for that ECU."""

import hashlib
import itertools
from collections.abc import Callable

import can

from tests.clock import Clock

PENDING = 0x78


class Bench(Clock):
    """A node's port, with a tester on the other side. Frames arrive at once."""

    def __init__(self, node, key: Callable[[bytes, int], bytes]) -> None:
        super().__init__()
        self.node, self.key, self.draws = node, key, itertools.count()
        self.frames: list[can.Message] = []
        self.pairs = getattr(node, "ids", None) or ((node.request_id, node.response_id),)
        node.attach(self)

    # the port

    def send(self, frame: can.Message) -> None:
        self.frames.append(frame)

    def random_bytes(self, n: int) -> bytes:
        return hashlib.shake_128(b"%d" % next(self.draws)).digest(n)

    # time

    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    def power(self, boot_s: float = 0.5) -> None:
        self.forget()
        self.node.power_cycle()
        self.wait(boot_s)
        self.frames.clear()

    # the tester

    def put(self, can_id: int, data: bytes) -> None:
        padded = data.ljust(8, b"\x00")
        self.node.on_frame(can.Message(arbitration_id=can_id, is_extended_id=can_id > 0x7FF, data=padded))

    def ask(self, request: str | bytes, line: int = 0, is_functional: bool = False, patience_s: float = 1.0) -> str:
        """Send a request; return the final answer in hex, "" for silence."""
        pdu = bytes.fromhex(request) if isinstance(request, str) else request
        self.frames.clear()
        self.request(pdu, self.node.functional_id if is_functional else self.pairs[line][0], line)
        while (said := self.listen(line, patience_s))[:1] == b"\x7f" and said[2] == PENDING:
            patience_s = 5.0
        return said.hex(" ").upper()

    def request(self, pdu: bytes, can_id: int, line: int = 0) -> None:
        if len(pdu) < 8:
            self.put(can_id, bytes((len(pdu),)) + pdu)
            return
        self.put(can_id, (0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:6])
        for number, at in enumerate(range(6, len(pdu), 7)):
            if self.frames:
                assert self.next_frame(line, 1.0)[0] == 0x30
            self.put(can_id, bytes((0x20 | (number + 1) % 16,)) + pdu[at : at + 7])

    def next_frame(self, line: int, patience_s: float) -> bytes:
        if not self.advance(patience_s, lambda: bool(self.frames)):
            return b""
        frame = self.frames.pop(0)
        assert frame.arbitration_id == self.pairs[line][1]
        return bytes(frame.data)

    def listen(self, line: int = 0, patience_s: float = 1.0) -> bytes:
        data = self.next_frame(line, patience_s)
        if not data or data[0] < 8:
            return data[1 : 1 + data[0]] if data else b""
        size, got = (data[0] & 15) << 8 | data[1], data[2:]
        self.put(self.pairs[line][0], b"\x30\x00\x00")
        while len(got) < size:
            got += self.next_frame(line, 1.0)[1:]
        return got[:size]

    def go(self, *sessions: int, line: int = 0) -> None:
        for session in sessions:
            assert self.ask(bytes((0x10, session)), line).startswith(f"50 {session:02X}")

    def seed(self, level: int, line: int = 0) -> bytes:
        said = bytes.fromhex(self.ask(bytes((0x27, level)), line))
        assert said[:2] == bytes((0x67, level)), said.hex(" ")
        return said[2:]

    def send_key(self, level: int, sent: bytes, line: int = 0) -> str:
        return self.ask(bytes((0x27, level + 1)) + sent, line)

    def unlock(self, level: int, line: int = 0) -> None:
        said = self.send_key(level, self.key(self.seed(level, line), level), line)
        assert said == f"67 {level + 1:02X}", said

    def wrong(self, level: int, sent: bytes | None = None, line: int = 0) -> str:
        """Request a seed and send a wrong key: the right key inverted, or `sent`. Return the answer to either."""
        said = self.ask(bytes((0x27, level)), line)
        if not said.startswith("67"):
            return said
        right = self.key(bytes.fromhex(said)[2:], level)
        return self.send_key(level, bytes(byte ^ 0xFF for byte in right) if sent is None else sent, line)

    def lock(self, level: int) -> None:
        assert any(self.wrong(level)[-2:] in ("36", "37") for _ in range(20))
