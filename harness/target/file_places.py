"""Find where a target file has the entries to which results refer, for tools that show a finding in the file."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.target.load import shipped_targets
from harness.target.model import Target
from harness.target.toml_schema import LARGEST_FILE_BYTES


class Header(NamedTuple):
    """The place of a table's header in a file."""

    line: int
    """The line, counted from 1."""
    column: int
    """The column of the header's first bracket, in characters, counted from 1."""
    end_column: int
    """The first column after the header."""


_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*'
    r"|^[ \t]*(?P<header>\[\[?[ \t]*(?P<name>[A-Za-z_]+)[ \t]*\]\]?)[ \t]*(?=#|\n|\r|\Z)",
    re.DOTALL | re.MULTILINE,
)
"""Matches headers, and also strings and comments, which may contain what looks like a header."""

_SUBJECTS: Final = {
    "security": ("level", "level 0x{:02X}"),
    "data": ("did", "DID {:04X}"),
    "session": ("id", "session 0x{:02X}"),
}
"""By table: the key that names an entry, and the parameter by which results name that entry."""


def places_in(text: str) -> dict[str, Header]:
    """Return the place of each entry's header, by the parameter of results; ``target`` stands for the ECU as a whole.

    Entries without a header of their own are left out; a file that is not TOML has no places.
    """
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
    headers = _headers(text)
    whole = next((headers[name][0] for name in ("target", "can") if name in headers), None)
    found = {} if whole is None else {"target": whole}
    for name, (key, words) in _SUBJECTS.items():
        entries: Any = tables.get(name)
        at = headers.get(name, [])
        if isinstance(entries, list) and len(entries) == len(at):
            for entry, header in zip(entries, at, strict=True):
                number = entry.get(key) if isinstance(entry, dict) else None
                if isinstance(number, int) and number >= 0:
                    found[words.format(number)] = header
    return found


def places_of(target: Target) -> dict[str, Header]:
    """Return the places in the target's own file; empty if the target has no file or is a shipped one."""
    if target.path is None or target.path in {path.absolute() for path in shipped_targets().values()}:
        return {}
    return _read(target.path)


def _read(path: Path) -> dict[str, Header]:
    try:
        with path.open("rb") as file:
            return places_in(file.read(LARGEST_FILE_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError):  # it was read before, and is gone or changed: places are no reason to stop
        return {}


def _headers(text: str) -> dict[str, list[Header]]:
    """Return the headers of each table, from top to bottom."""
    found: dict[str, list[Header]] = {}
    for token in _TOKEN.finditer(text):
        if token["header"]:
            start, end = token.span("header")
            line_start = text.rfind("\n", 0, start) + 1
            place = Header(text.count("\n", 0, start) + 1, start - line_start + 1, end - line_start + 1)
            found.setdefault(token["name"], []).append(place)
    return found
