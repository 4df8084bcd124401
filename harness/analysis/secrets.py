"""Find a secret in a text or an image, however a program may have written its bytes."""

import base64
import re
from collections.abc import Iterator
from typing import Final

SEPARATOR: Final = rb"[\s:,;_\-]{0,8}(?:0x|\\x)?"
"""What may stand between two bytes in hex: nothing, ``:``, ``, 0x``, ``\\x``, a line's end."""

LEAST_BYTES: Final = 4
"""The smallest number of bytes that are searched for; a shorter value occurs by chance in any long text."""

LEAST_DIGITS: Final = 8
CHANCE: Final = 1e-4


def forms(secret: bytes) -> Iterator[tuple[str, re.Pattern[bytes]]]:
    """Yield the ways to write a secret down: the name of each way, and a pattern that finds the secret so written."""
    for order, value in (("", secret), (", bytes reversed", secret[::-1])):
        hex_bytes = [b"%02x" % byte for byte in value]
        yield f"raw{order}", re.compile(re.escape(value), re.DOTALL)
        yield f"hex{order}", re.compile(SEPARATOR.join(hex_bytes), re.IGNORECASE)
        number = str(int.from_bytes(value, "big")).encode()
        if len(number) >= LEAST_DIGITS:
            yield f"decimal{order}", re.compile(rb"(?<!\d)" + number + rb"(?!\d)")
        yield (
            f"decimal bytes{order}",
            re.compile(rb"(?<!\d)" + rb"\D{1,24}?".join(b"%d" % byte for byte in value) + rb"(?!\d)"),
        )
    for shift in range(3):
        core = _base64_core(secret, shift)
        if len(core) >= LEAST_DIGITS:
            yield "base64", re.compile(re.escape(core))


def _base64_core(secret: bytes, shift: int) -> bytes:
    """Return the Base64 characters that depend on the secret alone, if `shift` other bytes come before it."""
    text = base64.b64encode(bytes(shift) + secret)
    begin = -(-shift * 8 // 6)
    return text[begin : (shift + len(secret)) * 8 // 6]


def found_in(content: bytes, secret: bytes) -> str:
    """Name how a secret is written in the content, e.g. ``hex, bytes reversed``; empty if absent, or too short to tell.

    >>> found_in(b"key = {0x12, 0x34, 0x56, 0x78}", bytes.fromhex("12345678"))
    'hex'
    >>> found_in(b"nothing", bytes.fromhex("12345678"))
    ''
    """
    if not is_telling(secret, len(content)):
        return ""
    return next((name for name, pattern in forms(secret) if pattern.search(content)), "")


def is_telling(secret: bytes, content_bytes: int) -> bool:
    """Whether the secret is long and varied enough not to occur by chance in `content_bytes` bytes."""
    if len(secret) < LEAST_BYTES or len(set(secret)) < 2:
        return False
    return content_bytes / 256 ** len(secret) < CHANCE or len(secret) >= 2 * LEAST_BYTES
