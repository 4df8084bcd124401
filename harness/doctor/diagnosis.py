"""Define the result of examining one thing on the way to the ECU, and format it for the terminal."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from harness.target.toml_schema import printable

COLUMNS = 80
INDENT = 6


class Health(Enum):
    """How the examined thing is."""

    OK = "ok"
    NOTE = "note"
    """The examined thing is usable, but could be better."""
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of examining one thing on the way to the ECU."""

    what: str
    state: Health
    seen: str
    remedy: tuple[str, ...] = ()
    """The steps that fix the examined thing, in order: commands to type, or sentences."""

    @property
    def has_failed(self) -> bool:
        """Whether the examined thing must be fixed."""
        return self.state is Health.FAIL


def ok(what: str, seen: str) -> Diagnosis:
    """Return the diagnosis that `what` is as it should be."""
    return Diagnosis(what, Health.OK, seen)


def note(what: str, seen: str, *remedy: str) -> Diagnosis:
    """Return the diagnosis that the thing `what` is usable, but could be better."""
    return Diagnosis(what, Health.NOTE, seen, remedy)


def failure(what: str, seen: str, *remedy: str) -> Diagnosis:
    """Return the diagnosis that the thing `what` must be fixed."""
    return Diagnosis(what, Health.FAIL, seen, remedy)


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Format the diagnosis for a terminal. A command stays on one line, however long, so that it can be copied."""
    head = f"{diagnosis.state.value:{INDENT}}"
    text = printable(f"{diagnosis.what}: {diagnosis.seen}")
    yield from textwrap.wrap(text, COLUMNS, initial_indent=head, subsequent_indent=" " * INDENT, break_on_hyphens=False)
    for number, words in enumerate(diagnosis.remedy):
        label = " " * INDENT + ("try: " if number == 0 else "     ")
        yield label + printable(words)
