"""19 ReadDTCInformation: list the trouble codes that are stored (02), or those that are supported (0A)."""

from typing import Final

from harness.ecu.rules import Answer, Ecu, ServiceRules, sub_function
from harness.ecu.state import CONFIRMED
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_BY_STATUS_MASK: Final = 0x02
_SUPPORTED: Final = 0x0A


def request_fits_its_report(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the wrong length: a report by status (02) has a mask, the report of supported codes (0A) has nothing."""
    length = 3 if sub_function(request) == _BY_STATUS_MASK else 2
    return None if len(request) == length else Nrc.INCORRECT_MESSAGE_LENGTH


def trouble_codes_are_listed(ecu: Ecu, request: bytes) -> Answer | None:
    """List the trouble codes, three bytes of code and one of status for each."""
    kind = sub_function(request)
    stored = ecu.state.trouble_codes
    if kind == _BY_STATUS_MASK:
        listed = {code: status for code, status in stored.items() if status & request[2]}
    else:
        listed = {code: stored.get(code, 0x00) for code in ecu.config.trouble_codes}
    records = b"".join(code.to_bytes(3, "big") + bytes((status,)) for code, status in listed.items())
    return bytes((Service.READ_DTC_INFORMATION + RESPONSE_OFFSET, kind, CONFIRMED)) + records


SERVICE = ServiceRules(
    sid=Service.READ_DTC_INFORMATION,
    min_bytes=2,
    sub_functions=lambda config: frozenset((_BY_STATUS_MASK, _SUPPORTED)),
    exists=lambda config: bool(config.trouble_codes),
    rules=(request_fits_its_report, trouble_codes_are_listed),
)
