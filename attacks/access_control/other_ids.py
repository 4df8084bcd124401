"""Which frames might an ECU take for its requests, though the target does not declare them?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness import Frame, RawReply, Tester

EVERY_ID = range(1 << 29)
LARGEST_11_BIT_ID = 0x7FF
MARGIN_S = 0.05
"""Beyond P2: so late an answer may still be, and not be taken for one to the next request."""

NEIGHBOURS = 0x07
"""The bits in which neighbouring ids differ."""


@dataclass(frozen=True)
class Path:
    """One way to address an ECU by a single frame."""

    name: str
    can_id: int
    is_extended: bool
    prefix: bytes = b""
    """What stands before the length: the address byte of extended addressing."""

    def frame(self, pdu: bytes, padding: int) -> Frame:
        """A request in a frame of eight bytes."""
        content = self.prefix + bytes((len(pdu),)) + pdu
        return Frame(self.can_id, content.ljust(8, bytes((padding,))), is_extended=self.is_extended)


def declared_path(tester: Tester) -> Path:
    """The one that the target declares."""
    can = tester.target.can
    return Path("the request id", can.request_id, can.extended_ids is True or can.request_id > LARGEST_11_BIT_ID)


def other_format(tester: Tester) -> list[Path]:
    """The same number with 29 bits instead of 11, or the other way round; none where the number is too large."""
    own = declared_path(tester)
    if own.can_id > LARGEST_11_BIT_ID:
        return []
    form = "11 bits" if own.is_extended else "29 bits"
    return [Path(f"0x{own.can_id:X} with {form}", own.can_id, not own.is_extended)]


def neighbours(tester: Tester) -> list[Path]:
    """Ids that differ in the last three bits only, those left out that the target declares."""
    can, own = tester.target.can, declared_path(tester)
    declared = {can.request_id, can.response_id, can.functional_id}
    declared |= {can_id for entry in tester.target.connections for can_id in (entry.request_id, entry.response_id)}
    ids = ((own.can_id & ~NEIGHBOURS) | low for low in range(NEIGHBOURS + 1))
    return [Path(f"0x{can_id:X}", can_id, own.is_extended) for can_id in ids if can_id not in declared]


def extended_addressing(tester: Tester) -> list[Path]:
    """The request id with an address byte before the length."""
    own = declared_path(tester)
    addresses = sorted({own.can_id & 0xFF, 0x10, 0xF1})
    return [
        Path(f"0x{own.can_id:X} with address byte {address:02X}", own.can_id, own.is_extended, bytes((address,)))
        for address in addresses
    ]


def permitted(tester: Tester, paths: Iterable[Path], pdu: bytes) -> list[Path]:
    """Those by which the request can be sent; an address byte may be read as a length, and what follows as a service."""
    padding = tester.target.can.padding or 0
    found = []
    for path in paths:
        if tester.gate.permits_raw(path.frame(pdu, padding).data):
            found.append(path)
        else:
            tester.note(f"{path.name} was not tried: its frame may be read as a request that is not permitted")
    return found


def send(tester: Tester, paths: Iterable[Path], pdu: bytes) -> list[RawReply]:
    """The same request by each path, one after the other, with whatever any node says to it."""
    padding = tester.target.can.padding or 0
    listen_s = tester.target.timing.p2_ms / 1000 + MARGIN_S
    replies = []
    for path in paths:
        frames = [path.frame(pdu, padding)]
        replies.append(tester.raw_frames(frames, listen_s=listen_s, also_from=EVERY_ID))
    return replies


def is_answered(tester: Tester, reply: RawReply, did: int, *, by_others: bool = False) -> bool:
    """Whether a read of the DID was answered by this ECU; or, `by_others`, by another one."""
    heads = (bytes((0x62, did >> 8, did & 0xFF)), b"\x7f\x22")
    return any(
        any(head in frame.data for head in heads) and (frame.can_id != tester.target.can.response_id) is by_others
        for frame in reply.answers
        if not frame.is_sent
    )
