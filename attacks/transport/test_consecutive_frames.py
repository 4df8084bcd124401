"""Check that the ECU assembles a long message only of its own frames, in order, in time, and of the stated length."""

from attacks.transport.raw_requests import (
    CLEAR_TO_SEND,
    UNASKED_S,
    LongRequest,
    candidates,
    clear,
    finish,
    frames_of,
    go_on,
    is_same_answer,
    messages,
    open_reception,
    probe,
    require_answer,
    require_long_request,
    single,
    with_final,
)
from harness import Depth, Frame, Nrc, RawReply, Severity, Tester, attack, fail, inconclusive, negative, positive

TWO_CONSECUTIVE = 15
"""Length in bytes of a request that takes a first frame and two consecutive frames."""

EVEN = 8
"""Length in bytes of a request of several frames; a read of this length would end in the middle of an identifier."""

EARLY_S, TOLERATED_S, LATE_S = 0.8, 1.5, 2.0
"""Pauses in seconds before a consecutive frame, where N_Cr is 1 s: in time, tolerated, and certainly too late."""
BEGINNING_S = 0.2
"""Seconds that the first frame and the flow control take; the longest pause does not include them."""


def let_through(tester: Tester, field: bytes) -> bytes:
    """Send the first frame of a message that the ECU is known to accept, and return the flow control.

    Raises Inconclusive if the ECU does not let the message through this time.
    """
    flow = open_reception(tester, field)[1]
    if flow[:1] != bytes((CLEAR_TO_SEND,)):
        inconclusive(f"a first frame that was let through before is not any more: {flow.hex(' ').upper() or 'silence'}")
    return flow


