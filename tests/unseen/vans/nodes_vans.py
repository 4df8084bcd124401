"""Odd but sound vans: each uses a freedom that the standards leave to its maker."""

import can

from tests.unseen.vans.nodes_van import DEFAULT, EXTENDED, LIMIT, NAME, SPEED, No, Van, but

DIAGNOSIS, FLASHING = 0x63, 0x62


class Talker(Van):
    """Every second a message comes on the response id without any request."""

    def boot(self) -> None:
        super().boot()
        self.talk()

    def talk(self) -> None:
        self.put(b"\x07\x01\x02\x03\x04\x05\x06\x07")
        self.port.call_later(1.0, self.talk)


class PendingAtTimes(Van):
    """Every second request takes 30 ms longer, after 0x78."""

    count = 0

    def answer(self, pdu: bytes, is_functional: bool) -> None:
        self.count += 1
        is_suppressed = pdu[0] in (0x3E, 0x27, 0x10) and pdu[1:2] > b"\x7f"
        if self.count % 2 or is_suppressed:
            super().answer(pdu, is_functional)
            return
        self.put(bytes((3, 0x7F, pdu[0], 0x78)))
        self.port.call_later(0.3, lambda: Van.answer(self, pdu, is_functional))


class PendingAlways(PendingAtTimes):
    """Every answer follows 0x78."""

    def answer(self, pdu, is_functional):
        self.count = 1
        super().answer(pdu, is_functional)


class Slow(Van):
    """Answers take between 400 and 700 ms; a P2 of 1 s is declared."""

    @property
    def latency_s(self):
        return 0.4 + self.port.random_bytes(1)[0] / 850


class Drifting(Van):
    """The first value increases by itself, every 2.7 s."""

    def value(self, did: int) -> bytes | None:
        if did == SPEED:
            self.values[SPEED] = bytes((int(self.port.now_s / 2.7) & 0xFF,))
        return super().value(did)


class DriftingLimit(Van):
    """The protected value increases by itself, every 3.3 s."""

    def value(self, did: int) -> bytes | None:
        if did == LIMIT:
            self.values[LIMIT] = bytes((int(self.port.now_s / 3.3) & 0xFF,))
        return super().value(did)


GroupAddress = but(Van, request_id=0x703, response_id=0x713, functional_ids=(0x700,))
"""The functional id is close to the request id, and not declared."""


class SlowStart(Van):
    """There is no F186; for half a second after a start SecurityAccess and reading are not ready."""

    def boot(self) -> None:
        super().boot()
        self.ready_s = self.awake_s + 0.5

    def value(self, did):
        return None if did == 0xF186 else super().value(did)

    def security(self, pdu):
        if self.port.now_s < self.ready_s:
            raise No(0x22)
        return super().security(pdu)


class SlowStartReads(Van):
    """F186 is refused with 0x22 for half a second after a start."""

    def boot(self) -> None:
        super().boot()
        self.ready_s = self.awake_s + 0.5

    def read(self, pdu):
        if pdu[1:] == b"\xf1\x86" and self.port.now_s < self.ready_s:
            raise No(0x22)
        return super().read(pdu)


PartNumber = but(Van, value=lambda ecu, did: b"4711" if did == 0xF187 else Van.value(ecu, did))
"""F187 contains the part number; its byte 87 is also the service LinkControl."""


class NeedsRecord(Van):
    """A seed request needs a record of one byte, which names the tester."""

    def give_seed(self, pdu):
        if len(pdu) != 3:
            raise No(0x13)
        return super().give_seed(pdu[:2])


AnyName = but(Van, fits=lambda ecu, did, value: len(value) <= 20 if did == NAME else Van.fits(ecu, did, value))
"""The name may have any length up to 20 bytes."""


class OtherTester:
    """Another tester sends TesterPresent on the functional id every two seconds."""

    def attach(self, port) -> None:
        self.port = port
        self.speak()

    def on_frame(self, frame) -> None:
        pass

    def speak(self) -> None:
        self.port.send(can.Message(arbitration_id=0x7DF, is_extended_id=False, data=b"\x02\x3e\x80\0\0\0\0\0"))
        self.port.call_later(2.0, self.speak)


def KeptAwake():
    return [Van(), OtherTester()]


class AdapterEcho:
    """Each frame to the van appears again half a millisecond later, as from adapters that return what they send."""

    def attach(self, port) -> None:
        self.port = port

    def on_frame(self, frame) -> None:
        if frame.arbitration_id in (0x710, 0x7DF):
            again = can.Message(arbitration_id=frame.arbitration_id, is_extended_id=frame.is_extended_id, data=frame.data)
            self.port.call_later(0.0005, lambda: self.port.send(again))


