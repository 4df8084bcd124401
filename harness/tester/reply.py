"""Represent what the ECU sent back: a reply, read strictly, and expectations to compare it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.runs.findings import Exchange, FrameRecord
from harness.uds import (
    RESPONSE_OFFSET,
    SUB_FUNCTION_SERVICES,
    SUPPRESS_POSITIVE_RESPONSE,
    Nrc,
    Service,
    nrc_name,
)

if TYPE_CHECKING:
    from scapy.packet import Packet

FRAMES_OF_EVIDENCE = 48

_ECHO_BYTES: dict[int, int] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: 1,
    Service.ECU_RESET: 1,
    Service.READ_DTC_INFORMATION: 1,
    Service.READ_DATA_BY_IDENTIFIER: 2,
    Service.READ_SCALING_DATA_BY_IDENTIFIER: 2,
    Service.SECURITY_ACCESS: 1,
    Service.COMMUNICATION_CONTROL: 1,
    Service.WRITE_DATA_BY_IDENTIFIER: 2,
    Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER: 2,
    Service.ROUTINE_CONTROL: 3,
    Service.TESTER_PRESENT: 1,
    Service.CONTROL_DTC_SETTING: 1,
}
"""By service, the number of bytes after the service that a positive response repeats."""
_ECHO_ENDS = [1 + _ECHO_BYTES.get(service, 0) for service in range(0x100)]
"""By service (0 to 255): the position in a positive response at which the repeated bytes end."""


class ReplyKind(Enum):
    """How the tester classifies what came back. Garbage is not silence."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    MALFORMED = "malformed"
    """Messages came from the ECU's id, but no valid answer to this request."""
    SILENCE = "silence"

    __hash__ = object.__hash__  # each member is one object; Enum's own hash is a function in Python


# What every exchange needs: before Python 3.12 looking up an enum's member is slow.
_POSITIVE, _NEGATIVE, _MALFORMED, _SILENCE = ReplyKind
_DELAYED = (int(Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS), int(Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED))


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: one request, or the data fields of raw frames."""

    fields: tuple[bytes, ...]
    ids: tuple[int, ...] = ()
    """The CAN id of each raw frame."""
    is_functional: bool = False
    frames: tuple[Frame, ...] = field(default=(), compare=False)
    """The raw frames themselves."""
    before: Sent | None = field(default=None, compare=False)
    """What was sent directly before this: a request before a request, raw frames before raw frames."""

    @property
    def is_raw(self) -> bool:
        """Whether raw frames were sent."""
        return bool(self.ids)


class Reply:
    """The ECU's answer to one request, with every message that arrived before it."""

    __slots__ = ("first_frame", "kind", "last_frame", "note", "nrc", "pdu", "replies", "request", "sent", "trace")

    def __init__(
        self,
        request: bytes,
        pdu: bytes,
        kind: ReplyKind,
        nrc: int | None,
        replies: tuple[bytes, ...],
        trace: Trace,
        first_frame: int,
        note: str = "",
    ) -> None:
        self.request = request
        self.sent = request
        """The request as it was on the bus, if the ECU speaks another dialect than UDS."""
        self.pdu = pdu
        """The final answer; empty if the ECU gave none."""
        self.kind = kind
        self.nrc = nrc
        self.replies = replies
        """Every message that arrived, in order, including response-pending and unusable ones."""
        self.trace = trace
        self.first_frame = first_frame
        self.last_frame = trace.count
        self.note = note
        """What a reader must know to follow `kind`, e.g. a quirk that was tolerated."""

    @property
    def is_positive(self) -> bool:
        """Whether the final answer is a well-formed positive response to this request."""
        return self.kind is _POSITIVE

    @property
    def is_negative(self) -> bool:
        """Whether the final answer is a well-formed negative response to this request."""
        return self.kind is _NEGATIVE

    @property
    def is_malformed(self) -> bool:
        """Whether messages came from the ECU, but no valid answer to this request."""
        return self.kind is _MALFORMED

    @property
    def is_silence(self) -> bool:
        """Whether neither a final answer came nor malformed bytes that were meant as one."""
        return self.kind is _SILENCE

    @property
    def is_delayed(self) -> bool:
        """Whether the ECU refused the request because of too many wrong keys: 0x36 or 0x37."""
        return self.is_refused_with(*_DELAYED)

    @property
    def is_seed(self) -> bool:
        """Whether the reply to a request for a seed holds a seed to answer: positive and not all zeros."""
        return self.is_positive and any(self.pdu[2:])

    def is_refused_with(self, *nrcs: int) -> bool:
        """Whether the answer is a negative response with one of these codes."""
        return self.kind is _NEGATIVE and self.nrc in nrcs

    @property
    def packet(self) -> Packet:
        """The final answer as a Scapy packet."""
        from scapy.contrib.automotive.uds import UDS

        return UDS(self.pdu)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The raw frames of the exchange, the harness's own and all others."""
        return self.trace.frames(self.first_frame, self.last_frame)

    def __str__(self) -> str:
        """Say in words what the ECU answered, for the observed side of a comparison."""
        if self.kind is _NEGATIVE:
            assert self.nrc is not None
            text = f"negative {nrc_name(self.nrc)}"
        elif self.kind is _POSITIVE:
            text = f"positive {_short(self.pdu)}"
        elif self.kind is _MALFORMED:
            text = f"no valid answer, but {_short(self.pdu)}" if self.pdu else "no valid answer, but frames that hold none"
        else:
            text = "silence"
        return f"{text} ({self.note})" if self.note else text

    def exchange(self) -> Exchange:
        """Return the reply as evidence."""
        return Exchange(
            request=self.sent.hex(" ").upper(),
            replies=tuple(pdu.hex(" ").upper() for pdu in self.replies),
            outcome=str(self),
            first_frame=self.first_frame,
            last_frame=self.last_frame,
            frames=records(self.frames),
        )


