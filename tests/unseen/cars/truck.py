"""An ECU with 29-bit ids, a flat memory as in C programs, and its own, deliberately impatient ISO-TP.

It asks for blocks of two frames, 5 ms apart, and drops a message whose frames come sooner. Its seed stays the same until the
right key is sent; five wrong keys, counted over power cycles, are followed by a delay of ten seconds.
"""

import zlib
from hashlib import sha512

import can

BLOCK, STMIN_MS = 2, 5
FIELDS = {0xB001: (0, 2), 0xB002: (2, 20), 0xB003: (22, 4), 0xB004: (26, 1)}
"""By DID: offset and size. B001 is open, B002 and B004 need level 5, B003 is never written."""
GUARDED = (0xB002, 0xB004)


def key(seed: bytes, level: int) -> bytes:
    return sha512(b"truck" + bytes((level,)) + seed).digest()[:12]


class Truck:
    """29-bit ids, padding CC, a static seed until the right key (with counter and delay), BS 2 and STmin 5 ms."""

    request_id, response_id = 0x18DA10F1, 0x18DAF110
    limit, delay_s, s3_s = 5, 10.0, 5.0
    has_boot_delay = False
    seed_size = 16

    def __init__(self) -> None:
        self.memory = bytearray(b"\x00\x07" + b"truck protected data" + b"SN01" + b"\x09")
        self.nv = {"failures": 0, "seed": b""}

    def attach(self, port) -> None:
        self.port = port
        self.power_cycle()

    def power_cycle(self) -> None:
        self.rx = self.tx = None
        self.session, self.is_open, self.is_asked = 1, False, False
        self.last_s = self.port.now_s
        is_delayed = self.has_boot_delay or self.nv["failures"]
        self.free_s = self.port.now_s + self.delay_s if is_delayed else 0.0

    # transport

    def on_frame(self, frame: can.Message) -> None:
        is_classic = not frame.is_remote_frame and not frame.is_fd and not frame.is_error_frame
        if is_classic and frame.is_extended_id and frame.arbitration_id == self.request_id:
            self.receive(bytes(frame.data))

    def receive(self, data: bytes) -> None:
        kind = data[0] >> 4 if data else 9
        if kind == 0 and 0 < data[0] < len(data):
            self.rx = None
            self.serve_later(data[1 : 1 + data[0]])
        elif kind == 1 and len(data) == 8 and (data[0] & 15) * 256 + data[1] >= 8:
            self.first_frame((data[0] & 15) * 256 + data[1], data[2:])
        elif kind == 2 and self.rx:
            self.consecutive_frame(data)
        elif kind == 3 and self.tx and len(data) >= 3:
            self.flow_control(data)

    def first_frame(self, size: int, data: bytes) -> None:
        if size > 300:
            self.put(b"\x32\x00\x00")
            return
        self.rx = {"size": size, "got": data, "next": 1, "block": BLOCK, "at": -1.0, "late": self.port.now_s + 2.0}
        self.put(bytes((0x30, BLOCK, STMIN_MS)))

    def consecutive_frame(self, data: bytes) -> None:
        rx, now_s = self.rx, self.port.now_s
        if data[0] & 15 != rx["next"] % 16 or now_s > rx["late"] or now_s - rx["at"] < STMIN_MS / 1000 - 1e-6:
            self.rx = None
            return
        rx["got"] += data[1:]
        rx.update(next=rx["next"] + 1, block=rx["block"] - 1, at=now_s, late=now_s + 2.0)
        if len(rx["got"]) >= rx["size"]:
            self.rx = None
            self.serve_later(rx["got"][: rx["size"]])
        elif rx["block"] == 0:
            rx.update(block=BLOCK, at=-1.0)
            self.put(bytes((0x30, BLOCK, STMIN_MS)))

    def send(self, pdu: bytes) -> None:
        if len(pdu) < 8:
            self.put(bytes((len(pdu),)) + pdu)
        else:
            self.tx = {"rest": pdu[6:], "next": 1}
            self.put(bytes((0x10 | len(pdu) >> 8, len(pdu) & 255)) + pdu[:6])

    def flow_control(self, data: bytes) -> None:
        if data[0] != 0x30:
            self.tx = self.tx if data[0] == 0x31 else None
            return
        gap_s = data[2] / 1000 if data[2] < 0x80 else 0.127
        for index in range(data[1] or len(self.tx["rest"])):
            if not self.tx["rest"]:
                break
            frame = bytes((0x20 | self.tx["next"] % 16,)) + self.tx["rest"][:7]
            self.tx.update(rest=self.tx["rest"][7:], next=self.tx["next"] + 1)
            self.port.call_later(index * gap_s, lambda frame=frame: self.put(frame))
        if not self.tx["rest"]:
            self.tx = None

    def put(self, data: bytes) -> None:
        padded = data.ljust(8, b"\xcc")
        self.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=True, data=padded))

    # diagnostics

    def serve_later(self, pdu: bytes) -> None:
        self.port.call_later(0.012, lambda: self.serve(pdu))

    def serve(self, pdu: bytes) -> None:
        if self.session != 1 and self.port.now_s - self.last_s > self.s3_s:
            self.change_session(1)
        self.last_s = self.port.now_s
        reply = self.dispatch(pdu)
        if isinstance(reply, int):
            reply = bytes((0x7F, pdu[0], reply))
        if reply:
            self.send(reply)

    def dispatch(self, pdu: bytes) -> bytes | int | None:
        sid, size = pdu[0], len(pdu)
        if sid not in (0x10, 0x22, 0x27, 0x2E, 0x3E):
            return 0x11
        if size < 2:
            return 0x13
        if sid == 0x10:
            return self.session_control(pdu)
        if sid == 0x22:
            return self.read(pdu) if size == 3 else 0x13
        if sid == 0x27:
            return self.security(pdu) if self.session == 3 else 0x7F
        if sid == 0x2E:
            return self.write(int.from_bytes(pdu[1:3], "big"), pdu[3:]) if size > 3 else 0x13
        if pdu[1] & 0x7F:
            return 0x12
        return 0x13 if size != 2 else None if pdu[1] & 0x80 else b"\x7e\x00"

    def session_control(self, pdu: bytes) -> bytes | int | None:
        if pdu[1] & 0x7F not in (1, 3):
            return 0x12
        if len(pdu) != 2:
            return 0x13
        self.change_session(pdu[1] & 0x7F)
        return None if pdu[1] & 0x80 else b"\x50" + pdu[1:] + b"\x00\x32\x01\xf4"

    def change_session(self, session: int) -> None:
        self.session, self.is_open, self.is_asked = session, False, False

    def read(self, pdu: bytes) -> bytes | int:
        did = int.from_bytes(pdu[1:], "big")
        if did not in FIELDS:
            return 0x31
        at, size = FIELDS[did]
        return b"\x62" + pdu[1:] + self.memory[at : at + size]

    def write(self, did: int, value: bytes) -> bytes | int:
        if did not in FIELDS or did == 0xB003:
            return 0x31
        if did in GUARDED and not self.is_open:
            return 0x33
        return self.copy(did, value)

    def copy(self, did: int, value: bytes) -> bytes | int:
        at, size = FIELDS[did]
        if len(value) != size:
            return 0x13
        self.memory[at : at + size] = value
        return b"\x6e" + did.to_bytes(2, "big")

    def security(self, pdu: bytes) -> bytes | int:
        if pdu[1] == 5:
            return self.seed(pdu)
        return self.try_key(pdu[2:]) if pdu[1] == 6 else 0x12

    def seed(self, pdu: bytes) -> bytes | int:
        if len(pdu) != 2:
            return 0x13
        if self.is_open:
            return b"\x67\x05" + bytes(self.seed_size)
        if self.port.now_s < self.free_s:
            return 0x36
        self.is_asked = True
        self.nv["seed"] = self.nv["seed"] or self.port.random_bytes(self.seed_size)
        return b"\x67\x05" + self.nv["seed"]

    def try_key(self, sent: bytes) -> bytes | int:
        if not self.is_asked:
            return 0x24
        self.is_asked = False
        if len(sent) != 12:
            return self.wrong_size(sent)
        if sent == key(self.nv["seed"], 5):
            return self.right_key()
        self.nv["failures"] += 1
        if self.nv["failures"] < self.limit:
            return 0x35
        self.nv["failures"] = 0
        self.free_s = self.port.now_s + self.delay_s
        return 0x36

    def wrong_size(self, sent: bytes) -> bytes | int:
        return 0x13

    def right_key(self) -> bytes:
        self.is_open = True
        self.nv.update(failures=0, seed=b"")
        return b"\x67\x06"


