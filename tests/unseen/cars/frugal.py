"""A small ECU without sessions: single frames only, 4-byte seeds, its own ISO-TP. Each variant overrides one thing."""

import hashlib

import can

OPEN, PROTECTED, FIXED = 0x0100, 0x0200, 0xF100


def key(seed: bytes, level: int) -> bytes:
    """Compute the key that the target file uses; it is as long as the seed."""
    return hashlib.blake2s(seed, key=b"frugal%d" % level).digest()[: len(seed)]


def wrong_key(seed: bytes, level: int) -> bytes:
    return hashlib.blake2s(seed, key=b"another car").digest()[: len(seed)]


def raising_key(seed: bytes, level: int) -> bytes:
    raise RuntimeError("the DLL is not licensed <b>here</b>")


def text_key(seed: bytes, level: int) -> str:
    return key(seed, level).hex()


def no(sid: int, nrc: int) -> bytes:
    return bytes((0x7F, sid, nrc))


def but(base: type, **otherwise: object) -> type:
    """Return a class that differs from its base in some values and methods, given by name."""
    return type(base.__name__, (base,), otherwise)


class Frugal:
    """A sound ECU without sessions; its supply can be cut, and its answers are as short as their content."""

    request_id, response_id, is_extended = 0x600, 0x608, False
    pad: int | None = None
    latency_s = 0.003
    seed_bytes = 4
    limit, delay_s = 3, 10.0

    def __init__(self) -> None:
        self.cells = {OPEN: b"\x10", PROTECTED: b"\x20", FIXED: b"\x01\x02\x03"}
        self.failures = 0  # non-volatile

    def attach(self, port) -> None:
        self.port = port
        self.boot()

    def power_cycle(self) -> None:
        self.boot()

    def boot(self) -> None:
        self.is_open = False
        self.pending: bytes | None = None
        self.locked_until_s = self.port.now_s + self.delay_s if self.failures else 0.0

    # frames

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id != self.request_id or frame.is_extended_id != self.is_extended:
            return
        if frame.is_remote_frame or frame.is_error_frame or frame.is_fd:
            return
        pdu = self.unpack(bytes(frame.data))
        if pdu:
            self.port.call_later(self.latency_s, lambda: self.answer(pdu))

    def unpack(self, data: bytes) -> bytes | None:
        if not data or not 1 <= data[0] <= 7 or data[0] >= len(data):
            return None
        return data[1 : 1 + data[0]]

    def answer(self, pdu: bytes) -> None:
        reply = self.serve(pdu)
        if reply:
            self.reply(reply)

    def reply(self, pdu: bytes) -> None:
        data = bytes((len(pdu),)) + pdu
        if self.pad is not None:
            data = data.ljust(8, bytes((self.pad,)))
        self.put(data)

    def put(self, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=self.is_extended, data=data))

    # services

    def serve(self, pdu: bytes) -> bytes | None:
        services = {0x22: self.read, 0x2E: self.write, 0x27: self.security, 0x3E: self.present}
        service = services.get(pdu[0])
        return service(pdu) if service else self.unsupported(pdu)

    def unsupported(self, pdu: bytes) -> bytes | None:
        return no(pdu[0], 0x11)

    def present(self, pdu: bytes) -> bytes | None:
        if len(pdu) != 2:
            return no(0x3E, 0x13)
        if pdu[1] & 0x7F:
            return no(0x3E, 0x12)
        return None if pdu[1] & 0x80 else b"\x7e\x00"

    def read(self, pdu: bytes) -> bytes:
        if len(pdu) != 3:
            return no(0x22, 0x13)
        cell = self.cells.get(int.from_bytes(pdu[1:3], "big"))
        return b"\x62" + pdu[1:3] + cell if cell is not None else no(0x22, 0x31)

    def write(self, pdu: bytes) -> bytes:
        did = int.from_bytes(pdu[1:3], "big")
        if len(pdu) < 4:
            return self.short_write(pdu)
        if did not in (OPEN, PROTECTED):
            return no(0x2E, 0x31)
        if len(pdu) != 3 + len(self.cells[did]):
            return self.misfit(did, pdu[3:])
        if did == PROTECTED and not self.may_write():
            return self.refuse_write(did, pdu[3:])
        return self.store(did, pdu[3:])

    def short_write(self, pdu: bytes) -> bytes:
        return no(0x2E, 0x13)

    def misfit(self, did: int, value: bytes) -> bytes:
        return no(0x2E, 0x13)

    def may_write(self) -> bool:
        return self.is_open

    def refuse_write(self, did: int, value: bytes) -> bytes:
        return no(0x2E, 0x33)

    def store(self, did: int, value: bytes) -> bytes:
        self.cells[did] = value
        return b"\x6e" + did.to_bytes(2, "big")

    # security access

    def security(self, pdu: bytes) -> bytes | None:
        if len(pdu) < 2:
            return no(0x27, 0x13)
        if pdu[1] == 0x01:
            return self.request_seed(pdu)
        if pdu[1] == 0x02:
            return self.send_key(pdu)
        return no(0x27, 0x12)

    def is_delayed(self) -> bool:
        return self.port.now_s < self.locked_until_s

    def request_seed(self, pdu: bytes) -> bytes:
        if len(pdu) != 2:
            return no(0x27, 0x13)
        if self.is_open:
            return b"\x67\x01" + bytes(self.seed_bytes)
        if self.is_delayed():
            return no(0x27, 0x37)
        self.pending = self.new_seed()
        return b"\x67\x01" + self.pending

    def new_seed(self) -> bytes:
        return self.port.random_bytes(self.seed_bytes)

    def send_key(self, pdu: bytes) -> bytes | None:
        if self.is_delayed():
            return no(0x27, 0x37)
        if self.pending is None:
            return self.no_seed(pdu[2:])
        seed, self.pending = self.pending, None
        if len(pdu) != 2 + self.seed_bytes:
            return self.bad_key_length(pdu[2:])
        if self.fits(seed, pdu[2:]):
            return self.unlock()
        return self.wrong_key(seed)

    def no_seed(self, sent: bytes) -> bytes | None:
        return no(0x27, 0x24)

    def bad_key_length(self, sent: bytes) -> bytes | None:
        return no(0x27, 0x13)

    def fits(self, seed: bytes, sent: bytes) -> bool:
        return sent == key(seed, 1)

    def unlock(self) -> bytes:
        self.is_open, self.failures = True, 0
        return b"\x67\x02"

    def wrong_key(self, seed: bytes) -> bytes:
        self.failures += 1
        if self.failures >= self.limit:
            self.locked_until_s, self.failures = self.port.now_s + self.delay_s, 0
            return no(0x27, 0x36)
        return no(0x27, 0x35)


