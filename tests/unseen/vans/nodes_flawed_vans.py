"""Vans with one flaw each, in a form that no shipped flaw has."""

from tests.unseen.vans.nodes_van import CODE, DEFAULT, EXTENDED, FACTORY, LIMIT, PROGRAMMING, SPEED, No, Van
from tests.unseen.vans.nodes_vans import Checks, Switchable


class LowNibble(Van):
    """The length is the lower half of the first byte, whatever the upper half says; messages that are too short are
    dropped.
    """

    def on_frame(self, frame):
        data = bytes(frame.data)
        is_ours = frame.arbitration_id == self.request_id and not frame.is_extended_id
        is_expected = self.wire.length or self.wire.rest
        if is_ours and not is_expected and data and data[0] >> 4 in (2, 3):
            pdu = data[1 : 1 + (data[0] & 15)]
            if len(pdu) >= 3 and pdu[0] in (0x22, 0x2E):
                self.port.call_later(self.latency_s, lambda: self.answer(pdu, False))
            return
        super().on_frame(frame)


class ShortFirstFrames(Van):
    """A first frame that states fewer than eight bytes is taken for a whole message; the ids are as declared."""

    def on_frame(self, frame):
        data = bytes(frame.data)
        is_ours = frame.arbitration_id == self.request_id and not frame.is_extended_id
        if is_ours and data[:1] == b"\x10" and len(data) == 8 and 2 < data[1] < 7:
            pdu = data[2 : 2 + data[1]]
            self.port.call_later(self.latency_s, lambda: self.answer(pdu, False))
            return
        super().on_frame(frame)


class HearsZero(Van):
    """Requests on id 000 are served like those on the request id, as by a gateway whose routing table has an empty entry."""

    def on_frame(self, frame):
        if frame.arbitration_id == 0:
            frame.arbitration_id = self.request_id
        super().on_frame(frame)


class NameTwice(Van):
    """The answer with the name is sent twice, every other answer once."""

    def read(self, pdu):
        said = super().read(pdu)
        if pdu == b"\x22\x03\x03":
            self.wire.send(said)
        return said


class BriefInProgramming(Van):
    """In the programming session a refusal lacks its code."""

    def put(self, data):
        is_refusal = data[:2] == b"\x03\x7f" and self.session == PROGRAMMING
        super().put(b"\x02" + data[1:3] if is_refusal else data)


class KeptInFactory(Van):
    """Entering the factory session leaves the level open."""

    sessions = (DEFAULT, PROGRAMMING, EXTENDED, FACTORY)

    def enter(self, session):
        if session == FACTORY and self.is_open:
            self.session = session
            return
        super().enter(session)


class UnguardedWhileBusy(Van):
    """A read of the name takes 300 ms after 0x78; requests that come meanwhile need no level."""

    busy_until_s = 0.0

    def answer(self, pdu, is_functional):
        if pdu == b"\x22\x03\x03":
            self.put(b"\x03\x7f\x22\x78")
            self.busy_until_s = self.port.now_s + 0.3
            self.port.call_later(0.3, lambda: super(UnguardedWhileBusy, self).answer(pdu, is_functional))
        else:
            super().answer(pdu, is_functional)

    def may_write(self, did):
        return super().may_write(did) or self.port.now_s < self.busy_until_s


class SnapshotTellsCode(Van):
    """A stored snapshot contains the code that needs a level to be read."""

    def more(self):
        return {0x19: self.trouble_codes}

    def trouble_codes(self, pdu):
        if pdu == b"\x19\x02\xff":
            return b"\x59\x02\xff\x12\x34\x56\x08"
        if pdu == b"\x19\x04\x12\x34\x56\xff":
            return b"\x59\x04\x12\x34\x56\x08\x01\x01\x03\x05" + self.values[CODE]
        raise No(0x12)


class OpenAsleep(Van):
    """When the session ends by time, the level stays open."""

    def answer(self, pdu, is_functional):
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.session, self.heard_s = DEFAULT, self.port.now_s
        super().answer(pdu, is_functional)


class OpenAfterSoftReset(Van):
    """11 03 restarts the ECU but leaves the level open; 11 01 locks it."""

    def reset(self, pdu):
        if self.sub(pdu, 1, 3) == 1:
            return super().reset(pdu)
        self.port.call_later(0.002, self.soft_reset)
        return self.yes(pdu)

    def soft_reset(self):
        was_open = self.is_open
        self.power_cycle()
        self.is_open = was_open


class LateRead(Van):
    """A read of one identifier takes 1.5 s, without a response pending."""

    def answer(self, pdu, is_functional):
        if pdu == b"\x22\x03\x03":
            self.port.call_later(1.5, lambda: super(LateRead, self).answer(pdu, is_functional))
        else:
            super().answer(pdu, is_functional)


class MovingCode(Van):
    """Data that needs a level to be read changes all the time, and is given to everybody."""

    def value(self, did):
        return self.port.random_bytes(4) if did == CODE else super().value(did)

    def read(self, pdu):
        was_open, self.is_open = self.is_open, True
        try:
            return super().read(pdu)
        finally:
            self.is_open = was_open


class MuteWrites(Van):
    """A forbidden write is not answered; only one write is permitted."""

    def may_write(self, did):
        return did == SPEED

    def write(self, pdu):
        try:
            return super().write(pdu)
        except No:
            return None


class DiesOfEscape(Van):
    """A first frame with 32 bits of length kills the ECU."""

    is_dead = False

    def power_cycle(self):
        self.is_dead = False
        super().power_cycle()

    def on_frame(self, frame):
        if frame.data[:2] == b"\x10\x00" and frame.arbitration_id == self.request_id:
            self.is_dead = True
        if not self.is_dead:
            super().on_frame(frame)


class OneWriteOnly(Van):
    """Each write locks the ECU, and a write of any length is accepted."""

    def write(self, pdu):
        try:
            return super().write(pdu)
        finally:
            if int.from_bytes(pdu[1:3], "big") == LIMIT:
                self.relock()

    def fits(self, did, value):
        return did == LIMIT or super().fits(did, value)


class MuteInDefault(Switchable):
    """In the default session, 28 is accepted too, but only to disable communication."""

    def enter(self, session):
        Van.enter(self, session)

    def communicate(self, pdu):
        if pdu[1:] == b"\x00\x01" and self.session != EXTENDED:
            raise No(0x22)
        self.is_mute = pdu[1:] == b"\x03\x01"
        return self.yes(pdu)


class RefusedAlone(Van):
    """A read checks the guard of its first identifier only."""

    def read(self, pdu):
        was_open, self.is_open = self.is_open, self.is_open or pdu[1:3] != b"\x03\x05"
        try:
            return super().read(pdu)
        finally:
            self.is_open = was_open


class EraseForAll(Checks):
    """Erasing needs no level, either."""

    def routine(self, pdu):
        return b"\x71" + pdu[1:4] if pdu[2:4] == b"\xff\x00" else super().routine(pdu)
