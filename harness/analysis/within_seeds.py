"""Find parts of a seed that follow from its other parts: constants, copies, XOR, sums, checksums, tables.

An exact relation is reported only if random seeds would show it once in 2^SURE_BITS, all positions together; a table only
within `FALSE_ALARM`. A hash of many bytes is not found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from harness.analysis.collisions import collisions
from harness.analysis.parts import Part, bits_of_bytes, in_hex, named_bytes
from harness.analysis.tails import binomial_tail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Octets = npt.NDArray[np.uint8]
    Words = npt.NDArray[np.uint64]

SURE_BITS = 40
FALSE_ALARM = 1e-7
"""The probability that all tables together give a false alarm, before a second sample confirms the alarm."""

WIDTHS = (8, 4, 3, 2, 1)
"""Lengths, in bytes, of the words that are compared as numbers."""
MOST_LEFT_BITS = 4.0
"""How many bits of a byte may be left to guess if the byte still counts as following from another one."""
FEWEST_PAIRS = 12
PAIRS_FROM_SEEDS = 700
"""How many seeds it takes to look for functions of two bytes; in fewer seeds, two bytes hardly ever repeat together."""
PAIRS_UP_TO_BYTES = 20


def constant_parts(octets: Octets) -> list[Part]:
    """Return bits that are the same in every seed."""
    import numpy as np

    count, length = octets.shape
    if count < SURE_BITS + (8 * length).bit_length():
        return []
    varies = np.bitwise_or.reduce(octets ^ octets[0], axis=0)
    parts = []
    whole = [place for place in range(length) if not varies[place]]
    for run in _runs(whole):
        verb = "is" if len(run) == 1 else "are"
        what = f"{named_bytes(run)} {verb} {in_hex(octets[0, run].tolist())} in every seed"
        parts.append(Part(what, bits_of_bytes(run)))
    by_mask: dict[int, list[int]] = {}
    for place in range(length):
        if varies[place] and varies[place] != 0xFF:
            by_mask.setdefault(int(varies[place]) ^ 0xFF, []).append(place)
    for mask, places in by_mask.items():
        still = [7 - bit for bit in range(8) if mask >> bit & 1]
        named = f"bit {7 - still[0]}" if len(still) == 1 else f"bits {', '.join(str(7 - bit) for bit in reversed(still))}"
        verb = "never changes" if len(still) == 1 else "never change"
        bits = frozenset(8 * place + bit for place in places for bit in still)
        parts.append(Part(f"{named} of {named_bytes(places)} {verb}", bits))
    return parts


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


# Bits that are the XOR of others


def dependent_columns(columns: Sequence[int], rows: int, first: int = 0) -> dict[int, frozenset[int]]:
    """Find the columns from `first` on that are the XOR of earlier columns; return, for each, those earlier columns.

    A column is an integer of `rows` bits, one for each seed, relative to the first seed, so that constants do not matter.
    Columns of zeros are left out. If there are too few rows for all columns, each bit is compared only with the same bit of
    other bytes, apart from copies.
    """
    found: dict[int, frozenset[int]] = {}
    spare = SURE_BITS + len(columns).bit_length()
    known: dict[int, int] = {}
    for index, column in enumerate(columns):
        if column and rows >= spare + len(columns).bit_length():
            if index >= first and column in known:
                found[index] = frozenset((known[column],))
            known.setdefault(column, index)
    groups: list[Collection[int]] = [range(len(columns))]
    if rows < len(columns) + spare:
        groups = [range(bit, len(columns), 8) for bit in range(8)]
    for group in groups:
        if rows >= len(group) + spare:
            for index, sources in _eliminated(columns, group).items():
                if index >= first:
                    found.setdefault(index, sources)
    return found


def _eliminated(columns: Sequence[int], group: Collection[int]) -> dict[int, frozenset[int]]:
    """Eliminate column by column (Gauss); return which are the XOR of earlier columns of the group, and of which."""
    basis: dict[int, tuple[int, int]] = {}
    found = {}
    for index in group:
        vector, made_of = columns[index], 1 << index
        if not vector:
            continue
        while vector:
            pivot = vector.bit_length()
            if pivot not in basis:
                basis[pivot] = vector, made_of
                break
            vector ^= basis[pivot][0]
            made_of ^= basis[pivot][1]
        else:
            sources = made_of ^ 1 << index
            found[index] = frozenset(place for place in range(sources.bit_length()) if sources >> place & 1)
    return found


def columns_of(octets: Octets) -> list[int]:
    """Return an integer for each bit position, whose bit k is set if seed k differs from the first seed in that position."""
    import numpy as np

    bits = np.unpackbits(octets ^ octets[0], axis=1)
    packed = np.packbits(bits, axis=0, bitorder="little").T
    return [int.from_bytes(column.tobytes(), "little") for column in packed]


def tied_bytes(found: Mapping[int, frozenset[int]]) -> set[tuple[int, int]]:
    """Return pairs of bytes whose lowest bits are equal, or always opposite, by the dependent columns in `found`."""
    lowest = {index: min(sources) for index, sources in found.items() if len(sources) == 1 and index % 8 == 7}
    return {(source // 8, index // 8) for index, source in lowest.items() if source % 8 == 7}


def named_linear(found: Mapping[int, frozenset[int]], octets: Octets, *, is_next: bool = False) -> list[Part]:
    """Describe, as parts of a seed, which bits are the XOR of which other bits.

    `is_next`: whether the columns are those of the previous seed followed by those of the seed.
    """
    length = octets.shape[1]
    shift = 8 * length if is_next else 0
    before = " of the seed before" if is_next else ""
    by_byte: dict[int, dict[int, frozenset[int]]] = {}
    for index, sources in found.items():
        by_byte.setdefault((index - shift) // 8, {})[index - shift] = sources
    plain: dict[int, int] = {}
    mixed: list[int] = []
    parts = []
    for place, bits in by_byte.items():
        source = _copied_byte(bits)
        if source is not None:
            plain[place] = source
        elif len(bits) == 8:
            mixed.append(place)
        else:
            what = f"{len(bits)} bit{'s' * (len(bits) > 1)} of byte {place} {'are' if len(bits) > 1 else 'is'}"
            parts.append(Part(f"{what} an XOR of bits of {_sources(bits, length)}{before}", frozenset(bits)))
    for run in _runs(sorted(mixed)):
        verb = "is" if len(run) == 1 else "are"
        every = {bit: several for place in run for bit, several in by_byte[place].items()}
        what = f"{named_bytes(run)} {verb} an XOR of bits of {_sources(every, length)}{before}"
        parts.append(Part(what, frozenset(every)))
    for run in _copied_runs(plain):
        originals = [plain[place] % length for place in run]
        mask: list[int] = [] if is_next else (octets[0, run] ^ octets[0, originals]).tolist()
        verb = "is" if len(run) == 1 else "are"
        tail = f" XOR {in_hex(mask)}" if any(mask) else ""
        parts.append(Part(f"{named_bytes(run)} {verb} {named_bytes(originals)}{before}{tail}", bits_of_bytes(run)))
    return sorted(parts, key=lambda part: min(part.bits))


def _sources(bits: Mapping[int, frozenset[int]], length: int) -> str:
    return named_bytes(one // 8 % length for several in bits.values() for one in several)


def _copied_byte(bits: dict[int, frozenset[int]]) -> int | None:
    """Return the byte of which the eight `bits` are a copy, each at the same position; None if there is no such byte."""
    sources = {next(iter(several)) // 8 for bit, several in bits.items() if len(several) == 1}
    is_straight = all(len(several) == 1 and next(iter(several)) % 8 == bit % 8 for bit, several in bits.items())
    return sources.pop() if len(bits) == 8 and is_straight and len(sources) == 1 else None


def _copied_runs(plain: dict[int, int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in sorted(plain):
        if runs and place == runs[-1][-1] + 1 and plain[place] == plain[runs[-1][-1]] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


# Words that are sums of others


@dataclass(frozen=True, slots=True)
class _Layout:
    """How some bytes of a seed are read as numbers."""

    width: int
    offsets: tuple[int, ...]
    order: str

    def read(self, octets: Octets) -> Words:
        """Return one column for each word, with the word's value in each seed."""
        import numpy as np

        columns = np.zeros((len(octets), len(self.offsets)), dtype=np.uint64)
        for step in range(self.width):
            place = step if self.order == "big-endian" else self.width - 1 - step
            columns = columns << np.uint64(8) | octets[:, [offset + place for offset in self.offsets]].astype(np.uint64)
        return columns

    def places(self, index: int) -> range:
        """Return the positions of the bytes of one word."""
        return range(self.offsets[index], self.offsets[index] + self.width)


