"""What a case sends: hex with placeholders, in one message or in a list of them, and the steps that they stand for.

    message      hex digits in pairs and placeholders, with or without spaces between them
    {00..FF}     every value from the first to the last, both included; one to four bytes, both limits as many
    {13|2020}    alternatives in hex, of any length; an alternative may be a range too: {00..0F|F0..FF}
    {5*}         this many random bytes; the number is decimal
    {0..64*}     random bytes in every length from the first to the last; both decimal
    {did}        each data identifier of the target, two bytes
    {level}      each security level of the target: the byte that requests its seed
    {level+1}    the byte that sends the key of the same level
    {key}        the right key for the seed that is pending when the message is sent; {key:3} is its first three bytes

A list of messages is a sequence, sent as a whole for each combination. Combinations are the product of all placeholders,
of which the last varies fastest; `{did}` and `{level}` have one value each wherever they stand in a case.
Steps are made one by one; the same chance gives the same steps.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, NamedTuple

from harness.errors import NotApplicable, Refused
from harness.fuzz.keyed import USUAL_BYTES, Keyed
from harness.link.clock import Chance
from harness.target import Target
from harness.target.toml_schema import Rule, printable

MOST_MESSAGES: Final = 100_000
"""The largest number of messages of one case, all messages of a sequence counted; they take minutes on a real bus."""

LONGEST_MESSAGE: Final = 4095
LONGEST_FRAME: Final = 8


class SentStep(NamedTuple):
    """The messages of one combination, in order."""

    messages: tuple[bytes, ...]
    level: int | None = None
    """The level for which `{level}` stands in this combination."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part of a message whose bytes are constant."""

    content: bytes


@dataclass(frozen=True, slots=True)
class OneOf:
    """A part of a message with one of several values: ranges of big-endian numbers, with first, last and length in bytes."""

    spans: tuple[tuple[int, int, int], ...]

    @property
    def count(self) -> int:
        """The number of values."""
        return sum(last - first + 1 for first, last, _ in self.spans)

    def pick(self, index: int) -> bytes:
        """Return the value with this number, from 0."""
        for first, last, length in self.spans:
            if index <= last - first:
                return (first + index).to_bytes(length, "big")
            index -= last - first + 1
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Noise:
    """A part of a message that is random, in each length from `shortest` to `longest`."""

    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class Named:
    """A part of a message that is a declared ``did`` or ``level``, as a number of `length` bytes, with `plus` added."""

    name: str
    length: int
    plus: int = 0


@dataclass(frozen=True, slots=True)
class KeyBytes:
    """A part of a message that is the right key for the pending seed, or its first `count` bytes; 0: all of it."""

    count: int


Part = Fixed | OneOf | Noise | Named | KeyBytes
Message = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """All messages of a case in TOML, with their placeholders."""

    messages: tuple[Message, ...]
    text: str

    def size(self, target: Target) -> int:
        """Return the number of messages for a target, all messages of a sequence counted."""
        return self.size_with({name: len(numbers) for name, numbers in _numbers(target).items()})

    def size_with(self, declared: dict[str, int]) -> int:
        """Return the number of messages for a target that declares this many values of each name."""
        return math.prod(_counts(self.messages, declared)) * len(self.messages)

    def steps(self, target: Target, chance: Chance) -> Iterator[SentStep]:
        """Yield every combination in order.

        Raises NotApplicable if the target declares nothing that a placeholder could stand for.
        """
        numbers = _numbers(target)
        slots: dict[object, int] = {}
        sizes: list[int] = []
        plan: list[list[tuple[Callable[[int], bytes], int]]] = []
        for message in self.messages:
            row = []
            for part in message:
                key: object = part.name if isinstance(part, Named) else object()
                slot = slots.setdefault(key, len(sizes))
                if slot == len(sizes):
                    sizes.append(_count(part, {name: len(found) for name, found in numbers.items()}))
                row.append((_renderer(part, numbers, chance), slot))
            plan.append(row)
        for name in ("did", "level"):
            if name in slots and not numbers[name]:
                raise NotApplicable(f"the target declares no {'data' if name == 'did' else 'security level'} to try it on")
        level_slot = slots.get("level")
        for picks in product(*map(range, sizes)):
            messages = tuple(_joined([render(picks[slot]) for render, slot in row]) for row in plan)
            yield SentStep(messages, None if level_slot is None else numbers["level"][picks[level_slot]])

    @property
    def has_level(self) -> bool:
        """Whether the template has a placeholder for the declared levels."""
        return any(isinstance(part, Named) and part.name == "level" for message in self.messages for part in message)

    def is_random_before(self, offset: int) -> bool:
        """Whether any byte of a message before this position is random."""
        return any(_noise_offset(message) < offset for message in self.messages)

    def __str__(self) -> str:
        return self.text


