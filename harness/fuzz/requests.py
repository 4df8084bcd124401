"""How are a step's messages sent, so that keys are counted, seeds remembered, and resets waited for?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.errors import NotPermitted
from harness.fuzz.send import Step
from harness.link.frame import Frame
from harness.outcome import Inconclusive
from harness.tester.reply import Kind, RawReply, Reply
from harness.tester.tester import Tester
from harness.uds import (
    NEGATIVE_RESPONSE,
    RESPONSE_OFFSET,
    SUPPRESS_POSITIVE_RESPONSE,
    Nrc,
    Service,
    is_seed_request,
    is_send_key,
)

SLOWEST_BOOT: Final = 5
"""As many times its declared boot time, and two seconds, an ECU is waited for after a reset that a message asked for."""

LONGEST_SHOWN_BYTES: Final = 24

_SINGLE, _FIRST = 0x0, 0x1
_LIMITED: Final = (Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to the last message of a step."""

    reply: Reply
    evidence: tuple[Reply | RawReply, ...]
    """What came back to every message."""
    is_right_key: bool = False
    """One of the messages happened to be the right key."""
    locked_out_level: int | None = None
    """The level that the answer says is locked for a while."""


def refusal(tester: Tester, message: bytes, *, is_raw: bool) -> str:
    """Why the gate will not let a message pass; empty if it will."""
    try:
        if is_raw:
            tester.gate.check_raw(Frame(tester.target.can.request_id, message), is_functional=False)
        else:
            tester.gate.check(message)
    except NotPermitted as reason:
        return str(reason).replace(message.hex(" ").upper(), shown_bytes(message))
    return ""


def shown_bytes(message: bytes) -> str:
    """A message in a sentence."""
    if len(message) <= LONGEST_SHOWN_BYTES:
        return message.hex(" ").upper() or "no data"
    return f"{message[:LONGEST_SHOWN_BYTES].hex(' ').upper()} … ({len(message)} bytes)"


def keys_in(message: bytes, *, is_raw: bool) -> Iterator[int]:
    """The levels, as the ledger counts them, whose key an ECU may read into a message."""
    for start in range(min(len(message), 4)) if is_raw else (0,):
        if is_send_key(message[start:]):
            yield _level_of(message[start + 1])


def _level_of(sub_function: int) -> int:
    """The level that a sub-function of 27 is about: it requests the seed, or sends the key with the number above."""
    plain = sub_function & ~SUPPRESS_POSITIVE_RESPONSE
    return plain if plain & 1 else max(plain - 1, 0)


def _locked_out_level(replies: list[Reply]) -> int | None:
    for reply in replies:
        if reply.request[0] == Service.SECURITY_ACCESS and len(reply.request) > 1 and reply.is_refused_with(*_LIMITED):
            return _level_of(reply.request[1])
    return None


class Speaker:
    """Sends steps to one ECU."""

    def __init__(self, tester: Tester, *, is_raw: bool) -> None:
        self._tester = tester
        self._is_raw = is_raw

    def send(self, step: Step) -> Answer:
        """Send every message of a step. NotRun: the budget of wrong keys is used up."""
        return self._frames(step) if self._is_raw else self._messages(step)

    def _messages(self, step: Step) -> Answer:
        is_right = False
        replies = []
        for message in step.messages:
            if is_send_key(message):
                reply, was_right = self._key(message)
                is_right = is_right or was_right
            else:
                reply = self._request(message)
            replies.append(reply)
        return Answer(reply, tuple(replies), is_right, _locked_out_level(replies))

    def _request(self, message: bytes) -> Reply:
        security = self._tester.security
        if is_seed_request(message) and not message[1] & SUPPRESS_POSITIVE_RESPONSE:
            return security.request_seed(message[1], message[2:])
        reply = self._tester.request(message)
        if is_seed_request(message):
            security.is_touched = True
            security.level(_level_of(message[1])).may_be_pending = True
        if message[0] == Service.ECU_RESET and not reply.is_negative:
            self._await_boot()
        return reply

    def _key(self, message: bytes) -> tuple[Reply, bool]:
        """The answer, and whether the key was the right one after all."""
        security = self._tester.security
        level, key = _level_of(message[1]), message[2:]
        known = security.level(level)
        seed = known.seed
        if message[1] & SUPPRESS_POSITIVE_RESPONSE or not level:
            reply = self._counted(message, level)
        else:
            reply = security.send_key(level, key)
        if reply.is_negative or seed is None or not security.has_key(level):
            return reply, False
        return reply, key == security.right_key(level, seed)

    def _counted(self, message: bytes, level: int) -> Reply:
        """A key in a form that the tester has no word for: its answer suppressed, or for no level at all."""
        self._afford(level)
        reply = self._tester.request(message)
        self._tester.security.level(level).seed = None
        return reply

    def _afford(self, level: int) -> None:
        """Count a wrong key before it is sent. Inconclusive: the right one has not been seen to work, though it could."""
        security = self._tester.security
        known = security.level(level)
        if known.suspect:
            raise Inconclusive(known.suspect)
        if security.has_key(level) and not known.is_proven and security.right_key_must_come_first:
            raise Inconclusive(f"level 0x{level:02X}: no wrong key before the right one has worked once")
        security.ledger.spend(level)
        security.wrong_keys_sent += 1
        known.wrong_in_a_row += 1
        security.is_touched = True

    def _await_boot(self) -> None:
        tester = self._tester
        boot_s = tester.target.reset.boot_s
        tester.wait(boot_s)
        give_up_s = tester.link.now_s + boot_s * SLOWEST_BOOT + 2.0
        while not tester.is_alive() and tester.link.now_s < give_up_s:
            pass
        tester.security.forget_pending()

    # Raw frames

    def _frames(self, step: Step) -> Answer:
        for message in step.messages:
            for level in keys_in(message, is_raw=True):
                self._afford(level)
        self._tester.security.is_touched = True
        raw = self._tester.raw(*step.messages)
        return Answer(_read(raw), (raw,))


def _read(raw: RawReply) -> Reply:
    """What frames say, as far as that can be told without knowing what they answer: the first message among them."""
    kind, nrc, pdu = Kind.MALFORMED if raw.answers else Kind.SILENCE, None, b""
    for frame in raw.answers:
        pdu = _content(frame.data)
        if len(pdu) == 3 and pdu[0] == NEGATIVE_RESPONSE:
            if pdu[2] == Nrc.RESPONSE_PENDING:
                continue
            kind, nrc = Kind.NEGATIVE, pdu[2]
        else:
            is_response = bool(pdu) and pdu[0] != NEGATIVE_RESPONSE and bool(pdu[0] & RESPONSE_OFFSET)
            kind = Kind.POSITIVE if is_response else kind
        break
    sent = b"".join(frame.data for frame in raw.sent)
    return Reply(sent, pdu, kind, nrc, (), raw.trace, raw.first_frame, note=str(raw) if raw.answers else "")


def _content(data: bytes) -> bytes:
    """The beginning of the message that a single or first frame carries; nothing for any other frame."""
    kind = data[0] >> 4 if data else None
    if kind == _SINGLE and 0 < data[0] < len(data):
        return data[1 : 1 + data[0]]
    return data[2:] if kind == _FIRST and len(data) == 8 else b""
