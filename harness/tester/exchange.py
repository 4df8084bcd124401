"""Exchange requests and raw frames with one ECU, one exchange after the other, and read what the ECU sends back."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from harness.errors import Inconclusive, NotApplicable
from harness.link.bus import Link
from harness.link.frame import Frame
from harness.link.isotp_frames import CLASSIC_BYTES
from harness.target import Target
from harness.tester.dialects import DIALECTS
from harness.tester.ecu_state import STATEFUL, EcuState
from harness.tester.listening import LISTEN_S, PENDING_LIMIT_S, EcuListener
from harness.tester.reply import RawReply, Reply, ReplyKind, Sent, is_positive_response
from harness.tester.safety import SafetyGate
from harness.uds import (
    NEGATIVE_RESPONSE,
    RESPONSE_OFFSET,
    Nrc,
    Service,
    is_send_key,
)

MOST_ANNOUNCED = 64
BUSY_REPEATS = 5
BUSY_WAIT_S = 0.1

# What every exchange needs: before Python 3.12 looking up an enum's member is slow.
_POSITIVE, _SILENCE, _MALFORMED = ReplyKind.POSITIVE, ReplyKind.SILENCE, ReplyKind.MALFORMED
_BUSY = Nrc.BUSY_REPEAT_REQUEST


class KeyGuard(Protocol):
    """Decides whether a key may be sent."""

    def before_key(self, key_request: bytes) -> None:
        """Count a key that may be wrong before it is sent; raise if the key must not be sent."""


class Exchanger(EcuListener):
    """Sends requests and raw frames, and reads replies.

    Replies are read strictly: an invalid answer is kept and called malformed, never taken for silence.
    """

    def __init__(self, link: Link, target: Target, state: EcuState | None = None) -> None:
        super().__init__(link, target, state)
        self.gate = SafetyGate(target)
        self.key_guard: KeyGuard | None = None
        self.exchange_count = 0
        self.recent: deque[Reply | RawReply] = deque(maxlen=8)
        self.announced: dict[bytes, None] = {}
        """Requests to which the ECU sent 0x78 first, in order."""
        self._pending = b""
        """A request that the ECU answered by 0x78, while other requests are sent before its final answer."""
        self._is_late_meanwhile = False
        """Whether the ECU was late to answer a request that was sent while another was pending."""
        self._previous_raw: Sent | None = None
        self.dialect = DIALECTS.get(target.dialect or "")
        """The ECU's dialect; None if the ECU speaks UDS, or its dialect is unknown."""
        self._has_malformed_invalid_key = "malformed_invalid_key" in target.quirks

    @property
    def remark(self) -> str:
        """What a reader must know of how messages reach this ECU and return; empty if there is nothing to know."""
        spoken = []
        if (dialect := self.dialect) is not None:
            spoken.append(
                f"The ECU speaks {dialect.name} ({dialect.standard}) and not UDS. What both have is told in UDS's words; "
                "the requests, answers and frames of the evidence are what was on the bus."
            )
        return " ".join(filter(None, (*spoken, self._transport.remark)))

    def request(
        self,
        request: bytes | str | Any,
        *,
        is_functional: bool = False,
        is_right_key: bool = False,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send one request (bytes, hex, or a Scapy packet) and wait for its final answer.

        Response pending extends the wait to P2*, for a minute at most. A request that is answered by busyRepeatRequest is
        repeated, except a key, which may count as an attempt. Raises NotPermitted, before sending, if the target does not
        allow it, and LinkError if the adapter fails.
        """
        pdu = request if type(request) is bytes else _as_bytes(request)
        self.gate.check(pdu, is_functional=is_functional, is_right_key=is_right_key)
        is_stateful = bool(pdu) and pdu[0] in STATEFUL
        if is_stateful and self.key_guard is not None and self.gate.is_guess(pdu) and not is_right_key:
            self.key_guard.before_key(pdu)
        wait_s = timeout_s
        if wait_s is None:
            wait_s = self._p2_s if is_functional else self._transport.waits.silence_s
        reply = self._exchange(pdu, is_functional, wait_s)
        if reply.kind is _MALFORMED and not is_send_key(pdu) and self._transport.pads_flow_controls():
            reply = self._exchange(pdu, is_functional, wait_s)
            if reply.kind is _MALFORMED:
                self._transport.remark = ""  # it was not the flow control
        repeats = 0
        while reply.nrc is not None and reply.nrc == _BUSY and repeats < BUSY_REPEATS and not is_send_key(pdu):
            repeats += 1
            self.wait(BUSY_WAIT_S, "the ECU is busy")
            reply = self._exchange(pdu, is_functional, wait_s)
        if is_stateful:
            self._hear(reply)
            if reply.is_positive and pdu[0] == Service.DIAGNOSTIC_SESSION_CONTROL:
                self._has_entered(reply.pdu[1])
        return reply

    @contextmanager
    def while_pending(self, pdu: bytes) -> Iterator[bool]:
        """Send a request that takes the ECU some time, and yield whether it answered 0x78, to do other things meanwhile.

        The final answer is received when it comes, and awaited at the end. Requests in between must be of another service.
        """
        self.gate.check(pdu)
        transport, link = self._transport, self.link
        transport.drain()
        self._answered.clear()
        self._pending = pdu
        transport.send(pdu)
        try:
            message = transport.receive(link.now_s + self._p2_s, link.now_s + self._p2_s)
            is_pending = message is not None and message[:1] == b"\x7f" and message[2:3] == bytes((Nrc.RESPONSE_PENDING,))
            if not is_pending:
                self._pending = b""
            yield is_pending
            give_up_s = link.now_s + PENDING_LIMIT_S
            while self._pending:
                message = transport.receive(min(link.now_s + self._p2_star_s, give_up_s), give_up_s)
                if message is None:
                    break
                if not self._takes_for_pending(message):
                    self._follow_pending(message)
            if self._is_late_meanwhile:
                self._take_in_late_answers()
        finally:
            self._pending = b""
            self._is_late_meanwhile = False
            self.state.expect_anything()

    def _take_in_late_answers(self) -> None:
        """Receive late answers: a sequential ECU answers only now what was sent while another was pending."""
        link = self.link
        give_up_s = link.now_s + PENDING_LIMIT_S
        while (message := self._transport.receive(link.now_s + self._p2_s, give_up_s)) is not None:
            self._follow_pending(message)

    def _takes_for_pending(self, message: bytes) -> bool:
        """Whether a message belongs to the pending request; a final answer ends the pending state."""
        service = self._pending[:1]
        is_refusal = message[0] == NEGATIVE_RESPONSE and message[1:2] == service
        if not service or not (is_refusal or message[0] == service[0] + RESPONSE_OFFSET):
            return False
        if not is_refusal or message[2:3] != bytes((Nrc.RESPONSE_PENDING,)):
            self._pending = b""
        return True

    def _hear(self, reply: Reply) -> None:
        self.state.hear(reply, self.link.now_s)

    def _has_entered(self, session: int) -> None:
        """Do nothing; a subclass overrides this to act when the ECU has confirmed a session."""

    def _exchange(self, pdu: bytes, is_functional: bool, wait_s: float) -> Reply:
        transport, link, trace = self._transport, self.link, self.trace
        waits = transport.waits
        if self.state.quiet_s:
            self._await_strays()
        if self._outstanding and not self._pending:
            self._await_outstanding()
        transport.drain()
        first_frame = trace.count
        dialect = self.dialect
        sent = pdu if dialect is None else dialect.sent(pdu)
        transport.send(sent, is_functional=is_functional)
        frames_before, early, note = transport.answer_frames, transport.early, transport.fault
        sent_s = link.now_s
        until_s = sent_s + wait_s
        give_up_s = until_s + (self._pending_limit_s(pdu[:1]) if self._endless else PENDING_LIMIT_S)
        replies: list[bytes] = []
        unusable = b""
        kind, answer, nrc = _SILENCE, b"", None
        while (message := transport.receive(until_s, give_up_s)) is not None:
            replies.append(message)
            if dialect is not None:
                message = dialect.heard(pdu, sent, message)
            if message[0] == NEGATIVE_RESPONSE and len(message) == 3 and message[1] == pdu[0]:
                if message[2] == Nrc.RESPONSE_PENDING:
                    until_s = min(link.now_s + self._p2_star_s, give_up_s)
                    note = "response pending, and then no answer"
                    if len(self.announced) < MOST_ANNOUNCED:
                        self.announced[pdu] = None
                    continue
                kind, answer, nrc, note = ReplyKind.NEGATIVE, message, message[2], ""
                break
            if is_positive_response(pdu, message):
                kind, answer, note = _POSITIVE, message, ""
                break
            if self._has_malformed_invalid_key and message == b"\x27\x35" and pdu[0] == Service.SECURITY_ACCESS:
                kind, answer, nrc = ReplyKind.NEGATIVE, message, Nrc.INVALID_KEY
                note = "sent as 27 35; read so by the target's quirk malformed_invalid_key"
                break
            if transport.answers_another(message) or self._takes_for_pending(message):
                replies.pop()
                frames_before = transport.answer_frames - len(replies) + early
                continue
            unusable = unusable or message
            waits.hear_stray(message, link.now_s)
            self._follow_pending(message)
            self._suspect_stray(message)
            self._note_second(message)
        else:
            if unusable or transport.garbage or transport.answer_frames - frames_before > len(replies) - early:
                kind, answer = _MALFORMED, unusable
                if not unusable or unusable[0] not in (NEGATIVE_RESPONSE, pdu[0] | RESPONSE_OFFSET, pdu[0]):
                    self._hear_silence(pdu, is_functional)
            elif replies:
                self._endless[pdu[:1]] += link.now_s >= give_up_s
            else:
                if not link.is_virtual:
                    link.check_sent()
                self._hear_silence(pdu, is_functional)
                if not is_functional:
                    waits.hear_silence(wait_s, link.now_s)
        reply = Reply(pdu, answer, kind, nrc, tuple(replies), trace, first_frame, note)
        if dialect is not None:
            reply.sent = sent
        outcome = kind if nrc is None else nrc
        if outcome != self._previous_outcome or pdu != self._previous_request:
            if not is_functional:
                self.state.note(pdu, outcome)
            self._previous_request, self._previous_outcome = pdu, outcome
        self._was_cut_short = wait_s < self._p2_s or waits.is_shortened
        self._remember(reply, transport.answer_frames != frames_before or bool(replies))
        if transport.strays:
            self._note_strays()
        if (kind is _POSITIVE or nrc is not None) and not is_functional:
            now_s = link.now_s
            self._answered.append((now_s, reply))
            if len(replies) == 1:
                waits.hear_answer(now_s - sent_s)
        elif kind is _SILENCE:
            self._is_late_meanwhile |= bool(self._pending)
            self.oddities.not_answered(link.now_s)
        elif kind is _MALFORMED:
            self.oddities.judge(reply, link.now_s)
            if waits.has_heard and not transport.garbage and not is_functional:
                waits.hear_answer(waits.garbage_s - sent_s)
        return reply

    def _hear_silence(self, pdu: bytes, is_functional: bool) -> None:
        self.state.hear_silence(Sent((pdu,), is_functional=is_functional, before=Sent((self._previous_request,))))

    def _remember(self, reply: Reply | RawReply, was_answered: bool) -> None:
        self.exchange_count += 1
        self.recent.append(reply)
        self.state.hear_contact(reply, was_answered=was_answered)

    def spoken(self, pdu: bytes) -> bytes:
        """Return a request of UDS in the ECU's dialect."""
        return pdu if self.dialect is None else self.dialect.sent(pdu)

    # Raw frames

    def raw(
        self,
        *data: bytes,
        is_functional: bool = False,
        listen_s: float = LISTEN_S,
        is_remote: bool = False,
        ends_with_answer: bool = False,
    ) -> RawReply:
        """Send frames with these data fields as they are, back to back, and listen.

        The address of extended and mixed addressing is put before each field, and is not part of the `data` of answers. With
        `ends_with_answer` listening ends soon after the first message, or the first frame of a long one, has come. A frame
        is sent only if the running check declares in its `needs` everything that an ECU might read into the frame.
        """
        if is_functional and self.target.can.functional_id is None:
            raise NotApplicable("the target declares no functional_id")
        frames = [self.frame(content, is_functional=is_functional) for content in data]
        if is_remote:  # CAN FD has no remote frames
            frames = [replace(frame, is_remote=True, is_fd=False, fd_flags=0) for frame in frames]
        return self.raw_frames(frames, listen_s=listen_s, ends_with_answer=ends_with_answer)

    def raw_frames(
        self,
        frames: Sequence[Frame],
        *,
        listen_s: float = LISTEN_S,
        also_from: Collection[int] = (),
        ends_with_answer: bool = False,
    ) -> RawReply:
        """Send whole frames, ids included, and return what then comes on the ECU's response id and on the ids `also_from`.

        `listen_s` (seconds), `ends_with_answer`, the permissions and the errors are those of `raw`.
        """
        guesses = [guess for frame in frames for guess in self.gate.check_raw(frame)]
        if any(len(frame.data_field) > CLASSIC_BYTES and not frame.is_fd for frame in frames):
            behind = " behind their address" if any(frame.address for frame in frames) else ""
            raise Inconclusive(f"frames to this ECU hold {self.frame_bytes} bytes{behind}, and these hold more")
        if self.key_guard is not None:
            for guess in guesses:
                self.key_guard.before_key(guess)
        if self.state.quiet_s:
            self._await_strays()
        self._transport.drain()
        self._transport.waits.begin()
        self._transport.waits.asked = frames[0].pdu if frames else b""
        self._answered.clear()
        self.oddities.not_answered(self.link.now_s)  # what comes later may answer these frames
        first_frame = self.trace.count
        for frame in frames:
            self.link.send(frame.copy())
        heard = self.listen(
            listen_s,
            after_first_of=len(frames),
            also_from=also_from,
            ends_with_answer=ends_with_answer,
            why="answers to raw frames",
        )
        ours = [frame.pdu for frame in frames]
        answers = tuple(frame for frame in heard if not self._is_for_another(frame, ours))
        fields, ids = tuple(frame.data for frame in frames), tuple(frame.can_id for frame in frames)
        sent = Sent(fields, ids, frames=tuple(frames), before=self._previous_raw)
        if not answers:
            if not heard:
                if not self.link.is_virtual:
                    self.link.check_sent()
                self._transport.waits.hear_silence(listen_s, self.link.now_s)
            self.state.hear_silence(sent)
        self._previous_raw = replace(sent, before=None)
        reply = RawReply(tuple(frames), answers, self.trace, first_frame)
        self._transport.answer_frames += sum(map(self.is_answer, heard))
        for frame in frames:
            self.state.hear_raw(frame)
        self._remember(reply, bool(heard))
        self._raw_heard(reply, listen_s)
        return reply

    def _raw_heard(self, reply: RawReply, listen_s: float) -> None:
        """Hear the reply to raw frames. A tester that tells somebody of it overrides this."""

    def _is_for_another(self, frame: Frame, ours: Collection[bytes]) -> bool:
        """Whether a frame of the ECU answers another tester's request."""
        message = frame.pdu
        return bool(message) and self.is_answer(frame) and self._transport.answers_another(message, ours=ours)

    # Permissions

    def allows(self, harm: str) -> bool:
        """Whether the target gives this permission, e.g. ``write``."""
        return harm in self.target.safety.allow

    def permits(self, pdu: bytes) -> bool:
        """Whether the target allows a request."""
        return self.gate.permits(pdu)


def _as_bytes(request: Any) -> bytes:
    """Convert a request given as hex, bytearray or Scapy packet."""
    if isinstance(request, str):
        return bytes.fromhex(request)
    return bytes(request)
