"""Find security levels that give a seed only to a request with a data record, and the length of that record."""

from collections import Counter

from harness.discovery.ecu_map import FoundLevel
from harness.discovery.mapping import LEVELS
from harness.discovery.sessions import SessionMapper
from harness.tester.reply import Reply
from harness.uds import Nrc, Service

RECORD_BYTES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24, 32, 64, 128)
"""Lengths of records to try, in bytes. A request for a seed with a wrong record does not count as a wrong key."""

FILLINGS = (b"\x00", b"\xff", b"\x01", b"\x55")
"""Bytes with which to fill a record of the right length; FF is usual."""

MOST_LEVELS = 4
"""How many levels may need a record; a refusal that more levels get is how the ECU answers missing levels."""

_WANT_MORE = (Nrc.INCORRECT_MESSAGE_LENGTH, Nrc.REQUEST_OUT_OF_RANGE)


def ask_with_records(mapper: SessionMapper) -> None:
    """Request seeds with data records from those levels that refuse a bare request for its length or content."""
    found = mapper.map
    for session in mapper.in_each_session():
        if Service.SECURITY_ACCESS not in found.services.get(session, {}):
            continue
        open_levels = {one.level for one in found.levels if one.seed_bytes}
        wanting = _refused_for_what_is_missing(mapper, [level for level in LEVELS if level not in open_levels], session)
        new = [one for level in wanting if (one := _with_record(mapper, level, session)) is not None]
        others = [one for one in found.levels if one.level not in {level.level for level in new}]
        found.levels = sorted((*others, *new), key=lambda one: one.level)


def _refused_for_what_is_missing(mapper: SessionMapper, levels: list[int], session: int) -> list[int]:
    """Return the few levels whose refusal differs from that of the many missing ones."""
    said: dict[int, int | None] = {}
    what = f"levels with data records in session 0x{session:02X}"
    for level, reply in mapper.each(what, levels, lambda level: _request(level, b"")):
        said[level] = reply.nrc
    counts = Counter(said.values())
    return [level for level, nrc in said.items() if nrc in _WANT_MORE and counts[nrc] <= MOST_LEVELS]


def _with_record(mapper: SessionMapper, level: int, session: int) -> FoundLevel | None:
    """Return the level with the first record that the ECU answers differently from a bare request; None if there is none.

    If records of one length get another NRC than records of other lengths, that length is right, and contents are tried.
    """
    records = [filling * length for length in RECORD_BYTES for filling in FILLINGS[:2]]
    what = f"data records of level 0x{level:02X}"
    said: dict[int, Reply] = {}
    for number, reply in mapper.each(what, range(len(records)), lambda number: _request(level, records[number])):
        if reply.is_positive and len(reply.pdu) > 2:
            return FoundLevel(level, session, len(reply.pdu) - 2, "", record=records[number])
        if reply.is_negative and not reply.is_refused_with(*_WANT_MORE):
            return FoundLevel(level, session, 0, str(reply), record=records[number])
        said[number] = reply
    lengths = [len(records[number]) for number in said if said[number].nrc == Nrc.REQUEST_OUT_OF_RANGE]
    if not lengths or all(reply.nrc == Nrc.REQUEST_OUT_OF_RANGE for reply in said.values()):
        return None
    return _with_contents(mapper, level, session, lengths[0])


def _with_contents(mapper: SessionMapper, level: int, session: int, length: int) -> FoundLevel:
    """Return the level with a record of the right length that gets a seed, or else with zeros and the ECU's refusal."""
    records = [*(filling * length for filling in FILLINGS), bytes(range(length)), bytes(range(1, length + 1))]
    what = f"contents of the data record of level 0x{level:02X}"
    refusal = ""
    for number, reply in mapper.each(what, range(len(records)), lambda number: _request(level, records[number])):
        if reply.is_positive and len(reply.pdu) > 2:
            return FoundLevel(level, session, len(reply.pdu) - 2, "", record=records[number])
        refusal = refusal or f"{reply}, which says that the length of the record is right and its content is not"
    return FoundLevel(level, session, 0, refusal, record=bytes(length))


def _request(level: int, record: bytes) -> bytes:
    return bytes((Service.SECURITY_ACCESS, level)) + record
