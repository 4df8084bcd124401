"""Find the shift register that makes given bits: Berlekamp-Massey over GF(2), on Python's long integers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The shortest linear recurrence of a sequence: each bit is the parity of some of the `length` bits before it."""

    length: int
    taps: int
    """A mask: bit j is set if the bit j before the next one is part of the parity; bit 0 stands for the next bit itself."""

    def continued(self, bits: Sequence[int], count: int) -> list[int]:
        """Return the next `count` bits of the sequence."""
        recent = 0
        for bit in bits[-self.length :] if self.length else ():
            recent = recent << 1 | bit
        mask = (1 << self.length) - 1
        following = []
        for _ in range(count):
            bit = (self.taps >> 1 & recent).bit_count() & 1
            following.append(bit)
            recent = (recent << 1 | bit) & mask
        return following


def shortest_recurrence(bits: Iterable[int]) -> Recurrence:
    """Find the shortest recurrence by Berlekamp-Massey. For `n` random bits its length is about n / 2."""
    taps, before = 1, 1
    length, gap, recent = 0, 1, 0
    for index, bit in enumerate(bits):
        recent = recent << 1 | bit
        if (taps & recent).bit_count() & 1:
            shifted = before << gap
            if 2 * length <= index:
                taps, before = taps ^ shifted, taps
                length = index + 1 - length
                gap = 1
                continue
            taps ^= shifted
        gap += 1
    return Recurrence(length, taps)


def shortness_probability(length: int, bits: int) -> float:
    """Return an upper bound for the probability that `bits` random bits have a recurrence of at most this length."""
    return min(1.0, 2.0 ** (2 * length - bits + 1))
