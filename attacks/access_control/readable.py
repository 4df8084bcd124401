"""Find, once a run, which data identifiers, declared or not, can be read."""

from collections.abc import Iterable
from dataclasses import dataclass

from attacks.access_control.guards import SECURITY, each_session
from harness import Depth, Measurements, Tester, uds

IDENTIFICATION = range(0xF180, 0xF1A0)
SUPPLIER = range(0xF1F0, 0xF200)
ALL = range(0x10000)
PROGRAMMING = 0x02
AT_ONCE = 3
"""How many identifiers one request names: as many as a single frame holds."""


@dataclass(frozen=True)
class Readable:
    """How many identifiers were tried, and which of them gave a value."""

    tried: int
    dids: tuple[int, ...]
    """Identifiers that give a value to everybody, in at least one session."""
    values: dict[int, bytes]
    """The first value that each identifier gave."""


def candidates(tester: Tester, depth: Depth) -> Iterable[int]:
    """Return identification and supplier data, and neighbours of declared identifiers; at depth deep every identifier."""
    reach = depth.choose(quick=2, default=16, deep=0)
    if not reach:
        return ALL
    declared = [entry.did for entry in tester.target.data]
    near = {did + step for did in declared for step in range(-reach, reach + 1)} & set(ALL)
    pages = {did & 0xFF00 | low for did in declared for low in (0x00, 0x01, 0xFF)}
    usual = set(range(0x0100, 0x0110)) | set(range(0x0000, 0x0004)) | {0xFD00, 0xFDFF, 0xFE00, 0xFEFF, 0xFF00}
    return sorted({*IDENTIFICATION, *SUPPLIER, *near, *pages, *usual, *declared})


def readable_data(tester: Tester, measure: Measurements, depth: Depth) -> Readable:
    """Read each candidate, locked, in every session; this is done once a run. Return the identifiers and values found."""
    return measure.once(("readable data",), lambda: read_all(tester, depth))


def read_all(tester: Tester, depth: Depth) -> Readable:
    """Read all candidates in each session, without those that gave a value in an earlier session."""
    wanted = list(candidates(tester, depth))
    further = [did for did in neighbourhood(tester, depth) if did not in set(wanted)]
    at_once = AT_ONCE if takes_several(tester) else 1
    if at_once == 1 and depth is Depth.QUICK:
        further = []
    values: dict[int, bytes] = {}
    for visit in each_session(tester):
        for did in wanted:
            if did not in values:
                keep(tester, did, values)
        if depth is Depth.QUICK and visit.session == PROGRAMMING:
            continue
        for start in range(0, len(further), at_once):
            some = [did for did in further[start : start + at_once] if did not in values]
            if some and (at_once == 1 or has_any(tester, some)):
                for did in some:
                    keep(tester, did, values)
    return Readable(len(wanted) + len(further), tuple(sorted(values)), values)


def keep(tester: Tester, did: int, values: dict[int, bytes]) -> None:
    """Read an identifier, and keep its value in `values`."""
    reply = tester.read_reply(did)
    if reply.is_positive:
        values[did] = reply.pdu[3:]


def neighbourhood(tester: Tester, depth: Depth) -> Iterable[int]:
    """Return all identifiers that share the high byte (page) of a declared or an identification DID.

    At depth default, also return some identifiers of every page; at depth deep none, since each is a candidate there.
    """
    if depth is Depth.DEEP:
        return ()
    pages = {entry.did >> 8 for entry in tester.target.data} | {0x00, 0x01, 0xF1, 0xFD}
    found = {page << 8 | low for page in pages for low in range(0x100)}
    if depth is Depth.DEFAULT:
        found |= {page << 8 | low for page in range(0x100) for low in (*range(0x10), 0x20, 0x80, 0xFF)}
    return sorted(found)


def takes_several(tester: Tester) -> bool:
    """Whether the ECU answers a read of a missing and an existing identifier, so that one request can name several."""
    for entry in tester.target.data:
        if entry.read.kind == "open" and tester.read_reply(entry.did).is_positive:
            return tester.request(b"\x22\xff\xff" + entry.did.to_bytes(2, "big")).is_positive
    return False


def has_any(tester: Tester, dids: list[int]) -> bool:
    """Whether any of the identifiers may exist; a refusal for lack of a level counts: others of them may be readable."""
    reply = tester.request(uds.read_data(*dids))
    return reply.is_positive or reply.is_refused_with(*SECURITY)
