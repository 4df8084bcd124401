"""Check that the ECU sends proper flow controls, and copes with improper ones."""

from attacks.transport.raw_requests import (
    CLEAR_TO_SEND,
    OVERFLOW,
    WAIT,
    ask,
    candidates,
    clear,
    filled,
    finish,
    frames_of,
    go_on,
    go_on_frame,
    is_pending,
    messages,
    nothing_was_let_through,
    open_reception,
    probe,
    require_answer,
    shortest_long,
    single,
    stmin_s,
)
from harness import Depth, Inconclusive, Measurements, RawReply, Severity, Tester, attack, fail, inconclusive

GIVEN_UP_S, BACK_S = 1.2, 3.0
"""Seconds after which an ECU without flow control has given up (N_Bs is 1 s), and after which it must answer again."""

LATE_S = 1.0
"""Seconds beyond N_Bs for which a late flow control is awaited, so that it is not taken for the next message's."""

LONGEST_BLOCK = 5
"""The largest block size that is tried; in a larger block, sequence numbers look like services with effects."""

LONGEST_ANSWER = 4095
MOST_TRIED = 8
LONGEST_PAUSES_S = 20.0
"""The longest time in seconds of all pauses in one long answer; with an STmin of 127 ms such an answer takes minutes."""


@attack(
    id="TP-06",
    title="A first frame is answered by a flow control, and the message by the ECU",
    failure="A message of several frames is not taken as the standard says",
    severity=Severity.LOW,
    basis="standard",
    source="ISO 15765-2 flow control: status, block size and STmin; N_Bs 1 s",
    cwe=(358,),
    r155=("18.3",),
    rationale="Without a proper flow control no tester gets a long request through, such as a long key, and each tester "
    "makes something else of reserved values.",
    remediation="Answer each first frame within 1 s by 30, a block size and an STmin of 00 to 7F or F1 to F9; then take the "
    "consecutive frames and answer the message.",
    proven_by=("flow_control_never_sent", "flow_control_not_filled_in", "next_block_never_granted"),
)
def test_a_first_frame_is_answered_by_a_flow_control(tester: Tester, measure: Measurements) -> None:
    require_answer(tester)
    is_let_through = False
    for pdu in candidates(tester, 15):
        fields = frames_of(tester, pdu)
        reply, flow = open_reception(tester, fields[0])
        if flow[:1] == bytes((CLEAR_TO_SEND,)):
            is_let_through = True
            judge_flow_control(tester, reply, flow)
            measure.publish("ISO-TP: the ECU's flow control", {"block size": str(flow[1]), "STmin": f"{flow[2]:02X}"})
            if is_answered(tester, fields[1:], flow):
                judge_block(tester, flow[1])
                return
        elif flow:
            judge_refusal(tester, reply, flow)
        elif any(frame.pci_type == 3 for frame in tester.listen(LATE_S, why="late frames")):
            tester.note("a flow control comes later than N_Bs, 1 s")
    if is_let_through:
        fail(expected="an answer to the message", observed="silence, after all its consecutive frames were sent as wanted")
    reason = why_it_must_take_long_requests(tester)
    if reason:
        fail(expected=f"a flow control that lets a message through: {reason}", observed=str(reply))
    if not tester.target.data and not tester.target.security:
        inconclusive("no first frame is answered, and nothing is declared that needs one")
    inconclusive(nothing_was_let_through(tester))


def judge_flow_control(tester: Tester, reply: RawReply, flow: bytes) -> None:
    """Check that a flow control that permits the message is complete, and holds no reserved value."""
    is_reserved = len(flow) > 2 and (0x80 <= flow[2] <= 0xF0 or flow[2] >= 0xFA)
    if len(flow) < 3 or is_reserved:
        tester.cite(reply)
        fail(expected="a flow control of three bytes, STmin 00 to 7F or F1 to F9", observed=flow.hex(" ").upper())


def judge_refusal(tester: Tester, reply: RawReply, flow: bytes) -> None:
    """Check that a flow control that refuses the message does so as the standard prescribes."""
    if flow[0] not in (WAIT, OVERFLOW):
        tester.cite(reply)
        fail(expected="the status 30, 31 or 32 in a flow control", observed=flow.hex(" ").upper())