# Sound variants.


class BootDelay(Truck):
    """Every boot is followed by ten seconds of delay, whatever happened before."""

    has_boot_delay = True


class BothOrders(Truck):
    """A wrong length is refused with 0x13 before everything else, locked or unlocked."""

    def write(self, did, value):
        return 0x13 if did in FIELDS and len(value) != FIELDS[did][1] else super().write(did, value)


class Waits(Truck):
    """A long message is granted after three flow controls that say WAIT, 300 ms apart."""

    def put(self, data):
        if data[0] != 0x30:
            super().put(data)
            return
        for count in range(3):
            self.port.call_later(0.3 * count, lambda: super(Waits, self).put(b"\x31\x00\x00"))
        self.port.call_later(0.9, lambda: super(Waits, self).put(data))


# Flawed variants.


class Overruns(Truck):
    """A value that is too long overwrites the next one, as by memcpy with the sender's length."""

    def copy(self, did, value):
        at, size = FIELDS[did]
        if len(value) < size:
            return 0x13
        self.memory[at : at + len(value)] = value
        return b"\x6e" + did.to_bytes(2, "big")


class OverrunsAndRefuses(Overruns):
    """A value that is too long is refused with 0x13, and overwrites the next one; only the value that was addressed is
    restored.
    """

    def copy(self, did, value):
        at, size = FIELDS[did]
        own = self.memory[at : at + size]
        reply = super().copy(did, value)
        if len(value) > size:
            self.memory[at : at + size] = own
            return 0x13
        return reply


