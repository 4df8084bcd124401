"""Cranes with one flaw in how keys are compared, counted and delayed, or in what a lock ends."""

from tests.unseen.crane.crane import DEFAULT, EXTENDED, HIGH, LOW, PROGRAMMING, No, key
from tests.unseen.crane.crane_services import FullCrane

# Which key is right.


class LastBitIgnored(FullCrane):
    """The lowest bit of a key for level 09, once a parity bit, is ignored."""

    def fits(self, level, seed, sent):
        mask = 0xFE if level == HIGH else 0xFF
        return super().fits(level, seed, sent[:-1] + bytes((sent[-1] & mask | key(seed, level)[-1] & ~mask & 0xFF,)))


class BlankKeyOpens(FullCrane):
    """Until the first right key after power-on, the key in an empty EEPROM is accepted, too."""

    is_blank = True

    def boot(self, cause):
        self.is_blank = self.is_blank or cause == "power"
        super().boot(cause)

    def fits(self, level, seed, sent):
        return (self.is_blank and set(sent) == {0xFF}) or super().fits(level, seed, sent)

    def unlock(self, level):
        super().unlock(level)
        self.is_blank = False


class LowKeyOpensHigh(FullCrane):
    """The algorithm that checks a key is chosen by the key's length, not by the level."""

    def has_key_size(self, level, size):
        return size in (10, 16) if level == HIGH else super().has_key_size(level, size)

    def fits(self, level, seed, sent):
        return super().fits(LOW if len(sent) == 10 else level, seed, sent)


class KeyOfSeedBefore(FullCrane):
    """Two seeds are kept, so that the key for the earlier one is accepted as well."""

    before = b""

    def new_seed(self, level):
        self.before = self.asked[1] if self.asked and self.asked[0] == level else b""
        return super().new_seed(level)

    def fits(self, level, seed, sent):
        return super().fits(level, seed, sent) or (bool(self.before) and super().fits(level, self.before, sent))

    def unlock(self, level):
        super().unlock(level)
        self.before = b""


class HalfKeyOpens(FullCrane):
    """Of a key with half the length, only that half is compared."""

    def has_key_size(self, level, size):
        return size == self.sizes[level][1] // 2 or super().has_key_size(level, size)

    def fits(self, level, seed, sent):
        return sent == key(seed, level)[: len(sent)]


class ZeroSeedKeyOpens(FullCrane):
    """From power-on to the first request the seed is zeros, and a key for it is accepted."""

    is_fresh = True

    def boot(self, cause):
        super().boot(cause)
        self.is_fresh = cause == "power"

    def new_seed(self, level):
        self.is_fresh = False
        return super().new_seed(level)

    def send_key(self, pdu, level):
        if self.is_fresh and self.asked is None and not self.is_delayed(level):
            self.asked = level, bytes(self.sizes[level][0]), self.line
        return super().send_key(pdu, level)


class EmptyKeyKeepsSeed(FullCrane):
    """A request without a key is refused, and leaves the seed pending."""

    def send_key(self, pdu, level):
        if len(pdu) == 2 and self.asked is not None:
            raise No(0x13)
        return super().send_key(pdu, level)


class FirstSeedFixed(FullCrane):
    """The first seed after power-on is always the same, since the generator has no entropy yet."""

    is_fed = False

    def boot(self, cause):
        super().boot(cause)
        self.is_fed = self.is_fed and cause != "power"

    def new_seed(self, level):
        was_fed, self.is_fed = self.is_fed, True
        return (
            super().new_seed(level)
            if was_fed
            else bytes.fromhex("6b8b4567327b23c6643c986966334873" * 2)[: self.sizes[level][0]]
        )


# What is counted.


class ZeroFirstByteUncounted(FullCrane):
    """A key that begins with zero is taken for an unfilled buffer, and not counted."""

    def count(self, level, sent):
        if sent[0]:
            super().count(level, sent)


class SameKeyUncounted(FullCrane):
    """The same key sent again is taken for a repetition on the bus, and not counted."""

    last = b""

    def count(self, level, sent):
        if sent != self.last:
            super().count(level, sent)
        self.last = sent


class UncountedWhileLowIsOpen(FullCrane):
    """While level 03 is unlocked, wrong keys for 09 are not counted."""

    def count(self, level, sent):
        if self.unlocked is None:
            super().count(level, sent)


class SecondConnectionUncounted(FullCrane):
    """The connection of the workshop's tester has no counter of wrong keys."""

    def count(self, level, sent):
        if self.line == 0:
            super().count(level, sent)


class ClearingCodesClearsCounter(FullCrane):
    """The counter of wrong keys is stored beside the trouble codes, and is cleared with them."""

    def clear_dtc(self, pdu):
        said = super().clear_dtc(pdu)
        self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        return said


class CounterForgottenOnTheWayBack(FullCrane):
    """A change from the programming session to the extended one clears the counter."""

    def enter(self, session):
        if (self.session, session) == (PROGRAMMING, EXTENDED):
            self.failures = {level: n if n >= self.limit else 0 for level, n in self.failures.items()}
        super().enter(session)


