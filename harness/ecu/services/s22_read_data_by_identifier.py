"""22 ReadDataByIdentifier: read one or several data identifiers."""

from typing import Final

from harness.ecu.config import NEVER
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_HEAD: Final = bytes((Service.READ_DATA_BY_IDENTIFIER + RESPONSE_OFFSET,))
MAX_RESPONSE_BYTES: Final = 4095


def identifiers_are_whole(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a request that does not consist of the service and two bytes for each identifier."""
    return None if len(request) & 1 else Nrc.INCORRECT_MESSAGE_LENGTH


def supported_identifiers_are_read(ecu: Ecu, request: bytes) -> Answer | None:
    """Read each identifier as often as it is requested.

    The whole request is refused if one identifier needs a level that is locked; unknown identifiers are left out.
    """
    state, entries = ecu.state, ecu.data_identifiers
    response = _HEAD
    for start in range(1, len(request), 2):
        did = request[start] << 8 | request[start + 1]
        needs = entries[did].read if did in entries else NEVER
        if needs == NEVER:
            continue
        if needs and needs != state.unlocked_level:
            return Nrc.SECURITY_ACCESS_DENIED
        response += request[start : start + 2] + state.values[did]
    if response is _HEAD:
        return Nrc.REQUEST_OUT_OF_RANGE
    return response if len(response) <= MAX_RESPONSE_BYTES else Nrc.RESPONSE_TOO_LONG


SERVICE = ServiceRules(
    sid=Service.READ_DATA_BY_IDENTIFIER, min_bytes=3, rules=(identifiers_are_whole, supported_identifiers_are_read)
)
