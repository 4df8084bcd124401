"""Nodes that answer but cannot be trusted: silent, endless, garbled, crashing. Most of them have the DIDs of frugal.py."""

import hashlib

import can

REQUEST, RESPONSE = 0x600, 0x608
CELLS = {0x0100: b"\x10", 0x0200: b"\x20", 0xF100: b"\x01\x02\x03"}


class Wreck:
    """A node that receives single frames and handles them in `answer`; its power cannot be cut."""

    def attach(self, port) -> None:
        self.port = port

    def on_frame(self, frame: can.Message) -> None:
        data = bytes(frame.data)
        if frame.arbitration_id == REQUEST and data and 0 < data[0] < min(8, len(data)):
            self.answer(data[1 : 1 + data[0]])

    def answer(self, pdu: bytes) -> None:
        """Do nothing; a subclass overrides this."""

    def put(self, data: bytes, **kind) -> None:
        self.port.send(can.Message(arbitration_id=RESPONSE, is_extended_id=False, data=data, **kind))

    def say(self, pdu: bytes) -> None:
        self.put(bytes((len(pdu),)) + pdu)


class Silent(Wreck):
    """Never answers."""


class AlwaysRefuses(Wreck):
    """Supports no service at all."""

    def answer(self, pdu):
        self.say(bytes((0x7F, pdu[0], 0x11)))


class AlwaysAgrees(Wreck):
    """Every frame gets a positive answer, even a consecutive one."""

    def on_frame(self, frame):
        data = bytes(frame.data)
        if frame.arbitration_id == REQUEST and len(data) > 1:
            self.say(bytes(((data[1] + 0x40) & 0xFF,)) + data[2:6])


class Modest(Wreck):
    """A small ECU that reads, writes the open DID, and has a SecurityAccess with a limit; it sends by `say`."""

    def __init__(self):
        self.cells = dict(CELLS)

    def attach(self, port):
        super().attach(port)
        self.power_cycle()

    def power_cycle(self):
        self.seed, self.is_open, self.failures, self.free_s = None, False, 0, 0.0

    def answer(self, pdu):
        reply = self.serve(pdu)
        self.say(bytes((0x7F, pdu[0], reply)) if isinstance(reply, int) else reply)

    def serve(self, pdu):
        if pdu[0] == 0x22:
            return self.read(pdu) if len(pdu) == 3 else 0x13
        if pdu[0] == 0x2E:
            return self.write(int.from_bytes(pdu[1:3], "big"), pdu[3:]) if len(pdu) > 3 else 0x13
        if pdu[0] != 0x27:
            return 0x11
        if len(pdu) < 2:
            return 0x13
        if pdu[1] == 1:
            return self.ask() if len(pdu) == 2 else 0x13
        return self.try_key(pdu[2:]) if pdu[1] == 2 else 0x12

    def read(self, pdu):
        value = self.cells.get(int.from_bytes(pdu[1:], "big"))
        return 0x31 if value is None else b"\x62" + pdu[1:] + value

    def write(self, did, value):
        if did not in (0x0100, 0x0200):
            return 0x31
        if len(value) != 1:
            return 0x13
        if did == 0x0200 and not self.is_open:
            return 0x33
        self.cells[did] = value
        return b"\x6e" + did.to_bytes(2, "big")

    def ask(self):
        if self.is_open:
            return b"\x67\x01" + bytes(4)
        if self.port.now_s < self.free_s:
            return 0x37
        self.seed = self.port.random_bytes(4)
        return b"\x67\x01" + self.seed

    def try_key(self, sent):
        if self.port.now_s < self.free_s:
            return 0x37
        seed, self.seed = self.seed, None
        if seed is None:
            return 0x24
        if len(sent) != 4:
            return 0x13
        if sent == hashlib.blake2s(seed, key=b"frugal1").digest()[:4]:
            self.is_open, self.failures = True, 0
            return b"\x67\x02"
        self.failures += 1
        if self.failures < 3:
            return 0x35
        self.failures, self.free_s = 0, self.port.now_s + 10
        return 0x36


class Twice(Modest):
    """Every answer is sent twice, back to back."""

    def say(self, pdu):
        super().say(pdu)
        super().say(pdu)


class EchoLater(Modest):
    """Every answer comes after 30 ms, and once more 15 ms later."""

    def say(self, pdu):
        self.port.call_later(0.030, lambda: super(EchoLater, self).say(pdu))
        self.port.call_later(0.045, lambda: super(EchoLater, self).say(pdu))


class LateAnswers(Modest):
    """Answers to 27 02 come 80 ms late, beyond P2, without a response pending."""

    def answer(self, pdu):
        self.port.call_later(0.130 if pdu[:2] == b"\x27\x02" else 0.001, lambda: super(LateAnswers, self).answer(pdu))


class Garbage(Wreck):
    """Answers are a random number of random frames with random bytes."""

    def answer(self, pdu):
        for _ in range(self.port.random_bytes(1)[0] % 5):
            self.put(self.port.random_bytes(self.port.random_bytes(1)[0] % 9))


