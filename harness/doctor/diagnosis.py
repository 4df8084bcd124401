"""Define the result of examining one thing, and format that result for the terminal."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from harness.target.toml_schema import printable

COLUMNS = 80
INDENT = 6


class Health(Enum):
    """The state of what was examined."""

    OK = "ok"
    NOTE = "note"
    """What was examined is usable, but could be better."""
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of examining one thing."""

    what: str
    state: Health
    seen: str
    remedy: tuple[str, ...] = ()
    """The steps that fix what was examined: commands to type, or sentences, in order."""

    @property
    def has_failed(self) -> bool:
        """Whether what was examined must be fixed."""
        return self.state is Health.FAIL


def ok(what: str, seen: str) -> Diagnosis:
    """Return the diagnosis that `what` is as it should be."""
    return Diagnosis(what, Health.OK, seen)


def note(what: str, seen: str, *remedy: str) -> Diagnosis:
    """Return the diagnosis that `what` is usable, but could be better."""
    return Diagnosis(what, Health.NOTE, seen, remedy)


def failure(what: str, seen: str, *remedy: str) -> Diagnosis:
    """Return the diagnosis that `what` must be fixed."""
    return Diagnosis(what, Health.FAIL, seen, remedy)


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Format the diagnosis for a terminal. A command stays on one line, however long, so that it can be copied."""
    head = f"{diagnosis.state.value:{INDENT}}"
    text = printable(f"{diagnosis.what}: {diagnosis.seen}")
    yield from textwrap.wrap(text, COLUMNS, initial_indent=head, subsequent_indent=" " * INDENT, break_on_hyphens=False)
    for number, words in enumerate(diagnosis.remedy):
        label = " " * INDENT + ("try: " if number == 0 else "     ")
        yield label + printable(words)
