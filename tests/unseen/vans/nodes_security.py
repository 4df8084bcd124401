"""ECUs that a maker could really have built, sound and flawed, on which verdicts on SecurityAccess are tried.

`Unit` is sound; each other one overrides one thing. What its maker would declare stands beside it.
"""

import hashlib
from collections.abc import Callable

import can

from harness.link.isotp import IsoTp, IsoTpConfig
from tests.unseen.vans.nodes_van import but

DEFAULT, PROGRAMMING, EXTENDED = 1, 2, 3
OPEN, GUARDED, DEEP, SESSION, SERIAL = 0x1010, 0x2020, 0x2030, 0xF186, 0xF190
GUARD = {GUARDED: 1, DEEP: 3}


def key(seed: bytes, level: int) -> bytes:
    """Compute the key that the tester sends for a seed."""
    return hashlib.sha256(b"hostile %d" % level + seed).digest()[: len(seed)]


class Refused(Exception):
    """A negative response; the argument is its code."""


def refuse(nrc: int) -> None:
    """Raise `Refused`, where a statement is not possible."""
    raise Refused(nrc)


class Unit:
    """The sound unit: three sessions, two levels, non-volatile counters, and a delay at every start after a wrong key."""

    # What its maker declares.
    sessions: tuple[int, ...] = (DEFAULT, PROGRAMMING, EXTENDED)
    home = EXTENDED  # the session of SecurityAccess
    levels: tuple[int, ...] = (1, 3)
    limit, delay_s, boot_s = 3, 10.0, 0.3
    reset_types: tuple[int, ...] = (1, 3)
    has_power = has_key = True

    s3_s, seed_bytes = 5.0, 8

    def __init__(self) -> None:
        self.values = {OPEN: b"\x55", GUARDED: b"\x42", DEEP: b"\x17", SERIAL: b"HOSTILE-000000042"}
        self.failures = dict.fromkeys(self.levels, 0)

    def attach(self, port) -> None:
        self.port = port
        self.isotp = IsoTp(IsoTpConfig(padding=0x00))
        self.timer = None
        self.life = 0
        self.awake_s = port.now_s
        self.boot()

    def power_cycle(self) -> None:
        self.isotp.reset()
        self.awake_s = self.port.now_s + self.boot_s
        self.boot()

    def boot(self) -> None:
        self.life += 1
        self.heard_s = now_s = self.port.now_s
        self.locked_until_s = {level: now_s + self.delay_s if n else 0.0 for level, n in self.failures.items()}
        self.enter(DEFAULT)

    def enter(self, session: int) -> None:
        self.session = session
        self.unlocked: int | None = None
        self.pending: tuple[int, bytes] | None = None

    def later(self, delay_s: float, what: Callable[[], object]) -> None:
        life = self.life
        self.port.call_later(delay_s, lambda: what() if life == self.life else None)

    # frames

    def on_frame(self, frame: can.Message) -> None:
        if frame.is_extended_id or frame.is_remote_frame or frame.arbitration_id != 0x700 or self.port.now_s < self.awake_s:
            return
        pdu = self.isotp.receive(bytes(frame.data), self.port.now_s)
        self.flush()
        if pdu:
            self.later(self.latency_s(pdu), lambda: self.answer(pdu))

    def latency_s(self, pdu: bytes) -> float:
        return 0.001

    def flush(self) -> None:
        for data in self.isotp.outbox:
            self.port.send(can.Message(arbitration_id=0x708, is_extended_id=False, data=data))
        self.isotp.outbox.clear()
        if self.timer:
            self.timer.cancel()
        if self.isotp.deadline_s is not None:
            self.timer = self.port.call_later(max(0.0, self.isotp.deadline_s - self.port.now_s), self.tick)

    def tick(self) -> None:
        self.isotp.tick(self.port.now_s)
        self.flush()

    def answer(self, pdu: bytes) -> None:
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.enter(DEFAULT)
        self.heard_s = self.port.now_s
        try:
            reply = self.serve(pdu)
        except Refused as refused:
            reply = bytes((0x7F, pdu[0], *refused.args))
        if reply:
            self.say(reply)

    def say(self, pdu: bytes) -> None:
        if not self.isotp.is_sending:
            self.isotp.send(pdu, self.port.now_s)
            self.flush()

    # services

    def serve(self, pdu: bytes) -> bytes | None:
        service = {0x10: self.control, 0x11: self.reset, 0x22: self.read, 0x27: self.security, 0x2E: self.write}
        service[0x3E] = self.present
        if pdu[0] not in service or (pdu[0] == 0x10 and not self.sessions) or (pdu[0] == 0x11 and not self.reset_types):
            raise Refused(0x11)
        if len(pdu) < 2:
            raise Refused(0x13)
        return service[pdu[0]](pdu)

    def positive(self, pdu: bytes, rest: bytes = b"") -> bytes | None:
        return None if pdu[1] & 0x80 else bytes((pdu[0] + 0x40, pdu[1])) + rest

    def control(self, pdu: bytes) -> bytes | None:
        if pdu[1] & 0x7F not in self.sessions:
            raise Refused(0x12)
        if len(pdu) != 2:
            raise Refused(0x13)
        self.enter(pdu[1] & 0x7F)
        return self.positive(pdu, b"\x00\x32\x01\xf4")

    def reset(self, pdu: bytes) -> bytes | None:
        if pdu[1] & 0x7F not in self.reset_types:
            raise Refused(0x12)
        self.later(0.005, self.power_cycle)
        return self.positive(pdu)

    def present(self, pdu: bytes) -> bytes | None:
        if pdu[1] & 0x7F:
            raise Refused(0x12)
        return self.positive(pdu)

    def read(self, pdu: bytes) -> bytes:
        did = int.from_bytes(pdu[1:3], "big")
        if len(pdu) != 3:
            raise Refused(0x13)
        value = bytes((self.session,)) if did == SESSION and self.sessions else self.values.get(did)
        if value is None:
            raise Refused(0x31)
        return b"\x62" + pdu[1:3] + value

    def write(self, pdu: bytes) -> bytes:
        did = int.from_bytes(pdu[1:3], "big")
        if did not in (OPEN, GUARDED, DEEP):
            raise Refused(0x31)
        if len(pdu) != 4:
            raise Refused(0x13)
        if did in GUARD and not self.may_write(did):
            raise Refused(0x33)
        self.values[did] = pdu[3:]
        return b"\x6e" + pdu[1:3]

    def may_write(self, did: int) -> bool:
        return self.unlocked == GUARD[did]

    # SecurityAccess

    def security(self, pdu: bytes) -> bytes | None:
        if self.sessions and self.home != DEFAULT and self.session == DEFAULT:
            raise Refused(0x7F)
        sub_function = pdu[1] & 0x7F
        level = sub_function - (sub_function + 1) % 2
        if level not in self.levels:
            raise Refused(0x12)
        return self.request_seed(pdu, level) if sub_function == level else self.send_key(pdu, level)

    def is_delayed(self, level: int) -> bool:
        return self.port.now_s < self.locked_until_s[level]

    def request_seed(self, pdu: bytes, level: int) -> bytes | None:
        if len(pdu) != 2:
            raise Refused(0x13)
        if self.unlocked == level:
            return self.positive(pdu, bytes(self.seed_bytes))
        if self.is_delayed(level):
            return self.in_delay(pdu, level)
        seed = self.new_seed(level)
        self.pending = level, seed
        return self.positive(pdu, seed)

    def in_delay(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x37)

    def new_seed(self, level: int) -> bytes:
        return self.port.random_bytes(self.seed_bytes)

    def send_key(self, pdu: bytes, level: int) -> bytes | None:
        if self.is_delayed(level):
            return self.in_delay(pdu, level)
        pending, self.pending = self.pending, None
        if pending is None or pending[0] != level:
            return self.without_seed(pdu, level)
        if len(pdu) != 2 + len(key(pending[1], level)):
            raise Refused(0x13)
        if pdu[2:] != key(pending[1], level):
            return self.wrong_key(pdu, level, pending[1])
        self.unlock(level)
        return self.positive(pdu)

    def without_seed(self, pdu: bytes, level: int) -> bytes | None:
        raise Refused(0x24)

    def unlock(self, level: int) -> None:
        self.unlocked = level
        self.failures[level] = 0

    def wrong_key(self, pdu: bytes, level: int, seed: bytes) -> bytes | None:
        self.unlocked = None
        self.failures[level] += 1
        if self.failures[level] < self.limit:
            raise Refused(0x35)
        self.lock_out(level)
        raise Refused(0x36)

    def lock_out(self, level: int) -> None:
        self.locked_until_s[level] = self.port.now_s + self.delay_s
        life = self.life
        self.port.call_later(self.delay_s, lambda: self.forgive(level) if life == self.life else None)

    def forgive(self, level: int) -> None:
        self.failures[level] = 0


