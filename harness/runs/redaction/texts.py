"""Find secrets in text in any notation of bytes: hex, numbers, lists, frames, Base64, letters."""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Final

from harness.runs.redaction.messages import FrameStream, PassingFrame
from harness.runs.redaction.vocabulary import SHORTEST_BYTES, Vocabulary

_FRAME: Final = re.compile(r"\b([0-9A-F]{8}|[0-9A-F]{3})(#|##[0-9A-F])((?:[0-9A-F]{2})+)\b")
_SEND_KEY: Final = re.compile(
    r"(?<![0-9A-F]{2} )\b((?:(?!67)[0-9A-F]{2} ){0,2}27 [0-9A-F][02468ACE] )([0-9A-F]{2}(?: [0-9A-F]{2})*)\b"
)
"""A key in a request that sends it, whether the request is written alone or behind one or two bytes of a frame."""
_LITERAL: Final = re.compile(r"""\bb(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")""")
_ESCAPE: Final = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_TOKEN: Final = re.compile(
    r"\\x[0-9A-Fa-f]{2}|(?<![0-9A-Za-z])(?:0[xX])?[0-9A-Fa-f]+(?=(?:[hH]|[uU]?[lL]{0,2})(?![0-9A-Za-z]))|[0-9A-Fa-f]{8,}"
)
_BASE64: Final = re.compile(r"(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{6,}={0,2}")
_BETWEEN: Final = re.compile(r"[^0-9A-Za-z]{0,8}|[^0-9]{1,24}")
"""What may stand between two bytes of one value: signs or, as in a table of named bytes, words without digits."""

_NUMBER: Final = re.compile(r"(?<!\w)(?:[^\W\d]*\d\w*|[A-Fa-f]{4,}(?!\w))")
_NUMBERS: Final = re.compile(r"#(?:[^\w\n]{0,8}#)+")
LEAST_DIGITS, MOST_DIGITS = 7, 155
"""The number of digits of a decimal number that may be a secret of 3 to 64 bytes."""
_Span = tuple[int, int]


def redacted_text(words: Vocabulary, text: str) -> str:
    """Redact a text; bytes in hex keep their layout, every other secret becomes ``(redacted E4E1…)``."""
    text = _frames(words, text)
    text = _SEND_KEY.sub(lambda found: found[1] + words.hidden(bytes.fromhex(found[2])).hex(" ").upper(), text)
    for written, value in words.written.items():
        text = text.replace(written, _said(words, value))
    text = _LITERAL.sub(lambda found: _literal(words, found[0]), text)
    text = _numbers(words, text)
    return _BASE64.sub(lambda found: _base64(words, found[0]), text)


def without_numbers(words: Vocabulary, text: str) -> str:
    """Redact what an ECU printed: words remain, anything that may be a number becomes ``#``.

    An ECU may print keys that the run never learned, and the values from which it computes them.
    """
    for written, value in words.written.items():
        text = text.replace(written, _said(words, value))
    text = _NUMBERS.sub("# …", _NUMBER.sub("#", _LITERAL.sub("#", text)))
    known: dict[str, str] = {}
    return _BASE64.sub(lambda found: known.get(found[0]) or known.setdefault(found[0], _base64(words, found[0])), text)


def redacted_hex(words: Vocabulary, text: str, *, lasting_only: bool = False) -> str:
    """Redact bytes in hex, written as reports write them."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return redacted_text(words, text)
    shown = words.searched(data, lasting_only=lasting_only)
    return text if shown == data else (shown.hex(" ") if " " in text else shown.hex()).upper()


def _said(words: Vocabulary, value: bytes) -> str:
    return f"(redacted {words.placeholder(value).hex().upper()})"


def _frames(words: Vocabulary, text: str) -> str:
    """Redact frames in candump's form; the frames of one transfer are read as one message."""
    found = list(_FRAME.finditer(text))
    if not found:
        return text
    stream = FrameStream(words)
    frames: dict[_Span, PassingFrame] = {}
    for one in found:
        data = bytearray.fromhex(one[3])
        size = words.addresses.address_bytes(int(one[1], 16), data)
        frame = PassingFrame(one[1], True, data[size:], size)
        frames[one.start(3) + 2 * size, one.end(3)] = frame
        stream.add(frame)
    stream.close()
    return _replaced(text, {span: frame.data.hex().upper() for span, frame in frames.items()})


