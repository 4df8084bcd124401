"""Choose which memory is tried, by which forms of request, and what access the target declares for each part of it."""

from dataclasses import dataclass

from attacks.access_control.guards import declared_need
from harness import Depth, Reply, Tester

USUAL_ADDRESSES = (0x0000_0000, 0x0800_0000, 0x2000_0000, 0x4000_0000, 0x8000_0000, 0xD000_0000)
"""Addresses at which common microcontrollers have vectors, flash memory, RAM and peripherals."""

EDGE_BYTES = 8
"""How many bytes on either side of a border are requested."""
ADDRESSES = 1 << 32


@dataclass(frozen=True)
class MemoryPlace:
    """An address, and how many bytes from there on may be used."""

    address: int
    size: int
    level: int | None = None
    """The level that the target declares for this memory."""
    is_declared: bool = False

    def __str__(self) -> str:
        return f"0x{self.address:08X}"


def guarded_places(tester: Tester, *services: int) -> list[MemoryPlace]:
    """Return memory that is declared or found to be guarded; then undeclared addresses: those found open, and usual ones.

    Undeclared addresses are left out if the target declares one of the services open, since this covers them.
    """
    known = [one for one in tester.target.memory if one.origin == "declared" or one.needs.kind != "open"]
    guarded = [
        MemoryPlace(entry.span.first, entry.span.last - entry.span.first + 1, entry.needs.level, True)
        for entry in known
        if entry.needs.kind != "open"
    ]
    found_open = [entry.span.first for entry in tester.target.memory if entry not in known]
    usual = dict.fromkeys((*found_open, *USUAL_ADDRESSES))
    unknown = [address for address in usual if not any(address in entry.span for entry in known)]
    if any(declared_need(tester, service) == "open" for service in services):
        unknown = []
    return [*guarded, *(MemoryPlace(address, 0x100) for address in unknown)]


def open_places(tester: Tester) -> list[MemoryPlace]:
    """Return the memory that is declared open."""
    declared = [entry for entry in tester.target.memory if entry.origin == "declared" and entry.needs.kind == "open"]
    return [MemoryPlace(entry.span.first, entry.span.last - entry.span.first + 1, None, True) for entry in declared]


@dataclass(frozen=True)
class Form:
    """How many bytes of a request are the address, and how many bytes after it are the size."""

    address_bytes: int
    size_bytes: int
    is_named: bool = True
    """Whether an addressAndLengthFormatIdentifier precedes the address, as in ISO 14229-1."""

    def block(self, address: int, size: int) -> bytes:
        """Encode address and size; empty if they do not fit, or if the first byte could pass for a format identifier."""
        if address >= 1 << 8 * self.address_bytes or size >= 1 << 8 * self.size_bytes:
            return b""
        where = address.to_bytes(self.address_bytes, "big") + size.to_bytes(self.size_bytes, "big")
        if self.is_named:
            return bytes((self.size_bytes << 4 | self.address_bytes,)) + where
        return b"" if (where[0] >> 4) + (where[0] & 0x0F) == len(where) - 1 else where


USUAL, WIDE = Form(4, 1), Form(4, 4)
NAMED = (USUAL, WIDE, Form(4, 2), Form(4, 3), Form(3, 1), Form(2, 1), Form(2, 2))
OLDER = tuple(Form(*one, is_named=False) for one in ((4, 2), (3, 1), (4, 1), (4, 4), (3, 2)))
"""Forms without a format identifier: 3 bytes of address and 1 of size as in ISO 14230-3, and the makers' own lengths."""


def formats(depth: Depth) -> tuple[Form, ...]:
    """Return the forms to try, those without a format identifier last."""
    return (*NAMED[: depth.choose(quick=2, default=3, deep=len(NAMED))], *OLDER)


def edges(place: MemoryPlace) -> list[tuple[int, int]]:
    """Return address and size of reads across the borders of guarded memory, each with at least one guarded byte.

    A guard may compare only the first address, only the last, or be off by one; address plus size may overflow.
    """
    end = place.address + place.size
    found = [(end - 1, 1), (end - 1, 2), (max(end - EDGE_BYTES, 0), 2 * EDGE_BYTES)]
    if place.address:
        before = max(place.address - EDGE_BYTES, 0)
        found += [(place.address - 1, 2), (before, place.address - before + min(place.size, EDGE_BYTES))]
    found.append((place.address, ADDRESSES - place.address + min(place.size, EDGE_BYTES)))
    return list(dict.fromkeys(found))


def ask_for_memory(tester: Tester, form: Form, address: int, size: int) -> Reply:
    """Send ReadMemoryByAddress."""
    return tester.request(b"\x23" + form.block(address, size))


def memory_in(reply: Reply, size: int) -> bytes:
    """Return the bytes that ReadMemoryByAddress gave; empty unless there are `size` of them."""
    return reply.pdu[1:] if reply.is_positive and len(reply.pdu) == 1 + size else b""


def read_memory(tester: Tester, form: Form, address: int, size: int) -> bytes:
    """Send ReadMemoryByAddress and return the bytes that it gave."""
    return memory_in(ask_for_memory(tester, form, address, size), size)
