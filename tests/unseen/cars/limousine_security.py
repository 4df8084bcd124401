"""Limousines whose SecurityAccess has one realistic flaw each."""

import hashlib
from random import Random

from tests.unseen.cars import limousine
from tests.unseen.cars.limousine import DEFAULT, EXTENDED, PROGRAMMING, Limousine, Refused, but, key

NEVER_S = 1e9
WORD = 0xFFFF_FFFF_FFFF_FFFF

# Seeds.


AsciiSeeds = but(Limousine, new_seed=lambda ecu, level: bytes(byte & 0x7F for byte in Limousine.new_seed(ecu, level)))
"""Only seven bits of each seed byte are used."""

ModuloSeeds = but(Limousine, new_seed=lambda ecu, level: bytes(byte % 200 for byte in Limousine.new_seed(ecu, level)))
"""Each byte is a random number modulo 200."""


class HalfCounter(Limousine):
    """Half of the seed is a message counter, meant against replay."""

    asked = 0x4D2

    def new_seed(self, level):
        self.asked += 1
        return super().new_seed(level)[:8] + self.asked.to_bytes(8, "big")


class Generator(Limousine):
    """Eight-byte seeds are made of a stored state of 64 bits."""

    seed_bytes = 8
    state = 0x0123_4567_89AB_CDEF

    def new_seed(self, level):
        self.state = self.step(self.state)
        return self.shown(self.state.to_bytes(8, "big"))

    def step(self, state):
        return state

    def shown(self, state):
        return state


class PermutedLcg(Generator):
    """Seeds come from a linear congruential generator, with their bytes permuted."""

    def step(self, state):
        return (state * 6364136223846793005 + 1442695040888963407) & WORD

    def shown(self, state):
        return bytes(state[at] for at in (3, 6, 1, 4, 7, 0, 2, 5))


class GrayCounter(Generator):
    """Seeds come from a Gray code counter in steps of 5, with reversed bytes, XOR a constant."""

    def step(self, state):
        return (state + 5) & WORD

    def shown(self, state):
        number = int.from_bytes(state, "big")
        return ((number ^ number >> 1) ^ 0xA5C3_0F1E_9977_4422).to_bytes(8, "little")


class ShiftRegister(Generator):
    """Seeds come from a 64-bit shift register, 64 steps for each seed."""

    def step(self, state):
        for _ in range(64):
            state = (state >> 1) ^ (0xD800_0000_0000_0000 if state & 1 else 0)
        return state


StepCounter = but(Generator, step=lambda ecu, state: (state + 0x9E37_79B9_7F4A_7C15) & WORD)
"""Seeds come from a counter in steps of a large odd constant."""


class SrandTime(Limousine):
    """Seeds are made of the C standard's example of rand(), started by `srand(time(0))` at each start of the ECU."""

    def boot(self):
        self.state = int(self.port.utc_s)
        super().boot()

    def rand(self):
        self.state = (self.state * 1103515245 + 12345) & 0xFFFF_FFFF
        return self.state >> 16 & 0x7FFF

    def new_seed(self, level):
        return bytes(self.rand() & 0xFF for _ in range(self.seed_bytes))


class XorshiftUptime(Limousine):
    """Seeds come from xorshift32, started at the first seed with the milliseconds since the start."""

    def boot(self):
        self.state = 0
        super().boot()

    def word(self):
        x = self.state
        x ^= x << 13 & 0xFFFF_FFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFF_FFFF
        self.state = x
        return x.to_bytes(4, "big")

    def new_seed(self, level):
        self.state = self.state or int((self.port.now_s - self.awake_s) * 1000) + 1
        return b"".join(self.word() for _ in range(4))


class MersenneTime(Limousine):
    """Seeds come from Python's generator, started with the second in which the ECU started."""

    def boot(self):
        self.random = Random(int(self.port.utc_s))
        super().boot()

    def new_seed(self, level):
        return self.random.randbytes(self.seed_bytes)


