"""Build messages that contain the right key for the pending seed, which is known only when they are sent."""

from __future__ import annotations

from typing import Final

from harness.tester.tester import Tester
from harness.uds import is_send_key

LONGEST_SHOWN_BYTES: Final = 24
USUAL_BYTES: Final = 4
"""The number of zeros that stand for a key of unknown length."""


class Keyed(bytes):
    """A message in which zeros stand for the key, or for the first bytes of the key.

    `at` is the position of the zeros, `key_bytes` the number of the key's bytes (0: all).
    """

    at: int
    key_bytes: int

    @classmethod
    def of(cls, head: bytes, tail: bytes = b"", key_bytes: int = 0) -> Keyed:
        """Make the message from the bytes before and after the key."""
        made = cls(head + bytes(key_bytes or USUAL_BYTES) + tail)
        made.at, made.key_bytes = len(head), key_bytes
        return made

    @property
    def head(self) -> bytes:
        """The bytes before the key."""
        return bytes(self[: self.at])

    @property
    def tail(self) -> bytes:
        """The bytes after the key."""
        return bytes(self[self.at + (self.key_bytes or USUAL_BYTES) :])


def filled(message: bytes, tester: Tester) -> bytes:
    """Return the message to send now, with the key in it; without a pending seed or a key function the zeros stay.

    Raises KeyFunctionError if the key function fails.
    """
    if not isinstance(message, Keyed):
        return message
    key = pending_key(tester)
    return bytes(message) if key is None else message.head + key[: message.key_bytes or None] + message.tail


def pending_key(tester: Tester) -> bytes | None:
    """Return the right key for the pending seed of the first level that has one; None if no right key is known."""
    for entry in tester.target.security:
        seed = tester.security.level(entry.level).seed
        if seed and any(seed) and tester.security.has_key(entry.level):
            return tester.security.right_key(entry.level, seed)
    return None


def is_the_right_key(message: bytes, tester: Tester) -> bool:
    """Whether the request is exactly what a tester that knows the key would send now: service, level and key."""
    if not is_send_key(message):
        return False
    level = (message[1] & 0x7F) - 1
    seed = tester.security.level(level).seed if tester.target.level(level) is not None else None
    if not seed or not tester.security.has_key(level):
        return False
    return bytes(message[2:]) == tester.security.right_key(level, seed)


def in_notation(message: bytes) -> str:
    """Return a message in the notation of a case."""
    if not isinstance(message, Keyed):
        return message.hex(" ").upper()
    key = f"{{key:{message.key_bytes}}}" if message.key_bytes else "{key}"
    return " ".join(filter(None, (message.head.hex(" ").upper(), key, message.tail.hex(" ").upper())))


def from_notation(text: str) -> bytes:
    """Read a message that `in_notation` has written."""
    head, brace, rest = text.partition("{key")
    if not brace:
        return bytes.fromhex(text)
    count, _, tail = rest.partition("}")
    return Keyed.of(bytes.fromhex(head), bytes.fromhex(tail), int(count.removeprefix(":") or 0))


def shown_bytes(message: bytes) -> str:
    """Return a message for use in a sentence."""
    if isinstance(message, Keyed):
        return in_notation(message)
    if len(message) <= LONGEST_SHOWN_BYTES:
        return message.hex(" ").upper() or "no data"
    return f"{message[:LONGEST_SHOWN_BYTES].hex(' ').upper()} … ({len(message)} bytes)"
