"""Read, write and guard memory, for the services that name addresses: 23, 34, 35 and 3D."""

from typing import Final, NamedTuple

from harness.ecu.config import OPEN, MemoryRegion
from harness.ecu.rules import Answer, Ecu, Rule
from harness.ecu.state import State, Transfer
from harness.uds import RESPONSE_OFFSET, Nrc

FORMAT_OF_TRANSFER_AT: Final = 2
"""The position of the addressAndLengthFormatIdentifier in 34 and 35: after the dataFormatIdentifier."""

_PLAIN: Final = 0x00
_BLOCK_BYTES: Final = 0x0102
"""The length in bytes of the longest request 36 that is accepted: 256 bytes of data."""


class Block(NamedTuple):
    """The block of memory that a request names."""

    address: int
    size: int
    end: int
    """The position in the request behind address and size."""


def block_in(request: bytes, at: int) -> Block | None:
    """Return the block that the addressAndLengthFormatIdentifier at `at` describes; None: invalid format or short request.

    The identifier's low digit is the number of address bytes, which come first; its high digit is the number of size bytes.
    """
    size_bytes, address_bytes = request[at] >> 4, request[at] & 0x0F
    start, middle, end = at + 1, at + 1 + address_bytes, at + 1 + address_bytes + size_bytes
    if not (1 <= size_bytes <= 4 and 1 <= address_bytes <= 4) or len(request) < end:
        return None
    return Block(int.from_bytes(request[start:middle], "big"), int.from_bytes(request[middle:end], "big"), end)


def region_of(ecu: Ecu, block: Block) -> MemoryRegion | None:
    """Return the region that contains the whole block, or None."""
    for region in ecu.config.memory:
        size = len(_content(ecu.state, region))
        if region.address <= block.address and block.address + block.size <= region.address + size and block.size:
            return region
    return None


def memory_is_there(at: int, *, has_data: bool = False) -> Rule:
    """Return a rule that refuses an invalid format or memory that does not exist (31), and a wrong length (13).

    `has_data`: the request must go on with as many bytes as its size field says.
    """

    def rule(ecu: Ecu, request: bytes) -> Answer | None:
        size_bytes, address_bytes = request[at] >> 4, request[at] & 0x0F
        if not (1 <= size_bytes <= 4 and 1 <= address_bytes <= 4):
            return Nrc.REQUEST_OUT_OF_RANGE
        block = block_in(request, at)
        if block is None or len(request) != block.end + (block.size if has_data else 0):
            return Nrc.INCORRECT_MESSAGE_LENGTH
        return None if region_of(ecu, block) is not None else Nrc.REQUEST_OUT_OF_RANGE

    return rule


def addressed(ecu: Ecu, request: bytes, at: int) -> tuple[MemoryRegion, Block]:
    """Return the region and the block that the request names, which `memory_is_there` has checked."""
    block = block_in(request, at)
    assert block is not None, f"no block in {request.hex(' ')}"
    region = region_of(ecu, block)
    assert region is not None, f"no memory for {request.hex(' ')}"
    return region, block


def is_guarded(ecu: Ecu, request: bytes, at: int) -> bool:
    """Whether the memory needs a level that is now locked."""
    region, _ = addressed(ecu, request, at)
    return region.needs not in (OPEN, ecu.state.unlocked_level)


def data_is_plain(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse compressed or encrypted data; a rule of 34 and 35."""
    return None if request[1] == _PLAIN else Nrc.REQUEST_OUT_OF_RANGE


def transfer_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a transfer while the level that the memory needs is locked; a rule of 34 and 35."""
    return Nrc.SECURITY_ACCESS_DENIED if is_guarded(ecu, request, FORMAT_OF_TRANSFER_AT) else None


def transfer_begins(ecu: Ecu, request: bytes, *, is_upload: bool) -> Answer | None:
    """Begin a transfer for 34 or 35. The answer states the longest 36 that is accepted."""
    region, block = addressed(ecu, request, FORMAT_OF_TRANSFER_AT)
    ecu.state.transfer = Transfer(region, block.address, block.size, is_upload)
    return bytes((request[0] + RESPONSE_OFFSET, 0x20)) + _BLOCK_BYTES.to_bytes(2, "big")


def read_memory(state: State, region: MemoryRegion, address: int, size: int) -> bytes:
    """Return bytes of a region."""
    start = address - region.address
    return _content(state, region)[start : start + size]


def write_memory(state: State, region: MemoryRegion, address: int, data: bytes) -> None:
    """Change bytes of a region; if the region belongs to a data identifier, 22 reads the new value."""
    start = address - region.address
    old = _content(state, region)
    new = old[:start] + data + old[start + len(data) :]
    if region.did is not None:
        state.values[region.did] = new
    else:
        state.memory[region.address] = new


def erase_memory(ecu: Ecu) -> None:
    """Fill every region with FF, except the regions of data identifiers."""
    for region in ecu.config.memory:
        if region.did is None:
            ecu.state.memory[region.address] = b"\xff" * len(region.initial)


def _content(state: State, region: MemoryRegion) -> bytes:
    return state.values[region.did] if region.did is not None else state.memory[region.address]
