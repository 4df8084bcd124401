"""Turn an exchange into the steps of a sequence diagram, each with its frames."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from harness.link.isotp_frames import NO_TYPE, FrameType, frame_type, message_in
from harness.report.decode import fields, frame_line, reply_line, request_line
from harness.report.text import bytes_of, hex_pairs, shown_hex
from harness.runs.findings import Exchange, FrameRecord, RunInfo
from harness.runs.folder import AUDIT_JSON

MOST_STEPS: Final = 16
"""How many steps of one exchange are shown; audit.json has the others."""

MOST_FRAMES: Final = 48
"""How many frames of one exchange are shown."""

_RAW: Final = re.compile(r"\s*raw\s")


@dataclass(frozen=True, slots=True)
class FrameRow:
    """One raw frame in readable form."""

    time: str
    direction: str
    can_id: str
    content: str
    meaning: str


@dataclass(frozen=True, slots=True)
class DiagramStep:
    """One arrow of the diagram."""

    sender: Literal["tester", "ECU"]
    content: str
    """The bytes of the message or frame; empty if nothing came."""
    meaning: str
    after: str = ""
    """The time from the exchange's first frame to the beginning of the step."""
    fields: tuple[tuple[str, str], ...] = ()
    """The fields that Scapy's layers decode."""
    frames: tuple[FrameRow, ...] = ()
    is_message: bool = True
    """Whether the step is a whole message; else it is a single frame, or silence."""


@dataclass(slots=True)
class _Message:
    """A message, and the frames that carried it."""

    sender: Literal["tester", "ECU"]
    content: str
    frames: list[FrameRecord] = field(default_factory=list)


def steps(exchange: Exchange, spoken_ids: frozenset[int]) -> list[DiagramStep]:
    """Return one step for each arrow of the exchange's diagram. ``spoken_ids``: the CAN ids of tester and ECU."""
    if _RAW.match(exchange.request):
        found = list(_raw_steps(exchange, spoken_ids))
    else:
        found = list(_message_steps(exchange, spoken_ids))
    if not any(step.sender == "ECU" for step in found):
        found.append(DiagramStep("ECU", "", "no message" if found and found[0].is_message else "no frame", is_message=False))
    if (left_out := len(found) - MOST_STEPS) > 0:
        found[MOST_STEPS:] = [DiagramStep("ECU", f"… {left_out} more", f"all of them are in {AUDIT_JSON}", is_message=False)]
    return found


def spoken_ids(info: RunInfo) -> frozenset[int]:
    """Return the CAN ids on which the target speaks ISO-TP, as far as it declares them."""
    can = info.target.get("can")
    table = can if isinstance(can, dict) else {}
    found = (table.get(key) for key in ("request_id", "response_id", "functional_id"))
    return frozenset(one for one in found if isinstance(one, int))


def _message_steps(exchange: Exchange, ids: frozenset[int]) -> Iterator[DiagramStep]:
    """Return request and replies with their frames; a frame of the ECU that belongs to no message is a step of its own."""
    start_s = exchange.frames[0].time_s if exchange.frames else 0.0
    for message in _messages(exchange, ids):
        data = bytes_of(message.content) if message.content else None
        step = DiagramStep(
            message.sender,
            shown_hex(message.content),
            "",
            _after(message.frames, start_s),
            frames=tuple(_frame_row(frame, ids) for frame in message.frames),
        )
        if message.sender == "ECU" and not message.content and message.frames:
            frame_bytes = bytes_of(message.frames[0].data) or b""
            meaning = f"a frame that holds no message: {frame_line(frame_bytes, message.frames[0].address_bytes)}"
            yield replace(step, content=hex_pairs(frame_bytes), meaning=meaning, is_message=False)
        elif data is None:
            yield replace(step, meaning="")
        else:
            line = request_line(data) if message.sender == "tester" else reply_line(data)
            yield replace(step, meaning=line, fields=fields(data))


def _messages(exchange: Exchange, ids: frozenset[int]) -> list[_Message]:
    """Assign each frame, in order, to a message, by the frame's ISO-TP type."""
    request = _Message("tester", exchange.request)
    replies = [_Message("ECU", reply) for reply in exchange.replies]
    found, waiting = [request], replies.copy()
    current = request
    for frame in exchange.frames[:MOST_FRAMES]:
        kind = NO_TYPE if frame.is_error or frame.is_remote else frame_type(_behind_address(frame))
        if frame.is_sent:
            (request if kind != FrameType.FLOW_CONTROL else current).frames.append(frame)
        elif frame.can_id not in ids:
            current.frames.append(frame)
        elif kind in (FrameType.SINGLE, FrameType.FIRST) and waiting:
            current = waiting.pop(0)
            current.frames.append(frame)
            found.append(current)
        elif kind == FrameType.CONSECUTIVE and current is not request:
            current.frames.append(frame)
        elif kind == FrameType.FLOW_CONTROL and current is request:
            request.frames.append(frame)
        else:
            found.append(_Message("ECU", "", [frame]))
    return found + waiting


def _raw_steps(exchange: Exchange, ids: frozenset[int]) -> Iterator[DiagramStep]:
    """Yield a step for each frame of tester and ECU; if no frames are stored, one for the request and one for each reply."""
    spoken = [frame for frame in exchange.frames[:MOST_FRAMES] if frame.is_sent or frame.can_id in ids]
    start_s = exchange.frames[0].time_s if exchange.frames else 0.0
    for frame in spoken:
        data = _behind_address(frame)
        is_single = frame_type(data) == FrameType.SINGLE
        payload = message_in(data, frame.address_bytes) if is_single else b""
        sender: Literal["tester", "ECU"] = "tester" if frame.is_sent else "ECU"
        meaning = f"raw frame: {frame_line(bytes_of(frame.data) or b'', frame.address_bytes)}"
        if payload:
            meaning += "; " + (request_line(payload) if frame.is_sent else reply_line(payload))
        row = _frame_row(frame, ids)
        yield DiagramStep(sender, row.content, meaning, _after([frame], start_s), fields(payload), (row,), is_message=False)
    if not spoken:
        yield DiagramStep("tester", shown_hex(exchange.request), "raw frames", is_message=False)
        for reply in exchange.replies:
            yield DiagramStep("ECU", shown_hex(reply), "", is_message=False)


def _behind_address(frame: FrameRecord) -> bytes:
    return (bytes_of(frame.data) or b"")[frame.address_bytes :]


def _after(frames: Sequence[FrameRecord], start_s: float) -> str:
    return f"+{(frames[0].time_s - start_s) * 1000:.3f} ms" if frames else ""


def _frame_row(frame: FrameRecord, ids: frozenset[int]) -> FrameRow:
    data = bytes_of(frame.data)
    kinds = [("remote", frame.is_remote), ("error", frame.is_error), ("FD", frame.is_fd)]
    meaning = [f"{word} frame" for word, is_so in kinds if is_so]
    is_spoken = frame.is_sent or frame.can_id in ids
    if data is not None and is_spoken and not frame.is_remote and not frame.is_error:
        meaning.append(frame_line(data, frame.address_bytes))
    elif not is_spoken:
        meaning.append("of somebody else")
    return FrameRow(
        time=f"{frame.time_s:.6f}",
        direction="sent" if frame.is_sent else "received",
        can_id=f"{frame.can_id:0{8 if frame.is_extended else 3}X}",
        content=shown_hex(frame.data),
        meaning=", ".join(meaning),
    )
