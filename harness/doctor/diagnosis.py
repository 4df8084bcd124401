"""What is said of one thing that was looked at, and how is it shown?"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from harness.target.toml_schema import printable

COLUMNS = 80
INDENT = 6


class State(Enum):
    """How it is with what was looked at."""

    OK = "ok"
    NOTE = "note"
    """It may do as it is."""
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing looked at."""

    what: str
    state: State
    seen: str
    mend: tuple[str, ...] = ()
    """Commands to be typed, or sentences, one after the other."""

    @property
    def has_failed(self) -> bool:
        """Whether it must be mended."""
        return self.state is State.FAIL


def ok(what: str, seen: str) -> Diagnosis:
    """It is as it should be."""
    return Diagnosis(what, State.OK, seen)


def note(what: str, seen: str, *mend: str) -> Diagnosis:
    """It may do as it is, and could be better."""
    return Diagnosis(what, State.NOTE, seen, mend)


def failure(what: str, seen: str, *mend: str) -> Diagnosis:
    """It must be mended."""
    return Diagnosis(what, State.FAIL, seen, mend)


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The diagnosis for a terminal. A command keeps its line, so that it can be copied, however long it is."""
    head = f"{diagnosis.state.value:{INDENT}}"
    text = printable(f"{diagnosis.what}: {diagnosis.seen}")
    yield from textwrap.wrap(text, COLUMNS, initial_indent=head, subsequent_indent=" " * INDENT, break_on_hyphens=False)
    for number, words in enumerate(diagnosis.mend):
        label = " " * INDENT + ("try: " if number == 0 else "     ")
        yield label + printable(words)
