"""Check which announced lengths of long messages the ECU accepts."""

from attacks.transport.raw_requests import (
    CLEAR_TO_SEND,
    FLOW_CONTROL_S,
    ask,
    candidates,
    clear,
    expect_no_effect,
    expect_silence,
    filled,
    finish,
    frames_of,
    open_reception,
    probe,
    require_answer,
    require_long_request,
    shortest_long,
    single,
    writable,
)
from harness import Depth, Severity, Tester, attack, fail, inconclusive, uds


def first_frame(tester: Tester, length: int, content: bytes) -> bytes:
    """Return a full classic first frame that states its length in 12 bits."""
    return filled(tester, (0x1000 | length).to_bytes(2, "big") + content)


def escaped(tester: Tester, length: int) -> bytes:
    """Return a first frame that states its length in 32 bits and begins a TesterPresent."""
    return filled(tester, b"\x10\x00" + length.to_bytes(4, "big") + uds.keep_session())


@attack(
    id="TP-05",
    title="A first frame of a length that fits a single frame is ignored",
    failure="A first frame of a length that fits a single frame is not ignored",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 first frame: FF_DL below its minimum is ignored, and not answered by a flow control",
    cwe=(130,),
    r155=("18.3",),
    rationale="A short message in a long message's clothes passes filters that look at single frames only, and lengths "
    "below what a first frame itself carries make counters of missing bytes go below zero.",
    remediation="Drop first frames whose length would have fitted a single frame; send no flow control.",
    uses=("write", "reset"),
    proven_by=("short_first_frame_accepted",),
)
def test_a_short_first_frame_is_ignored(tester: Tester) -> None:
    require_answer(tester)
    shortest = shortest_long(tester)
    request = (probe(tester) + probe(tester)[1:] * 6)[: shortest - 1]
    expect_silence(tester, escaped(tester, 0))
    for length in range(1, shortest):
        if length == 2 and not tester.permits(b"\x10\x02"):  # the request that an ECU without ISO-TP would read
            tester.note("length 2 was not tried: the target does not allow 10 02")
            continue
        field, rest = short_message(tester, request, length)
        expect_silence(tester, field)
        expect_silence(tester, field, rest)
    entry = writable(tester)
    if entry is not None:
        expect_no_effect(tester, entry, lambda value: short_message(tester, uds.write_data(entry.did, value)))
    require_long_request(tester)


def short_message(tester: Tester, request: bytes, length: int | None = None) -> list[bytes]:
    """Return a first and a consecutive frame for a message that a single frame could hold.

    `length` is the length in bytes that the first frame states, by default the true one.
    """
    taken = tester.frame_bytes - 2
    length = len(request) if length is None else length
    return [first_frame(tester, length, request[:length]), filled(tester, b"\x21" + request[taken:])]


def expect_no_permission(tester: Tester, length: int, *, severity: Severity | None = None) -> None:
    """Check that the ECU sends no flow control that permits a first frame with a length of 32 bits."""
    reply, flow = open_reception(tester, escaped(tester, length))
    if flow[:1] == bytes((CLEAR_TO_SEND,)):
        tester.wait(2 * FLOW_CONTROL_S, "flow controls that are late for an earlier first frame")
        reply, flow = open_reception(tester, escaped(tester, length))
    if flow[:1] == bytes((CLEAR_TO_SEND,)):
        tester.cite(reply)
        shown = flow.hex(" ").upper()
        fail(
            expected=f"overflow, or silence, to {length} announced bytes",
            observed=f"clear to send: {shown}",
            severity=severity,
        )