@attack(
    id="TP-09",
    title="A wrong sequence number ends a reception",
    failure="A wrong sequence number does not end a reception",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 consecutive frame: N_WRONG_SN",
    cwe=(354,),
    r155=("18.3",),
    rationale="A message that is put together of frames that were lost, repeated or swapped is one that no tester has sent, "
    "and is executed all the same.",
    remediation="Compare each sequence number with the next one due, and give the message up when it is another.",
    proven_by=("sequence_number_ignored",),
)
def test_a_wrong_sequence_number_ends_a_reception(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    long_request = require_long_request(tester, TWO_CONSECUTIVE)
    first, *contents = (long_request.fields[0], *(field[1:] for field in long_request.fields[1:]))
    orders = depth.choose(
        quick=((2, 3), (1, 1), (0, 1)),
        default=((2, 3), (1, 1), (0, 1), (1, 3), (1, 0), (2, 1)),
        deep=(*((low, low + 1) for low in (0, 2, 3, 4, 5)), *((1, high) for high in (0, 1, 3, 4, 5)), (2, 1)),
    )
    for order in orders:
        flow = let_through(tester, first)
        fields = [bytes((0x20 | number,)) + content for number, content in zip(order, contents, strict=True)]
        reply = go_on(tester, fields, flow)
        if messages(reply.answers):
            tester.cite(reply)
            tester.require_quiet(UNASKED_S)
            numbers = " and ".join(map(str, order))
            fail(expected=f"no answer to consecutive frames numbered {numbers} instead of 1 and 2", observed=str(reply))
        clear(tester)


@attack(
    id="TP-10",
    title="A message that is not continued in time is given up",
    failure="A message that is not continued is waited for too long",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 15765-2 time-outs: N_Cr 1 s",
    cwe=(613,),
    r155=("18.3",),
    rationale="A message that can be continued at any time later holds the ECU's buffer; what completes it may come from "
    "somebody else, when sessions and locks are no longer what they were.",
    remediation="Start a timer of 1 s with each flow control and consecutive frame, and drop the message when it runs out.",
    proven_by=("no_consecutive_frame_timeout",),
)
def test_a_message_that_is_not_continued_in_time_is_given_up(tester: Tester) -> None:
    require_answer(tester)
    long_request = require_long_request(tester)
    if not messages(continued_after(tester, long_request, EARLY_S - BEGINNING_S).answers):
        tester.note(f"a message is given up before {EARLY_S} s")
    if messages(continued_after(tester, long_request, TOLERATED_S - BEGINNING_S).answers):
        tester.note(f"a message is taken that was continued after {TOLERATED_S} s, where 1 s is the rule")
    late = continued_after(tester, long_request, LATE_S)
    if messages(late.answers):
        tester.cite(late)
        tester.require_quiet(UNASKED_S)
        fail(expected=f"no answer to a message that was continued after {LATE_S} s", observed=str(late))


def continued_after(tester: Tester, long_request: LongRequest, pause_s: float) -> RawReply:
    """Send a long request with a pause before its consecutive frames, and return the reply; then end any open reception."""
    flow = let_through(tester, long_request.fields[0])
    tester.wait(pause_s, "a pause within a message")
    reply = go_on(tester, long_request.fields[1:], flow)
    finish(tester, reply)
    clear(tester)
    return reply


@attack(
    id="TP-11",
    title="A new message ends the reception of an old one",
    failure="A new message does not end the reception of an old one",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 15765-2 unexpected arrival of N_PDU: the old message is dropped, the new one processed",
    cwe=(362,),
    r155=("18.3",),
    rationale="If both share a buffer, the ECU executes a message that is neither: half of a checked request, and half of "
    "another tester's.",
    remediation="When a single or first frame comes during a reception, drop what was received and begin anew.",
    proven_by=("single_frame_mixed_in",),
)
def test_a_new_message_ends_the_reception_of_an_old_one(tester: Tester) -> None:
    answered = messages(require_answer(tester).answers)
    old = require_long_request(tester, EVEN)
    flow = let_through(tester, old.fields[0])
    within = with_final(tester, tester.raw(single(tester, probe(tester)), listen_s=tester.silence_s))
    if not messages(within.answers):
        tester.note("a single frame within a long message is not answered")
    finish(tester, within)
    judge_remainder(tester, old, go_on(tester, old.fields[1:], flow), answered)
    clear(tester)
    for pdu in candidates(tester, TWO_CONSECUTIVE):
        if pdu[0] != old.pdu[0]:
            judge_message_within(tester, old, pdu)


def judge_remainder(tester: Tester, old: LongRequest, reply: RawReply, answered: list[Frame]) -> None:
    """Check that the remaining frames of an interrupted long message do not make up a message."""
    finish(tester, reply)
    for answer in messages(reply.answers):
        if is_same_answer(answer, old.answer):
            tester.note("a long message is completed although a single frame has interrupted it; it is to be dropped")
            continue
        if any(is_same_answer(answer, one) for one in answered):
            tester.note("a single frame within a long message is answered after it only")
            continue
        tester.cite(reply)
        tester.require_quiet(UNASKED_S)
        own = ", ".join(frame.text() for frame in answered)
        fail(
            expected=f"no answer to the rest of a long message that a single frame (answered {own}) has interrupted",
            observed=f"{reply}, where the message by itself is answered {old.answer.text()}",
        )


def judge_message_within(tester: Tester, old: LongRequest, pdu: bytes) -> None:
    """Send a long message within another, and check that its answer is the same as if it were sent alone."""
    fields = frames_of(tester, pdu)
    flow = open_reception(tester, fields[0])[1]
    if flow[:1] != bytes((CLEAR_TO_SEND,)):
        return
    alone = go_on(tester, fields[1:], flow)
    finish(tester, alone)
    let_through(tester, old.fields[0])
    flow = open_reception(tester, fields[0])[1]
    if not messages(alone.answers) or flow[:1] != bytes((CLEAR_TO_SEND,)):
        tester.note("a long message within another one is not taken, or not answered by itself; nothing was judged of it")
        clear(tester)
        return
    within = go_on(tester, fields[1:], flow)
    finish(tester, within)
    expected = messages(alone.answers)[-1]
    for answer in messages(within.answers):
        if not is_same_answer(answer, expected):
            tester.cite(alone, within)
            tester.require_quiet(UNASKED_S)
            fail(expected=f"{expected.text()}, as to the same message by itself", observed=str(within))
    clear(tester)


@attack(
    id="TP-18",
    title="A key that comes in several frames is held to its length",
    failure="A key that comes in several frames is not held to its length",
    severity=Severity.HIGH,
    basis="standard",
    source="ISO 14229-1 SecurityAccess: incorrectMessageLengthOrInvalidFormat; ISO 15765-2 first frame: FF_DL",
    cwe=(130,),
    r155=("18.3",),
    rationale="If the length of a long message is lost on its way from the transport layer, what follows the key is not "
    "looked at, or lies where it does harm.",
    remediation="Hand the whole length up with the message, and answer 0x13 to a key that has not exactly the right one.",
    needs=("lockout",),
    unlocks=True,
    proven_by=("long_message_cut",),
)
def test_a_segmented_key_is_held_to_its_length(tester: Tester, level: int, depth: Depth) -> None:
    if not tester.security.has_key(level):
        inconclusive("no key function is given: whether more than the right key is accepted cannot be told")
    tester.session_for(level)
    length = tester.security.key_length(level)
    shortest = max(1, 6 - length)  # so that the message has at least 8 bytes
    tails = depth.choose(quick=(shortest,), default=(shortest, shortest + 7), deep=(*range(shortest, shortest + 9), 64, 200))
    for tail in tails:
        judge_tail(tester, level, bytes(tail))
    tester.security.unlock(level)


def judge_tail(tester: Tester, level: int, tail: bytes) -> None:
    """Check that the right key with further bytes behind it does not open the level."""
    _, _, reply = tester.security.try_key(level, lambda seed: right_key(tester, level, seed) + tail)
    if "N_TIMEOUT_Bs" in reply.note:
        tester.cite(reply)
        inconclusive("the first frame of a key with a tail was not answered by a flow control")
    sound = negative(Nrc.INCORRECT_MESSAGE_LENGTH)
    tester.judge(reply, sound=sound, tolerated=negative(), flawed=positive())


def right_key(tester: Tester, level: int, seed: bytes) -> bytes:
    """Lock the level, request a seed, and return the right key for it."""
    if not seed:
        inconclusive("the level is open, and nothing locks it again")
    return tester.security.right_key(level, seed)