def is_positive_response(request: bytes, answer: bytes) -> bool:
    """Whether an answer is a positive response to the request: its service, with sub-function or one of its DIDs echoed."""
    service = request[0]
    if answer[0] != service + RESPONSE_OFFSET & 0xFF:  # service numbers above BF overflow
        return False
    end = _ECHO_ENDS[service]
    if answer[1:end] == request[1:end]:
        return len(request) > 1 or end == 1
    if service in SUB_FUNCTION_SERVICES:
        if len(request) < 2 or len(answer) < 2 or answer[1] != request[1] & ~SUPPRESS_POSITIVE_RESPONSE:
            return False
        return answer[2:end] == request[2:end]
    others = [request[start : start + 2] for start in range(3, len(request) - 1, 2)]
    return service == Service.READ_DATA_BY_IDENTIFIER and answer[1:3] in others


class RawReply:
    """The frames that came after raw frames. They are no messages, since nothing shows which frame they answer."""

    __slots__ = ("answers", "first_frame", "last_frame", "sent", "trace")

    def __init__(self, sent: tuple[Frame, ...], answers: tuple[Frame, ...], trace: Trace, first_frame: int) -> None:
        self.sent = sent
        self.answers = answers
        """Frames from the ECU's response id."""
        self.trace = trace
        self.first_frame = first_frame
        self.last_frame = trace.count

    def __str__(self) -> str:
        if not self.answers:
            return "silence"
        return "frames " + ", ".join(frame.text() for frame in self.answers[:4])

    def exchange(self) -> Exchange:
        """Return the frames as evidence."""
        return Exchange(
            request="raw " + ", ".join(frame.text() for frame in self.sent),
            replies=tuple(f"raw {frame.text()}" for frame in self.answers),
            outcome=str(self),
            first_frame=self.first_frame,
            last_frame=self.last_frame,
            frames=records(self.trace.frames(self.first_frame, self.last_frame)),
        )


def records(frames: tuple[Frame, ...]) -> tuple[FrameRecord, ...]:
    """Return the first dozens of frames as records for the report."""
    return tuple(
        FrameRecord(
            time_s=frame.time_s,
            can_id=frame.can_id,
            is_extended=frame.is_extended,
            data=frame.data_field.hex().upper(),
            address_bytes=len(frame.address),
            is_sent=frame.is_sent,
            is_remote=frame.is_remote,
            is_error=frame.is_error,
            is_fd=frame.is_fd,
        )
        for frame in frames[:FRAMES_OF_EVIDENCE]
    )


def _short(pdu: bytes) -> str:
    text = pdu[:24].hex(" ").upper()
    return text if len(pdu) <= 24 else f"{text} … ({len(pdu)} bytes)"


@dataclass(frozen=True, slots=True)
class Expectation:
    """A set of acceptable replies. ``a | b`` accepts what ``a`` or ``b`` accepts."""

    positive: bool = False
    silence: bool = False
    malformed: bool = False
    any_negative: bool = False
    nrcs: frozenset[int] = frozenset()

    def __or__(self, other: Expectation) -> Expectation:
        return Expectation(
            self.positive or other.positive,
            self.silence or other.silence,
            self.malformed or other.malformed,
            self.any_negative or other.any_negative,
            self.nrcs | other.nrcs,
        )

    def accepts(self, reply: Reply) -> bool:
        """Whether the expectation accepts the reply."""
        if reply.kind is _NEGATIVE:
            return self.any_negative or reply.nrc in self.nrcs
        if reply.kind is _SILENCE:
            return self.silence and not reply.replies  # endless response pending is no silence
        return self.positive if reply.kind is _POSITIVE else self.malformed

    def __str__(self) -> str:
        parts = [word for word in ("positive", "silence", "malformed") if getattr(self, word)]
        if self.any_negative:
            parts.append("negative")
        elif self.nrcs:
            parts.append("negative " + " or ".join(nrc_name(nrc) for nrc in sorted(self.nrcs)))
        return " or ".join(parts) or "nothing"


def positive() -> Expectation:
    """Accept a positive response."""
    return Expectation(positive=True)


def negative(*nrcs: int) -> Expectation:
    """Accept a negative response with one of these codes; without codes, any negative response."""
    return Expectation(any_negative=not nrcs, nrcs=frozenset(nrcs))


def silence() -> Expectation:
    """Accept only that no frame comes from the ECU."""
    return Expectation(silence=True)


def malformed() -> Expectation:
    """Accept messages from the ECU of which none is a valid answer."""
    return Expectation(malformed=True)
