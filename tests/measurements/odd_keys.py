"""The hardened ECU with odd answers to keys and odd seeds; only the answers are odd, unless the name says otherwise."""

from collections.abc import Callable

from harness.ecu.config import EcuSecurityLevel
from harness.ecu.definition import Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.profiles import HARDENED, hardened
from harness.ecu.rules import Ecu
from harness.ecu.seeds import next_seed
from harness.ecu.server import Server

Answers = list[bytes]
WRONG_KEY = b"\x7f\x27\x35"


class Odd(UdsNode):
    """The hardened ECU, whose answers are changed by `say`."""

    def __init__(self, definition: Definition | None = None) -> None:
        super().__init__(Server(definition or HARDENED))
        inner = self._answer
        self._answer = lambda pdu, **how: self.say(pdu, inner(pdu, **how))

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        """Return what is answered in place of `answers`."""
        return answers


def _refusing(words: Answers) -> type[Odd]:
    """Make an ECU that refuses wrong keys by this answer."""

    class Refusing(Odd):
        def say(self, pdu: bytes, answers: Answers) -> Answers:
            return words if answers == [WRONG_KEY] else answers

    return Refusing


wrong_key_33 = _refusing([b"\x7f\x27\x33"])
wrong_key_10 = _refusing([b"\x7f\x27\x10"])
wrong_key_22 = _refusing([b"\x7f\x27\x22"])
wrong_key_31 = _refusing([b"\x7f\x27\x31"])
wrong_key_13 = _refusing([b"\x7f\x27\x13"])
wrong_key_silent = _refusing([])
wrong_key_malformed = _refusing([b"\x27\x35"])
wrong_key_claimed = _refusing([b"\x67\x02"])
"""A wrong key for level 1 is answered 67 02, though the level stays locked."""


class FirstWrongKeyNotReady(Odd):
    """The first key after a start is answered 22, once."""

    is_ready = False

    def power_cycle(self) -> None:
        self.is_ready = False
        super().power_cycle()

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if answers == [WRONG_KEY] and not self.is_ready:
            self.is_ready = True
            self.ecu.state.wrong_keys[(pdu[1] & 0x7F) - 1] -= 1
            return [b"\x7f\x27\x22"]
        return answers


class RightKeyMalformed(Odd):
    """The right key is answered by 67 and the sub-function of the seed request."""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        return [b"\x67\x01"] if answers == [b"\x67\x02"] else answers


class DelaySays22(Odd):
    """During a delay seeds are refused with 22; the key that starts the delay is refused like any other."""

    def say(self, pdu: bytes, answers: Answers) -> Answers:
        if answers == [b"\x7f\x27\x37"]:
            return [b"\x7f\x27\x22"]
        return [WRONG_KEY] if answers == [b"\x7f\x27\x36"] else answers


class ZeroSeeds(Odd):
    """Flawed: every third seed is zero, even while locked, and the key for zeros answers it."""

    count = 0

    def __init__(self) -> None:
        def sometimes_zero(ecu: Ecu, level: EcuSecurityLevel) -> bytes:
            seed = next_seed(ecu, level)
            self.count += 1
            return bytes(len(seed)) if self.count % 3 == 0 else seed

        super().__init__(Definition(config=HARDENED).replace_decision(draw_seed=sometimes_zero))


def _opening(is_opening: Callable[[int], bool]) -> type[Odd]:
    """Flawed: wrong keys with these numbers, counted since the ECU was made, open level 1."""

    class Opening(Odd):
        count = 0

        def say(self, pdu: bytes, answers: Answers) -> Answers:
            if pdu[:2] == b"\x27\x02" and answers in ([WRONG_KEY], [b"\x7f\x27\x36"]):
                self.count += 1
                if is_opening(self.count):
                    self.ecu.state.unlocked_level = 1
                    return [b"\x67\x02"]
            return answers

    return Opening


any_key_opens = _opening(lambda number: True)
second_wrong_key_opens = _opening(lambda number: number == 2)
sound = hardened
