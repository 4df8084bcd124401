"""2F InputOutputControlByIdentifier: a defect lets everybody set protected values. A sound ECU has nothing to control."""

from __future__ import annotations

from typing import Final

from harness.ecu.config import OPEN
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_RETURN_CONTROL: Final = 0x00
_SHORT_TERM_ADJUSTMENT: Final = 0x03


def identifier_is_controllable(ecu: Ecu, request: bytes) -> Answer | None:
    """What can be written can be adjusted."""
    entry = ecu.data_identifiers.get(_did(request))
    return None if entry is not None and entry.write >= OPEN else Nrc.REQUEST_OUT_OF_RANGE


def control_is_known(ecu: Ecu, request: bytes) -> Answer | None:
    """Adjusting takes a value, returning control takes none."""
    parameter, value = request[3], request[4:]
    if parameter not in (_RETURN_CONTROL, _SHORT_TERM_ADJUSTMENT):
        return Nrc.REQUEST_OUT_OF_RANGE
    length = len(ecu.state.values[_did(request)]) if parameter == _SHORT_TERM_ADJUSTMENT else 0
    return None if len(value) == length else Nrc.INCORRECT_MESSAGE_LENGTH


def value_is_adjusted(ecu: Ecu, request: bytes) -> Answer | None:
    """The value is what 22 reads from now on; returning control leaves it there."""
    if request[3] == _SHORT_TERM_ADJUSTMENT:
        ecu.state.values[_did(request)] = request[4:]
    return bytes((Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER + RESPONSE_OFFSET,)) + request[1:4]


def _did(request: bytes) -> int:
    return request[1] << 8 | request[2]


SERVICE = ServiceRules(
    sid=Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER,
    min_bytes=4,
    is_in_default_session=False,
    exists=lambda config: config.defects.io_control_unprotected,
    rules=(identifier_is_controllable, control_is_known, value_is_adjusted),
)
