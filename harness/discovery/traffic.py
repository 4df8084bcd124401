"""What other nodes' frames, and answers to a first byte that is an address, tell of ECUs that were not asked properly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.discovery.usual_ids import Id
from harness.link.frame import Frame
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service

EXTENDED_REQUEST_ID: Id = (0x6F1, False)
"""On which testers of one group of makers ask, with the ECU's address in the first byte."""

_REQUEST_SERVICES = frozenset(Service)


def conversations(frames: Iterable[Frame]) -> Iterator[tuple[Id, Id, bool]]:
    """The pairs of ids between which somebody else seems to speak UDS, and whether an address is in the first byte."""
    asked: list[tuple[Id, bytes, bool]] = []
    told: set[tuple[Id, Id, bool]] = set()
    for frame in frames:
        for has_address in (False, True):
            content = _content(frame.data[1:] if has_address else frame.data)
            if not content:
                continue
            own = (frame.can_id, frame.is_extended)
            for request_id, request, was_extended in reversed(asked[-32:]):
                one = (request_id, own, has_address)
                if was_extended is has_address and own != request_id and one not in told and _answers(content, request):
                    told.add(one)
                    yield one
                    break
            if content[0] in _REQUEST_SERVICES and len(content) > 1:
                asked.append((own, content, has_address))


def sentences(frames: Iterable[Frame]) -> Iterator[str]:
    """What to tell the user of such conversations."""
    for request, response, has_address in conversations(frames):
        ids = f"0x{request[0]:X} -> 0x{response[0]:X}"
        if has_address:
            yield (
                f"Somebody seems to speak UDS on {ids} with an address in the first byte of the data (extended addressing), "
                "in which no id is asked here."
            )
        else:
            yield (
                f"A tester seems to be talking on {ids}: end it and look again, or name the id, "
                f"e.g. --request-id 0x{request[0]:X}."
            )


def _content(field: bytes) -> bytes:
    """The message that a single frame holds, or the beginning of one that a first frame begins; empty if it is neither."""
    if not field:
        return b""
    kind, low = field[0] >> 4, field[0] & 0xF
    if kind == 0 and 0 < low < len(field):
        return field[1 : 1 + low]
    return field[2:] if kind == 1 and len(field) >= 6 and (low << 8 | field[1]) > 6 else b""


def _answers(content: bytes, request: bytes) -> bool:
    service = request[0]
    if content[0] == NEGATIVE_RESPONSE and len(content) == 3:
        return content[1] == service
    return len(content) > 1 and content[:2] == bytes((service + RESPONSE_OFFSET, request[1]))
