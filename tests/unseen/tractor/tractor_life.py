"""Tractors with unusual sessions, with a sleep, or with another end of a session or none."""

from tests.unseen.tractor.tractor import DEFAULT, EXTENDED, PROGRAMMING, Refusal, Tractor, but
from tests.unseen.tractor.tractor import key as key

TIMES = b"\x00\x32\x01\xf4"


# Sound.


class HighSession(Tractor):
    """SecurityAccess exists only in session 90, which 10 90 requests and 50 90 confirms."""

    high = 0x90
    security_sessions = (0x90,)

    def control(self, pdu):
        if pdu[1] != self.high:
            return super().control(pdu)
        if len(pdu) != 2:
            raise Refusal(0x13)
        self.enter(self.high)
        return bytes((0x50, self.high)) + TIMES


class TwoDoorsDown(Tractor):
    """Session 41 is entered from 03, session 61 from 41; SecurityAccess exists in 61."""

    sessions = (DEFAULT, PROGRAMMING, EXTENDED, 0x41, 0x61)
    security_sessions = (0x61,)

    def control(self, pdu):
        wanted = self.choice(pdu, *self.sessions)
        before = {0x41: (EXTENDED, 0x41, 0x61), 0x61: (0x41, 0x61)}.get(wanted)
        if before and self.session not in before:
            raise Refusal(0x7E)
        return super().control(pdu)


class FingerprintFirst(Tractor):
    """A seed is refused with 22 until DID 4A01 has been written in this session."""

    has_fingerprint = False

    def relock(self):
        super().relock()
        self.has_fingerprint = False

    def write(self, pdu):
        said = super().write(pdu)
        self.has_fingerprint |= pdu[1:3] == b"\x4a\x01"
        return said

    def give_seed(self, pdu):
        if len(pdu) == 2 and not self.has_fingerprint:
            raise Refusal(0x22)
        return super().give_seed(pdu)


ShortSession = but(Tractor, s3_s=1.0)
"""A session ends after one second."""


class PresentInSessionsOnly(Tractor):
    """TesterPresent is refused with 7F in the default session."""

    def sessions_of(self, sid):
        return (PROGRAMMING, EXTENDED) if sid == 0x3E else super().sessions_of(sid)


class StatesOddTimes(Tractor):
    """The answer to session 03 states a P2 of FFFF and a P2* of 0000; the ECU is as quick as usual."""

    def control(self, pdu):
        said = super().control(pdu)
        return said and (said[:2] + b"\xff\xff\x00\x00" if self.session == EXTENDED else said)


class ProgrammingNeedsKey(Tractor):
    """Session 02 is refused with 33 until the level is open."""

    def control(self, pdu):
        if self.choice(pdu, *self.sessions) == PROGRAMMING and self.session != PROGRAMMING and not self.is_open:
            raise Refusal(0x33)
        return super().control(pdu)


SlowBoot = but(Tractor, boot_s=4.0)
"""It takes four seconds from the supply to the first answer."""


class Sleeps(Tractor):
    """The ECU sleeps after 30 s without a frame; the next frame wakes it within 100 ms, and is lost."""

    last_frame_s = 0.0

    def on_frame(self, frame):
        quiet_s, self.last_frame_s = self.port.now_s - self.last_frame_s, self.port.now_s
        if quiet_s > 30.0:
            self.awake_s = self.port.now_s + 0.1
        super().on_frame(frame)


class NoRestart(Tractor):
    """There is no service 11, and nobody can cut the supply."""

    def services(self):
        return {sid: service for sid, service in super().services().items() if sid != 0x11}


# Flawed.


class StaticInHighSession(HighSession):
    """SecurityAccess is in session C1 instead of 90, and its seed is always the same."""

    high = 0xC1
    security_sessions = (0xC1,)

    def new_seed(self):
        return bytes.fromhex("0B5E44D1927A6C03F8E1552D")


ZeroKeyTwoDoorsDown = but(TwoDoorsDown, fits=lambda ecu, seed, sent: sent == bytes(10) or TwoDoorsDown.fits(ecu, seed, sent))
"""SecurityAccess is in session 61, reached through 41, and a key of ten zero bytes opens the level."""


class Revived(Tractor):
    """A 3E 80 within 30 s after a session has ended by time brings the session back, with its open level."""

    ended = (DEFAULT, False, 0.0)

    def expire(self):
        before = (self.session, self.is_open, self.port.now_s + 30.0)
        super().expire()
        if self.session != before[0]:
            self.ended = before

    def present(self, pdu):
        said = super().present(pdu)
        session, was_open, until_s = self.ended
        if pdu[1] == 0x80 and self.session == DEFAULT and self.port.now_s < until_s:
            self.session, self.is_open = session, was_open
        return said

    def enter(self, session):
        super().enter(session)
        self.ended = (DEFAULT, False, 0.0)


class KeptByFunctional(Tractor):
    """A functional request stops the session's timer until the next 10."""

    is_kept = False

    def hear(self, data, is_functional):
        super().hear(data, is_functional)
        self.is_kept |= is_functional

    def expire(self):
        if not self.is_kept:
            super().expire()

    def enter(self, session):
        super().enter(session)
        self.is_kept = False


class OpenAcrossProgramming(Tractor):
    """The level stays open at 10 02 from session 03, and at 10 03 from session 02."""

    session = DEFAULT

    def enter(self, session):
        is_kept = {self.session, session} == {PROGRAMMING, EXTENDED} and self.is_open
        super().enter(session)
        self.is_open = is_kept

    def boot(self):
        self.session, self.is_open = DEFAULT, False
        super().boot()


class CrashesOnEightDids(Tractor):
    """A request for eight or more identifiers makes the ECU silent, and then restart within 800 ms."""

    def read(self, pdu):
        if len(pdu) >= 17 and len(pdu) % 2:
            self.boot_s, usual_s = 0.8, self.boot_s
            self.power_cycle()
            self.boot_s = usual_s
            return None
        return super().read(pdu)


class MuteAfterUnknownSession(Tractor):
    """A request for a session from 60 to 7E makes the ECU silent for a minute, and then restart."""

    def control(self, pdu):
        if len(pdu) == 2 and 0x60 <= pdu[1] & 0x7F <= 0x7E:
            self.boot_s, usual_s = 60.0, self.boot_s
            self.power_cycle()
            self.boot_s = usual_s
            return None
        return super().control(pdu)


class EndlessAfterRefusal(Tractor):
    """A request stops the session's timer, and a positive answer starts it again; a refusal leaves it stopped."""

    is_stopped = False

    def answer(self, pdu, is_functional):
        self.is_stopped = False
        super().answer(pdu, is_functional)

    def refuse(self, pdu, code):
        self.is_stopped = True
        return super().refuse(pdu, code)

    def expire(self):
        if not self.is_stopped:
            super().expire()


class SoftResetKeeps(Tractor):
    """After 11 03 the ECU is in the default session, but the next 10 03 finds the level open."""

    session, is_soft = DEFAULT, False

    def reset(self, pdu):
        kind = self.choice(pdu, 0x01, 0x03)
        self.later(0.002, self.power_cycle if kind == 1 else self.restart_softly)
        return self.agree(pdu)

    def restart_softly(self):
        was_open = self.is_open
        self.power_cycle()
        self.is_open = was_open

    def enter(self, session):
        is_kept = self.session == DEFAULT and session == EXTENDED and self.is_open
        super().enter(session)
        self.is_open = is_kept

    def boot(self):
        self.is_open = False
        super().boot()
