"""Tractors that need an address in the first byte of each frame, as car makers use it on 6F1 and 750.

The tractor's own ISO-TP has room for eight bytes; here its lanes leave one of them to the address.
"""

from tests.unseen.tractor.tractor import Lane, Tractor, but, key

__all__ = ["key"]


class ShortLane(Lane):
    """An ISO-TP with seven bytes in a frame: six of a message in a single and a consecutive frame, five in a first frame."""

    def first(self, data):
        size = int.from_bytes(data[:2], "big") & 0xFFF
        if size == 0:
            if int.from_bytes(data[2:6], "big") > 0xFFF:
                self.put(b"\x32\x00\x00")
            return
        if size < 7:
            return
        self.wanted = 0
        if size > self.room:
            self.put(b"\x32\x00\x00")
        else:
            self.begin(size, data[2:7])

    def take(self, data, is_functional):
        if data and data[0] >> 4 == 1:
            if len(data) == 7 and not is_functional:
                self.first(data)
            return None
        return super().take(data, is_functional)

    def consecutive(self, data):
        if not self.wanted:
            return None
        needed = min(6, self.wanted - len(self.got))
        if self.now_s() - self.last_s > self.n_cr_s or data[0] & 0xF != self.number or len(data) <= needed:
            self.wanted = 0
            return None
        self.got += data[1 : 1 + needed]
        self.number, self.last_s = (self.number + 1) & 0xF, self.now_s()
        if len(self.got) < self.wanted:
            return None
        self.wanted = 0
        return bytes(self.got)

    def send(self, pdu):
        self.turn += 1
        self.is_asking, self.rest = False, b""
        if len(pdu) < 7:
            self.put(bytes((len(pdu),)) + pdu)
            return
        self.rest, self.index, self.waits = pdu[5:], 1, 0
        self.put((0x1000 | len(pdu)).to_bytes(2, "big") + pdu[:5])
        self.ask()

    def go(self, block, left, gap_s, turn):
        while self.rest and self.turn == turn:
            self.put(bytes((0x20 | self.index & 0xF,)) + self.rest[:6])
            self.rest, self.index, left = self.rest[6:], self.index + 1, left - 1
            if self.rest and block and left == 0:
                self.ask()
            elif self.rest and gap_s:
                self.later(gap_s, lambda left=left: self.go(block, left, gap_s, turn))
                return


class FirstByte(Tractor):
    """Extended addressing on 6F1, where the ECU is 12, the tester F1, and DF all ECUs; answers come on 612."""

    request_id, response_id, functional_id = 0x6F1, 0x612, 0x6F1
    own, tester, everybody = 0x12, 0xF1, 0xDF

    def boot(self):
        super().boot()
        self.lane = ShortLane(lambda: self.port.now_s, self.put, self.later)

    def on_frame(self, frame):
        data = bytes(frame.data)
        if self.port.now_s < self.awake_s or not self.is_ours(frame) or not data:
            return
        if self.is_own(data[0]) or data[0] == self.everybody:
            self.hear(data[1:], data[0] == self.everybody and not self.is_own(data[0]))

    def is_own(self, address):
        return address == self.own

    def put(self, data):
        super().put(bytes((self.tester,)) + data)


class FirstByteRepeated(FirstByte):
    """Mixed addressing on 750: requests and answers begin with 2A, also functional requests on 7DF."""

    request_id, response_id, functional_id = 0x750, 0x758, 0x7DF
    own, tester, everybody = 0x2A, 0x2A, None

    def on_frame(self, frame):
        data = bytes(frame.data)
        if self.port.now_s >= self.awake_s and self.is_ours(frame) and data[:1] == bytes((self.own,)):
            self.hear(data[1:], frame.arbitration_id == self.functional_id)


class LongFirstByte(FirstByteRepeated):
    """Mixed addressing with 29 bits."""

    request_id, response_id, functional_id = 0x18CE30F1, 0x18CEF130, 0x18CD33F1
    is_extended = True


AnyAddress = but(FirstByte, is_own=lambda ecu, address: address | 1 == ecu.own | 1)
"""The last bit of the address is ignored, so that 13 is served like 12."""

FirstByteSeedRepeats = but(FirstByte, new_seed=lambda ecu: b"\x5a" * 10 + ecu.port.random_bytes(2))
"""Only the last two bytes of each seed change."""

FirstByteNoLimit = but(FirstByte, count=lambda ecu: False)
"""Wrong keys are not counted."""

FirstByteShortKey = but(FirstByteRepeated, fits=lambda ecu, seed, sent: sent[:4] == key(seed, ecu.level)[:4])
"""Only the first four bytes of a key are compared."""

FirstByteGuardAsleep = but(LongFirstByte, may_write=lambda ecu, did: ecu.is_functional or LongFirstByte.may_write(ecu, did))
"""A functional write needs no level."""