def _layouts(length: int, tied: Collection[tuple[int, int]]) -> Iterator[_Layout]:
    """Yield words side by side from each offset, and pairs of words whose lowest bits depend on each other."""
    for width in WIDTHS:
        for order in ("big-endian", "little-endian")[: 1 + (width > 1)]:
            for phase in range(width):
                offsets = tuple(range(phase, length - width + 1, width))
                if len(offsets) > 1:
                    yield _Layout(width, offsets, order)
            for low, other in tied:
                back = width - 1 if order == "big-endian" else 0
                a, b = low - back, other - back
                if width > 1 and min(a, b) >= 0 and max(a, b) + width <= length and abs(a - b) >= width:
                    yield _Layout(width, (min(a, b), max(a, b)), order)


def word_parts(octets: Octets, tied: Collection[tuple[int, int]] = ()) -> list[Part]:
    """Find words that are sums of multiples of other words of the same seed, and perhaps a constant, modulo 2^bits.

    `tied`: pairs of bytes whose lowest bits depend on each other; each may be the low byte of a word, in any place.
    """
    found = []
    for layout in _layouts(octets.shape[1], tied):
        words = layout.read(octets)
        for index, known_bits, factors in sums_of_words(words, 8 * layout.width):
            places = list(layout.places(index))
            ordered = places if layout.order == "little-endian" else places[::-1]
            bits = frozenset(8 * ordered[bit // 8] + 7 - bit % 8 for bit in range(known_bits))
            found.append(Part(_sum_in_words(layout, index, known_bits, factors, words[0]), bits))
    return found


def sums_of_words(words: Words, bits: int) -> Iterator[tuple[int, int, list[int]]]:
    """Find columns that are sums of multiples of earlier columns; yield (column, how many of its low bits follow, factors).

    This is Gauss over the integers modulo 2^`bits`; of some columns only the low bits follow from earlier columns.
    """
    import numpy as np

    rows, count = words.shape
    mask = np.uint64((1 << bits) - 1)
    basis: list[tuple[int, Words, Words]] = []
    for index in range(count):
        vector = (words[1:, index] - words[0, index]) & mask
        if not vector.any():
            continue
        made_of = np.zeros(count, dtype=np.uint64)
        made_of[index] = 1
        for pivot, other, other_made_of in basis:
            factor = vector[pivot]
            vector = (vector - factor * other) & mask
            made_of = (made_of - factor * other_made_of) & mask
        rest = int(np.bitwise_or.reduce(vector))
        known_bits = (rest & -rest).bit_length() - 1 if rest else bits
        if known_bits == 0:
            pivot = int(np.flatnonzero(vector & np.uint64(1))[0])
            inverse = np.uint64(pow(int(vector[pivot]), -1, 1 << bits))
            basis.append((pivot, vector * inverse & mask, made_of * inverse & mask))
        elif (rows - 1 - len(basis)) * known_bits >= SURE_BITS + 16 and known_bits > 1:
            yield index, known_bits, [-int(one) % (1 << bits) for one in made_of[:index]]


def _sum_in_words(layout: _Layout, index: int, known_bits: int, factors: Sequence[int], first: Words) -> str:
    size = 1 << 8 * layout.width
    used = {place: factor for place, factor in enumerate(factors) if factor}
    addend = (int(first[index]) - sum(factor * int(first[place]) for place, factor in used.items())) % size
    digits = 2 * layout.width
    what = named_bytes(layout.places(index))
    if known_bits < 8 * layout.width:
        what = f"the {known_bits} low bits of {what}"
    verb = "are" if layout.width > 1 or known_bits < 8 else "is"
    read = f", read {layout.order}" if layout.width > 1 else ""
    if known_bits < 8 * layout.width:
        sources = sorted({one for place in used for one in layout.places(place)})
        return f"{what} follow from {named_bytes(sources)} by a sum{read}"
    terms = []
    for place, factor in used.items():
        named = named_bytes(layout.places(place))
        terms.append({1: named, size - 1: f"minus {named}"}.get(factor, f"{factor:0{digits}X} times {named}"))
    if len(terms) > 2 and set(used.values()) == {1} and layout.width == 1:
        terms = [f"the sum of {named_bytes(one for place in used for one in layout.places(place))}"]
    plus = [f"{addend:0{digits}X}"] if addend else []
    return f"{what} {verb} {' plus '.join([*terms, *plus])}{read}, modulo 2^{8 * layout.width}"


# Bytes that are a function of others


def table_parts(octets: Octets, free: Collection[int], known: Collection[int] = ()) -> list[Part]:
    """Find bytes of `free` that are a function of one or two other bytes, exactly or to within a few bits.

    `known`: further bytes on which the function may depend.
    """
    import numpy as np

    count, length = octets.shape
    wide = octets.astype(np.uint32)
    telling = sorted({*free, *known})
    sources: list[tuple[int, ...]] = [(place,) for place in telling]
    if count >= PAIRS_FROM_SEEDS and length <= PAIRS_UP_TO_BYTES:
        sources += combinations(telling, 2)
    tests = len(sources) * max(len(free), 1)
    parts: list[Part] = []
    told: dict[int, tuple[int, ...]] = {}
    for group in sources:
        keys = wide[:, group[0]] if len(group) == 1 else wide[:, group[0]] << np.uint32(8) | wide[:, group[1]]
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        again = np.ones(count, dtype=bool)
        again[first] = False
        trials = int(again.sum())
        if trials < 4:
            continue
        for place in free:
            if place in told or place in group or any(place in told.get(one, ()) for one in group):
                continue
            column = octets[:, place]
            hits = int((column[again] == column[first[inverse[again]]]).sum())
            most_common = int(np.bincount(column).max()) / count
            if hits < 4 or hits / trials < 2.0**-MOST_LEFT_BITS:
                continue
            if tests * binomial_tail(hits, trials, min(most_common, 1.0)) < FALSE_ALARM:
                left = -float(np.log2(hits / trials))
                how = "is a function of" if hits == trials else f"is told to within {left:.1f} bits by"
                parts.append(Part(f"byte {place} {how} {named_bytes(group)}", bits_of_bytes((place,)), left + 0.0))
                told[place] = group
    return parts


def narrow_parts(octets: Octets, free: Collection[int]) -> list[Part]:
    """Find bytes that take only few of 256 values, by how often two seeds agree in it. `free`: bits not explained yet."""
    import math

    count, length = octets.shape
    parts = []
    for place in sorted({bit // 8 for bit in free}):
        found = collisions([bytes((value,)) for value in octets[:, place].tolist()])
        bits = bits_of_bytes((place,)) & frozenset(free)
        if found.pairs < FEWEST_PAIRS or found.probability * length > FALSE_ALARM / 100:
            continue
        left = math.log2(count * (count - 1) / 2 / found.pairs)
        parts.append(Part(f"byte {place} takes few values, like {2**left:.0f} by chance", bits, min(left, len(bits))))
    return parts
