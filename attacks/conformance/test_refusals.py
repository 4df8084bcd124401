"""Check that the ECU refuses impossible requests with the code that says why."""

from collections.abc import Iterator

from attacks.conformance.working_services import (
    AT_START_OR_IN_DELAY,
    UNKNOWN_DIDS,
    UNKNOWN_PRESENCE,
    UNKNOWN_SESSION,
    first_level,
    has_session_control,
    has_tester_present,
    is_unfinished,
    readable,
    require_life,
    session_beside_default,
    two_bytes,
    unknown_did,
    unknown_level,
)
from harness import Nrc, Reply, Service, Severity, Tester, attack, fail, inconclusive, negative, uds

EMPTY_RECORD = 3
"""The length in bytes of an answer to 22 that holds an identifier and no data."""

NOT_HERE = (
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SECURITY_ACCESS_DENIED,
    Nrc.AUTHENTICATION_REQUIRED,
)
"""Codes that may come before the expected one, by the standard's order of checks."""

EARLIER = {0x10: (Nrc.CONDITIONS_NOT_CORRECT,), 0x27: AT_START_OR_IN_DELAY}
"""Codes that a service may give to any request, e.g. to a session change while the vehicle moves."""


@attack(
    id="CF-03",
    title="Unsupported sub-functions are answered with 0x12",
    failure="Unsupported sub-functions are not answered with 0x12",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 server response rules, Figure 6: subFunctionNotSupported",
    rationale="A tester tells from 0x12 which variants of a service an ECU has. Another code sends it looking for a fault, "
    "and silence makes it wait.",
    remediation="Answer 7F SID 12 to every sub-function that the ECU has in no session.",
    uses=("reset",),
    proven_by=("unsupported_sub_function_answered_31",),
)
def test_unsupported_sub_functions_are_answered_with_0x12(tester: Tester) -> None:
    asked = 0
    for pdu in sub_functions_to_miss(tester):
        reply = tester.request(pdu)
        if reply.is_positive:
            tester.note(f"{pdu.hex(' ').upper()} exists, although nothing declares it")
            continue
        asked += 1
        require_life(tester, reply)
        first = (*NOT_HERE, *EARLIER.get(pdu[0], ()))
        tester.judge(reply, sound=negative(Nrc.SUB_FUNCTION_NOT_SUPPORTED), tolerated=negative(*first))
    if not asked:
        inconclusive("no service with sub-functions is known to be there")


def sub_functions_to_miss(tester: Tester) -> Iterator[bytes]:
    """Yield, for each service that was seen to exist, a sub-function that no ECU should have."""
    if has_session_control(tester) and tester.permits(UNKNOWN_SESSION):
        yield UNKNOWN_SESSION
    if has_tester_present(tester):
        yield bytes((0x3E, UNKNOWN_PRESENCE))
    if first_level(tester) is not None:
        yield uds.request_seed(unknown_level(tester))


@attack(
    id="CF-04",
    title="Requests of the wrong length are answered with 0x13",
    failure="Requests of the wrong length are not answered with 0x13",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 server response rules, Figure 6: incorrectMessageLengthOrInvalidFormat",
    cwe=(130,),
    rationale="What is executed in spite of its length was not looked at as a whole: bytes that nobody checks are where "
    "memory errors and smuggled requests begin.",
    remediation="Compare the length of each request with that of its service and sub-function; answer 0x13 and do nothing.",
    proven_by=("seed_request_length_unchecked", "half_identifier_silent"),
)
def test_requests_of_the_wrong_length_are_answered_with_0x13(tester: Tester) -> None:
    tester.require_quiet()
    wrong: list[Reply] = []
    asked = 0
    for pdu, tolerated in misfits(tester):
        reply = tester.request(pdu)
        asked += 1
        require_life(tester, reply)
        if reply.is_positive:
            tester.cite(reply)
            fail(expected=f"negative 0x13 to {pdu.hex(' ').upper()}", observed=f"executed: {reply}")
        if reply.is_refused_with(*tolerated):
            tester.note(f"tolerated: {reply} to {pdu.hex(' ').upper()}, where 0x13 is the rule")
        elif is_unfinished(reply):
            tester.note(f"the ECU comes to no answer to {pdu.hex(' ').upper()}: {reply}")
        elif not reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            wrong.append(reply)
    if not asked:
        inconclusive("no service is known to be there that could be asked in the wrong length")
    if wrong:
        tester.judge(wrong[0], sound=negative(Nrc.INCORRECT_MESSAGE_LENGTH), severity=Severity.LOW)


