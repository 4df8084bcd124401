"""Discover the ECUs on a bus: find their addresses, map each ECU, and write the target file that follows from the map."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.discovery import identifiers
from harness.discovery import intervals as timing
from harness.discovery.addresses import MOST_ASKED_ALONE, FoundEcu, Progress, Survey, Wire, planned, survey
from harness.discovery.ecu_map import EcuMap
from harness.discovery.fd import FlexibleWire, ask_in_fd
from harness.discovery.first_byte import AddressedWire, ecus_behind
from harness.discovery.guards import open_guards
from harness.discovery.id_plan import IdPlan
from harness.discovery.mapping import Mapper
from harness.discovery.rediscovery import extended_text
from harness.discovery.seed_records import ask_with_records
from harness.discovery.sessions import LONGEST_BOOT_S
from harness.discovery.sub_functions import ask_sub_functions
from harness.discovery.target_text import target_text
from harness.discovery.usual_ids import EVERYBODYS_IDS, Id, usual_ids
from harness.errors import LinkError
from harness.link.addressing import addresses_of
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.target import Permission, SecurityLevel, Target
from harness.target.values import BUILT_IN_KEYS
from harness.tester.dialects import GMLAN, ONE_BYTE, Dialect
from harness.tester.keys import key_function
from harness.tester.ledger import ledger_of
from harness.tester.reply import Reply
from harness.tester.tester import Tester
from harness.verdict import Depth

USUAL_PACE_S = 0.005
SERIAL_NUMBER = 0xF18C
LONGEST_S = {Depth.QUICK: 300.0, Depth.DEFAULT: 1800.0, Depth.DEEP: 7200.0}
"""The longest time in seconds of the bus that one ECU is mapped, by depth."""
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Found:
    """One ECU, with everything that was found of it."""

    ecu: FoundEcu
    map: EcuMap
    text: str
    """The text of a target file for the ECU."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found on one bus, with all ECUs."""

    survey: Survey
    ecus: tuple[Found, ...]
    ended_by: str = ""
    """Why the discovery ended early, in words; everything found until then is kept."""


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
    longest_s: float | None = None,
    announce: Callable[[IdPlan], None] = lambda plan: None,
) -> Discovery:
    """Find every ECU on the bus and map each; with `is_one_wanted`, map none if there are several.

    `key`, in the words of a target file, makes the keys of levels for which the target has none; what a level opens is
    mapped too if its key is known. `ledger_path` names the file in which a key that proves wrong is counted. `target` says
    where the bus is and what may be sent; nothing that writes, resets, locks or starts is sent unless the target allows it.
    An ECU is mapped for `longest_s` of the bus's time at most (None: `LONGEST_S`, by depth). After Ctrl-C or a failure of
    the adapter, everything found until then is returned. Raises LinkError if the adapter fails before any ECU is found.
    """
    if key is not None and key not in BUILT_IN_KEYS:
        key_function(SecurityLevel(level=1, key=key), target.folder)  # report a mistake in it before anything is asked
    longest_s = LONGEST_S[depth] if longest_s is None else longest_s
    asked, named = _candidates(candidates)
    bitrate = target.can.bitrate
    ask = partial(
        survey, candidates=asked, named=named, pace_s=pace_s, progress=progress, bitrate=bitrate, announce=announce
    )
    try:
        seen = _look(link, target, ask, named, progress)
        if target.can.fd:
            flexible = FlexibleWire(link, has_data_bitrate=target.can.data_bitrate is not None)
            seen = seen if seen.ecus else _look(flexible, target, ask, named, progress)
            for ecu in seen.ecus:
                ask_in_fd(flexible if ecu.address is None else AddressedWire(flexible, ecu.address), ecu)
        ecus = _one_each(link, target, seen.ecus)
    except KeyboardInterrupt:
        return Discovery(Survey((), {}, 0), (), INTERRUPTED)
    if is_one_wanted and len(ecus) > 1:
        return Discovery(replace(seen, ecus=tuple(ecus)), ())
    found: list[Found] = []
    ended_by = ""
    for ecu in ecus:
        tester = _tester(link, target, ecu, ledger_path)
        mapper = Mapper(tester, progress, until_s=link.now_s + longest_s)
        keys: dict[int, SecurityLevel] = {}
        try:
            map_ecu(mapper, depth, progress)
            keys = {level.level: _with_key(target, level.level, key) for level in mapper.map.levels}
            functions = {level: key_function(entry, target.folder) for level, entry in keys.items()}
            open_guards(tester, mapper.map, functions, dids_of(depth, tester.dialect), progress)
        except KeyboardInterrupt:
            ended_by = INTERRUPTED
        except LinkError as error:
            ended_by = str(error)
        if ended_by:
            mapper.map.not_asked.insert(0, f"Not all was asked ({ended_by}): what stands here was found until then.")
        keys = {level.level: _with_key(target, level.level, key) for level in mapper.map.levels}
        mapper.imply_services()
        name = f"{target.name}-{ecu.pair.request[0]:X}" if len(ecus) > 1 else target.name
        found.append(Found(ecu, mapper.map, _text(name, target, ecu, mapper.map, keys)))
        if ended_by:
            break
    return Discovery(seen, tuple(found), ended_by)