# Sound variants.


OneTry = but(Frugal, limit=1)
"""The first wrong key locks the ECU out."""


class TwoTries(Frugal):
    """A key during the delay is refused for its missing seed, and a key's length is checked before its seed."""

    limit = 2

    def send_key(self, pdu):
        if len(pdu) != 6:
            self.pending = None
            return no(0x27, 0x13)
        return no(0x27, 0x24) if self.is_delayed() else super().send_key(pdu)


TenTries = but(Frugal, limit=10, pad=0xFF)
"""Ten tries are permitted; frames are padded with FF."""


class Tarpit(Frugal):
    """Every wrong key is followed by a delay of a second; there is no other limit."""

    def wrong_key(self, seed):
        self.locked_until_s = self.port.now_s + 1.0
        return no(0x27, 0x35)


class Decremented(Frugal):
    """After the delay one try is left instead of three."""

    def wrong_key(self, seed):
        self.failures += 1
        if self.failures < self.limit:
            return no(0x27, 0x35)
        self.failures, self.locked_until_s = self.limit - 1, self.port.now_s + self.delay_s
        return no(0x27, 0x36)


class Backoff(Frugal):
    """Each delay is twice as long as the one before, until the right key comes."""

    def __init__(self):
        super().__init__()
        self.next_s = 10.0

    def unlock(self):
        self.next_s = 10.0
        return super().unlock()

    def wrong_key(self, seed):
        self.delay_s = self.next_s
        reply = super().wrong_key(seed)
        if reply[2] == 0x36:
            self.next_s *= 2
        return reply


