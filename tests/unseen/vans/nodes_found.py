"""Undescribed ECUs, sound and flawed, to try verdicts on what discovery makes of them."""

import hashlib
from collections import Counter

from tests.unseen.vans.nodes_security import GUARD, GUARDED, OPEN, PROGRAMMING, SESSION, Refused, Unit


class Closed(Unit):
    """Nothing is written without a key."""

    def write(self, pdu):
        if int.from_bytes(pdu[1:3], "big") == OPEN:
            raise Refused(0x31)
        return super().write(pdu)


class Keyed(Closed):
    """Its keys are too simple: that is what may be said against it."""

    def key(self, seed: bytes, level: int) -> bytes:
        return seed

    def send_key(self, pdu, level):
        if self.is_delayed(level):
            return self.in_delay(pdu, level)
        pending, self.pending = self.pending, None
        if pending is None or pending[0] != level:
            return self.without_seed(pdu, level)
        right = self.key(pending[1], level)
        if len(pdu) != 2 + len(right):
            return self.wrong_length(pdu, level, pending[1])
        if pdu[2:] != right:
            return self.wrong_key(pdu, level, pending[1])
        self.unlock(level)
        return self.positive(pdu)

    def wrong_length(self, pdu, level, seed):
        raise Refused(0x13)


# Sound, but for simple keys and short seeds.


class HigherIncludesLower(Keyed):
    """Level 3 may write whatever level 1 may."""

    def may_write(self, did):
        return self.unlocked is not None and self.unlocked >= GUARD[did]


class EitherLevel(Keyed):
    """Any level may write everything."""

    def may_write(self, did):
        return self.unlocked is not None


class InPlantMode(Closed):
    """Level 1 is open, as its zero seed says; what is guarded needs level 3."""

    def request_seed(self, pdu, level):
        return (
            self.positive(pdu, bytes(self.seed_bytes)) if level == 1 and len(pdu) == 2 else super().request_seed(pdu, level)
        )

    def send_key(self, pdu, level):
        if level == 1:
            raise Refused(0x24)
        return super().send_key(pdu, level)

    def write(self, pdu):
        if int.from_bytes(pdu[1:3], "big") == GUARDED:
            raise Refused(0x31)
        return super().write(pdu)


class OtherLengthsUncounted(Keyed):
    """Keys of 16 bytes to seeds of 8; of another length they are wrong (0x35), and not counted."""

    def key(self, seed, level):
        return hashlib.sha256(b"%d" % level + seed).digest()[:16]

    def wrong_length(self, pdu, level, seed):
        raise Refused(0x35)


class OneByteKeys(OtherLengthsUncounted):
    """A guess is right now and then."""

    def key(self, seed, level):
        return super().key(seed, level)[:1]

    def wrong_length(self, pdu, level, seed):
        raise Refused(0x13)


class DeniesFirst(Closed):
    """Whatever is to be written, it is denied (0x33) before it is looked at."""

    def write(self, pdu):
        if self.unlocked is None:
            raise Refused(0x33)
        return super().write(pdu)


class LongDelay(Closed):
    """A second after each wrong key; five minutes after the third."""

    delay_s = 300.0

    def wrong_key(self, pdu, level, seed):
        try:
            return super().wrong_key(pdu, level, seed)
        except Refused as refused:
            if refused.args[0] == 0x35:
                self.locked_until_s[level] = self.port.now_s + 1.0
            raise


class LongBoot(Closed):
    """It takes four seconds to start, and does not say which session it is in."""

    boot_s = 4.0

    def read(self, pdu):
        if int.from_bytes(pdu[1:3], "big") == SESSION:
            raise Refused(0x31)
        return super().read(pdu)


class KnownUpstairs(Keyed):
    """The key of level 3 is simple, that of level 1 is not; during its delay a key is refused before it is looked at."""

    def key(self, seed, level):
        return b"\xde\xad\xbe\xef" * 2 if level == 3 else hashlib.sha256(seed).digest()[:8]


# Flawed.


class OpensOnce(Keyed):
    """The simple key opens it once in its life."""

    has_opened = False

    def key(self, seed, level):
        return hashlib.sha256(seed).digest()[:8] if self.has_opened else seed

    def unlock(self, level):
        self.has_opened = True
        super().unlock(level)


class StaysOpen(Keyed):
    """An unlock outlives its session; a restart ends it."""

    is_booting = True

    def boot(self):
        self.is_booting = True
        super().boot()
        self.is_booting = False

    def enter(self, session):
        unlocked = None if self.is_booting else self.unlocked
        super().enter(session)
        self.unlocked = unlocked


class Turned(Keyed):
    """The seed turned by a bit, which for every other seed is the same as halving it."""

    def key(self, seed, level):
        number = int.from_bytes(seed, "big")
        return (number >> 1 | (number & 1) << 8 * len(seed) - 1).to_bytes(len(seed), "big")


class LockedForGood(Closed):
    """After ten wrong keys in its life it never gives a seed again."""

    wrong = 0

    def wrong_key(self, pdu, level, seed):
        self.wrong += 1
        return super().wrong_key(pdu, level, seed)

    def is_delayed(self, level):
        return self.wrong >= 10 or super().is_delayed(level)


class AnnouncedOnly(Closed):
    """Too many wrong keys are announced, and delay nothing."""

    def lock_out(self, level):
        self.failures[level] = 0


class NoDelayBeforeTheLimit(Closed):
    """What it has counted outlasts a restart, and delays nothing after it unless it is the limit."""

    def boot(self):
        super().boot()
        self.locked_until_s = {
            level: until_s if self.failures[level] >= self.limit else 0.0 for level, until_s in self.locked_until_s.items()
        }


class UnguardedInProgramming(Unit):
    """In the programming session everybody writes what is guarded elsewhere."""

    def may_write(self, did):
        return self.session == PROGRAMMING or super().may_write(did)


class TwelveTries(OtherLengthsUncounted):
    """A limit, but too high a one; it counts keys of every length."""

    limit = 12

    def wrong_length(self, pdu, level, seed):
        return self.wrong_key(pdu, level, seed)


class OpensWhenWrong(Closed):
    """A wrong key opens it, and it says that it was wrong."""

    def wrong_key(self, pdu, level, seed):
        try:
            return super().wrong_key(pdu, level, seed)
        finally:
            self.unlocked = level


# Watched.

HEARD: list[bytes] = []
"""The data of every frame that a watched ECU was sent."""
OPENED: Counter[int] = Counter()
"""How often a key opened each of its levels."""


class Watched(Keyed):
    """Writes down whatever is sent to it."""

    def on_frame(self, frame):
        if frame.arbitration_id == 0x700:
            HEARD.append(bytes(frame.data))
        super().on_frame(frame)

    def unlock(self, level):
        OPENED[level] += 1
        super().unlock(level)


class WatchedSecret(Watched):
    """The same; its keys are not simple."""

    def key(self, seed, level):
        return hashlib.sha256(b"secret" + seed).digest()[:8]
