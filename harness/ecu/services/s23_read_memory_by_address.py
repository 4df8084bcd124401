"""23 ReadMemoryByAddress: which bytes are delivered, and to whom?"""

from __future__ import annotations

from typing import Final

from harness.ecu.memory import Block, addressed, is_guarded, memory_is_there, read_memory, region_of
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_FORMAT_AT: Final = 1
_OLDER_BYTES: Final = 7


def older_form_is_refused(ecu: Ecu, request: bytes) -> Answer | None:
    """Without a format a request is none; a defect takes four bytes of address and two of size, and asks for no level."""
    if not ecu.config.defects.memory_read_in_older_form or len(request) != _OLDER_BYTES:
        return None
    block = Block(int.from_bytes(request[1:5], "big"), int.from_bytes(request[5:], "big"), _OLDER_BYTES)
    region = region_of(ecu, block)
    if region is None:
        return None
    head = bytes((Service.READ_MEMORY_BY_ADDRESS + RESPONSE_OFFSET,))
    return head + read_memory(ecu.state, region, block.address, block.size)


def memory_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """A region is read while its own level is unlocked."""
    is_locked = is_guarded(ecu, request, _FORMAT_AT) and not ecu.config.defects.memory_read_unprotected
    return Nrc.SECURITY_ACCESS_DENIED if is_locked else None


def memory_is_read(ecu: Ecu, request: bytes) -> Answer | None:
    """Nothing but the bytes."""
    region, block = addressed(ecu, request, _FORMAT_AT)
    head = bytes((Service.READ_MEMORY_BY_ADDRESS + RESPONSE_OFFSET,))
    return head + read_memory(ecu.state, region, block.address, block.size)


SERVICE = ServiceRules(
    sid=Service.READ_MEMORY_BY_ADDRESS,
    min_bytes=4,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(older_form_is_refused, memory_is_there(_FORMAT_AT), memory_is_unlocked, memory_is_read),
)
