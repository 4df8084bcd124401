"""Judge an answer without knowing what its request was for: by its form, by how many answers came, and by the request."""

from collections import deque
from collections.abc import Collection, Container
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from harness.fuzz.keyed import shown_bytes
from harness.link.isotp import IsoTp, IsoTpConfig
from harness.link.isotp_frames import CLASSIC_BYTES, FrameType
from harness.target import Access, Target
from harness.tester.listening import SECOND_WITHIN_S
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import (
    ANSWERED_BY_ALL,
    NEGATIVE_RESPONSE,
    RESPONSE_OFFSET,
    SUPPRESS_POSITIVE_RESPONSE,
    WITH_SUB_FUNCTION,
    Nrc,
    Service,
    is_send_key,
)
from harness.verdict import Severity

_NEGATIVE, _POSITIVE, _MALFORMED, _SILENCE = (
    ReplyKind.NEGATIVE,
    ReplyKind.POSITIVE,
    ReplyKind.MALFORMED,
    ReplyKind.SILENCE,
)

_PENDING: Final = int(Nrc.RESPONSE_PENDING)
SECOND_ANSWER_S: Final = 0.003
ASK_FOR_TRAFFIC: Final = frozenset((0x2A, 0x86))
"""Services by which a request asks the ECU for messages that come later without a request."""
ALL_SERVICES: Final = frozenset(map(int, Service))
RECENT: Final = 8
"""How many messages are remembered; an answer to raw frames may belong to any of these."""

