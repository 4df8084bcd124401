"""Check that an answer is complete and has nothing more: its echo, its length, its records, and only one answer."""

from collections.abc import Iterator

from attacks.conformance.working_services import (
    DEFAULT,
    PROGRAMMING,
    first_level,
    has_session_control,
    has_tester_present,
    is_unfinished,
    judge_in_passing,
    readable,
    same_values,
    two_bytes,
    unknown_did,
)
from attacks.conformance.wrong_keys import IDLE_S, heard_out
from harness import (
    DataEntry,
    Depth,
    Inconclusive,
    Measurements,
    Nrc,
    Reply,
    Service,
    Severity,
    Tester,
    attack,
    fail,
    inconclusive,
    not_applicable,
    uds,
)
from harness.tester import Oddity

UNASKED_S = 3.0
"""Seconds for which the ECU must send no message of its own before a message is blamed on a request."""

OLD_SESSION_ANSWER = 2
"""The length in bytes of an answer to 10 before 2006, without timing."""

SHUTDOWN = 0x04
"""enableRapidPowerShutDown: the only reset whose answer says when it happens."""


@attack(
    id="CF-10",
    title="Positive responses repeat their request and have the length of their content",
    failure="Positive responses do not fit their request",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1: positive response message of each service",
    rationale="The echo is what ties an answer to its request. Bytes beyond the content come from somewhere: often from "
    "memory that was not meant to be shown.",
    remediation="Build each response from its own fields: service + 0x40, the sub-function without bit 7 or the identifier, "
    "then exactly the data.",
    uses=("write", "reset"),
    judges_run=True,
    proven_by=("tester_present_without_echo", "read_with_trailing_byte"),
)
def test_positive_responses_repeat_their_request(tester: Tester) -> None:
    tester.require_quiet()
    judged = 0
    for reply, lengths, is_secret in answers(tester):
        request, service = reply.request, reply.request[0]
        what = request[: 2 if service == 0x27 else 3].hex(" ").upper()
        if reply.is_malformed and reply.pdu and reply.pdu[0] == service + 0x40:
            tester.cite(reply)
            fail(expected=f"an answer to {what} that repeats it", observed=reply.pdu[:8].hex(" ").upper())
        if not reply.is_positive:
            continue
        judged += 1
        if service == 0x10 and len(reply.pdu) == OLD_SESSION_ANSWER:
            tester.note("the answer to 10 holds no timing, as before 2006")
        elif lengths is not None and len(reply.pdu) not in lengths:
            if not is_secret:
                tester.cite(reply)
            wanted = " or ".join(map(str, sorted(lengths)))
            fail(expected=f"{wanted} bytes in answer to {what}", observed=f"{len(reply.pdu)} bytes")
    judge_in_passing(tester, Oddity.WRONG_ECHO, "positive responses that repeat their request")
    if not judged:
        inconclusive("nothing was answered positively")


Answer = tuple[Reply, frozenset[int] | None, bool]
"""A reply, the lengths that a positive reply may have if known, and whether its content is secret."""


def answers(tester: Tester) -> Iterator[Answer]:
    """Yield answers to all harmless requests, one service after the other."""
    for entry in [entry for entry in tester.target.data if entry.read.kind == "open"]:
        yield tester.read_reply(entry.did), None if entry.length is None else frozenset((3 + entry.length,)), entry.secret
    yield tester.request(uds.keep_session()), frozenset((2,)), False
    for session in (*tester.sessions(), *([DEFAULT] if tester.has_sessions else [])):
        yield tester.enter_session(session), frozenset((6,)), False
        tester.await_life()
    yield from writes(tester)
    yield from keys(tester)
    kind = tester.target.reset.uds
    if kind is not None and tester.allows("reset"):
        yield tester.restart.reset(kind)[0], frozenset((3,) if kind == SHUTDOWN else (2,)), False


def writes(tester: Tester) -> Iterator[Answer]:
    """Yield answers to writes of present values."""
    if tester.allows("write"):
        for entry in [entry for entry in tester.target.data if entry.write.kind == "open" and entry.read.kind == "open"][:1]:
            value = tester.read_reply(entry.did)
            if value.is_positive:
                yield tester.write(entry.did, value.pdu[3:]), frozenset((3,)), False


