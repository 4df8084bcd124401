"""Tractors that guard unusual content, guard content badly, or reveal what they should hide."""

import hashlib

from tests.unseen.tractor import tractor

but = tractor.but
Refusal, Tractor, key = tractor.Refusal, tractor.Tractor, tractor.key
DEFAULT, PROGRAMMING, EXTENDED = tractor.DEFAULT, tractor.PROGRAMMING, tractor.EXTENDED
SPEED, LIMIT, CODE, SERIAL = tractor.SPEED, tractor.LIMIT, tractor.CODE, tractor.SERIAL

MEMORY = range(0x20000000, 0x20000100)


def content(address: int) -> int:
    """Return the content of the memory, which is no secret anywhere else."""
    return hashlib.sha256(b"soil %d" % (address // 32)).digest()[address % 32]


# Sound.


class RoutineOnly(Tractor):
    """The level guards only routine 0B10, which changes nothing."""

    has_run = False

    def __init__(self):
        super().__init__()
        del self.values[LIMIT], self.values[CODE]

    def services(self):
        return super().services() | {0x31: self.routine}

    def sessions_of(self, sid):
        return (PROGRAMMING, EXTENDED) if sid == 0x31 else super().sessions_of(sid)

    def routine(self, pdu):
        self.routine_choice(pdu, b"\x0b\x10", 1, 3)
        if not self.is_open:
            raise Refusal(0x33)
        if pdu[1] & 0x7F == 3 and not self.has_run:
            raise Refusal(0x24)
        self.has_run = True
        return self.agree(pdu, pdu[2:4] + b"\x00")


class ServiceOnly(Tractor):
    """The level guards only ControlDTCSetting."""

    def __init__(self):
        super().__init__()
        del self.values[LIMIT], self.values[CODE]

    def services(self):
        return super().services() | {0x85: self.dtc_setting}

    def sessions_of(self, sid):
        return (EXTENDED,) if sid == 0x85 else super().sessions_of(sid)

    def dtc_setting(self, pdu):
        self.choice(pdu, 1, 2)
        if not self.is_open:
            raise Refusal(0x33)
        return self.agree(pdu)


class Unreadable(Tractor):
    """The only guarded value can neither be read nor written before the level is open."""

    def __init__(self):
        super().__init__()
        del self.values[LIMIT]


class WriteOnly(Tractor):
    """The only guarded value can be written with the level, and read by nobody."""

    def __init__(self):
        super().__init__()
        del self.values[CODE]

    def value(self, did):
        return None if did == LIMIT else super().value(did)


class HalfThere(Tractor):
    """2F and 31 refuse one byte with 13 and all else with 31; 34 refuses everything with 22."""

    def services(self):
        return super().services() | {0x2F: self.nothing, 0x31: self.nothing, 0x34: self.never}

    def nothing(self, pdu):
        raise Refusal(0x31 if len(pdu) >= 4 else 0x13)

    def never(self, pdu):
        raise Refusal(0x22)


class Memory(Tractor):
    """256 bytes from 20000000 can be read by address while the level is open."""

    def services(self):
        return super().services() | {0x23: self.read_memory}

    def is_memory_open(self, pdu):
        return self.is_open

    def read_memory(self, pdu):
        if len(pdu) < 7:
            raise Refusal(0x13)
        if pdu[1] not in (0x14, 0x24):
            raise Refusal(0x31)
        if len(pdu) != 6 + (pdu[1] >> 4):
            raise Refusal(0x13)
        return self.give(pdu, int.from_bytes(pdu[2:6], "big"), int.from_bytes(pdu[6:], "big"))

    def give(self, pdu, address, size):
        if not size or address not in MEMORY or address + size - 1 not in MEMORY:
            raise Refusal(0x31)
        if not self.is_memory_open(pdu):
            raise Refusal(0x33)
        return b"\x63" + bytes(content(at) for at in range(address, address + size))


class KeylessName(Tractor):
    """The name, which everybody may read, contains words like those of a password and of a log."""

    def __init__(self):
        super().__init__()
        self.values[0xF197] = b"KEYLESS ENTRY AND LOGIN PANEL"

    def write(self, pdu):
        if pdu[1:3] == b"\xf1\x97" and len(pdu) > 3:
            raise Refusal(0x31)
        return super().write(pdu)


class DriftingLimit(Tractor):
    """The guarded limit decreases by one every two seconds, whatever was written."""

    written_s = 0.0

    def value(self, did):
        if did != LIMIT:
            return super().value(did)
        steps = int(self.port.now_s / 2) - int(self.written_s / 2)
        return bytes(((self.values[LIMIT][0] - steps) & 0xFF,))

    def write(self, pdu):
        said = super().write(pdu)
        if pdu[1:3] == LIMIT.to_bytes(2, "big"):
            self.written_s = self.port.now_s
        return said


# Flawed.


class RoutineOpenAfterRestart(RoutineOnly):
    """The unlock survives a restart, and the first session after it."""

    session = DEFAULT
    is_open = False

    def boot(self):
        was_open, self.session = self.is_open, DEFAULT
        super().boot()
        self.is_open = was_open

    def enter(self, session):
        was_open = self.is_open and self.session == DEFAULT != session
        super().enter(session)
        self.is_open = was_open


OpenInProgramming = but(Unreadable, may_write=lambda ecu, did: ecu.session == PROGRAMMING or Unreadable.may_write(ecu, did))
"""In session 02 the guarded value is written without a key, but nobody can read it before the level is open."""


class OutputControl(Tractor):
    """2F with an identifier and 03 sets the guarded limit for everybody."""

    def services(self):
        return super().services() | {0x2F: self.output}

    def output(self, pdu):
        if len(pdu) < 4:
            raise Refusal(0x13)
        if pdu[1:3] != LIMIT.to_bytes(2, "big") or pdu[3] not in (0, 3):
            raise Refusal(0x31)
        if len(pdu) != (5 if pdu[3] == 3 else 4):
            raise Refusal(0x13)
        if pdu[3] == 3:
            self.before = self.values[LIMIT] if not hasattr(self, "before") else self.before
            self.values[LIMIT] = pdu[4:]
        elif hasattr(self, "before"):
            self.values[LIMIT] = self.before
            del self.before
        return b"\x6f" + pdu[1:4] + self.values[LIMIT]


class ShortAddressForm(Memory):
    """A memory read in the older form, with three bytes of address and one of length, needs no level."""

    def is_memory_open(self, pdu):
        return len(pdu) == 5 or self.is_open

    def read_memory(self, pdu):
        if len(pdu) == 5:
            return self.give(pdu, 0x20000000 | int.from_bytes(pdu[1:4], "big"), pdu[4])
        return super().read_memory(pdu)


LongLengthForm = but(Memory, is_memory_open=lambda ecu, pdu: pdu[1] == 0x24 or ecu.is_open)
"""The guard checks only memory reads with format 14; reads with format 24 are served."""


class PasswordInData(KeylessName):
    """An undeclared identifier contains the service password in plain text."""

    def __init__(self):
        super().__init__()
        self.values[0xF1A2] = b"svc_password=Tr4ct0r!2019"

    def write(self, pdu):
        if pdu[1:3] == b"\xf1\xa2" and len(pdu) > 3:
            raise Refusal(0x31)
        return super().write(pdu)


class LogInData(Tractor):
    """An undeclared identifier is a log that contains the last right key."""

    log = b"boot ok\n"

    def value(self, did):
        return self.log if did == 0xF1A7 else super().value(did)

    def take_key(self, pdu):
        said = super().take_key(pdu)
        self.log = b"27/06 key " + pdu[2:].hex().encode() + b" accepted\n"
        return said


SecretInData = but(Tractor, value=lambda ecu, did: tractor.SECRET if did == 0x4A30 else Tractor.value(ecu, did))
"""An undeclared identifier contains the secret from which all keys are made."""


class HighBitIgnored(Tractor):
    """A write looks up its identifier, and the guard, without the identifier's highest bit."""

    def write(self, pdu):
        did = int.from_bytes(pdu[1:3], "big")
        written = did & 0x7FFF
        if did & 0x8000 and len(pdu) - 3 == len(self.values.get(written, b"")):
            self.values[written] = pdu[3:]
            return b"\x6e" + pdu[1:3]
        return super().write(pdu)
