"""Format messages that were sent and received, one line each, without what the target declares secret."""

from collections.abc import Iterator, Sequence
from typing import Final

from harness.link.frame import Frame
from harness.report.decode import frame_line, reply_line, service_name
from harness.runs.redaction.vocabulary import SecretKind, Vocabulary
from harness.target import Target
from harness.tester.reply import RawReply, Reply, ReplyKind
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service, is_send_key, nrc_name

HIDDEN: Final = "**"
"""The text in place of each byte that must stay hidden."""

_READ: Final = Service.READ_DATA_BY_IDENTIFIER
_SECURITY: Final = Service.SECURITY_ACCESS
_DATA: Final = (Service.WRITE_DATA_BY_IDENTIFIER, _READ + RESPONSE_OFFSET)


class Words:
    """Formats the messages of one target."""

    def __init__(self, target: Target) -> None:
        self._hidden_dids = {entry.did for entry in target.data if entry.secret}
        self._secrets = Vocabulary(b"")
        for entry in target.security:
            if entry.secret is not None:
                self._secrets.learn(entry.secret.reveal(), SecretKind.LASTING)

    def sent(self, pdu: bytes) -> str:
        """Format a message that is sent: ``> 22 F1 90``."""
        return f"> {self._hex(pdu, pdu)}"

    def frame_sent(self, frame: Frame) -> str:
        """Format a frame that is sent: ``> 740#0322F190``."""
        return f"> {self._frame(frame)}"

    def heard(self, reply: Reply) -> Iterator[str]:
        """Format each message that came, response pending included: ``< 7F 2E 33 negative response, securityAccessDenied``.

        Frames that hold no message are shown as frames; silence is shown without bytes.
        """
        for message in reply.replies:
            yield f"< {self._hex(reply.request, message)}  {self._meaning(reply, message)}"
        if reply.is_malformed and not reply.replies:
            frames = [frame for frame in reply.frames if not frame.is_sent]
            yield from (f"< {self._frame(frame)}  {frame_line(frame.data_field, len(frame.address))}" for frame in frames)
            if not frames:
                yield "<   frames that hold no message"
        elif reply.is_silence:
            yield "<   silence"

    def heard_frames(self, reply: RawReply) -> Iterator[str]:
        """Format each frame that came from the ECU: ``< 748#0462F19001  single frame, 4 bytes``."""
        for frame in reply.answers:
            yield f"< {self._frame(frame)}  {frame_line(frame.data_field, len(frame.address))}"
        if not reply.answers:
            yield "<   silence"

    def recorded(self, request: bytes, message: bytes) -> str:
        """Format a recorded answer to a request, to be shown beside the new answer."""
        return f"{self._hex(request, message)}  {_meaning_of(request, message)}" if message else "silence"

    def hidden_places(self, request: bytes, message: bytes) -> set[int]:
        """Return the places of the bytes that must stay hidden in `message`, which is the request or an answer to it."""
        if is_send_key(message):
            return set()
        if message[:1] and message[0] in _DATA and self._names_hidden_data(request, message):
            return set(range(3, len(message)))
        shown = self._secrets.searched(message)
        return {place for place, (one, other) in enumerate(zip(message, shown, strict=True)) if one != other}

    def _names_hidden_data(self, request: bytes, message: bytes) -> bool:
        dids = [int.from_bytes(message[1:3], "big")]
        if request[:1] == bytes((_READ,)):
            dids += [int.from_bytes(request[start : start + 2], "big") for start in range(1, len(request) - 1, 2)]
        return not self._hidden_dids.isdisjoint(dids)

    def _hex(self, request: bytes, message: bytes) -> str:
        hidden = self.hidden_places(request, message)
        return " ".join(HIDDEN if place in hidden else f"{byte:02X}" for place, byte in enumerate(message))

    def _frame(self, frame: Frame) -> str:
        """Format a frame as candump does, without any bytes that look like a secret."""
        start = 1 if frame.pci_type == 0 else 2
        message = frame.data[start:]
        hidden = {start + place for place in self.hidden_places(message, message)} if message else set()
        if not hidden:
            return frame.text()
        content = "".join(HIDDEN if place in hidden else f"{byte:02X}" for place, byte in enumerate(frame.data))
        return frame.text().removesuffix(frame.data.hex().upper()) + content

    def _meaning(self, reply: Reply, message: bytes) -> str:
        if self.hidden_places(reply.request, message):
            return "secret"
        if reply.is_negative and message == reply.pdu and message[0] != NEGATIVE_RESPONSE:
            return f"negative response, {_code(reply.nrc or 0)} ({reply.note.partition(';')[0]})"
        return _meaning_of(reply.request, message)


def kind_of_frames(reply: RawReply) -> ReplyKind:
    """Return the kind of answer to raw frames, judged by the last message in the frames that came."""
    messages = [frame.pdu for frame in reply.answers if frame.pdu]
    if not reply.answers:
        return ReplyKind.SILENCE
    if not messages:
        return ReplyKind.MALFORMED
    return ReplyKind.NEGATIVE if messages[-1][:1] == bytes((NEGATIVE_RESPONSE,)) else ReplyKind.POSITIVE


def same_outcome(words: Words, request: bytes, before: Sequence[bytes], after: Sequence[bytes]) -> bool:
    """Whether the last message of two answers is the same, apart from hidden bytes and seeds, which are always new."""
    old, new = (one[-1] if one else b"" for one in (before, after))
    if old[:2] == new[:2] and request[:1] == bytes((_SECURITY,)) and old[:1] == bytes((_SECURITY + RESPONSE_OFFSET,)):
        return len(old) == len(new) and any(old[2:]) == any(new[2:])
    hidden = words.hidden_places(request, new)
    return len(old) == len(new) and all(old[place] == new[place] for place in set(range(len(new))) - hidden)


def _meaning_of(request: bytes, message: bytes) -> str:
    if message[0] != NEGATIVE_RESPONSE or len(message) != 3:
        return reply_line(message)
    is_to_another = request[:1] != message[1:2]
    to = f" to {service_name(message[1]) or f'service 0x{message[1]:02X}'}" if is_to_another else ""
    return f"negative response{to}, {_code(message[2])}"


def _code(nrc: int) -> str:
    """Return a code's name, e.g. ``securityAccessDenied``; ``0x99`` if it has none."""
    number, _, name = nrc_name(nrc).partition(" ")
    return name or number
