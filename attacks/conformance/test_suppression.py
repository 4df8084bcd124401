"""Check that the suppress bit suppresses positive responses, and nothing else."""

from attacks.conformance.test_answers import UNASKED_S
from attacks.conformance.working_services import (
    UNKNOWN_PRESENCE,
    UNKNOWN_SESSION,
    first_level,
    has_session_control,
    has_tester_present,
    is_unfinished,
    unknown_level,
)
from attacks.session.session_probe import DEFAULT, enter, find_session_probe
from harness import Inconclusive, Reply, Severity, Tester, attack, fail, inconclusive, uds

SUPPRESS = 0x80
DTC_REPORTS = (b"\x19\x01\xff", b"\x19\x02\xff")
"""Reads of the number of trouble codes, and of the codes; neither changes anything."""


@attack(
    id="CF-09",
    title="Bit 7 of a sub-function suppresses positive responses, and only these",
    failure="The suppress bit does not do what the standard says",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 8.7.5: suppressPosRspMsgIndicationBit; SWS_Dcm_00200",
    rationale="A tester that asks for no positive response takes silence for consent: a refusal that is suppressed with it "
    "is never noticed. A positive response that is sent all the same answers the next request instead.",
    remediation="Mask bit 7 off before the sub-function is looked at, and apply it to the final positive response alone.",
    uses=("reset",),
    proven_by=("suppress_bit_ignored", "suppress_bit_silences_refusals"),
)
def test_bit_7_suppresses_positive_responses_only(tester: Tester) -> None:
    tester.require_quiet()
    asked = judge_positive(tester) + judge_session(tester) + judge_negative(tester)
    if not asked:
        inconclusive("no service with sub-functions is known to be there")


def judge_positive(tester: Tester) -> int:
    """Judge requests with the suppress bit that get a positive answer without the bit; return how many there were."""
    asked = 0
    if has_tester_present(tester):
        asked += 1
        judge_silence(tester, tester.request(bytes((0x3E, SUPPRESS))))
    level = first_level(tester)
    if level is not None:
        asked += 1
        judge_silence(tester, tester.request(uds.request_seed(SUPPRESS | level)))
    for report in DTC_REPORTS:
        if tester.request(report).is_positive:
            asked += 1
            judge_silence(tester, tester.request(bytes((report[0], SUPPRESS | report[1])) + report[2:]))
            break
    return asked


def judge_silence(tester: Tester, reply: Reply) -> None:
    """Fail unless the ECU is silent or refuses; after response pending an answer must come in any case."""
    was_announced = len(reply.replies) > 1 and reply.is_positive
    if reply.is_silence or was_announced:
        return
    if reply.is_negative or reply.pdu[:1] == b"\x7f":  # the form of a refusal is judged by CF-01
        tester.note(f"{reply.request.hex(' ').upper()} is not suppressed but refused: {reply}")
        return
    tester.cite(reply)
    tester.require_quiet(UNASKED_S)
    fail(expected=f"silence, or a refusal, to {reply.request.hex(' ').upper()}", observed=str(reply))


def judge_session(tester: Tester) -> int:
    """Check that the ECU enters a session whose request has the suppress bit."""
    if not has_session_control(tester):
        return 0
    try:
        probe = find_session_probe(tester)
    except Inconclusive as reason:
        tester.note(f"whether a session is entered without an answer was not seen: {reason}")
        return 0
    enter(tester, DEFAULT)
    if probe.session & SUPPRESS:
        tester.note(f"session 0x{probe.session:02X} has no suppress bit")
        return 0
    reply = tester.request(uds.enter_session(SUPPRESS | probe.session))
    judge_silence(tester, reply)
    tester.await_life()
    if reply.is_silence and not probe.is_in_session(tester):
        tester.cite(reply)
        fail(
            expected=f"session 0x{probe.session:02X} entered by {reply.request.hex(' ').upper()}",
            observed="no answer, and the default session as before",
        )
    return 1


def judge_negative(tester: Tester) -> int:
    """Judge requests with the suppress bit that were seen to be refused without the bit; return how many there were."""
    asked = 0
    for service, sub_function in refused(tester):
        plain = tester.request(bytes((service, sub_function)))
        if not plain.is_negative or is_unfinished(plain):
            continue
        asked += 1
        reply = tester.request(bytes((service, SUPPRESS | sub_function)))
        if reply.is_negative or is_unfinished(reply):
            continue
        tester.cite(plain, reply)
        if not reply.is_silence:
            inconclusive(f"{reply.request.hex(' ').upper()} is neither refused nor met with silence: {reply}")
        fail(expected=f"{plain} to {reply.request.hex(' ').upper()} too", observed=str(reply))
    return asked


def refused(tester: Tester) -> list[tuple[int, int]]:
    """Return services with sub-functions that no ECU should have, and enter the session of the first level."""
    found = [(0x3E, UNKNOWN_PRESENCE)]
    if tester.permits(UNKNOWN_SESSION):
        found.insert(0, (UNKNOWN_SESSION[0], UNKNOWN_SESSION[1]))
    return [*found, *([(0x27, unknown_level(tester))] if first_level(tester) is not None else [])]
