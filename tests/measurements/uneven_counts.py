"""The hardened ECU with one gap in its limit for wrong keys, or in its comparison of keys."""

from collections.abc import Callable
from dataclasses import replace

from harness.ecu.ecu_node import UdsNode
from harness.ecu.keys import hmac_sha256_key
from harness.ecu.profiles import HARDENED, SECRETS
from harness.ecu.server import Server
from harness.ecu.state import LOCKED
from tests.measurements.odd_keys import WRONG_KEY, Answers, Odd

LIMIT_REACHED = b"\x7f\x27\x36"
REFUSALS = ([WRONG_KEY], [LIMIT_REACHED])


class Uneven(Odd):
    """An ECU that does not count some wrong keys."""

    last = b""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if answers in REFUSALS and self.is_free(pdu):
            self.uncount((pdu[1] & 0x7F) - 1)
            answers = [WRONG_KEY]
        if pdu[0] == 0x27 and len(pdu) > 2:
            self.last = pdu[2:]
        return answers

    def is_free(self, pdu: bytes) -> bool:
        """Whether this wrong key is not counted."""
        return False

    def uncount(self, level: int) -> None:
        """Take back the count of the last wrong key, and the delay that it started."""
        state = self.ecu.state
        state.wrong_keys[level] = max(state.wrong_keys[level] - 1, 0)
        state.delay_until_s.pop(level, None)


class FirstByteRightIsFree(Uneven):
    """A wrong key whose first byte is right is not counted."""

    def is_free(self, pdu: bytes) -> bool:
        return pdu[2] == self.expected(pdu)[0]

    def expected(self, pdu: bytes) -> bytes:
        level = (pdu[1] & 0x7F) - 1
        return hmac_sha256_key(self.given, level, secret=SECRETS[level])

    given = bytes(16)

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if answers and answers[0][:1] == b"\x67" and pdu[1] & 1:
            self.given = answers[0][2:]
        return super().say(pdu, answers)


class SameAgainIsFree(Uneven):
    """A wrong key that is equal to the one before is not counted."""

    def is_free(self, pdu: bytes) -> bool:
        return pdu[2:] == self.last


class BeginningWithZeroIsFree(Uneven):
    """A wrong key that begins with 00 is not counted."""

    def is_free(self, pdu: bytes) -> bool:
        return pdu[2] == 0


class SuppressedIsFree(Uneven):
    """A wrong key in a request with the suppress bit is not counted."""

    def is_free(self, pdu: bytes) -> bool:
        return bool(pdu[1] & 0x80)


class BesideOtherLevelIsFree(Uneven):
    """A wrong key is not counted while another level is open."""

    def is_free(self, pdu: bytes) -> bool:
        return self.ecu.state.unlocked_level != LOCKED


def _clearing(is_clearing: Callable[[bytes], bool]) -> type[Odd]:
    """Make an ECU on which some requests clear the count of wrong keys."""

    class Clearing(Odd):
        def say(self, pdu: bytes, answers: Answers) -> Answers:
            if is_clearing(pdu):
                self.ecu.state.forget_counts()
            return answers

    return Clearing


class SameAgainOpens(Odd):
    """A wrong key that is sent twice in a row opens the level."""

    last = b""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        is_key = pdu[0] == 0x27 and not pdu[1] & 1
        if is_key and answers in REFUSALS and pdu[2:] == self.last:
            level = (pdu[1] & 0x7F) - 1
            self.ecu.state.unlocked_level = level
            self.ecu.state.wrong_keys[level] = 0
            answers = [bytes((0x67, pdu[1]))]
        if is_key:
            self.last = pdu[2:]
        return answers


class TesterPresentShortensTheDelay(Odd):
    """Each TesterPresent shortens a running delay by a second."""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        delays = self.ecu.state.delay_until_s
        if pdu[0] == 0x3E:
            for level in delays:
                delays[level] -= 1.0
        return answers


class SilenceEndsTheDelay(Odd):
    """A request after more than 5 s of silence ends every delay."""

    heard_s = 0.0

    def __init__(self) -> None:
        super().__init__()
        inner = self._answer
        self._answer = lambda pdu, **how: self.hear() or inner(pdu, **how)

    def hear(self) -> None:
        """Note a request of any kind."""
        now_s = self.ecu.surroundings.now_s
        if now_s - self.heard_s > 5.0:
            self.ecu.state.delay_until_s.clear()
            self.ecu.state.forget_counts()
        self.heard_s = now_s


class DelayOnce(Odd):
    """Only the first lockout after the start is followed by a delay."""

    lockouts = 0

    def power_cycle(self) -> None:
        self.lockouts = 0
        super().power_cycle()

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if answers == [LIMIT_REACHED]:
            self.lockouts += 1
            if self.lockouts > 1:
                self.ecu.state.delay_until_s.clear()
                self.ecu.state.forget_counts()
        return answers


class OpensWithoutAnything(Odd):
    """A request 27 02 without a key opens the level while no seed is pending."""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if pdu == b"\x27\x02" and answers == [b"\x7f\x27\x24"]:
            self.ecu.state.unlocked_level = 1
            return [b"\x67\x02"]
        return answers


clearing_codes_clears = _clearing(lambda pdu: pdu[:1] == b"\x14")
suppressed_session_clears = _clearing(lambda pdu: pdu[:1] == b"\x10" and bool(pdu[1] & 0x80))


def hour_of_delay() -> UdsNode:
    """Sound: a delay of an hour follows the third wrong key."""
    return UdsNode(Server(replace(HARDENED, delay_s=3600.0)))


class NeedsABreath(Odd):
    """Sound: a key that comes within 50 ms of its seed is refused with 21, and not compared."""

    seed_s = 0.0

    def __init__(self) -> None:
        super().__init__()
        inner = self._answer
        self._answer = lambda pdu, **how: self.hold(pdu) or inner(pdu, **how)

    def hold(self, pdu: bytes) -> Answers:
        """Return the refusal of a key that comes too soon; None for any other request."""
        if pdu[0] != 0x27 or len(pdu) < 2:
            return []
        if pdu[1] & 1:
            self.seed_s = self.ecu.surroundings.now_s
        return [b"\x7f\x27\x21"] if not pdu[1] & 1 and self.ecu.surroundings.now_s - self.seed_s < 0.05 else []


class BlankKeyOpens(Odd):
    """A key of FF in every byte opens the level from each start until the first right key."""

    is_blank = True

    def power_cycle(self) -> None:
        self.is_blank = True
        super().power_cycle()

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if pdu[0] == 0x27 and not pdu[1] & 1:
            if self.is_blank and answers in REFUSALS and set(pdu[2:]) == {0xFF}:
                level = (pdu[1] & 0x7F) - 1
                self.ecu.state.unlocked_level, self.ecu.state.wrong_keys[level] = level, 0
                return [bytes((0x67, pdu[1]))]
            self.is_blank = self.is_blank and answers[0][:1] != b"\x67"
        return answers
