"""`uds-harness target new`: write a target file to begin with."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from harness.errors import UserError
from harness.system import own_command


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    target = commands.add_parser("target", help="write a target file to begin with")
    kinds = target.add_subparsers(required=True, metavar="new")
    new = kinds.add_parser(
        "new",
        help="write a target file in which every key is explained",
        description="Write a target file of a real ECU in which every key is explained. Set what you know, delete\n"
        "the rest; then: uds-harness doctor FILE. What an ECU has can be found: uds-harness discover FILE.",
    )
    new.add_argument("file", type=Path, metavar="FILE", help="e.g. gateway.toml; it must not exist yet")
    new.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file. Raises UserError if it exists, or cannot be written."""
    from harness.target.describe import SCHEMA, template

    path: Path = options.file
    name = re.sub(r"[^\w.+-]+", "-", path.stem).strip("-") or "ecu"
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(template(name, str(SCHEMA)))
    except FileExistsError:
        raise UserError(f"{path}: exists already, and may hold what you wrote into it; name a new file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file") from error
    print(f"wrote {path}; set the ids and what you know of the ECU, then: {own_command()} doctor {path}")
    return 0