def _look(link: Wire, target: Target, ask: Callable[..., Survey], named: Sequence[Id], progress: Progress) -> Survey:
    """Survey a bus with the address that the target declares; if it declares none, first without one, then with each."""
    declared = addresses_of(target.can)
    if declared.request:
        address = declared.request[0]
        seen = ask(AddressedWire(link, address))
        for ecu in seen.ecus:
            ecu.address, ecu.answer_address = address, target.can.source_address
            ecu.is_mixed = target.can.addressing == "mixed"
            ecu.functional_address = target.can.functional_address
        return seen
    seen = ask(link, functional=EVERYBODYS_IDS if Permission.FUNCTIONAL in target.safety.allow else ())
    if seen.ecus or seen.plan is None:
        return seen
    plan = seen.plan
    found = tuple(ecus_behind(link, plan.behind_addresses, seen.traffic, named=named, pace_s=plan.pace_s, progress=progress))
    return replace(seen, ecus=found, unsure=() if found else seen.unsure)


def plan_for(link: Link, target: Target, *, candidates: Sequence[Id] | None, pace_s: float) -> IdPlan:
    """Listen, and return the plan of what `discover` would send to find the ECUs. Raises LinkError if the adapter fails."""
    asked, named = _candidates(candidates)
    may_ask_all = Permission.FUNCTIONAL in target.safety.allow
    return planned(link, asked, named=named, may_ask_all=may_ask_all, pace_s=pace_s, bitrate=target.can.bitrate)


def _candidates(given: Sequence[Id] | None) -> tuple[Sequence[Id], Sequence[Id]]:
    """Return the ids to probe, and those among them that were named rather than given as a range."""
    if given is None:
        return usual_ids(), ()
    return given, given if len(given) <= MOST_ASKED_ALONE else ()


def _text(name: str, target: Target, ecu: FoundEcu, found: EcuMap, keys: Mapping[int, SecurityLevel]) -> str:
    """Return the text of a target file: a new file, or a person's file of this ECU with additions."""
    if target.path is not None and ecu.pair.request[0] == target.can.request_id:
        written = target.path.read_text(encoding="utf-8")
        return extended_text(written, target, ecu, found, keys)
    return target_text(name, target, ecu, found, keys)


def _one_each(link: Link, target: Target, ecus: Sequence[FoundEcu]) -> list[FoundEcu]:
    """Merge pairs of ids that reach ECUs with the same serial number into connections of one ECU."""
    by_serial: dict[bytes, FoundEcu] = {}
    different = []
    for ecu in ecus:
        reply = _tester(link, target, ecu, None).read_reply(SERIAL_NUMBER)
        serial = reply.pdu[3:] if reply.is_positive else b""
        known = by_serial.get(serial) if serial.strip(b"\x00\x20\xff") else None
        if known is None:
            by_serial[serial] = ecu
            different.append(ecu)
        elif known.functional is None and ecu.functional is not None:  # that pair's tester speaks to all ECUs
            ecu.connections = [known.pair, *known.connections]
            by_serial[serial] = different[different.index(known)] = ecu
        else:
            known.connections.append(ecu.pair)
    return different


def _with_key(target: Target, level: int, key: str | None) -> SecurityLevel:
    """Return the target's entry for a level, with the given key if the entry declares none."""
    entry = target.of_level(level)
    return entry if entry.key is not None or key is None else replace(entry, key=key)


def _tester(link: Link, target: Target, ecu: FoundEcu, ledger_path: Path | None) -> Tester:
    request, response = ecu.pair.request, ecu.pair.response
    addressing = dict.fromkeys(("target_address", "source_address", "address_extension", "functional_address"))
    can = replace(
        target.can,
        **{"addressing": "normal", **addressing, **ecu.addressing},
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


def dids_of(depth: Depth, dialect: Dialect | None) -> Sequence[int]:
    """Return the identifiers to read, by depth: the common ones, or all; in an older dialect always those of one byte."""
    if depth is not Depth.QUICK:
        return identifiers.everywhere()
    return identifiers.COMMON if dialect is None else tuple(dict.fromkeys((*ONE_BYTE, *identifiers.COMMON)))


def map_ecu(mapper: Mapper, depth: Depth, progress: Progress) -> None:
    """Map everything that requests which change nothing can show, as far as the target and the time allow."""
    tester, found = mapper.tester, mapper.map
    if not tester.is_alive():
        found.not_asked.append("Perhaps it is an ECU: it answered when it was looked for, but nothing after that.")
        return
    tester.recognise(is_unknown=True)
    found.dialect = tester.dialect
    dids = dids_of(depth, tester.dialect)
    has_sessions = tester.dialect != GMLAN
    steps = (
        *((mapper.sessions,) if has_sessions else ()),
        mapper.services,
        mapper.levels,
        lambda: ask_sub_functions(mapper),
        lambda: ask_with_records(mapper),
        lambda: timing.answer_time(tester, found),
        lambda: identifiers.read_all(tester, found, dids, progress, mapper.enter, mapper.until_s),
        lambda: timing.session_end(tester, found, progress, mapper.enter),
        lambda: identifiers.write_back_all(tester, found, progress, mapper.enter),
        mapper.routines,
        mapper.memory,
        lambda: timing.boot_time(tester, found),
    )
    for step in steps:
        mapper.begin_step()
        step()
        if not _goes_on(tester, found):
            break
        if mapper.is_time_up():
            break


def _goes_on(tester: Tester, found: EcuMap) -> bool:
    """Whether the ECU still answers, if necessary after a power cycle; the request that silenced it is recorded."""
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
