"""Which security levels give a seed only to a request in which a data record follows, and how long is it?"""

from __future__ import annotations

from collections import Counter

from harness.discovery.ecu_map import FoundLevel
from harness.discovery.mapping import LEVELS
from harness.discovery.sessions import SessionMapper
from harness.uds import Nrc, Service

RECORD_BYTES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 64, 128)
"""Lengths that are tried, of zeros: a request for a seed, whatever is in it, is no key and counts as none."""

MOST_LEVELS = 4
"""So many may want more than their number; an ECU in which more do refuses every such request alike."""

_WANT_MORE = (Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.REQUEST_OUT_OF_RANGE)


def ask_with_records(mapper: SessionMapper) -> None:
    """Try records with the levels that refuse a bare request for its length, or for what it does not hold."""
    found = mapper.map
    for session in mapper.in_each_session():
        if Service.SECURITY_ACCESS not in found.services.get(session.number, {}):
            continue
        open_levels = {one.level for one in found.levels if one.seed_bytes}
        wanting = _refused_for_what_is_missing(mapper, [level for level in LEVELS if level not in open_levels], str(session))
        new = [one for level in wanting if (one := _with_record(mapper, level, session.number)) is not None]
        others = [one for one in found.levels if one.level not in {level.level for level in new}]
        found.levels = sorted((*others, *new), key=lambda one: one.level)


def _refused_for_what_is_missing(mapper: SessionMapper, levels: list[int], where: str) -> list[int]:
    """The few levels that refuse otherwise than the many that are not there."""
    said: dict[int, int | None] = {}
    for level, reply in mapper.each(f"levels with data records{where}", levels, lambda level: _request(level, 0)):
        said[level] = reply.nrc
    counts = Counter(said.values())
    return [level for level, nrc in said.items() if nrc in _WANT_MORE and counts[nrc] <= MOST_LEVELS]


def _with_record(mapper: SessionMapper, level: int, session: int) -> FoundLevel | None:
    """The level with the first record that got it further than its bare request; None: no record did."""
    what = f"data records of level 0x{level:02X}"
    for length, reply in mapper.each(what, RECORD_BYTES, lambda length: _request(level, length)):
        if reply.is_positive and len(reply.pdu) > 2:
            return FoundLevel(level, session, len(reply.pdu) - 2, "", record_bytes=length)
        if reply.is_negative and not reply.is_refused_with(*_WANT_MORE):
            return FoundLevel(level, session, 0, str(reply), record_bytes=length)
    return None


def _request(level: int, length: int) -> bytes:
    return bytes((Service.SECURITY_ACCESS, level)) + bytes(length)
