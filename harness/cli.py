"""What did the user type? The commands, and how errors end them; each command is a file in `commands`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence

from harness.commands import audit, diff, discover, doctor, ecu, import_table, lists, report
from harness.errors import LinkError, UserError

WRONG_USE = 4


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(WRONG_USE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except UserError as error:
        print(f"uds-harness: {error}", file=sys.stderr)
        return WRONG_USE
    except LinkError as error:
        print(f"uds-harness: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="uds-harness",
        description="Is an ECU's SecurityAccess real? Verdicts with evidence, on a simulated ECU or on a real bus.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    for command in (audit, report, diff, discover, import_table, ecu, lists, doctor):
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
