"""How are a step's messages sent, and what came of them: answers, right keys by chance, lockouts, messages not taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.errors import NotPermitted
from harness.fuzz.keyed import Keyed, filled, in_notation
from harness.fuzz.send import SentStep
from harness.link.isotp import IsoTpFault
from harness.tester.exchange import LISTEN_S
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.tester.tester import Tester
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, SUPPRESS_POSITIVE_RESPONSE, Nrc, Service, is_send_key

LONGEST_SHOWN_BYTES: Final = 24
SLOWEST_BOOT: Final = 5
"""As many times its declared boot time, and two seconds, an ECU is waited for after a reset that a message asked for."""

_NOT_TAKEN: Final = {
    fault.value for fault in (IsoTpFault.TIMEOUT_BS, IsoTpFault.OVERFLOW, IsoTpFault.WAIT_LIMIT, IsoTpFault.INVALID_FS)
}
"""Faults of sending: the peer did not let the whole message through."""


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """What came back to the last message of a step."""

    reply: Reply
    evidence: tuple[Reply | RawReply, ...]
    """What came back to every message."""
    is_right_key: bool = False
    """One of the messages happened to be the right key."""
    locked_out_level: int | None = None
    """The level that an answer says is locked for a while."""
    not_taken: str = ""
    """Why the ECU never had one of the messages whole: what it answers, or not, says nothing of the message then."""


def screened(tester: Tester, message: bytes, *, is_raw: bool) -> tuple[str, Sequence[int]]:
    """Why a message will not be sent, empty if it will; and the levels whose key an ECU may read into it.

    It will not where the gate does not let it pass, or a frame has no room for it. What may be read as a key is counted in
    the ledger.
    """
    if is_raw and len(message) > tester.frame_bytes:
        return f"{shown_bytes(message)}: frames to this ECU hold {tester.frame_bytes} bytes behind their address", ()
    gate = tester.gate
    try:
        if is_raw:
            return "", [level_of(reading) for reading in gate.check_raw(gate.to_this_ecu(message))]
        gate.check(message)
    except NotPermitted as reason:
        return str(reason).replace(message.hex(" ").upper(), shown_bytes(message)), ()
    return "", [level_of(message)] if is_send_key(message) else ()


def refusal(tester: Tester, message: bytes, *, is_raw: bool) -> str:
    """Why a message will not be sent; empty if it will."""
    return screened(tester, message, is_raw=is_raw)[0]


def guesses(tester: Tester, message: bytes, *, is_raw: bool) -> Sequence[int]:
    """The levels whose key an ECU may read into a message that is permitted: what the ledger will count."""
    return screened(tester, message, is_raw=is_raw)[1]


def level_of(request: bytes) -> int:
    """The level that a request of service 27 is about: its seed's sub-function, or the one below its key's."""
    sub_function = request[1] & ~SUPPRESS_POSITIVE_RESPONSE
    return sub_function if sub_function & 1 else max(sub_function - 1, 0)


def shown_bytes(message: bytes) -> str:
    """A message in a sentence."""
    if isinstance(message, Keyed):
        return in_notation(message)
    if len(message) <= LONGEST_SHOWN_BYTES:
        return message.hex(" ").upper() or "no data"
    return f"{message[:LONGEST_SHOWN_BYTES].hex(' ').upper()} … ({len(message)} bytes)"


class Speaker:
    """Sends steps to one ECU."""

    def __init__(self, tester: Tester, *, is_raw: bool, gap_s: float | None = None) -> None:
        """`gap_s`: so long each frame is left to the ECU; None: they go out back to back."""
        self._tester = tester
        self._is_raw = is_raw
        self._gap_s = gap_s

    def send(self, step: SentStep) -> CaseAnswer:
        """Send every message of a step. NotRun or Inconclusive: a key in it must not be sent."""
        if self._is_raw:
            self._tester.wait(LISTEN_S)  # late answers are no answers to frames
            raw = self._raw(step.messages)
            self._tester.state.expect_anything()
            return CaseAnswer(_read(raw, is_shared=self._tester.is_shared()), (raw,))
        is_right = False
        replies = []
        for message in step.messages:
            reply, was_right = self._request(filled(message, self._tester))
            is_right = is_right or was_right
            replies.append(reply)
        return CaseAnswer(reply, tuple(replies), is_right, _locked_out_level(replies), not_taken(replies))

    def _raw(self, messages: tuple[bytes, ...]) -> RawReply:
        tester = self._tester
        frames = tuple(filled(message, tester) for message in messages)
        if self._gap_s is None:
            return tester.raw(*frames)
        replies = [tester.raw(frame, listen_s=self._gap_s) for frame in frames[:-1]]
        replies.append(tester.raw(frames[-1], listen_s=max(self._gap_s, LISTEN_S)))
        sent = tuple(frame for reply in replies for frame in reply.sent)
        answers = tuple(frame for reply in replies for frame in reply.answers)
        return RawReply(sent, answers, replies[0].trace, replies[0].first_frame)

    def _request(self, message: bytes) -> tuple[Reply, bool]:
        """The reply, and whether the message was the right key after all."""
        tester, security = self._tester, self._tester.security
        seed = security.level(level_of(message)).seed if is_send_key(message) else None
        reply = tester.request(message)
        if message[0] == Service.ECU_RESET and not reply.is_negative:
            tester.wait(tester.target.reset.boot_s)
            tester.await_life(tester.target.reset.boot_s * SLOWEST_BOOT + 2.0)
        if seed is None or reply.is_negative or not security.has_key(level_of(message)):
            return reply, False
        return reply, message[2:] == security.right_key(level_of(message), seed)


def _locked_out_level(replies: list[Reply]) -> int | None:
    for reply in replies:
        if reply.request[0] == Service.SECURITY_ACCESS and len(reply.request) > 1 and reply.is_delayed:
            return level_of(reply.request)
    return None


def not_taken(replies: list[Reply]) -> str:
    """Why the ECU never had one of the requests whole; empty if it had them all."""
    for reply in replies:
        has_answer = reply.is_positive or reply.is_negative
        if not has_answer and reply.note in _NOT_TAKEN:
            return reply.note
    return ""


def _read(raw: RawReply, *, is_shared: bool) -> Reply:
    """What frames say, as far as that can be told without knowing what they answer: the first message among them.

    `is_shared`: somebody else asks the ECU too, so that an answer to a service which our frames do not name is not ours.
    """
    sent = b"".join(frame.data for frame in raw.sent)
    answers = [frame for frame in raw.answers if not is_shared or _may_answer(frame.pdu, sent)]
    kind, nrc, pdu = ReplyKind.MALFORMED if answers else ReplyKind.SILENCE, None, b""
    for frame in answers:
        pdu = frame.pdu
        if len(pdu) == 3 and pdu[0] == NEGATIVE_RESPONSE:
            if pdu[2] == Nrc.RESPONSE_PENDING:
                continue
            kind, nrc = ReplyKind.NEGATIVE, pdu[2]
        elif pdu and pdu[0] != NEGATIVE_RESPONSE and pdu[0] & RESPONSE_OFFSET:
            kind = ReplyKind.POSITIVE
        break
    return Reply(sent, pdu, kind, nrc, (), raw.trace, raw.first_frame, note=str(raw) if answers else "")


def _may_answer(pdu: bytes, sent: bytes) -> bool:
    """Whether a message answers a service that is anywhere in what was sent; the rest of a long one cannot be told."""
    if not pdu:
        return False
    service = pdu[1] if pdu[0] == NEGATIVE_RESPONSE and len(pdu) > 1 else pdu[0] - RESPONSE_OFFSET
    return service in sent