# Sound.


class PauseAfterEach(Unit):
    """Every wrong key is followed by a delay of a second, and nothing is counted; a start takes longer than that."""

    limit, delay_s, boot_s = 1, 1.0, 1.5

    def wrong_key(self, pdu, level, seed):
        self.lock_out(level)
        raise Refused(0x35)


ShortDelayLongBoot = but(Unit, delay_s=1.0, boot_s=2.0)
"""The delay of a second begins with the supply, and the start takes two seconds."""

InDefaultSession = but(Unit, home=DEFAULT)
"""SecurityAccess exists in the default session, and a seed stays pending for any time."""

ConditionsInDelay = but(Unit, in_delay=lambda ecu, pdu, level: refuse(0x22))
"""During the delay service 27 is refused with 0x22."""

OneByte = but(Unit, seed_bytes=1, new_seed=lambda ecu, level: bytes((1 + ecu.port.random_bytes(1)[0] % 255,)))
"""Seeds and keys have one byte, which is truly random."""

OneByteNoKey = but(OneByte, has_key=False)
"""Seeds and keys have one byte, and the target gives no key function."""


class NeverLockedInPlant(Unit):
    """In plant mode all levels are open, as the zero seed says; no write is performed, because the engine runs (0x22)."""

    def request_seed(self, pdu, level):
        if len(pdu) != 2:
            raise Refused(0x13)
        return self.positive(pdu, bytes(self.seed_bytes))

    def write(self, pdu):
        raise Refused(0x22)


