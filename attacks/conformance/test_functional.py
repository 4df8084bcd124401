"""Check that an ECU keeps the specified refusals back if a request goes to all ECUs."""

from attacks.conformance.test_negative_responses import RESERVED_SERVICES
from attacks.conformance.working_services import UNKNOWN_PRESENCE, UNKNOWN_SESSION, readable, two_bytes, unknown_did
from harness import Nrc, Severity, Tester, attack, fail, inconclusive, not_applicable, uds

KEPT_BACK = (
    Nrc.SERVICE_NOT_SUPPORTED,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED,
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
)


@attack(
    id="CF-08",
    title="Refusals that say 'not mine' are not sent to functional requests",
    failure="Functional requests are refused with codes that must stay unsent",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 8.7.5: negative responses to functional requests; SWS_Dcm_00001",
    rationale="A functional request is for every ECU of the bus. If all that it does not concern say so, the one answer "
    "that was asked for drowns.",
    remediation="Do not send the codes 11, 12, 31, 7E and 7F to functionally addressed requests.",
    needs=("functional",),
    uses=("reset",),
    proven_by=("functional_refusals_sent",),
)
def test_refusals_are_not_sent_to_functional_requests(tester: Tester) -> None:
    if tester.target.can.functional_id is None:
        not_applicable("the target declares no functional_id")
    tester.require_quiet()
    hears = hears_functional(tester)
    kept = 0
    for pdu in not_mine(tester):
        if not tester.request(pdu).is_refused_with(*KEPT_BACK):
            continue  # only a refusal of the ECU itself can be suppressed
        reply = tester.request(pdu, is_functional=True)
        if reply.is_refused_with(*KEPT_BACK) and len(reply.replies) == 1:  # after response pending there must be an answer
            tester.cite(reply)
            fail(expected=f"silence to {pdu.hex(' ').upper()} on the functional id", observed=str(reply))
        kept += reply.is_silence
    if not kept:
        inconclusive("nothing was refused on the request id that could have been kept back on the functional one")
    if not hears:
        inconclusive("the ECU was silent, but it also answered nothing else on the functional id: control missing")


def hears_functional(tester: Tester) -> bool:
    """Whether the ECU answers anything on the functional id; if not, its silence there proves nothing."""
    dids = [b"\x22" + two_bytes(entry.did) for entry in readable(tester, 2)]
    pdus = [*dids, uds.keep_session(), *([b"\x10\x01"] if tester.has_sessions else [])]
    return any(not tester.request(pdu, is_functional=True).is_silence for pdu in pdus)


def not_mine(tester: Tester) -> list[bytes]:
    """Yield requests that a sound ECU refuses with one of the codes that it must keep back."""
    declared = [entry.span for entry in tester.target.services]
    services = [service for service in RESERVED_SERVICES if not any(service in span for span in declared)]
    pdus = [bytes((service,)) for service in services[:2]]
    pdus += [bytes((0x3E, UNKNOWN_PRESENCE))]
    if tester.has_sessions and tester.permits(UNKNOWN_SESSION):
        pdus.append(UNKNOWN_SESSION)
    did = unknown_did(tester)
    if did is not None:
        pdus.append(b"\x22" + two_bytes(did))
    return [*pdus, *(uds.request_seed(entry.level) for entry in tester.target.security[:1])]
