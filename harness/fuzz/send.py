"""Which messages does a case send? A template, and its steps made one by one, the same ones for the same chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from harness.errors import NotApplicable
from harness.fuzz.keyed import USUAL_BYTES, Keyed
from harness.link.clock import Chance
from harness.target import Target

MOST_MESSAGES: Final = 100_000
"""Of one case, sequences counted message by message: minutes on a real bus."""

LONGEST_MESSAGE: Final = 4095
LONGEST_FRAME: Final = 8


class SentStep(NamedTuple):
    """One combination: what is sent, one message after the other."""

    messages: tuple[bytes, ...]
    level: int | None = None
    """The level that `{level}` stands for."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Bytes as they are."""

    content: bytes


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several values: spans of big-endian numbers, each with its first, its last and its length in bytes."""

    spans: tuple[tuple[int, int, int], ...]

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(last - first + 1 for first, last, _ in self.spans)

    def pick(self, index: int) -> bytes:
        """The value with this number, from 0."""
        for first, last, length in self.spans:
            if index <= last - first:
                return (first + index).to_bytes(length, "big")
            index -= last - first + 1
        raise IndexError(index)


@dataclass(frozen=True, slots=True)
class Noise:
    """Random bytes, in each length from `shortest` to `longest`."""

    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class Named:
    """What the target declares: ``did`` or ``level``, as a number of `length` bytes, with `plus` added."""

    name: str
    length: int
    plus: int = 0


@dataclass(frozen=True, slots=True)
class KeyBytes:
    """The right key of the pending seed, or its first `count` bytes; 0: all of it."""

    count: int


Part = Fixed | OneOf | Noise | Named | KeyBytes
Message = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """All that a case of TOML sends."""

    messages: tuple[Message, ...]
    text: str

    def size(self, target: Target) -> int:
        """How many messages it means for a target, sequences counted message by message."""
        return self.size_with({name: len(numbers) for name, numbers in _numbers(target).items()})

    def size_with(self, declared: dict[str, int]) -> int:
        """The same for a target that declares so many of each name."""
        return math.prod(_counts(self.messages, declared)) * len(self.messages)

    def steps(self, target: Target, chance: Chance) -> Iterator[SentStep]:
        """Every combination in order. NotApplicable: the target declares nothing that a placeholder could stand for."""
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

    def is_random_before(self, offset: int) -> bool:
        """Whether chance decides any byte of a message before this offset."""
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
    """The message that parts make; one of them may stand for a key."""
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
    """One number for each placeholder that varies by itself."""
    parts = [part for message in messages for part in message]
    alone = [_count(part, declared) for part in parts if not isinstance(part, Named)]
    return alone + [declared[name] for name in {part.name for part in parts if isinstance(part, Named)}]


def too_many(size: int) -> str:
    """The advice to whoever asks for more than `MOST_MESSAGES`."""
    return (
        f"that is {size if size < 10**18 else 'far too many'} messages; give placeholders that make at most {MOST_MESSAGES}"
    )


def refuse_lengths(template: Template, *, is_raw: bool) -> str:
    """What is wrong with how long the messages, or the data fields of raw frames, can become; empty if nothing is."""
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
