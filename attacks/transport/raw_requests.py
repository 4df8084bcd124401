"""Ask an ECU frame by frame, and tell what counts as its answer. Shared by the checks on ISO-TP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness import DataEntry, Frame, Inconclusive, RawReply, Severity, Tester, fail, inconclusive, uds
from harness.fuzz import segments

CLEAR_TO_SEND, WAIT, OVERFLOW = 0x30, 0x31, 0x32
FLOW_CONTROL_S = 1.0
"""N_Bs: how long a flow control may take."""
MOST_WAITS = 10
MOST_ANNOUNCEMENTS = 100
"""As long as an answer is announced by 0x78 it is waited for, but not for ever."""

TESTER_PRESENT = uds.keep_session()

OTHERS_S = 0.3
SLICE_S = 0.02
"""So closely is looked for a flow control: some ECUs give a message up soon after theirs."""
UNASKED_S = 3.0
"""How long an ECU is heard before what it says is held against a frame of ours."""


def listening_s(tester: Tester) -> float:
    """How long a single frame may stay unanswered: P2 and a margin."""
    return max(0.2, tester.target.timing.p2_ms / 1000 + 0.15)


def single(tester: Tester, pdu: bytes) -> bytes:
    """The data field of a well-formed single frame, filled up unless the target takes frames as short as their content."""
    pdu = tester.spoken(pdu)
    field = bytes((len(pdu),)) + pdu
    return field if tester.target.can.padding is None else filled(tester, field)


def filled(tester: Tester, start: bytes, length: int | None = None, *, pad: int = 0x00) -> bytes:
    """A data field that goes on in one byte up to a length, that of a full frame of classic CAN unless said otherwise."""
    length = tester.frame_bytes if length is None else length
    return start.ljust(length, bytes((pad,)))[:length]


def go_on_frame(tester: Tester) -> bytes:
    """Our flow control: all at once."""
    field = bytes((CLEAR_TO_SEND, 0, 0))
    return field if tester.target.can.padding is None else filled(tester, field)


def probe(tester: Tester) -> bytes:
    """A request that the ECU answers and that passes as raw frames."""
    return tester.probe_by(lambda pdu: tester.gate.permits_raw(single(tester, pdu)))


def ask(tester: Tester, *fields: bytes, is_functional: bool = False) -> RawReply:
    """Raw frames that an ECU may answer, repeated while it says that it is busy."""
    for _ in range(5):
        reply = with_final(tester, tester.raw(*fields, is_functional=is_functional, listen_s=listening_s(tester)))
        if not reply.answers and tester.is_shared():  # it may have been fetching another tester's answer
            tester.wait(OTHERS_S)
            reply = with_final(tester, tester.raw(*fields, is_functional=is_functional, listen_s=listening_s(tester)))
        if not any(frame.data[1:4:2] == b"\x7f\x21" for frame in reply.answers):
            return reply
    inconclusive("the ECU is busy for ever")


def with_final(tester: Tester, reply: RawReply) -> RawReply:
    """The reply and, where 0x78 announced an answer, that answer too: it must not be taken for one to what follows."""
    answers = list(reply.answers)
    until_s = tester.link.now_s + tester.target.timing.p2_star_ms / 1000
    while answers and is_pending(answers[-1]) and tester.link.now_s < until_s:
        heard = tester.listen(listening_s(tester))
        if heard:
            answers += heard
            until_s = tester.link.now_s + tester.target.timing.p2_star_ms / 1000
        if len(answers) > MOST_ANNOUNCEMENTS:
            inconclusive("an answer is announced for ever")
    return (
        reply if len(answers) == len(reply.answers) else RawReply(reply.sent, tuple(answers), reply.trace, reply.first_frame)
    )


def is_pending(frame: Frame) -> bool:
    """Whether a frame announces an answer."""
    return frame.data[1:4:2] == b"\x7f\x78"


def frames_of(tester: Tester, pdu: bytes) -> list[bytes]:
    """The data fields of a message that takes several frames of classic CAN."""
    return segments(tester.spoken(pdu), frame_bytes=tester.frame_bytes)


def shortest_long(tester: Tester) -> int:
    """The length of the shortest message that takes more than one frame of classic CAN."""
    return tester.frame_bytes


def messages(frames: tuple[Frame, ...]) -> list[Frame]:
    """Frames in which an ECU answers: no flow controls, no response pending, no consecutive frames."""
    return [frame for frame in frames if frame.pci_type not in (2, 3) and not is_pending(frame)]


def is_same_answer(one: Frame, other: Frame) -> bool:
    """Whether two frames begin the same answer: padding, and the values behind a first frame's start, may differ.

    Busy is said to anything.
    """
    if b"\x7f\x21" in (one.data[1:4:2], other.data[1:4:2]):
        return True
    if one.pci_type == other.pci_type == 0:
        return one.data[: one.data[0] + 1] == other.data[: other.data[0] + 1]
    return one.data[:5] == other.data[:5]


def require_answer(tester: Tester) -> RawReply:
    """The control: the request that the ECU is known to answer, in a well-formed single frame. Inconclusive without."""
    tester.require_quiet()
    reply = ask(tester, single(tester, probe(tester)))
    if not reply.answers:
        inconclusive("a well-formed single frame is not answered in time, so that silence proves nothing")
    finish(tester, reply)
    return reply


def finish(tester: Tester, reply: RawReply) -> None:
    """Let the ECU get rid of a long answer."""
    if any(frame.pci_type == 1 for frame in reply.answers):
        tester.raw(go_on_frame(tester), listen_s=listening_s(tester))


def expect_silence(tester: Tester, *fields: bytes, is_functional: bool = False, severity: Severity | None = None) -> None:
    """Send frames that must be ignored; any frame of the ECU's is a failure."""
    reply = tester.raw(*fields, is_functional=is_functional, listen_s=listening_s(tester))
    if reply.answers:
        tester.cite(reply)
        if all(is_pending(frame) and frame.data[2] not in b"".join(fields) for frame in reply.answers):
            inconclusive(f"a response pending to an earlier request came: {reply}")
        tester.require_quiet(UNASKED_S)
        sent = ", ".join(frame.text() for frame in reply.sent)
        fail(expected=f"silence to {sent}", observed=str(reply), severity=severity)


