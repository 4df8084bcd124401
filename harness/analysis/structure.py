"""Estimate how much of a seed is random: the bits that follow from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.analysis.over_time import longest_run, moving_parts, multiplied_parts, register_parts, repeated_parts
from harness.analysis.parts import LEAST_SAVED_BITS, Part, Structure
from harness.analysis.within_seeds import (
    columns_of,
    constant_parts,
    dependent_columns,
    named_linear,
    narrow_parts,
    table_parts,
    tied_bytes,
    word_parts,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST_SEEDS = 50
LONGEST_GAP = 4.0
"""The number of usual pauses between two seeds beyond which they were not requested in a row."""


def structure_of(seeds: Sequence[bytes], times_s: Sequence[float] = (), starts: Sequence[int] = (0,)) -> Structure:
    """Estimate which bits of each seed are random. All seeds must have one length.

    `times_s`: when each seed came, in seconds. `starts`: the indices of seeds with which a session, and perhaps the
    generator, began anew.
    """
    import numpy as np

    length_bits = 8 * len(seeds[0]) if seeds else 0
    distinct = list(dict.fromkeys(seeds))
    if len(distinct) < FEWEST_SEEDS:
        return Structure(length_bits, ())
    octets = np.frombuffer(b"".join(distinct), dtype=np.uint8).reshape(len(distinct), -1)
    in_order = np.frombuffer(b"".join(seeds), dtype=np.uint8).reshape(len(seeds), -1)
    times = np.asarray(times_s, dtype=np.float64)
    follows = _in_a_row(len(seeds), starts, times)
    free = set(range(length_bits))

    parts = _take(constant_parts(octets), free)
    parts += _take(moving_parts(in_order, follows, times, free), free)
    parts += _take(multiplied_parts(in_order, follows, free), free)
    parts += _take(register_parts(in_order, longest_run(follows), free), free)
    over_time = {bit // 8 for part in parts for bit in part.bits}
    dependent = dependent_columns(columns_of(octets), len(octets) - 1)
    linear = named_linear(dependent, octets)
    words = word_parts(octets, tied_bytes(dependent)) if _whole_bytes(free - _bits(linear)) else []
    parts += _take_most_telling([*linear, *words], free)
    parts += _take(repeated_parts(in_order, follows), free)
    parts += _take(table_parts(octets, _whole_bytes(free), over_time), free)
    parts += _take(narrow_parts(octets, free), free)
    return Structure(length_bits, tuple(parts))


def _in_a_row(count: int, starts: Sequence[int], times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return for each k whether seed k+1 came directly after seed k, within one session and without a pause."""
    import numpy as np

    follows = np.ones(count - 1, dtype=bool)
    follows[[start - 1 for start in starts if 0 < start < count]] = False
    if len(times_s) == count:
        gaps = np.diff(times_s)
        follows &= gaps <= LONGEST_GAP * np.median(gaps)
    return follows


def _bits(parts: Sequence[Part]) -> frozenset[int]:
    return frozenset[int]().union(*(part.bits for part in parts))


def _whole_bytes(free: set[int]) -> list[int]:
    """Return the bytes of which no bit has been explained yet."""
    return [place for place in sorted({bit // 8 for bit in free}) if all(8 * place + bit in free for bit in range(8))]


def _take(parts: Sequence[Part], free: set[int]) -> list[Part]:
    """Accept the parts that explain bits which are still free, and remove those bits from `free`."""
    taken = []
    for part in parts:
        bits = part.bits & free
        left = min(part.left_bits, float(len(bits)))
        if len(bits) - left >= LEAST_SAVED_BITS:
            taken.append(Part(part.what, bits, left, part.is_over_time))
            free -= bits
    return taken


def _take_most_telling(parts: Sequence[Part], free: set[int]) -> list[Part]:
    """Accept parts as `_take` does, first those that explain most bits; of two equal ones, the simpler first."""
    waiting, taken = list(parts), []
    while waiting:
        best = min(waiting, key=lambda part: (-len(part.bits & free), len(part.what)))
        waiting.remove(best)
        taken += _take([best], free)
    return taken
