"""Tractors that do what people reported of SecurityAccess in ECUs and servers; each docstring has the report's address."""

import hashlib

from tests.unseen.tractor.tractor import DEFAULT, EXTENDED, PROGRAMMING, Refusal, Tractor
from tests.unseen.tractor.tractor import key as key


class NoLevelInZeroSeed(Tractor):
    """FLAWED. https://github.com/pylessard/python-udsoncan/issues/214

    A seed asked of the open level is answered 67 and zeros, without the level.
    """

    def give_seed(self, pdu):
        said = super().give_seed(pdu)
        return said[:1] + said[2:] if said and self.is_open else said


class LockoutStoredLate(Tractor):
    """FLAWED. https://github.com/Xaloqi/EDS/issues/211

    At the limit the counter is stored as zero first and the delay afterwards; who cuts the supply in between is free of
    both. Here the second write is due 300 ms later.
    """

    stored_until_s = 0.0

    def count(self):
        is_closed = super().count()
        if is_closed:
            until_s = self.closed_until_s
            self.later(0.3, lambda: setattr(self, "stored_until_s", until_s))
        return is_closed

    def boot(self):
        self.closed_until_s = self.stored_until_s
        super().boot()
        self.stored_until_s = self.closed_until_s


class CounterInRam(Tractor):
    """FLAWED. https://github.com/Xaloqi/EDS/issues/190

    Counter and delay are not stored: a restart ends both.
    """

    def boot(self):
        self.failures, self.closed_until_s = 0, 0.0
        super().boot()


class OneTryPerLockout(Tractor):
    """Sound. https://github.com/Xaloqi/EDS/pull/186

    Only the right key clears the counter. When the delay is over, each further wrong key is one too many.
    """

    def count(self):
        self.failures = min(self.failures + 1, self.limit)
        if self.failures < self.limit:
            return False
        self.closed_until_s = self.port.now_s + self.delay_s
        return True


class InheritedByNextSession(Tractor):
    """FLAWED. https://github.com/Xaloqi/EDS/pull/140

    10 01 locks, but the end of a session by time does not: the next 10 03 finds the level open. Writing is for session
    03 only, so that nothing shows before.
    """

    is_open = False

    def sessions_of(self, sid):
        return (EXTENDED,) if sid == 0x2E else super().sessions_of(sid)

    def expire(self):
        was_open = self.is_open
        super().expire()
        self.is_open = was_open

    def enter(self, session):
        is_kept = self.is_open and getattr(self, "session", None) == DEFAULT and session == EXTENDED
        super().enter(session)
        self.is_open = is_kept

    def boot(self):
        self.is_open = False
        super().boot()


class OpenInDefault(Tractor):
    """FLAWED. https://github.com/driftregion/iso14229/issues/57

    When a session ends by time the default session comes, and the level stays open in it. Every 10 locks.
    """

    def expire(self):
        was_open = self.is_open
        super().expire()
        self.is_open = was_open


class RoutineOpens(Tractor):
    """FLAWED. https://github.com/jglim/UnlockECU/issues/75

    No key is needed: a routine that anybody may start, here 0203, leaves the level open.
    """

    def services(self):
        return super().services() | {0x31: self.routine}

    def sessions_of(self, sid):
        return (PROGRAMMING, EXTENDED) if sid == 0x31 else super().sessions_of(sid)

    def routine(self, pdu):
        self.routine_choice(pdu, b"\x02\x03", 1)
        self.is_open = True
        return self.agree(pdu, pdu[2:4] + b"\x00")


class TimerSeedsGenerator(Tractor):
    """FLAWED. https://github.com/CaringCaribou/caringcaribou/pull/70

    The generator starts anew at each start, from the timer at the first request in steps of 10 ms; after that it is good.
    """

    started = None

    def boot(self):
        super().boot()
        self.started = None

    def new_seed(self):
        if self.started is None:
            since_s = self.port.now_s - self.awake_s
            self.started, self.drawn = int(since_s * 100), 0
        self.drawn += 1
        return hashlib.sha512(b"sboot %d %d" % (self.started, self.drawn)).digest()[:12]


class FirstSeedZero(Tractor):
    """FLAWED. https://github.com/jglim/UnlockECU/pull/44

    Of three pairs told there one has a seed of zero, and a key that is not. Here the first seed after each start is
    zero, and its key opens.
    """

    is_first = True

    def boot(self):
        super().boot()
        self.is_first = True

    def new_seed(self):
        seed = bytes(12) if self.is_first else super().new_seed()
        self.is_first = False
        return seed


class AnswersInDefaultWith31(Tractor):
    """Sound. https://github.com/w1ne/labwired-core/pull/343

    A write in the wrong session is refused with 31, as if the identifier were not there.
    """

    def write(self, pdu):
        if self.session == DEFAULT and len(pdu) >= 4:
            raise Refusal(0x31)
        return super().write(pdu)


class PlainDownload(Tractor):
    """Sound. https://github.com/pylessard/python-udsoncan/issues/281

    A download is taken when the level is open and the data are neither packed nor ciphered (00); another format is
    refused with 70.
    """

    left = None
    """How many bytes of a download are still to come; None: there is none."""

    def services(self):
        return super().services() | {0x34: self.download, 0x36: self.transfer, 0x37: self.leave}

    def sessions_of(self, sid):
        return (EXTENDED,) if sid in (0x34, 0x36, 0x37) else super().sessions_of(sid)

    def serve(self, pdu):
        if pdu == b"\x37" and self.session == EXTENDED:
            return self.leave(pdu)
        return super().serve(pdu)

    def relock(self):
        super().relock()
        self.left = None

    def download(self, pdu):
        if len(pdu) < 5:
            raise Refusal(0x13)
        if pdu[2] != 0x44:
            raise Refusal(0x31)
        if len(pdu) != 11:
            raise Refusal(0x13)
        if not self.is_open:
            raise Refusal(0x33)
        start, size = int.from_bytes(pdu[3:7], "big"), int.from_bytes(pdu[7:], "big")
        if not 0x00400000 <= start <= 0x0040FFFF or not 0 < size <= 0x1000:
            raise Refusal(0x31)
        if pdu[1]:
            raise Refusal(0x70)
        if self.left is not None:
            raise Refusal(0x22)
        self.left, self.block = size, 1
        return b"\x74\x20\x00\x82"

    def transfer(self, pdu):
        if not 3 <= len(pdu) <= 0x82:
            raise Refusal(0x13)
        if not self.left:
            raise Refusal(0x24)
        if pdu[1] != self.block:
            raise Refusal(0x73)
        if len(pdu) - 2 > self.left:
            raise Refusal(0x31)
        self.left, self.block = self.left - len(pdu) + 2, (self.block + 1) & 0xFF
        return b"\x76" + pdu[1:2]

    def leave(self, pdu):
        if len(pdu) != 1:
            raise Refusal(0x13)
        if self.left != 0:
            raise Refusal(0x24)
        self.left = None
        return b"\x77"
