"""Send requests to an ECU frame by frame, and decide which of its frames count as an answer."""

from collections.abc import Callable
from dataclasses import dataclass

from harness import DataEntry, Frame, Inconclusive, RawReply, Severity, Tester, fail, inconclusive, uds
from harness.fuzz import segments

CLEAR_TO_SEND, WAIT, OVERFLOW = 0x30, 0x31, 0x32
FLOW_CONTROL_S = 1.0
"""N_Bs in seconds: how long a flow control may take."""
MOST_WAITS = 10
MOST_ANNOUNCEMENTS = 100
"""How many response pending messages (0x78) are accepted before an answer must come."""

TESTER_PRESENT = uds.keep_session()

OTHERS_S = 0.3
SLICE_S = 0.02
"""The interval in seconds at which flow controls are looked for: some ECUs give a message up soon after they sent one."""
UNASKED_S = 3.0
"""How many seconds the tester watches an ECU for messages that nobody asked for, before it blames one of its own frames."""


def single(tester: Tester, pdu: bytes) -> bytes:
    """Return the data field of a well-formed single frame, padded unless the target accepts short frames."""
    pdu = tester.spoken(pdu)
    field = bytes((len(pdu),)) + pdu
    return field if tester.target.can.padding is None else filled(tester, field)


def filled(tester: Tester, start: bytes, length: int | None = None, *, pad: int = 0x00) -> bytes:
    """Fill a data field with one byte up to a length, by default the length of a full classic frame."""
    length = tester.frame_bytes if length is None else length
    return start.ljust(length, bytes((pad,)))[:length]


def go_on_frame(tester: Tester) -> bytes:
    """Return a flow control of ours that permits all frames at once, without pauses."""
    field = bytes((CLEAR_TO_SEND, 0, 0))
    return field if tester.target.can.padding is None else filled(tester, field)


def probe(tester: Tester) -> bytes:
    """Return a request that the ECU answers, and that the safety rules permit as raw frames."""
    return tester.probe_by(lambda pdu: tester.gate.permits_raw(single(tester, pdu)))


def ask(tester: Tester, *fields: bytes, is_functional: bool = False) -> RawReply:
    """Send raw frames and return the reply; repeat them as long as the ECU says that it is busy (0x21)."""
    for _ in range(5):
        reply = with_final(
            tester, tester.raw(*fields, is_functional=is_functional, listen_s=tester.silence_s, ends_with_answer=True)
        )
        if not reply.answers and tester.is_shared():  # it may have been collecting another tester's answer
            tester.wait(OTHERS_S, "the end of another tester's answer")
            reply = with_final(
                tester, tester.raw(*fields, is_functional=is_functional, listen_s=tester.silence_s, ends_with_answer=True)
            )
        if not any(frame.data[1:4:2] == b"\x7f\x21" for frame in reply.answers):
            return reply
    inconclusive("the ECU is busy for ever")


def with_final(tester: Tester, reply: RawReply) -> RawReply:
    """If 0x78 announced an answer, wait for the answer and add it to the reply, so that no later frame seems to cause it."""
    answers = list(reply.answers)
    until_s = tester.link.now_s + tester.target.timing.p2_star_ms / 1000
    while answers and is_pending(answers[-1]) and tester.link.now_s < until_s:
        heard = tester.listen(tester.silence_s, why="answers to raw frames")
        if heard:
            answers += heard
            until_s = tester.link.now_s + tester.target.timing.p2_star_ms / 1000
        if len(answers) > MOST_ANNOUNCEMENTS:
            inconclusive("an answer is announced for ever")
    return (
        reply if len(answers) == len(reply.answers) else RawReply(reply.sent, tuple(answers), reply.trace, reply.first_frame)
    )


def is_pending(frame: Frame) -> bool:
    """Whether a frame is a response pending (0x78)."""
    return frame.data[1:4:2] == b"\x7f\x78"


def frames_of(tester: Tester, pdu: bytes) -> list[bytes]:
    """Return the data fields of a message that takes several classic frames."""
    return segments(tester.spoken(pdu), frame_bytes=tester.frame_bytes)


def shortest_long(tester: Tester) -> int:
    """Return the length of the shortest message that takes more than one classic frame."""
    return tester.frame_bytes