class GarbageFrames(Modest):
    """Each answer follows frames of every other kind on the response id: remote, error, FD, 29-bit, empty, reserved."""

    def say(self, pdu):
        self.put(b"", is_remote_frame=True)
        self.put(b"\x04\x67\x02", is_fd=True)
        self.put(b"\x00\x42" + bytes(62), is_fd=True)
        self.port.send(can.Message(arbitration_id=RESPONSE, is_extended_id=True, data=b"\x02\x67\x02"))
        self.put(b"")
        self.put(b"\x00\x67\x02")
        self.put(b"\x0f\x67\x02")
        self.put(b"\x22\x67\x02\x01")
        self.put(b"\xf0\x67\x02")
        super().say(pdu)


class ErrorFrames(Modest):
    """The node sends error frames, which no node can, and so is dead at its first answer."""

    def say(self, pdu):
        self.put(b"\x02\x67\x02", is_error_frame=True)
        super().say(pdu)


class Markup(Modest):
    """Values, console output and last words of the node are markup."""

    text = b"<script>alert('\x1b[31m')</script></td>]]>{{7*7}}%s\x00\xff"

    def serve(self, pdu):
        print("<img src=x onerror=alert(1)>\x1b[2J\x00\udcff")
        if pdu[0] > 0x80:
            raise ValueError("</pre><script>alert(2)</script>\x00\ud800")
        return super().serve(pdu)

    def read(self, pdu):
        return b"\x62" + pdu[1:] + self.text

    def say(self, pdu):
        if len(pdu) < 8:
            super().say(pdu)
            return
        self.put(bytes((0x10, len(pdu))) + pdu[:6])
        for number, at in enumerate(range(6, len(pdu), 7), 1):
            self.put(bytes((0x20 | number % 16,)) + pdu[at : at + 7])


class Megabytes(Modest):
    """A value of a megabyte is sent, in spite of every flow control, and as much is printed."""

    def read(self, pdu):
        print("A" * (1 << 20))
        self.put(b"\x10\x00\x00\x10\x00\x00\x62" + pdu[1:2])
        self.flood(1)
        return super().read(pdu)

    def flood(self, number):
        if number < 1000:
            self.put(bytes((0x20 | number % 16,)) + b"MEGABYT")
            self.port.call_later(0.0003, lambda: self.flood(number + 1))


class LongRecords(Modest):
    """Values have 4000 bytes and are sent correctly: ten times what any of these checks needs."""

    def read(self, pdu):
        reply = super().read(pdu)
        return reply if isinstance(reply, int) else reply + bytes(4000)

    def say(self, pdu):
        if len(pdu) < 8:
            super().say(pdu)
            return
        self.put(bytes((0x10 | len(pdu) >> 8, len(pdu) & 255)) + pdu[:6])
        self.port.call_later(0.001, lambda: self.rest(pdu, 6, 1))

    def rest(self, pdu, at, number):
        self.put(bytes((0x20 | number % 16,)) + pdu[at : at + 7])
        if at + 7 < len(pdu):
            self.port.call_later(0.0003, lambda: self.rest(pdu, at + 7, number + 1))


class PendingForEver(Modest):
    """Each write is answered 0x78 every two seconds, and never finally."""

    def answer(self, pdu):
        if pdu[0] == 0x2E:
            self.later()
        else:
            super().answer(pdu)

    def later(self):
        self.say(b"\x7f\x2e\x78")
        self.port.call_later(2.0, self.later)


class BusyForEver(Modest):
    """Every request is refused with 0x21."""

    def serve(self, pdu):
        return 0x21


class FloodsItsId(Modest):
    """After the first request, a meaningless frame comes on the response id every millisecond."""

    is_flooding = False

    def answer(self, pdu):
        if not self.is_flooding:
            self.is_flooding = True
            self.flood()
        super().answer(pdu)

    def flood(self):
        self.put(b"\x00\x00")
        self.port.call_later(0.001, self.flood)


class DiesAfterHundred(Modest):
    """The hundredth frame kills the node, whatever it is."""

    heard = 0

    def power_cycle(self):
        super().power_cycle()
        self.heard = 0

    def answer(self, pdu):
        self.heard += 1
        if self.heard == 100:
            raise MemoryError
        super().answer(pdu)


class DeadFromTheStart(Wreck):
    """Raises when it is attached to the bus."""

    def attach(self, port):
        raise OSError("no such EEPROM")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("not even its own text")


class RaisesUnspeakable(Modest):
    """An unsupported service kills the node by an exception that cannot be printed."""

    def serve(self, pdu):
        if pdu[0] not in (0x22, 0x27, 0x2E):
            raise Unspeakable
        return super().serve(pdu)


class Recurses(Modest):
    """An unsupported service makes the node recurse without end."""

    def serve(self, pdu):
        return super().serve(pdu) if pdu[0] in (0x22, 0x27, 0x2E) else self.serve(pdu)


class SendsNonsense(Modest):
    """The node gives the bus a frame of nine bytes, which is no frame."""

    def serve(self, pdu):
        if pdu[0] not in (0x22, 0x27, 0x2E):
            self.put(bytes(9))
        return super().serve(pdu)


class SpinsOnKeyWithoutSeed(Modest):
    """A key without a seed makes the node spin; `except Exception` does not help it."""

    def try_key(self, sent):
        while self.seed is None and not self.is_open:
            try:
                self.seed[0]
            except Exception:
                continue
        return super().try_key(sent)