OneTry = but(Unit, limit=1)
"""One wrong key is followed by the delay."""


class SlowToRefuse(Unit):
    """Nothing is counted; each wrong key is refused after two seconds, with 0x78 before."""

    limit = 10**9

    def wrong_key(self, pdu, level, seed):
        self.unlocked = None
        self.say(bytes((0x7F, 0x27, 0x78)))
        self.later(2.0, lambda: self.say(bytes((0x7F, 0x27, 0x35))))
        return None


FiveNoKey = but(Unit, limit=5, has_key=False)
"""Five tries are permitted, and the target gives no key function."""


class Held(Unit):
    """Each level holds one seed until its key comes, whatever else happens; there is a counter and a delay."""

    def __init__(self):
        super().__init__()
        self.held = {}

    def new_seed(self, level):
        return self.held.setdefault(level, super().new_seed(level))

    def unlock(self, level):
        super().unlock(level)
        self.held.pop(level)


class Mixed(Unit):
    """Answers are slow, late or busy at times; one counter for all levels is decremented only; 0x36 in the delay, 0x22 if
    open.
    """

    heard = 0

    def latency_s(self, pdu):
        return self.port.random_bytes(1)[0] / 255 * 0.045

    def serve(self, pdu):
        self.heard += 1
        if self.heard % 19 == 0:
            raise Refused(0x21)
        return super().serve(pdu)

    def in_delay(self, pdu, level):
        raise Refused(0x36)

    def wrong_key(self, pdu, level, seed):
        self.failures = dict.fromkeys(self.levels, self.failures[level] + 1)
        if self.failures[level] < self.limit:
            raise Refused(0x35)
        for one in self.levels:
            self.lock_out(one)
        raise Refused(0x36)

    def unlock(self, level):
        super().unlock(level)
        self.failures = dict.fromkeys(self.levels, 0)

    def forgive(self, level):
        self.failures = dict.fromkeys(self.levels, self.limit - 1)

    def request_seed(self, pdu, level):
        if self.unlocked == level:
            raise Refused(0x22)
        return super().request_seed(pdu, level)


class LoadsCounters(Unit):
    """SecurityAccess is refused with 0x22 for three seconds after a start."""

    def security(self, pdu):
        if self.port.now_s < self.awake_s + 3.0:
            raise Refused(0x22)
        return super().security(pdu)


LongKeys = but(Unit, seed_bytes=32)
"""Seeds and keys have 32 bytes, and take several frames."""

NoSessions = but(Unit, sessions=(), home=DEFAULT, reset_types=(), levels=(1,))
"""There are no sessions and no reset; only a cut of the supply locks the ECU."""

NeverLocks = but(NoSessions, has_power=False)
"""There are no sessions and no reset, and nobody can cut the supply."""


class RestartedDelay(Unit):
    """Each seed request during the delay restarts it."""

    def in_delay(self, pdu, level):
        self.locked_until_s[level] = self.port.now_s + self.delay_s
        raise Refused(0x37)


# Flawed.


class OneTryKeepsSeed(OneTry):
    """After the delay the seed to which a wrong key was sent may be answered again."""

    def wrong_key(self, pdu, level, seed):
        self.pending = level, seed
        return super().wrong_key(pdu, level, seed)