@attack(
    id="TP-07",
    title="A message too long to be kept is refused",
    failure="A message too long to be kept is not refused",
    severity=Severity.MEDIUM,
    basis="policy",
    source="ISO 15765-2 flow control: overflow",
    cwe=(770,),
    r155=("18.3", "24.1"),
    rationale="An ECU that promises to take what it has no room for overruns its buffer, or claims memory that others need.",
    remediation="Compare the announced length with the buffer's, and answer a longer one with overflow (32).",
    proven_by=("overflow_never_sent",),
)
def test_a_message_too_long_to_be_kept_is_refused(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    for bits in depth.choose(quick=(16, 28), default=(16, 20, 24, 28), deep=tuple(range(16, 31))):
        expect_no_permission(tester, 1 << bits)
    for length in (4095, 4096):
        field = first_frame(tester, length, b"\x3e") if length <= 0xFFF else escaped(tester, length)
        if open_reception(tester, field)[1][:1] == bytes((CLEAR_TO_SEND,)):
            tester.note(f"a message of {length} bytes is let through, which is permitted where there is room for it")
    require_long_request(tester)


@attack(
    id="TP-08",
    title="The long form of the length is taken for long messages only",
    failure="The long form of the length is taken for short messages",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 first frame: the escape with FF_DL up to 4095 is ignored; overflow",
    cwe=(190, 789),
    r155=("18.3", "24.1"),
    rationale="Lengths at the ends of 32 bits wrap when headers are added, or are negative as signed numbers, and so pass "
    "every later comparison with the buffer's size.",
    remediation="Read the length as an unsigned number of 32 bits, ignore it up to 4095, and compare it before calculating.",
    proven_by=("length_read_as_signed", "overflow_never_sent"),
)
def test_the_long_form_is_taken_for_long_messages_only(tester: Tester) -> None:
    require_answer(tester)
    for length in (0xFFFF_FFFF, 0xFFFF_FFF8, 0x8000_0000, 0x7FFF_FFFF, 0, 5, 7):
        expect_no_permission(tester, length)
    for length in (shortest_long(tester), 4095):
        expect_no_permission(tester, length, severity=Severity.LOW)  # harmless if its length is read correctly
    require_long_request(tester)


@attack(
    id="TP-14",
    title="A first frame to all ECUs is ignored",
    failure="A first frame to all ECUs is not ignored",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 15765-2 functional addressing: single frames only",
    cwe=(358,),
    r155=("18.3",),
    rationale="A flow control from every ECU at once makes long messages to all possible, for which nothing is prepared: "
    "neither the arbitration of answers nor the rules on what to execute.",
    remediation="Take nothing but single frames from the functional id.",
    needs=("functional",),
    proven_by=("functional_first_frame_accepted",),
)
def test_a_first_frame_to_all_ecus_is_ignored(tester: Tester) -> None:
    require_answer(tester)
    for pdu in candidates(tester, shortest_long(tester)):
        fields = frames_of(tester, pdu)
        expect_silence(tester, fields[0], is_functional=True)
        expect_silence(tester, *fields, is_functional=True)
    require_long_request(tester)
    if not any(ask(tester, single(tester, pdu), is_functional=True).answers for pdu in (probe(tester), uds.keep_session())):
        inconclusive("functional single frames are not answered either: nothing shows that the ECU listens to that id")


@attack(
    id="TP-17",
    title="Messages that are begun and never finished use nothing up",
    failure="Messages that are begun and never finished use the ECU up",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2: a new first frame takes the old one's place; N_Cr frees its buffer",
    cwe=(770, 400),
    r155=("18.3", "24.1"),
    rationale="Anybody on the bus can then use up the ECU's buffers with a few frames, and lock out every tester.",
    remediation="Keep one buffer for each connection; free it when its message is displaced or N_Cr has run out.",
    proven_by=("half_open_reception_leaks",),
)
def test_unfinished_messages_use_nothing_up(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    long_request = require_long_request(tester)
    count = depth.choose(quick=64, default=256, deep=1000)
    begun = [long_request.fields[0], first_frame(tester, 4095, b"\x3e")]
    for start in range(0, count, BURST):
        tester.raw(*(begun * BURST)[: min(BURST, count - start)])
    tester.wait(2.0, "the ECU gives up unfinished messages")
    reply = ask(tester, single(tester, probe(tester)))
    if not reply.answers:
        tester.cite(reply)
        fail(expected=f"an answer 2 s after {count} unfinished messages", observed="silence")
    finish(tester, reply)
    reply, flow = open_reception(tester, long_request.fields[0])
    if flow[:1] != bytes((CLEAR_TO_SEND,)):
        tester.cite(reply)
        fail(expected=f"a flow control 2 s after {count} unfinished messages, as before", observed=str(reply))
    clear(tester)


BURST = 32
