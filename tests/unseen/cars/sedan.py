"""An ECU with sessions and two levels, 16-byte seeds, on the project's ISO-TP. Each variant overrides one thing."""

import hashlib
import hmac

import can

from harness.link.isotp import IsoTp, IsoTpConfig

DEFAULT, PROGRAMMING, EXTENDED = 1, 2, 3
OPEN, PROTECTED, DEEP, SERIAL = 0x0A01, 0x0A02, 0x0A03, 0xF18C
LENGTH = {OPEN: 2, PROTECTED: 1, DEEP: 4}
GUARD = {PROTECTED: 1, DEEP: 3}


def key(seed: bytes, level: int) -> bytes:
    return hmac.new(b"sedan level %d" % level, seed, hashlib.sha1).digest()[:8]


class Refused(Exception):
    """A negative response; the argument is its code."""


def refuse(nrc: int) -> None:
    """Raise `Refused`, where a statement is not possible."""
    raise Refused(nrc)


def but(base: type, **otherwise: object) -> type:
    """Return a class that differs from its base in some values and methods, given by name."""
    return type(base.__name__, (base,), otherwise)


class Sedan:
    """The sound sedan: three sessions, two levels, seeds in several frames."""

    request_id, response_id, functional_id = 0x7E0, 0x7E8, 0x7DF
    padding: int | None = 0x55
    security_sessions = (EXTENDED,)
    limit, delay_s, s3_s, boot_s = 3, 10.0, 5.1, 0.3
    seed_bytes, key_bytes = 16, 8

    def __init__(self) -> None:
        self.values = {OPEN: b"\x00\x01", PROTECTED: b"\x42", DEEP: b"DEEP", SERIAL: b"SEDAN-0123456789"}
        self.failures = {1: 0, 3: 0}

    def attach(self, port) -> None:
        self.port = port
        self.isotp = IsoTp(IsoTpConfig(padding=self.padding))
        self.timer = None
        self.awake_s = 0.0
        self.boot()

    def power_cycle(self) -> None:
        self.isotp.reset()
        self.awake_s = self.port.now_s + self.boot_s
        self.boot()

    def boot(self) -> None:
        self.heard_s = self.port.now_s
        now_s = self.port.now_s
        self.locked_until_s = {level: now_s + self.delay_s if n else 0.0 for level, n in self.failures.items()}
        self.session = DEFAULT
        self.relock()

    def relock(self) -> None:
        self.unlocked: int | None = None
        self.asked: tuple[int, bytes] | None = None

    # frames

    def on_frame(self, frame: can.Message) -> None:
        if frame.is_extended_id or frame.is_remote_frame or frame.is_error_frame or frame.is_fd:
            return
        if frame.arbitration_id not in (self.request_id, self.functional_id) or self.port.now_s < self.awake_s:
            return
        is_functional = frame.arbitration_id == self.functional_id
        pdu = self.receive(bytes(frame.data), is_functional)
        self.flush()
        if pdu:
            self.port.call_later(self.latency_s(), lambda: self.answer(pdu, is_functional))

    def receive(self, data: bytes, is_functional: bool) -> bytes | None:
        return self.isotp.receive(data, self.port.now_s, is_functional=is_functional)

    def flush(self) -> None:
        for data in self.isotp.outbox:
            self.put(data)
        self.isotp.outbox.clear()
        if self.timer:
            self.timer.cancel()
        if self.isotp.deadline_s is not None:
            self.timer = self.port.call_later(max(0.0, self.isotp.deadline_s - self.port.now_s), self.tick)

    def tick(self) -> None:
        self.isotp.tick(self.port.now_s)
        self.flush()

    def put(self, data: bytes) -> None:
        self.port.send(can.Message(arbitration_id=self.response_id, is_extended_id=False, data=data))

    def latency_s(self) -> float:
        return 0.001

    def answer(self, pdu: bytes, is_functional: bool) -> None:
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.enter(DEFAULT)
        self.heard_s = self.port.now_s
        try:
            reply = self.serve(pdu)
        except Refused as refused:
            (nrc,) = refused.args
            if is_functional and nrc in (0x11, 0x12, 0x31, 0x7E, 0x7F):
                return
            reply = self.negative(pdu[0], nrc)
        if reply:
            self.reply(reply)

    def negative(self, sid: int, nrc: int) -> bytes | None:
        return bytes((0x7F, sid, nrc))

    def reply(self, pdu: bytes) -> None:
        if not self.isotp.is_sending:
            self.isotp.send(pdu, self.port.now_s)
            self.flush()

    # services

    def serve(self, pdu: bytes) -> bytes | None:
        services = {0x10: self.control, 0x11: self.reset, 0x22: self.read, 0x27: self.security, 0x2E: self.write}
        services[0x3E] = self.present
        service = services.get(pdu[0])
        if service is None:
            return self.unsupported(pdu)
        if len(pdu) < 2:
            raise Refused(0x13)
        return service(pdu)

    def unsupported(self, pdu: bytes) -> bytes | None:
        raise Refused(0x11)

    def sub_function(self, pdu: bytes, known: tuple[int, ...]) -> int:
        if pdu[1] & 0x7F not in known:
            raise Refused(0x12)
        if len(pdu) != 2:
            raise Refused(0x13)
        return pdu[1] & 0x7F

    def positive(self, pdu: bytes, rest: bytes = b"") -> bytes | None:
        return None if pdu[1] & 0x80 else bytes((pdu[0] + 0x40, pdu[1])) + rest

    def control(self, pdu: bytes) -> bytes | None:
        self.enter(self.sub_function(pdu, (DEFAULT, PROGRAMMING, EXTENDED)))
        return self.positive(pdu, b"\x00\x32\x01\xf4")

    def enter(self, session: int) -> None:
        self.session = session
        self.relock()

    def reset(self, pdu: bytes) -> bytes | None:
        self.sub_function(pdu, (1,))
        self.port.call_later(0.002, self.power_cycle)
        return self.positive(pdu)

    def present(self, pdu: bytes) -> bytes | None:
        self.sub_function(pdu, (0,))
        return self.positive(pdu)

    def read(self, pdu: bytes) -> bytes:
        if len(pdu) % 2 == 0 or len(pdu) > 9:
            raise Refused(0x13)
        wanted = [int.from_bytes(pdu[at : at + 2], "big") for at in range(1, len(pdu), 2)]
        found = b"".join(did.to_bytes(2, "big") + self.values[did] for did in wanted if did in self.values)
        if not found:
            raise Refused(0x31)
        return b"\x62" + found

    def write(self, pdu: bytes) -> bytes:
        if len(pdu) < 4:
            raise Refused(0x13)
        did, value = int.from_bytes(pdu[1:3], "big"), pdu[3:]
        if did not in LENGTH:
            raise Refused(0x31)
        if len(value) != LENGTH[did]:
            self.misfit(did, value)
        elif did in GUARD and not self.may_write(did):
            self.refuse_write(did, value)
        else:
            self.values[did] = value
        return b"\x6e" + pdu[1:3]

    def misfit(self, did: int, value: bytes) -> None:
        raise Refused(0x13)

    def may_write(self, did: int) -> bool:
        return self.unlocked == GUARD[did]

    def refuse_write(self, did: int, value: bytes) -> None:
        raise Refused(0x33)

    # security access

    def security(self, pdu: bytes) -> bytes | None:
        if self.session not in self.security_sessions:
            raise Refused(0x7F)
        sub_function = pdu[1] & 0x7F
        if sub_function not in (1, 2, 3, 4):
            raise Refused(0x12)
        level = sub_function - (sub_function + 1) % 2
        if sub_function == level:
            return self.request_seed(pdu, level)
        return self.send_key(pdu, level)

    def is_delayed(self, level: int) -> bool:
        return self.port.now_s < self.locked_until_s[level]

    def request_seed(self, pdu: bytes, level: int) -> bytes | None:
        if len(pdu) != 2:
            raise Refused(0x13)
        if self.unlocked == level:
            return self.positive(pdu, bytes(self.seed_bytes))
        if self.is_delayed(level):
            raise Refused(0x37)
        seed = self.new_seed(level)
        self.asked = (level, seed)
        return self.positive(pdu, seed)

    def new_seed(self, level: int) -> bytes:
        return self.port.random_bytes(self.seed_bytes)

    def send_key(self, pdu: bytes, level: int) -> bytes | None:
        if self.is_delayed(level):
            raise Refused(0x37)
        asked, self.asked = self.asked, None
        if asked is None or asked[0] != level:
            return self.no_seed(pdu, level)
        if len(pdu) != 2 + self.key_bytes:
            return self.bad_key_length(pdu, level)
        if self.fits(asked[1], level, pdu[2:]):
            self.unlock(level)
            return self.positive(pdu)
        self.wrong_key(level, asked[1])
        raise Refused(0x36 if self.is_delayed(level) else 0x35)

    def no_seed(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x24)

    def bad_key_length(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x13)

    def fits(self, seed: bytes, level: int, sent: bytes) -> bool:
        return sent == key(seed, level)

    def unlock(self, level: int) -> None:
        self.unlocked = level
        self.failures[level] = 0

    def wrong_key(self, level: int, seed: bytes) -> None:
        self.failures[level] += 1
        if self.failures[level] >= self.limit:
            self.failures[level] = 0
            self.locked_until_s[level] = self.port.now_s + self.delay_s


