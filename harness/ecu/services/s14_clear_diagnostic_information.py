"""14 ClearDiagnosticInformation: clear stored trouble codes."""

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, level_of_the_service_is_unlocked
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_ALL_GROUPS: Final = 0xFFFFFF


def request_is_one_group(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a request without exactly three bytes of trouble code."""
    return None if len(request) == 4 else Nrc.INCORRECT_MESSAGE_LENGTH


def trouble_codes_are_cleared(ecu: Ecu, request: bytes) -> Answer | None:
    """Clear all trouble codes, or the one that the request names."""
    group = int.from_bytes(request[1:], "big")
    codes = ecu.state.trouble_codes
    if group != _ALL_GROUPS and group not in ecu.config.trouble_codes:
        return Nrc.REQUEST_OUT_OF_RANGE
    for code in [code for code in codes if group in (_ALL_GROUPS, code)]:
        del codes[code]
    return bytes((Service.CLEAR_DIAGNOSTIC_INFORMATION + RESPONSE_OFFSET,))


SERVICE = ServiceRules(
    sid=Service.CLEAR_DIAGNOSTIC_INFORMATION,
    min_bytes=4,
    is_in_default_session=False,
    exists=lambda config: bool(config.trouble_codes),
    rules=(request_is_one_group, level_of_the_service_is_unlocked, trouble_codes_are_cleared),
)
