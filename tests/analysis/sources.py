"""Make repeatable seeds to analyse: sound ones, and seeds of predictable generators."""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice

from harness.ecu.flaws.weak_generators import lfsr16, low_bytes, minstd, whole_words, xorshift32

Source = Callable[[int], Iterator[bytes]]


@cache
def sound(count: int, length: int, run: int = 0) -> tuple[bytes, ...]:
    """Return seeds that no test can tell from chance."""
    stream = hashlib.shake_128(b"sound %d %d" % (length, run)).digest(count * length)
    return tuple(stream[start : start + length] for start in range(0, len(stream), length))


def take(source: Iterator[bytes], count: int) -> tuple[bytes, ...]:
    return tuple(islice(source, count))


def counter(length: int, *, first: int = 250, step: int = 1, order: str = "big") -> Iterator[bytes]:
    number = first
    while True:
        yield (number % 256**length).to_bytes(length, order)  # type: ignore[arg-type]
        number += step


def permuted_counter(length: int, *, step: int = 1) -> Iterator[bytes]:
    """Return the numbers of a counter whose bits are permuted, half of them inverted."""
    places = sorted(range(8 * length), key=lambda place: hashlib.md5(b"%d" % place).digest())
    mask = int.from_bytes(hashlib.shake_128(b"mask").digest(length), "big")
    for seed in counter(length, step=step):
        number = int.from_bytes(seed, "big")
        moved = sum((number >> place & 1) << new for place, new in enumerate(places))
        yield (moved ^ mask).to_bytes(length, "big")


def gray_code(length: int) -> Iterator[bytes]:
    number = 0
    while True:
        yield (number ^ number >> 1).to_bytes(length, "big")
        number += 1


def congruential(length: int) -> Iterator[bytes]:
    number = 3
    while True:
        number = (number * 6364136223846793005 + 1442695040888963407) % 256**length
        yield number.to_bytes(length, "big")


def shift_register(length: int, state: int = 77) -> Iterator[bytes]:
    generator = lfsr16(state)
    while True:
        yield low_bytes(generator, length)


def xorshift(length: int) -> Iterator[bytes]:
    generator = xorshift32(77)
    while True:
        yield whole_words(generator, length)


def minimal_standard(length: int) -> Iterator[bytes]:
    generator = minstd(77)
    while True:
        yield whole_words(generator, length)
