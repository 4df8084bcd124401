"""Decide what of a stream of stimuli may be sent: what the gate lets pass, and as many wrong keys as there is room for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from harness.fuzz.requests import screened
from harness.tester.tester import Tester

PART_OF_BUDGET: Final = 4
"""A campaign takes no more than this part of the wrong keys that are left: other checks need theirs."""


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
