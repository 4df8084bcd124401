"""Flaws of the form of answers, and of the order of refusals."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from harness.ecu.definition import ANY_SERVICE, Definition
from harness.ecu.ecu_node import UdsNode
from harness.ecu.flaws.declare import flaw
from harness.ecu.rules import (
    UNSUPPORTED,
    Answer,
    Ecu,
    Rule,
    service_is_in_session,
    service_is_not_supported,
    sub_function,
    sub_function_is_supported,
)
from harness.ecu.services.s22_read_data_by_identifier import identifiers_are_whole, supported_identifiers_are_read
from harness.ecu.services.s27_security_access import authentication_has_passed
from harness.uds import (
    NEGATIVE_RESPONSE,
    RESPONSE_OFFSET,
    SUPPRESS_POSITIVE_RESPONSE,
    Nrc,
    Service,
    Session,
    is_send_key,
    negative_response,
)

_CORRUPTED_35 = "the refusal of a wrong key is the one spoilt, or one of those"
_CORRUPTED_31 = "the refusal of an unknown identifier is one of those spoilt"
_WALKED_INTO = "a random walk, held against the states of the standard, comes by it"
_MUTATED_INTO = "a mutated request is one of those that show it"

SILENCE: Final = b""

_READ: Final = Service.READ_DATA_BY_IDENTIFIER
_WRITE: Final = Service.WRITE_DATA_BY_IDENTIFIER
_SERIAL_NUMBER: Final = b"\x22\xf1\x8c"
_OFTEN_MALFORMED: Final = frozenset((Nrc.INVALID_KEY, Nrc.REQUEST_OUT_OF_RANGE))
"""The codes whose refusals a flaw malforms unless it names others; the article's script gets these two wrong."""


def _malformed(
    definition: Definition, form: Callable[[bytes, Nrc], bytes], codes: frozenset[Nrc] = _OFTEN_MALFORMED
) -> Definition:
    """Replace the refusals with these codes by what `form` makes of them."""
    return definition.claim("the form of refusals").wrap_decision(
        refusal=lambda go_on, request, nrc: form(request, nrc) if nrc in codes else go_on(request, nrc)
    )


def _dids(request: bytes) -> list[int]:
    return [request[start] << 8 | request[start + 1] for start in range(1, len(request) - 1, 2)]


def _names_nothing_known(ecu: Ecu, request: bytes) -> bool:
    is_read = request[0] == _READ
    dids = _dids(request) if is_read else _dids(request)[:1]
    has_its_length = len(request) & 1 if is_read else len(request) > 3
    return bool(has_its_length and dids) and not any(did in ecu.data_identifiers for did in dids)


def _to_the_unknown(definition: Definition, answer: Answer) -> Definition:
    """Give this answer to reads and writes of identifiers that the ECU does not have."""
    return definition.insert((_READ, _WRITE), lambda ecu, request: answer if _names_nothing_known(ecu, request) else None)


# The form of refusals.


@flaw(number="M84a", kills=("CF-01",), also={"CF-07": _CORRUPTED_35, "FZ-04": _WALKED_INTO})
def invalid_key_as_request(definition: Definition) -> Definition:
    """A wrong key is answered 27 35: no 7F, so it reads as a request."""
    return _malformed(definition, lambda request, nrc: bytes((request[0], nrc)), frozenset((Nrc.INVALID_KEY,)))


@flaw(
    number="M84b",
    kills=("CF-01",),
    also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO, "CF-05": _CORRUPTED_31, "CF-07": _CORRUPTED_35},
)
def negative_with_length(definition: Definition) -> Definition:
    """Refusals with 31 and 35 hold the request's length in place of its service."""
    return _malformed(definition, lambda request, nrc: bytes((NEGATIVE_RESPONSE, len(request) & 0xFF, nrc)))


@flaw(
    number="M84c",
    kills=("CF-01",),
    also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO, "CF-05": _CORRUPTED_31, "CF-07": _CORRUPTED_35},
)
def negative_with_wrong_service(definition: Definition) -> Definition:
    """Refusals with 31 and 35 name another service than the request's."""
    return _malformed(definition, lambda request, nrc: negative_response(request[0] ^ 0x01, nrc))


@flaw(
    number="M84d",
    kills=("CF-01",),
    also={
        "FZ-02": _MUTATED_INTO,
        "FZ-04": _WALKED_INTO,
        "CF-05": _CORRUPTED_31,
        "CF-07": _CORRUPTED_35,
        "CF-12": "an answer without a code is no final one",
    },
)
def negative_without_code(definition: Definition) -> Definition:
    """Refusals with 31 and 35 end after the service, without the code."""
    return _malformed(definition, lambda request, nrc: bytes((NEGATIVE_RESPONSE, request[0])))


# Which refusal, and in which order.


