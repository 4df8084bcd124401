"""Describe the parts of a seed that an attacker need not guess: their bits, and how many bits of guessing they save."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_NAMED = 5
"""The largest number of parts that are named in words."""
LEAST_SAVED_BITS = 0.5
"""How many bits of guessing a part must save to be reported."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bits of a seed that follow from other bits or the time. Bit 0 is the most significant bit of the first byte."""

    what: str
    """What the bits are, in words, e.g. ``bytes 4-7 are bytes 0-3 XOR 5A C3 11 77``."""
    bits: frozenset[int]
    left_bits: float = 0.0
    """How many of the `bits` together are still random."""
    is_over_time: bool = False
    """Whether the bits follow from earlier seeds or the time; if not, they follow from the same seed, or never change."""

    @property
    def saved_bits(self) -> float:
        """How many bits of guessing the part saves."""
        return len(self.bits) - self.left_bits


@dataclass(frozen=True, slots=True)
class Structure:
    """The parts of a seed that follow from something else; only the rest of the seed can be random."""

    length_bits: int
    parts: tuple[Part, ...]

    @property
    def effective_bits(self) -> int:
        """The length in bits without those that the parts save: an upper bound for the number of random bits."""
        return max(0, round(self.length_bits - sum(part.saved_bits for part in self.parts)))

    @property
    def chance_bytes(self) -> list[int]:
        """The positions of the bytes that have no bit in any part."""
        told = {bit // 8 for part in self.parts for bit in part.bits}
        return [place for place in range(self.length_bits // 8) if place not in told]

    def confirmed_by(self, second: Structure) -> Structure:
        """Return the parts with only those bits that a second sample shows, too; their words stay the same."""
        within = frozenset[int]().union(*(part.bits for part in second.parts if not part.is_over_time))
        everywhere = within.union(*(part.bits for part in second.parts))
        kept = []
        for part in self.parts:
            bits = part.bits & (everywhere if part.is_over_time else within)
            if len(bits) - part.left_bits >= LEAST_SAVED_BITS:
                kept.append(Part(part.what, bits, part.left_bits, part.is_over_time))
        return Structure(self.length_bits, tuple(kept))

    def __str__(self) -> str:
        return f"at most {self.effective_bits} of {self.length_bits} bits are chance: {self.reasons}"

    @property
    def reasons(self) -> str:
        """Say in words from what the largest parts follow."""
        largest = sorted(self.parts, key=lambda part: -part.saved_bits)
        more = f"; and {len(largest) - MOST_NAMED} more" if len(largest) > MOST_NAMED else ""
        return "; ".join(part.what for part in largest[:MOST_NAMED]) + more


def bits_of_bytes(places: Iterable[int]) -> frozenset[int]:
    """Return all bit positions of the bytes at `places`."""
    return frozenset(8 * place + bit for place in places for bit in range(8))


def named_bytes(places: Iterable[int]) -> str:
    """Write positions of bytes in words, e.g. ``byte 3`` or ``bytes 0-2, 5``."""
    runs: list[list[int]] = []
    for place in sorted(set(places)):
        if runs and place == runs[-1][-1] + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    shown = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"{'byte' if shown.isdigit() else 'bytes'} {shown}"


def in_hex(values: Sequence[int]) -> str:
    """Write byte values in hex, e.g. ``5A C3``."""
    return bytes(values).hex(" ").upper()
