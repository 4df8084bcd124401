"""`uds-harness import`: add identifiers and levels from a table to a target file."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.errors import UserError


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let the command be typed."""
    table = commands.add_parser(
        "import",
        help="add identifiers and levels from a table to a target file",
        description="Add the rows of a CSV table to a target file. Columns, in any order:\n"
        "did, length, read, write, values, volatile, secret; or level, session, attempts, delay_s, key.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    table.add_argument("table", type=Path, metavar="FILE.csv")
    table.add_argument("target", type=Path, metavar="TARGET.toml", help="the entries are put at its end")
    table.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the entries at the target file's end."""
    from harness.target import load_target, load_text
    from harness.target.table import entries_from_table

    load_target(options.target)
    text = options.target.read_text(encoding="utf-8-sig").rstrip("\n") + "\n\n" + entries_from_table(options.table)
    target = load_text(text, f"{options.target} with {options.table}", options.target)
    try:
        options.target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{options.target}: cannot be written ({error.strerror})") from error
    print(f"{options.target}: {len(target.data)} identifiers and {len(target.security)} levels now")
    return 0