def keys(tester: Tester) -> Iterator[Answer]:
    """Yield the answer with each level's seed, and the answer to its key if it is known and the ECU can be relocked."""
    for entry in tester.target.security:
        try:
            tester.session_for(entry.level)
        except Inconclusive as reason:
            tester.note(str(reason))
            continue
        seed = tester.security.request_seed(entry.level)
        yield seed, None, False
        if not seed.is_positive or not any(seed.pdu[2:]) or not tester.access.can_relock:
            continue
        if tester.security.has_key(entry.level) and not tester.security.level(entry.level).suspect:
            key = tester.security.right_key(entry.level, seed.pdu[2:])
            yield tester.security.send_key(entry.level, key), frozenset((2,)), False


@attack(
    id="CF-11",
    title="A request for several identifiers is answered with each of them",
    failure="A request for several identifiers is not answered with each of them",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 11.2.1 ReadDataByIdentifier",
    rationale="A tester that asks for two values and gets one takes the second from wherever it ends up looking.",
    remediation="Answer with a record for each identifier that is supported, as often as it was asked for; refuse with 0x31 "
    "only if none is, or with 0x13 if only one a request is supported at all.",
    proven_by=("first_identifier_only", "partial_read_refused", "duplicate_identifiers_merged"),
)
def test_several_identifiers_are_answered_with_each(tester: Tester) -> None:
    shown = readable(tester, 2)
    if not shown:
        raise tester.looking.without_service(Service.READ_DATA_BY_IDENTIFIER, "no declared data can be read")
    first = shown[0]
    unknown = unknown_did(tester)
    tried = [[shown[0], shown[1]]] if len(shown) > 1 else []
    tried.append([first, first])
    if not judge_together(tester, tried[0], None):
        not_applicable("several identifiers in one request are not supported")
    for entries in tried[1:]:
        judge_together(tester, entries, None)
    if unknown is not None and tester.read_reply(unknown).is_refused_with(Nrc.REQUEST_OUT_OF_RANGE):
        judge_together(tester, [first], unknown)


def judge_together(tester: Tester, entries: list[DataEntry], unknown: int | None) -> bool:
    """Check that a request for these identifiers and a missing one is answered with exactly these identifiers.

    Return False if the ECU does not take this many identifiers in one request.
    """
    lengths = [len(tester.read(entry.did)) for entry in entries]
    dids = [entry.did for entry in entries]
    reply = tester.request(b"\x22" + b"".join(map(two_bytes, [*dids, *([] if unknown is None else [unknown])])))
    if reply.is_refused_with(Nrc.INCORRECT_MESSAGE_LENGTH, 0x14):  # 14: the answer would be too long
        tester.note(f"{reply} to {reply.request.hex(' ').upper()}: this many identifiers in one request are not supported")
        return False
    if is_unfinished(reply) or reply.is_silence or reply.is_malformed:
        tester.cite(reply)
        inconclusive(f"no answer to {reply.request.hex(' ').upper()}: {reply}")
    if reply.is_refused_with(Nrc.CONDITIONS_NOT_CORRECT, Nrc.SECURITY_ACCESS_DENIED):
        tester.note(f"tolerated: {reply} to {reply.request.hex(' ').upper()}")
        return True
    whole = sum(lengths) + 2 * len(dids) + 1
    if not reply.is_positive or not (len(reply.pdu) == whole and holds(reply.pdu[1:], dids, lengths)):
        if not any(entry.secret for entry in entries):
            tester.cite(reply)
        count = f"{len(reply.pdu)} bytes" if reply.is_positive else str(reply)
        wanted = ", ".join(f"{did:04X}" for did in dids)
        fail(expected=f"{wanted} in {whole} bytes in answer to {reply.request.hex(' ').upper()}", observed=count)
    return True


