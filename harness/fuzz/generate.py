"""Draw frames and requests at random: random frames, mutated requests, frames of ISO-TP in a wrong order.

All functions are pure functions of a source of chance: the same source gives the same messages.
"""

from collections.abc import Sequence
from typing import Final

from harness.link.clock import Chance
from harness.link.isotp_frames import CLASSIC_BYTES, segments
from harness.target import Target
from harness.uds import Service

LONGEST_ADDITION: Final = 7
LONGEST_MUTATION: Final = 64

SERVICES: Final = tuple(Service)
"""The services from which half of all services are drawn; the other half is any byte."""

_SUB_FUNCTIONS: Final = (0x00, 0x01, 0x02, 0x03, 0x7F, 0x80, 0x81, 0xFF)


def valid_requests(target: Target) -> list[bytes]:
    """Return valid requests for this ECU, from the target's declarations and from what most ECUs have."""
    sessions = [entry.id for entry in target.sessions] or ([0x01, 0x03] if target.timing.s3_ms is not None else [])
    found = [b"\x3e\x00", b"\x22\xf1\x90", b"\x19\x01\xff", b"\x31\x03\xff\x00"]
    found += [bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)) for session in sessions]
    for entry in target.data:
        did = entry.did.to_bytes(2, "big")
        found.append(bytes((Service.READ_DATA_BY_IDENTIFIER,)) + did)
        found.append(bytes((Service.WRITE_DATA_BY_IDENTIFIER,)) + did + bytes(entry.length or 1))
    for level in target.security:
        found.append(bytes((Service.SECURITY_ACCESS, level.level)))
        found.append(bytes((Service.SECURITY_ACCESS, level.level + 1)) + bytes(4))
    return found


def random_frame(chance: Chance, requests: Sequence[bytes], frame_bytes: int = CLASSIC_BYTES) -> bytes:
    """Return a data field: noise, a single frame of some service, a request with one byte changed, another frame.

    `frame_bytes` is the greatest length of the field: the tester's `frame_bytes`, which is below 8 after an address.
    """
    noise = chance.random_bytes(16)
    kind, pick, body = noise[0] & 3, noise[1], noise[2:]
    if kind == 0:
        return body[: pick % (frame_bytes + 1)]
    if kind == 1:
        length = 1 + pick % (frame_bytes - 1)
        service = SERVICES[body[0] % len(SERVICES)] if noise[0] & 4 else body[0]
        frame = bytes((length, service)) + body[1:]
        return frame[: frame_bytes if noise[0] & 8 else 1 + length]
    if kind == 2:
        changed = bytearray(requests[pick % len(requests)][: frame_bytes - 1])
        if noise[0] & 4:
            changed[body[0] % len(changed)] = body[1]
        return (bytes((len(changed),)) + changed + body[2:])[:frame_bytes]
    return bytes((0x10 + pick % 0xF0,)) + body[: frame_bytes - 1]


def mutated_request(chance: Chance, requests: Sequence[bytes]) -> bytes:
    """Return a valid request with one fault: another service, sub-function, byte or length, or the whole request twice."""
    request = bytearray(requests[chance.below(len(requests))])
    how = chance.below(7)
    if how == 0:
        request[0] = chance.below(256)
    elif how == 1 and len(request) > 1:
        request[1] = _SUB_FUNCTIONS[chance.below(len(_SUB_FUNCTIONS))]
    elif how == 2:
        request[chance.below(len(request))] ^= 1 << chance.below(8)
    elif how == 3:
        del request[1 + chance.below(len(request)) :]
    elif how == 4:
        request += chance.random_bytes(1 + chance.below(LONGEST_ADDITION))
    elif how == 5:
        request += chance.random_bytes(chance.below(LONGEST_MUTATION))
    else:
        request += request[1:]
    return bytes(request)


def frame_sequence(chance: Chance, requests: Sequence[bytes], frame_bytes: int = CLASSIC_BYTES) -> tuple[bytes, ...]:
    """Return frames of ISO-TP in an order that may be wrong, with random lengths, sequence numbers and flow controls.

    `frame_bytes` as in `random_frame`.
    """
    request = requests[chance.below(len(requests))]
    long = (request + chance.random_bytes(20))[: 8 + chance.below(12)]
    first, *rest = segments(long, frame_bytes=frame_bytes)
    sequence = [_opening(chance, request, first)]
    for number in range(1 + chance.below(5)):
        how = chance.below(6)
        follows = rest[min(number, len(rest) - 1)]
        if how <= 2:
            sequence.append(follows)
        elif how == 3:
            sequence.append(bytes((0x20 | _number(chance),)) + follows[1:])
        elif how == 4:
            sequence.append(bytes((0x30 | chance.below(4), chance.below(3), chance.below(256))).ljust(frame_bytes, b"\x00"))
        else:
            sequence.append(_opening(chance, request, first))
    return tuple(sequence)


def _number(chance: Chance) -> int:
    """Return a sequence number, in half of all cases 0, which is right only after 15."""
    return 0 if chance.below(2) else chance.below(16)


def _opening(chance: Chance, request: bytes, first: bytes) -> bytes:
    """Return the frame that begins a message: a single frame, or a first one with a correct, wrong or escaped length."""
    how = chance.below(8)
    if how <= 3:
        return first
    if how == 4:
        return bytes((0x10, chance.below(8))) + first[2:]
    if how == 5:
        return b"\x10\x00" + chance.random_bytes(4) + first[2 : len(first) - 4]
    if how == 6:
        return bytes((0x1F, 0xFF)) + first[2:]
    return (bytes((chance.below(16),)) + request[: len(first) - 1]).ljust(len(first), b"\x00")
