"""Find given values in a run's files, by a search that shares no code with the redaction.

Every file is read as it is, and also as the bytes for which its hex digits, numbers, Base64 and UTF-16 stand.
"""

import base64
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np

SHORTEST = 4
PCAPNG = b"\x0a\x0d\x0d\x0a"
_BYTES_IN_HEX = re.compile(rb"(?:(?:0x|\\x|\\\\x)?[0-9a-f]{2}(?:[^0-9a-z]{0,4}|\\n|\\\\n)){4,}", re.IGNORECASE)
_DIGITS = re.compile(rb"[0-9a-f]{9,}", re.IGNORECASE)
_LIST = re.compile(rb"(?<![0-9a-zA-Z])[0-9]{1,3}(?:[^0-9]{1,20}[0-9]{1,3}){3,}(?![0-9a-zA-Z])")
_NUMBER = re.compile(rb"(?<![0-9a-zA-Z.])[0-9]{7,}(?![0-9a-zA-Z.])")
_BASE64 = re.compile(rb"[0-9A-Za-z+/]{6,}={0,2}")


def leaks(folder: Path, values: Collection[bytes]) -> list[str]:
    """Return where any of the values occurs in a run's folder, without its private part: file and value."""
    wanted = {value for value in values if len(value) >= SHORTEST}
    forms = wanted | {value[::-1] for value in wanted}
    heads = np.array(sorted({int.from_bytes(value[:4], "big") for value in forms}), dtype=np.uint32)
    by_head: dict[int, list[bytes]] = {}
    for value in forms:
        by_head.setdefault(int.from_bytes(value[:4], "big"), []).append(value)
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] != "private":
            for how, data in readings(path.read_bytes()):
                found += [f"{path.name}: {value.hex()} {how}" for value in standing_in(data, heads, by_head)]
            numbers = {int(number) for number in _NUMBER.findall(path.read_bytes())}
            found += [
                f"{path.name}: {value.hex()} as a number" for value in forms if int.from_bytes(value, "big") in numbers
            ]
    return sorted(set(found))


def readings(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Return a file's bytes, and the bytes that it writes down in other forms."""
    yield "raw", content
    if content.startswith(PCAPNG):
        return
    for how, text in (("in hex", content), ("in hex, UTF-16", content.replace(b"\x00", b""))):
        if how == "in hex" or b"\x00" in content:
            runs = [
                re.sub(rb"0x|\\+[xn]|[^0-9a-f]", b"", run, flags=re.IGNORECASE)
                for run in _BYTES_IN_HEX.findall(text.lower())
            ]
            yield how, b"\n\n".join(bytes.fromhex(run[: len(run) // 2 * 2].decode()) for run in runs)
            shifted = [run[1 : len(run) // 2 * 2 - 1] for run in _DIGITS.findall(text)]
            yield how, b"\n\n".join(bytes.fromhex(run[: len(run) // 2 * 2].decode()) for run in shifted)
    if content.startswith(b"(0."):
        return  # a candump log has neither
    lists = [[int(one) for one in re.findall(rb"[0-9]+", run)] for run in _LIST.findall(content)]
    yield "as a list", b"\n\n".join(bytes(one for one in numbers if one < 256) for numbers in lists)
    tokens = [token.rstrip(b"=") for token in _BASE64.findall(content) if len(token) < 100]
    decoded = [base64.b64decode(token + b"=" * (-len(token) % 4)) for token in tokens if len(token) % 4 != 1]
    yield "in Base64", b"\n\n".join(decoded)


def standing_in(data: bytes, heads: np.ndarray, by_head: dict[int, list[bytes]]) -> Iterator[bytes]:
    """Return the values whose bytes all occur in the data."""
    if len(data) < SHORTEST:
        return
    octets = np.frombuffer(data, dtype=np.uint8).astype(np.uint32)
    windows = octets[:-3] << 24 | octets[1:-2] << 16 | octets[2:-1] << 8 | octets[3:]
    for at in np.flatnonzero(np.isin(windows, heads)).tolist():
        for value in by_head[int(windows[at])]:
            if data[at : at + len(value)] == value:
                yield value
