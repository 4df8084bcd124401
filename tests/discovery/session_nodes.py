"""ECUs with unusual numbers, ways and refusals of sessions, on 0x7E0 and 0x7E8."""

from .strange_nodes import OneFrame

DEFAULT, PROGRAMMING, EXTENDED, HIGH, INNER = 0x01, 0x02, 0x03, 0x82, 0x62


class Sessions(OneFrame):
    """An ECU with sessions 01 and 03, TesterPresent and DID F190, and with SecurityAccess in no session."""

    known: tuple[int, ...] = (DEFAULT, EXTENDED)
    level_in: int | None = None
    times = "00 32 01 F4"
    session = DEFAULT

    def answer(self, pdu: bytes) -> bytes:
        handler = {0x10: self.control, 0x3E: self.present, 0x22: self.read, 0x27: self.security}.get(pdu[0])
        return handler(pdu) if handler is not None else bytes((0x7F, pdu[0], 0x11))

    def control(self, pdu: bytes) -> bytes:
        """Enter one of the known sessions; bit 7 suppresses the answer."""
        wanted = pdu[1] & 0x7F if len(pdu) == 2 else 0
        refusal = self.refusal(wanted)
        if refusal:
            return bytes((0x7F, 0x10, refusal))
        self.session = wanted
        return b"" if pdu[1] & 0x80 else bytes((0x50, wanted)) + bytes.fromhex(self.times)

    def refusal(self, wanted: int) -> int:
        return 0 if wanted in self.known else 0x12

    def present(self, pdu: bytes) -> bytes:
        if pdu[1:] == b"\x80":
            return b""
        return b"\x7e\x00" if pdu[1:] == b"\x00" else b"\x7f\x3e\x12"

    def read(self, pdu: bytes) -> bytes:
        return b"\x62\xf1\x90\x31\x32" if pdu[1:] == b"\xf1\x90" else b"\x7f\x22\x31"

    def security(self, pdu: bytes) -> bytes:
        if self.session != self.level_in:
            return b"\x7f\x27\x7f"
        if pdu[1:] == b"\x01":
            return b"\x67\x01\x11\x22\x33\x44"
        return b"\x7f\x27\x35" if pdu[1:2] == b"\x02" else b"\x7f\x27\x12"


class High(Sessions):
    """Session 82 is a session of its own, and the only one with SecurityAccess."""

    level_in = HIGH

    def control(self, pdu: bytes) -> bytes:
        if pdu[1:] != b"\x82":
            return super().control(pdu)
        self.session = HIGH
        return b"\x50\x82"


class Echoing(Sessions):
    """The suppress bit is ignored, and repeated in the answer."""

    def control(self, pdu: bytes) -> bytes:
        said = super().control(bytes((0x10, pdu[1] & 0x7F)) if len(pdu) == 2 else pdu)
        return said[:1] + pdu[1:2] + said[2:] if said[:1] == b"\x50" else said


class Refusing(Sessions):
    """Session 62 is entered from 03 with a key that nobody has, 02 has a precondition, and neither 62 nor 02 has
    SecurityAccess.
    """

    known = (DEFAULT, EXTENDED, INNER, PROGRAMMING)

    def refusal(self, wanted: int) -> int:
        if wanted == PROGRAMMING:
            return 0x22
        if wanted == INNER:
            return 0x33 if self.session == EXTENDED else 0x7E
        return super().refusal(wanted)


class Slow(Sessions):
    """The extended session is refused for three seconds after the start."""

    def refusal(self, wanted: int) -> int:
        is_starting = wanted == EXTENDED and self.port.now_s < 3.0 + LISTENED_S
        return 0x22 if is_starting else super().refusal(wanted)


LISTENED_S = 5.0
"""The seconds that a survey takes before it requests the first session."""


class Restarting(Sessions):
    """The ECU leaves the programming session by a restart of a second, and then ignores unknown requests."""

    known = (DEFAULT, EXTENDED, PROGRAMMING)
    level_in = PROGRAMMING
    deaf_until_s = 0.0

    def answer(self, pdu: bytes) -> bytes:
        if self.port.now_s < self.deaf_until_s:
            return b""
        was_programming = self.session == PROGRAMMING
        said = super().answer(pdu)
        if was_programming and said[:2] == b"\x50\x01":
            self.port.call_later(0.003, self.restart)
        return said

    def restart(self) -> None:
        self.session, self.deaf_until_s = DEFAULT, self.port.now_s + 1.0

    def read(self, pdu: bytes) -> bytes:
        return bytes((0x62, 0xF1, 0x86, self.session)) if pdu[1:] == b"\xf1\x86" else super().read(pdu)


class Timeless(Sessions):
    """Answers to session requests state times of zero."""

    times = "00 00 00 00"


class Endless(Sessions):
    """Answers to session requests state the longest possible times."""

    times = "FF FF FF FF"


class Unhurried(Sessions):
    """Answers to session requests state a P2 of 150 ms."""

    times = "00 96 01 F4"


class Stopped(Sessions):
    """An ECU at whose 200th request the user presses Ctrl-C."""

    left = 200

    def answer(self, pdu: bytes) -> bytes:
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return super().answer(pdu)


class WantingRecord(Sessions):
    """A seed is given only to a request with a certain record; another length gets 13, another content 31."""

    level_in = EXTENDED
    record = b""

    def security(self, pdu: bytes) -> bytes:
        if self.session != EXTENDED or pdu[1:2] != b"\x01":
            return super().security(pdu) if self.session != EXTENDED else b"\x7f\x27\x12"
        if len(pdu) != 2 + len(self.record):
            return b"\x7f\x27\x13"
        return b"\x67\x01\x11\x22\x33\x44" if pdu[2:] == self.record else b"\x7f\x27\x31"


class WantingOnes(WantingRecord):
    record = b"\xff" * 4


class WantingWhatNobodyGuesses(WantingRecord):
    record = b"\x5e\x1f"
