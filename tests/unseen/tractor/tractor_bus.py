"""Tractors on a bus with other nodes, and tractors whose frames are odd or reveal too much."""

import can

from tests.unseen.tractor import tractor
from tests.unseen.tractor.tractor import Refusal, Tractor, but, key

# Sound.


RandomPadding = but(Tractor, put=lambda ecu, data: Tractor.put(ecu, data + ecu.port.random_bytes(8 - len(data))))
"""Frames are padded with random bytes."""


class PaddedOnly(Tractor):
    """A frame of less than eight bytes is ignored, since padding is mandatory on this bus."""

    def hear(self, data, is_functional):
        if len(data) == 8:
            super().hear(data, is_functional)


class RemoteFirst(Tractor):
    """Each answer is preceded by a remote frame on the same id."""

    def put(self, data):
        if data[0] >> 4 in (0, 1):
            rtr = can.Message(arbitration_id=self.response_id, is_extended_id=False, is_remote_frame=True, dlc=8)
            self.port.send(rtr)
        super().put(data)


class Reader:
    """Another tester, which reads the serial number every 3 s, and lets the long answer come."""

    is_asking = False

    def attach(self, port):
        self.port = port
        self.port.call_later(1.7, self.ask)

    def put(self, data):
        self.port.send(can.Message(arbitration_id=0x6B2, is_extended_id=False, data=data.ljust(8, b"\0")))

    def ask(self):
        self.is_asking = True
        self.put(b"\x03\x22\xf1\x8c")
        self.port.call_later(3.0, self.ask)

    def on_frame(self, frame):
        if self.is_asking and frame.arbitration_id == 0x6BA and bytes(frame.data)[:1] == b"\x10":
            self.is_asking = False
            self.put(b"\x30\x00\x05")


def another_tester():
    return [Tractor(), Reader()]


Neighbour = but(Tractor, request_id=0x6B3, response_id=0x6BB, fits=lambda ecu, seed, sent: True)
"""An ECU on the next ids that any key opens."""


def insecure_neighbour():
    return [Neighbour(), Tractor()]


class Plough:
    """Another ECU's traffic on the tractor's response id with 29 bits and on ids beside it, with segmented messages
    on both.
    """

    frames = (
        (0x6BA, True, "0267060000000000"),
        (0x6B9, False, "100E6705AAAAAAAA"),
        (0x6B9, False, "21AAAAAAAAAAAAAA"),
        (0x6B1, False, "0227050000000000"),
        (0x6BC, False, "037F2735A5A5A5A5"),
        (0x6B2, True, "0211010000000000"),
    )

    def attach(self, port):
        self.port = port
        self.speak()

    def on_frame(self, frame):
        pass

    def speak(self):
        for can_id, is_extended, data in self.frames:
            self.port.send(can.Message(arbitration_id=can_id, is_extended_id=is_extended, data=bytes.fromhex(data)))
        self.port.call_later(0.037, self.speak)


def busy_field():
    return [Tractor(), Plough()]


# Flawed.


class SilentToUnknownDids(Tractor):
    """A request for an unknown identifier is not answered."""

    def read(self, pdu):
        try:
            return super().read(pdu)
        except Refusal as refusal:
            if refusal.args == (0x31,):
                return None
            raise


class RefusalHoldsKey(Tractor):
    """The frame that refuses a key is padded with the first bytes of the right key."""

    expected = b""

    def take_key(self, pdu):
        self.expected = key(self.seed, self.level) if self.seed else b""
        return super().take_key(pdu)

    def put(self, data):
        if data[:3] == b"\x03\x7f\x27" and self.expected:
            data = (data + self.expected)[:8]
        self.expected = b""
        super().put(data)


class RefusalHoldsValue(Tractor):
    """A guarded value is copied into the answer before its guard is checked, so that the refusal is padded with it."""

    def put(self, data):
        super().put((data + self.values[tractor.CODE])[:8] if data == b"\x03\x7f\x22\x33" else data)


class AnswersRemoteFrames(Tractor):
    """A remote frame on the request id is answered by the last frame, sent again."""

    last = b""

    def put(self, data):
        self.last = data
        super().put(data)

    def on_frame(self, frame):
        is_ours = frame.is_remote_frame and frame.arbitration_id == self.request_id and not frame.is_extended_id
        if is_ours and self.last and self.port.now_s >= self.awake_s:
            self.put(self.last)
        super().on_frame(frame)


class ObdDoor(Tractor):
    """Requests are also accepted on 7DF, and need no level there."""

    came_by_obd = False

    def on_frame(self, frame):
        super().on_frame(frame)
        if frame.arbitration_id != 0x7DF or frame.is_extended_id or frame.is_remote_frame or self.port.now_s < self.awake_s:
            return
        self.expire()
        pdu = self.lane.take(bytes(frame.data), True)
        if pdu:
            self.heard_s = self.port.now_s
            self.later(self.answer_s, lambda: self.answer_obd(pdu))

    def answer_obd(self, pdu):
        self.came_by_obd = True
        self.answer(pdu, True)
        self.came_by_obd = False

    def may_write(self, did):
        return self.came_by_obd or super().may_write(did)


class LengthFromPadding(Tractor):
    """A write whose single frame states too short a length takes the missing bytes from the padding."""

    frame = b""

    def hear(self, data, is_functional):
        self.frame = data
        super().hear(data, is_functional)

    def write(self, pdu):
        if pdu[1:3] == b"\x4a\x01" and len(pdu) < 5 and self.frame[1:2] == b"\x2e" and len(self.frame) >= 6:
            pdu = self.frame[1:6]
        return super().write(pdu)
