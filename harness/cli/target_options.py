"""Define the options that name a target, shared by audit, discover and doctor."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import UserError

if TYPE_CHECKING:
    from harness.target import Target


LINK = ("interface", "channel", "request_id", "response_id")
"""The options that override a target's link."""


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add TARGET and the options that override its link."""
    parser.add_argument("target", nargs="?", metavar="TARGET", help="a target file, a shipped target's name, or a URI")
    parser.add_argument("--interface", help="a python-can interface, e.g. socketcan; without TARGET: an unknown ECU")
    parser.add_argument("--channel", help="e.g. can0")
    parser.add_argument("--request-id", type=_number, metavar="ID", help="e.g. 0x7E0")
    parser.add_argument("--response-id", type=_number, metavar="ID", help="e.g. 0x7E8")


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add the option that says how the keys of discovered levels are made."""
    parser.add_argument(
        "--key", metavar="KEY", help="makes the keys of an ECU that is not described: path.py:function, command: or http:"
    )


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Add the option to wait until another run no longer uses the bus; see `wait_for_bus_of`."""
    parser.add_argument("--wait", metavar="TIME", help="for a bus that another run uses, e.g. 30m (default: not at all)")


def target_of(options: argparse.Namespace) -> Target:
    """Return the target that the options name. Raises UserError if it does not exist or is malformed."""
    from harness.target import load_target, unknown_target, with_link

    link = {name: getattr(options, name) for name in LINK}
    if options.target is not None:
        return with_link(load_target(options.target), **link)
    if all(value is None for value in link.values()):
        return load_target("article")
    if options.interface is None or options.channel is None:
        raise UserError("without TARGET give --interface and --channel, e.g. --interface socketcan --channel can0")
    return unknown_target(**link)


def command_of(command: str, options: argparse.Namespace, words: Iterable[str], seed: int) -> str:
    """Return what repeats a run: the command with its target and link, then `words`, and the seed."""
    said = ["uds-harness", command, *([options.target] if options.target else [])]
    for name in (*LINK, "key"):
        value = getattr(options, name, None)
        if value is not None:
            said += [f"--{name.replace('_', '-')}", hex(value) if isinstance(value, int) else value]
    return shlex.join([*said, *words, "--seed", str(seed)])


def key_of(options: argparse.Namespace) -> str | None:
    """Return the key given on the command line; the path of a file is relative to the working directory.

    Raises UserError if the key is malformed.
    """
    from harness.errors import Refused
    from harness.target.values import BUILT_IN_KEYS, KEY

    if options.key is None:
        return None
    try:
        key: str = KEY.parse(options.key)
    except Refused as refused:
        what_to_do = refused.args[0] if refused.args else 'give "path.py:function", "command: …" or "http://…"'
        raise UserError(f"--key {options.key!r}: {what_to_do}") from None
    if key in BUILT_IN_KEYS:
        raise UserError(f"--key {key}: it takes a secret; write key and secret into a target file")
    file, colon, function = key.rpartition(":")
    return f"{Path(file).absolute()}:{function}" if colon and file.endswith(".py") else key


def try_key_of(options: argparse.Namespace) -> None:
    """Try the key function given on the command line before anything is sent.

    Raises UserError if it cannot be loaded, KeyFunctionError if it makes a key of none of the seeds tried.
    """
    if (how := key_of(options)) is None:
        return
    from harness.target import SecurityLevel
    from harness.tester.keys import key_function, try_key_function

    entry = SecurityLevel(level=0x01, key=how)
    try_key_function(entry, key_function(entry, Path()))


def counted(what: str, example: int) -> Callable[[str], int]:
    """Return a parser for an option that is a number above 0; its error says `what` the number is, and an `example`."""

    def count(text: str) -> int:
        if not text.isdecimal() or not int(text):
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}; write e.g. {example}")
        return int(text)

    return count


def seconds_of(option: str, text: str) -> float:
    """Parse ``90s``, ``15m``, ``2h`` into seconds. Raises UserError for other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", text)
    if match is None or not float(match[1]):
        raise UserError(f"{option} {text}: give seconds, minutes or hours, e.g. 90s, 15m or 2h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def wait_for_bus_of(target: Target, text: str | None) -> None:
    """Wait up to the time in `text` for a real bus that another run uses. Raises UserError if it is still in use then."""
    if text is None:
        return
    from harness.link.bus_lock import wait_for_bus
    from harness.target import SIMULATED_INTERFACE

    longest_s = seconds_of("--wait", text)
    if target.can.interface != SIMULATED_INTERFACE:
        wait_for_bus(f"{target.can.interface}:{target.can.channel}", longest_s, lambda text: print(text, file=sys.stderr))


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write e.g. 0x7E0") from None
