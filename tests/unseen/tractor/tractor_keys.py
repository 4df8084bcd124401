"""Tractors that answer keys in unusual ways, or compare them badly."""

from tests.unseen.tractor import tractor
from tests.unseen.tractor.tractor import Refusal, Tractor, key

# Sound.


class DelayDoubles(Tractor):
    """Each wrong key is followed by a delay of one second, then two, four, and at most eight; the right key resets that."""

    delays, delay_s = 0, 1.0

    def wrong_key(self, pdu):
        self.delay_s = min(8.0, 2.0**self.delays)
        self.delays += 1
        self.closed_until_s = self.port.now_s + self.delay_s
        raise Refusal(0x35)

    def take_key(self, pdu):
        said = super().take_key(pdu)
        self.delays, self.delay_s = 0, 1.0
        return said


class LockoutGrows(Tractor):
    """Each lockout is twice as long as the one before, up to 80 s, until the right key comes."""

    delay_s = 10.0

    def count(self):
        is_closed = super().count()
        if is_closed:
            self.delay_s = min(80.0, self.delay_s * 2)
        return is_closed

    def take_key(self, pdu):
        said = super().take_key(pdu)
        self.delay_s = 10.0
        return said


class LengthIsPartOfTheKey(Tractor):
    """A key of another length is refused with 35 and counted, like any wrong key."""

    def take_key(self, pdu):
        if self.seed is not None and len(pdu) != 2 + self.key_bytes:
            self.seed = None
            return self.wrong_key(pdu)
        return super().take_key(pdu)


class NoKeyAtFirst(Tractor):
    """In the first two seconds after a start keys are refused with 0x22, and use up the seed."""

    def take_key(self, pdu):
        if self.port.now_s < self.awake_s + 2.0 and self.seed is not None:
            self.seed = None
            raise Refusal(0x22)
        return super().take_key(pdu)


# Flawed.


class Uncounted31(Tractor):
    """A wrong key is refused with 31, and never counted."""

    def wrong_key(self, pdu):
        raise Refusal(0x31)


class Refused10(Tractor):
    """A wrong key is refused with 10, even at the limit; it is counted, and the delay follows."""

    def wrong_key(self, pdu):
        self.count()
        raise Refusal(0x10)


class SilentRefusal(Tractor):
    """A wrong key is not answered; it is counted, and the delay follows."""

    def wrong_key(self, pdu):
        self.count()


class CodelessRefusal(Tractor):
    """A wrong key is answered by 7F 27 without a code; it is counted, and the delay follows."""

    def wrong_key(self, pdu):
        self.count()
        return b"\x7f\x27"


class AgreesToAll(Tractor):
    """A wrong key is answered 67 06 but opens nothing; it is counted, and the delay follows."""

    def wrong_key(self, pdu):
        self.count()
        return self.agree(pdu)


class LimitOpens(Tractor):
    """The wrong key that reaches the limit is refused with 36, and leaves the level open."""

    def wrong_key(self, pdu):
        if self.count():
            self.is_open = True
            raise Refusal(0x36)
        raise Refusal(0x35)


class EchoesSeedLevel(Tractor):
    """The right key opens the level, and is answered 67 05."""

    def take_key(self, pdu):
        said = super().take_key(pdu)
        return said and said[:1] + bytes((self.level,))


class SpeaksTwice(Tractor):
    """The right key is answered 67 06, and 40 ms later 7F 27 24."""

    def take_key(self, pdu):
        said = super().take_key(pdu)
        self.later(0.040, lambda: self.put(b"\x03\x7f\x27\x24"))
        return said


class FirstByteCounts(Tractor):
    """A wrong key is counted only if its first byte is wrong."""

    def take_key(self, pdu):
        self.expected = self.seed and key(self.seed, self.level)
        return super().take_key(pdu)

    def wrong_key(self, pdu):
        if pdu[2] == self.expected[0]:
            raise Refusal(0x35)
        return super().wrong_key(pdu)


class MaskedByte(Tractor):
    """The upper half of the key's last byte is ignored."""

    def fits(self, seed, sent):
        right = key(seed, self.level)
        return sent[:-1] == right[:-1] and sent[-1] & 0x0F == right[-1] & 0x0F


class CrashesOnEmptyKey(Tractor):
    """A key without a byte, sent for a pending seed, silences the ECU until its supply is cut."""

    def take_key(self, pdu):
        if self.seed is not None and len(pdu) == 2:
            raise MemoryError("copy of 0 - 1 bytes")
        return super().take_key(pdu)


class DelayEndsInDefault(Tractor):
    """Two requests in a row for the default session end the delay."""

    asked = 0

    def control(self, pdu):
        said = super().control(pdu)
        self.asked = self.asked + 1 if self.session == tractor.DEFAULT else 0
        if self.asked >= 2:
            self.closed_until_s = 0.0
        return said


class DelayEndsWithSession(Tractor):
    """A session that ends by time ends the delay."""

    def expire(self):
        before = self.session
        super().expire()
        if before != self.session:
            self.closed_until_s = 0.0


class HangsOnLongKey(Tractor):
    """A key of 64 bytes or more silences the ECU until a watchdog restarts it after 90 s. There is no service 11."""

    def services(self):
        return {sid: service for sid, service in super().services().items() if sid != 0x11}

    def take_key(self, pdu):
        if len(pdu) >= 66:
            self.boot_s, usual_s = 90.0, self.boot_s
            self.power_cycle()
            self.boot_s = usual_s
            return None
        return super().take_key(pdu)


class ZeroPendingAtStart(Tractor):
    """From the start to the first seed a seed of zeros counts as pending, so that its key opens the level."""

    is_fresh = True

    def boot(self):
        super().boot()
        self.is_fresh = True

    def give_seed(self, pdu):
        self.is_fresh = False
        return super().give_seed(pdu)

    def take_key(self, pdu):
        if self.is_fresh and pdu[2:] == key(bytes(self.seed_bytes), self.level):
            self.is_open = True
            return self.agree(pdu)
        return super().take_key(pdu)


class AnyKeyAfterTimeout(Tractor):
    """When a session with an open level runs out, the result of the last comparison stays, so that any next key is
    accepted.
    """

    was_right = False

    def expire(self):
        was_open = self.is_open
        super().expire()
        self.was_right = self.was_right or (was_open and not self.is_open)

    def fits(self, seed, sent):
        was_right, self.was_right = self.was_right, False
        return was_right or super().fits(seed, sent)
