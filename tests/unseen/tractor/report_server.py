"""Tractors that do what people reported of diagnostic servers and ECUs, SecurityAccess aside, with the report's address."""

import hashlib

from tests.unseen.tractor import tractor
from tests.unseen.tractor.tractor import DEFAULT, EXTENDED, PROGRAMMING, Lane, Refusal, Tractor, but
from tests.unseen.tractor.tractor import key as key


class NeverReady(Tractor):
    """Sound. https://github.com/Xaloqi/EDS/pull/41

    28 and 85 are there, and refuse all that is well formed with 22: nobody has initialised them.
    """

    def services(self):
        return super().services() | {0x28: self.communication, 0x85: self.dtc_setting}

    def sessions_of(self, sid):
        return (PROGRAMMING, EXTENDED) if sid in (0x28, 0x85) else super().sessions_of(sid)

    def communication(self, pdu):
        if pdu[1] & 0x7F > 3:
            raise Refusal(0x12)
        raise Refusal(0x22 if len(pdu) == 3 else 0x13)

    def dtc_setting(self, pdu):
        self.choice(pdu, 1, 2)
        raise Refusal(0x22)


class ValuePerSession(Tractor):
    """Sound. https://github.com/secdev/scapy/pull/5155

    One identifier, 4A01, holds a value of its own in each session.
    """

    def __init__(self):
        super().__init__()
        self.speeds = {DEFAULT: b"\x01\x2c", PROGRAMMING: b"\x00\x00", EXTENDED: b"\x03\xe8"}

    def value(self, did):
        return self.speeds[self.session] if did == tractor.SPEED else super().value(did)

    def write(self, pdu):
        said = super().write(pdu)
        if pdu[1:3] == b"\x4a\x01":
            self.speeds[self.session] = pdu[3:]
        return said


class NeedsABreath(Tractor):
    """Sound. https://github.com/CaringCaribou/caringcaribou/issues/69

    A request that comes within 10 ms of the last answer is answered 21: it has to be repeated.
    """

    said_s, is_early = -1.0, False

    def hear(self, data, is_functional):
        if data and data[0] >> 4 in (0, 1):
            self.is_early = self.port.now_s - self.said_s < 0.010
        super().hear(data, is_functional)

    def put(self, data):
        super().put(data)
        if data[0] >> 4 in (0, 2):
            self.said_s = self.port.now_s

    def serve(self, pdu):
        if self.is_early:
            raise Refusal(0x21)
        return super().serve(pdu)


class GoneAfterReset(Tractor):
    """FLAWED. https://github.com/driftregion/iso14229/issues/44

    11 01 is answered, and nothing is answered any more until the supply is cut.
    """

    def reset(self, pdu):
        self.choice(pdu, 0x01)
        self.later(0.002, lambda: setattr(self, "awake_s", float("inf")))
        return self.agree(pdu)


class MuteAfterService05(Tractor):
    """FLAWED. https://github.com/fenugrec/freediag/issues/17

    A request of service 05, which is not there, ends the conversation: the ECU says nothing for 20 s, and is then back in
    the default session.
    """

    def serve(self, pdu):
        if pdu[0] == 0x05:
            self.boot_s, usual_s = 20.0, self.boot_s
            self.power_cycle()
            self.boot_s = usual_s
            return None
        return super().serve(pdu)


class PointerDrifts(Tractor):
    """FLAWED. https://github.com/altelch/iso-tp/pull/20

    Each segmented answer leaves a pointer one buffer further: the 600th since the start overwrites a stack, and the ECU
    restarts without a word.
    """

    sent = 0

    def boot(self):
        super().boot()
        self.sent = 0

    def put(self, data):
        if data[0] >> 4 == 1:
            self.sent += 1
        if self.sent < 600:
            super().put(data)
        else:
            self.later(0.0, self.power_cycle)


class ShortBuffer(Tractor):
    """FLAWED. https://github.com/altelch/iso-tp/pull/21

    Any length up to 4095 is taken into a buffer of 128 bytes. What lies behind it is the flag that says whether the level
    is open.
    """

    def boot(self):
        super().boot()
        self.lane.room = 0xFFF

    def hear(self, data, is_functional):
        super().hear(data, is_functional)
        if len(self.lane.got) > 128:
            self.is_open |= any(self.lane.got[128:])
            self.lane.got = self.lane.got if self.lane.wanted else bytearray()


class ShortEscape(Tractor):
    """FLAWED. https://github.com/ToyotaInfoTech/RAMN/issues/59

    A first frame with a length of 32 bits is taken for any length from 8, though up to 4095 it has to be ignored.
    """

    def boot(self):
        super().boot()
        self.lane.first = self.first

    def first(self, data):
        lane = self.lane
        size = int.from_bytes(data[2:6], "big")
        if data[:2] == b"\x10\x00" and 8 <= size <= lane.room:
            lane.begin(size, data[6:])
        else:
            Lane.first(lane, data)


