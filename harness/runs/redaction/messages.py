"""Find secrets in messages and frames; read ISO-TP and UDS as loosely as the worst ECU might."""

from dataclasses import dataclass, field
from typing import Final

from harness.link.isotp_frames import CLASSIC_BYTES, FrameType, frame_type
from harness.runs.redaction.vocabulary import SecretKind, Vocabulary
from harness.uds import NEGATIVE_RESPONSE, RESPONSE_OFFSET, Service, is_send_key

_SECURITY: Final = Service.SECURITY_ACCESS
_GIVEN: Final = Service.SECURITY_ACCESS + RESPONSE_OFFSET
_READ: Final = Service.READ_DATA_BY_IDENTIFIER + RESPONSE_OFFSET
_WRITE: Final = Service.WRITE_DATA_BY_IDENTIFIER

_PADDING: Final = {0x00, 0x55, 0xAA, 0xCC, 0xFF}
"""Bytes with which frames are usually padded."""

LONGEST_BYTES: Final = 8192
"""The number of bytes after which a message is searched, even if it has not ended."""


def redacted_message(words: Vocabulary, message: bytes) -> bytes:
    """Return a request or an answer without secrets, at its old length, and learn hidden data in it as secrets."""
    if len(message) < 3:
        return message
    service = message[0]
    if is_send_key(message) or (service == _GIVEN and not message[1] & 1):
        return message[:2] + words.hidden(message[2:])
    if service == _GIVEN:
        return message[:2] + words.searched(message[2:], lasting_only=True)
    if service == NEGATIVE_RESPONSE and message[1] == _SECURITY and len(message) > 3:
        return message[:3] + words.hidden(message[3:])
    if service in (_READ, _WRITE) and len(message) > 3 and int.from_bytes(message[1:3], "big") in words.hidden_dids:
        words.learn(message[3:].strip(b"\x00\xff ") or message[3:], SecretKind.LASTING)
        return message[:3] + words.hidden(message[3:])
    return words.searched(message)


@dataclass(slots=True)
class PassingFrame:
    """A frame on its way into a file. Secrets in its data are replaced in place, some only when a later frame comes."""

    identity: object
    """The frame's CAN id, with whatever else distinguishes its sender."""
    is_sent: bool
    data: bytearray
    """The data behind the frame's address."""
    address_bytes: int = 0


@dataclass(slots=True)
class _Transfer:
    """A message in several frames, of which some may still be missing."""

    missing: int
    is_key: bool
    message: bytearray = field(default_factory=bytearray)
    places: list[tuple[bytearray, int, int]] = field(default_factory=list)
    """For each frame: its data, and the start and end of the part of the data that belongs to the message."""

    def take(self, data: bytearray, start: int) -> None:
        """Add a frame's part to the message."""
        end = min(len(data), start + self.missing)
        self.message += data[start:end]
        self.places.append((data, start, end))
        self.missing -= end - start

    def redact(self, words: Vocabulary) -> None:
        """Redact the part of the message that has come, within the frames that carried it."""
        message = bytes(self.message)
        shown = words.hidden(message) if self.is_key and not is_send_key(message) else redacted_message(words, message)
        at = 0
        for data, start, end in self.places:
            data[start:end] = shown[at : at + end - start]
            at += end - start
        self.message.clear()
        self.places.clear()


class FrameStream:
    """Frames of any number of senders, in the order in which they passed."""

    def __init__(self, words: Vocabulary) -> None:
        self._words = words
        self._open: dict[object, _Transfer] = {}
        self._after_key: set[object] = set()

    @property
    def is_waiting(self) -> bool:
        """Whether frames that were added may still be changed."""
        return bool(self._open)

    @property
    def is_idle(self) -> bool:
        """Whether the next frame, unless it is a first frame, can be redacted without regard to other frames."""
        return not self._open and not self._after_key

    def add(self, frame: PassingFrame) -> None:
        """Take the next frame."""
        data, identity = frame.data, frame.identity
        if not data:
            return
        kind = frame_type(data)
        if kind == FrameType.CONSECUTIVE and (transfer := self._open.get(identity)) is not None:
            transfer.take(data, 1)
            if transfer.missing <= 0 or len(transfer.message) > LONGEST_BYTES:
                end = transfer.places[-1][2]
                transfer.redact(self._words)
                if transfer.missing <= 0:
                    self._close(identity)
                    self._padding(frame, end, is_key=transfer.is_key)
            return
        if kind == FrameType.CONSECUTIVE and identity in self._after_key:
            data[1:] = self._words.hidden(bytes(data[1:]))
            return
        if kind == FrameType.FLOW_CONTROL and len(data) <= 3:
            return
        if kind in (FrameType.SINGLE, FrameType.FIRST):
            self._close(identity)
            self._after_key.discard(identity)
        if kind == FrameType.FIRST and len(data) + frame.address_bytes >= CLASSIC_BYTES:
            self._begin(frame)
        elif kind == FrameType.SINGLE:
            self._single(frame)
        else:
            self._loose(frame)

    def close(self) -> None:
        """End all transfers that have begun."""
        for identity in list(self._open):
            self._close(identity)

    def _close(self, identity: object) -> None:
        transfer = self._open.pop(identity, None)
        if transfer is not None:
            transfer.redact(self._words)
            if transfer.is_key:
                self._after_key.add(identity)

    def _begin(self, frame: PassingFrame) -> None:
        data = frame.data
        length, start = (data[0] & 0x0F) << 8 | data[1], 2
        if length == 0 and not is_send_key(bytes(data[2:])):
            length, start = int.from_bytes(data[2:6], "big"), 6
        transfer = _Transfer(max(length, len(data) - start), is_send_key(bytes(data[start:])))
        transfer.take(data, start)
        self._open[frame.identity] = transfer

    def _single(self, frame: PassingFrame) -> None:
        data = frame.data
        length, start = (data[1], 2) if len(data) + frame.address_bytes > CLASSIC_BYTES and data[0] == 0 else (data[0], 1)
        end = start + length
        if frame.is_sent and (not 1 < length <= len(data) - start or len(set(data[end:])) > 1):
            self._loose(frame)
            return
        message = bytes(data[start:end])
        shown = redacted_message(self._words, message)
        if shown is not message:
            data[start:end] = shown
        self._padding(frame, end, is_key=is_send_key(message))

    def _padding(self, frame: PassingFrame, end: int, *, is_key: bool) -> None:
        """Redact the padding behind a message, since it may hold more of a key, or bytes of another frame."""
        padding = frame.data[end:]
        if is_key and not set(padding) <= _PADDING:
            frame.data[end:] = self._words.hidden(bytes(padding))
        elif len(set(padding)) > 1:
            self._search(frame, end)

    def _loose(self, frame: PassingFrame) -> None:
        """Redact a frame that is no ISO-TP: an ECU that ignores the first bytes may read the other bytes as a key."""
        data = frame.data
        if frame.is_sent:
            for start in range(min(4, len(data))):
                if is_send_key(bytes(data[start:])) and len(set(data[start + 2 :])) > 1:
                    data[start + 2 :] = self._words.hidden(bytes(data[start + 2 :]))
                    return
        self._search(frame)

    def _search(self, frame: PassingFrame, start: int = 0) -> None:
        before = bytes(frame.data[start:])
        shown = self._words.searched(before)
        if shown is not before:
            frame.data[start:] = shown
