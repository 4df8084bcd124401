"""`uds-harness import`: add identifiers and levels from a table to a target file."""

from __future__ import annotations

import argparse
import shutil
import tomllib
from pathlib import Path

from harness.errors import UserError

COLUMNS = """columns, in any order, named by the first row; empty cells are left out:
  did              in hex, e.g. 0x2020
  length           in bytes
  read, write      open, never, or e.g. level 0x01
  values           what may be written, e.g. 00..7F
  volatile         yes, if it changes by itself
  secret           yes, if reports are to hide it
or, in rows without a did:
  level            of SecurityAccess, e.g. 0x01
  session          in which it is there, e.g. 0x03
  attempts         wrong keys until it locks
  delay_s          and for how long
  key              path.py:function, command: or http:
Comma, semicolon or tab separate them; the text is UTF-8."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    table = commands.add_parser(
        "import",
        help="add identifiers and levels from a table to a target file",
        description="Add the rows of a CSV table to a target file.",
        epilog=COLUMNS,
    )
    table.add_argument("table", type=Path, metavar="FILE.csv")
    table.add_argument("target", type=Path, metavar="TARGET.toml", help="the entries are put at its end")
    table.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Append the entries to the target file."""
    from harness.target import load_target, load_text
    from harness.target.table import entries_from_table

    load_target(options.target)
    text = options.target.read_text(encoding="utf-8-sig").rstrip("\n") + "\n\n" + entries_from_table(options.table)
    try:
        target = load_text(text, f"{options.target} with {options.table}", options.target)
    except tomllib.TOMLDecodeError:  # each of the two is valid by itself
        raise UserError(
            f"{options.target}: lists its data or its security levels in brackets, as data = [ ... ], to which nothing can "
            "be added at the file's end; write each entry under a line [[data]] or [[security]]"
        ) from None
    path = options.target.resolve()
    part = path.with_name(f"{path.name}.part")
    try:
        shutil.copy(path, part)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise UserError(f"{options.target}: cannot be written ({error.strerror})") from error
    print(f"{options.target}: {len(target.data)} identifiers and {len(target.security)} levels now")
    return 0
