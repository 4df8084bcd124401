"""Show text that an ECU may have chosen: unprintable characters as escapes, long values shortened, hex in pairs."""

import re
from typing import Final

LONGEST_TEXT: Final = 2000
"""How many characters of one value audit.html shows."""

LONGEST_HEX: Final = 128
"""How many bytes of one message audit.html shows."""

_NOT_HEX: Final = re.compile(r"[^0-9A-Fa-f]")


def visible(text: str) -> str:
    """Escape control, format and broken characters as ``\\x1b``; keep line breaks and tabs.

    The result contains nothing that a terminal obeys, and no bidirectional controls, which would reorder the text.
    """
    text = text.replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else _escape(one) for one in text)


def cut(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return at most ``limit`` characters and then the length of the whole text: ``abc… (4096 bytes)``."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text.encode('utf-8', 'surrogatepass'))} bytes)"


def shown(text: object, limit: int = LONGEST_TEXT) -> str:
    """Make any value readable: shorten it, then escape unprintable characters."""
    return visible(cut(str(text), limit))


def bytes_of(hex_text: str, limit: int = LONGEST_HEX) -> bytes | None:
    """Return the first ``limit`` bytes of a hex string; None if it is no hex."""
    digits = "".join(hex_text[: limit * 3 + 2].split())
    if _NOT_HEX.search(digits):
        return None
    digits = digits[: limit * 2]
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def hex_pairs(data: bytes) -> str:
    """Write bytes as ``27 02 5E F7``."""
    return data.hex(" ").upper()


def shown_hex(hex_text: str, limit: int = LONGEST_HEX) -> str:
    """Write a recorded message as ``27 02 5E F7``, shortened; raw frames, which are no hex, are written as text."""
    data = bytes_of(hex_text, limit)
    if data is None:
        return shown(hex_text, limit * 3)
    length = len("".join(hex_text.split())) // 2
    return hex_pairs(data) + (f" … ({length} bytes)" if length > len(data) else "")


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