ShortSeeds = but(Frugal, seed_bytes=2)
"""Seeds have two truly random bytes, so that equal seeds are to be expected."""


class AlwaysBootDelay(Frugal):
    """Seeds are refused with 0x37 for ten seconds after every power-up."""

    def boot(self):
        super().boot()
        self.locked_until_s = self.port.now_s + self.delay_s


class CountersLoad(Frugal):
    """Seeds are refused with 0x22 in the first half second, while the counters are read from the EEPROM."""

    def boot(self):
        super().boot()
        self.loaded_s = self.port.now_s + 0.5

    def security(self, pdu):
        return no(0x27, 0x22) if self.port.now_s < self.loaded_s else super().security(pdu)


class ShortZeroSeed(Frugal):
    """The zero seed of the unlocked level has two bytes, other seeds have four."""

    def request_seed(self, pdu):
        return b"\x67\x01\x00\x00" if self.is_open and len(pdu) == 2 else super().request_seed(pdu)


class NoSeedWhenOpen(Frugal):
    """A seed request is refused with 0x22 while the level is unlocked."""

    def request_seed(self, pdu):
        return no(0x27, 0x22) if self.is_open and len(pdu) == 2 else super().request_seed(pdu)


class SeedsCount(Frugal):
    """A seed that is not answered counts as an attempt."""

    def request_seed(self, pdu):
        if self.pending is not None and not self.is_delayed():
            self.failures += 1
            if self.failures >= self.limit:
                self.failures, self.pending = 0, None
                self.locked_until_s = self.port.now_s + self.delay_s
        return super().request_seed(pdu)


class AllProtected(Frugal):
    """Every DID is write-protected."""

    def write(self, pdu):
        is_known = int.from_bytes(pdu[1:3], "big") == OPEN
        return no(0x2E, 0x33) if is_known and not self.is_open else super().write(pdu)


class RefusesFirst(Frugal):
    """0x33 comes before 0x13, so that a tester who may not write does not learn the record's length."""

    def write(self, pdu):
        is_known = int.from_bytes(pdu[1:3], "big") == PROTECTED
        return no(0x2E, 0x33) if is_known and not self.is_open else super().write(pdu)


FullFrames = but(Frugal, pad=0xCC, unpack=lambda ecu, data: Frugal.unpack(ecu, data) if len(data) == 8 else None)
"""Padding is mandatory: a frame that is not 8 bytes long is ignored."""


class Restless(Frugal):
    """The protected value counts by itself, ten times a second."""

    def attach(self, port):
        super().attach(port)
        self.beat()

    def power_cycle(self):
        super().power_cycle()
        self.beat()

    def beat(self):
        self.cells[PROTECTED] = bytes(((self.cells[PROTECTED][0] + 1) & 0xFF,))
        self.port.call_later(0.1, self.beat)


class Drifting(Restless):
    """The protected value changes by itself, but only every 7 seconds, like the minutes of a clock."""

    def beat(self):
        self.cells[PROTECTED] = bytes(((self.cells[PROTECTED][0] + 1) & 0xFF,))
        self.port.call_later(7.0, self.beat)


WriteOnly = but(Frugal, read=lambda ecu, pdu: no(0x22, 0x31) if pdu[1:] == b"\x02\x00" else Frugal.read(ecu, pdu))
"""Nobody can read the protected value."""


class OneWrite(Frugal):
    """An unlock permits only one write."""

    def store(self, did, value):
        if did == PROTECTED:
            self.is_open = False
        return super().store(did, value)


class ClosesSoon(Frugal):
    """An unlock lasts for half a second only."""

    def unlock(self):
        self.port.call_later(0.5, self.close)
        return super().unlock()

    def close(self):
        self.is_open = False


Masked = but(Frugal, store=lambda ecu, did, value: Frugal.store(ecu, did, bytes(byte & 0x7E for byte in value)))
"""Bit 7 and bit 0 of every value are reserved and read as 0."""


