"""From a bus to the ECUs on it: their addresses, a map of each, and the target file that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.discovery import identifiers
from harness.discovery.addresses import Ecu, Id, Progress, Survey, survey, usual_ids
from harness.discovery.mapping import EcuMap, Mapper
from harness.discovery.target_text import target_text
from harness.link.bus import Link
from harness.link.clock import Chance
from harness.run import Depth
from harness.target import Target
from harness.tester.ledger import Ledger
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
    pace_s: float = USUAL_PACE_S,
    depth: Depth = Depth.DEFAULT,
    progress: Progress = lambda what, done, total: None,
) -> Discovery:
    """Find every ECU on the bus and map it.

    `target` says where the bus is and what may be sent; nothing that writes, resets, locks or starts is sent unless it
    allows that. LinkError: the adapter fails.
    """
    seen = survey(link, usual_ids() if candidates is None else candidates, pace_s=pace_s, progress=progress)
    found = []
    ecus = _one_each(link, target, seen.ecus)
    for ecu in ecus:
        tester = _tester(link, target, ecu)
        ecu_map = map_ecu(tester, depth, progress)
        name = f"{target.name}-{ecu.pair.request[0]:X}" if len(ecus) > 1 else target.name
        found.append(Found(ecu, ecu_map, target_text(name, target.can, target.environment, ecu, ecu_map)))
    return Discovery(seen, tuple(found))


def _one_each(link: Link, target: Target, ecus: Sequence[Ecu]) -> list[Ecu]:
    """Pairs of ids whose ECUs give the same serial number are connections of one ECU."""
    by_serial: dict[bytes, Ecu] = {}
    different = []
    for ecu in ecus:
        reply = _tester(link, target, ecu).read_reply(SERIAL_NUMBER)
        serial = reply.pdu[3:] if reply.is_positive else b""
        if serial.strip(b"\x00\x20\xff") and serial in by_serial:
            by_serial[serial].connections.append(ecu.pair)
            continue
        by_serial[serial] = ecu
        different.append(ecu)
    return different


def _tester(link: Link, target: Target, ecu: Ecu) -> Tester:
    request, response = ecu.pair.request, ecu.pair.response
    can = replace(
        target.can,
        request_id=request[0],
        response_id=response[0],
        functional_id=None if ecu.functional is None else ecu.functional[0],
        extended_ids="any" if request[1] != response[1] else request[1],
    )
    p2_ms = max(target.timing.p2_ms, round(ecu.pair.latency_s * 1500))
    asked = replace(target, can=can, timing=replace(target.timing, p2_ms=p2_ms))
    return Tester(link, asked, chance=Chance(0), keys={}, ledger=Ledger(None, target.name, 0))


def map_ecu(tester: Tester, depth: Depth, progress: Progress) -> EcuMap:
    """Everything that can be asked for without changing anything, as far as the target allows it."""
    mapper = Mapper(tester, progress)
    if not tester.is_alive():
        mapper.map.not_asked.append("It answered TesterPresent, but nothing after it.")
        return mapper.map
    mapper.sessions()
    mapper.services()
    mapper.levels()
    mapper.timing()
    dids = identifiers.COMMON if depth is Depth.QUICK else identifiers.everywhere()
    identifiers.read_all(tester, mapper.map, dids, progress)
    identifiers.write_back_all(tester, mapper.map, progress)
    mapper.routines()
    mapper.memory()
    mapper.boot_time()
    mapper.imply_services()
    return mapper.map
