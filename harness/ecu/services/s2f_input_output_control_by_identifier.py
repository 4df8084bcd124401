"""2F InputOutputControlByIdentifier: set a value without a write, or return control of the value."""

from typing import Final

from harness.ecu.config import OPEN
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service

_RETURN_CONTROL: Final = 0x00
RESET_TO_DEFAULT: Final = 0x01
_SHORT_TERM_ADJUSTMENT: Final = 0x03


def identifier_is_controllable(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse an identifier that cannot be written."""
    entry = ecu.data_identifiers.get(_did(request))
    return None if entry is not None and entry.write >= OPEN else Nrc.REQUEST_OUT_OF_RANGE


def control_is_known(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse unknown controls. Adjusting takes a value, returning control takes none."""
    parameter, value = request[3], request[4:]
    if parameter not in (_RETURN_CONTROL, RESET_TO_DEFAULT, _SHORT_TERM_ADJUSTMENT):
        return Nrc.REQUEST_OUT_OF_RANGE
    length = len(ecu.state.values[_did(request)]) if parameter == _SHORT_TERM_ADJUSTMENT else 0
    return None if len(value) == length else Nrc.INCORRECT_MESSAGE_LENGTH


def level_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse the request while the level that a write needs is locked."""
    needs = ecu.data_identifiers[_did(request)].write
    return None if not needs or needs == ecu.state.unlocked_level else Nrc.SECURITY_ACCESS_DENIED


def value_is_adjusted(ecu: Ecu, request: bytes) -> Answer | None:
    """Adjust the value, which 22 reads from then on; returning control leaves it unchanged."""
    if request[3] == _SHORT_TERM_ADJUSTMENT:
        ecu.state.values[_did(request)] = request[4:]
    if request[3] == RESET_TO_DEFAULT:
        ecu.state.values[_did(request)] = ecu.data_identifiers[_did(request)].initial
    return bytes((Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER + RESPONSE_OFFSET,)) + request[1:4]


def _did(request: bytes) -> int:
    return request[1] << 8 | request[2]


SERVICE = ServiceRules(
    sid=Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER,
    min_bytes=4,
    is_in_default_session=False,
    exists=lambda config: Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER in config.further_services,
    rules=(identifier_is_controllable, control_is_known, level_is_unlocked, value_is_adjusted),
)