# Effects


def writable(tester: Tester, lengths: range | None = None) -> DataEntry | None:
    """Open data on which the effect of a write of one of these lengths shows, of one frame unless said otherwise.

    None where there is none, or none may be written, which is noted.
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
    """A write in frames that must be ignored: it is neither answered nor done."""
    effect = tester.access.effect(
        entry,
        lambda value: tester.raw(*fields(value), listen_s=listening_s(tester)),
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
    """A request of more than one frame that the ECU has been seen to take and to answer."""

    pdu: bytes
    fields: list[bytes]
    answer: Frame
    """The frame in which its answer begins."""


def candidates(tester: Tester, length: int) -> list[bytes]:
    """Requests of this length or one byte more that change nothing, and that a sound ECU answers, if only to refuse them."""
    readable = [entry.did for entry in tester.target.data if entry.read.kind == "open"] or [0xF190]
    reads = [(b"\x22" + did.to_bytes(2, "big") * length)[: length | 1] for did in readable]
    requests = [
        b"\x3e".ljust(length, b"\x00"),
        *(read for read in reads if tester.gate.permits_raw(*frames_of(tester, read))),
    ]
    return requests[:2]


def open_reception(tester: Tester, field: bytes, *, is_functional: bool = False) -> tuple[RawReply, bytes]:
    """Send a first frame: what came, and the flow control that ended the wait for it, empty if none did."""
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
    """What comes until a flow control does, at the longest for N_Bs."""
    give_up_s = tester.link.now_s + FLOW_CONTROL_S
    heard: tuple[Frame, ...] = ()
    while not _flow_control(heard) and tester.link.now_s < give_up_s:
        heard += tester.listen(SLICE_S)
    return heard


def _flow_control(frames: tuple[Frame, ...]) -> bytes:
    return next((frame.data for frame in reversed(frames) if frame.pci_type == 3), b"")


def go_on(tester: Tester, fields: list[bytes], flow: bytes) -> RawReply:
    """Send consecutive frames as a flow control wants them; what followed the last one."""
    for field in fields[:-1]:
        heard = tester.raw(field, listen_s=stmin_s(flow))
        if flow[1:2] == b"\x01" and not _flow_control(heard.answers):  # a block of one: another flow control is due
            until_flow_control(tester)
    return with_final(tester, tester.raw(fields[-1], listen_s=listening_s(tester)))


def stmin_s(flow: bytes) -> float:
    """The pause that a flow control asks for between two frames."""
    raw = flow[2] if len(flow) > 2 else 0
    return (raw - 0xF0) / 10_000 if 0xF1 <= raw <= 0xF9 else min(raw, 0x7F) / 1000


def require_long_request(tester: Tester, length: int | None = None) -> LongRequest:
    """See the ECU take and answer a request of several frames. Inconclusive: it took none of those that may be tried."""
    is_taken = False
    for pdu in candidates(tester, length or shortest_long(tester)):
        fields = frames_of(tester, pdu)
        flow = open_reception(tester, fields[0])[1]
        if flow[:1] != bytes((CLEAR_TO_SEND,)):
            tester.listen(FLOW_CONTROL_S)  # a late one must not be taken for one to the next first frame
            continue
        is_taken = True
        reply = go_on(tester, fields[1:], flow)
        answers = messages(reply.answers) or messages(tester.listen(FLOW_CONTROL_S))
        finish(tester, reply)
        if answers:
            return LongRequest(pdu, fields, answers[-1])
    if is_taken:
        inconclusive("a long request is let through by a flow control, and then not answered")
    inconclusive(nothing_was_let_through(tester))


def nothing_was_let_through(tester: Tester) -> str:
    """What is known where no first frame was answered by a flow control; silence does not say that the ECU takes none."""
    taken = tester.state.presence.longest_taken
    what = "none of the first frames that change nothing was answered by a flow control"
    if len(taken) < shortest_long(tester):
        return what
    return f"{what}, though a request of {len(taken)} bytes was answered earlier ({taken[:3].hex(' ').upper()} ...)"


def clear(tester: Tester) -> None:
    """End whatever reception is open, by a single frame; Inconclusive if that is not answered."""
    reply = ask(tester, single(tester, probe(tester)))
    if not reply.answers:
        inconclusive("a single frame is not answered any more")
    finish(tester, reply)
