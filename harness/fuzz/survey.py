"""Decide what of a stream of stimuli may be sent: what the gate lets pass, and as many wrong keys as there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from harness.errors import NotPermitted
from harness.fuzz.keyed import shown_bytes
from harness.tester.ecu_state import level_of
from harness.tester.tester import Tester
from harness.uds import is_send_key

PART_OF_BUDGET: Final = 4
"""A campaign takes no more than this part of the wrong keys that are left: other checks need theirs."""


def screened(tester: Tester, message: bytes, *, is_raw: bool) -> tuple[str, Sequence[int]]:
    """Why a message will not be sent, empty if it will; and the levels whose key an ECU may read into it.

    It will not where the gate does not let it pass, or a frame has no room for it. What may be read as a key is counted in
    the ledger.
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
    """Why a message will not be sent; empty if it will."""
    return screened(tester, message, is_raw=is_raw)[0]


def guesses(tester: Tester, message: bytes, *, is_raw: bool) -> Sequence[int]:
    """The levels whose key an ECU may read into a message that is permitted: what the ledger will count."""
    return screened(tester, message, is_raw=is_raw)[1]


class StimulusSurvey:
    """Looks at stimuli before they are sent, and counts the keys that an ECU may read into those that may be."""

    def __init__(self, tester: Tester, *, most_keys: int | None = None) -> None:
        """Of stimuli in which an ECU may read a wrong key at most `most_keys` pass for each level; None: as many as fit."""
        self._tester = tester
        self._most_keys = most_keys
        self._keys: Counter[int] = Counter()
        self._room: dict[int, int | None] = {}
        self.reason = ""
        """Why the first one was refused; empty: none was."""
        self.left_out = 0

    def lets_pass(self, stimulus: Sequence[bytes], *, is_raw: bool, times: int = 1) -> bool:
        """Whether all of it may be sent so many times; its keys are counted then."""
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