class DeepUncounted(Unit):
    """Level 3 counts no wrong keys, and its right key clears the count of level 1."""

    def wrong_key(self, pdu, level, seed):
        if level == 3:
            raise Refused(0x35)
        return super().wrong_key(pdu, level, seed)

    def unlock(self, level):
        super().unlock(level)
        self.failures = dict.fromkeys(self.levels, 0)


class HeldUndelayed(Held):
    """One seed is held until its key comes; too many wrong keys are announced, but followed by no delay."""

    def lock_out(self, level):
        self.failures[level] = 0

    def boot(self):
        super().boot()
        self.locked_until_s = dict.fromkeys(self.levels, 0.0)


SilentWithoutSeed = but(Unit, reset_types=(), has_power=False, without_seed=lambda ecu, pdu, level: None)
"""A key without a seed is not answered; there are sessions, and nothing restarts the ECU."""


class OtherSeedForgives(Unit):
    """A request for another level's seed clears the count of wrong keys."""

    last = 0

    def request_seed(self, pdu, level):
        if level != self.last:
            self.failures = dict.fromkeys(self.levels, 0)
        self.last = level
        return super().request_seed(pdu, level)


class ReentryKeepsSeed(Unit):
    """Entering the active session again leaves the seed pending."""

    def enter(self, session):
        pending = self.pending if self.port.now_s > 0 and getattr(self, "session", 0) == session else None
        super().enter(session)
        self.pending = pending


class SuppressedEntryForgives(Unit):
    """Entering a session with the suppress bit (10 83) clears the count of wrong keys."""

    def control(self, pdu):
        if pdu[1] & 0x80:
            self.failures = dict.fromkeys(self.levels, 0)
        return super().control(pdu)


class ForgetsWithinASecond(Unit):
    """The count is stored a second after the wrong key, so that an earlier restart loses it."""

    def __init__(self):
        super().__init__()
        self.stored = dict(self.failures)

    def boot(self):
        self.failures = dict(self.stored)
        super().boot()

    def store(self):
        self.stored = dict(self.failures)

    def wrong_key(self, pdu, level, seed):
        self.later(1.0, self.store)
        return super().wrong_key(pdu, level, seed)

    def unlock(self, level):
        super().unlock(level)
        self.store()

    def forgive(self, level):
        super().forgive(level)
        self.store()


class OnlySoftReset(Unit):
    """The only reset is type 03, which is not declared, and clears the count of wrong keys."""

    reset_types = (3,)

    def reset(self, pdu):
        if pdu[1] & 0x7F == 3:
            self.failures = dict.fromkeys(self.levels, 0)
        return super().reset(pdu)


class ResetInDefaultOnly(Unit):
    """A reset exists in the default session only (0x7F elsewhere), and clears the count of wrong keys."""

    has_power = False

    def reset(self, pdu):
        if self.session != DEFAULT:
            raise Refused(0x7F)
        self.failures = dict.fromkeys(self.levels, 0)
        return super().reset(pdu)


class MalformedForgives(Unit):
    """A key of a wrong length clears the count of wrong keys."""

    def send_key(self, pdu, level):
        if len(pdu) != 2 + self.seed_bytes:
            self.failures[level] = 0
        return super().send_key(pdu, level)


class ZeroFirst(Unit):
    """The first seed after a start is zero, though no level is open, and no key fits it."""

    def boot(self):
        self.is_first = True
        super().boot()

    def new_seed(self, level):
        was_first, self.is_first = self.is_first, False
        return bytes(self.seed_bytes) if was_first else super().new_seed(level)


Zeros = but(Unit, new_seed=lambda ecu, level: bytes(ecu.seed_bytes))
"""Every seed is zero, locked or not; its key is that of zeros."""

StaticSixteen = but(Unit, new_seed=lambda ecu, level: hashlib.sha256(b"static %d" % level).digest()[: ecu.seed_bytes])
"""The seed never changes; there is a counter and a delay."""

ClockSeed = but(Unit, new_seed=lambda ecu, level: hashlib.sha256(b"%d" % int(ecu.port.now_s)).digest()[: ecu.seed_bytes])
"""The seed is a hash of the second, and so changes once a second."""


class OneTryLastBit(OneTry):
    """One try is permitted, and the lowest bit of a key's last byte is ignored."""

    def send_key(self, pdu, level):
        if self.pending and len(pdu) == 2 + self.seed_bytes and not self.is_delayed(level):
            right = key(self.pending[1], level)
            if pdu[2:-1] == right[:-1] and pdu[-1] | 1 == right[-1] | 1:
                pdu = pdu[:2] + right
        return super().send_key(pdu, level)