_EXACTLY: Final[dict[int, int]] = {
    Service.DIAGNOSTIC_SESSION_CONTROL: 2,
    Service.ECU_RESET: 2,
    Service.TESTER_PRESENT: 2,
}
OFTEN_ANSWERED: Final = 4096
"""How many short requests that were answered positively are remembered, with what contradicts the answer."""
_AT_LEAST: Final[dict[int, int]] = {
    Service.READ_DATA_BY_IDENTIFIER: 3,
    Service.WRITE_DATA_BY_IDENTIFIER: 4,
    Service.SECURITY_ACCESS: 2,
    Service.ROUTINE_CONTROL: 4,
    Service.COMMUNICATION_CONTROL: 3,
    Service.CONTROL_DTC_SETTING: 2,
    Service.CLEAR_DIAGNOSTIC_INFORMATION: 4,
    Service.INPUT_OUTPUT_CONTROL_BY_IDENTIFIER: 4,
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A property of an answer that no sound ECU shows."""

    what: str
    """A name that all complaints of one cause share."""
    expected: str
    observed: str
    expect: str
    """The right answers, in the words of a case."""
    severity: Severity = Severity.LOW
    one_answer: bool = False
    """Whether the number of answers is wrong."""
    within_ms: int | None = None
    """The time in ms within which the answer should have come; None if the answer was not too late."""
    evidence: Reply | RawReply | None = None


class Objection(NamedTuple):
    """The reason why a sound ECU does not give this positive answer."""

    why: str
    severity: Severity = Severity.MEDIUM

    def complaint(self, service: str, observed: str) -> Complaint:
        """Return the complaint about an answer that was seen."""
        expected = f"no positive answer where {self.why}"
        return Complaint(f"{service} {self.why}", expected, observed, "negative|silence", self.severity)


class AnswerJudge:
    """Judges the answers of one ECU. Call `begin` each time the ECU is in a known state."""

    def __init__(self, tester: Tester) -> None:
        self._tester = tester
        self._late_s = SECOND_WITHIN_S if tester.link.is_virtual else SECOND_ANSWER_S
        self._frame_bytes = tester.frame_bytes
        self._closed: Collection[int] = ()
        self._objections: dict[bytes, Objection | None] = {}

    def begin(self, closed: Collection[int]) -> None:
        """Forget earlier messages. `closed` are the levels that are known to be locked."""
        self._isotp = IsoTp(IsoTpConfig(address_bytes=CLASSIC_BYTES - self._frame_bytes))
        self._messages: deque[bytes] = deque(maxlen=RECENT)
        if closed != self._closed:
            self._closed = closed
            self._objections.clear()

    # Requests

    def of_form(self, reply: Reply) -> Complaint | None:
        """Return the complaint about the form or the number of the answers to a request, whatever the request was."""
        tester, request, kind = self._tester, reply.request, reply.kind
        if (kind is _NEGATIVE or kind is _POSITIVE) and self.is_quiet():
            return None  # and no other answer comes
        is_long = len(request) >= self._frame_bytes
        service = f"{request[0]:02X}"
        if kind is _MALFORMED:
            if is_long and reply.note:
                return None
            said = (reply.pdu or reply.replies[0] if reply.replies else reply.pdu)[:1].hex().upper() or "no message"
            expected = f"a positive response to {shown_bytes(request)}, or 7F {service} and a code"
            return Complaint(f"malformed {said}", expected, str(reply), "positive|negative|silence")
        if kind is _SILENCE:
            if self.must_answer(reply) and tester.answers_now() and self._is_silent_again(request):
                expected = f"an answer to {shown_bytes(request)}, which asks for one"
                return Complaint(f"silence {service}", expected, "silence; the ECU is alive", "positive|negative")
            return None
        late = tester.listen(self._late_s, why="late answers")
        second = next((frame for frame in late if _may_be_second(frame.pdu, request[0])), None)
        if second is not None and not tester.is_shared() and (not is_long or _is_final(second.pdu, request)):
            expected = f"one answer to {shown_bytes(request)}"
            observed = f"{reply}, and then {second.text()}"
            return Complaint(f"second {service}", expected, observed, "any", one_answer=True)
        return None

    def of_reply(self, reply: Reply) -> Complaint | None:
        """Return the complaint about an answer that contradicts the target's declarations, or else that of `of_form`."""
        request = reply.request
        if reply.kind is _POSITIVE and (objection := self._objection_to(request)):
            observed = f"{shown_bytes(request)} gives {reply}{self._stored(request, self._padding())}"
            return objection.complaint(f"{request[0]:02X}", observed)
        return self.of_form(reply)

    def _objection_to(self, request: bytes) -> Objection | None:
        if len(request) > CLASSIC_BYTES:
            return objection_to(self._tester.target, request, self._closed)
        known = self._objections
        if request not in known:
            if len(known) >= OFTEN_ANSWERED:
                known.clear()
            known[request] = objection_to(self._tester.target, request, self._closed)
        return known[request]

    def of_form_confirmed(self, reply: Reply) -> Complaint | None:
        """Return the complaint of `of_form` if repeating the request confirms it; None for a key, which is not repeated."""
        first = None if is_send_key(reply.request) else self.of_form(reply)
        if first is None or self.of_form(self._tester.request(reply.request)) is None:
            return None
        return replace(first, observed=f"{shown_bytes(reply.request)} gives {first.observed}", evidence=reply)

    def is_quiet(self) -> bool:
        """Whether it is certain without listening that no late answer follows."""
        return self._tester.link.is_quiet_for(self._late_s)

    def must_answer(self, reply: Reply) -> bool:
        """Whether a sound ECU would certainly have answered, because it received the whole request and must answer it."""
        request = reply.request
        is_suppressed = request[0] in WITH_SUB_FUNCTION and len(request) > 1 and request[1] & SUPPRESS_POSITIVE_RESPONSE
        was_taken = not (reply.replies or reply.note or len(request) >= self._frame_bytes)
        return was_taken and not is_suppressed and request[0] in ANSWERED_BY_ALL

    def _is_silent_again(self, request: bytes) -> bool:
        """Whether the request gets no answer when it is repeated, either; a key is not repeated.

        False for a TesterPresent if 3E 00 gets no answer.
        """
        if is_send_key(request):
            return True  # a key is not repeated
        if request[0] == Service.TESTER_PRESENT and self._tester.request(b"\x3e\x00").is_silence:
            return False
        return self._tester.request(request).is_silence

    # Raw frames

    def before_frames(self, frames: tuple[bytes, ...]) -> list[bytes]:
        """Record and return the messages that end in these frames by ISO 15765-2; they may have begun in earlier frames."""
        found = []
        for data in frames:
            message = self._isotp.receive(data, self._tester.link.now_s)
            self._isotp.outbox.clear()
            if message is not None:
                self._messages.append(message)
                found.append(message)
        return found

    def of_frames(self, raw: RawReply) -> Complaint | None:
        """Return the complaint about the answer to raw frames, for which `before_frames` must have been called."""
        for frame in raw.answers:
            answer = frame.pdu if frame.pci_type in (FrameType.SINGLE, FrameType.FIRST) else b""
            if len(answer) < 2 or answer[0] == NEGATIVE_RESPONSE or answer[0] - RESPONSE_OFFSET not in ANSWERED_BY_ALL:
                continue
            sent = " | ".join(shown_bytes(one.data) for one in raw.sent[-4:])
            answered = [one for one in self._messages if _may_answer(answer, one)]
            if not answered:
                service = f"{answer[0] - RESPONSE_OFFSET:02X}"
                expected = "no positive answer: in these frames ISO 15765-2 has no message that is answered so"
                observed = f"{sent} gives {frame.text()}"
                what = f"{service} executed out of {_likely_source(answer[0] - RESPONSE_OFFSET, raw)}"
                return Complaint(what, expected, observed, "negative|silence", Severity.MEDIUM)
            objections = [self._objection_to(one) for one in answered]
            last = objections[-1]
            if last is not None and all(objections):
                data = raw.sent[-1].data
                behind = data[1 + len(answered[-1]) :] if data[1 : 1 + len(answered[-1])] == answered[-1] else b""
                observed = f"{sent} gives {frame.text()}{self._stored(answered[-1], behind)}"
                return last.complaint(f"frame {answer[0] - RESPONSE_OFFSET:02X}", observed)
        return None

    def _padding(self) -> bytes:
        padding = self._tester.target.can.padding
        return bytes((padding,)) * CLASSIC_BYTES if type(padding) is int else b""

    def _stored(self, message: bytes, behind: bytes) -> str:
        """Say if a write without a value has stored the bytes behind it in the frame, by reading back; empty if not."""
        if message[0] != Service.WRITE_DATA_BY_IDENTIFIER or len(message) != 3 or not behind:
            return ""
        value = self._tester.read_reply(int.from_bytes(message[1:3], "big"))
        if value.is_positive and value.pdu[3:] and behind.startswith(value.pdu[3 : 3 + len(behind)]):
            return f"; its padding was stored as data: the value is {value.pdu[3:].hex(' ').upper()} now"
        return ""


def _may_be_second(message: bytes, service: int) -> bool:
    """Whether a message after an answer may be a second answer to the same request, and not traffic that was asked for."""
    if service in ASK_FOR_TRAFFIC:
        return False
    if message[:1] == bytes((NEGATIVE_RESPONSE,)):
        return message[1:2] in (b"", bytes((service,)))
    return not message or message[0] == service + RESPONSE_OFFSET or message[0] - RESPONSE_OFFSET not in ALL_SERVICES


def _likely_source(service: int, raw: RawReply) -> str:
    """Return the ISO-TP type of the frame in which the ECU may have found the service that it answered."""
    holding = [one.data for one in raw.sent if one.data[1:2] == bytes((service,))]
    data = (holding or [raw.sent[-1].data])[-1]
    types = {0: "a single frame of another length", 1: "a first frame", 2: "a consecutive frame", 3: "a flow control"}
    return types.get(data[0] >> 4 if data else -1, "a frame of no known type")


def _is_final(message: bytes, request: bytes) -> bool:
    """Whether a message can only be a final answer to a request of this service."""
    is_refusal = len(message) == 3 and message[:2] == bytes((NEGATIVE_RESPONSE, request[0])) and message[2] != _PENDING
    return is_refusal or message[:1] == bytes((request[0] + RESPONSE_OFFSET & 0xFF,))


def _may_answer(answer: bytes, message: bytes) -> bool:
    if message[:1] != bytes((answer[0] - RESPONSE_OFFSET,)):
        return False
    if message[0] in (Service.READ_DATA_BY_IDENTIFIER, Service.WRITE_DATA_BY_IDENTIFIER) and len(message) > 2:
        return answer[1:3] == message[1:3]
    return message[0] not in WITH_SUB_FUNCTION or len(message) < 2 or answer[1] == message[1] & ~SUPPRESS_POSITIVE_RESPONSE


def objection_to(target: Target, request: bytes, closed: Container[int]) -> Objection | None:
    """Return why a positive answer to a request contradicts the request's length or the target;

    None if it contradicts neither.

    A request that needs one of the `closed` levels must be refused.
    """
    service = request[0]
    if service == Service.WRITE_DATA_BY_IDENTIFIER and len(request) == 3:
        return Objection("a write holds no data")
    if len(request) < _AT_LEAST.get(service, 1):
        return Objection("a request is too short for what it asks for")
    if len(request) != _EXACTLY.get(service, len(request)):
        return Objection("a request has another length than its service")
    if service == Service.READ_DATA_BY_IDENTIFIER:
        if not len(request) % 2:
            return Objection("a request ends within an identifier")
        dids = [int.from_bytes(request[at : at + 2], "big") for at in range(1, len(request), 2)]
        return next(filter(None, (_needs(target, did, "read", closed) for did in dids)), None)
    if service == Service.WRITE_DATA_BY_IDENTIFIER:
        did = int.from_bytes(request[1:3], "big")
        entry = target.did(did)
        if entry is not None and entry.origin == "declared" and entry.length not in (None, len(request) - 3):
            return Objection("a value has another length than its data")
        return _needs(target, did, "write", closed)
    sub_function = request[1] & ~SUPPRESS_POSITIVE_RESPONSE if len(request) > 1 else 0
    if service == Service.DIAGNOSTIC_SESSION_CONTROL and target.sessions:
        return None if any(one.id == sub_function for one in target.sessions) else Objection("no such session is declared")
    if service == Service.SECURITY_ACCESS and target.security and sub_function & 1:
        return None if target.level(sub_function) is not None else Objection("no such level is declared")
    if service == Service.ROUTINE_CONTROL:
        routine = int.from_bytes(request[2:4], "big")
        needs = [one.needs for one in target.routines if routine in one.span and one.origin == "declared"]
    else:
        needs = [one.needs for one in target.services if service in one.span and one.origin == "declared"]
    return next(filter(None, (_not_open(access, closed) for access in needs)), None)


def _needs(target: Target, did: int, verb: str, closed: Container[int]) -> Objection | None:
    entry = target.did(did)
    if entry is None or entry.origin != "declared":
        return None
    objection = _not_open(entry.read if verb == "read" else entry.write, closed)
    return None if objection is None else objection._replace(why=f"{objection.why}, {verb} of {did:04X}")


def _not_open(access: Access, closed: Container[int]) -> Objection | None:
    if access.kind == "open" or (access.level is not None and access.level not in closed):
        return None
    needed = "nobody may" if access.level is None else f"level 0x{access.level:02X} is needed"
    return Objection(needed, Severity.HIGH)
