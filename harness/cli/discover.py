"""`uds-harness discover`: find the ECUs on a bus and what they offer."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.cli.target_options import add_key, add_target, add_wait, key_of, seconds_of, target_of, wait_for_bus_of
from harness.errors import UserError


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    find = commands.add_parser(
        "discover",
        help="find the ECUs on a bus and what they offer",
        description="Find the ECUs on a bus, map what they offer, and write a target file for each.\n"
        "Without TARGET: the bus is heard first, and every usual id is asked on which\n"
        "nobody sends; --dry-run says which. Nothing that writes, resets or locks is\n"
        "sent to a real ECU unless the target allows it. With fd = true in TARGET or in\n"
        "its URI, CAN FD is tried too. Where no id is answered, the usual ones (0x6F1,\n"
        "0x750) and those that are named are asked behind each address that the first\n"
        "byte of the data could be (extended and mixed addressing).",
    )
    add_target(find)
    add_wait(find)
    add_key(find)
    find.add_argument("--ids", metavar="LIST", help="ids to ask, e.g. 0x700-0x7FF,0x18DA10F1")
    find.add_argument("--pace", type=float, default=5.0, metavar="MS", help="between two ids (default: 5 ms)")
    find.add_argument("--depth", choices=("quick", "default"), default="default", help="quick: common identifiers only")
    find.add_argument("--time", metavar="TIME", help="for each ECU at most, e.g. 90s or 15m (default: by depth, 5m or 30m)")
    find.add_argument("-o", "--out", type=Path, metavar="FILE", help="write a target file for each ECU")
    find.add_argument("--dry-run", action="store_true", help="listen, say which ids would be asked, and send nothing")
    find.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Look for ECUs; return the exit code."""
    from harness.cli.discover_bus import is_id_given
    from harness.cli.discover_bus import run as discover
    from harness.verdict import Depth

    if not 0 <= options.pace <= 10_000:
        raise UserError(f"--pace {options.pace:g}: give milliseconds from 0 to 10000")
    target = target_of(options)
    wait_for_bus_of(target, options.wait)
    return discover(
        target,
        is_declared=target.path is not None or is_id_given(options),
        ids=options.ids,
        key=key_of(options),
        pace_s=options.pace / 1000,
        depth=Depth(options.depth),
        out=options.out,
        is_dry_run=options.dry_run,
        longest_s=None if options.time is None else seconds_of("--time", options.time),
    )
