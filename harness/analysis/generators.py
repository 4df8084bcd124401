"""Compute well-known random generators with numpy, for many starting values at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from harness.analysis.mersenne import LOWER, MIDDLE, UPPER, WORDS, tempered, twisted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]

MASK32 = 0xFFFFFFFF
MERSENNE31 = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Congruential:
    """A generator with state = (factor * state + addend) mod 2^bits; its output is the state without `shift` lowest bits."""

    name: str
    factor: int
    addend: int
    bits: int
    shift: int

    def outputs(self, starts: Numbers) -> Iterator[Numbers]:
        """Yield one output after the other, each for all starting values at once."""
        import numpy as np

        mask = np.uint64((1 << self.bits) - 1)
        state = starts & mask
        while True:
            state = (state * np.uint64(self.factor) + np.uint64(self.addend)) & mask
            yield state >> np.uint64(self.shift)


RAND = (
    Congruential("rand() of the C standard", 1103515245, 12345, 31, 16),
    Congruential("rand() of Microsoft's C library", 214013, 2531011, 31, 16),
    Congruential("rand() of newlib", 6364136223846793005, 1, 63, 32),
    Congruential("glibc's random() with the smallest state", 1103515245, 12345, 31, 0),
)
"""Congruential generators of C libraries, which srand() starts; most of them hide the low bits of their state."""


def minstd(factor: int) -> Callable[[Numbers], Iterator[Numbers]]:
    """Return Park and Miller's generator with one of its factors."""

    def outputs(starts: Numbers) -> Iterator[Numbers]:
        import numpy as np

        state = starts % np.uint64(MERSENNE31)
        state = np.where(state == 0, np.uint64(1), state)
        while True:
            state = state * np.uint64(factor) % np.uint64(MERSENNE31)
            yield state

    return outputs


def xorshift32(starts: Numbers) -> Iterator[Numbers]:
    """Yield the outputs of Marsaglia's generator with shifts 13, 17 and 5."""
    import numpy as np

    state = starts.astype(np.uint32)
    while True:
        state = state ^ (state << np.uint32(13))
        state = state ^ (state >> np.uint32(17))
        state = state ^ (state << np.uint32(5))
        yield state.astype(np.uint64)


def glibc_random(starts: Numbers) -> Iterator[Numbers]:
    """Yield the outputs of glibc's ``rand()`` after ``srand()``: an additive generator of 31 words."""
    import numpy as np

    first = np.where(starts == 0, np.uint64(1), starts & np.uint64(MASK32)).astype(np.int64)
    signed = np.where(first > MERSENNE31, first - (1 << 32), first)
    second = np.fmod(signed * 16807, MERSENNE31)  # C's remainder: the starting value may be negative
    word = np.where(second < 0, second + MERSENNE31, second).astype(np.uint64)
    words = [signed.astype(np.uint32), word.astype(np.uint32)]
    other, modulus = np.empty_like(word), np.uint64(MERSENNE31)
    for _ in range(29):
        word *= np.uint64(16807)
        np.bitwise_and(word, modulus, out=other)
        word >>= np.uint64(31)
        word += other  # 2^31 is 1 modulo 2^31 - 1
        np.minimum(word, np.subtract(word, modulus, out=other), out=word)  # below zero it wraps, and is the larger one
        words.append(word.astype(np.uint32))
    for index in count(34):  # words 31 to 33 are the first three once more
        words[index % 31] += words[(index - 3) % 31]
        if index >= 344:
            yield (words[index % 31] >> np.uint32(1)).astype(np.uint64)


def mersenne_by_number(starts: Numbers) -> Iterator[Numbers]:
    """Yield outputs of MT19937 started from one number, as C++'s mt19937 and PHP's mt_srand start it."""
    import numpy as np

    state = [starts.astype(np.uint32)]
    for index in range(1, WORDS):
        state.append(_spread(state[-1], 1812433253) + np.uint32(index))
    return _mersenne_outputs(state)


def mersenne_by_array(starts: Numbers) -> Iterator[Numbers]:
    """Yield outputs of MT19937 started from an array of one number, as by Python's ``random.seed(int)`` below 2^32."""
    import numpy as np

    key = starts.astype(np.uint32)
    state = [np.full(len(starts), 19650218, dtype=np.uint32)]
    for index in range(1, WORDS):
        state.append(_spread(state[-1], 1812433253) + np.uint32(index))
    place = 1
    for _ in range(WORDS):
        state[place] = (state[place] ^ _spread(state[place - 1], 1664525)) + key
        place = _next_place(state, place)
    for _ in range(WORDS - 1):
        state[place] = (state[place] ^ _spread(state[place - 1], 1566083941)) - np.uint32(place)
        place = _next_place(state, place)
    state[0] = np.full(len(starts), UPPER, dtype=np.uint32)
    return _mersenne_outputs(state)


def _spread(word: npt.NDArray[np.uint32], factor: int) -> npt.NDArray[np.uint32]:
    import numpy as np

    return (word ^ (word >> np.uint32(30))) * np.uint32(factor)


def _next_place(state: list[npt.NDArray[np.uint32]], place: int) -> int:
    if place + 1 < WORDS:
        return place + 1
    state[0] = state[-1]
    return 1


def _mersenne_outputs(state: list[npt.NDArray[np.uint32]]) -> Iterator[Numbers]:
    """Yield the first 227 outputs, for which no word of the next state is needed."""
    import numpy as np

    for index in range(WORDS - MIDDLE):
        both = (state[index] & np.uint32(UPPER)) | (state[index + 1] & np.uint32(LOWER))
        yield tempered(state[index + MIDDLE] ^ twisted(both)).astype(np.uint64)


STARTED: dict[str, Callable[[Numbers], Iterator[Numbers]]] = {
    **{one.name: one.outputs for one in RAND},
    "minstd_rand0": minstd(16807),
    "minstd_rand": minstd(48271),
    "xorshift32": xorshift32,
    "rand() of glibc": glibc_random,
    "MT19937 started from a number": mersenne_by_number,
    "Python's random": mersenne_by_array,
}
"""By name of a generator: the function from starting values to its outputs."""

SLOW_TO_START = frozenset({"MT19937 started from a number", "Python's random"})
"""Names of generators that take so long to start that only a few thousand of their starting values are tried."""

WHOLE_STATE: dict[str, Callable[[Numbers], Iterator[Numbers]]] = {
    "xorshift32": xorshift32,
    "minstd_rand0": minstd(16807),
    "minstd_rand": minstd(48271),
    "the congruential generator of Numerical Recipes": Congruential("", 1664525, 1013904223, 32, 0).outputs,
    "the congruential generator of the C standard": Congruential("", 1103515245, 12345, 31, 0).outputs,
}
"""By name: generators whose output is their whole state, so that one output determines the next."""
