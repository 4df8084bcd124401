"""What `uds-harness discover` does, and an audit of an ECU that nobody has described."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.discovery.addresses import Id
from harness.discovery.console import TerminalProgress, ecu_lines, traffic_lines
from harness.discovery.differences import differences
from harness.discovery.discover import Discovery, discover
from harness.errors import UserError
from harness.link.bus import open_bus_of
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.run import Depth
from harness.target import Target, load_text


def discover_bus(target: Target, candidates: Sequence[Id] | None, pace_s: float, depth: Depth) -> Discovery:
    """Open the target's bus, discover what is on it, and close it. UserError: it cannot be opened."""
    progress = TerminalProgress()
    link = open_bus_of(target, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        return discover(link, target, candidates=candidates, pace_s=pace_s, depth=depth, progress=progress)
    finally:
        progress.end()
        link.close()


def run(target: Target, *, is_declared: bool, ids: str | None, pace_s: float, depth: Depth, out: Path | None) -> int:
    """Discover, say what was found, and write a target file for each ECU; the exit code: 5 where none was found."""
    candidates = parse_ids(ids) if ids else None
    if candidates is None and is_declared:
        candidates = [(target.can.request_id, target.can.extended_ids is True or target.can.request_id > 0x7FF)]
    found = discover_bus(target, candidates, pace_s, depth)
    for line in traffic_lines(found.survey):
        print(line)
    for number, one in enumerate(found.ecus):
        print()
        for line in ecu_lines(one):
            print(line)
        if is_declared and one.ecu.pair.request[0] == target.can.request_id:
            print("\nwhat differs from the target file:")
            for sentence in list(differences(target, one.map)) or ["nothing"]:
                print(f"  {sentence}")
        if out is not None:
            path = out if number == 0 else out.with_stem(f"{out.stem}-{one.ecu.pair.request[0]:X}")
            load_text(one.text, str(path), path)
            try:
                path.write_text(one.text, encoding="utf-8")
            except OSError as error:
                raise UserError(f"{path}: cannot be written ({error.strerror})") from error
            print(f"\nwrote {path}; audit it: uds-harness audit {path}")
    if not found.ecus:
        print("\nno ECU was found: see that it has power, the bit rate, and the ids to be asked (--ids)")
        return 5
    return 0


def parse_ids(text: str) -> list[Id]:
    """``0x700-0x7FF,0x18DA10F1`` as ids; above 0x7FF they have 29 bits. UserError: it is no list of ids."""
    found: list[Id] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(0x[0-9A-Fa-f]+|\d+)\s*(?:-\s*(0x[0-9A-Fa-f]+|\d+)\s*)?", part)
        first = int(match[1], 0) if match else -1
        last = int(match[2] or match[1], 0) if match else -1
        if not 0 <= first <= last <= 0x1FFFFFFF or last - first > 0xFFFF:
            raise UserError(f"--ids {text!r}: write ids and ranges, e.g. 0x700-0x7FF,0x18DA10F1")
        found += [(number, number > 0x7FF) for number in range(first, last + 1)]
    return found
