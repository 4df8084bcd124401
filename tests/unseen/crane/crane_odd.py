"""Sound cranes that are odd where the standard leaves room."""

from tests.unseen.crane.crane import HIGH, LOW, No
from tests.unseen.crane.crane import key as key
from tests.unseen.crane.crane_services import FullCrane


class FirstSeedRefused(FullCrane):
    """The first request for a seed after each start is refused with 0x22."""

    has_refused = False

    def boot(self, cause):
        super().boot(cause)
        self.has_refused = False

    def request_seed(self, pdu, level):
        if len(pdu) == 2 and not self.has_refused:
            self.has_refused = True
            self.forget_seed()
            raise No(0x22)
        return super().request_seed(pdu, level)


class FirstKeyRefused(FullCrane):
    """The first key after each start is refused with 0x22 without being compared; its seed is used up."""

    has_refused = False

    def boot(self, cause):
        super().boot(cause)
        self.has_refused = False

    def send_key(self, pdu, level):
        if self.asked and not self.has_refused and not self.is_delayed(level):
            self.has_refused = True
            self.forget_seed()
            raise No(0x22)
        return super().send_key(pdu, level)


class DelaysDouble(FullCrane):
    """Each lockout lasts twice as long as the one before, up to 80 s, until a right key; power cuts do not change that."""

    def __init__(self):
        super().__init__()
        self.lockouts = {LOW: 0, HIGH: 0}

    def length_s(self, level):
        return self.delay_s * 2 ** min(max(self.lockouts[level] - 1, 0), 3)

    def boot(self, cause):
        super().boot(cause)
        self.free_s = {level: self.awake_s + self.length_s(level) if n else 0.0 for level, n in self.failures.items()}

    def count(self, level, sent):
        self.failures[level] += 1
        if self.failures[level] >= self.limit:
            self.lockouts[level] += 1
            self.free_s[level] = self.port.now_s + self.length_s(level)

    def unlock(self, level):
        super().unlock(level)
        self.lockouts[level] = 0


class OneCounter(FullCrane):
    """Both levels share one counter and one delay; any right key clears them."""

    def is_delayed(self, level):
        if self.port.now_s < self.free_s[level]:
            return True
        if self.failures[level] >= self.limit:
            self.failures = {LOW: 0, HIGH: 0}
        return False

    def count(self, level, sent):
        self.failures = dict.fromkeys(self.failures, self.failures[level] + 1)
        if self.failures[level] >= self.limit:
            self.free_s = dict.fromkeys(self.free_s, self.port.now_s + self.delay_s)

    def unlock(self, level):
        super().unlock(level)
        self.failures = {LOW: 0, HIGH: 0}


class ShortZeroSeed(FullCrane):
    """An open level gives two zero bytes as seed, while its other seeds have twelve or twenty."""

    def request_seed(self, pdu, level):
        if len(pdu) == 2 and self.may(level):
            self.forget_seed()
            return self.yes(pdu, b"\x00\x00")
        return super().request_seed(pdu, level)


class UnusualRefusals(FullCrane):
    """During the delay a seed is refused with 0x36 and a key with 0x24; an open level refuses seeds with 0x22.

    A wrong length is refused before a missing level.
    """

    def request_seed(self, pdu, level):
        if len(pdu) == 2 and self.may(level):
            self.forget_seed()
            raise No(0x22)
        if len(pdu) == 2 and self.is_delayed(level):
            raise No(0x36)
        return super().request_seed(pdu, level)

    def send_key(self, pdu, level):
        if self.is_delayed(level):
            self.forget_seed()
            raise No(0x24)
        return super().send_key(pdu, level)

    def write(self, pdu):
        did = int.from_bytes(pdu[1:3], "big")
        if did in self.values and len(pdu) - 3 != len(self.values[did]):
            raise No(0x13)
        return super().write(pdu)


class SeedUntilRightKey(FullCrane):
    """A seed is repeated, over sessions and power cuts, until its right key has come."""

    def __init__(self):
        super().__init__()
        self.seeds = {}

    def new_seed(self, level):
        if level not in self.seeds:
            self.seeds[level] = super().new_seed(level)
        return self.seeds[level]

    def unlock(self, level):
        super().unlock(level)
        del self.seeds[level]


class SecondAfterEachWrongKey(FullCrane):
    """Each wrong key is followed by a delay of a second, the third by ten."""

    def count(self, level, sent):
        super().count(level, sent)
        if self.failures[level] < self.limit:
            self.free_s[level] = self.port.now_s + 1.0
            raise No(0x35)


class DelayAfterEveryStart(FullCrane):
    """The counter is lost at a restart, so that each start begins with the delay."""

    def boot(self, cause):
        super().boot(cause)
        self.free_s = dict.fromkeys(self.free_s, self.awake_s + self.delay_s)


class OneDidAtATime(FullCrane):
    """22 reads one DID; a request for more is refused with 0x13."""

    def read(self, pdu):
        if len(pdu) != 3:
            raise No(0x13)
        return super().read(pdu)
