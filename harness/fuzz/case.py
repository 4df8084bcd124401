"""Read fuzz cases from TOML. A malformed case is refused as a whole."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from harness.errors import Refused, UserError
from harness.fuzz.case_state import STATE, CaseState
from harness.fuzz.expect import EXPECT
from harness.fuzz.send import MOST_MESSAGES, SEND, SentStep, Template, refuse_lengths, too_many
from harness.link.clock import Chance
from harness.target import Target
from harness.target.toml_schema import FLAG, Problems, Rule, choice, integer, read_fields, read_toml, shown, shown_key, text
from harness.tester.reply import Expectation
from harness.verdict import Severity

ID_PREFIX: Final = "fuzz/"
"""The prefix of a case's id in every result."""

CASES_FOLDER: Final = "cases"
"""The name of folders whose TOML files are fuzz cases."""

_ID = text('letters, digits and - _ . only, e.g. "write-odd-length"', pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_WHY = text('a sentence, e.g. "A write with half a DID is refused."')
_REPEAT = integer(1, MOST_MESSAGES, "how often the messages are sent, one after the other, e.g. 300")
_GAP = integer(0, 10_000, "milliseconds after each frame, e.g. 5")
_WITHIN = integer(1, 60_000, "milliseconds that an answer may take, e.g. 50")
_SEVERITY_WORD = choice(*(severity.value for severity in Severity))
_SEVERITY = Rule(_SEVERITY_WORD.allowed, lambda value: Severity(_SEVERITY_WORD.parse(value)))


def _proven_by(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not names:
        raise Refused
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*|[^\s:]+\.py:[A-Za-z_]\w*", name):
            raise Refused
    return tuple(names)


_PROVEN_BY = Rule('a list of defects or nodes, e.g. ["write_unprotected"] or ["my_ecu.py:factory"]', _proven_by)


class Messages(Protocol):
    """The messages of a case, in steps."""

    def steps(self, target: Target, chance: Chance) -> Iterator[SentStep]:
        """Yield every step in order; the same target and chance give the same steps."""

    def size(self, target: Target) -> int | None:
        """Return the number of messages; None if the number is known only when they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The properties that a case has in TOML and in Python alike. Each annotated field is a key, with its rule beside it."""

    id: Annotated[str, _ID]
    why: Annotated[str, _WHY]
    expect: Annotated[Expectation, EXPECT]
    state: Annotated[CaseState | None, STATE] = None
    severity: Annotated[Severity, _SEVERITY] = Severity.MEDIUM
    proven_by: Annotated[tuple[str, ...], _PROVEN_BY] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry(Head):
    """A ``[[case]]`` table of a TOML file."""

    send: Annotated[Template, SEND]
    raw: Annotated[bool, FLAG] = False
    repeat: Annotated[int, _REPEAT] = 1
    gap_ms: Annotated[int | None, _GAP] = None
    one_answer: Annotated[bool, FLAG] = False
    within_ms: Annotated[int | None, _WITHIN] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Head):
    """One fuzz case, ready to be run."""

    messages: Messages
    path: Path
    line: int = 0
    is_raw: bool = False
    """Whether the case's messages are the data fields of frames."""
    repeat: int = 1
    """How many times each combination is sent before the ECU is judged."""
    gap_ms: int | None = None
    """The time in ms between two frames; None: the frames go out back to back."""
    one_answer: bool = False
    """Whether a second final answer fails the case."""
    within_ms: int | None = None
    """The time in ms for an answer; an answer that takes longer each time fails the case. None: any time is right."""

    @property
    def full_id(self) -> str:
        """The id of the case's result."""
        return ID_PREFIX + self.id

    def check_size(self, target: Target) -> None:
        """Raise UserError if the case has more messages for this target than any case may have."""
        size = self.messages.size(target)
        if size is not None and (size := size * self.repeat) > MOST_MESSAGES:
            raise UserError(f'{label(self.path)}: case {self.id}: send is "{self.messages}"; {too_many(size)}')


def label(path: Path) -> str:
    """Return a file's name for errors: relative to the working directory if the file lies below it."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file. Raises UserError with every mistake in it, one line each."""
    tables = read_toml(path, label(path))
    problems = Problems(label(path))
    for key in tables:
        if key != "case":
            problems.add(shown_key(key), "is unknown; the only table here is case, written [[case]]")
    entries: Any = tables.get("case")
    if not isinstance(entries, list) or not entries:
        found = "is missing" if entries is None else "is one table" if isinstance(entries, dict) else f"is {shown(entries)}"
        problems.add("case", f"{found}; give [[case]] with id, why, send and expect, once for each case")
        entries = []
    cases = [_case(entry, number, path, problems) for number, entry in enumerate(entries, 1)]
    _refuse_twins(entries, problems)
    problems.raise_if_any()
    return [case for case in cases if case is not None]


def _case(entry: object, number: int, path: Path, problems: Problems) -> Case | None:
    prefix = _prefix(entry, number)
    values = read_fields(_Entry, entry, prefix, problems)
    template, is_raw = values.pop("send"), values.pop("raw", False)
    if template is not None and (complaint := refuse_lengths(template, is_raw=bool(is_raw))):
        problems.add(f"{prefix}send", f'is "{template}", {complaint}')
    if values.get("gap_ms") is not None and not is_raw:
        problems.add(f"{prefix}gap_ms", "is for frames; give raw = true too, or leave it out")
    state = values.get("state")
    if template is not None and template.has_level and state is not None and state.pending_level is not None:
        problems.add(
            f"{prefix}state",
            f'is "{state}", but {{level}} in send stands for every level; give "seed pending" for the seed of each, '
            "or write bytes into send instead of {level}",
        )
    if None in values.values() or template is None:
        return None
    return Case(**values, messages=template, path=path, is_raw=bool(is_raw))


def _prefix(entry: object, number: int) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"case #{number}{f' ({name})' if isinstance(name, str) and name.isprintable() and len(name) <= 100 else ''}: "


def _refuse_twins(entries: list[Any], problems: Problems) -> None:
    first: dict[str, int] = {}
    for number, entry in enumerate(entries, 1):
        name = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(name, str) and first.setdefault(name, number) != number:
            problems.add(
                f"case #{number}: id", f"is {shown(name)}, as in case #{first[name]}; give each case an id of its own"
            )