@flaw(number="M85a", kills=("CF-06",))
def unavailable_service_answered_11(definition: Definition) -> Definition:
    """A service that the present session lacks is refused with 11 instead of 7F."""

    def disown(ecu: Ecu, request: bytes) -> Answer | None:
        return Nrc.SERVICE_NOT_SUPPORTED if ecu.state.session == Session.DEFAULT else None

    return definition.insert(ANY_SERVICE, disown, before=service_is_in_session)


@flaw(number="M85b", kills=("CF-06",))
def unavailable_level_answered_12(definition: Definition) -> Definition:
    """A security level that the present session lacks is refused with 12 instead of 7E."""

    def disown(ecu: Ecu, request: bytes) -> Answer | None:
        is_known = len(request) > 1 and sub_function(request) in ecu.sub_functions[request[0]]
        return Nrc.SUB_FUNCTION_NOT_SUPPORTED if is_known and ecu.state.session == Session.DEFAULT else None

    return definition.insert(Service.SECURITY_ACCESS, disown)


@flaw(number="M85c", kills=("CF-02",))
def unsupported_service_answered_31(definition: Definition) -> Definition:
    """A service that does not exist is refused with 31 instead of 11."""
    return definition.replace(UNSUPPORTED.sid, service_is_not_supported, lambda ecu, request: Nrc.REQUEST_OUT_OF_RANGE)


@flaw(kills=("CF-02",), also={"FZ-02": _MUTATED_INTO})
def unsupported_service_silent(definition: Definition) -> Definition:
    """A service that does not exist is not answered."""
    return definition.replace(UNSUPPORTED.sid, service_is_not_supported, lambda ecu, request: SILENCE)


@flaw(
    number="M86a",
    kills=(),
    survives="The facts do not fix the order of 33 and 31 for an unknown identifier: both are tolerated.",
)
def write_of_unknown_identifier_denied(definition: Definition) -> Definition:
    """While locked, a write of an identifier that does not exist is refused with 33 before 31."""

    def deny(ecu: Ecu, request: bytes) -> Answer | None:
        is_unknown = len(request) > 3 and _dids(request)[0] not in ecu.data_identifiers
        return Nrc.SECURITY_ACCESS_DENIED if is_unknown and not ecu.state.unlocked_level else None

    return definition.insert(_WRITE, deny)


@flaw(
    number="M86b",
    kills=(),
    survives="The facts do not fix the order of 35 and 13 for a key of the wrong length: both are tolerated.",
)
def key_of_wrong_length_is_invalid(definition: Definition) -> Definition:
    """A key of the wrong length is refused with 35 before 13, and not counted."""

    def refuse(ecu: Ecu, request: bytes) -> Answer | None:
        level = ecu.levels.get(ecu.state.seed_level)
        if not is_send_key(request) or level is None or len(request) == 2 + level.key_bytes:
            return None
        ecu.state.forget_seed()
        return Nrc.INVALID_KEY

    return definition.insert(Service.SECURITY_ACCESS, refuse, before=authentication_has_passed)


@flaw(kills=("CF-03",), also={"CF-06": "it is the refusal that has to come before that for the length"})
def unsupported_sub_function_answered_31(definition: Definition) -> Definition:
    """A sub-function that does not exist is refused with 31 instead of 12."""

    def refuse(ecu: Ecu, request: bytes) -> Answer | None:
        return None if sub_function(request) in ecu.sub_functions[request[0]] else Nrc.REQUEST_OUT_OF_RANGE

    return definition.replace(ANY_SERVICE, sub_function_is_supported, refuse)


@flaw(kills=("CF-06",))
def length_before_sub_function(definition: Definition) -> Definition:
    """A request that is too long is refused with 13, even if its sub-function is unknown."""

    def measure(ecu: Ecu, request: bytes) -> Answer | None:
        return None if len(request) == 2 or is_send_key(request) else Nrc.INCORRECT_MESSAGE_LENGTH

    of_two_bytes = (Service.DIAGNOSTIC_SESSION_CONTROL, Service.ECU_RESET, Service.SECURITY_ACCESS, Service.TESTER_PRESENT)
    return definition.insert(of_two_bytes, measure, before=sub_function_is_supported)


# What is not refused, or not answered.


@flaw(number="M112a", kills=("CF-04",), also={"SA-38": "records of any length are taken"})
def seed_request_length_unchecked(definition: Definition) -> Definition:
    """Bytes after a request for a seed are ignored instead of refused."""
    return definition.rewrite(Service.SECURITY_ACCESS, lambda ecu, request: request if is_send_key(request) else request[:2])


@flaw(number="M112b", kills=("CF-04",), also={"FZ-02": _MUTATED_INTO})
def half_identifier_silent(definition: Definition) -> Definition:
    """A read of half an identifier is not answered."""
    return definition.insert(_READ, lambda ecu, request: SILENCE if len(request) == 2 else None)