class UptimeHash(Limousine):
    """The seed is the SHA-256 of the milliseconds since the start."""

    def new_seed(self, level):
        uptime_ms = int((self.port.now_s - self.awake_s) * 1000)
        return hashlib.sha256(uptime_ms.to_bytes(4, "little")).digest()[: self.seed_bytes]


class PoorPool(Limousine):
    """Each seed is the hash of the one before; the first comes from eight bits of noise at the start."""

    def boot(self):
        self.pool = self.port.random_bytes(1)
        super().boot()

    def new_seed(self, level):
        self.pool = hashlib.sha256(self.pool).digest()
        return hashlib.sha256(b"out" + self.pool).digest()[: self.seed_bytes]


class FirstSeedFf(Limousine):
    """The first seed after a start is FF in every byte, as in an erased EEPROM."""

    def boot(self):
        self.is_first = True
        super().boot()

    def new_seed(self, level):
        self.is_first, was_first = False, self.is_first
        return b"\xff" * self.seed_bytes if was_first else super().new_seed(level)


class DeepSeedZero(Limousine):
    """The first seed of level 3 after a start is zero, because the ECU sends the seed before it has drawn one."""

    def boot(self):
        self.deep = bytes(self.seed_bytes)
        super().boot()

    def new_seed(self, level):
        seed = super().new_seed(level)
        if level == 3:
            self.deep, seed = seed, self.deep
        return seed


class SameSeedWhenOpen(Limousine):
    """An open level gives the seed that opened it."""

    used = b""

    def fits(self, seed, level, sent):
        self.used = seed
        return super().fits(seed, level, sent)

    def seed_when_open(self, pdu):
        return b"\x67" + pdu[1:2] + self.used


# Keys.


KeyOfThree = but(Limousine, key_bytes=3, key_of=lambda ecu, seed, level: three(seed, level))
"""Keys have three bytes."""


def three(seed, level):
    return key(seed, level)[:3]


KeyOfFour = but(Limousine, key_bytes=4, key_of=lambda ecu, seed, level: four(seed, level))
"""Keys have four bytes."""


def four(seed, level):
    return key(seed, level)[:4]


class DoorModuleKey(limousine.Coupe):
    """A door module without sessions that takes only single frames, so that seeds have five bytes and keys four."""

    class Link(limousine.Transport):
        """An ISO-TP that ignores segmented messages."""

        def first(self, data):
            pass

    transport = Link
    services = limousine.table({sid: limousine.Coupe.services[sid] for sid in (0x11, 0x22, 0x27, 0x2E, 0x3E)})
    records = limousine.table({did: one for did, one in Limousine.records.items() if len(one.value) < 5})
    seed_bytes, key_bytes, levels = 5, 4, (1,)

    def read(self, pdu):
        self.exactly(pdu, 3)
        return super().read(pdu)

    def key_of(self, seed, level):
        return four(seed, level)


class AffineKey(Generator):
    """The key is the seed times one constant plus another."""

    key_bytes = 8

    def new_seed(self, level):
        return self.port.random_bytes(8)

    def key_of(self, seed, level):
        return affine(seed, level)


def affine(seed, level):
    return ((int.from_bytes(seed, "big") * 0x5851_F42D_4C95_7F2D + 0x1234_5678 * level) & WORD).to_bytes(8, "big")


RotatedKey = but(AffineKey, key_of=lambda ecu, seed, level: rotated(seed, level))
"""The key is the seed rotated by 13 bits, XOR a constant."""


def rotated(seed, level):
    number = int.from_bytes(seed, "big")
    return ((number << 13 & WORD | number >> 51) ^ 0xC0FF_EE00_1234_0000 + level).to_bytes(8, "big")


TableKey = but(AffineKey, key_of=lambda ecu, seed, level: looked_up(seed, level))
"""Each byte of the key comes from a table of 256, looked up by the seed's byte."""


