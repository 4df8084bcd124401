"""3E TesterPresent: keep the session, as every request does, and do nothing else."""

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, nothing_follows_the_sub_function
from harness.uds import RESPONSE_OFFSET, Service

_ZERO_SUB_FUNCTION: Final = 0x00


def presence_is_confirmed(ecu: Ecu, request: bytes) -> Answer | None:
    """Answer; the server has restarted S3 already."""
    return bytes((Service.TESTER_PRESENT + RESPONSE_OFFSET, _ZERO_SUB_FUNCTION))


SERVICE = ServiceRules(
    sid=Service.TESTER_PRESENT,
    min_bytes=2,
    sub_functions=lambda config: frozenset((_ZERO_SUB_FUNCTION,)),
    rules=(nothing_follows_the_sub_function, presence_is_confirmed),
)
