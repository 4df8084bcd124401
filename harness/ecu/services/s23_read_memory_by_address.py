"""23 ReadMemoryByAddress: read memory whose level is unlocked."""

from typing import Final

from harness.ecu.memory import addressed, is_guarded, memory_is_there, read_memory
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_FORMAT_AT: Final = 1


block_is_there: Final = memory_is_there(_FORMAT_AT)


def memory_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse to read a region while its own level is locked."""
    return Nrc.SECURITY_ACCESS_DENIED if is_guarded(ecu, request, _FORMAT_AT) else None


def memory_is_read(ecu: Ecu, request: bytes) -> Answer | None:
    """Answer with the bytes of the memory, and nothing else."""
    region, block = addressed(ecu, request, _FORMAT_AT)
    head = bytes((Service.READ_MEMORY_BY_ADDRESS + RESPONSE_OFFSET,))
    return head + read_memory(ecu.state, region, block.address, block.size)


SERVICE = ServiceRules(
    sid=Service.READ_MEMORY_BY_ADDRESS,
    min_bytes=4,
    is_in_default_session=False,
    exists=lambda config: bool(config.memory),
    rules=(block_is_there, memory_is_unlocked, memory_is_read),
)