TABLE = bytes(Random(7).sample(range(256), 256))


def looked_up(seed, level):
    return bytes(TABLE[byte ^ level] for byte in seed)


class ArticleKey(Limousine):
    """The key is four bytes of the SHA-256 of the seed XOR a five-byte secret."""

    seed_bytes, key_bytes = 5, 4

    def key_of(self, seed, level):
        mixed = bytes(a ^ b for a, b in zip(seed, bytes.fromhex("A1B2C3D4E5"), strict=True))
        digest = hashlib.sha256(mixed).digest()[:16]
        return bytes(digest[at] for at in (0, 5, 9, 13))


class PrefixFits(Limousine):
    """The right key without its last byte is accepted, too."""

    def key_misfits(self, pdu, pending):
        if pdu[2:] == self.key_of(pending.seed, pending.level)[:-1]:
            self.unlock(pending.level)
            return b"\x67" + pdu[1:2]
        raise Refused(0x13)


class FirstBytesFit(Limousine):
    """Only as many bytes of a key are compared as were sent, but at least one."""

    def key_misfits(self, pdu, pending):
        if len(pdu) > 2 and self.key_of(pending.seed, pending.level).startswith(pdu[2:]):
            self.unlock(pending.level)
            return b"\x67" + pdu[1:2]
        raise Refused(0x13)


TailIgnored = but(Limousine, send_key=lambda ecu, pdu, level: Limousine.send_key(ecu, pdu[: 2 + ecu.key_bytes], level))
"""Bytes after the right key are ignored."""

LastByteIgnored = but(Limousine, fits=lambda ecu, seed, level, sent: sent[:-1] == ecu.key_of(seed, level)[:-1])
"""The last byte of a key is not compared."""

SumCompared = but(Limousine, fits=lambda ecu, seed, level, sent: sum(sent) == sum(ecu.key_of(seed, level)))
"""Only the sum of a key's bytes is compared."""


class BitMasked(Limousine):
    """One bit of the key's eighth byte is ignored."""

    def fits(self, seed, level, sent):
        def masked(one):
            return one[:7] + bytes((one[7] & 0xDF,)) + one[8:]

        return masked(sent) == masked(self.key_of(seed, level))


class EarlyExit(Limousine):
    """The comparison takes 0.3 ms for each byte, and ends at the first byte that differs."""

    def execute(self, request):
        pdu, pending = request.pdu, self.pending
        right = 0
        if pdu[0] == 0x27 and pending and len(pdu) == 2 + self.key_bytes:
            pairs = zip(pdu[2:], self.key_of(pending.seed, pending.level), strict=True)
            right = next((at for at, (a, b) in enumerate(pairs) if a != b), self.key_bytes)
        self.later(0.0003 * right, lambda: super(EarlyExit, self).execute(request))


class Hint(Limousine):
    """A wrong key whose first four bytes are right is refused with another code (0x31)."""

    def fits(self, seed, level, sent):
        self.is_near = sent[:4] == self.key_of(seed, level)[:4]
        return super().fits(seed, level, sent)

    def nrc_of_wrong_key(self, level):
        nrc = super().nrc_of_wrong_key(level)
        return 0x31 if self.is_near and nrc == 0x35 else nrc


# Counter and delay.


class CounterOfSeed(Limousine):
    """The counter belongs to the seed, which stays after a wrong key: each new seed permits three more keys."""

    def request_seed(self, pdu, level):
        reply = super().request_seed(pdu, level)
        if not self.is_open(level):
            self.failures[level] = 0
        return reply

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        if level not in self.delay_until_s:
            self.pending = pending


class DefaultForgives(Limousine):
    """The counter belongs to the session, and is cleared when the default session is left."""

    def enter(self, session):
        if getattr(self, "session", session) == DEFAULT and session != DEFAULT:
            for level, n in self.failures.items():
                if n < self.limit:
                    self.failures[level] = 0
        super().enter(session)