def is_answered(tester: Tester, fields: list[bytes], flow: bytes) -> bool:
    """Send the rest of the message in blocks as the flow control asks, and return whether the ECU answers it."""
    reply = go_on(tester, fields, flow)
    answers = messages(reply.answers) or messages(tester.listen(tester.target.timing.p2_ms / 1000, why="a late answer"))
    tester.cite(reply)
    finish(tester, reply)
    return bool(answers) or any(map(is_pending, reply.answers))


def judge_block(tester: Tester, block_size: int) -> None:
    """Check that the ECU sends its next flow control after `block_size` frames, if more frames are to come."""
    if not 0 < block_size <= LONGEST_BLOCK:
        return
    step = tester.frame_bytes - 1
    lengths = range(step + step * block_size, 2 * step + step * block_size)
    long = [frames_of(tester, b"\x3e".ljust(length, b"\x00")) for length in lengths]
    fields = next((fields for fields in long if tester.gate.permits_raw(*fields)), [])
    flow = open_reception(tester, fields[0])[1] if fields else b""
    if flow[:2] != bytes((CLEAR_TO_SEND, block_size)):
        return
    for field in fields[1:block_size]:
        tester.raw(field, listen_s=stmin_s(flow))
    last = tester.raw(fields[block_size], listen_s=1.0)
    if not any(frame.pci_type == 3 for frame in last.answers):
        tester.cite(last)
        fail(expected=f"another flow control after a block of {block_size}, as the first one has said", observed=str(last))
    clear(tester)


def why_it_must_take_long_requests(tester: Tester) -> str:
    """Say which declared key or data is too long for a single frame, so that the ECU must take long requests, or ""."""
    for entry in tester.target.data:
        if entry.write.kind != "never" and entry.length is not None and 3 + entry.length >= shortest_long(tester):
            return f"DID {entry.did:04X} of {entry.length} bytes is declared writable"
    for level in tester.target.security:
        if tester.security.has_key(level.level):
            try:
                tester.session_for(level.level)
                length = tester.security.key_length(level.level)
            except Inconclusive:
                continue
            if 2 + length >= shortest_long(tester):
                return f"level 0x{level.level:02X} takes keys of {length} bytes"
    return ""


@attack(
    id="TP-13",
    title="Nonsense in a flow control does not block the ECU",
    failure="Nonsense in a flow control blocks the ECU",
    severity=Severity.MEDIUM,
    basis="standard",
    source="ISO 15765-2 flow control: N_INVALID_FS, overflow, N_WFTmax, reserved STmin, N_Bs",
    cwe=(400, 835),
    r155=("18.3", "24.1"),
    rationale="One frame of anybody's, sent while the ECU waits for a flow control, takes diagnosis away from every tester.",
    remediation="Give the answer up at a reserved status, at overflow, after a bounded number of waits, and when no flow "
    "control has come within 1 s; take a reserved STmin for 127 ms.",
    proven_by=("hangs_on_wait_flood", "hangs_on_reserved_stmin", "no_flow_control_timeout"),
)
def test_nonsense_in_a_flow_control_does_not_block(tester: Tester, depth: Depth) -> None:
    require_answer(tester)
    request = long_answered(tester)
    if request is None:
        inconclusive("no answer of this ECU is known to need more than one frame")
    waits = depth.choose(quick=30, default=100, deep=300)
    abuses: dict[str, list[bytes]] = {
        "no flow control": [],
        "a reserved status": [flow(tester, 0x3F)],
        "overflow": [flow(tester, 0x32)],
        f"{waits} times wait": [flow(tester, 0x31)] * waits,
        "STmin F0": [flow(tester, 0x30, stmin=0xF0)],
    }
    more: dict[str, list[bytes]] = {
        "a block of one frame, and no flow control after it": [flow(tester, 0x30, block_size=1)],
        "STmin 80": [flow(tester, 0x30, stmin=0x80)],
        "STmin FF": [flow(tester, 0x30, stmin=0xFF)],
        "STmin 7F": [flow(tester, 0x30, stmin=0x7F)],
        "a flow control of one byte": [b"\x30"],
        "wait, and then nothing": [flow(tester, 0x31)],
    }
    for what, fields in depth.choose(quick=abuses, default=abuses | more, deep=abuses | more).items():
        judge_abuse(tester, request, what, fields)