def messages(frames: tuple[Frame, ...]) -> list[Frame]:
    """Return the frames that begin an answer: all but flow controls, consecutive frames and response pending."""
    return [frame for frame in frames if frame.pci_type not in (2, 3) and not is_pending(frame)]


def is_same_answer(one: Frame, other: Frame) -> bool:
    """Whether two frames begin the same answer; padding, and values after the start of a first frame, may differ.

    Busy (0x21) may answer any request, and therefore counts as the same as every answer.
    """
    if b"\x7f\x21" in (one.data[1:4:2], other.data[1:4:2]):
        return True
    if one.pci_type == other.pci_type == 0:
        return one.data[: one.data[0] + 1] == other.data[: other.data[0] + 1]
    return one.data[:5] == other.data[:5]


def require_answer(tester: Tester) -> RawReply:
    """Send a well-formed request as the control, and return the answer. Raises Inconclusive if there is none."""
    tester.require_quiet()
    reply = ask(tester, single(tester, probe(tester)))
    if not reply.answers:
        inconclusive("a well-formed single frame is not answered in time, so that silence proves nothing")
    finish(tester, reply)
    return reply


def finish(tester: Tester, reply: RawReply) -> None:
    """Let the ECU send a long answer to its end, if the reply begins one."""
    if any(frame.pci_type == 1 for frame in reply.answers):
        tester.raw(go_on_frame(tester))


def expect_silence(tester: Tester, *fields: bytes, is_functional: bool = False, severity: Severity | None = None) -> None:
    """Send frames that the ECU must ignore, and fail if it sends any frame in return."""
    reply = tester.raw(*fields, is_functional=is_functional, listen_s=tester.silence_s)
    if reply.answers:
        tester.cite(reply)
        if all(is_pending(frame) and frame.data[2] not in b"".join(fields) for frame in reply.answers):
            inconclusive(f"a response pending to an earlier request came: {reply}")
        tester.require_quiet(UNASKED_S)
        sent = ", ".join(frame.text() for frame in reply.sent)
        fail(expected=f"silence to {sent}", observed=str(reply), severity=severity)


# Effects


def writable(tester: Tester, lengths: range | None = None) -> DataEntry | None:
    """Return data that everybody may write, with a value of one of these lengths, by default of one frame.

    Return None, with a note, if there is no such data or no write is permitted.
    """
    lengths = range(shortest_long(tester)) if lengths is None else lengths
    if not tester.allows("write"):
        tester.note("writes were not tried: the target does not allow them")
        return None
    for entry in tester.target.data:
        if entry.read.kind == entry.write.kind == "open" and not entry.volatile:
            try:
                effect = tester.access.write_effect(entry)
                if effect.is_changed and len(uds.write_data(entry.did, effect.before)) in lengths:
                    return entry
            except Inconclusive as reason:
                tester.note(f"DID {entry.did:04X}: writes were not tried ({reason})")
    return None


def expect_no_effect(
    tester: Tester, entry: DataEntry, fields: Callable[[bytes], list[bytes]], *, severity: Severity | None = None
) -> None:
    """Send a write in frames that the ECU must ignore, and fail if the ECU answers it or stores the value."""
    effect = tester.access.effect(
        entry,
        lambda value: tester.raw(*fields(value), listen_s=tester.silence_s),
        undo=lambda value: tester.write(entry.did, value),
    )
    if effect.is_changed or effect.reply.answers:
        tester.cite(effect.reply)
        if not effect.is_changed:
            tester.require_quiet(UNASKED_S)
        sent = ", ".join(frame.text() for frame in effect.reply.sent)
        fail(expected=f"silence to {sent}, and DID {entry.did:04X} unchanged", observed=str(effect), severity=severity)


# Long requests


@dataclass(frozen=True, slots=True)
class LongRequest:
    """A request of more than one frame that the ECU was seen to accept and answer."""

    pdu: bytes
    fields: list[bytes]
    answer: Frame
    """The first frame of the ECU's answer to the request."""


