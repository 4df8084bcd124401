"""Protected data stays as it is while the ECU is locked."""

from __future__ import annotations

from attacks.session.witness import announced_requests
from attacks.transport.raw_requests import is_pending, single
from harness import (
    DataEntry,
    Inconclusive,
    Nrc,
    RawReply,
    Severity,
    Tester,
    attack,
    await_quiet,
    fail,
    inconclusive,
    negative,
    write_request,
)

LONGEST_SINGLE = 7
MOST_SLOW = 3
MOST_ANSWERS_S = 10.0
SLICE_S = 0.005
"""So closely is looked for the announcement of an answer."""

DENIED = negative(Nrc.SECURITY_ACCESS_DENIED)
DENIED_BY_SESSION = negative(
    Nrc.SECURITY_ACCESS_DENIED,
    Nrc.SERVICE_NOT_SUPPORTED_IN_SESSION,
    Nrc.REQUEST_OUT_OF_RANGE,
    Nrc.SUB_FUNCTION_NOT_SUPPORTED_IN_SESSION,
)


@attack(
    id="AC-01",
    title="A protected write is refused while locked",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 WriteDataByIdentifier: securityAccessDenied; SWS_Dcm_00470",
    cwe=(306, 862),
    r155=("18.3", "5.3", "25.1"),
    rationale="Data that can be written without the key is not protected, whatever the ECU answers.",
    remediation="Check the security level before anything is stored, for this data identifier too.",
    needs=("write",),
    proven_by=("write_before_refusal", "write_unprotected"),
)
def test_a_protected_write_is_refused_while_locked(tester: Tester, protected: DataEntry) -> None:
    tester.access.require_locked(protected)
    judge_write(tester, protected, "while locked")
    tester.access.require_control(protected)


@attack(
    id="AC-02",
    title="A protected write is refused in every session and while a seed is pending",
    severity=Severity.CRITICAL,
    basis="declared",
    source="ISO 14229-1 WriteDataByIdentifier: securityAccessDenied",
    cwe=(862, 863),
    r155=("18.3",),
    rationale="A session is open to everybody, and so is a seed: neither may stand in for the key.",
    remediation="Ask for the security level in every session, and grant it on a valid key only.",
    needs=("write",),
    proven_by=("unprotected_in_extended_session", "unprotected_while_seed_pending"),
)
def test_a_protected_write_is_refused_in_every_session(tester: Tester, protected: DataEntry) -> None:
    tester.access.require_locked(protected)
    tried = 0
    for session in tester.sessions():
        tester.enter_session(0x01)
        entered = tester.enter_session(session)
        if entered.is_positive:
            tester.await_life()
            judge_write(tester, protected, f"in session 0x{session:02X}")
            tried += 1
        else:
            tester.note(f"session 0x{session:02X} was not entered: {entered}")
    level = protected.write.level
    assert level is not None
    tester.session_for(level)
    try:
        tester.security.seed(level)
    except Inconclusive as reason:
        tester.note(str(reason))
    else:
        judge_write(tester, protected, "while a seed is pending")
        tried += 1
    tried += judge_write_while_pending(tester, protected)
    if not tried:
        inconclusive("no session was entered and no seed given")
    tester.access.require_control(protected)


def judge_write_while_pending(tester: Tester, entry: DataEntry) -> int:
    """While another answer is announced and not given, the guard is in force too; how many such requests were tried."""
    if 3 + len(tester.read(entry.did)) > LONGEST_SINGLE:
        return 0
    slow = [pdu for pdu in announced_requests(tester) if len(pdu) <= LONGEST_SINGLE][:MOST_SLOW]
    slow = [pdu for pdu in slow if tester.gate.permits_raw(single(pdu))]
    for pdu in slow:

        def write(value: bytes, pdu: bytes = pdu) -> RawReply:
            announced = tester.raw(single(pdu), listen_s=SLICE_S).answers
            give_up_s = tester.link.now_s + tester.target.timing.p2_ms / 1000
            while not any(map(is_pending, announced)) and tester.link.now_s < give_up_s:
                announced = tester.listen(SLICE_S)
            written = tester.raw(single(write_request(entry.did, value)), listen_s=SLICE_S)
            await_quiet(tester, MOST_ANSWERS_S, after=(*announced, *written.answers))
            return written

        effect = tester.access.effect(entry, write, undo=lambda old: tester.write(entry.did, old))
        if effect.is_changed:
            asked = pdu.hex(" ").upper()
            fail(
                expected=f"DID {entry.did:04X} unchanged while the answer to {asked} is pending, locked",
                observed=str(effect),
            )
    return len(slow)


def judge_write(tester: Tester, entry: DataEntry, when: str) -> None:
    """By effect first, by answer second."""
    effect = tester.access.write_effect(entry)
    again = tester.access.effect(entry, lambda value: (tester.write(entry.did, value), tester.write(entry.did, value))[1])
    for one, how in ((effect, when), (again, f"{when}, directly after a refused write")):
        if one.is_changed:
            fail(expected=f"{DENIED}, and DID {entry.did:04X} unchanged, {how}", observed=str(one))
    if effect.reply.is_positive:
        tester.cite(effect.reply)
        inconclusive(f"{when} the write is answered positively, but changes nothing")
    tester.judge(effect.reply, sound=DENIED_BY_SESSION, tolerated=negative(), flawed=negative())
