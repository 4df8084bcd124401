"""Store a finding of a campaign: the shortest sequence that shows it, and the files that reproduce it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from harness.fuzz.keyed import Keyed, from_notation, in_notation
from harness.verdict import Severity

ID_PREFIX: Final = "found-"
ANY: Final = -1
"""A byte of a pattern that stands for any value."""
LONGER: Final = -2
"""The last element of a pattern that may be followed by any bytes."""

Pattern = tuple[tuple[int, ...], ...]
"""The messages of a minimal sequence, with `ANY` for each byte that does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzFinding:
    """A failure that a campaign has found, reproduced and made minimal."""

    row: str
    """The id of the check to whose kind of stimulus the sequence belongs."""
    what: str
    """A name that all failures of one cause share."""
    expected: str
    observed: str
    severity: Severity
    expect: str
    """A sound ECU's answer, in the words of a case; ``any``: the ECU has to live, stay locked, and keep its values."""
    state: str
    """The state from which the sequence is sent, in the words of a case; empty: no state is reached first."""
    is_raw: bool
    messages: tuple[bytes, ...]
    repeat: int = 1
    gap_ms: int | None = None
    one_answer: bool = False
    within_ms: int | None = None
    is_crash: bool = False
    pattern: Pattern = ()
    exchanges: int = 0
    """How many exchanges of the shard came before the finding was first seen."""
    times: int = 1
    """How many times the finding was seen."""

    @property
    def digest(self) -> str:
        """Eight hex digits that identify the minimal sequence."""
        head = [self.state, "raw" if self.is_raw else "", str(self.repeat), str(self.gap_ms or 0)]
        return hashlib.sha256("\n".join([*head, *self.texts]).encode()).hexdigest()[:8]

    @property
    def texts(self) -> list[str]:
        """The messages as a case writes them."""
        return [in_notation(message) for message in self.messages]

    @property
    def is_about_answer(self) -> bool:
        """Whether the failure is a wrong answer, and not something else that the ECU does."""
        return self.expect != "any" or self.one_answer or self.within_ms is not None

    @property
    def cause(self) -> str:
        """A value that is equal for all findings of one cause."""
        if self.is_about_answer:
            return self.what
        again = " again and again" if self.repeat > 1 else ""
        last = self.messages[-1]
        if not self.is_raw:
            return f"{self.what} by {last[:1].hex().upper()} of {len(last)} bytes{again}"
        return f"{self.what} by {' '.join(map(_kind, self.messages))}{again}"

    @property
    def shown(self) -> str:
        """The sequence in a sentence; bytes that do not matter are ``..``."""
        each = (_shown(message, pattern) for message, pattern in zip(self.messages, self._patterns, strict=True))
        groups = ((text, len(list(same))) for text, same in groupby(each))
        shown = " | ".join(f"{text}, {count} times" if count > 2 else " | ".join([text] * count) for text, count in groups)
        words = f"{shown}{f', {self.repeat} times' if self.repeat > 1 else ''}{' as raw frames' if self.is_raw else ''}"
        return f"{words} ({self.state})" if self.state else words

    @property
    def _patterns(self) -> Sequence[tuple[int, ...]]:
        return self.pattern or [()] * len(self.messages)

    def is_part_of(self, messages: Sequence[bytes], *, is_raw: bool) -> bool:
        """Whether the finding's messages occur in `messages` in the same order; bytes that do not matter may differ."""
        if is_raw is not self.is_raw or not self.pattern:
            return False
        wanted = self.pattern * self.repeat
        while len(wanted) > 1 and wanted[-1] == (LONGER,):
            wanted = wanted[:-1]  # any request takes its place, those that look after the ECU as well
        at = 0
        for message in messages:
            if at < len(wanted) and _matches(message, wanted[at]):
                at += 1
        return at == len(wanted)

    def also(self, other: FuzzFinding) -> FuzzFinding:
        """Merge with another finding of the same cause: add up the counts, and keep the shorter sequence."""
        best = min(self, other, key=lambda one: (len(one.messages) * one.repeat, sum(map(len, one.messages)), one.texts))
        return replace(best, times=self.times + other.times, row=min(self.row, other.row))

    def counting(self, other: FuzzFinding) -> FuzzFinding:
        """Return this finding with the count of another finding added."""
        return replace(self, times=self.times + other.times)

    def case_text(self) -> str:
        """Return the text of a TOML file with one case that reproduces the finding."""
        lines = [
            "# Found by a fuzz campaign. Run it by: uds-harness audit TARGET --checks case.toml -k fuzz/" + self.case_id,
            "[[case]]",
            f"id = {json.dumps(self.case_id)}",
            f"why = {json.dumps(_sentence(f'{self.expected}, after {self.shown}'))}",
            f"send = {json.dumps(self.texts if len(self.texts) > 1 else self.texts[0])}",
            f"expect = {json.dumps(self.expect)}",
            f"severity = {json.dumps(self.severity.value)}",
        ]
        lines += [f"state = {json.dumps(self.state)}"] if self.state else []
        lines += ["raw = true"] if self.is_raw else []
        lines += [f"gap_ms = {self.gap_ms}"] if self.gap_ms is not None else []
        lines += [f"repeat = {self.repeat}"] if self.repeat > 1 else []
        lines += ["one_answer = true"] if self.one_answer else []
        lines += [f"within_ms = {self.within_ms}"] if self.within_ms is not None else []
        return "\n".join(lines) + "\n"

    @property
    def case_id(self) -> str:
        """The id of the case that reproduces the finding."""
        return ID_PREFIX + self.digest

    def as_json(self) -> dict[str, Any]:
        """Return the finding for a shard's file."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            **values,
            "messages": self.texts,
            "severity": self.severity.value,
            "pattern": [list(one) for one in self.pattern],
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> FuzzFinding:
        """Read a finding that `as_json` returned. Raises KeyError, TypeError or ValueError if `data` is no such finding."""
        return cls(
            **{
                **given,
                "messages": tuple(map(from_notation, given["messages"])),
                "severity": Severity(given["severity"]),
                "pattern": tuple(tuple(one) for one in given["pattern"]),
            }
        )


def _kind(frame: bytes) -> str:
    """Return a frame's type in ISO-TP, and the service of a single frame."""
    kind = frame[0] >> 4 if frame else "nothing"
    return f"frame {kind}" + (f" {frame[1]:02X}" if kind == 0 and len(frame) > 1 else "")


def _shown(message: bytes, pattern: tuple[int, ...]) -> str:
    more = pattern[-1:] == (LONGER,)
    pattern = pattern[:-1] if more else pattern
    if isinstance(message, Keyed) or len(message) > LONGEST_SHOWN or len(pattern) != len(message):
        text = in_notation(message)
        return text if len(message) <= LONGEST_SHOWN else f"{text[: 3 * LONGEST_SHOWN]}… ({len(message)} bytes)"
    shown = " ".join(f"{byte:02X}" if wanted != ANY else ".." for byte, wanted in zip(message, pattern, strict=True))
    return f"{shown} …" if more else shown


LONGEST_SHOWN: Final = 24


def _matches(message: bytes, pattern: tuple[int, ...]) -> bool:
    if pattern[-1:] == (LONGER,):
        pattern, message = pattern[:-1], message[: len(pattern) - 1]
    return len(message) == len(pattern) and all(wanted in (ANY, byte) for byte, wanted in zip(message, pattern, strict=True))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
