"""Find parts of a seed that follow from earlier seeds or the clock: counters, clocks, shift registers, repeated parts.

The other bits of the seed may be random. Each field is rated by how many values its next reading may have.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.linear import shortest_recurrence
from harness.analysis.parts import Part, bits_of_bytes, named_bytes
from harness.analysis.within_seeds import SURE_BITS, columns_of, dependent_columns, named_linear, sums_of_words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Octets = npt.NDArray[np.uint8]
    Words = npt.NDArray[np.uint64]
    Numbers = npt.NDArray[np.float64]

WIDEST = 8
OUTLIERS = 0.05
"""The share of steps that break the rule, e.g. if another tester requested a seed in between, or a number wrapped."""
LEAST_FIELD_BITS = 2.0
FEWEST_STEPS = 40
MANY_VALUES = 1 << 16
LONGEST_RECURRENCE_WINDOW = 512
NICE_RATES = (1, 10, 100, 128, 1000, 1024, 10_000, 32_768, 100_000, 1_000_000)
"""Usual clock rates, in ticks a second."""
RATE_TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class _Field:
    """Bytes of the seeds, read as a number, and how well one seed's number predicts the next seed's."""

    places: range
    order: str
    words: Words
    left_bits: float
    outliers: int
    what: str

    def part(self, free: Collection[int]) -> Part:
        bits = bits_of_bytes(self.places) & frozenset(free)
        verb, read = ("are", f", read {self.order}") if len(self.places) > 1 else ("is", "")
        return Part(f"{named_bytes(self.places)} {verb} {self.what}{read}", bits, min(self.left_bits, len(bits)), True)


def moving_parts(octets: Octets, follows: npt.NDArray[np.bool_], times_s: Numbers, free: Collection[int]) -> list[Part]:
    """Return fields that count, or that a clock drives, without duplicates and the best ones first.

    `follows`: for each k, whether the ECU drew seed k+1 directly after seed k. `free`: the bits that vary.
    """
    if int(follows.sum()) < FEWEST_STEPS:
        return []
    length = octets.shape[1]
    fields = [
        field
        for width in range(1, min(WIDEST, length) + 1)
        for offset in range(length - width + 1)
        for order in ("big-endian", "little-endian")[: 1 + (width > 1)]
        if (field := _field(octets, range(offset, offset + width), order, follows, times_s)) is not None
    ]
    left = set(free)
    parts: list[Part] = []
    while True:
        best = max(fields, key=lambda one: (_saved(one, left), -one.outliers, -len(one.places)), default=None)
        if best is None or _saved(best, left) < LEAST_FIELD_BITS:
            return parts
        parts.append(best.part(left))
        left -= parts[-1].bits


def _saved(field: _Field, free: Collection[int]) -> float:
    return len(bits_of_bytes(field.places) & frozenset(free)) - field.left_bits


def _field(octets: Octets, places: range, order: str, follows: npt.NDArray[np.bool_], times_s: Numbers) -> _Field | None:
    """Return the bytes as a field, if their next value is known to within a small part of the range; else None."""
    import numpy as np

    bits = 8 * len(places)
    words = _read(octets, places, order)
    steps = _steps(words, bits)[follows]
    low, window = _window(steps, bits)
    left = math.log2(window)
    count = len(steps)
    if bits - left < LEAST_FIELD_BITS:
        return None
    # The probability of so many steps in so small a window, for any window and any outliers.
    sure = (bits - left) * ((1 - OUTLIERS) * count - 2) - count * 0.3 - 2 * bits - 16
    if sure < SURE_BITS:
        return None
    outliers = count - int(((steps - np.uint64(low)) & np.uint64((1 << bits) - 1) < np.uint64(window)).sum())
    if window > 1:
        near = f"{window} values" if window <= MANY_VALUES else f"2^{left:.0f} of 2^{bits} values"
        what = f"within {near} of those of the seed before"
    else:
        down = (1 << bits) - low
        way = f"up by {low:X}" if low < down else f"down by {down:X}"
        what = f"a counter that goes {way} (hex)" if low else "as in the seed before"
    is_counter = window == 1 and bool((_steps(words, bits)[~follows] == np.uint64(low)).all())
    clock = None if is_counter else _clock(words, bits, follows, times_s, left)
    if clock is not None:
        what, left = clock
    return _Field(places, order, words, left, outliers, what)


def _read(octets: Octets, places: range, order: str) -> Words:
    import numpy as np

    words = np.zeros(len(octets), dtype=np.uint64)
    for place in places if order == "big-endian" else reversed(places):
        words = words << np.uint64(8) | octets[:, place].astype(np.uint64)
    return words


def _steps(words: Words, bits: int) -> Words:
    import numpy as np

    return (words[1:] - words[:-1]) & np.uint64((1 << bits) - 1)


def _window(steps: Words, bits: int) -> tuple[int, int]:
    """Return (first value, size) of the smallest range, modulo 2^bits, that holds all but a few of the steps."""
    import numpy as np

    size = 1 << bits
    ordered = np.sort(steps)
    held = len(ordered) - int(OUTLIERS * len(ordered))
    turned = np.concatenate([ordered, ordered])  # a range may wrap around
    spans = (turned[held - 1 : held - 1 + len(ordered)] - ordered) & np.uint64(size - 1)
    runs_over = np.arange(held - 1, held - 1 + len(ordered)) >= len(ordered)
    spans[runs_over & (spans == 0)] = np.uint64(size - 1)  # from a number all the way round to an equal one
    first = int(spans.argmin())
    return int(ordered[first]), int(spans[first]) + 1


def _clock(
    words: Words, bits: int, follows: npt.NDArray[np.bool_], times_s: Numbers, left: float
) -> tuple[str, float] | None:
    """Return the clock with a usual rate that predicts the field, in words, and how many bits are left to guess; or None."""
    import numpy as np

    if len(times_s) != len(words):
        return None
    size = 1 << bits
    half = size >> 1
    steps = _steps(words, bits)[follows]
    seconds = float(np.diff(times_s)[follows].sum())
    grown = float(np.where(steps < half, steps.astype(np.float64), steps.astype(np.float64) - size).sum())
    if seconds <= 0 or grown <= 0:
        return None
    for rate in NICE_RATES:
        ticks = np.round((times_s - times_s[0]) * rate)
        if abs(grown / seconds / rate - 1) > RATE_TOLERANCE + 2 / max(grown, 1) or ticks[-1] < 3:
            continue
        errors = (words - ticks.astype(np.uint64)) & np.uint64(size - 1)
        _, window = _window(errors, bits)
        if math.log2(window) <= max(left, 4.0) and bits - math.log2(window) >= LEAST_FIELD_BITS:
            return f"a clock of {rate} ticks a second to within {window}", math.log2(window)
    return None


def register_parts(octets: Octets, run: slice, free: Collection[int]) -> list[Part]:
    """Return bits that follow a short linear recurrence from seed to seed, as the bits of a shift register do.

    `run`: a range of seeds that the ECU drew directly one after the other.
    """
    import numpy as np

    bits = np.unpackbits(octets[run][:LONGEST_RECURRENCE_WINDOW], axis=1)
    known: dict[int, list[int]] = {}
    for place in sorted(free):
        column = bits[:, place].tolist()
        if len(column) < SURE_BITS or len(set(column)) == 1:
            continue
        length = shortest_recurrence(column).length
        if 2 * length + SURE_BITS + 16 <= len(column):
            known.setdefault(place // 8, []).append(place)
    if not known:
        return []
    places = frozenset(place for several in known.values() for place in several)
    what = f"{len(places)} bits of {named_bytes(known)} follow a shift register, or a counter, from seed to seed"
    return [Part(what, places, is_over_time=True)]


def repeated_parts(octets: Octets, follows: npt.NDArray[np.bool_]) -> list[Part]:
    """Return bits that are the XOR of bits of the previous seed."""
    import numpy as np

    if int(follows.sum()) < FEWEST_STEPS:
        return []
    both = np.hstack((octets[:-1][follows], octets[1:][follows]))
    half = 8 * octets.shape[1]
    found = dependent_columns(columns_of(both), len(both) - 1, half)
    only_before = {index: sources for index, sources in found.items() if all(source < half for source in sources)}
    named = named_linear(only_before, octets, is_next=True)
    return [Part(part.what, part.bits, is_over_time=True) for part in named]


def multiplied_parts(octets: Octets, follows: npt.NDArray[np.bool_], free: Collection[int]) -> list[Part]:
    """Return fields of congruential generators: a multiple of the field's value in the previous seed, plus a constant."""
    import numpy as np

    length = octets.shape[1]
    if int(follows.sum()) < FEWEST_STEPS:
        return []
    parts = []
    for width in (8, 4, 3, 2):
        for offset in range(length - width + 1):
            places = range(offset, offset + width)
            for order, low in (("big-endian", places[-1]), ("little-endian", places[0])):
                lowest = octets[:, low] & 1
                changes = (lowest[1:] ^ lowest[:-1])[follows]
                if not bits_of_bytes(places) <= frozenset(free) or changes.any() != changes.all():
                    continue
                words = _read(octets, places, order)
                pairs = np.stack((words[:-1][follows], words[1:][follows]), axis=1)
                for _, known_bits, factors in sums_of_words(pairs, 8 * width):
                    if known_bits == 8 * width:
                        told = f"{factors[0]:X} (hex) times those of the seed before, plus a constant"
                        what = f"{named_bytes(places)}, read {order}, are {told}"
                        parts.append(Part(what, bits_of_bytes(places), is_over_time=True))
    return parts


def longest_run(follows: Sequence[bool] | npt.NDArray[np.bool_]) -> slice:
    """Return the longest range of seeds that the ECU drew directly one after the other."""
    best, start = slice(0, 0), 0
    for index in range(len(follows) + 1):
        if index == len(follows) or not follows[index]:
            if index + 1 - start > best.stop - best.start:
                best = slice(start, index + 1)
            start = index + 1
    return best