def _noise_offset(message: Message) -> float:
    at = 0
    for part in message:
        if isinstance(part, Noise):
            return at
        at += _shortest(part)
    return math.inf


def _joined(parts: list[bytes]) -> bytes:
    """Join parts to one message; one part may stand for a key."""
    for number, part in enumerate(parts):
        if isinstance(part, Keyed):
            return Keyed.of(b"".join(parts[:number]), b"".join(parts[number + 1 :]), part.key_bytes)
    return b"".join(parts)


def _numbers(target: Target) -> dict[str, list[int]]:
    return {"did": [entry.did for entry in target.data], "level": [entry.level for entry in target.security]}


def _renderer(part: Part, numbers: dict[str, list[int]], chance: Chance) -> Callable[[int], bytes]:
    match part:
        case Fixed(content):
            return lambda index: content
        case OneOf():
            return part.pick
        case Noise(shortest, _):
            return lambda index: chance.random_bytes(shortest + index)
        case KeyBytes(count):
            return lambda index: Keyed.of(b"", key_bytes=count)
        case Named(name, length, plus):
            return lambda index: (numbers[name][index] + plus).to_bytes(length, "big")


def _count(part: Part, declared: dict[str, int]) -> int:
    match part:
        case Fixed() | KeyBytes():
            return 1
        case OneOf():
            return part.count
        case Noise(shortest, longest):
            return longest - shortest + 1
        case Named(name):
            return declared[name]


def _counts(messages: tuple[Message, ...], declared: dict[str, int]) -> list[int]:
    """Return the number of values of each placeholder that varies by itself."""
    parts = [part for message in messages for part in message]
    alone = [_count(part, declared) for part in parts if not isinstance(part, Named)]
    return alone + [declared[name] for name in {part.name for part in parts if isinstance(part, Named)}]


def too_many(size: int) -> str:
    """Return the advice for a case with more than `MOST_MESSAGES`."""
    return (
        f"that is {size if size < 10**18 else 'far too many'} messages; give placeholders that make at most {MOST_MESSAGES}"
    )


def refuse_lengths(template: Template, *, is_raw: bool) -> str:
    """Return what is wrong with the possible lengths of messages, or of raw data fields; empty if nothing is."""
    for message in template.messages:
        shortest, longest = sum(_shortest(part) for part in message), sum(_longest(part) for part in message)
        if is_raw and longest > LONGEST_FRAME:
            return f"as raw frames, up to {longest} bytes; give at most {LONGEST_FRAME}"
        if not is_raw and longest > LONGEST_MESSAGE:
            return f"with up to {longest} bytes; give messages of at most {LONGEST_MESSAGE}"
        if not is_raw and not shortest:
            return "with a message that can be empty; give one byte at least, or raw = true for a frame without data"
    return ""


def _shortest(part: Part) -> int:
    match part:
        case Fixed(content):
            return len(content)
        case OneOf(spans):
            return min(length for _, _, length in spans)
        case Noise(shortest, _):
            return shortest
        case KeyBytes(count):
            return count or USUAL_BYTES
        case Named(_, length, _):
            return length


def _longest(part: Part) -> int:
    if isinstance(part, OneOf):
        return max(length for _, _, length in part.spans)
    return part.longest if isinstance(part, Noise) else _shortest(part)


# Reading it from text

LONGEST_RANGE_BYTES: Final = 4
MOST_OF_A_SEQUENCE: Final = 1000

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
    mistakes: list[str] = []
    messages = tuple(_message(text, mistakes) for text in texts)
    if mistakes:
        raise Refused("; ".join(dict.fromkeys(mistakes)))
    template = Template(messages, ", then ".join(" ".join(text.split()) for text in texts))
    size = template.size_with({"did": 1, "level": 1})
    if size > MOST_MESSAGES:
        raise Refused(too_many(size))
    return template


def _message(text: str, mistakes: list[str]) -> Message:
    """Read one message, and add each mistake in it to `mistakes`. Reading ends at what is neither hex nor a placeholder."""
    parts: list[Part] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            mistakes.append(f'"{printable(text[at : at + 12])}" is {_complaint(text[at:])}')
            break
        if token[0].startswith("{"):
            try:
                parts.append(_placeholder(token[0]))
            except Refused as refused:
                mistakes.append(str(refused))
        elif not token[0].isspace():
            parts.append(Fixed(bytes.fromhex(token[0])))
        at = token.end()
    if sum(isinstance(part, KeyBytes) for part in parts) > 1:
        mistakes.append("there are two keys in one message; give one")
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
