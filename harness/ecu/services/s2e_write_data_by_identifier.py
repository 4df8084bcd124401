"""2E WriteDataByIdentifier: which value may be stored, and by whom."""

from __future__ import annotations

from harness.ecu.config import NEVER
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service


def identifier_is_writable(ecu: Ecu, request: bytes) -> Answer | None:
    """To a writer, an identifier that nobody may write does not exist."""
    entry = ecu.data_identifiers.get(did_of(request))
    return Nrc.REQUEST_OUT_OF_RANGE if entry is None or entry.write == NEVER else None


def value_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Neither a byte more nor one less."""
    is_fitting = len(request) == 3 + len(ecu.state.values[did_of(request)])
    return None if is_fitting else Nrc.INCORRECT_MESSAGE_LENGTH


def level_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """A protected value is written only while its own level is unlocked."""
    needs = level_needed(ecu, request)
    return None if not needs or needs == ecu.state.unlocked_level else Nrc.SECURITY_ACCESS_DENIED


def value_is_allowed(ecu: Ecu, request: bytes) -> Answer | None:
    """The value lies in the range that the ECU was built for."""
    allowed = ecu.data_identifiers[did_of(request)].allowed
    is_allowed = allowed is None or int.from_bytes(request[3:], "big") in allowed
    return None if is_allowed else Nrc.REQUEST_OUT_OF_RANGE


def value_is_stored(ecu: Ecu, request: bytes) -> Answer | None:
    """The value is what 22 reads from now on."""
    ecu.state.values[did_of(request)] = request[3:]
    return bytes((Service.WRITE_DATA_BY_IDENTIFIER + RESPONSE_OFFSET, request[1], request[2]))


def level_needed(ecu: Ecu, request: bytes) -> int:
    """What the identifier needs to be written."""
    return ecu.data_identifiers[did_of(request)].write


def did_of(request: bytes) -> int:
    """The identifier that the request names."""
    return request[1] << 8 | request[2]


SERVICE = ServiceRules(
    sid=Service.WRITE_DATA_BY_IDENTIFIER,
    min_bytes=4,
    rules=(
        identifier_is_writable,
        value_has_its_length,
        level_is_unlocked,
        value_is_allowed,
        value_is_stored,
    ),
)