def candidates(tester: Tester, length: int) -> list[bytes]:
    """Return requests of `length` bytes, or one more, that change nothing and a sound ECU answers, if only by a refusal."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"] or [0xF190]
    reads = [(b"\x22" + did.to_bytes(2, "big") * length)[: length | 1] for did in readable]
    requests = [
        b"\x3e".ljust(length, b"\x00"),
        *(read for read in reads if tester.gate.permits_raw(*frames_of(tester, read))),
    ]
    return requests[:2]


def open_reception(tester: Tester, field: bytes, *, is_functional: bool = False) -> tuple[RawReply, bytes]:
    """Send a first frame, and wait within limits for a flow control other than WAIT.

    Return all frames that came, and the data of the last flow control; that is empty if no flow control came.
    """
    reply = tester.raw(field, is_functional=is_functional, listen_s=SLICE_S)
    answers, waits = list(reply.answers), 0
    flow = _flow_control(reply.answers)
    while (not flow and not answers) or (flow[:1] == bytes((WAIT,)) and waits <= MOST_WAITS):
        waits += 1
        heard = until_flow_control(tester)
        answers += heard
        flow = _flow_control(heard)
        if not flow:
            break
    return RawReply(reply.sent, tuple(answers), reply.trace, reply.first_frame), flow


def until_flow_control(tester: Tester) -> tuple[Frame, ...]:
    """Return the frames that come until a flow control does, within N_Bs."""
    give_up_s = tester.link.now_s + tester.flow_control_s()
    heard: tuple[Frame, ...] = ()
    while not _flow_control(heard) and tester.link.now_s < give_up_s:
        heard += tester.listen(SLICE_S, why="a flow control")
    return heard


def _flow_control(frames: tuple[Frame, ...]) -> bytes:
    return next((frame.data for frame in reversed(frames) if frame.pci_type == 3), b"")


def go_on(tester: Tester, fields: list[bytes], flow: bytes) -> RawReply:
    """Send consecutive frames in the way that a flow control asks for; return what followed the last frame."""
    for field in fields[:-1]:
        heard = tester.raw(field, listen_s=stmin_s(flow))
        if flow[1:2] == b"\x01" and not _flow_control(heard.answers):  # blocks of one: another flow control is due
            until_flow_control(tester)
    return with_final(tester, tester.raw(fields[-1], listen_s=tester.silence_s))


def stmin_s(flow: bytes) -> float:
    """Return the pause that a flow control asks for between two frames, in seconds."""
    raw = flow[2] if len(flow) > 2 else 0
    return (raw - 0xF0) / 10_000 if 0xF1 <= raw <= 0xF9 else min(raw, 0x7F) / 1000


def require_long_request(tester: Tester, length: int | None = None) -> LongRequest:
    """Send requests of several frames until the ECU accepts and answers one, and return that one.

    Raises Inconclusive if the ECU accepts none that may be tried.
    """
    is_taken = False
    for pdu in candidates(tester, length or shortest_long(tester)):
        fields = frames_of(tester, pdu)
        flow = open_reception(tester, fields[0])[1]
        if flow[:1] != bytes((CLEAR_TO_SEND,)):
            # A late one must not be taken for one to the next first frame.
            tester.listen(tester.flow_control_s(), why="a late flow control")
            continue
        is_taken = True
        reply = go_on(tester, fields[1:], flow)
        answers = messages(reply.answers) or messages(tester.listen(FLOW_CONTROL_S, why="a late answer"))
        finish(tester, reply)
        if answers:
            return LongRequest(pdu, fields, answers[-1])
    if is_taken:
        inconclusive("a long request is let through by a flow control, and then not answered")
    inconclusive(nothing_was_let_through(tester))


def nothing_was_let_through(tester: Tester) -> str:
    """Say that no first frame was answered by a flow control, and whether the ECU answered a long request earlier."""
    taken = tester.state.presence.longest_taken
    what = "none of the first frames that change nothing was answered by a flow control"
    if len(taken) < shortest_long(tester):
        return what
    return f"{what}, though a request of {len(taken)} bytes was answered earlier ({taken[:3].hex(' ').upper()} ...)"


def clear(tester: Tester) -> None:
    """Send a single frame, which ends any open reception. Raises Inconclusive if the ECU does not answer it."""
    reply = ask(tester, single(tester, probe(tester)))
    if not reply.answers:
        inconclusive("a single frame is not answered any more")
    finish(tester, reply)
