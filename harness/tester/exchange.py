"""Exchange requests and raw frames with one ECU, one exchange after the other, and read what the ECU sends back."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Protocol

from harness.errors import Inconclusive, NotApplicable
from harness.link.bus import Link
from harness.link.frame import Frame
from harness.link.isotp_frames import CLASSIC_BYTES, FrameType
from harness.link.trace import Trace
from harness.target import Target
from harness.tester.dialects import DIALECTS
from harness.tester.ecu_state import STATEFUL, EcuState
from harness.tester.oddities import Oddities
from harness.tester.reply import RawReply, Reply, ReplyKind, Sent
from harness.tester.safety import SafetyGate
from harness.tester.transport import Transport
from harness.tester.waits import GRACE_S, MARGIN_S
from harness.uds import (
    NEGATIVE_RESPONSE,
    RESPONSE_OFFSET,
    SUB_FUNCTION_SERVICES,
    SUPPRESS_POSITIVE_RESPONSE,
    Nrc,
    Service,
    is_send_key,
)

PENDING_LIMIT_S = 60.0
"""For how many seconds an ECU may repeat 0x78, or leave a message unfinished, before the request counts as unanswered."""

LONGEST_ANSWER_S = 2 * PENDING_LIMIT_S
MOST_ANNOUNCED = 64
RECENTLY_ANSWERED = 4
SECOND_WITHIN_S = 1.0
"""The seconds after a final answer within which a second answer to the same request is recognised."""
STAMP_ERROR_S = 0.05
"""By how many seconds time stamps may contradict the order of events; they may have two sources, or be made late."""

MOST_ENDLESS, SHORT_LIMIT_S = 5, 1.0
"""How often a service may send 0x78 without a final answer, and how many seconds 0x78 is believed from then on."""

BUSY_REPEATS = 5
BUSY_WAIT_S = 0.1
N_BS_S = 1.0
"""The seconds that an ECU may take to send a flow control."""
SHARED_S = 5.0
"""For how many seconds after a frame of another tester a second answer may be meant for that tester."""
FEWEST_INTRUSIONS = 3
"""The smallest number of frames by another tester on our request id that is reported; fewer may be a mistake."""
LISTEN_S = 0.2
"""The seconds in which raw frames may have an effect."""
SENDS_UNASKED = "whether the ECU sends unasked"
"""The purpose of listening for messages that nobody requested, as plans and logs name it."""

# What every exchange needs: before Python 3.12 looking up an enum's member is slow.
_POSITIVE, _SILENCE, _MALFORMED = ReplyKind.POSITIVE, ReplyKind.SILENCE, ReplyKind.MALFORMED
_BUSY = Nrc.BUSY_REPEAT_REQUEST

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
"""By any service, where these bytes end."""


class KeyGuard(Protocol):
    """Decides whether a key may be sent."""

    def before_key(self, key_request: bytes) -> None:
        """Count a key that may be wrong before it is sent; raise if the key must not be sent."""


class Exchanger:
    """Sends requests and raw frames, reads replies, and lets time pass.

    Replies are read strictly: an invalid answer is kept and called malformed, never taken for silence. Only this class lets
    time pass, on the link's clock.
    """

    def __init__(self, link: Link, target: Target, state: EcuState | None = None) -> None:
        self.link = link
        self.target = target
        self.gate = SafetyGate(target)
        self.trace: Trace = link.trace
        self.key_guard: KeyGuard | None = None
        self.state = state or EcuState(None if target.timing.s3_ms is None else target.timing.s3_ms / 1000)
        self.exchange_count = 0
        self.recent: deque[Reply | RawReply] = deque(maxlen=8)
        self.announced: dict[bytes, None] = {}
        """Requests to which the ECU sent 0x78 first, in order."""
        self.oddities = Oddities()
        """Wrong answers that were seen in passing, no matter what was requested."""
        self._answered: deque[tuple[float, Reply]] = deque(maxlen=RECENTLY_ANSWERED)
        """The last exchanges by the request id that ended with a final answer, each with its time; raw frames clear them."""
        self._pending = b""
        """A request that the ECU answered by 0x78, while other requests are sent before its final answer."""
        self._is_late_meanwhile = False
        """Whether the ECU was late to answer a request that was sent while another was pending."""
        self._previous_request = b""
        self._previous_outcome: ReplyKind | int = ReplyKind.SILENCE
        self._previous_raw: Sent | None = None
        self._endless: Counter[bytes] = Counter()
        """By service, how often the ECU sent 0x78 and then no final answer."""
        self._outstanding: dict[bytes, float] = {}
        """Services that the ECU answered by 0x78 while nobody waited, each with the latest time of the final answer."""
        self._quiet_s = 0.0
        """For how many seconds the ECU has been quiet at a stretch since it last sent a message that nobody requested."""
        self._was_cut_short: bool | None = False
        """Whether the previous request was given less time than the ECU may take to answer it."""
        self.dialect = DIALECTS.get(target.dialect or "")
        """The ECU's dialect; None if the ECU speaks UDS, or its dialect is unknown."""
        self._transport = Transport(link, target.can, p2_s=target.timing.p2_ms / 1000)
        self._p2_s = target.timing.p2_ms / 1000 + MARGIN_S
        self._p2_star_s = target.timing.p2_star_ms / 1000 + MARGIN_S
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

    @property
    def has_answered(self) -> bool:
        """Whether any frame has arrived on the ECU's response id so far."""
        return self._transport.answer_frames > 0

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
        """Send a request that takes the ECU some time, and yield whether the ECU answered 0x78, to do other things
        meanwhile.

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

    def _await_strays(self) -> None:
        heard = self.listen(self.state.quiet_s, why="late answers, and copies of the last")
        self.state.hear_pause(has_heard=bool(heard))

    def _pending_limit_s(self, service: bytes) -> float:
        """Return for how many seconds 0x78 is believed; fewer if the service sent 0x78 without a final answer before."""
        times = self._endless[service]
        if not times:
            return PENDING_LIMIT_S
        return self._p2_star_s if times < MOST_ENDLESS else SHORT_LIMIT_S

    def _hear_silence(self, pdu: bytes, is_functional: bool) -> None:
        self.state.hear_silence(Sent((pdu,), is_functional=is_functional, before=Sent((self._previous_request,))))

    def _note_strays(self) -> None:
        """Record frames that came between the last final answer and the request of this exchange."""
        strays = self._transport.strays
        self._quiet_s = 0.0
        for frame in strays:
            message = frame.pdu
            self._note_second(message)
            self._follow_pending(message)
        strays.clear()

    def _follow_pending(self, message: bytes) -> None:
        """Note what the ECU announces by 0x78 while no request waits for it, and the final answers to that."""
        if len(message) < 2:
            return
        if message[0] != NEGATIVE_RESPONSE:
            if self._outstanding:
                self._outstanding.pop(bytes((message[0] - RESPONSE_OFFSET & 0xFF,)), None)
        elif message[2:3] != bytes((Nrc.RESPONSE_PENDING,)):
            self._outstanding.pop(message[1:2], None)
        elif self._endless[message[1:2]] < MOST_ENDLESS:
            self._outstanding[message[1:2]] = self.link.now_s + self._p2_star_s

    def _await_outstanding(self) -> None:
        """Receive final answers that the ECU announced by 0x78 while nobody waited: until then it may serve nothing else."""
        link = self.link
        give_up_s = link.now_s + PENDING_LIMIT_S
        while self._outstanding:
            message = self._transport.receive(min(max(self._outstanding.values()), give_up_s), give_up_s)
            if message is None:
                self._endless.update(self._outstanding.keys())
                self._outstanding.clear()
            else:
                self._follow_pending(message)

    def intruder(self) -> str:
        """Describe another tester's frames on our request id, on a real bus; empty if they are too few to report, or
        unknown.

        Only an adapter that confirms our own frames distinguishes them from other frames on the same id.
        """
        first, count = self._transport.intruder, self._transport.intrusions
        if first is None or count < FEWEST_INTRUSIONS or self.link.is_virtual or not self.link.confirms_sending:
            return ""
        return f"{first.text()} and {count - 1} more frames on 0x{first.can_id:X}"

    def is_shared(self) -> bool:
        """Whether another tester has sent lately, or an echo of ours was heard, so that more answers may come."""
        return self.link.now_s - self._transport.shared_s < SHARED_S

    def _note_second(self, message: bytes) -> None:
        """Keep a message as a second answer if it fits a request to which the ECU has lately given its final answer."""
        if len(message) < 2 or self.is_shared():
            return
        is_pending = message[0] == NEGATIVE_RESPONSE and message[2:3] == bytes((Nrc.RESPONSE_PENDING,))
        for answered_s, reply in reversed(self._answered) if not is_pending else ():
            is_refusal = message[0] == NEGATIVE_RESPONSE and message[1] == reply.request[0]
            is_late = self.link.now_s - answered_s > SECOND_WITHIN_S
            if not is_late and (is_refusal or is_positive_response(reply.request, message)):
                self.oddities.second_answer(reply, message, self.link.now_s)
                return

    def _suspect_stray(self, message: bytes) -> None:
        """Recognise an answer to the previous request: the ECU answers twice, and later requests must wait for the copies.

        A message that fits neither request, such as a bare 50 to each 10, may as well be a malformed answer to this one.
        """
        previous = self._previous_request
        if not previous or self._was_cut_short:
            return
        is_refusal = message[0] == NEGATIVE_RESPONSE and len(message) > 1 and message[1] == previous[0]
        if is_refusal or is_positive_response(previous, message):
            self.state.hear_stray(self._p2_s, is_copy=self._previous_outcome is not _SILENCE)

    def _remember(self, reply: Reply | RawReply, was_answered: bool) -> None:
        self.exchange_count += 1
        self.recent.append(reply)
        self.state.hear_contact(reply, was_answered=was_answered)

    def spoken(self, pdu: bytes) -> bytes:
        """Return a request of UDS in the ECU's dialect."""
        return pdu if self.dialect is None else self.dialect.sent(pdu)

    # Raw frames

    @property
    def frame_bytes(self) -> int:
        """The bytes of a full classic frame to this ECU after the address: 8, or 7 with extended and mixed addressing."""
        return self._transport.frame_bytes

    def frame(
        self, data: bytes, *, is_functional: bool = False, can_id: int | None = None, is_extended: bool | None = None
    ) -> Frame:
        """Return a frame with the address that this ECU needs and then this data, on the usual id or on `can_id`."""
        frame = self._transport.frame(data, is_functional=is_functional)
        frame.can_id = frame.can_id if can_id is None else can_id
        frame.is_extended = frame.is_extended if is_extended is None else is_extended
        return frame

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
        return reply

    def _is_for_another(self, frame: Frame, ours: Collection[bytes]) -> bool:
        """Whether a frame of the ECU answers another tester's request."""
        message = frame.pdu
        return bool(message) and self.is_answer(frame) and self._transport.answers_another(message, ours=ours)

    # Time

    def is_answer(self, frame: Frame) -> bool:
        """Whether a frame has the ECU's response id, in a format that the target declares."""
        return self._transport.is_answer(frame)

    def answer_times_s(self, reply: Reply) -> tuple[float, ...]:
        """Return when each frame of the ECU came, in seconds after the last frame of the request, by the bus's time stamps.

        Empty if no frame came, if the frames are no longer stored (call this soon after the exchange), or if the stamps are
        implausible.
        """
        sent_s = None
        times: list[float] = []
        for frame in reply.frames:
            if frame.is_sent and frame.pci_type != FrameType.FLOW_CONTROL:
                sent_s, times = frame.time_s, []
            elif sent_s is not None and self.is_answer(frame):
                times.append(frame.time_s - sent_s)
        is_possible = all(-STAMP_ERROR_S < time_s < LONGEST_ANSWER_S for time_s in times)
        return tuple(max(time_s, 0.0) for time_s in times) if is_possible else ()

    def listen(
        self,
        seconds: float,
        *,
        after_first_of: int = 0,
        also_from: Collection[int] = (),
        ends_with_answer: bool = False,
        why: str = "",
    ) -> tuple[Frame, ...]:
        """Send nothing for `seconds`, and return the frames that come on the ECU's response id, and on `also_from`.

        If `after_first_of` frames of ours were just handed over, nothing counts before the first of them is sent. With
        `ends_with_answer` listening ends soon after the first message, or the first frame of a long one, has come. `why` is
        for plans and logs.
        """
        with self._wait_told(seconds, why, is_pause=False):
            return self._listen(seconds, after_first_of, also_from, ends_with_answer)

    def _listen(
        self, seconds: float, after_first_of: int = 0, also_from: Collection[int] = (), ends_with_answer: bool = False
    ) -> tuple[Frame, ...]:
        link = self.link
        until_s = link.now_s + seconds
        if also_from:
            link.hear_also(also_from, seconds)
        self.state.wait(seconds)
        heard = []
        is_unasked = False
        while (frame := link.receive(until_s)) is not None:
            is_too_early = after_first_of and link.unsent >= after_first_of
            is_answer = self.is_answer(frame)
            if (is_answer or frame.can_id in also_from) and not is_too_early:
                heard.append(frame)
            if is_answer:
                message = frame.pdu
                if frame.pci_type == FrameType.FLOW_CONTROL:
                    self._transport.waits.hear_flow_control()
                if not after_first_of:
                    is_unasked = True
                    self._transport.waits.hear_stray(message, link.now_s)
                self._follow_pending(message)
                self._note_second(message)
                if ends_with_answer and message and not is_too_early:
                    until_s = min(until_s, link.now_s + GRACE_S)
            else:
                self._transport.overhear(frame)
            if link.now_s >= until_s:
                break
        if is_unasked:
            self._quiet_s = 0.0
        elif not after_first_of:
            self._quiet_s = max(self._quiet_s, seconds)
        return tuple(heard)

    def wait(self, seconds: float, why: str = "") -> None:
        """Wait without sending; `why` is for plans and logs. A session that needs TesterPresent ends meanwhile."""
        with self._wait_told(seconds, why, is_pause=True):
            self._listen(seconds)

    def _wait_told(self, seconds: float, why: str, *, is_pause: bool) -> AbstractContextManager[None]:
        """Return the context in which a wait runs; a tester that reports its waits to somebody overrides this.

        `why` is empty for a wait without a purpose; `is_pause`: the tester does not listen during the wait.
        """
        return nullcontext()

    def require_quiet(self, seconds: float = LISTEN_S) -> None:
        """Raise Inconclusive if the ECU sends messages on its response id that nobody requested: no answer could be
        recognised.

        Listens for `seconds`; for P2 only, if the ECU was quiet for as long before and has sent no such message since.
        """
        is_late = self.listen(self.silence_s, why=SENDS_UNASKED)
        if not is_late and self._quiet_s >= seconds:
            return
        heard = self.listen(seconds, why=SENDS_UNASKED)
        if heard:
            raise Inconclusive(f"the ECU sends on its response id unasked: {heard[0].text()}")

    @property
    def silence_s(self) -> float:
        """The seconds of silence after which this ECU has given no answer: P2, and a margin for adapter and computer.

        The margin becomes smaller while the ECU's answers come quickly.
        """
        return self._transport.waits.silence_s

    def flow_control_s(self) -> float:
        """Return for how many seconds to wait for the next flow control: N_Bs, or fewer if this ECU has never sent one."""
        n_bs_s = self._transport.waits.n_bs_s()
        return N_BS_S if n_bs_s is None else n_bs_s

    @property
    def times_too_short(self) -> int:
        """How often a frame came after a shortened wait for it had ended, but within the time of the whole wait."""
        return self._transport.waits.times_too_short

    # Permissions

    def allows(self, harm: str) -> bool:
        """Whether the target gives this permission, e.g. ``write``."""
        return harm in self.target.safety.allow

    def permits(self, pdu: bytes) -> bool:
        """Whether the target allows a request."""
        return self.gate.permits(pdu)


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


def _as_bytes(request: Any) -> bytes:
    """Convert a request given as hex, bytearray or Scapy packet."""
    if isinstance(request, str):
        return bytes.fromhex(request)
    return bytes(request)