class Ranged(Frugal):
    """Only values from 10 to 2F can be written, though the target file does not say so."""

    def store(self, did, value):
        return super().store(did, value) if 0x10 <= value[0] <= 0x2F else no(0x2E, 0x31)


class Lazy(Frugal):
    """A write is accepted at once, but its value can be read only 80 ms later."""

    def store(self, did, value):
        self.port.call_later(0.08, lambda: self.cells.__setitem__(did, value))
        return b"\x6e" + did.to_bytes(2, "big")


class Supplier(Frugal):
    """Two more services exist: 83 of the standard, and BA of the supplier."""

    def serve(self, pdu):
        if pdu[0] == 0x83:
            return no(0x83, 0x13 if len(pdu) < 2 else 0x12)
        if pdu[0] == 0xBA:
            return b"\xfa\x01"
        return super().serve(pdu)


LongDelay = but(Frugal, delay_s=3600.0)
"""The delay lasts an hour, which is not declared."""


# Flawed variants.


class Cycle300(Frugal):
    """Seeds come from a table of 300, used again and again."""

    at = 0

    def new_seed(self):
        self.at = (self.at + 1) % 300
        return hashlib.sha256(b"table %d" % self.at).digest()[:4]


class TwelveBits(ShortSeeds):
    """Only twelve bits of a seed's two bytes are random."""

    def new_seed(self):
        low = int.from_bytes(self.port.random_bytes(2), "big") & 0x0FFF
        return hashlib.sha256(low.to_bytes(2, "big")).digest()[:2]


class StaticUncounted(Frugal):
    """The seed stays the same until the right key comes, and wrong keys have no limit; the standard then demands a random
    seed.
    """

    kept: bytes | None = None

    def new_seed(self):
        self.kept = self.kept or super().new_seed()
        return self.kept

    def unlock(self):
        self.kept = None
        return super().unlock()

    def wrong_key(self, seed):
        return no(0x27, 0x35)


LocksAt15 = but(Frugal, limit=15)


class UninitialisedKey(Frugal):
    """Before any seed was given, the expected key is the zeros in the RAM."""

    def no_seed(self, sent):
        return self.unlock() if sent == bytes(4) and not self.is_open else no(0x27, 0x24)


SilentWithoutSeed = but(Frugal, no_seed=lambda ecu, sent: None)
"""A key without a seed is not answered."""

ComparesWithoutSeed = but(Frugal, no_seed=lambda ecu, sent: ecu.wrong_key(b""))
"""A key without a seed is compared: refused with 0x35, and counted."""


class DiesWithoutSeed(Frugal):
    """A key without a seed kills the ECU."""

    def no_seed(self, sent):
        raise KeyError("seed")


class ForgivesOnce(Frugal):
    """The first wrong key after a right one leaves its seed valid; later wrong keys use it up."""

    def wrong_key(self, seed):
        reply = super().wrong_key(seed)
        if self.failures == 1:
            self.pending = seed
        return reply


class AcceptsTwiceWithinASecond(Frugal):
    """The right key is accepted a second time within a second."""

    opened_s, last = -9.0, b""

    def send_key(self, pdu):
        if self.is_open and pdu[2:] == self.last and self.port.now_s - self.opened_s < 1.0:
            return b"\x67\x02"
        reply = super().send_key(pdu)
        if reply == b"\x67\x02":
            self.opened_s, self.last = self.port.now_s, pdu[2:]
        return reply


class AnySeedOfThisBoot(Frugal):
    """The key for any earlier seed of this boot opens the level, too."""

    def boot(self):
        super().boot()
        self.given = []

    def new_seed(self):
        self.given.append(super().new_seed())
        return self.given[-1]

    def fits(self, seed, sent):
        return any(sent == key(one, 1) for one in self.given[-4:])


class SecondToLastKey(Frugal):
    """The key that was accepted before the last accepted one stays valid."""

    def __init__(self):
        super().__init__()
        self.accepted = []

    def fits(self, seed, sent):
        if super().fits(seed, sent):
            self.accepted.append(sent)
            return True
        return len(self.accepted) > 1 and sent == self.accepted[-2]


