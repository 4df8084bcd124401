"""11 ECUReset: answer, then boot."""

from harness.ecu.rules import (
    Answer,
    Ecu,
    ServiceRules,
    level_of_the_service_is_unlocked,
    nothing_follows_the_sub_function,
    sub_function,
)
from harness.uds import RESPONSE_OFFSET, ResetType, Service


def ecu_boots(ecu: Ecu, request: bytes) -> Answer | None:
    """Boot after the answer has been sent; every type of reset does the same."""
    ecu.reset(sub_function(request))
    return bytes((Service.ECU_RESET + RESPONSE_OFFSET, sub_function(request)))


SERVICE = ServiceRules(
    sid=Service.ECU_RESET,
    min_bytes=2,
    sub_functions=lambda config: frozenset(ResetType),
    rules=(nothing_follows_the_sub_function, level_of_the_service_is_unlocked, ecu_boots),
)
