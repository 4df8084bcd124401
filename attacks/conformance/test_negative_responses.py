"""Check that the ECU's refusals have the form of the standard."""

from collections.abc import Callable

from attacks.conformance.working_services import UNKNOWN_SESSION, judge_in_passing
from attacks.conformance.wrong_keys import heard_out
from harness import Inconclusive, Measurements, Nrc, Reply, Severity, Tester, attack, fail, inconclusive, negative, positive
from harness.tester import Oddity

RESERVED_SERVICES = (0x15, 0x16, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F)
"""Services that neither ISO 14229-1 nor its predecessors assign."""
OPTIONAL_REQUESTS = (b"\x25", b"\x83\x00", b"\xba")
"""Requests of optional services, which are judged only if the ECU lacks the service."""
UNDECLARED_DIDS = (0xF123, 0x5A5A, 0x0FF1)


@attack(
    id="CF-01",
    title="Negative responses have the standard's format",
    failure="Negative responses do not have the standard's format",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 14229-1 negative response message: 7F, the request's service, the code",
    cwe=(358,),
    r155=("18.3",),
    rationale="Testers and intrusion detection read 7F SID NRC. A refusal in another form is taken for silence, or for a "
    "request; a lockout can then not be seen.",
    remediation="Send every refusal through one function that builds the three bytes 7F SID NRC.",
    uses=("lockout", "write", "reset"),
    judges_run=True,
    proven_by=("invalid_key_as_request", "negative_with_length", "negative_with_wrong_service", "negative_without_code"),
)
def test_negative_responses_have_the_standards_format(tester: Tester, measure: Measurements) -> None:
    tester.require_quiet()
    well_formed = 0
    for name, provoke in provocations(tester, measure).items():
        try:
            reply = provoke()
        except Inconclusive as reason:
            tester.note(f"{name} could not be tried: {reason}")
            continue
        for asked, answer in ((reply.request, reply.pdu), *((reply.sent, one) for one in reply.replies)):
            if answer and not is_well_formed(asked, answer):
                tester.cite(reply)
                fail(expected=f"7F {asked[0]:02X} and a code, to {name}", observed=answer[:16].hex(" ").upper())
        if reply.is_malformed:
            tester.cite(reply)
            theirs = [frame for frame in reply.frames if frame.can_id == tester.target.can.response_id and not frame.is_sent]
            frames = ", ".join(frame.text() for frame in theirs)
            fail(expected=f"7F {reply.request[0]:02X} and a code, to {name}", observed=f"no message, but {frames}")
        well_formed += reply.is_negative
    judge_in_passing(tester, Oddity.MALFORMED_REFUSAL, "refusals of 7F, the request's service and one code")
    if not well_formed:
        inconclusive("nothing was refused with a negative response")


def provocations(tester: Tester, measure: Measurements) -> dict[str, Callable[[], Reply]]:
    """Yield requests that a sound ECU refuses, each for another reason."""
    found: dict[str, Callable[[], Reply]] = {
        "an unknown service": lambda: tester.request(bytes((RESERVED_SERVICES[0],))),
        "an unknown sub-function": lambda: tester.request(b"\x3e\x05"),
        "an unknown security level": lambda: tester.request(b"\x27\x7d"),
    }
    if tester.permits(UNKNOWN_SESSION):
        found["an unknown session"] = lambda: tester.request(UNKNOWN_SESSION)
    declared = {entry.did for entry in tester.target.data}
    for did in UNDECLARED_DIDS:
        if did not in declared:
            found[f"unknown DID {did:04X}"] = lambda did=did: tester.read_reply(did)  # type: ignore[misc]
    if tester.allows("write"):
        for entry in tester.access.protected()[:1]:
            found["a locked write"] = lambda entry=entry: tester.access.locked_probe(entry)  # type: ignore[misc]
    if tester.allows("lockout"):
        for level in tester.target.security:
            found[f"a wrong key for level 0x{level.level:02X}"] = lambda level=level.level: wrong_key(tester, measure, level)  # type: ignore[misc]
    return found


def wrong_key(tester: Tester, measure: Measurements, level: int) -> Reply:
    """Return the answer to a wrong key, or the refusal of the seed request before it."""
    tester.session_for(level)
    seed = tester.security.request_seed(level)
    if not seed.is_positive:
        return seed
    known, _ = heard_out(tester, measure, level, lambda: tester.guesses.send_wrong(level, seed.pdu[2:]))
    if known.is_negative and is_well_formed(known.request, known.pdu):
        return known
    return tester.guesses.try_wrong(level)[1]


def is_well_formed(request: bytes, answer: bytes) -> bool:
    """Whether the answer is a positive response to this request, or 7F, the request's service and one code."""
    if answer[0] == 0x7F:
        return len(answer) == 3 and answer[1] == request[0]
    return answer[0] == request[0] + 0x40


@attack(
    id="CF-02",
    title="Unsupported services are answered with 0x11",
    failure="Unsupported services are not answered with 0x11",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 server response rules, Figure 5: serviceNotSupported; SWS_Dcm_00197",
    rationale="A tester tells from 0x11 what an ECU does not have. Silence, or another code, reads as a fault or a lock.",
    remediation="Answer 7F SID 11 to every service that is not implemented.",
    uses=("destructive",),
    proven_by=("unsupported_service_answered_31", "unsupported_service_silent"),
)
def test_unsupported_services_are_answered_with_0x11(tester: Tester) -> None:
    unsupported = negative(Nrc.SERVICE_NOT_SUPPORTED)
    declared = [entry.span for entry in tester.target.services]
    asked = 0
    for service in RESERVED_SERVICES:
        if any(service in span for span in declared):
            continue
        asked += 1
        tester.judge(tester.request(bytes((service,))), sound=unsupported)
    for request in OPTIONAL_REQUESTS:
        if not tester.permits(request) or any(request[0] in span for span in declared):
            continue
        reply = tester.request(request)
        tester.judge(reply, sound=unsupported, tolerated=negative() | positive())
    if not asked:
        inconclusive("every reserved service is declared")
