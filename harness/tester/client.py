"""What did the ECU say: requests and replies, sessions, data, raw frames; every check talks to the ECU through here."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from harness.link.bus import Link
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.outcome import ContactLost, Inconclusive, Violation
from harness.run import Exchange, Severity
from harness.target import DataEntry, Target
from harness.tester.reply import Expectation, Kind, RawReply, Reply
from harness.tester.safety import SafetyGate
from harness.tester.transport import Transport
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Nrc, Service, Session

MARGIN_S = 0.15
"""Beyond P2: what an adapter, a driver and a busy tester may add before silence is called silence."""

PENDING_LIMIT_S = 60.0
"""An ECU that answers 0x78 for longer than this gives no answer."""

BUSY_REPEATS = 5
BUSY_WAIT_S = 0.1
LISTEN_S = 0.2
"""How long raw frames are given to have a consequence (CATALOGUE, TP rows)."""

_ECHO_BYTES = {
    Service.DIAGNOSTIC_SESSION_CONTROL: 1,
    Service.ECU_RESET: 1,
    Service.SECURITY_ACCESS: 1,
    Service.TESTER_PRESENT: 1,
    Service.READ_DATA_BY_IDENTIFIER: 2,
    Service.WRITE_DATA_BY_IDENTIFIER: 2,
}
_SUB_FUNCTION_SERVICES = {0x10, 0x11, 0x19, 0x27, 0x28, 0x31, 0x3E, 0x83, 0x85, 0x86, 0x87}


class Client:
    """The client side of UDS, for one ECU.

    Replies are read strictly: what is no valid answer is kept and called malformed, never taken for silence. Time passes
    only here, on the link's clock.
    """

    def __init__(self, link: Link, target: Target, *, chance: Chance) -> None:
        self.link = link
        self.target = target
        self.chance = chance
        self.gate = SafetyGate(target)
        self.trace: Trace = link.trace
        self.exchange_count = 0
        self.recent: deque[Reply | RawReply] = deque(maxlen=8)
        self.unanswered: Reply | RawReply | None = None
        """The first exchange after which nothing more has come: what an ECU died of, if it died."""
        self._transport = Transport(link, target.can)
        self._p2_s = target.timing.p2_ms / 1000 + MARGIN_S
        self._p2_star_s = target.timing.p2_star_ms / 1000 + MARGIN_S
        self._has_malformed_invalid_key = "malformed_invalid_key" in target.quirks
        readable = [entry.did for entry in target.data if entry.read.kind == "open"]
        self._liveness_requests = [
            *(bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)) for did in readable[:2]),
            b"\x3e\x00",
            b"\x22\xf1\x86",
            b"\x22\xf1\x90",
            b"\x10\x01",
        ]
        self.liveness_request = self._liveness_requests[0]
        """The request that the ECU is known to answer, once it has."""
        self.evidence: list[Exchange] = []
        self.notes: list[str] = []

    # Requests

    def request(
        self,
        request: bytes | str | Any,
        *,
        is_functional: bool = False,
        is_right_key: bool = False,
        timeout_s: float | None = None,
    ) -> Reply:
        """Send one request (bytes, hex, or a Scapy packet) and wait for its final answer.

        Response pending extends the wait to P2*, for a minute at most; busyRepeatRequest is repeated. NotPermitted: the
        target does not allow it; nothing was sent. LinkError: the adapter fails.
        """
        pdu = request if type(request) is bytes else _as_bytes(request)
        self.gate.check(pdu, is_functional=is_functional, is_right_key=is_right_key)
        wait_s = self._p2_s if timeout_s is None else timeout_s
        reply = self._exchange(pdu, is_functional, wait_s)
        for _ in range(BUSY_REPEATS):
            if reply.nrc != Nrc.BUSY_REPEAT_REQUEST:
                break
            self.wait(BUSY_WAIT_S)
            reply = self._exchange(pdu, is_functional, wait_s)
        return reply

    def _exchange(self, pdu: bytes, is_functional: bool, wait_s: float) -> Reply:
        transport, link, trace = self._transport, self.link, self.trace
        transport.drain()
        first_frame = trace.count
        frames_before = transport.answer_frames
        transport.send(pdu, is_functional=is_functional)
        until_s = link.now_s + wait_s
        give_up_s = until_s + PENDING_LIMIT_S
        replies: list[bytes] = []
        unusable = b""
        note = transport.fault
        kind, answer, nrc = Kind.SILENCE, b"", None
        while (message := transport.receive(until_s)) is not None:
            replies.append(message)
            if message[0] == NEGATIVE_RESPONSE and len(message) == 3 and message[1] == pdu[0]:
                if message[2] == Nrc.RESPONSE_PENDING:
                    until_s = min(link.now_s + self._p2_star_s, give_up_s)
                    continue
                kind, answer, nrc = Kind.NEGATIVE, message, message[2]
                break
            if is_positive_response(pdu, message):
                kind, answer = Kind.POSITIVE, message
                break
            if self._has_malformed_invalid_key and message == b"\x27\x35" and pdu[0] == Service.SECURITY_ACCESS:
                kind, answer, nrc = Kind.NEGATIVE, message, Nrc.INVALID_KEY
                note = "sent as 27 35; read so by the target's quirk malformed_invalid_key"
                break
            unusable = unusable or message
        else:
            if unusable or transport.answer_frames != frames_before:
                kind, answer = Kind.MALFORMED, unusable
            elif not link.is_virtual:
                link.check_sent()
            if replies and replies[-1][2:] == b"\x78":
                note = "response pending, and then no answer"
        reply = Reply(pdu, answer, kind, nrc, tuple(replies), trace, first_frame, note)
        self._remember(reply, kind is not Kind.SILENCE)
        return reply

    def _remember(self, reply: Reply | RawReply, was_answered: bool) -> None:
        self.exchange_count += 1
        self.recent.append(reply)
        if was_answered:
            self.unanswered = None
        elif self.unanswered is None:
            self.unanswered = reply

    def raw(
        self, *data: bytes, is_functional: bool = False, listen_s: float = LISTEN_S, is_remote: bool = False
    ) -> RawReply:
        """Send frames with these data fields as they are, back to back, and listen.

        A frame passes only if the running check declares in its `needs` whatever an ECU might read into it.
        """
        frames = [self._transport.frame(field, is_functional=is_functional)._replace(is_remote=is_remote) for field in data]
        return self.raw_frames(frames, listen_s=listen_s, is_functional=is_functional)

    def raw_frames(self, frames: Sequence[Frame], *, listen_s: float = LISTEN_S, is_functional: bool = False) -> RawReply:
        """Send whole frames, ids included, and listen."""
        for frame in frames:
            self.gate.check_raw(frame, is_functional=is_functional)
        self._transport.drain()
        first_frame = self.trace.count
        for frame in frames:
            self.link.send(frame)
        answers = self.listen(listen_s)
        if not answers and not self.link.is_virtual:
            self.link.check_sent()
        reply = RawReply(tuple(frames), answers, self.trace, first_frame)
        self._remember(reply, bool(answers))
        return reply

    def listen(self, seconds: float) -> tuple[Frame, ...]:
        """What comes from the ECU's response id in the next `seconds`; nothing is sent."""
        link = self.link
        until_s = link.now_s + seconds
        heard = []
        while (frame := link.receive(until_s)) is not None:
            if self._transport.is_answer(frame):
                heard.append(frame)
            if link.now_s >= until_s:
                break
        return tuple(heard)

    @property
    def has_answered(self) -> bool:
        """Whether any frame has come from the ECU's response id so far."""
        return self._transport.answer_frames > 0

    def listen_to_all(self, seconds: float) -> int:
        """How many frames of any id come in the next `seconds`; nothing is sent."""
        before = self.trace.count
        self.listen(seconds)
        return self.trace.count - before

    def require_quiet(self) -> None:
        """Inconclusive if the ECU sends on its response id although nothing was asked: an answer could not be told."""
        self._transport.drain()
        heard = self.listen(LISTEN_S)
        if heard:
            raise Inconclusive(f"the ECU sends on its response id unasked: {heard[0].text()}")

    def wait(self, seconds: float) -> None:
        """Let time pass in silence. A session that needs TesterPresent ends meanwhile."""
        self.listen(seconds)

    # Sessions and data

    def enter_session(self, session: int) -> Reply:
        """Ask for a session; the reply tells whether the ECU is in it."""
        return self.request(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))

    @property
    def has_sessions(self) -> bool:
        """Whether the target declares sessions at all."""
        return self.target.timing.s3_ms is not None

    def sessions(self) -> list[int]:
        """Sessions to try: the declared ones, or the usual three; none where the target has none."""
        if not self.has_sessions:
            return []
        declared = [entry.id for entry in self.target.sessions] or list(Session)
        return [session for session in declared if self.permits(bytes((Service.DIAGNOSTIC_SESSION_CONTROL, session)))]

    def session_for(self, level: int) -> None:
        """Enter the session in which a level is declared to be available. Inconclusive if the ECU refuses."""
        entry = self.target.level(level)
        session = entry.session if entry is not None else None
        if session is None or session == Session.DEFAULT or not self.has_sessions:
            return
        reply = self.enter_session(session)
        if not reply.is_positive:
            raise Inconclusive(f"session 0x{session:02X}, where level 0x{level:02X} should be, was not entered: {reply}")

    def read_reply(self, did: int) -> Reply:
        """ReadDataByIdentifier for one DID."""
        return self.request(bytes((Service.READ_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)))

    def read(self, did: int) -> bytes:
        """The value of a DID. Inconclusive when it cannot be read."""
        reply = self.read_reply(did)
        if not reply.is_positive:
            raise Inconclusive(f"DID {did:04X} cannot be read back: {reply}")
        return reply.pdu[3:]

    def stable_value(self, did: int) -> bytes:
        """The value of a DID, read three times. Inconclusive when it changes by itself."""
        values = {self.read(did) for _ in range(3)}
        if len(values) != 1:
            raise Inconclusive(f"DID {did:04X} changes by itself; an effect on it cannot be told")
        return values.pop()

    def write(self, did: int, value: bytes) -> Reply:
        """WriteDataByIdentifier."""
        return self.request(bytes((Service.WRITE_DATA_BY_IDENTIFIER, did >> 8, did & 0xFF)) + value)

    def other_value(self, entry: DataEntry, value: bytes) -> bytes:
        """A valid value of the DID that is not `value`. Inconclusive when the declared range has no other."""
        for bit in (1, 2, 4, 8, 16, 32, 64, 128) if value else ():
            candidate = value[:-1] + bytes((value[-1] ^ bit,))
            if entry.values is None or candidate in entry.values:
                return candidate
        raise Inconclusive(f"DID {entry.did:04X}: no second value is known to be valid; declare its values")

    # Verdicts and evidence

    def judge(
        self,
        reply: Reply,
        *,
        sound: Expectation,
        flawed: Expectation | None = None,
        tolerated: Expectation | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Hold a reply against what a sound ECU says.

        `sound` passes; `tolerated` passes with a note; `flawed` fails. What is none of these is inconclusive, or fails if
        no `flawed` is given.
        """
        if sound.accepts(reply):
            return
        if tolerated is not None and tolerated.accepts(reply):
            self.note(f"tolerated: {reply}, where {sound} is the rule")
            return
        self.cite(reply)
        if flawed is None or flawed.accepts(reply):
            raise Violation(expected=str(sound), observed=str(reply), severity=severity)
        if reply.kind is Kind.SILENCE and not self.is_alive():
            raise ContactLost(f"no answer to {reply.request.hex(' ').upper()}, and none to anything after it")
        raise Inconclusive(f"neither {sound} nor {flawed}: {reply}")

    def cite(self, *replies: Reply | RawReply) -> None:
        """Keep exchanges as the decisive evidence."""
        self.evidence.extend(reply.exchange() for reply in replies)

    def note(self, text: str) -> None:
        """Add a remark to the result."""
        if text not in self.notes:
            self.notes.append(text)

    def allows(self, harm: str) -> bool:
        """Whether the target gives a permission, e.g. ``write``."""
        return harm in self.target.safety.allow

    def permits(self, pdu: bytes) -> bool:
        """Whether the target allows a request."""
        return self.gate.permits(pdu)

    # Life

    def is_alive(self) -> bool:
        """Whether anything at all comes back from the ECU's id, to requests that change nothing."""
        before = self._transport.answer_frames
        for pdu in sorted(self._liveness_requests, key=lambda pdu: pdu != self.liveness_request):
            self.request(pdu)
            if self._transport.answer_frames != before:
                self.liveness_request = pdu
                return True
        return False


def is_positive_response(request: bytes, answer: bytes) -> bool:
    """Whether an answer is a positive response to the request: its service, and the sub-function or first DID echoed."""
    service = request[0]
    if answer[0] != service + RESPONSE_OFFSET:
        return False
    echo = _ECHO_BYTES.get(service)  # type: ignore[call-overload]
    if echo is None:
        return True
    if service in _SUB_FUNCTION_SERVICES:
        return len(answer) > 1 and len(request) > 1 and answer[1] == request[1] & 0x7F
    return answer[1 : 1 + echo] == request[1 : 1 + echo]


def _as_bytes(request: Any) -> bytes:
    """A request given as hex, bytearray or Scapy packet."""
    if isinstance(request, str):
        return bytes.fromhex(request)
    return bytes(request)
