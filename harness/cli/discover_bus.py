"""Discover the ECUs of a bus for `uds-harness discover`, and for an audit of an undescribed ECU; print what was found."""

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.buses import open_bus_of
from harness.cli.target_options import key_of
from harness.discovery.addresses import FoundEcu, Survey
from harness.discovery.differences import differences
from harness.discovery.discover import LONGEST_S, USUAL_PACE_S, Discovery, Found, discover, plan_for
from harness.discovery.ecu_map import EcuMap
from harness.discovery.id_plan import IdPlan
from harness.discovery.usual_ids import Id
from harness.errors import UserError
from harness.link.clock import Chance, RealClock
from harness.link.trace import Trace
from harness.system import own_command
from harness.target import Target, load_text
from harness.tester.ledger import ledger_path
from harness.uds import Session
from harness.verdict import Depth

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
    """Open the target's bus, discover its ECUs, and close the bus. Raises UserError if the bus cannot be opened."""
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
    """Discover, print what was found, and write a target file for each ECU; in a dry run print what would be sent.

    Return the exit code: 2 if it was ended early, with everything found until then written; 5 if nothing was found.
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
    """Write the target file, even if it cannot be loaded again; in that case say what to fix in it."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        load_text(text, str(path), path)
    except UserError as error:
        print(f"\nwrote {path}, which has to be mended before it can be audited:\n{error}")
    else:
        print(f"\nwrote {path}; audit it: {own_command()} audit {path}")


def _check_is_free(out: Path) -> None:
    """Raise UserError if the file exists or cannot be written; to be called before a discovery, which takes minutes."""
    further = rf"{re.escape(out.stem)}-[0-9A-F]+{re.escape(out.suffix)}"  # the name for a second ECU
    taken = [path for path in out.parent.glob("*") if path == out or re.fullmatch(further, path.name)]
    if taken:
        raise UserError(f"{taken[0]}: exists already, and may hold what you wrote into it; name a new file with -o")
    try:
        out.touch(exist_ok=False)
        out.unlink()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); name another file with -o") from error


def own_id(target: Target) -> Id:
    """Return the id on which the target receives requests."""
    return target.can.request_id, target.can.extended_ids is True or target.can.request_id > 0x7FF


def described(
    target: Target, candidates: Sequence[Id] | None, *, key: str | None, depth: Depth, longest_s: float | None = None
) -> str:
    """Discover a bus; return the target file's text of its only ECU, or print a line and return "" if there is no ECU.

    The ECU is mapped for `longest_s` of the bus's time at most, and never longer than its depth allows. Raises UserError if
    there are several ECUs.
    """
    usual_s = LONGEST_S[depth]
    longest_s = usual_s if longest_s is None else min(longest_s, usual_s)
    found = discover_bus(target, candidates, key=key, depth=depth, is_one_wanted=True, longest_s=longest_s)
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


def is_id_given(options: argparse.Namespace) -> bool:
    """Whether the options name the id on which an ECU receives requests."""
    return options.request_id is not None or "request=" in (options.target or "")


def described_by(
    options: argparse.Namespace, target: Target, *, depth: Depth, longest_s: float | None = None
) -> tuple[Target, str]:
    """Discover the ECU that the options name and nobody described; return its target and target file's text.

    If there is no ECU, return `target` and an empty text. Raises what `described` raises.
    """
    candidates = [own_id(target)] if is_id_given(options) else None
    text = described(target, candidates, key=key_of(options), depth=depth, longest_s=longest_s)
    print()
    return (load_text(text, f"what was found on {target.can.interface}:{target.can.channel}") if text else target), text


def parse_ids(text: str) -> list[Id]:
    """Parse ids such as ``0x700-0x7FF,0x18DA10F1``; ids above 0x7FF have 29 bits. Raises UserError for other text."""
    found: list[Id] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(0x[0-9A-Fa-f]+|\d+)\s*(?:-\s*(0x[0-9A-Fa-f]+|\d+)\s*)?", part)
        first = int(match[1], 0) if match else -1
        last = int(match[2] or match[1], 0) if match else -1
        if not 0 <= first <= last <= 0x1FFFFFFF or last - first > 0xFFFF:
            raise UserError(f"--ids {text!r}: write ids and ranges, e.g. 0x700-0x7FF,0x18DA10F1")
        found += [(number, number > 0x7FF) for number in range(first, last + 1)]
    return found


COLUMNS = 80
LABEL = 12
EVERY_S = 0.2
EVERY_LINE_S = 5.0
"""The seconds between two lines of progress if the output is no terminal."""


