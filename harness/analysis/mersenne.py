"""Recognise a Mersenne Twister. MT19937 is linear over GF(2), so its outputs reveal it whatever it was started from.

Where whole 32-bit outputs are seen, three of them determine a fourth: some hundred seeds are enough. Where a seed shows
only some bits of each output, every bit position still obeys the one recurrence of 19937 bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness.analysis.linear import Recurrence, shortest_recurrence

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words = npt.NDArray[np.uint32]

WORDS, MIDDLE = 624, 397
STATE_BITS = 19_937
ALL = 0xFFFFFFFF
UPPER, LOWER, MATRIX = 0x80000000, 0x7FFFFFFF, 0x9908B0DF
FEWEST_CHECKS = 24
"""The fewest outputs that must be as computed; at least 7 bits of each are seen, which chance would have to hit."""

CHECKED_BITS = 32
"""How many bits of each bit position are checked, besides those that the recurrence needs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a seed is made of outputs: of which ones, and of how many bits of the last one."""

    name: str
    words: Words
    known: tuple[int, ...]
    """For each output of one seed, the mask of the bits that are seen."""


def reproduces(seeds: Sequence[bytes]) -> str:
    """Say how the seeds are made of MT19937's whole outputs; empty if they are not, or are too few to tell."""
    for layout in _layouts(seeds):
        if _obeys(layout):
            return layout.name
    return ""


def reproduces_parts(seeds: Sequence[bytes]) -> str:
    """Say how one or two bytes of each output make the seeds; empty if they do not, or for under 19,969 outputs."""
    import numpy as np

    octets = np.frombuffer(b"".join(seeds), dtype=np.uint8)
    for width in (1, 2):
        count = len(octets) // width
        if len(seeds[0]) % width or count < STATE_BITS + CHECKED_BITS:
            continue
        recurrence = output_recurrence()
        bits = np.unpackbits(octets.reshape(count, width), axis=1)[: STATE_BITS + CHECKED_BITS]
        if all(_continues(bits[:, place].tolist(), recurrence) for place in range(bits.shape[1])):
            return f"each {'byte' if width == 1 else 'two bytes'} of a seed from an output of its own"
    return ""


@cache
def output_recurrence() -> Recurrence:
    """Return the recurrence that every bit position of MT19937's outputs obeys, computed from the generator itself."""
    import numpy as np

    start = np.arange(1, WORDS + 1, dtype=np.uint32)
    column = following_states(start, 2 * STATE_BITS + CHECKED_BITS) & np.uint32(1)
    return shortest_recurrence(column.tolist())


def _continues(bits: list[int], recurrence: Recurrence) -> bool:
    known = bits[:-CHECKED_BITS]
    return any(bits) and recurrence.continued(known, CHECKED_BITS) == bits[-CHECKED_BITS:]


def _layouts(seeds: Sequence[bytes]) -> Iterator[Layout]:
    """Yield ways in which a seed may be made of outputs: by Python's getrandbits or randbytes, or by copying outputs."""
    import numpy as np

    length = len(seeds[0])
    per_seed, rest = -(-length // 4), length % 4 * 8
    if length < 4:
        return
    upper_known = (*[ALL] * (length // 4), *([ALL << 32 - rest & ALL] if rest else []))
    lower_known = (*[ALL] * (length // 4), *([(1 << rest) - 1] if rest else []))

    def words(padded: Sequence[bytes], order: str) -> Words:
        return np.frombuffer(b"".join(padded), dtype=f"{order}u4").astype(np.uint32)

    def shifted(numbers: Words) -> Words:
        numbers = numbers.copy()
        if rest:
            numbers[per_seed - 1 :: per_seed] <<= np.uint32(32 - rest)
        return numbers

    fill = bytes(4 * per_seed - length)
    from_low = words([seed[::-1] + fill for seed in seeds], "<")
    as_is = words([seed + fill for seed in seeds], "<")
    yield Layout("as Python's getrandbits gives it, big-endian", shifted(from_low), upper_known)
    yield Layout("as Python's getrandbits gives it, little-endian", shifted(as_is), upper_known)
    yield Layout("outputs one after the other, big-endian", words([seed + fill for seed in seeds], ">"), upper_known)
    yield Layout("outputs one after the other, little-endian", as_is, lower_known)


def _obeys(layout: Layout) -> bool:
    """Whether each output is as three earlier outputs determine it, wherever enough bits of those three are known."""
    import numpy as np

    words, known = layout.words, layout.known
    per_seed = len(known)
    places = np.arange(len(words) - WORDS)
    full = np.array([mask == ALL for mask in known])
    is_told = full[(places + 1) % per_seed] & full[(places + MIDDLE) % per_seed]
    places = places[is_told]
    if len(places) < FEWEST_CHECKS or len(np.unique(words)) < len(words) / 2:
        return False  # zeros obey the recurrence too
    states = untempered(words)
    masks = np.array(known, dtype=np.uint32)[(places + WORDS) % per_seed]
    seen = words[places + WORDS] & masks
    fits = np.zeros(len(places), dtype=bool)
    for top in (0, UPPER):  # the one bit that counts of an output of which perhaps only a part is seen
        both = np.where(full[places % per_seed], states[places] & UPPER, top).astype(np.uint32)
        both |= states[places + 1] & LOWER
        fits |= tempered(states[places + MIDDLE] ^ twisted(both)) & masks == seen
    return bool(fits.all())


def twisted(both: Words) -> Words:
    """Compute what a word's upper bit and the next word's lower bits (`both`) contribute to the word 624 places later."""
    import numpy as np

    one = np.uint32(1)
    return (both >> one) ^ np.where(both & one, np.uint32(MATRIX), np.uint32(0))


def following_states(state: Words, count: int) -> Words:
    """Return the `count` state words after these 624. No word depends on the 226 words directly before it."""
    import numpy as np

    words = np.concatenate((state, np.empty(count, dtype=np.uint32)))
    step = WORDS - MIDDLE
    for start in range(WORDS, len(words), step):
        end = min(start + step, len(words))
        old = slice(start - WORDS, end - WORDS)
        both = (words[old] & np.uint32(UPPER)) | (words[old.start + 1 : old.stop + 1] & np.uint32(LOWER))
        words[start:end] = words[old.start + MIDDLE : old.stop + MIDDLE] ^ twisted(both)
    return words[WORDS:]


def tempered(state: Words) -> Words:
    """Return the output that a Mersenne Twister makes of each word of its state."""
    import numpy as np

    word = state ^ (state >> np.uint32(11))
    word = word ^ (word << np.uint32(7) & np.uint32(0x9D2C5680))
    word = word ^ (word << np.uint32(15) & np.uint32(0xEFC60000))
    output: Words = word ^ (word >> np.uint32(18))
    return output


def untempered(words: Words) -> Words:
    """Return the word of the state from which each output was made."""
    import numpy as np

    word: Words = words ^ (words >> np.uint32(18))
    word = word ^ (word << np.uint32(15) & np.uint32(0xEFC60000))
    undone = word
    for _ in range(4):
        undone = word ^ (undone << np.uint32(7) & np.uint32(0x9D2C5680))
    word = undone
    for _ in range(2):
        undone = word ^ (undone >> np.uint32(11))
    return undone
