"""2E WriteDataByIdentifier: which value may be stored, and by whom?"""

from __future__ import annotations

from harness.ecu.config import NEVER
from harness.ecu.rules import Answer, Ecu, ServiceRules
from harness.uds import RESPONSE_OFFSET, Nrc, Service, Session


def high_bit_is_ignored(ecu: Ecu, request: bytes) -> Answer | None:
    """Only by a defect: what is written to B020 goes to 3020, and nobody asks for a level."""
    did = _did(request) & 0x7FFF
    if not ecu.config.defects.identifier_high_bit_ignored or did == _did(request) or did not in ecu.data_identifiers:
        return None
    if len(request) != 3 + len(ecu.state.values[did]):
        return None
    ecu.state.values[did] = request[3:]
    return bytes((Service.WRITE_DATA_BY_IDENTIFIER + RESPONSE_OFFSET, request[1], request[2]))


def identifier_is_writable(ecu: Ecu, request: bytes) -> Answer | None:
    """To a writer, an identifier that nobody may write does not exist."""
    entry = ecu.data_identifiers.get(_did(request))
    return Nrc.REQUEST_OUT_OF_RANGE if entry is None or entry.write == NEVER else None


def value_has_its_length(ecu: Ecu, request: bytes) -> Answer | None:
    """Neither a byte more nor one less."""
    if len(request) == 3 + len(ecu.state.values[_did(request)]) or ecu.config.defects.write_length_unchecked:
        return None
    denied = level_is_unlocked(ecu, request) if ecu.config.refuses_level_first else None
    return denied or Nrc.INCORRECT_MESSAGE_LENGTH


def level_is_unlocked(ecu: Ecu, request: bytes) -> Answer | None:
    """A protected value is written only while its own level is unlocked."""
    state = ecu.state
    needs = ecu.data_identifiers[_did(request)].write
    if not needs or needs == state.unlocked_level:
        return None
    defects = ecu.config.defects
    if defects.write_unprotected or (defects.any_level_is_enough and state.unlocked_level):
        return None
    if needs in state.still_unlocked:
        return None
    if defects.unprotected_in_extended_session and state.session == Session.EXTENDED:
        return None
    if defects.unprotected_while_seed_pending and state.seed:
        return None
    if defects.functional_skips_security and ecu.is_functional:
        return None
    if defects.extended_id_skips_security and ecu.is_by_alias:
        return None
    if defects.level_checked_at_first_frame and needs == state.level_at_first_frame:
        return None
    if defects.write_before_refusal:
        value_is_stored(ecu, request)
    return Nrc.SECURITY_ACCESS_DENIED


def value_is_allowed(ecu: Ecu, request: bytes) -> Answer | None:
    """The value lies in the range that the ECU was built for."""
    allowed = ecu.data_identifiers[_did(request)].allowed
    if allowed is None or int.from_bytes(_value(ecu, request), "big") in allowed:
        return None
    if ecu.config.defects.value_range_unchecked:
        return None
    return Nrc.REQUEST_OUT_OF_RANGE


def value_is_stored(ecu: Ecu, request: bytes) -> Answer | None:
    """The value is what 22 reads from now on."""
    ecu.state.values[_did(request)] = _value(ecu, request)
    return bytes((Service.WRITE_DATA_BY_IDENTIFIER + RESPONSE_OFFSET, request[1], request[2]))


def _did(request: bytes) -> int:
    return request[1] << 8 | request[2]


def _value(ecu: Ecu, request: bytes) -> bytes:
    """The bytes sent. If nobody checked their number, what is too much is cut off and what is missing stays."""
    old = ecu.state.values[_did(request)]
    new = request[3 : 3 + len(old)]
    return new + old[len(new) :]


SERVICE = ServiceRules(
    sid=Service.WRITE_DATA_BY_IDENTIFIER,
    min_bytes=4,
    rules=(
        high_bit_is_ignored,
        identifier_is_writable,
        value_has_its_length,
        level_is_unlocked,
        value_is_allowed,
        value_is_stored,
    ),
)
