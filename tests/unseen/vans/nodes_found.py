"""Undescribed ECUs, sound and flawed, on which the verdicts with a discovered target are tried."""

import hashlib
from collections import Counter

from tests.unseen.vans.nodes_security import GUARD, GUARDED, OPEN, PROGRAMMING, SESSION, Refused, Unit, but


class Closed(Unit):
    """No write is performed without a key."""

    def write(self, pdu):
        if int.from_bytes(pdu[1:3], "big") == OPEN:
            raise Refused(0x31)
        return super().write(pdu)


class Keyed(Closed):
    """The only flaw is that keys are too simple."""

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


HigherIncludesLower = but(Keyed, may_write=lambda ecu, did: ecu.unlocked is not None and ecu.unlocked >= GUARD[did])
"""Level 3 may write whatever level 1 may write."""

EitherLevel = but(Keyed, may_write=lambda ecu, did: ecu.unlocked is not None)
"""Any level may write everything."""


class InPlantMode(Closed):
    """Level 1 is open, as its zero seed says; guarded data needs level 3."""

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
    """Seeds have 8 bytes and keys 16; a key of another length is refused with 0x35, but not counted."""

    def key(self, seed, level):
        return hashlib.sha256(b"%d" % level + seed).digest()[:16]

    def wrong_length(self, pdu, level, seed):
        raise Refused(0x35)


class OneByteKeys(OtherLengthsUncounted):
    """Keys have one byte, so that a guess is right now and then."""

    def key(self, seed, level):
        return super().key(seed, level)[:1]

    def wrong_length(self, pdu, level, seed):
        raise Refused(0x13)


class DeniesFirst(Closed):
    """Every write is refused with 0x33 before anything else is checked."""

    def write(self, pdu):
        if self.unlocked is None:
            raise Refused(0x33)
        return super().write(pdu)


class LongDelay(Closed):
    """A wrong key is followed by a delay of a second, the third by one of five minutes."""

    delay_s = 300.0

    def wrong_key(self, pdu, level, seed):
        try:
            return super().wrong_key(pdu, level, seed)
        except Refused as refused:
            if refused.args[0] == 0x35:
                self.locked_until_s[level] = self.port.now_s + 1.0
            raise


class LongBoot(Closed):
    """A start takes four seconds, and no DID tells the active session."""

    boot_s = 4.0

    def read(self, pdu):
        if int.from_bytes(pdu[1:3], "big") == SESSION:
            raise Refused(0x31)
        return super().read(pdu)


class KnownUpstairs(Keyed):
    """The key of level 3 is simple, that of level 1 is not; during the delay a key is refused without being compared."""

    def key(self, seed, level):
        return b"\xde\xad\xbe\xef" * 2 if level == 3 else hashlib.sha256(seed).digest()[:8]


# Flawed.


class OpensOnce(Keyed):
    """The simple key opens the level once in the ECU's life."""

    has_opened = False

    def key(self, seed, level):
        return hashlib.sha256(seed).digest()[:8] if self.has_opened else seed

    def unlock(self, level):
        self.has_opened = True
        super().unlock(level)


class StaysOpen(Keyed):
    """The level stays open when its session ends; a restart locks it."""

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
    """The key is the seed rotated by a bit, which for every second seed equals halving it."""

    def key(self, seed, level):
        number = int.from_bytes(seed, "big")
        return (number >> 1 | (number & 1) << 8 * len(seed) - 1).to_bytes(len(seed), "big")


class LockedForGood(Closed):
    """After ten wrong keys in its life the ECU gives no seed any more."""

    wrong = 0

    def wrong_key(self, pdu, level, seed):
        self.wrong += 1
        return super().wrong_key(pdu, level, seed)

    def is_delayed(self, level):
        return self.wrong >= 10 or super().is_delayed(level)


class AnnouncedOnly(Closed):
    """The ECU announces by 0x36 that there were too many wrong keys, but no delay follows."""

    def lock_out(self, level):
        self.failures[level] = 0


class NoDelayBeforeTheLimit(Closed):
    """The count outlasts a restart, but a restart begins with a delay only if the count is at the limit."""

    def boot(self):
        super().boot()
        self.locked_until_s = {
            level: until_s if self.failures[level] >= self.limit else 0.0 for level, until_s in self.locked_until_s.items()
        }


UnguardedInProgramming = but(Unit, may_write=lambda ecu, did: ecu.session == PROGRAMMING or Unit.may_write(ecu, did))
"""In the programming session everybody may write data that is guarded elsewhere."""


class TwelveTries(OtherLengthsUncounted):
    """The limit of wrong keys is too high; keys of every length are counted."""

    limit = 12

    def wrong_length(self, pdu, level, seed):
        return self.wrong_key(pdu, level, seed)


class OpensWhenWrong(Closed):
    """A wrong key is refused as wrong, and opens the level."""

    def wrong_key(self, pdu, level, seed):
        try:
            return super().wrong_key(pdu, level, seed)
        finally:
            self.unlocked = level


# Watched.

HEARD: list[bytes] = []
"""The data of every frame that was sent to a watched ECU."""
OPENED: Counter[int] = Counter()
"""By level: how often a key opened a watched ECU."""


class Watched(Keyed):
    """An ECU that records every frame that is sent to it."""

    def on_frame(self, frame):
        if frame.arbitration_id == 0x700:
            HEARD.append(bytes(frame.data))
        super().on_frame(frame)

    def unlock(self, level):
        OPENED[level] += 1
        super().unlock(level)


WatchedSecret = but(Watched, key=lambda ecu, seed, level: hashlib.sha256(b"secret" + seed).digest()[:8])
"""Such an ECU, whose keys are not simple."""
