"""Which rules does a flawed ECU ask before, or in place of, the sound ones?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.ecu.defects import Defects
from harness.ecu.rules import (
    SILENCE,
    Answer,
    Ecu,
    Rule,
    ServiceRules,
    service_is_in_session,
    sub_function,
    sub_function_is_supported,
)
from harness.uds import RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, Session, is_send_key

SERIAL_NUMBER: Final = b"\x22\xf1\x8c"
"""The request on which the ECU shows what is wrong with single answers."""

_READ: Final = frozenset((int(Service.READ_DATA_BY_IDENTIFIER),))
_WRITE: Final = frozenset((int(Service.WRITE_DATA_BY_IDENTIFIER),))
_SECURITY_ACCESS: Final = frozenset((int(Service.SECURITY_ACCESS),))
_TESTER_PRESENT: Final = frozenset((int(Service.TESTER_PRESENT),))


def service_is_disowned_in_default_session(ecu: Ecu, request: bytes) -> Answer | None:
    """A service that the session lacks is said not to exist."""
    return Nrc.SERVICE_NOT_SUPPORTED if ecu.state.session == Session.DEFAULT else None


def level_is_disowned_in_default_session(ecu: Ecu, request: bytes) -> Answer | None:
    """A level that the session lacks is said not to exist."""
    is_known = len(request) > 1 and sub_function(request) in ecu.sub_functions[request[0]]
    return Nrc.SUB_FUNCTION_NOT_SUPPORTED if is_known and ecu.state.session == Session.DEFAULT else None


def unknown_sub_function_is_out_of_range(ecu: Ecu, request: bytes) -> Answer | None:
    """The code is the one for parameters."""
    return None if sub_function(request) in ecu.sub_functions[request[0]] else Nrc.REQUEST_OUT_OF_RANGE


def longer_request_is_refused(ecu: Ecu, request: bytes) -> Answer | None:
    """The length comes before the sub-function; a key has its own."""
    return None if len(request) == 2 or is_send_key(request) else Nrc.INCORRECT_MESSAGE_LENGTH


def unknown_identifier_is_denied(ecu: Ecu, request: bytes) -> Answer | None:
    """The lock comes before the question what it is that is locked."""
    is_unknown = len(request) > 3 and _dids(request)[0] not in ecu.data_identifiers
    return Nrc.SECURITY_ACCESS_DENIED if is_unknown and not ecu.state.unlocked_level else None


def misfitting_key_is_invalid(ecu: Ecu, request: bytes) -> Answer | None:
    """Whatever is not the key is a wrong key."""
    level = ecu.levels.get(ecu.state.seed_level)
    if not is_send_key(request) or level is None or len(request) == 2 + level.key_bytes:
        return None
    ecu.state.forget_seed()
    return Nrc.INVALID_KEY


def record_is_ignored(ecu: Ecu, request: bytes) -> Answer | None:
    """A seed is given as if nothing followed the sub-function."""
    return None if is_send_key(request) or len(request) == 2 else _answer(ecu, request[:2])


def half_identifier_is_ignored(ecu: Ecu, request: bytes) -> Answer | None:
    """One byte is no identifier, and so no request."""
    return SILENCE if len(request) == 2 else None


def unknown_identifier_is_no_service(ecu: Ecu, request: bytes) -> Answer | None:
    """What cannot be read or written is said to be the service."""
    return Nrc.SERVICE_NOT_SUPPORTED if _names_nothing_known(ecu, request) else None


def unknown_identifier_is_ignored(ecu: Ecu, request: bytes) -> Answer | None:
    """An identifier of another ECU, as it were."""
    return SILENCE if _names_nothing_known(ecu, request) else None


def first_identifier_is_read(ecu: Ecu, request: bytes) -> Answer | None:
    """What follows the first identifier is not looked at."""
    return _answer(ecu, request[:3]) if len(_dids(request)) > 1 else None


def partial_read_is_refused(ecu: Ecu, request: bytes) -> Answer | None:
    """All or nothing."""
    is_partial = any(did not in ecu.data_identifiers for did in _dids(request))
    return Nrc.REQUEST_OUT_OF_RANGE if is_partial else None


def duplicates_are_merged(ecu: Ecu, request: bytes) -> Answer | None:
    """Each identifier once, however often it was asked for."""
    dids = _dids(request)
    once = list(dict.fromkeys(dids))
    return _answer(ecu, request[:1] + b"".join(did.to_bytes(2, "big") for did in once)) if len(once) < len(dids) else None


def serial_number_is_padded(ecu: Ecu, request: bytes) -> Answer | None:
    """The record is copied with the zero that ends it in memory."""
    answer = _answer(ecu, request) if request == SERIAL_NUMBER else None
    return answer + b"\x00" if isinstance(answer, bytes) else answer


def another_sub_function_is_echoed(ecu: Ecu, request: bytes) -> Answer | None:
    """The suppress bit is set in the answer."""
    is_sound = len(request) == 2 and not sub_function(request)
    return bytes((request[0] + RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE)) if is_sound else None


def silent_presence_unlocks(ecu: Ecu, request: bytes) -> Answer | None:
    """What asks for no answer gets more than one."""
    if request[1:] == b"\x80" and ecu.state.session != Session.DEFAULT:
        ecu.state.unlocked_level = min(ecu.levels)
    return None


def _dids(request: bytes) -> list[int]:
    return [request[start] << 8 | request[start + 1] for start in range(1, len(request) - 1, 2)]


def _names_nothing_known(ecu: Ecu, request: bytes) -> bool:
    dids = _dids(request) if request[0] in _READ else _dids(request)[:1]
    has_its_length = len(request) & 1 if request[0] in _READ else len(request) > 3
    return bool(has_its_length and dids) and not any(did in ecu.data_identifiers for did in dids)


def _answer(ecu: Ecu, request: bytes) -> Answer | None:
    """What the service's own rules say of another request than the one that came."""
    answers = (rule(ecu, request) for rule in ecu.service.rules)
    return next((answer for answer in answers if answer is not None), None)