def misfits(tester: Tester) -> Iterator[tuple[bytes, tuple[int, ...]]]:
    """Yield requests too short or too long for each service that was seen to exist, and further codes that are right."""
    for entry in readable(tester, 1):
        did = two_bytes(entry.did)
        yield from ((b"\x22", ()), (b"\x22" + did[:1], ()), (b"\x22" + did + b"\x20", ()))
    if has_tester_present(tester):
        yield b"\x3e", ()
    session = session_beside_default(tester)
    if session is not None:
        yield bytes((0x10, session, 0x00)), (Nrc.CONDITIONS_NOT_CORRECT,)
    level = first_level(tester)
    if level is not None:
        elsewhere = (*NOT_HERE, *AT_START_OR_IN_DELAY)
        yield b"\x27", elsewhere
        if tester.security.request_seed(level).is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH):
            tester.note(
                f"27 {level:02X} alone is too short for this ECU: it wants a record behind it, of a length unknown here"
            )
            return
        yield bytes((0x27, level, 0x00)), (*elsewhere, Nrc.REQUEST_OUT_OF_RANGE)


@attack(
    id="CF-05",
    title="Unsupported data identifiers are answered with 0x31",
    failure="Unsupported data identifiers are not answered with 0x31",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 ReadDataByIdentifier and WriteDataByIdentifier: requestOutOfRange; SWS_Dcm_00438",
    rationale="0x31 says that this one identifier is not there. 0x11 says that none is, and silence that the ECU is gone.",
    remediation="Answer 7F 22 31 or 7F 2E 31 to an identifier that the ECU does not have.",
    uses=("write",),
    proven_by=("unknown_identifier_answered_11", "unknown_identifier_silent"),
)
def test_unsupported_identifiers_are_answered_with_0x31(tester: Tester) -> None:
    tester.require_quiet()
    if not readable(tester, 1):
        nothing = "no declared data can be read, so that nothing shows the ECU to have identifiers at all"
        raise tester.looking.without_service(Service.READ_DATA_BY_IDENTIFIER, nothing)
    did = unknown_did(tester)
    for reply in [] if did is not None else [tester.read_reply(one) for one in UNKNOWN_DIDS]:
        if reply.is_positive and len(reply.pdu) == EMPTY_RECORD:
            tester.cite(reply)
            fail(expected="negative 0x31 requestOutOfRange", observed=f"a record without content: {reply}")
    if did is None:
        inconclusive("the ECU shows every identifier that was thought to be unknown")
    out_of_range = negative(Nrc.REQUEST_OUT_OF_RANGE)
    read = tester.read_reply(did)
    require_life(tester, read)
    tester.judge(read, sound=out_of_range, tolerated=negative(*NOT_HERE))
    writable = [entry for entry in tester.target.data if entry.write.kind != "never"]
    if not writable or not tester.allows("write"):
        tester.note("2E was not tried: no data is declared writable, or writing is not allowed")
        return
    first_level(tester)
    earlier = (*NOT_HERE, Nrc.CONDITIONS_NOT_CORRECT, Nrc.INCORRECT_MESSAGE_LENGTH)
    written = tester.write(did, b"\x00")
    require_life(tester, written)
    tester.judge(written, sound=out_of_range, tolerated=negative(*earlier))
