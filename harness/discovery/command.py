"""What `uds-harness discover` does, and an audit of an ECU that nobody has described."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.discovery.console import TerminalProgress, ecu_lines, plan_lines, traffic_lines
from harness.discovery.differences import differences
from harness.discovery.discover import USUAL_PACE_S, Discovery, discover, plan_for
from harness.discovery.usual_ids import Id
from harness.errors import UserError
from harness.link.bus import open_bus_of
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.run import Depth
from harness.target import Target, load_text
from harness.tester.ledger import ledger_path

REPORTS = Path("reports")
NOTHING_FOUND = 5
INTERRUPTED = 2
NO_ECU = "no ECU was found: see that it has power, the bit rate (uds-harness doctor), and which ids it takes"


def discover_bus(
    target: Target,
    candidates: Sequence[Id] | None,
    *,
    key: str | None = None,
    pace_s: float = USUAL_PACE_S,
    depth: Depth = Depth.DEFAULT,
    is_one_wanted: bool = False,
    longest_s: float | None = None,
) -> Discovery:
    """Open the target's bus, discover what is on it, and close it. UserError: it cannot be opened."""
    progress = TerminalProgress()
    link = open_bus_of(target, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        return discover(
            link,
            target,
            candidates=candidates,
            key=key,
            ledger_path=ledger_path(target, REPORTS),
            pace_s=pace_s,
            depth=depth,
            progress=progress,
            is_one_wanted=is_one_wanted,
            longest_s=longest_s,
            announce=progress.announce,
        )
    finally:
        progress.end()
        link.close()


def run(
    target: Target,
    *,
    is_declared: bool,
    ids: str | None,
    key: str | None,
    pace_s: float,
    depth: Depth,
    out: Path | None,
    longest_s: float | None = None,
    is_dry_run: bool = False,
) -> int:
    """Discover, say what was found, and write a target file for each ECU; in a dry run say what would be asked.

    The exit code: 2 where it was ended early, with all that was found until then written; 5 where nothing was found.
    """
    candidates = parse_ids(ids) if ids else None
    if candidates is None and is_declared:
        candidates = [own_id(target)]
    if out is not None:
        _check_is_free(out)
    if is_dry_run:
        return _dry_run(target, candidates, pace_s)
    found = discover_bus(target, candidates, key=key, pace_s=pace_s, depth=depth, longest_s=longest_s)
    for line in traffic_lines(found.survey):
        print(line)
    for number, one in enumerate(found.ecus):
        print()
        for line in ecu_lines(one):
            print(line)
        if target.path is not None and one.ecu.pair.request[0] == target.can.request_id:
            print("\nwhat differs from the target file:")
            for sentence in list(differences(target, one.map)) or ["nothing"]:
                print(f"  {sentence}")
        if out is not None:
            path = out if number == 0 else out.with_stem(f"{out.stem}-{one.ecu.pair.request[0]:X}")
            _write(path, one.text)
    if found.ended_by:
        print(f"\nended early: {found.ended_by}; what was found until then is above")
        return INTERRUPTED
    if not found.ecus:
        print(f"\n{NO_ECU}")
        return NOTHING_FOUND
    return 0


def _dry_run(target: Target, candidates: Sequence[Id] | None, pace_s: float) -> int:
    link = open_bus_of(target, trace=Trace(), chance=Chance(0).stream("ecu"))
    try:
        plan = plan_for(link, target, candidates=candidates, pace_s=pace_s)
    finally:
        link.close()
    for line in plan_lines(plan):
        print(line)
    print("\nnothing was sent; without --dry-run what answers is asked for its sessions, services and data too")
    return 0


def _write(path: Path, text: str) -> None:
    """What was measured is written whatever it is; what cannot be loaded again says what to mend."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        load_text(text, str(path), path)
    except UserError as error:
        print(f"\nwrote {path}, which has to be mended before it can be audited:\n{error}")
    else:
        print(f"\nwrote {path}; audit it: uds-harness audit {path}")


def _check_is_free(out: Path) -> None:
    """Before the bus is asked for minutes. UserError: the file cannot be written, or there is one already."""
    further = rf"{re.escape(out.stem)}-[0-9A-F]+{re.escape(out.suffix)}"  # what a second ECU would be written to
    taken = [path for path in out.parent.glob("*") if path == out or re.fullmatch(further, path.name)]
    if taken:
        raise UserError(f"{taken[0]}: exists already, and may hold what you wrote into it; name a new file with -o")
    try:
        out.touch(exist_ok=False)
        out.unlink()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); name another file with -o") from error


def own_id(target: Target) -> Id:
    """The id on which the target takes requests."""
    return target.can.request_id, target.can.extended_ids is True or target.can.request_id > 0x7FF


def described(target: Target, candidates: Sequence[Id] | None, *, key: str | None, depth: Depth) -> str:
    """The target file's text of the one ECU on a bus of which no more is known; empty, and said so, if there is none.

    UserError: there are several.
    """
    found = discover_bus(target, candidates, key=key, depth=depth, is_one_wanted=True)
    for line in traffic_lines(found.survey):
        print(line)
    if found.ended_by and not found.ecus:
        raise KeyboardInterrupt
    ids = [f"0x{ecu.pair.request[0]:X}" for ecu in found.survey.ecus]
    if not ids:
        print(NO_ECU)
        return ""
    if not found.ecus:
        raise UserError(f"{len(ids)} ECUs were found, at {', '.join(ids)}: say which to audit, e.g. --request-id {ids[0]}")
    (one,) = found.ecus
    for line in ecu_lines(one):
        print(line)
    if found.ended_by:
        path = REPORTS / f"{target.name}-found.toml"
        REPORTS.mkdir(parents=True, exist_ok=True)
        _write(path, one.text)
        raise KeyboardInterrupt
    return one.text


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