class Chatter:
    """Another ECU's traffic that looks like ISO-TP, on ids beside the sedan's, and on its response id with 29 bits."""

    noise = (
        (0x7E7, False, "027F2735"),
        (0x7E9, False, "0467020000000000"),
        (0x7E8, True, "037F2736AAAAAAAA"),
        (0x7E8, True, "0267020000000000"),
        (0x7E1, False, "0227015555555555"),
        (0x000, False, "0000000000000000"),
    )

    def attach(self, port) -> None:
        self.port = port
        self.speak()

    def on_frame(self, frame: can.Message) -> None:
        if frame.arbitration_id == 0x7E0 and not frame.is_extended_id:
            self.put(0x7E9, False, "037F2733")

    def speak(self) -> None:
        for noise in self.noise:
            self.put(*noise)
        self.port.call_later(0.0101, self.speak)

    def put(self, can_id: int, is_extended: bool, data: str) -> None:
        self.port.send(can.Message(arbitration_id=can_id, is_extended_id=is_extended, data=bytes.fromhex(data)))


# Sound variants.


def crowded() -> list:
    """Return a sedan with another one and a `Chatter` on the next ids."""
    twin = Sedan()
    twin.request_id, twin.response_id = 0x7E1, 0x7E9
    return [Chatter(), twin, Sedan()]


