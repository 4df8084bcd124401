"""Parse the command line, run the command, and turn errors into exit codes; each command is a module of this package."""

from __future__ import annotations

import argparse
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from harness.cli import (
    audit,
    completion,
    diff,
    discover,
    docs,
    doctor,
    ecu,
    fuzz,
    import_table,
    learn,
    lists,
    plan,
    replay,
    report,
    shell,
    target,
)
from harness.errors import KeyFunctionError, LinkError, UserError, WorkerError
from harness.system import ENDING_SIGNALS

WRONG_USE = 4

OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""How many objects are made between two runs of the garbage collector.

A harness run makes many small objects and few cycles, so that Python's default of 700 to 2000 costs a tenth of the time.
"""

COMMANDS = (
    audit, plan, report, diff, replay, discover, fuzz, learn, target, import_table, ecu, shell, lists, docs, doctor,
    completion,
)  # fmt: skip
"""Commands in the order in which help lists them."""


class _Parser(argparse.ArgumentParser):
    """A parser that keeps the lines of a description, and says in one line what is wrong."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})

    def error(self, message: str) -> None:  # type: ignore[override]
        print(f"{self.prog}: {message}; see: {self.prog} --help", file=sys.stderr)
        raise SystemExit(WRONG_USE)


class _Version(argparse.Action):
    """An option that looks the version up only when it is given, so that every other command starts faster."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"uds-harness {version('uds-harness')}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    parser = _parser()
    options = parser.parse_args(arguments, argparse.Namespace(parser=parser))
    try:
        with _ended_like_ctrl_c():
            code: int = options.run(options)
    except UserError as error:
        _say(f"uds-harness: {error}")
        return WRONG_USE
    except (KeyFunctionError, LinkError, WorkerError) as error:
        _say(f"uds-harness: {error}")
        return 3
    except KeyboardInterrupt:
        print("uds-harness: interrupted", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        _say(f"uds-harness: {error.filename or 'the output'}: {error.strerror or error}")
        sys.stdout = _nowhere()  # what is left in the old stream cannot be written at exit either
        return WRONG_USE
    return code


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP unless it is ignored, end a command like Ctrl-C, so that open files and buses are closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = [number for number in ENDING_SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    for number in wanted:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    """Print an error without control characters, which a text quoted in it, such as a file name, may contain."""
    print("".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text), file=sys.stderr)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="uds-harness",
        formatter_class=argparse.HelpFormatter,
        description="Is an ECU's SecurityAccess real? Verdicts with evidence, on a simulated ECU or on a real bus.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
