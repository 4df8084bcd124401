"""What does `send` say? Hex with placeholders, in one message or in a list of them.

    message      hex digits in pairs and placeholders, with or without spaces between them
    {00..FF}     every value from the first to the last, both included; one to four bytes, both limits as many
    {13|2020}    alternatives in hex, of any length; an alternative may be a range too: {00..0F|F0..FF}
    {5*}         so many random bytes; the number is decimal
    {0..64*}     random bytes in every length from the first to the last; both decimal
    {did}        each data identifier of the target, two bytes
    {level}      each security level of the target: the byte that requests its seed
    {level+1}    the byte that sends the key of the same level
    {key}        the right key for the seed that is pending when the message is sent; {key:3} is its first three bytes

A list of messages is a sequence, sent as a whole for each combination. Combinations are the product of all placeholders,
of which the last varies fastest; `{did}` and `{level}` mean the same one wherever they stand in a case.
"""

from __future__ import annotations

import re
from typing import Any, Final

from harness.errors import Refused
from harness.fuzz.send import (
    LONGEST_MESSAGE,
    MOST_MESSAGES,
    Fixed,
    KeyBytes,
    Message,
    Named,
    Noise,
    OneOf,
    Part,
    Template,
    too_many,
)
from harness.target.toml_schema import Rule, printable

LONGEST_RANGE_BYTES: Final = 4
MOST_OF_A_SEQUENCE: Final = 64

ALLOWED: Final = 'hex and placeholders, e.g. "2E 20 {00..FF}", or a list of such messages'
PLACEHOLDERS: Final = "{00..FF}, {13|2020}, {5*}, {0..64*}, {did}, {level}, {level+1} or {key}"

_TOKEN: Final = re.compile(r"\s+|[0-9A-Fa-f]{2}|\{[^{}]*\}")
_NOISE: Final = re.compile(r"(?:([0-9]{1,6})\.\.)?([0-9]{1,6})\*")
_RANGE: Final = re.compile(r"([0-9A-Fa-f]+)\.\.([0-9A-Fa-f]+)")
_KEY: Final = re.compile(r"key(?::([1-9][0-9]?))?")
_NAMES: Final = {"did": Named("did", 2), "level": Named("level", 1), "level+1": Named("level", 1, 1)}


def _send(value: object) -> Template:
    texts: Any = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Refused
    if len(texts) > MOST_OF_A_SEQUENCE:
        raise Refused(f"give a sequence of at most {MOST_OF_A_SEQUENCE} messages")
    template = Template(tuple(_message(text) for text in texts), ", then ".join(" ".join(text.split()) for text in texts))
    size = template.size_with({"did": 1, "level": 1})
    if size > MOST_MESSAGES:
        raise Refused(too_many(size))
    return template


def _message(text: str) -> Message:
    parts: list[Part] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise Refused(f'"{printable(text[at : at + 12])}" is {_complaint(text[at:])}')
        if token[0].startswith("{"):
            parts.append(_placeholder(token[0]))
            if sum(isinstance(part, KeyBytes) for part in parts) > 1:
                raise Refused("there are two keys in one message; give one")
        elif not token[0].isspace():
            parts.append(Fixed(bytes.fromhex(token[0])))
        at = token.end()
    return tuple(parts)


def _complaint(rest: str) -> str:
    if rest[0] == "{":
        return "a placeholder that does not end; give the closing }"
    if rest[:2] in ("0x", "0X"):
        return "not how bytes are given here; give the hex digits alone, without 0x"
    if re.match(r"[0-9A-Fa-f]", rest):
        return "half a byte; give two hex digits per byte"
    return f"neither hex nor a placeholder; give two hex digits per byte, or {PLACEHOLDERS}"


def _placeholder(token: str) -> Part:
    body = "".join(token[1:-1].split())
    if body in _NAMES:
        return _NAMES[body]
    if key := _KEY.fullmatch(body):
        return KeyBytes(int(key[1] or 0))
    shown = f'"{printable(token)[:40]}"'
    if noise := _NOISE.fullmatch(body):
        longest = int(noise[2])
        shortest = longest if noise[1] is None else int(noise[1])
        if not shortest <= longest <= LONGEST_MESSAGE:
            raise Refused(f"{shown}: give the smaller length first, and none above {LONGEST_MESSAGE}")
        return Noise(shortest, longest)
    alternatives = body.split("|")
    if not all(re.fullmatch(r"[0-9A-Fa-f]+(\.\.[0-9A-Fa-f]+)?", one) for one in alternatives):
        raise Refused(f"{shown} is no placeholder; give {PLACEHOLDERS}")
    part = OneOf(tuple(_span(one, shown) for one in alternatives))
    if len(alternatives) == 1 and part.count == 1:
        raise Refused(f"{shown} is one value; give it without braces, or {{{body.lstrip('0') or '1'}*}} for random bytes")
    return part


def _span(alternative: str, shown: str) -> tuple[int, int, int]:
    limits = _RANGE.fullmatch(alternative)
    first, last = (limits[1], limits[2]) if limits else (alternative, alternative)
    if len(first) % 2:
        raise Refused(f"{shown}: give two hex digits per byte")
    if len(first) != len(last) or int(first, 16) > int(last, 16):
        raise Refused(f"{shown}: give both limits as many digits, the lower one first, e.g. {{00..FF}}")
    if limits and len(first) > 2 * LONGEST_RANGE_BYTES:
        raise Refused(f"{shown}: give a range of at most {LONGEST_RANGE_BYTES} bytes")
    return int(first, 16), int(last, 16), len(first) // 2


SEND: Final = Rule(ALLOWED, _send)