Jitter = but(Sedan, latency_s=lambda ecu: ecu.port.random_bytes(1)[0] / 255 * 0.040)
"""An answer takes between 0 and 40 ms."""


class Pending(Sedan):
    """10, 27 and 2E are answered 0x78 first, and finally a second later."""

    def answer(self, pdu, is_functional):
        if pdu[0] in (0x10, 0x27, 0x2E):
            self.reply(bytes((0x7F, pdu[0], 0x78)))
            self.port.call_later(1.0, lambda: super(Pending, self).answer(pdu, is_functional))
        else:
            super().answer(pdu, is_functional)


class Busy(Sedan):
    """Every 17th request is answered 0x21, and must be repeated."""

    heard = 0

    def serve(self, pdu):
        self.heard += 1
        if self.heard % 17 == 0:
            raise Refused(0x21)
        return super().serve(pdu)


class GlobalCounter(Sedan):
    """Both levels share one counter and one delay."""

    def wrong_key(self, level, seed):
        for one in self.failures:
            super().wrong_key(one, seed)

    def unlock(self, level):
        super().unlock(level)
        self.failures = dict.fromkeys(self.failures, 0)


class OnlyProgramming(Sedan):
    """SecurityAccess exists in session 02 only, and 10 02 is answered after a restart into the boot loader."""

    security_sessions = (PROGRAMMING,)

    def control(self, pdu):
        session = self.sub_function(pdu, (DEFAULT, PROGRAMMING, EXTENDED))
        if session != PROGRAMMING or self.session == PROGRAMMING:
            return super().control(pdu)
        self.reply(b"\x7f\x10\x78")
        self.port.call_later(0.01, self.restart_into_loader)
        return None

    def restart_into_loader(self):
        self.power_cycle()
        self.port.call_later(self.boot_s, self.loaded)

    def loaded(self):
        self.heard_s = self.port.now_s
        self.enter(PROGRAMMING)
        self.reply(b"\x50\x02\x00\x32\x01\xf4")


class AnswersThenReboots(Sedan):
    """10 02 is answered at once; then the boot loader starts, and receives nothing for 300 ms."""

    security_sessions = (PROGRAMMING, EXTENDED)

    def control(self, pdu):
        reply = super().control(pdu)
        if self.session == PROGRAMMING:
            self.awake_s = self.port.now_s + self.boot_s
        return reply


class AnswersSuppressed(Sedan):
    """3E 80 is answered, too, which is a flaw outside the scope of these checks."""

    def present(self, pdu):
        self.sub_function(pdu, (0,))
        return b"\x7e\x00"


Unpadded = but(Sedan, padding=None)
"""Neither side pads."""


class NoRepeatedEntry(Sedan):
    """A session other than the default one can be entered only from the default session (0x22)."""

    def control(self, pdu):
        session = self.sub_function(pdu, (DEFAULT, PROGRAMMING, EXTENDED))
        if session != DEFAULT and self.session not in (DEFAULT, session):
            raise Refused(0x22)
        return super().control(pdu)


