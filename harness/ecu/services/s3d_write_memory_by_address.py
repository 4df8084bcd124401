"""3D WriteMemoryByAddress: write memory whose level is unlocked."""

from typing import Final

from harness.ecu.memory import addressed, is_guarded, memory_is_there, write_memory
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_FORMAT_AT: Final = 1


def memory_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse to write a region while its own level is locked."""
    return Nrc.SECURITY_ACCESS_DENIED if is_guarded(ecu, request, _FORMAT_AT) else None


def memory_is_written(ecu: Ecu, request: bytes) -> Answer | None:
    """Store the bytes. The answer repeats address and size."""
    region, block = addressed(ecu, request, _FORMAT_AT)
    write_memory(ecu.state, region, block.address, request[block.end :])
    return bytes((Service.WRITE_MEMORY_BY_ADDRESS + RESPONSE_OFFSET,)) + request[_FORMAT_AT : block.end]


SERVICE = ServiceRules(
    sid=Service.WRITE_MEMORY_BY_ADDRESS,
    min_bytes=5,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(memory_is_there(_FORMAT_AT, has_data=True), memory_is_unlocked, memory_is_written),
)