def holds(records: bytes, dids: list[int], lengths: list[int]) -> bool:
    """Whether the records are exactly those of these identifiers, one after the other, in any order."""
    if not dids:
        return not records
    for index, (did, length) in enumerate(zip(dids, lengths, strict=True)):
        rest = dids[:index] + dids[index + 1 :], lengths[:index] + lengths[index + 1 :]
        if records[:2] == two_bytes(did) and holds(records[2 + length :], *rest):
            return True
    return False


@attack(
    id="CF-12",
    title="Each request has exactly one final answer",
    failure="A request has two final answers, or none",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 14229-1 8.7: server response implementation rules",
    rationale="A second answer is taken for that to the next request, and none at all for a lost ECU. A tester that is one "
    "answer behind believes a key was accepted that was refused.",
    remediation="Let each request leave the server by one place, which sends its answer once.",
    uses=("write", "lockout"),
    judges_run=True,
    proven_by=("answers_twice", "wrong_key_answered_twice"),
)
def test_each_request_has_exactly_one_final_answer(tester: Tester, measure: Measurements, depth: Depth) -> None:
    tester.require_quiet()
    answered = 0
    for pdu in harmless(tester):
        replies = []
        for _ in range(depth.choose(quick=1, default=3, deep=10)):
            reply = tester.request(pdu)
            replies.append(reply)
            if reply.is_positive or reply.is_negative:
                judge_no_other(tester, reply)
        valid = sum(reply.is_positive or reply.is_negative for reply in replies)
        silent = next((reply for reply in replies if reply.is_silence and not is_unfinished(reply)), None)
        if valid and silent is not None:
            tester.cite(silent)
            fail(expected=f"an answer to each {pdu.hex(' ').upper()}", observed=f"{valid} to {len(replies)} of them")
        answered += bool(valid)
    for level in [entry.level for entry in tester.target.security if tester.security.has_key(entry.level)]:
        try:
            judge_keys(tester, measure, level)
        except Inconclusive as reason:
            tester.note(f"keys for level 0x{level:02X} were not tried: {reason}")
    judge_in_passing(tester, Oddity.SECOND_ANSWER, "one final answer to each request")
    if not answered:
        inconclusive("nothing was answered")


def judge_keys(tester: Tester, measure: Measurements, level: int) -> None:
    """Check that nothing follows the answers to a wrong key (if permitted), to a seed request, and to its right key."""
    if tester.allows("lockout") and heard_out(tester, measure, level)[1]:
        judge_no_other(tester, tester.guesses.try_wrong(level)[1])
    if tester.access.can_relock:
        tester.session_for(level)
        seed = tester.security.request_seed(level)
        if seed.is_seed:
            judge_no_other(tester, tester.security.send_key(level, tester.security.right_key(level, seed.pdu[2:])))


def judge_no_other(tester: Tester, reply: Reply) -> None:
    """Fail if the ECU sends a second answer after this reply."""
    other = tester.listen(IDLE_S, why="a second answer")
    if other and tester.is_shared():
        tester.note("somebody else asks the ECU too, or frames of ours are heard again: second answers were not judged")
    elif other:
        tester.cite(reply)
        tester.require_quiet(UNASKED_S)
        asked = reply.request[: 2 if reply.request[0] == Service.SECURITY_ACCESS else None].hex(" ").upper()
        fail(
            expected=f"one answer to {asked}, and then nothing for {IDLE_S * 1000:g} ms",
            observed=f"{reply}, and then {', '.join(frame.text() for frame in other[:3])}",
        )


def harmless(tester: Tester) -> list[bytes]:
    """Return requests that the ECU answers positively, and some that it refuses."""
    pdus = [b"\x22" + two_bytes(entry.did) for entry in readable(tester, 2)]
    did = unknown_did(tester)
    if did is not None:
        pdus.append(b"\x22" + two_bytes(did))
    if has_tester_present(tester):
        pdus.append(uds.keep_session())
    pdus += same_values(tester)
    if has_session_control(tester):
        pdus.append(b"\x10\x01")
    level = first_level(tester)
    if level is not None:
        session = tester.target.security[0].session
        if tester.has_sessions and session not in (None, PROGRAMMING):  # the programming session may begin with a restart
            pdus.append(uds.enter_session(session))
        pdus.append(uds.request_seed(level))
    return pdus