_FIRST: Final[tuple[tuple[str, frozenset[int], Rule], ...]] = (
    ("unavailable_level_answered_12", _SECURITY_ACCESS, level_is_disowned_in_default_session),
    ("write_of_unknown_identifier_denied", _WRITE, unknown_identifier_is_denied),
    ("half_identifier_silent", _READ, half_identifier_is_ignored),
    ("unknown_identifier_answered_11", _READ | _WRITE, unknown_identifier_is_no_service),
    ("unknown_identifier_silent", _READ | _WRITE, unknown_identifier_is_ignored),
    ("tester_present_without_echo", _TESTER_PRESENT, another_sub_function_is_echoed),
    ("tester_present_unlocks", _TESTER_PRESENT, silent_presence_unlocks),
)
"""By defect: the services whose chain begins with the rule."""

_BEFORE_ITS_OWN: Final[tuple[tuple[str, frozenset[int], Rule], ...]] = (
    ("key_of_wrong_length_is_invalid", _SECURITY_ACCESS, misfitting_key_is_invalid),
    ("seed_request_length_unchecked", _SECURITY_ACCESS, record_is_ignored),
    ("first_identifier_only", _READ, first_identifier_is_read),
    ("partial_read_refused", _READ, partial_read_is_refused),
    ("duplicate_identifiers_merged", _READ, duplicates_are_merged),
    ("read_with_trailing_byte", _READ, serial_number_is_padded),
)
"""By defect: the services in whose chain the rule stands behind those that every service has."""


def suppressible(defects: Defects, services: Iterable[ServiceRules]) -> frozenset[int]:
    """The services whose positive responses bit 7 of the sub-function suppresses."""
    if defects.suppress_bit_ignored:
        return frozenset()
    found = {service.sid for service in services if service.sub_functions is not None}
    return frozenset(found - _TESTER_PRESENT if defects.tester_present_always_answered else found)


def is_suppression_asked(service: ServiceRules, request: bytes) -> bool:
    """Whether bit 7 of a sub-function is set."""
    return service.sub_functions is not None and len(request) > 1 and bool(request[1] & SUPPRESS_POSITIVE_RESPONSE)


def with_flaws(service: ServiceRules, rules: tuple[Rule, ...], defects: Defects) -> tuple[Rule, ...]:
    """The chain of a service as the ECU's defects leave it; the same chain if it has none of these."""
    sid, own = service.sid, len(service.rules)
    general = [_flawed(service, rule, defects) for rule in rules[: len(rules) - own]]
    if defects.unavailable_service_answered_11 and not service.is_in_default_session:
        general.insert(0, [service_is_disowned_in_default_session])
    return (
        *(rule for name, sids, rule in _FIRST if sid in sids and getattr(defects, name)),
        *(rule for some in general for rule in some),
        *(rule for name, sids, rule in _BEFORE_ITS_OWN if sid in sids and getattr(defects, name)),
        *service.rules,
    )


def _flawed(service: ServiceRules, rule: Rule, defects: Defects) -> list[Rule]:
    """What stands in place of one of the rules that all services have."""
    if rule is service_is_in_session and service.sid in _SECURITY_ACCESS and defects.seeds_in_default_session:
        return []
    if rule is not sub_function_is_supported:
        return [rule]
    if defects.unsupported_sub_function_answered_31:
        return [unknown_sub_function_is_out_of_range]
    takes_nothing_more = Service(service.sid) in (
        *(Service.DIAGNOSTIC_SESSION_CONTROL, Service.ECU_RESET, Service.SECURITY_ACCESS, Service.TESTER_PRESENT),
    )
    return [longer_request_is_refused, rule] if defects.length_before_sub_function and takes_nothing_more else [rule]
