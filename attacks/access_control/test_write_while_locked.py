"""Check that protected data does not change while the ECU is locked."""

from collections.abc import Callable, Mapping
from functools import partial

from attacks.session.session_probe import announced_requests
from attacks.transport.raw_requests import is_pending, single
from harness import (
    DataEntry,
    Inconclusive,
    Nrc,
    RawReply,
    Reply,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    negative,
    uds,
)
from harness.tester import await_quiet

MOST_SLOW = 3
MOST_ANSWERS_S = 10.0
SLICE_S = 0.005
"""The interval in seconds at which a response pending is looked for."""

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
    failure="Protected data can be written without a key",
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
def test_a_protected_write_is_refused_while_locked(tester: Tester, guarded: DataEntry) -> None:
    if guarded.read.kind != "open":
        level = guarded.write.level
        assert level is not None
        judge_unreadable(tester, guarded, {"while locked": lambda: tester.session_for(level)})
        return
    tester.access.require_locked(guarded)
    judge_write(tester, guarded, "while locked")
    tester.access.require_control(guarded)


@attack(
    id="AC-02",
    title="A protected write is refused in every session and while a seed is pending",
    failure="Protected data can be written without a key in some session, or while a seed is pending",
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
def test_a_protected_write_is_refused_in_every_session(tester: Tester, guarded: DataEntry) -> None:
    if guarded.read.kind != "open":
        judge_unreadable(tester, guarded, occasions(tester, guarded))
        return
    protected = guarded
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


def occasions(tester: Tester, entry: DataEntry) -> dict[str, Callable[[], None]]:
    """Return, by name, how to reach each occasion for a write: every session, and a pending seed."""
    level = entry.write.level
    assert level is not None

    def enter(session: int) -> None:
        tester.enter_session(0x01)
        if tester.enter_session(session).is_positive:
            tester.await_life()

    def ask_for_seed() -> None:
        tester.session_for(level)
        tester.security.request_seed(level)

    found: dict[str, Callable[[], None]] = {
        f"in session 0x{session:02X}": partial(enter, session) for session in tester.sessions()
    }
    return {**found, "while a seed is pending": ask_for_seed}


def judge_unreadable(tester: Tester, entry: DataEntry, ways: Mapping[str, Callable[[], None]]) -> None:
    """Judge data that can be read only with a level: write it locked on each occasion, then read it with the level open."""
    if not tester.access.can_relock:
        inconclusive(f"DID {entry.did:04X} is read with its level only, and the ECU cannot be locked again after that")
    value = read_open(tester, entry)
    other = tester.other_value(entry, value)
    tester.state.will_change(entry.did, value)
    control = written_open(tester, entry, other)
    if control != other or written_open(tester, entry, value) != value:
        inconclusive(f"control missing: unlocked, a write of DID {entry.did:04X} has no effect")
    tester.restore()
    assert entry.read.level is not None
    tester.session_for(entry.read.level)
    shown = tester.read_reply(entry.did)
    if shown.is_positive:
        tester.cite(shown)
        inconclusive(f"DID {entry.did:04X} is shown after the ECU was locked: whether it is locked cannot be told")
    tester.state.will_change(entry.did, value)
    replies: dict[str, Reply] = {}
    for words, come in ways.items():
        come()
        replies[words] = tester.write(entry.did, other)
    after = read_open(tester, entry)
    if after != value:
        written_open(tester, entry, value)
        taken = [words for words, reply in replies.items() if not reply.is_negative] or list(replies)
        tester.cite(*(replies[words] for words in taken[:4]))
        fail(expected=f"DID {entry.did:04X} unchanged, locked", observed=f"it was written {', or '.join(taken)}")
    tester.state.is_back(entry.did)
    for words, reply in replies.items():
        if reply.is_positive:
            tester.cite(reply)
            inconclusive(f"{words} the write is answered positively, but changes nothing")
        tester.judge(reply, sound=DENIED_BY_SESSION, tolerated=negative(), flawed=negative())


def read_open(tester: Tester, entry: DataEntry) -> bytes:
    """Read the value with its level open. Raises Inconclusive if that is impossible."""
    assert entry.read.level is not None
    tester.security.unlock(entry.read.level)
    return tester.read(entry.did)


def written_open(tester: Tester, entry: DataEntry, value: bytes) -> bytes:
    """Write the data with its level open; return the value afterwards."""
    assert entry.write.level is not None
    tester.security.unlock(entry.write.level)
    tester.write(entry.did, value)
    return read_open(tester, entry)


def judge_write_while_pending(tester: Tester, entry: DataEntry) -> int:
    """Check that the guard holds while another answer is announced and not given; return how many requests were tried."""
    if 3 + len(tester.read(entry.did)) >= tester.frame_bytes:
        return 0
    slow = [pdu for pdu in announced_requests(tester) if len(pdu) < tester.frame_bytes][:MOST_SLOW]
    slow = [pdu for pdu in slow if tester.gate.permits_raw(single(tester, pdu))]
    for pdu in slow:

        def write(value: bytes, pdu: bytes = pdu) -> RawReply:
            announced = tester.raw(single(tester, pdu), listen_s=SLICE_S).answers
            give_up_s = tester.link.now_s + tester.target.timing.p2_ms / 1000
            while not any(map(is_pending, announced)) and tester.link.now_s < give_up_s:
                announced = tester.listen(SLICE_S, why="the ECU announces a slow answer")
            written = tester.raw(single(tester, uds.write_data(entry.did, value)), listen_s=SLICE_S)
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
    """Write the data while locked; judge first by effect, then by the ECU's answer."""
    effect = tester.access.write_effect(entry)
    again = tester.access.effect(entry, lambda value: (tester.write(entry.did, value), tester.write(entry.did, value))[1])
    for one, how in ((effect, when), (again, f"{when}, directly after a refused write")):
        if one.is_changed:
            fail(expected=f"{DENIED}, and DID {entry.did:04X} unchanged, {how}", observed=str(one))
    if effect.reply.is_positive:
        tester.cite(effect.reply)
        inconclusive(f"{when} the write is answered positively, but changes nothing")
    tester.judge(effect.reply, sound=DENIED_BY_SESSION, tolerated=negative(), flawed=negative())