class HearsNoEcho(Van):
    """The van ignores the echo: of two equal frames in a row it takes the first."""

    def attach(self, port) -> None:
        self.unanswered: list[tuple[int, bool, bytes]] = []
        super().attach(port)

    def on_frame(self, frame):
        this = (frame.arbitration_id, frame.is_extended_id, bytes(frame.data))
        if this in self.unanswered:
            self.unanswered.remove(this)
            return
        if frame.arbitration_id in (0x710, 0x7DF) and not frame.is_remote_frame:
            self.unanswered.append(this)
        super().on_frame(frame)


def Echoed():
    return [HearsNoEcho(), AdapterEcho()]


class Staged(Van):
    """The level is in session 63, which is entered from the extended one; once unlocked, session 62 is entered from 63."""

    sessions = (DEFAULT, EXTENDED, DIAGNOSIS, FLASHING)

    def control(self, pdu):
        wanted = self.sub(pdu, *self.sessions)
        if wanted == DIAGNOSIS and self.session not in (EXTENDED, DIAGNOSIS):
            raise No(0x7E)
        if wanted == FLASHING and self.session not in (DIAGNOSIS, FLASHING):
            raise No(0x7E)
        if wanted == FLASHING and self.session == DIAGNOSIS and not self.is_open:
            raise No(0x33)
        return super().control(pdu)

    def security(self, pdu):
        if self.session != DIAGNOSIS:
            raise No(0x7F)
        return super().security(pdu)


class Dongle(OtherTester):
    """A dongle requests the first value every two seconds, on the van's own id."""

    def speak(self) -> None:
        self.port.send(can.Message(arbitration_id=0x710, is_extended_id=False, data=b"\x03\x22\x03\x01\0\0\0\0"))
        self.port.call_later(2.0, self.speak)


def Polled():
    return [Van(), Dongle()]


class Neighbour:
    """Another node sends a few messages, and then none for a long time."""

    def attach(self, port) -> None:
        self.port = port
        self.speak()

    def on_frame(self, frame) -> None:
        pass

    def speak(self) -> None:
        if self.port.now_s % 20 < 4:
            self.port.send(can.Message(arbitration_id=0x333, is_extended_id=False, data=b"\1\2"))
        self.port.call_later(0.3, self.speak)


class Switchable(Van):
    """28 exists in the extended session, and ends with that session. A message is sent every 100 ms."""

    is_mute = False

    def boot(self) -> None:
        super().boot()
        self.is_mute = False
        self.speak()

    def speak(self) -> None:
        if self.session != DEFAULT and self.port.now_s - self.heard_s > self.s3_s:
            self.enter(DEFAULT)
        if not self.is_mute:
            self.port.send(can.Message(arbitration_id=0x321, is_extended_id=False, data=b"\1"))
        self.port.call_later(0.1, self.speak)

    def enter(self, session):
        super().enter(session)
        if session == DEFAULT:
            self.is_mute = False

    def more(self):
        return {0x28: self.communicate}

    def communicate(self, pdu):
        if self.session == DEFAULT:
            raise No(0x7F)
        if len(pdu) != 3:
            raise No(0x13)
        if pdu[1] & 0x7F not in (0, 3):
            raise No(0x12)
        self.is_mute = pdu[1] & 0x7F == 3
        return self.yes(pdu)


def EventfulStreet():
    return [Switchable(), Neighbour()]


class Conditions(Van):
    """A session other than those that exist is refused for the vehicle's speed before it is looked up."""

    def control(self, pdu):
        if pdu[1] & 0x7F not in self.sessions:
            raise No(0x22)
        return super().control(pdu)


class Checks(Van):
    """Everybody may check programming preconditions, as flash tools do; erasing needs the level."""

    def more(self):
        return {0x31: self.routine}

    def routine(self, pdu):
        if self.session == DEFAULT:
            raise No(0x7F)
        if len(pdu) < 4:
            raise No(0x13)
        if pdu[2:4] == b"\x02\x03":
            return b"\x71" + pdu[1:4] + b"\x00"
        if pdu[2:4] == b"\xff\x00":
            raise No(0x33)
        raise No(0x31)


class PresenceForAll(Van):
    """The only functional request that is served is 3E."""

    def serve(self, pdu, is_functional):
        if is_functional and pdu[0] != 0x3E:
            return None
        return super().serve(pdu, is_functional)


class QueuesSingles(Van):
    """A single frame that comes during the reception of a long message waits for its end, or for 0.3 s."""

    def on_frame(self, frame):
        data = bytes(frame.data)
        if self.wire.length and data and data[0] < 8 and frame.arbitration_id == self.request_id:
            self.port.call_later(0.3, lambda: super(QueuesSingles, self).on_frame(frame))
            return
        super().on_frame(frame)


class GivesUpSoon(Van):
    """The reception of a message is given up after 150 ms."""

    def boot(self):
        super().boot()
        self.wire.n_cr_s = 0.15
