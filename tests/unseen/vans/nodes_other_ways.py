"""Vans whose guard covers the usual way to an effect, but not another way."""

from tests.unseen.vans.nodes_van import CODE, DEFAULT, PROGRAMMING, No, Van


class QuietSessionKeepsOpen(Van):
    """Entering a session with the suppress bit leaves the level open."""

    def control(self, pdu):
        was_open = self.is_open
        said = super().control(pdu)
        self.is_open = was_open and bool(pdu[1] & 0x80)
        return said


class SessionForAllKeepsOpen(Van):
    """Entering a session by the functional id leaves the level open."""

    def serve(self, pdu, is_functional):
        was_open = self.is_open
        said = super().serve(pdu, is_functional)
        if pdu[0] == 0x10 and is_functional:
            self.is_open = was_open
        return said


class Plant(Van):
    """Everybody may start routine 0301; routine 0302 and outputs need the level; a download waits for blocks."""

    downloads = False

    def more(self):
        return {0x31: self.routine, 0x2F: self.output, 0x34: self.download, 0x36: self.block, 0x28: self.communicate}

    def enter(self, session):
        super().enter(session)
        self.downloads = False

    def guard(self, pdu):
        if self.session == DEFAULT:
            raise No(0x7F)
        if len(pdu) < 3:
            raise No(0x13)
        if not self.is_open:
            raise No(0x33)

    def routine(self, pdu):
        if self.session == DEFAULT:
            raise No(0x7F)
        if len(pdu) != 4:
            raise No(0x13)
        if pdu[2:4] not in (b"\x03\x01", b"\x03\x02"):
            raise No(0x31)
        if pdu[3] == 2:
            self.guard_routine(pdu)
        if pdu[1] & 0x7F not in (1, 2, 3):
            raise No(0x12)
        self.started(pdu)
        return None if pdu[1] & 0x80 else b"\x71" + pdu[1:4]

    def guard_routine(self, pdu):
        self.guard(pdu)

    def started(self, pdu):
        pass

    def output(self, pdu):
        self.guard(pdu)
        return b"\x6f" + pdu[1:4]

    def download(self, pdu):
        self.guard(pdu)
        self.downloads = True
        return b"\x74\x10\x82"

    def block(self, pdu):
        if len(pdu) < 2:
            raise No(0x13)
        if not self.downloads:
            raise No(0x24)
        if pdu[1] != 1:
            raise No(0x73)
        return b"\x76\x01"

    def communicate(self, pdu):
        if len(pdu) < 3:
            raise No(0x13)
        if pdu[1] & 0x7F > 5:
            raise No(0x12)
        self.guard(pdu)
        return self.yes(pdu)


class RoutineOpens(Plant):
    """The routine that everybody may start opens the level."""

    def started(self, pdu):
        if pdu[1:4] == b"\x01\x03\x01":
            self.is_open = True


class QuietRoutine(Plant):
    """Starting a guarded routine with the suppress bit needs no level."""

    def guard_routine(self, pdu):
        if not pdu[1] & 0x80:
            super().guard_routine(pdu)


class OutputsForAll(Plant):
    """Control of outputs by the functional id needs no level."""

    def serve(self, pdu, is_functional):
        if pdu[0] == 0x2F and is_functional and len(pdu) > 3:
            return b"\x6f" + pdu[1:4]
        return super().serve(pdu, is_functional)


class NodesUnguarded(Plant):
    """28 04, communication with other nodes, needs no level."""

    def communicate(self, pdu):
        return self.yes(pdu) if pdu[1:2] == b"\x04" else super().communicate(pdu)


class DownloadGoesOn(Plant):
    """A download goes on after the session in which it began."""

    def enter(self, session):
        downloads = self.downloads
        super().enter(session)
        self.downloads = downloads


class CodeOpenInProgramming(Van):
    """In the programming session everybody may write data that only the level reads."""

    def may_write(self, did):
        return super().may_write(did) or (did == CODE and self.session == PROGRAMMING)


class AnswersRemoteFrames(Van):
    """A remote frame on the request id is answered by the last frame, sent again."""

    last = b"\x02\x7e\x00"

    def put(self, data):
        self.last = data
        super().put(data)

    def on_frame(self, frame):
        if frame.is_remote_frame and frame.arbitration_id == self.request_id:
            super().put(self.last)
        else:
            super().on_frame(frame)


class KeepsKeys(Van):
    """F1F7 is a log of the last unlock, with its key."""

    log = b"none"

    def take_key(self, pdu):
        self.log = b"27 " + pdu[2:]
        return super().take_key(pdu)

    def value(self, did):
        return self.log if did == 0xF1F7 else super().value(did)


class PeriodicCode(Van):
    """2A sends the guarded code at its fastest rate to everybody."""

    def more(self):
        return {0x2A: self.send_periodically}

    def value(self, did):
        return self.values[CODE] if did == 0xF205 else super().value(did)

    def read(self, pdu):
        if pdu[1:3] == b"\xf2\x05" and not self.is_open:
            raise No(0x33)
        return super().read(pdu)

    def send_periodically(self, pdu):
        if len(pdu) != 3 or pdu[1] == 4:
            return b"\x6a"
        if pdu[2] != 5:
            raise No(0x31)
        if pdu[1] != 3 and not self.is_open:
            raise No(0x33)
        self.port.call_later(0.1, lambda: self.wire.send(b"\x05" + self.values[CODE]))
        return b"\x6a"