class SlowSession(Sedan):
    """For 30 ms after a session change SecurityAccess is refused (0x22)."""

    entered_s = 0.0

    def enter(self, session):
        super().enter(session)
        self.entered_s = self.port.now_s

    def security(self, pdu):
        if self.session in self.security_sessions and self.port.now_s < self.entered_s + 0.03:
            raise Refused(0x22)
        return super().security(pdu)


class ProtectedRead(Sedan):
    """The protected value can be read only with the level unlocked."""

    def read(self, pdu):
        if pdu[1:] == PROTECTED.to_bytes(2, "big") and not self.may_write(PROTECTED):
            raise Refused(0x33)
        return super().read(pdu)


Slow = but(Sedan, latency_s=lambda ecu: 0.045)
"""Every answer takes 45 ms, which is slow but within P2."""


class OneAtATime(Slow):
    """A request that comes while another is being served is lost."""

    is_working = False

    def receive(self, data, is_functional):
        if self.is_working:
            return None
        pdu = super().receive(data, is_functional)
        self.is_working = pdu is not None
        return pdu

    def answer(self, pdu, is_functional):
        self.is_working = False
        super().answer(pdu, is_functional)


class VeryPatient(Sedan):
    """Each key takes 14 s, with 0x78 every four seconds."""

    def answer(self, pdu, is_functional):
        if pdu[:2] not in (b"\x27\x02", b"\x27\x04"):
            super().answer(pdu, is_functional)
            return
        for delay_s in (0.0, 4.0, 8.0, 12.0):
            self.port.call_later(delay_s, lambda: self.reply(b"\x7f\x27\x78"))
        self.heard_s = self.port.now_s + 14.0
        self.port.call_later(14.0, lambda: super(VeryPatient, self).answer(pdu, is_functional))


class WriteNeedsSession(Sedan):
    """2E exists in session 03 only: 0x7F elsewhere."""

    def write(self, pdu):
        if self.session != EXTENDED:
            raise Refused(0x7F)
        return super().write(pdu)


ConditionsNeverRight = but(Sedan, request_seed=lambda ecu, pdu, level: refuse(0x22))
"""Every seed request is refused with 0x22, as if the vehicle moved."""


class FreshKeysOnly(Sedan):
    """A key for a seed that is 200 ms old is refused with 0x24."""

    def request_seed(self, pdu, level):
        self.asked_s = self.port.now_s
        return super().request_seed(pdu, level)

    def send_key(self, pdu, level):
        if self.asked and self.port.now_s > self.asked_s + 0.2:
            self.asked = None
        return super().send_key(pdu, level)


FastIds = but(Sedan, request_id=0x7E0, response_id=0x010, functional_id=0x7DF)
"""The ECU's answers win arbitration against every request."""

LongBoot = but(Sedan, boot_s=2.0)
"""A restart of two seconds, during which it is deaf, declared as such."""


# Flawed variants.


class SeedsOfSession(Sedan):
    """The generator starts anew with every session, so that seeds repeat, but never within a session."""

    at = 0

    def enter(self, session):
        super().enter(session)
        self.at = 0

    def new_seed(self, level):
        self.at += 1
        return hashlib.md5(b"%d %d" % (level, self.at)).digest()


class SeedsOfBoot(Sedan):
    """The generator starts anew with every boot."""

    at = 0

    def boot(self):
        super().boot()
        self.at = 0

    def new_seed(self, level):
        self.at += 1
        return hashlib.md5(b"%d %d" % (level, self.at)).digest()


class SeedForgives(Sedan):
    """Each seed request clears the count of wrong keys."""

    def request_seed(self, pdu, level):
        reply = super().request_seed(pdu, level)
        self.failures[level] = 0
        return reply


class DeepUnlimited(Sedan):
    """Level 3 counts no wrong keys; level 1 does."""

    def wrong_key(self, level, seed):
        if level == 1:
            super().wrong_key(level, seed)


class EmptyKeyFits(Sedan):
    """As many bytes of a key are compared as are expected; without a seed none are expected."""

    def no_seed(self, pdu, level):
        if self.unlocked == level:
            raise Refused(0x24)
        self.unlock(level)
        return self.positive(pdu)


Says31 = but(Sedan, no_seed=lambda ecu, pdu, level: refuse(0x31))
"""A key without a seed is refused with 0x31."""


class OldPair(Sedan):
    """A seed's key that was accepted once is accepted for ever."""

    def __init__(self):
        super().__init__()
        self.good = set()

    def fits(self, seed, level, sent):
        if super().fits(seed, level, sent):
            self.good.add(sent)
        return sent in self.good