class SoftResetForgives(Limousine):
    """Counters are stored at ignition off and at 11 01; a soft reset (11 03) loses them."""

    def ecu_reset(self, pdu):
        reply = super().ecu_reset(pdu)
        if pdu[1] == 3:
            self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        return reply


class PowerForgives(Limousine):
    """Counters are stored at 11 01 and 11 03; when the supply is cut, only a full lockout is remembered."""

    def power_cycle(self):
        self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        super().power_cycle()


class PresenceForgives(Limousine):
    """3E 00 clears the counter of wrong keys."""

    def present(self, pdu):
        self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        return super().present(pdu)


class TimeoutForgives(Limousine):
    """The counter is cleared when the session times out."""

    def session_timeout(self):
        self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        super().session_timeout()


class SuccessForgivesAll(Limousine):
    """Success on any level clears the counters of all levels."""

    def unlock(self, level):
        super().unlock(level)
        self.failures = {one: n if n >= self.limit else 0 for one, n in self.failures.items()}


DelayOverflows = but(Limousine, delay_s=4.464)
"""The delay of seventy seconds is stored in a 16-bit number of milliseconds, and lasts only 4.464 s."""


class LastSeedInDelay(Limousine):
    """The seed of the last wrong key stays valid, and its right key opens the level during the delay."""

    kept = None

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        if level in self.delay_until_s:
            self.kept = pending

    def key_in_delay(self, pdu, level):
        if self.kept and self.kept.level == level and pdu[2:] == self.key_of(self.kept.seed, level):
            self.delay_until_s.pop(level)
            self.unlock(level)
            return b"\x67" + pdu[1:2]
        raise Refused(0x37)


class DelayAskedOnce(Limousine):
    """The first seed request of the delay is refused, and ends it."""

    def is_delayed(self, level):
        is_delayed = super().is_delayed(level)
        if is_delayed:
            self.delay_until_s[level] = 0.0
        return is_delayed


class DelayShortAfterReset(Limousine):
    """The remaining delay is stored in four bits at a reset, so that a delay of one second follows."""

    def delays_at_boot(self):
        return {level: self.awake_s + 1.0 for level, n in self.failures.items() if n}


class NoDelayAfterOne(Limousine):
    """After a reset the counter is kept, but a single wrong key is followed by no delay."""

    def delays_at_boot(self):
        return {level: self.awake_s + self.delay_s for level, n in self.failures.items() if n >= self.limit}


class DelayPhysicalOnly(Limousine):
    """A functional seed request is served during the delay."""

    def is_delayed(self, level):
        return super().is_delayed(level) and not self.request.functional


class NoDelayInProgramming(Limousine):
    """The programming session has a SecurityAccess of its own, which does not know the delay."""

    def is_delayed(self, level):
        return super().is_delayed(level) and self.session != PROGRAMMING


class RecordSkipsDelay(Limousine):
    """A seed request with a data record is served during the delay."""

    def request_seed(self, pdu, level):
        if len(pdu) > 2 and not self.is_open(level):
            self.pending = limousine.Pending(level, self.new_seed(level), self.request.link, self.port.now_s)
            return b"\x67" + pdu[1:2] + self.pending.seed
        return super().request_seed(pdu, level)

    def key_in_delay(self, pdu, level):
        raise Refused(0x37)


class LimitSkipped(Limousine):
    """The ECU locks out when the counter equals three, not when it is larger; the delay does not clear the counter."""

    def delay_over(self, level):
        pass

    def wrong_key(self, level, pending):
        self.failures[level] = (self.failures[level] + 1) & 0xFF
        if self.failures[level] == self.limit:
            self.delay_until_s[level] = self.port.now_s + self.delay_s

    def delays_at_boot(self):
        return {level: self.awake_s + self.delay_s for level, n in self.failures.items() if 0 < n <= self.limit}