class PartialWrite(Truck):
    """Twenty bytes are expected, but fewer are stored as they are."""

    def copy(self, did, value):
        at, size = FIELDS[did]
        if len(value) > size:
            return 0x13
        self.memory[at : at + len(value)] = value
        return b"\x6e" + did.to_bytes(2, "big")


class StaticForEver(Truck):
    """The seed stays the same even after the right key."""

    def right_key(self):
        seed = self.nv["seed"]
        reply = super().right_key()
        self.nv["seed"] = seed
        return reply


class SeedOfSerial(StaticForEver):
    """The seed is made of the serial number and the boot count, and so changes only at a boot."""

    boots = 0

    def power_cycle(self):
        super().power_cycle()
        self.boots += 1
        self.nv["seed"] = sha512(b"%d" % self.boots).digest()[:16]


class KeyIsCrcPadded(Truck):
    """The CRC of the seed, three times in a row, is accepted as its key; it is in no list of trivial keys."""

    def try_key(self, sent):
        if self.is_asked and sent == zlib.crc32(self.nv["seed"]).to_bytes(4, "big") * 3:
            return self.right_key()
        return super().try_key(sent)


class LongKeyOpens(Truck):
    """A key of more than 16 bytes overruns the stack: it is refused with 0x13, and opens the level."""

    def wrong_size(self, sent):
        self.is_open = len(sent) > 16
        return 0x13


class ReentryKeeps(Truck):
    """10 03 in session 03 leaves the level open; 10 01 does not."""

    def change_session(self, session):
        was_open = self.is_open and session == self.session
        super().change_session(session)
        self.is_open = was_open


class AsksAgain(Truck):
    """The static seed may be answered again after a wrong key, without a new request."""

    def try_key(self, sent):
        reply = super().try_key(sent)
        self.is_asked = reply == 0x35
        return reply


class CfAsSingle(Truck):
    """A consecutive frame without a first frame is executed as a request if its length fits."""

    def receive(self, data):
        if data and data[0] >> 4 == 2 and not self.rx:
            size = {0x22: 3, 0x2E: 5}.get(data[1], 0)
            if size:
                self.serve_later(data[1 : 1 + size])
                return
        super().receive(data)


class SpinsOnUnsupported(Truck):
    """An unsupported service makes the ECU wait for a flag that is never set."""

    def dispatch(self, pdu):
        while pdu[0] not in (0x10, 0x22, 0x27, 0x2E, 0x3E):
            pass
        return super().dispatch(pdu)


class NeverLetsTimePass(Truck):
    """An unexpected flow control is put back into the queue for ever, so that no time passes."""

    def receive(self, data):
        if data and data[0] >> 4 == 3 and not self.tx:
            self.port.call_later(0, lambda: self.receive(data))
        else:
            super().receive(data)


class TakenTwice(Truck):
    """The right key is accepted a second and a third time."""

    good = b""

    def try_key(self, sent):
        if self.is_open and sent == self.good:
            return b"\x67\x06"
        reply = super().try_key(sent)
        self.good = sent if reply == b"\x67\x06" else self.good
        return reply


class OpensDuringKey(Truck):
    """A write is permitted while a seed waits for its key."""

    def write(self, did, value):
        was_open, self.is_open = self.is_open, self.is_open or self.is_asked
        reply = super().write(did, value)
        self.is_open = was_open
        return reply


class DiesAtLongWrite(Truck):
    """A value that is one byte too long kills the ECU."""

    def copy(self, did, value):
        if len(value) > FIELDS[did][1]:
            raise SystemError("stack smashing detected")
        return super().copy(did, value)