class CachedKey(Frugal):
    """After a restart the last accepted key still opens the level, without any seed."""

    cached = None

    def fits(self, seed, sent):
        is_right = super().fits(seed, sent)
        self.cached = sent if is_right else self.cached
        return is_right

    def no_seed(self, sent):
        return self.unlock() if not self.is_open and sent == self.cached else no(0x27, 0x24)


class MasterKey(Frugal):
    """The key DEADBEEF opens the level, whatever the seed is."""

    master = bytes.fromhex("DEADBEEF")

    def fits(self, seed, sent):
        return sent == self.master or super().fits(seed, sent)


MasterFF = but(MasterKey, master=b"\xff" * 4)
"""The key FFFFFFFF opens the level, whatever the seed is."""


class KeyPlusOne(Frugal):
    """The seed plus one is accepted as its key."""

    def fits(self, seed, sent):
        return int.from_bytes(sent, "big") == (int.from_bytes(seed, "big") + 1) % 2**32 or super().fits(seed, sent)


KeyReversed = but(Frugal, fits=lambda ecu, seed, sent: sent == seed[::-1] or Frugal.fits(ecu, seed, sent))
"""The seed's bytes in reverse order are accepted as its key."""

KeyOfZero = but(Frugal, fits=lambda ecu, seed, sent: sent == key(bytes(4), 1) or Frugal.fits(ecu, seed, sent))
"""The key for the seed 00 00 00 00 opens the level, whatever seed was given."""


class KeyRotated(Frugal):
    """The key is the seed rotated by three bits, which is in no list of trivial keys."""

    def fits(self, seed, sent):
        number = int.from_bytes(seed, "big")
        return int.from_bytes(sent, "big") == (number << 3 | number >> 29) % 2**32 or super().fits(seed, sent)


class OpensAtThirdMalformed(Frugal):
    """Every third key of a wrong length is refused with 0x13, and opens the level."""

    malformed = 0

    def bad_key_length(self, sent):
        self.malformed += 1
        self.is_open = self.is_open or self.malformed % 3 == 0
        return no(0x27, 0x13)


class OpensAtLimit(Frugal):
    """The wrong key at the limit is refused with 0x36, and opens the level."""

    def wrong_key(self, seed):
        reply = super().wrong_key(seed)
        self.is_open = reply[2] == 0x36
        return reply


class OpensOnSequenceError(Frugal):
    """A key without a seed is refused with 0x24, and opens the level."""

    def no_seed(self, sent):
        self.is_open = True
        return no(0x27, 0x24)


class OpensOnWrongKey(Frugal):
    """A wrong key is refused with 0x35, and opens the level."""

    def wrong_key(self, seed):
        self.is_open = True
        return super().wrong_key(seed)


OpenDuringDelay = but(Frugal, may_write=lambda ecu: ecu.is_open or ecu.is_delayed())
"""During the delay after too many wrong keys the protected value may be written."""


class StoresThenRefuses(Frugal):
    """A locked write is refused with 0x22, and stored."""

    def refuse_write(self, did, value):
        self.cells[did] = value
        return no(0x2E, 0x22)


class SecondWrite(Frugal):
    """A write directly after a refused write is performed."""

    is_second = False

    def serve(self, pdu):
        was_refused, self.is_second = self.is_second, False
        if was_refused and pdu[0] == 0x2E and len(pdu) == 4 and pdu[1:3] == b"\x02\x00":
            return self.store(PROTECTED, pdu[3:])
        reply = super().serve(pdu)
        self.is_second = reply == no(0x2E, 0x33)
        return reply


OpenWhileSeedPending = but(Frugal, may_write=lambda ecu: ecu.is_open or ecu.pending is not None)
"""The protected value may be written while a seed waits for its key."""


class PadStoredInFullFrame(Frugal):
    """A write without data stores the padding, if the frame has any."""

    pad = 0x00

    def unpack(self, data):
        self.frame = data
        return super().unpack(data)

    def short_write(self, pdu):
        did = int.from_bytes(pdu[1:3], "big")
        if len(self.frame) == 8 and len(pdu) == 3 and (did == OPEN or (did == PROTECTED and self.is_open)):
            return self.store(did, self.frame[4:5])
        return no(0x2E, 0x13)


