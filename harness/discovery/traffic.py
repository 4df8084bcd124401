"""Conclude from other nodes' frames which further ECUs exist that were not probed."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.discovery.usual_ids import Id
from harness.link.frame import Frame
from harness.link.isotp_frames import message_in
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service

_REQUEST_SERVICES = frozenset(Service)
_REMEMBERED = 32


class Conversation(NamedTuple):
    """Two ids between which other nodes seem to speak UDS, and the frames' first byte if that is an address."""

    request: Id
    response: Id
    request_address: bytes = b""
    response_address: bytes = b""


class _Asked(NamedTuple):
    by: Id
    address: bytes
    message: bytes


def conversations(frames: Iterable[Frame]) -> Iterator[Conversation]:
    """Return each conversation once."""
    asked: list[_Asked] = []
    told: set[Conversation] = set()
    for frame in frames:
        own = (frame.can_id, frame.is_extended)
        for address_bytes in (0, 1):
            address, data = frame.data[:address_bytes], frame.data[address_bytes:]
            message = message_in(data, address_bytes)
            if not message:
                continue
            for one in reversed(asked[-_REMEMBERED:]):
                found = Conversation(one.by, own, one.address, address)
                is_new = len(one.address) == address_bytes and own != one.by and found not in told
                if is_new and _answers(message, one.message):
                    told.add(found)
                    yield found
                    break
            if message[0] in _REQUEST_SERVICES and len(message) > 1:
                asked.append(_Asked(own, address, message))


def sentences(frames: Iterable[Frame]) -> Iterator[str]:
    """Describe the conversations in these frames to the user, one sentence for each."""
    for one in conversations(frames):
        behind = ""
        if one.request_address:
            first, back = one.request_address.hex().upper(), one.response_address.hex().upper()
            behind = f", with the address 0x{first} in the first byte of requests and 0x{back} in that of answers"
        yield (
            f"Perhaps an ECU is at 0x{one.request[0]:X} -> 0x{one.response[0]:X}, where a tester seems to be talking to "
            f"it{behind}: end that and look again, or name the id, e.g. --request-id 0x{one.request[0]:X}."
        )


def _answers(message: bytes, request: bytes) -> bool:
    service = request[0]
    if message[0] == NEGATIVE_RESPONSE and len(message) == 3:
        return message[1] == service
    return len(message) > 1 and message[:2] == bytes((service + RESPONSE_OFFSET & 0xFF, request[1]))