class TerminalProgress:
    """Shows what is being done and how long it will take: in one line of a terminal, else by a line now and then."""

    def __init__(self) -> None:
        self._clock = RealClock()
        self._what = ""
        self._begun_s = self._shown_s = self._clock.now_s()
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how much has been done."""
        now_s = self._clock.now_s()
        if what != self._what:
            self._what, self._begun_s = what, now_s
        elif now_s - self._shown_s < EVERY_S and done < total and self._is_terminal:
            return
        if not self._is_terminal and now_s - self._shown_s < EVERY_LINE_S:
            return
        self._shown_s = now_s
        left = f", {(now_s - self._begun_s) / done * (total - done):.0f} s left" if done else ""
        if not self._is_terminal:
            print(f"{what}: {done} of {total}{left}", file=sys.stderr, flush=True)
            return
        print(f"\r{f'{what}: {done} of {total}{left}'[: COLUMNS - 1]:{COLUMNS - 1}}", end="", file=sys.stderr, flush=True)

    def announce(self, plan: IdPlan) -> None:
        """Print what will be sent, before anything is sent."""
        self.end()
        for line in plan_lines(plan):
            print(line, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            print(f"\r{'':{COLUMNS - 1}}\r", end="", file=sys.stderr, flush=True)


def plan_lines(plan: IdPlan) -> Iterator[str]:
    """Say which ids will be probed, and which will not."""
    for number, sentence in enumerate(plan.sentences()):
        yield from _wrapped("plan" if number == 0 else "", sentence)


def traffic_lines(survey: Survey) -> Iterator[str]:
    """Say what was heard on the bus before anything was sent."""
    if survey.traffic:
        names = ", ".join(
            f"0x{number:X}{' (29 bits)' if is_long else ''}" for number, is_long in sorted(survey.traffic)[:24]
        )
        more = f" and {len(survey.traffic) - 24} more" if len(survey.traffic) > 24 else ""
        yield from _wrapped("traffic", f"{len(survey.traffic)} ids, asked only if they were named: {names}{more}")
    else:
        yield from _wrapped("traffic", "none")
    yield from _wrapped("asked", f"{survey.asked} id{'' if survey.asked == 1 else 's'}")
    for sentence in survey.left_out:
        yield from _wrapped("left out", sentence)
    for sentence in survey.unsure:
        yield from _wrapped("unsure", sentence)


def ecu_lines(found: Found) -> Iterator[str]:
    """Describe one ECU."""
    yield _address(found.ecu)
    yield from _map_lines(found.map)


def _address(ecu: FoundEcu) -> str:
    request, response = ecu.pair.request, ecu.pair.response
    functional = f", functional 0x{ecu.functional[0]:X}" if ecu.functional is not None else ""
    fd = ", CAN FD" if ecu.answers_in_fd else "" if ecu.takes_padded else ", only frames that are not filled up"
    address = "" if ecu.address is None else f" behind {'extension' if ecu.is_mixed else 'address'} 0x{ecu.address:02X}"
    return f"0x{request[0]:X} -> 0x{response[0]:X} ({'29' if response[1] else '11'} bits){address}{functional}{fd}"


def _map_lines(found: EcuMap) -> Iterator[str]:
    if found.dialect is not None:
        yield from _wrapped("dialect", f"{found.dialect.name} ({found.dialect.standard})")
    names = {one.value: one.name.lower() for one in Session}
    sessions = ", ".join(f"0x{session:02X} {names.get(session, '')}".strip() for session in found.sessions)
    yield from _wrapped("sessions", sessions or "none could be entered")
    if found.refused_sessions:
        refused = sorted(found.refused_sessions.items())
        words = [f"0x{session:02X} ({', '.join(dict.fromkeys(by.values()))})" for session, by in refused]
        yield from _wrapped("refused", "sessions " + ", ".join(words))
    services = sorted({service for here in found.services.values() for service in here})
    yield from _wrapped("services", " ".join(f"{service:02X}" for service in services) or "none")
    sub_functions = _sub_functions(found)
    if sub_functions:
        yield from _wrapped("functions", "; ".join(sub_functions))
    levels = [
        f"0x{one.level:02X} in session 0x{one.session:02X} "
        + (f"(seed of {one.seed_bytes} bytes" if one.seed_bytes else f"(no seed: {one.said}")
        + (f"; asked for with {len(one.record)} bytes of data)" if one.record else ")")
        for one in found.levels
    ]
    yield from _wrapped("levels", "; ".join(filter(None, (", ".join(levels), found.security_access))) or "none")
    counts = {word: [one for one, how in found.writes.items() if how == word] for word in ("open", "protected")}
    words = [f"{len(found.identifiers)} found"]
    words += [f"{word} for writing: {', '.join(f'{did:04X}' for did in dids)}" for word, dids in counts.items() if dids]
    yield from _wrapped("data", "; ".join(words))
    if found.routines:
        yield from _wrapped("routines", ", ".join(f"{routine:04X}" for routine in found.routines))
    if found.memory:
        yield from _wrapped("memory", ", ".join(f"0x{address:X} ({said})" for address, said in found.memory.items()))
    timing = [f"P2 {found.p2_ms:g} ms at most"] if found.p2_ms is not None else []
    timing += [f"P2* {found.p2_star_seen_ms:g} ms seen"] if found.p2_star_seen_ms is not None else []
    timing += [found.s3_said] if found.s3_said else []
    timing += [f"boot after a {found.boot_means} {found.boot_s:g} s"] if found.boot_s is not None else []
    yield from _wrapped("timing", "; ".join(timing) or "not measured")
    for sentence in found.not_asked:
        yield from _wrapped("left out", sentence)


def _sub_functions(found: EcuMap) -> list[str]:
    """Return, by service, the sub-functions that exist in some session."""
    there: dict[int, set[int]] = {}
    for services in found.sub_functions.values():
        for service, here in services.items():
            there.setdefault(service, set()).update(here)
    return [f"{service:02X}: {' '.join(f'{one:02X}' for one in sorted(there[service]))}" for service in sorted(there)]


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=f"  {label:{LABEL - 2}}", subsequent_indent=" " * LABEL, break_long_words=True
    )
