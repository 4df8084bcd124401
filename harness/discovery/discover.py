"""From a bus to the ECUs on it: their addresses, a map of each, and the target file that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.discovery import identifiers, timing
from harness.discovery.addresses import MOST_ASKED_ALONE, Ecu, Progress, Survey, survey
from harness.discovery.ecu_map import EcuMap
from harness.discovery.fd import FlexibleWire, ask_in_fd
from harness.discovery.guards import open_guards
from harness.discovery.mapping import Mapper
from harness.discovery.seed_records import ask_with_records
from harness.discovery.sessions import LONGEST_BOOT_S
from harness.discovery.sub_functions import ask_sub_functions
from harness.discovery.target_text import target_text
from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, usual_ids
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.run import Depth
from harness.target import SecurityLevel, Target
from harness.tester.keys import key_function
from harness.tester.ledger import ledger_of
from harness.tester.reply import Reply
from harness.tester.tester import Tester

USUAL_PACE_S = 0.005
SERIAL_NUMBER = 0xF18C


@dataclass(frozen=True, slots=True)
class Found:
    """One ECU, with all that was found of it."""

    ecu: Ecu
    map: EcuMap
    text: str
    """A target file."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """A bus, with all the ECUs that were found on it."""

    survey: Survey
    ecus: tuple[Found, ...]


def discover(
    link: Link,
    target: Target,
    *,
    candidates: Sequence[Id] | None = None,
    key: str | None = None,
    ledger_path: Path | None = None,
    pace_s: float = USUAL_PACE_S,
    depth: Depth = Depth.DEFAULT,
    progress: Progress = lambda what, done, total: None,
    is_one_wanted: bool = False,
) -> Discovery:
    """Find every ECU on the bus and map it; where one is wanted and there are several, none is mapped.

    `key` makes the keys of the levels that the target has none for, in the words of a target file; with a key, what a
    level opens is asked too. `ledger_path` is where wrong keys are counted, should one turn out to be wrong.

    `target` says where the bus is and what may be sent; nothing that writes, resets, locks or starts is sent unless it
    allows that. LinkError: the adapter fails.
    """
    asked = usual_ids() if candidates is None else candidates
    named = asked if candidates is not None and len(asked) <= MOST_ASKED_ALONE else ()
    functional = EVERYBODYS_IDS if "functional" in target.safety.allow else ()
    look = partial(survey, candidates=asked, pace_s=pace_s, progress=progress, named=named, functional=functional)
    seen = look(link)
    if target.can.fd:
        flexible = FlexibleWire(link, has_data_bitrate=target.can.data_bitrate is not None)
        seen = seen if seen.ecus else look(flexible)
        for ecu in seen.ecus:
            ask_in_fd(flexible, ecu)
    found = []
    ecus = _one_each(link, target, seen.ecus)
    if is_one_wanted and len(ecus) > 1:
        return Discovery(replace(seen, ecus=tuple(ecus)), ())
    for ecu in ecus:
        tester = _tester(link, target, ecu, ledger_path)
        ecu_map = map_ecu(tester, depth, progress)
        keys = {level.level: _with_key(target, level.level, key) for level in ecu_map.levels}
        functions = {level: key_function(entry, target.folder) for level, entry in keys.items()}
        open_guards(tester, ecu_map, functions, dids_of(depth), progress)
        name = f"{target.name}-{ecu.pair.request[0]:X}" if len(ecus) > 1 else target.name
        found.append(Found(ecu, ecu_map, target_text(name, target, ecu, ecu_map, keys)))
    return Discovery(seen, tuple(found))


def _one_each(link: Link, target: Target, ecus: Sequence[Ecu]) -> list[Ecu]:
    """Pairs of ids whose ECUs give the same serial number are connections of one ECU."""
    by_serial: dict[bytes, Ecu] = {}
    different = []
    for ecu in ecus:
        reply = _tester(link, target, ecu, None).read_reply(SERIAL_NUMBER)
        serial = reply.pdu[3:] if reply.is_positive else b""
        known = by_serial.get(serial) if serial.strip(b"\x00\x20\xff") else None
        if known is None:
            by_serial[serial] = ecu
            different.append(ecu)
        elif known.functional is None and ecu.functional is not None:  # that pair's tester is the one who speaks to all
            ecu.connections = [known.pair, *known.connections]
            by_serial[serial] = different[different.index(known)] = ecu
        else:
            known.connections.append(ecu.pair)
    return different


def _with_key(target: Target, level: int, key: str | None) -> SecurityLevel:
    """What the target says of a level, with the key that is given for all of which it says none."""
    entry = target.level(level) or SecurityLevel(level=level)
    return entry if entry.key is not None or key is None else replace(entry, key=key)


def _tester(link: Link, target: Target, ecu: Ecu, ledger_path: Path | None) -> Tester:
    request, response = ecu.pair.request, ecu.pair.response
    can = replace(
        target.can,
        request_id=request[0],
        response_id=response[0],
        functional_id=None if ecu.functional is None else ecu.functional[0],
        extended_ids="any" if request[1] != response[1] else request[1],
        padding=target.can.padding if ecu.takes_padded else None,
        fd=bool(ecu.answers_in_fd),
        data_bitrate=target.can.data_bitrate if ecu.answers_in_fd else None,
    )
    p2_ms = max(target.timing.p2_ms, round(ecu.pair.latency_s * 1500))
    asked = replace(target, can=can, timing=replace(target.timing, p2_ms=p2_ms))
    return Tester(link, asked, chance=Chance(0), keys={}, ledger=ledger_of(asked, ledger_path))


def dids_of(depth: Depth) -> Sequence[int]:
    """The identifiers to ask for: the common ones, or all."""
    return identifiers.COMMON if depth is Depth.QUICK else identifiers.everywhere()


def map_ecu(tester: Tester, depth: Depth, progress: Progress) -> EcuMap:
    """Everything that can be asked for without changing anything, as far as the target allows it."""
    mapper = Mapper(tester, progress)
    found = mapper.map
    if not tester.is_alive():
        found.not_asked.append("It answered when it was looked for, but nothing after that.")
        return found
    dids = dids_of(depth)
    steps = (
        mapper.sessions,
        mapper.services,
        mapper.levels,
        lambda: ask_sub_functions(mapper),
        lambda: ask_with_records(mapper),
        lambda: timing.answer_time(tester, found),
        lambda: identifiers.read_all(tester, found, dids, progress, mapper.enter),
        lambda: timing.session_end(tester, found, progress, mapper.enter),
        lambda: identifiers.write_back_all(tester, found, progress, mapper.enter),
        mapper.routines,
        mapper.memory,
        lambda: timing.boot_time(tester, found),
    )
    for step in steps:
        step()
        if not _goes_on(tester, found):
            break
    mapper.imply_services()
    return found


def _goes_on(tester: Tester, found: EcuMap) -> bool:
    """Whether the ECU still answers, if need be after its supply was cut; what silenced it is kept."""
    fatal = tester.state.unanswered
    if fatal is None or tester.is_alive():
        return True
    asked = fatal.request.hex(" ").upper() if isinstance(fatal, Reply) else "a frame"
    can_cut = tester.allows("power") and tester.link.can_power_cycle()
    if can_cut:
        tester.link.power_cycle()
    is_back = can_cut and tester.await_life(LONGEST_BOOT_S)
    what_then = "only a power cycle brought it back" if is_back else "nothing that was asked later is known"
    found.not_asked.append(f"It stopped answering at {asked}: {what_then}.")
    return is_back