class PadAAStored(PadStoredInFullFrame):
    """A write without data stores the padding, if the padding is AA."""

    def short_write(self, pdu):
        return super().short_write(pdu) if self.frame[-1] == 0xAA else no(0x2E, 0x13)


class TakesFirstByte(Frugal):
    """If a protected value is too long, its first byte is stored; the length of the open value is checked."""

    def misfit(self, did, value):
        return self.store(did, value[:1]) if did == PROTECTED and self.is_open else no(0x2E, 0x13)


ShortSeven = but(Frugal, reply=lambda ecu, pdu: Frugal.reply(ecu, pdu + b"\x00" if pdu[0] == 0x7F else pdu))
"""Negative responses have four bytes."""


class Truncated31(Frugal):
    """Only refusals with 0x31 are malformed: they lack the service."""

    def reply(self, pdu):
        super().reply(b"\x7f\x31" if pdu[0] == 0x7F and pdu[2] == 0x31 else pdu)


WrongService = but(Frugal, reply=lambda ecu, pdu: Frugal.reply(ecu, bytes((0x7F, 0x22, pdu[2])) if pdu[0] == 0x7F else pdu))
"""Negative responses name service 22, whatever service was requested."""

ArticleInvalidKey = but(Frugal, reply=lambda ecu, pdu: Frugal.reply(ecu, b"\x27\x35" if pdu == b"\x7f\x27\x35" else pdu))
"""A wrong key is answered 27 35, and the target has no quirk for it."""

Only1F = but(Frugal, unsupported=lambda ecu, pdu: no(pdu[0], 0x12 if pdu[0] == 0x1F else 0x11))
"""An unsupported service is refused with 0x11, but service 1F with 0x12."""

SilentAbove80 = but(Frugal, unsupported=lambda ecu, pdu: None if pdu[0] >= 0x80 else no(pdu[0], 0x11))
"""An unsupported service from 80 on is not answered; a lower one is refused with 0x11."""

UnsupportedIs12 = but(Frugal, unsupported=lambda ecu, pdu: no(pdu[0], 0x12))
"""Every unsupported service is refused with 0x12."""


class ExecutesCfZero(Frugal):
    """A consecutive frame with sequence number 0, and no other, is executed like a single frame."""

    first = (0x20,)

    def unpack(self, data):
        if data and data[0] in self.first:
            return data[1:5] if data[1:2] == b"\x2e" else data[1:4]
        return super().unpack(data)


ExecutesCf = but(ExecutesCfZero, first=(0x21,))


class CfStoresSilently(ExecutesCf):
    """A consecutive frame that belongs to no message is executed, but not answered."""

    def answer(self, pdu):
        reply = self.serve(pdu)
        if reply and not self.is_consecutive:
            self.reply(reply)

    def unpack(self, data):
        self.is_consecutive = bool(data) and data[0] == 0x21
        return super().unpack(data)


ExecutesFc22 = but(Frugal, unpack=lambda ecu, data: data[1:4] if data[:2] == b"\x30\x22" else Frugal.unpack(ecu, data))
"""A flow control with the bytes 30 22 is executed as a read."""


class AnswersFc(Frugal):
    """A flow control that belongs to no message is answered 7F 30 31, without any length byte, as by the article's ECU."""

    def unpack(self, data):
        if data[:1] == b"\x30":
            self.put(b"\x7f\x30\x31")
        return super().unpack(data)


class IgnoresPadFF(Frugal):
    """Frames padded with FF are ignored."""

    def unpack(self, data):
        return None if len(data) == 8 and data[-1] == 0xFF and data[0] < 7 else super().unpack(data)


class CountsPadding(Frugal):
    """Padding other than 00 is taken for data, so that the message is too long."""

    def unpack(self, data):
        pdu = super().unpack(data)
        return pdu + data[data[0] + 1 :].rstrip(b"\x00") if pdu else pdu


class DiesOnShortFrame(Frugal):
    """A short frame kills the ECU, since eight bytes are copied whatever the length is."""

    def unpack(self, data):
        if len(data) == 5:
            bytes(data[index] for index in range(8))
        return super().unpack(data)
