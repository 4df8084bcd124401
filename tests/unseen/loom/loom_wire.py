"""Implement the loom's ISO-TP like an interrupt routine: a mailbox for each direction and a table of frame types."""

from collections.abc import Callable
from dataclasses import dataclass, field

IGNORED = b""


@dataclass(slots=True)
class Mailbox:
    """A message that is being sent or received, and how far it has come."""

    content: bytearray = field(default_factory=bytearray)
    size: int = 0
    number: int = 0
    due_s: float = 0.0
    block: int = 0
    gap_s: float = 0.0
    waits: int = 0
    state: str = "idle"
    """Of an incoming message: idle, busy; of an outgoing one: idle, waiting (for flow control), busy (frames are sent)."""


class Wire:
    """Takes frames, and passes messages to `deliver`; sends messages by `put`. Its own flow control asks for no pauses."""

    capacity = 600
    timeout_s = 1.0

    def __init__(self, port, put: Callable[[bytes], None], deliver: Callable[[bytes, bool], None], hear: Callable) -> None:
        self.port, self.put, self.deliver, self.hear = port, put, deliver, hear
        self.clear()

    def clear(self) -> None:
        self.incoming, self.outgoing = Mailbox(), Mailbox()

    def take(self, data: bytes, is_functional: bool) -> None:
        if not data:
            return
        kinds = (self.single, self.first, self.consecutive, self.flow_control)
        kind = data[0] >> 4
        if kind < (1 if is_functional else len(kinds)):
            kinds[kind](data, is_functional)

    def single(self, data: bytes, is_functional: bool) -> None:
        size = data[0]
        if 1 <= size <= 7 and size < len(data):
            if not is_functional:
                self.incoming = Mailbox()
            self.deliver(data[1 : size + 1], is_functional)

    def first(self, data: bytes, is_functional: bool) -> None:
        if len(data) < 8:
            return
        size = (data[0] & 15) * 256 + data[1]
        is_long = size == 0 and int.from_bytes(data[2:6], "big") > 4095
        if size < 8 and not is_long:
            return
        self.incoming = Mailbox()
        if is_long or size > self.capacity:
            self.put(bytes((0x32, 0, 0)))
            return
        self.hear()
        self.incoming = Mailbox(bytearray(data[2:]), size, 1, self.port.now_s + self.timeout_s, state="busy")
        self.put(bytes((0x30, 0, 0)))

    def consecutive(self, data: bytes, is_functional: bool) -> None:
        box = self.incoming
        if box.state == "idle":
            return
        if self.port.now_s > box.due_s or data[0] & 15 != box.number or len(data) < min(8, box.size - len(box.content) + 1):
            self.incoming = Mailbox()
            return
        box.content += data[1:]
        box.number, box.due_s = (box.number + 1) % 16, self.port.now_s + self.timeout_s
        if len(box.content) >= box.size:
            self.incoming = Mailbox()
            self.deliver(bytes(box.content[: box.size]), False)

    def flow_control(self, data: bytes, is_functional: bool) -> None:
        box = self.outgoing
        if box.state != "waiting" or len(data) < 3 or self.port.now_s > box.due_s:
            return
        status = data[0] & 15
        if status == 1 and box.waits < 8:
            box.waits, box.due_s = box.waits + 1, self.port.now_s + self.timeout_s
        elif status == 0:
            box.state, box.waits, box.block = "busy", 0, data[1] or 1 << 16
            box.gap_s = self.gap_s(data[2])
            self.pump(box)
        else:
            self.outgoing = Mailbox()

    @staticmethod
    def gap_s(stmin: int) -> float:
        if stmin < 0x80:
            return stmin / 1000
        return (stmin & 15) / 10_000 if 0xF1 <= stmin <= 0xF9 else 0.127

    def pump(self, box: Mailbox) -> None:
        if box is not self.outgoing or box.state != "busy":
            return
        self.put(bytes((0x20 | box.number,)) + bytes(box.content[:7]))
        del box.content[:7]
        box.number, box.block = (box.number + 1) % 16, box.block - 1
        if not box.content:
            self.outgoing = Mailbox()
        elif box.block:
            self.port.call_later(box.gap_s, lambda: self.pump(box))
        else:
            box.state, box.due_s = "waiting", self.port.now_s + self.timeout_s

    def send(self, message: bytes) -> None:
        if len(message) <= 7:
            self.outgoing = Mailbox()
            self.put(bytes((len(message), *message)))
            return
        self.outgoing = Mailbox(bytearray(message[6:]), len(message), 1, self.port.now_s + self.timeout_s, state="waiting")
        self.put((0x1000 + len(message)).to_bytes(2, "big") + message[:6])