class DtcServiceFails(Tractor):
    """Sound. https://github.com/mdabrowski1990/uds/issues/492

    19 answers every sub-function that it knows with 26: the fault memory cannot be read.
    """

    def services(self):
        return super().services() | {0x19: self.read_dtcs}

    def read_dtcs(self, pdu):
        length = {0x01: 3, 0x02: 3, 0x0A: 2}.get(pdu[1] & 0x7F)
        if length is None:
            raise Refusal(0x12)
        raise Refusal(0x26 if len(pdu) == length else 0x13)


class SlowFrames(Tractor):
    """Sound. https://github.com/richClubb/python-uds/issues/52

    The first frame comes in time, the consecutive ones 60 ms apart: the whole answer takes longer than P2.
    """

    def boot(self):
        super().boot()
        self.lane.gap_s = lambda gap: max(0.06, Lane.gap_s(self.lane, gap))


class MakersMemoryService(Tractor):
    """FLAWED. https://github.com/Switchleg1/SimosTools/issues/9

    Memory is read by E3, four bytes of address and one of length, by anybody; the answer begins with 23. There is no 23.
    """

    def services(self):
        return super().services() | {0xE3: self.peek}

    def peek(self, pdu):
        if len(pdu) != 6:
            raise Refusal(0x13)
        start, size = int.from_bytes(pdu[1:5], "big"), pdu[5]
        if not 0 < size <= 200 or start + size > 0x00010000:
            raise Refusal(0x31)
        return b"\x23" + bytes(hashlib.sha256(b"%d" % at).digest()[0] for at in range(start, start + size))


class DefinedByAddress(Tractor):
    """FLAWED. https://github.com/pylessard/python-udsoncan/issues/78

    2C 02 F2 00 makes an identifier of addresses, and 22 F2 00 reads them. 23 asks for the key, 2C does not.
    """

    defined = None

    def services(self):
        return super().services() | {0x23: self.peek, 0x2C: self.define}

    def relock(self):
        super().relock()
        self.defined = None

    def peek(self, pdu):
        if len(pdu) < 4:
            raise Refusal(0x13)
        if pdu[1] != 0x14:
            raise Refusal(0x31)
        if len(pdu) != 7:
            raise Refusal(0x13)
        found = self.memory(pdu[2:6], pdu[6])
        if not self.is_open:
            raise Refusal(0x33)
        return b"\x63" + found

    def memory(self, address, size):
        start = int.from_bytes(address, "big")
        if not 0 < size <= 64 or not 0xD0080000 <= start <= 0xD0081000 - size:
            raise Refusal(0x31)
        return bytes(hashlib.sha256(b"%d" % at).digest()[0] for at in range(start, start + size))

    def define(self, pdu):
        if pdu[1] & 0x7F not in (2, 3):
            raise Refusal(0x12)
        if len(pdu) < 4:
            raise Refusal(0x13)
        if pdu[2:4] != b"\xf2\x00":
            raise Refusal(0x31)
        if pdu[1] & 0x7F == 3:
            if len(pdu) != 4:
                raise Refusal(0x13)
            self.defined = None
        else:
            if len(pdu) < 10 or (len(pdu) - 5) % 5:
                raise Refusal(0x13)
            if pdu[4] != 0x14:
                raise Refusal(0x31)
            self.defined = b"".join(self.memory(pdu[at : at + 4], pdu[at + 4]) for at in range(5, len(pdu), 5))
        return self.agree(pdu, pdu[2:4])

    def value(self, did):
        return self.defined if did == 0xF200 else super().value(did)


class NoCheckRegistered(Tractor):
    """FLAWED. https://github.com/mercedes-benz/ardep/pull/59

    An identifier that is read only has an action but no check for writing: a write to it runs into nothing, and the ECU
    restarts.
    """

    def write(self, pdu):
        if pdu[1:3] == b"\xf1\x8c" and len(pdu) > 3:
            self.power_cycle()
            return None
        return super().write(pdu)


AnswersBelow = but(Tractor, request_id=0x75F, response_id=0x65F, functional_id=0x7DF)
"""Sound. https://github.com/Barracuda09/PyPSADiag/issues/78

Asked on 75F it answers on 65F: the answer's id is the lower one, 256 away.
"""

HeavyDuty = but(Tractor, request_id=0x18DA00F1, response_id=0x18DAF100, functional_id=0x18DB33F1, is_extended=True)
"""Sound. https://github.com/rnd-ash/OpenVehicleDiag/issues/30

250 kbit/s and ids of 29 bits: 18DA00F1 to the engine, 18DAF100 back.
"""


class DeafWhileReceiving(Tractor):
    """Sound. https://github.com/driftregion/iso14229/issues/40

    A functional request is not looked at while a segmented message is being received.
    """

    def hear(self, data, is_functional):
        is_busy = self.lane.wanted and self.port.now_s - self.lane.last_s <= self.lane.n_cr_s
        if not (is_functional and is_busy):
            super().hear(data, is_functional)