def flow(tester: Tester, status: int, *, block_size: int = 0, stmin: int = 0) -> bytes:
    """Return a flow control of ours in a full frame."""
    return filled(tester, bytes((status, block_size, stmin)))


def long_answered(tester: Tester) -> bytes | None:
    """Return a read whose answer was seen to need several frames, the shortest first; None if there is none."""
    readable = [entry for entry in tester.target.data if entry.read.kind == "open"]
    long = [entry for entry in readable if entry.length is None or 3 + entry.length >= shortest_long(tester)]
    long.sort(key=lambda entry: entry.length or LONGEST_ANSWER)
    reads = [b"\x22" + entry.did.to_bytes(2, "big") for entry in long[:MOST_TRIED]]
    together = b"".join(entry.did.to_bytes(2, "big") for entry in readable[:3])
    if readable:
        reads.append((b"\x22" + together * 3)[: longest_read(tester)])
    for read in reads:
        reply = ask(tester, single(tester, read))
        if first_frames(reply):
            rest = tester.raw(go_on_frame(tester), listen_s=tester.silence_s)
            if not any(frame.pci_type == 2 for frame in rest.answers):
                inconclusive("a long answer is not continued after a proper flow control")
            return read
    return None


def longest_read(tester: Tester) -> int:
    """Return the length in bytes of the longest read of whole identifiers that a single frame holds."""
    return (tester.frame_bytes - 2) // 2 * 2 + 1


def first_frames(reply: RawReply) -> int:
    """Return the length in bytes that the first frame of a long answer announces; 0 if no first frame came."""
    found = [frame.data for frame in reply.answers if frame.pci_type == 1 and len(frame.data) > 1]
    return (found[0][0] & 0xF) << 8 | found[0][1] if found else 0


def judge_abuse(tester: Tester, request: bytes, what: str, fields: list[bytes]) -> None:
    """Abuse the flow control of a long answer, and check that the ECU answers requests again 3 s later."""
    asked = ask(tester, single(tester, request))
    length = first_frames(asked)
    if not length:
        tester.cite(asked)
        inconclusive(f"before {what}: the long answer no longer comes")
    pauses_s = length // (tester.frame_bytes - 1) * stmin_s(fields[0]) if fields and fields[0][0] == 0x30 else 0.0
    if pauses_s > LONGEST_PAUSES_S:
        tester.note(f"{what} was not tried: an answer of {length} bytes may then take {pauses_s:.0f} s")
        fields, pauses_s = [flow(tester, 0x32)], 0.0
    reply = tester.raw(*fields, listen_s=tester.silence_s) if fields else asked
    note_pace(tester, what, fields, reply)
    if ends_at_once(fields) and messages(ask(tester, single(tester, probe(tester))).answers):
        return
    tester.wait(GIVEN_UP_S + pauses_s, "the ECU gives up its message")
    after = ask(tester, single(tester, probe(tester)))
    if not after.answers:
        tester.wait(BACK_S - GIVEN_UP_S, "the ECU gives up its message")
        after = ask(tester, single(tester, probe(tester)))
    if not after.answers:
        tester.cite(reply, after)
        fail(expected=f"an answer 3 s after {what} on a long answer", observed="silence")


def ends_at_once(fields: list[bytes]) -> bool:
    """Whether the ECU can end its message after these flow controls, and need not wait for another one until N_Bs."""
    status, block_size = (fields[-1][0], fields[-1][1]) if fields and len(fields[-1]) > 1 else (WAIT, 0)
    return len(fields) > 1 if status == WAIT else not block_size


def note_pace(tester: Tester, what: str, fields: list[bytes], reply: RawReply) -> None:
    """Note an ECU whose pauses are much shorter than 127 ms, though a reserved STmin asked for as much."""
    times_s = [frame.time_s for frame in reply.answers if frame.pci_type == 2]
    if fields and stmin_s(fields[0]) >= 0.127 and len(times_s) > 1:
        pause_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
        if pause_s < 0.1:
            tester.note(f"{what} makes pauses of {pause_s * 1000:.1f} ms, where 127 ms is the rule")