@flaw(
    number="M113a", kills=("CF-05",), also={"CF-06": "its write is refused with neither of the two codes that it deserves"}
)
def unknown_identifier_answered_11(definition: Definition) -> Definition:
    """An identifier that does not exist is refused with 11."""
    return _to_the_unknown(definition, Nrc.SERVICE_NOT_SUPPORTED)


@flaw(number="M113b", kills=("CF-05",), also={"FZ-02": _MUTATED_INTO})
def unknown_identifier_silent(definition: Definition) -> Definition:
    """An identifier that does not exist is not answered."""
    return _to_the_unknown(definition, SILENCE)


# Which answers are sent, and how often.


@flaw(number="M87", kills=("CF-08",))
def functional_refusals_sent(definition: Definition) -> Definition:
    """Requests to all ECUs that do not concern this one are refused instead of ignored."""
    return definition.replace_decision(is_refusal_sent=lambda ecu, request, nrc: True)


@flaw(number="M88", kills=("CF-09",))
def suppress_bit_silences_refusals(definition: Definition) -> Definition:
    """Bit 7 of a sub-function suppresses negative responses too."""

    def is_sent(go_on: Callable[..., bool], ecu: Ecu, request: bytes, nrc: Nrc) -> bool:
        has_bit = ecu.service.sub_functions is not None and len(request) > 1 and request[1] & SUPPRESS_POSITIVE_RESPONSE
        return not has_bit and go_on(ecu, request, nrc)

    return definition.wrap_decision(is_refusal_sent=is_sent)


@flaw(kills=("CF-09",), also={"ST-04": "3E 80 is answered"})
def suppress_bit_ignored(definition: Definition) -> Definition:
    """Bit 7 of a sub-function suppresses nothing."""
    return definition.with_every_service(lambda service: replace(service, obeys_suppress_bit=False))


@flaw(number="M89", kills=("CF-12",), also={"FZ-02": _MUTATED_INTO})
def answers_twice(definition: Definition) -> Definition:
    """Every answer that fits a single frame is sent twice."""

    def transmit(go_on: Callable[[bytes], None], node: UdsNode, answer: bytes) -> None:
        go_on(answer)
        if not node.isotp.is_sending:
            go_on(answer)

    return definition.at("transmit", transmit)


@flaw(kills=("CF-12",))
def wrong_key_answered_twice(definition: Definition) -> Definition:
    """A wrong key is refused with 35, and directly after that with 36: two layers send an answer each."""

    def transmit(go_on: Callable[[bytes], None], node: UdsNode, answer: bytes) -> None:
        go_on(answer)
        if answer == negative_response(Service.SECURITY_ACCESS, Nrc.INVALID_KEY):
            go_on(negative_response(Service.SECURITY_ACCESS, Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS))

    return definition.at("transmit", transmit)


# What a positive response holds.


@flaw(kills=("CF-10",), also={"FZ-02": _MUTATED_INTO, "FZ-04": _WALKED_INTO})
def tester_present_without_echo(definition: Definition) -> Definition:
    """TesterPresent is answered 7E 80, which does not repeat the sub-function of the request."""

    def confirm(ecu: Ecu, request: bytes) -> Answer | None:
        is_sound = len(request) == 2 and not sub_function(request)
        return bytes((request[0] + RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE)) if is_sound else None

    return definition.insert(Service.TESTER_PRESENT, confirm)


@flaw(kills=("CF-10",))
def read_with_trailing_byte(definition: Definition) -> Definition:
    """A read of the serial number returns one byte behind the value."""

    def read(go_on: Rule, ecu: Ecu, request: bytes) -> Answer | None:
        answer = go_on(ecu, request)
        return answer + b"\x00" if request == _SERIAL_NUMBER and isinstance(answer, bytes) else answer

    return definition.wrap(_READ, supported_identifiers_are_read, read)


@flaw(number="M115a", kills=("CF-11",))
def first_identifier_only(definition: Definition) -> Definition:
    """Of several identifiers only the first one is read."""
    return definition.rewrite(_READ, lambda ecu, request: request[:3] if len(_dids(request)) > 1 else request)


@flaw(number="M115b", kills=("CF-11",))
def partial_read_refused(definition: Definition) -> Definition:
    """One unknown identifier among known ones refuses them all with 31."""

    def refuse(ecu: Ecu, request: bytes) -> Answer | None:
        is_partial = any(did not in ecu.data_identifiers for did in _dids(request))
        return Nrc.REQUEST_OUT_OF_RANGE if is_partial else None

    return definition.insert(_READ, refuse, before=identifiers_are_whole)


@flaw(number="M115c", kills=("CF-11",))
def duplicate_identifiers_merged(definition: Definition) -> Definition:
    """An identifier that is asked for twice is read once."""

    def merge(ecu: Ecu, request: bytes) -> bytes:
        once = dict.fromkeys(_dids(request))
        is_repeated = len(once) < len(_dids(request))
        return request[:1] + b"".join(did.to_bytes(2, "big") for did in once) if is_repeated else request

    return definition.rewrite(_READ, merge)