class CounterForgottenAtKeyOffOn(FullCrane):
    """11 02 restarts with an empty memory, and so clears the counter."""

    def boot(self, cause):
        if cause == 2:
            self.failures = {LOW: 0, HIGH: 0}
        super().boot(cause)


class CounterLapses(FullCrane):
    """The delay lasts ten minutes, but two minutes without a wrong key clear the counter."""

    delay_s = 600.0
    last_s = 0.0

    def count(self, level, sent):
        if self.port.now_s - self.last_s > 120:
            self.failures[level] = 0
        self.last_s = self.port.now_s
        super().count(level, sent)


# How long the delay is, and for whom.


class LastSeedGoodInDelay(FullCrane):
    """The wrong key that starts the delay leaves its seed pending, and only seed requests check the delay."""

    def send_key(self, pdu, level):
        asked = self.asked
        was_delayed = self.is_delayed(level)
        if was_delayed and asked and asked[0] == level and self.fits(level, asked[1], pdu[2:]):
            self.unlock(level)
            self.forget_seed()
            return self.yes(pdu)
        try:
            return super().send_key(pdu, level)
        finally:
            if not was_delayed and self.is_delayed(level):
                self.asked = asked


class DelayForgottenInProgramming(FullCrane):
    """The programming session is another program, which does not know the delay."""

    def enter(self, session):
        super().enter(session)
        if session == PROGRAMMING:
            self.free_s = dict.fromkeys(self.free_s, 0.0)


class DelayForgottenAtSoftReset(FullCrane):
    """11 03 ends the delay, but keeps the counter."""

    def boot(self, cause):
        super().boot(cause)
        if cause == 3:
            self.free_s = dict.fromkeys(self.free_s, 0.0)


class DelayOnlyOnce(FullCrane):
    """The timer of the delay is started only once after a start; later lockouts find it expired."""

    has_waited = False

    def boot(self, cause):
        super().boot(cause)
        self.has_waited = False

    def count(self, level, sent):
        before = self.free_s[level]
        super().count(level, sent)
        if self.free_s[level] != before:
            if self.has_waited:
                self.free_s[level], self.failures[level] = before, 0
                raise No(0x36)
            self.has_waited = True


class NoDelayAfterAnHour(FullCrane):
    """The end of the delay is compared with an hour meter that stops at 3600 s, so that no delay follows an hour's
    uptime.
    """

    up_since_s = 0.0

    def boot(self, cause):
        super().boot(cause)
        self.up_since_s = self.port.now_s

    def count(self, level, sent):
        super().count(level, sent)
        if self.port.now_s - self.up_since_s > 3600 and self.failures[level] >= self.limit:
            self.free_s[level], self.failures[level] = 0.0, 0
            raise No(0x36)


class SeedsForSecondConnectionInDelay(FullCrane):
    """The delay concerns only the first connection."""

    def is_delayed(self, level):
        return self.line == 0 and super().is_delayed(level)


# What a lock forgets.


class UnlockSurvivesSoftReset(FullCrane):
    """11 03 keeps the memory that holds the unlock."""

    def boot(self, cause):
        kept = self.unlocked if cause == 3 else None
        super().boot(cause)
        self.unlocked = kept


class UnlockSurvivesProgrammingToExtended(FullCrane):
    """A change from session 02 back to 03 does not lock, so that programming can be finished there."""

    def enter(self, session):
        kept = self.unlocked if (self.session, session) == (PROGRAMMING, EXTENDED) else None
        super().enter(session)
        self.unlocked = kept


class SuppressedChangeDoesNotLock(FullCrane):
    """10 with the suppress bit returns before the answer is made, and so before the lock."""

    is_quiet = False

    def control(self, pdu):
        self.is_quiet = bool(pdu[1] & 0x80)
        try:
            return super().control(pdu)
        finally:
            self.is_quiet = False

    def enter(self, session):
        kept = self.unlocked if self.is_quiet else None
        super().enter(session)
        self.unlocked = kept


class MemoryStaysOpenAfterTimeout(FullCrane):
    """Memory has a lock flag of its own, which the session's time-out does not clear."""

    is_memory_open = False

    def unlock(self, level):
        super().unlock(level)
        self.is_memory_open = level == HIGH

    def enter(self, session):
        super().enter(session)
        self.is_memory_open = False

    def boot(self, cause):
        super().boot(cause)
        self.is_memory_open = False

    def lapse(self):
        kept = self.is_memory_open
        super().lapse()
        self.is_memory_open = kept

    def need_for_memory(self, sid, address, size):
        if not (sid == 0x3D and self.is_memory_open):
            super().need_for_memory(sid, address, size)


class OpenWhileBooting(FullCrane):
    """In the first half second after a start, writes have no guard."""

    def need_for_writing(self, did):
        if self.session != DEFAULT or self.port.now_s - self.awake_s > 0.5:
            super().need_for_writing(did)


class DynamicDidOutlivesLock(FullCrane):
    """The level is checked only when a dynamic DID is defined; the DID stays readable after a lock."""

    def relock(self):
        kept = getattr(self, "dynamic", {})
        super().relock()
        self.dynamic = kept

    def need_for_reading(self, dids):
        super().need_for_reading([did for did in dids if did not in self.dynamic])
