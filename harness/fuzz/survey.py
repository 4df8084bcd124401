"""Select the stimuli of a stream that may be sent: those that the target permits, while the budget of wrong keys lasts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from harness.errors import NotPermitted
from harness.fuzz.keyed import Keyed, shown_bytes
from harness.tester.ecu_state import level_of
from harness.tester.tester import Tester
from harness.uds import is_send_key

PART_OF_BUDGET: Final = 4
"""A campaign takes at most one in this many of the wrong keys left; other checks need the rest."""


def screened(tester: Tester, message: bytes, *, is_raw: bool) -> tuple[str, Sequence[int]]:
    """Return why a message is not sent (empty if it is sent), and the levels whose key an ECU may read into it.

    A message is not sent if the target does not permit it, or it fits no frame. Possible keys are counted in the ledger.
    """
    if is_raw and len(message) > tester.frame_bytes:
        return f"{shown_bytes(message)}: frames to this ECU hold {tester.frame_bytes} bytes behind their address", ()
    gate = tester.gate
    try:
        if is_raw:
            return "", [level_of(reading) for reading in gate.check_raw(gate.to_this_ecu(message))]
        gate.check(message)
    except NotPermitted as reason:
        return str(reason).replace(message.hex(" ").upper(), shown_bytes(message)), ()
    return "", [level_of(message)] if is_send_key(message) else ()


def refusal(tester: Tester, message: bytes, *, is_raw: bool) -> str:
    """Return why a message is not sent; empty if it is sent."""
    return screened(tester, message, is_raw=is_raw)[0]


def guesses(tester: Tester, message: bytes, *, is_raw: bool) -> Sequence[int]:
    """Return the levels whose key an ECU may read into a permitted message; the ledger will count them."""
    return screened(tester, message, is_raw=is_raw)[1]


def hold_whole_key(tester: Tester, messages: Iterable[bytes], level: int | None, *, is_raw: bool) -> bool:
    """Whether messages hold the whole right key for a level: who can send them could open it in the right form, too."""
    whole = [message for message in messages if isinstance(message, Keyed) and not message.key_bytes]
    return any(level in guesses(tester, message, is_raw=is_raw) for message in whole)


class StimulusSurvey:
    """Examines stimuli before they are sent, and counts the keys that an ECU may read into permitted ones."""

    def __init__(self, tester: Tester, *, most_keys: int | None = None) -> None:
        """Make a survey. For each level, at most `most_keys` stimuli that may be read as a wrong key pass; None: as the
        budget allows.
        """
        self._tester = tester
        self._most_keys = most_keys
        self._keys: Counter[int] = Counter()
        self._room: dict[int, int | None] = {}
        self.reason = ""
        """Why the first stimulus that may not be sent was refused; empty if all may be sent."""
        self.left_out = 0

    def lets_pass(self, stimulus: Sequence[bytes], *, is_raw: bool, times: int = 1) -> bool:
        """Whether the whole stimulus may be sent this many times; if it may, its keys are counted."""
        tester = self._tester
        levels: list[int] = []
        for one in stimulus:
            refused, guessed = screened(tester, one, is_raw=is_raw)
            if refused:
                return self._leaves_out(refused)
            levels += guessed
        if levels:
            keys = Counter(levels * times)
            refused = next(filter(None, (self._why_no_guesses(*one) for one in keys.items())), "")
            if refused:
                return self._leaves_out(refused)
            self._keys.update(keys)
        return True

    def _leaves_out(self, refused: str) -> bool:
        self.reason = self.reason or refused
        self.left_out += 1
        return False

    def _why_no_guesses(self, level: int, number: int) -> str:
        security = self._tester.security
        left = self._room.setdefault(level, security.ledger.left(level))
        wanted = self._keys[level] + number
        if left is not None and wanted > left // PART_OF_BUDGET:
            return f"more keys for level 0x{level:02X} than a campaign may take of the budget"
        if self._most_keys is not None and wanted > self._most_keys:
            return f"more keys for level 0x{level:02X} than {self._most_keys}, which is enough for this depth"
        return security.why_no_guess(level)
