"""Which memory is tried, in which formats, and what is declared of it?"""

from __future__ import annotations

from dataclasses import dataclass

from attacks.access_control.guards import declared_need
from harness import Depth, Reply, Tester

USUAL_ADDRESSES = (0x0000_0000, 0x0800_0000, 0x2000_0000, 0x4000_0000, 0x8000_0000, 0xD000_0000)
"""Where common microcontrollers have vectors, flash memory, RAM and peripherals."""


@dataclass(frozen=True)
class Place:
    """An address, and how many bytes from it on may be meant."""

    address: int
    size: int
    level: int | None = None
    """The level that is declared for it."""
    is_declared: bool = False

    def __str__(self) -> str:
        return f"0x{self.address:08X}"


def guarded_places(tester: Tester, *services: int) -> list[Place]:
    """The memory that is declared, or was found, not to be for everybody; then addresses of which nothing is declared.

    These are the ones that were found to be open, and usual ones.

    The latter not if one of the services is declared open, which then goes for whatever is not declared otherwise.
    """
    known = [one for one in tester.target.memory if one.origin == "declared" or one.needs.kind != "open"]
    guarded = [
        Place(entry.span.first, entry.span.last - entry.span.first + 1, entry.needs.level, True)
        for entry in known
        if entry.needs.kind != "open"
    ]
    found_open = [entry.span.first for entry in tester.target.memory if entry not in known]
    usual = dict.fromkeys((*found_open, *USUAL_ADDRESSES))
    unknown = [address for address in usual if not any(address in entry.span for entry in known)]
    if any(declared_need(tester, service) == "open" for service in services):
        unknown = []
    return [*guarded, *(Place(address, 0x100) for address in unknown)]


def open_places(tester: Tester) -> list[Place]:
    """The memory that everybody may use, as declared."""
    declared = [entry for entry in tester.target.memory if entry.origin == "declared" and entry.needs.kind == "open"]
    return [Place(entry.span.first, entry.span.last - entry.span.first + 1, None, True) for entry in declared]


def formats(depth: Depth) -> tuple[int, ...]:
    """addressAndLengthFormatIdentifiers: the high digit is the size's number of bytes, the low one the address's."""
    return depth.choose(quick=(0x14, 0x44), default=(0x14, 0x24, 0x44), deep=(0x14, 0x24, 0x44, 0x34, 0x13, 0x12, 0x22))


def block(form: int, address: int, size: int) -> bytes:
    """Format, address and size as a request has them; empty if they do not fit the format."""
    address_bytes, size_bytes = form & 0x0F, form >> 4
    if address >= 1 << 8 * address_bytes or size >= 1 << 8 * size_bytes:
        return b""
    return bytes((form,)) + address.to_bytes(address_bytes, "big") + size.to_bytes(size_bytes, "big")


def ask_for_memory(tester: Tester, form: int, address: int, size: int) -> Reply:
    """ReadMemoryByAddress."""
    return tester.request(b"\x23" + block(form, address, size))


def memory_in(reply: Reply, size: int) -> bytes:
    """What ReadMemoryByAddress gave; empty if it gave nothing."""
    return reply.pdu[1:] if reply.is_positive and len(reply.pdu) == 1 + size else b""


def read_memory(tester: Tester, form: int, address: int, size: int) -> bytes:
    """Both at once."""
    return memory_in(ask_for_memory(tester, form, address, size), size)
