"""Turn rows of a spreadsheet, exported as CSV, into entries of a target file."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.errors import UserError
from harness.target.toml_schema import printable

DATA_COLUMNS: Final = ("did", "length", "read", "write", "values", "volatile", "secret")
LEVEL_COLUMNS: Final = ("level", "session", "attempts", "delay_s", "key")
_NUMBERS: Final = ("did", "length", "level", "session", "attempts", "delay_s")
_HEX_NUMBERS: Final = ("did", "level", "session")
_FLAGS_OF: Final = ("volatile", "secret")
_FLAGS: Final = {"yes": "true", "true": "true", "1": "true", "no": "false", "false": "false", "0": "false"}
LARGEST_TABLE_BYTES: Final = 8 << 20


def entries_from_table(path: Path) -> str:
    """Return the rows as ``[[data]]`` and ``[[security]]`` entries in TOML.

    A row with a ``did`` is an identifier, a row with a ``level`` a security level; empty cells are left out. A did is
    written 0x2020, since 2020 would be ambiguous. Comma, semicolon or tab separates cells; the first row names the columns,
    in any order. Unknown columns are an error. Raises UserError with the file, the row and the column.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_TABLE_BYTES + 1)
        if len(content) > LARGEST_TABLE_BYTES:
            raise UserError(f"{path}: is larger than 8 MiB; that is no table of identifiers")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise UserError(f"{path}: is not text in UTF-8; export it as CSV in UTF-8") from None
    return "\n".join(_entries(path, text))


def _entries(path: Path, text: str) -> Iterator[str]:
    first_line = text.partition("\n")[0]
    separator = max(",;\t", key=first_line.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}: is no CSV: {error}") from None
    if len(rows) < 2:
        raise UserError(f"{path}: holds no rows under a row of column names")
    columns = [name.strip().lower() for name in rows[0]]
    known = (*DATA_COLUMNS, *LEVEL_COLUMNS)
    for name in columns:
        if name not in known:
            raise UserError(f'{path}: column "{printable(name)}" is unknown; columns are {", ".join(known)}')
        if columns.count(name) > 1:
            raise UserError(f"{path}: column {name} is there twice")
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            if len(row) > len(columns):
                raise UserError(f"{path}: row {number} has {len(row)} cells, and there are {len(columns)} columns")
            yield _entry(path, number, dict(zip(columns, (cell.strip() for cell in row), strict=False)))


def _entry(path: Path, number: int, cells: dict[str, str]) -> str:
    given = {name: cell for name, cell in cells.items() if cell}
    if ("did" in given) == ("level" in given):
        raise UserError(f"{path}: row {number}: give a did or a level, and not both")
    table, allowed = ("data", DATA_COLUMNS) if "did" in given else ("security", LEVEL_COLUMNS)
    lines = [f"[[{table}]]"]
    for name, cell in given.items():
        if name not in allowed:
            raise UserError(
                f"{path}: row {number}: {name} is nothing that a {'level' if table == 'security' else 'DID'} has"
            )
        lines.append(f"{name} = {_value(path, number, name, cell)}")
    return "\n".join(lines) + "\n"


def _value(path: Path, number: int, name: str, cell: str) -> str:
    if name in _FLAGS_OF:
        if cell.lower() not in _FLAGS:
            raise UserError(f"{path}: row {number}: {name} is {printable(cell)!r}; write yes or no")
        return _FLAGS[cell.lower()]
    if not cell.isprintable():
        raise UserError(f"{path}: row {number}: {name} holds a line's end or a control character; take it out")
    if name == "did" and not cell.lower().startswith("0x"):
        raise UserError(f"{path}: row {number}: did is {printable(cell)!r}; write it in hex with 0x, e.g. 0x2020")
    if name in _NUMBERS:
        try:
            if name == "delay_s":
                return str(float(cell))
            value = int(cell, 0)
            if value < 0:
                raise ValueError
            return hex(value) if name in _HEX_NUMBERS else str(value)
        except ValueError:
            raise UserError(f"{path}: row {number}: {name} is {printable(cell)!r}; write a number, e.g. 0x2020") from None
    return '"' + cell.replace("\\", "\\\\").replace('"', '\\"') + '"'
