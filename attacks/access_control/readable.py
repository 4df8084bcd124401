"""Which data identifiers answer a read, declared or not? Looked for once a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attacks.access_control.guards import each_session
from harness import Depth, Measurements, Tester

IDENTIFICATION = range(0xF180, 0xF1A0)
SUPPLIER = range(0xF1F0, 0xF200)
ALL = range(0x10000)


@dataclass(frozen=True)
class Readable:
    """What was tried, and what answered."""

    tried: int
    dids: tuple[int, ...]
    """Identifiers that give a value to everybody, in one session at least."""
    values: dict[int, bytes]
    """What they gave first."""


def candidates(tester: Tester, depth: Depth) -> Iterable[int]:
    """Identification and supplier data, and the neighbours of what is declared; at depth deep every number there is."""
    reach = depth.choose(quick=2, default=16, deep=0)
    if not reach:
        return ALL
    declared = [entry.did for entry in tester.target.data]
    near = {did + step for did in declared for step in range(-reach, reach + 1)} & set(ALL)
    pages = {did & 0xFF00 | low for did in declared for low in (0x00, 0x01, 0xFF)}
    usual = set(range(0x0100, 0x0110)) | set(range(0x0000, 0x0004)) | {0xFD00, 0xFDFF, 0xFE00, 0xFEFF, 0xFF00}
    return sorted({*IDENTIFICATION, *SUPPLIER, *near, *pages, *usual, *declared})


def readable_data(tester: Tester, measure: Measurements, depth: Depth) -> Readable:
    """Read each candidate, locked, in every session the first time that one is asked for this."""
    return measure.once(("readable data",), lambda: read_all(tester, depth))


def read_all(tester: Tester, depth: Depth) -> Readable:
    """In sessions after the first one only what has not answered yet."""
    wanted = list(candidates(tester, depth))
    values: dict[int, bytes] = {}
    for _ in each_session(tester):
        for did in wanted:
            if did not in values:
                reply = tester.read_reply(did)
                if reply.is_positive:
                    values[did] = reply.pdu[3:]
    return Readable(len(wanted), tuple(sorted(values)), values)
