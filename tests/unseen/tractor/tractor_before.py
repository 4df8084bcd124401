"""Tractors with preconditions for a session or a seed, as public traces show them of cars' ECUs.

They are routine 0203 before programming, a level before the session in which an ECU is flashed, and a level behind another.
"""

from tests.unseen.tractor.tractor import DEFAULT, EXTENDED, PROGRAMMING, Refusal, Tractor, but, key

__all__ = ["key"]

FLASHING = 0x62
INNER = 0x09


class RoutineFirst(Tractor):
    """Session 02 is refused with 22 until routine 0203 was started in session 03; the level exists in 02 only."""

    security_sessions = (PROGRAMMING,)
    is_checked = False

    def services(self):
        return super().services() | {0x31: self.routine}

    def sessions_of(self, sid):
        return (EXTENDED, PROGRAMMING) if sid == 0x31 else super().sessions_of(sid)

    def routine(self, pdu):
        self.routine_choice(pdu, b"\x02\x03", 1)
        self.is_checked = self.session == EXTENDED
        return None if pdu[1] & 0x80 else b"\x71" + pdu[1:4]

    def control(self, pdu):
        wanted = self.choice(pdu, *self.sessions)
        if wanted == PROGRAMMING and self.session != PROGRAMMING:
            if self.session != EXTENDED:
                raise Refusal(0x7E)
            if not self.is_checked:
                raise Refusal(0x22)
        return super().control(pdu)

    def enter(self, session):
        super().enter(session)
        self.is_checked = False


class FunctionalFirst(Tractor):
    """A seed is given only if TesterPresent was received on the functional id in this session."""

    is_heard = False

    def present(self, pdu):
        said = super().present(pdu)
        self.is_heard = self.is_heard or self.is_functional
        return said

    def enter(self, session):
        super().enter(session)
        self.is_heard = False

    def give_seed(self, pdu):
        if len(pdu) == 2 and not self.is_heard:
            raise Refusal(0x22)
        return super().give_seed(pdu)


class SessionBehindLevel(Tractor):
    """Session 62 is entered from 03, and only while level 05 is open there; it has no service of its own."""

    sessions = (DEFAULT, PROGRAMMING, EXTENDED, FLASHING)

    def control(self, pdu):
        wanted = self.choice(pdu, *self.sessions)
        if wanted == FLASHING and self.session != FLASHING:
            if self.session != EXTENDED:
                raise Refusal(0x7E)
            if not self.is_open:
                raise Refusal(0x33)
        return super().control(pdu)


class LevelBehindLevel(Tractor):
    """Level 09 guards 4A03 and gives a seed only while level 05 is open (33 otherwise); each level counts its own wrong
    keys.
    """

    inner_failures, inner_closed_until_s, limit_of_inner = 0, 0.0, 3

    def boot(self):
        if self.inner_failures or self.port.now_s < self.inner_closed_until_s:
            self.inner_closed_until_s = self.awake_s + self.delay_s
        super().boot()

    def relock(self):
        super().relock()
        self.is_inner_open, self.inner_seed = False, None

    def may_read(self, did):
        return did != 0x4A03 or self.is_inner_open

    def may_write(self, did):
        return self.is_inner_open if did == 0x4A03 else super().may_write(did)

    def access(self, pdu):
        sub_function = pdu[1] & 0x7F
        if sub_function == INNER:
            return self.give_inner(pdu)
        if sub_function == INNER + 1:
            return self.take_inner(pdu)
        return super().access(pdu)

    def give_inner(self, pdu):
        if len(pdu) != 2:
            raise Refusal(0x13)
        if self.is_inner_open:
            return self.agree(pdu, self.open_seed())
        if self.port.now_s < self.inner_closed_until_s:
            raise Refusal(0x37)
        if not self.is_open:
            raise Refusal(0x33)
        self.inner_seed = self.new_seed()
        return self.agree(pdu, self.inner_seed)

    def take_key(self, pdu):
        self.inner_seed = None
        return super().take_key(pdu)

    def take_inner(self, pdu):
        seed, self.inner_seed, self.seed = self.inner_seed, None, None
        if seed is None:
            raise Refusal(0x24)
        if len(pdu) != 2 + self.key_bytes:
            raise Refusal(0x13)
        if pdu[2:] == self.inner_key(seed):
            self.is_inner_open, self.inner_failures = True, 0
            return self.agree(pdu)
        self.inner_failures += 1
        if self.inner_failures < self.limit_of_inner:
            raise Refusal(0x35)
        self.inner_failures, self.inner_closed_until_s = 0, self.port.now_s + self.delay_s
        raise Refusal(0x36)

    def inner_key(self, seed):
        return key(seed, INNER)


NoInnerLimit = but(LevelBehindLevel, limit_of_inner=1 << 30)
"""Wrong keys for level 09 are not counted."""


class InnerSeedIsFixed(LevelBehindLevel):
    """Level 09 gives the same seed each time."""

    def give_inner(self, pdu):
        said = super().give_inner(pdu)
        if said and self.inner_seed:
            self.inner_seed = bytes.fromhex("A1B2C3D4E5F60718293A4B5C")
            said = self.agree(pdu, self.inner_seed)
        return said


class ProgrammingSeedRepeats(RoutineFirst):
    """After the routine, seeds come from a counter."""

    turn = 0

    def new_seed(self):
        self.turn += 1
        return self.turn.to_bytes(self.seed_bytes, "big")


NoLimitBehindTheRoutine = but(RoutineFirst, count=lambda ecu: False)
"""After the routine, wrong keys are not counted."""