class KeyIsSeedInverted(Sedan):
    """The first eight bytes of the inverted seed are accepted as a key, too."""

    def fits(self, seed, level, sent):
        return sent == bytes(byte ^ 0xFF for byte in seed[:8]) or super().fits(seed, level, sent)


class DeepZerosOpen(Sedan):
    """Eight zeros open level 3, but not level 1."""

    def fits(self, seed, level, sent):
        return (level == 3 and sent == bytes(8)) or super().fits(seed, level, sent)


class EmptyKeyOpens(Sedan):
    """A key without a byte is refused with 0x13, and opens the level."""

    def bad_key_length(self, pdu, level):
        if len(pdu) == 2:
            self.unlocked = level
        raise Refused(0x13)


class LongKeyOpens(Sedan):
    """A key that is too long is refused with 0x13, but overruns the flag behind its buffer and opens the level."""

    def bad_key_length(self, pdu, level):
        if len(pdu) > 10:
            self.unlocked = level
        raise Refused(0x13)


ProgrammingIsOpen = but(Sedan, may_write=lambda ecu, did: ecu.session == PROGRAMMING or Sedan.may_write(ecu, did))
"""In session 02 the protected value may be written."""


class ProgrammingStores(Sedan):
    """In session 02 a write of the protected value is stored, and refused with 0x33."""

    def refuse_write(self, did, value):
        if self.session == PROGRAMMING:
            self.values[did] = value
        raise Refused(0x33)


DefaultIsOpen = but(Sedan, may_write=lambda ecu, did: ecu.session == DEFAULT or Sedan.may_write(ecu, did))
"""In the default session the protected value may be written."""

DeepOpen = but(Sedan, may_write=lambda ecu, did: did == DEEP or Sedan.may_write(ecu, did))
"""The DID of level 3 has no guard."""


class PadsShort(Sedan):
    """A protected value that is too short is filled with zeros."""

    def misfit(self, did, value):
        if did != DEEP or len(value) > 4 or not self.may_write(did):
            raise Refused(0x13)
        self.values[did] = value.ljust(4, b"\x00")


class StoresMisfit(Sedan):
    """A value of the wrong length is refused with 0x13, but its fitting part is stored; only the open value is concerned."""

    def misfit(self, did, value):
        if did == OPEN:
            self.values[did] = value[:2].ljust(2, b"\x00")
        raise Refused(0x13)


class UnlockSurvives(Sedan):
    """10 03 does not lock; 10 01 and 10 02 do."""

    survives = (EXTENDED,)
    """The sessions whose entry does not lock."""

    def enter(self, session):
        kept = self.unlocked
        super().enter(session)
        if session in self.survives:
            self.unlocked = kept


SurvivesDefault = but(UnlockSurvives, survives=(DEFAULT, EXTENDED))
"""Entering 10 01 and 10 03 does not lock."""

SurvivesProgramming = but(UnlockSurvives, survives=(PROGRAMMING,))
"""10 02 does not lock; every other change of session does."""


class SessionRemembers(Sedan):
    """Each session remembers which level was unlocked in it."""

    def relock(self):
        super().relock()
        self.remembered = {}

    def enter(self, session):
        remembered = self.remembered | {self.session: self.unlocked}
        super().enter(session)
        self.remembered, self.unlocked = remembered, remembered.get(session)


WrongFormat = but(Sedan, negative=lambda ecu, sid, nrc: bytes((0x7F, sid, nrc)) + (b"\x0a\x02" if nrc == 0x33 else b""))
"""Only refusals with 0x33 are malformed: the DID stands behind the code."""


class DiesOnUnsupported(Sedan):
    """An unsupported service kills the ECU."""

    def unsupported(self, pdu):
        raise LookupError(f"no service {pdu[0]:02X}")


class DiesOnSecondKey(Sedan):
    """The same key sent twice kills the ECU."""

    def no_seed(self, pdu, level):
        if self.unlocked:
            raise RuntimeError("key buffer freed twice")
        return super().no_seed(pdu, level)


class OpensAfter256Seeds(Sedan):
    """After 256 seeds a counter's byte overflows into the flag of the lock; no list has this flaw."""

    seeds = 0

    def new_seed(self, level):
        self.seeds += 1
        if self.seeds % 256 == 0:
            self.unlocked = level
        return super().new_seed(level)


class OpensAfterDelay(Sedan):
    """When the delay is over, the level is open; no list has this flaw."""

    def wrong_key(self, level, seed):
        super().wrong_key(level, seed)
        if self.is_delayed(level):
            self.port.call_later(self.delay_s, lambda: setattr(self, "unlocked", level))
