"""2E WriteDataByIdentifier: store a value in a data identifier whose level is unlocked."""

from harness.ecu.config import NEVER
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service


def identifier_is_writable(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse an identifier that nobody may write in the same way as one that does not exist."""
    entry = ecu.data_identifiers.get(did_of(request))
    return Nrc.REQUEST_OUT_OF_RANGE if entry is None or entry.write == NEVER else None


def value_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a value whose length is not that of the stored value."""
    is_fitting = len(request) == 3 + len(ecu.state.values[did_of(request)])
    return None if is_fitting else Nrc.INCORRECT_MESSAGE_LENGTH


def level_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse to write a protected value while its own level is locked."""
    needs = level_needed(ecu, request)
    return None if not needs or needs == ecu.state.unlocked_level else Nrc.SECURITY_ACCESS_DENIED


def value_is_allowed(ecu: Ecu, request: bytes) -> Answer | None:
    """Refuse a value outside the range that the identifier allows."""
    allowed = ecu.data_identifiers[did_of(request)].allowed
    is_allowed = allowed is None or int.from_bytes(request[3:], "big") in allowed
    return None if is_allowed else Nrc.REQUEST_OUT_OF_RANGE


def value_is_stored(ecu: Ecu, request: bytes) -> Answer | None:
    """Store the value, which 22 reads from then on."""
    ecu.state.values[did_of(request)] = request[3:]
    return bytes((Service.WRITE_DATA_BY_IDENTIFIER + RESPONSE_OFFSET, request[1], request[2]))


def level_needed(ecu: Ecu, request: bytes) -> int:
    """Return the level that is needed to write the identifier."""
    return ecu.data_identifiers[did_of(request)].write


def did_of(request: bytes) -> int:
    """Return the identifier that the request names."""
    return request[1] << 8 | request[2]


SERVICE = ServiceRules(
    sid=Service.WRITE_DATA_BY_IDENTIFIER,
    min_bytes=4,
    rules=(identifier_is_writable, value_has_its_length, level_is_unlocked, value_is_allowed, value_is_stored),
)
