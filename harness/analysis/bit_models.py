"""Predict each bit position of the seeds by a rule of its own.

This finds shift registers, xorshift and other generators that are linear over GF(2), and counters whose bits were permuted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.analysis.linear import shortest_recurrence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SPARE_BITS = 16
"""How many bits a rule must predict correctly, beyond those from which the rule was made."""

RARE_CHANGES = 3
"""How often a bit may have changed for the prediction that it stays as it is."""


def by_columns(known: Sequence[bytes], count: int) -> list[bytes] | None:
    """Predict each bit position by a rule of its own; None if some position follows no rule.

    It finds shift registers, xorshift and other generators linear over GF(2), and counters whose bits were permuted.
    """
    length, told = len(known[0]), [0] * count
    for column in _columns(known):
        following = column_continued(column, count)
        if following is None:
            return None
        told = [number << 1 | bit for number, bit in zip(told, following, strict=True)]
    return [number.to_bytes(length, "big") for number in told]


def column_continued(bits: list[int], count: int) -> list[int] | None:
    """Predict the next `count` bits of one position by the simplest rule that all bits so far follow; None if none fits."""
    if changes(bits) == 0:
        return [bits[-1]] * count
    half = _half_period(bits)
    if half:
        following = list(bits[-half:])
        for _ in range(count):
            following.append(1 - following[-half])
        return following[half:]
    recurrence = shortest_recurrence(bits)
    if 2 * recurrence.length + SPARE_BITS <= len(bits):
        return recurrence.continued(bits, count)
    return [bits[-1]] * count if changes(bits) <= RARE_CHANGES else None


def _half_period(bits: list[int]) -> int:
    """Return after how many steps, a power of two, the bit is always inverted, as in a counter; 0 if it never is."""
    half = 1
    while half + SPARE_BITS <= len(bits):
        if all(a != b for a, b in zip(bits, bits[half:], strict=False)):
            return half
        half *= 2
    return 0


def _columns(seeds: Sequence[bytes]) -> list[list[int]]:
    """Return the bits of each position, the most significant bit of the first byte first."""
    columns: list[list[int]] = _bit_matrix(seeds).T.tolist()
    return columns


def liveliest_column(seeds: Sequence[bytes]) -> list[int]:
    """Return the bits of the position that changes most often."""
    matrix = _bit_matrix(seeds)
    liveliest = (matrix[1:] != matrix[:-1]).sum(axis=0).argmax()
    column: list[int] = matrix[:, liveliest].tolist()
    return column


def _bit_matrix(seeds: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    import numpy as np

    octets = np.frombuffer(b"".join(seeds), dtype=np.uint8).reshape(len(seeds), -1)
    return np.unpackbits(octets, axis=1)


def changes(bits: list[int]) -> int:
    """Count how often a bit differs from the one before it."""
    return sum(a != b for a, b in pairwise(bits))