class LocksWrap(Limousine):
    """After each delay one key is permitted; once the counter's byte has wrapped, no delay follows any more."""

    wrong = 0

    def delay_over(self, level):
        self.failures[level] = self.limit - 1

    def wrong_key(self, level, pending):
        self.wrong += 1
        if self.wrong < 256:
            super().wrong_key(level, pending)


# Seeds and keys in their order.


class LengthKeepsSeed(Limousine):
    """A key of a wrong length leaves the seed pending."""

    def key_misfits(self, pdu, pending):
        self.pending = pending
        raise Refused(0x13)


class LevelKeepsSeed(Limousine):
    """A key for another level leaves the seed pending."""

    def no_seed(self, pdu, level):
        if self.spared and self.spared.level != level:
            self.pending = self.spared
        raise Refused(0x24)

    def is_pair(self, pending, level):
        self.spared = pending
        return super().is_pair(pending, level)

    spared = None


class HopKeepsSeed(Limousine):
    """10 01 locks, but leaves a given seed pending."""

    def control(self, pdu):
        pending = self.pending
        reply = super().control(pdu)
        self.pending = pending
        return reply


class TimeoutKeepsSeed(Limousine):
    """A seed stays pending after the session's time-out, and after a new session begins."""

    def session_timeout(self):
        pending = self.pending
        super().session_timeout()
        self.late = pending

    def control(self, pdu):
        late, self.late = getattr(self, "late", None), None
        reply = super().control(pdu)
        if pdu[1] == EXTENDED:
            self.pending = late
        return reply


class SeedHoldsSession(Limousine):
    """While a seed waits for its key the session does not time out."""

    def session_timeout(self):
        if self.pending is None:
            super().session_timeout()


class AnyKeyNumber(Limousine):
    """A key opens the level of the pending seed, whatever sub-function it comes with."""

    def is_pair(self, pending, level):
        return True

    def send_key(self, pdu, level):
        return super().send_key(pdu, self.pending.level if self.pending else level)


class OneOpensAll(Limousine):
    """Level 1 permits writes that need level 3."""

    def guard_write(self, did, record, value):
        if record.write > 0 and self.unlocked is None:
            raise Refused(0x33)
        if record.write == 1:
            self.need(1)


class LevelsPileUp(Limousine):
    """An open level stays open when another level is opened."""

    def relock(self):
        super().relock()
        self.opened: set[int] = set()

    def unlock(self, level):
        super().unlock(level)
        self.opened.add(level)

    def is_open(self, level):
        return level in self.opened


class SuppressedUncounted(Limousine):
    """A key in a request with the suppress bit is compared, but not counted."""

    def wrong_key(self, level, pending):
        if not self.request.pdu[1] & 0x80:
            super().wrong_key(level, pending)


class SuppressedOpens(Limousine):
    """A wrong key in a request with the suppress bit opens the level, without an answer."""

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        if self.request.pdu[1] & 0x80:
            self.unlocked, self.owner = level, self.request.link


class HiddenInProgramming(Limousine):
    """Level 11 exists in the programming session, undeclared."""

    def levels_here(self):
        return (*self.levels, 0x11) if self.session == PROGRAMMING else self.levels

    def is_delayed(self, level):
        return level != 0x11 and super().is_delayed(level)

    def key_of(self, seed, level):
        return hashlib.sha256(b"service" + seed).digest()[:16] if level == 0x11 else key(seed, level)

    def unlock(self, level):
        if level == 0x11:
            self.unlocked, self.owner = 1, self.request.link
        else:
            super().unlock(level)

    def wrong_key(self, level, pending):
        if level != 0x11:
            super().wrong_key(level, pending)


