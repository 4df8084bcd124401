"""`uds-harness shell`: send requests to an ECU by hand, or from a script."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from harness.cli.target_options import add_target, add_wait, target_of, wait_for_bus_of

LONGEST_READ = 1 << 16
EXIT_CODES = """exit codes of shell:
  4  a line is bad, or asks for what must not be sent; the script ends there
  3  the adapter does not do its part
  0  the last answer was positive, or nothing was asked
  1  the last answer was negative, or no valid one
  5  the last request got no answer"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    shell = commands.add_parser(
        "shell",
        help="ask an ECU by hand, or from a script",
        description="Carry out one command a line, typed or from standard input: session 03,\n"
        "read F190, write 2020 99, seed 01, key HEX, unlock 01, raw HEX, wait 2s, reset,\n"
        "repeat RUN ID; help lists them. What goes out is shown as `> HEX`, what comes\n"
        "back as `< HEX  text`. The same is allowed as in an audit, and wrong keys are\n"
        "counted in the same ledger.",
        epilog=EXIT_CODES,
    )
    add_target(shell)
    add_wait(shell)
    shell.add_argument("--seed", type=int, metavar="N", help="repeat a simulated ECU's chance (default: a new seed)")
    shell.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Carry out the lines; return the exit code."""
    from harness.link.clock import new_seed
    from harness.shell.dialogue import Dialogue, converse
    from harness.shell.hand import opened_by_hand
    from harness.shell.prompt import lines_of_a_person
    from harness.shell.repeating import repeat_in

    target = target_of(options)
    wait_for_bus_of(target, options.wait)
    is_by_a_person = _is_terminal(sys.stdin) and _is_terminal(sys.stdout)
    with opened_by_hand(target, seed=new_seed() if options.seed is None else options.seed) as tester:
        dialogue = Dialogue(tester, show=shown_on(sys.stdout), remark=remarked_on(sys.stderr))
        repeat_in(dialogue)
        tester.link.say = dialogue.remark
        if is_by_a_person:
            can, ledger = target.can, tester.security.ledger.where
            dialogue.remark(f"{target.name} on {can.interface}:{can.channel}, 0x{can.request_id:X} -> 0x{can.response_id:X}")
            if ledger:
                dialogue.remark(f"wrong keys are counted in {ledger}")
        lines = lines_of_a_person(target, dialogue.remark) if is_by_a_person else lines_of(sys.stdin)
        return converse(dialogue, lines, is_by_a_person=is_by_a_person)


def lines_of(stream: TextIO | None) -> Iterator[str]:
    """Yield a script's lines as they come; bytes that are no UTF-8 are replaced, and too long a line comes in pieces."""
    if stream is None:
        return
    source = getattr(stream, "buffer", stream)
    is_first = True
    while line := source.readline(LONGEST_READ):
        text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
        yield text.removeprefix("\ufeff") if is_first else text
        is_first = False


def shown_on(stream: TextIO) -> Callable[[str], None]:
    """Return a function that prints a line on a stream."""
    return lambda line: print(line, file=stream, flush=True)


def remarked_on(stream: TextIO) -> Callable[[str], None]:
    """Return a function that prints remarks on a stream, made safe for a terminal."""
    from harness.report.text import visible

    return lambda line: print(visible(f"uds-harness: {line}"), file=stream, flush=True)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