def _literal(words: Vocabulary, literal: str) -> str:
    """Redact bytes that are written in Python's notation."""
    written = literal[2:-1].encode("latin-1", "replace")
    data = _ESCAPE.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else _ESCAPED.get(found[2], found[2]), written
    )
    shown = words.searched(data)
    return literal if shown == data else f"(redacted {shown.hex().upper()})"


def _base64(words: Vocabulary, token: str) -> str:
    digits = token.rstrip("=")
    if len(digits) % 4 == 1:
        return token
    data = base64.b64decode(digits + "=" * (-len(digits) % 4))
    shown = words.searched(data)
    return token if shown == data else f"(redacted {shown.hex().upper()})"


def _numbers(words: Vocabulary, text: str) -> str:
    """Redact hex and decimal numbers, single ones and rows of them."""
    tokens = [token.span() for token in _TOKEN.finditer(text)]
    if sum(max(1, (end - start) // 2) for start, end in tokens) < SHORTEST_BYTES:
        return text  # as in most sentences, too few bytes to be searched for, whatever their notation
    changes: dict[_Span, str] = {}
    for row in _rows(text, tokens):
        _hex_row(words, text, row, changes)
        _decimal_row(words, text, row, changes)
        for start, end in row:
            if LEAST_DIGITS <= end - start <= MOST_DIGITS and text[start:end].isdecimal():
                value = words.numbers.get(int(text[start:end]))
                if value is not None:
                    changes[start, end] = _said(words, value)
    return _replaced(text, changes)


def _replaced(text: str, changes: Mapping[_Span, str]) -> str:
    """Apply replacements to the text; where two replacements overlap only the first is applied."""
    parts, done = [], 0
    for (start, end), shown in sorted(changes.items()):
        if start >= done:
            parts += [text[done:start], shown]
            done = end
    return "".join([*parts, text[done:]])


def _rows(text: str, tokens: Sequence[_Span]) -> list[list[_Span]]:
    """Return the places of the numbers in a text; numbers in one group may be bytes of one value."""
    rows: list[list[_Span]] = []
    for token in tokens:
        if rows and _BETWEEN.fullmatch(text, rows[-1][-1][1], token[0]):
            rows[-1].append(token)
        else:
            rows.append([token])
    return rows


def _hex_row(words: Vocabulary, text: str, row: Sequence[_Span], changes: dict[_Span, str]) -> None:
    """Redact hex bytes, of two digits or like ``0x5``; in a long run of digits a byte may begin at the second digit, too."""
    for skipped in (0, 1):
        places: list[_Span] = []
        for start, end in row:
            if text[start : start + 2] in ("0x", "0X", "\\x"):
                start += 2
                if (end - start) % 2:
                    places.append((start, start + 1))
                    start += 1
            elif skipped and end - start > 2 * len("00"):
                start += 1
            places += [(at, at + 2) for at in range(start, end - 1, 2)]
        data = bytes(int(text[start:end], 16) for start, end in places)
        shown = words.searched(data)
        style = "02x" if re.search("[a-f]", text[row[0][0] : row[-1][1]]) else "02X"
        for place, before, after in zip(places, data, shown, strict=True):
            if before != after:
                changes[place] = format(after, style)
        if shown != data or all(end - start <= 2 * len("00") for start, end in row):
            return


def _decimal_row(words: Vocabulary, text: str, row: Sequence[_Span], changes: dict[_Span, str]) -> None:
    """Redact bytes written as decimal numbers, either like ``[94, 247, 57, 176]`` or each with a number or name before."""
    places = [place for place in row if not text[slice(*place)].isalpha()]
    numbers = [int(text[start:end]) if text[start:end].isdecimal() and end - start <= 3 else 256 for start, end in places]
    for first, step in ((0, 1), (0, 2), (1, 2)):
        begin = first
        for end in [at for at in range(first, len(numbers), step) if numbers[at] > 0xFF] + [len(numbers)]:
            data = bytes(numbers[begin:end:step])
            for place, before, after in zip(places[begin:end:step], data, words.searched(data), strict=True):
                if before != after:
                    changes[place] = str(after)
            begin = end + step