class Hidden61(Limousine):
    """A supplier's level 61 answers in the default session, always with the same seed."""

    def not_in_session(self, pdu):
        if pdu[:2] not in (b"\x27\x61", b"\x27\x62"):
            super().not_in_session(pdu)

    def security(self, pdu):
        if pdu == b"\x27\x61":
            return b"\x67\x61DEVELOPMENT"
        if pdu[1] == 0x62:
            raise Refused(0x35)
        return super().security(pdu)


class RecordIsSeed(Limousine):
    """A data record replaces the generator's noise: the seed is the record's hash."""

    def request_seed(self, pdu, level):
        reply = super().request_seed(pdu[:2], level)
        if len(pdu) > 2 and not self.is_open(level):
            self.pending.seed = hashlib.sha256(pdu[2:]).digest()[: self.seed_bytes]
            return b"\x67" + pdu[1:2] + self.pending.seed
        return reply


class RecordOverruns(Limousine):
    """A data record of more than 32 bytes overruns its buffer."""

    def request_seed(self, pdu, level):
        if len(pdu) > 34:
            raise MemoryError("stack smashed")
        return super().request_seed(pdu, level)


UnlockForAll = but(Limousine, connections=((0x6A0, 0x6A8), (0x6B0, 0x6B8)), is_open=lambda ecu, level: ecu.unlocked == level)
"""A level that one tester unlocked is open for the other tester."""


class MuteInDelay(Limousine):
    """During the delay the ECU serves only SecurityAccess and session control."""

    def next(self):
        if any(self.port.now_s < until_s for until_s in self.delay_until_s.values()):
            self.queue = type(self.queue)(one for one in self.queue if one.pdu[0] in (0x10, 0x27, 0x3E))
        super().next()


class LocksForGood(Limousine):
    """After ten wrong keys the ECU is locked out until the battery is disconnected."""

    total = 0

    def power_cycle(self):
        self.total = 0
        super().power_cycle()

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        self.total += 1
        if self.total >= 10:
            self.delay_until_s[level] = NEVER_S

    def unlock(self, level):
        super().unlock(level)
        self.total = 0


class WrongDeepKeyOpens(Limousine):
    """While level 1 is open, a wrong key for level 3 opens level 3."""

    def wrong_key(self, level, pending):
        super().wrong_key(level, pending)
        if self.unlocked == 1 and level == 3:
            self.unlocked = 3


class SuppressedEntryKeeps(Limousine):
    """Entering a session with the suppress bit (10 83) does not lock."""

    def control(self, pdu):
        kept = self.unlocked, self.owner
        reply = super().control(pdu)
        if self.request.pdu[1] & 0x80 and pdu[1] != DEFAULT:
            self.unlocked, self.owner = kept
        return reply


class PrintsKey(Limousine):
    """Each key that the ECU expects is printed, as a decimal number."""

    def key_of(self, seed, level):
        expected = super().key_of(seed, level)
        print(f"sec: lvl={level} exp={int.from_bytes(expected, 'big')}")
        return expected


class PrintsSecret(Limousine):
    """The start-up banner prints the secrets, in hex with spaces."""

    def boot(self):
        super().boot()
        print("keystore:", *(secret.hex(" ").upper() for secret in limousine.SECRETS.values()))


class NoCounter(Limousine):
    """Wrong keys are counted in a local variable, which is lost at each request."""

    def wrong_key(self, level, pending):
        pass


class RamCounter(Limousine):
    """Counter and delay are in RAM."""

    def boot(self):
        self.failures = dict.fromkeys(self.levels, 0)
        super().boot()


class PlainRamCounter(RamCounter, limousine.Coupe):
    """Without sessions: counter and delay are in RAM."""


PlainNeverRelocks = but(limousine.Coupe, idle_s=1e12)
"""Without sessions: an open level is never locked again."""


class PlainSuccessForgivesAll(SuccessForgivesAll, limousine.Coupe):
    """Without sessions: success on any level clears the counters of all levels."""


class PlainBitMasked(BitMasked, limousine.Coupe):
    """Without sessions: one bit of the key is ignored."""
