"""Recognise well-known generators in seeds: solve for the generator's state, or try likely starting values.

A generator that is not in the lists is not found: a clean answer is "none of these", never "none".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from harness.analysis import mersenne
from harness.analysis.generators import RAND, SLOW_TO_START, STARTED, WHOLE_STATE, Congruential

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.uint64]

SURE_BITS = 60
"""How many varying bits a generator must reproduce, besides the `CANDIDATE_BITS` that chance could hit."""

CANDIDATE_BITS = 26
"""The number of candidates (generators, starting values, layouts) tried on one seed is less than 2 to the power of this."""

PROBED_BYTES = 3
CANDIDATES_LOOKED_AT = 16
STARTED_AT_ONCE = 16_384
"""How many starting values are tried at once; so many numbers stay in the processor's cache."""

SOLVED_BYTES = 5
"""The length in bytes from which a seed contains more bits than a truncated generator hides."""

ADDITIVE_OUTPUTS = 96
"""How many outputs of glibc's rand() are tested; each must be one of two values, which chance hits once in 128 times."""

Place = tuple[int, int] | None
"""The output from which a byte of the seed comes, and by how many bits that output is shifted down; None: a zero byte."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Seeds that the ECU drew directly one after the other."""

    seeds: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Starts:
    """Numbers with which a generator may have been started."""

    what: str
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Recognised:
    """A generator that reproduces the seeds."""

    what: str
    reproduced: int

    def __str__(self) -> str:
        return f"{self.what} reproduces {self.reproduced} seeds"


def solve(streams: Sequence[Stream], *, is_thorough: bool = False) -> Recognised | None:
    """Find generators whose state follows from the seeds themselves, whatever number started them."""
    for stream in streams:
        seeds = stream.seeds
        name = _whole_state(seeds) or (_truncated(seeds) if stream is streams[0] else "") or _additive(seeds)
        if name:
            return Recognised(name, min(len(seeds), seeds_wanted(seeds)))
        layout = mersenne.reproduces(seeds)
        if not layout and is_thorough:
            layout = mersenne.reproduces_parts(seeds)
        if layout:
            return Recognised(f"MT19937, {layout},", len(seeds))
    return None


def seeds_wanted(seeds: Sequence[bytes]) -> int:
    """Return how many seeds in a row a generator must reproduce: two, or more if only few bits of the seeds vary."""
    return max(2, -(-(SURE_BITS + CANDIDATE_BITS) // max(varying_bits(seeds), 1)))


def varying_bits(seeds: Sequence[bytes]) -> int:
    """Count the bit positions in which the seeds differ."""
    first, differences = int.from_bytes(seeds[0], "big"), 0
    for seed in seeds:
        differences |= int.from_bytes(seed, "big") ^ first
    return differences.bit_count()


# Solved


def _whole_state(seeds: Sequence[bytes]) -> str:
    """Name the generator whose successive 32-bit outputs, each determining the next, are the seeds; empty if none."""
    import numpy as np

    if len(seeds[0]) % 4 or len(seeds) < 4:
        return ""
    for order in (">", "<"):
        words = np.frombuffer(b"".join(seeds[:16]), dtype=f"{order}u4").astype(np.uint64)
        for name, outputs in WHOLE_STATE.items():
            if (next(outputs(words[:-1])) == words[1:]).all() and len(set(words.tolist())) > 3:
                return f"{name}, whole outputs one after the other,"
    return ""


def _truncated(seeds: Sequence[bytes]) -> str:
    """Recognise a congruential generator that hides its low bits, and whose outputs each give one or two bytes of a seed."""
    if len(seeds[0]) < SOLVED_BYTES:
        return ""
    wanted = seeds_wanted(seeds) + 1
    for name, items in _items(seeds[:wanted]):
        for generator in RAND:
            if generator.shift != 16:
                continue
            per_seed = len(items) // min(wanted, len(seeds))
            one_by_one = [items[start : start + per_seed] for start in range(0, len(items), per_seed)]
            if not _is_solved(one_by_one[0], generator, name):
                continue
            if _is_solved(items, generator, name):
                return f"{generator.name}, a {name} of each output,"
            if all(_is_solved(one, generator, name) for one in one_by_one):
                return f"{generator.name}, started anew for each seed, a {name} of each output,"
    return ""


def _items(seeds: Sequence[bytes]) -> Iterator[tuple[str, list[int]]]:
    yield "byte", list(b"".join(seeds))
    yield "byte", list(b"".join(seed[::-1] for seed in seeds))
    if len(seeds[0]) % 2 == 0:
        for order in ("big", "little"):
            whole = b"".join(seeds)
            pairs = [int.from_bytes(whole[place : place + 2], order) for place in range(0, len(whole), 2)]
            if max(pairs) <= 0x7FFF:
                yield "pair of bytes", pairs


def _is_solved(items: Sequence[int], generator: Congruential, name: str) -> bool:
    """Whether some state of the generator gives these outputs; every value of its hidden low bits is tried."""
    import numpy as np

    seen = 8 if name == "byte" else 15
    mask = np.uint32((1 << generator.shift + seen) - 1)
    shift = np.uint32(generator.shift)
    state = np.uint32(items[0] << generator.shift) | np.arange(1 << generator.shift, dtype=np.uint32)
    for item in items[1:]:
        state = (state * np.uint32(generator.factor) + np.uint32(generator.addend)) & mask
        state = state[state >> shift == item]
        if not len(state):
            return False
    return True


def _additive(seeds: Sequence[bytes]) -> str:
    """Recognise glibc's rand(): each output is the sum of the outputs 3 and 31 places before it, or one more."""
    import numpy as np

    needed = -(-(ADDITIVE_OUTPUTS + 31) // len(seeds[0])) if seeds else 0
    octets = np.frombuffer(b"".join(seeds[: 4 * needed]), dtype=np.uint8)
    for name, outputs, size in (
        ("the low byte of each output", octets, 256),
        ("whole outputs, big-endian", octets[: len(octets) // 4 * 4].view(">u4"), 1 << 31),
        ("whole outputs, little-endian", octets[: len(octets) // 4 * 4].view("<u4"), 1 << 31),
    ):
        if len(outputs) < ADDITIVE_OUTPUTS // 4 + 31 or (size > 256 and len(seeds[0]) % 4):
            continue
        numbers = outputs.astype(np.int64)
        excess = (numbers[31:] - numbers[28:-3] - numbers[:-31]) % size
        if len(excess) >= ADDITIVE_OUTPUTS // 4 and (excess <= 1).all() and 0.2 < excess.mean() < 0.8:
            return f"rand() of glibc, {name},"
    return ""


# Started


def start(streams: Sequence[Stream], ranges: Sequence[Starts], slow_ranges: Sequence[Starts] = ()) -> Recognised | None:
    """Find a generator that, started with numbers in `ranges`, gives the seeds of streams from their first seed on.

    `slow_ranges`: the numbers to try instead with generators that are slow to start.
    """
    import numpy as np

    length = len(streams[0].seeds[0])
    joined = -(-PROBED_BYTES // length)
    streams = [stream for stream in streams if len(stream.seeds) >= joined]
    if not streams:
        return None
    heads = [b"".join(stream.seeds[:joined]) for stream in streams]
    varying = varying_bits([seed for stream in streams for seed in stream.seeds])
    wanted = max(2, -(-(SURE_BITS + CANDIDATE_BITS) // max(varying, 1)))
    for name, outputs in STARTED.items():
        tried = slow_ranges if name in SLOW_TO_START else ranges
        if not tried:
            continue
        starts = np.concatenate([np.arange(one.first, one.first + one.count, dtype=np.uint64) for one in tried])
        parts = [starts[at : at + STARTED_AT_ONCE] for at in range(0, len(starts), STARTED_AT_ONCE)]
        numbers = [list(islice(outputs(part), PROBED_BYTES + 1)) for part in parts]
        for layout, places in layouts(length):
            told: dict[bytes, int] = {}
            in_a_row = [place for step in range(joined) for place in _later(places, step)]
            for stream, candidates in zip(streams, _fitting(numbers, in_a_row, heads), strict=True):
                runs = [(_reproduced(name, int(starts[index]), places, stream, wanted), index) for index in candidates]
                run, index = max(runs, default=(0, 0))
                if run * varying > CANDIDATE_BITS:
                    told |= dict.fromkeys(stream.seeds[:run], int(starts[index]))
                    surplus = len(told) * varying - CANDIDATE_BITS * len({*told.values()})
                    if len(told) >= 2 and surplus >= SURE_BITS:
                        what = _named(int(starts[index]), tried)
                        return Recognised(f"{name}, started from {what}, {layout},", len(told))
    return None


def layouts(length: int) -> Iterator[tuple[str, list[Place]]]:
    """Yield ways in which programs make the bytes of a seed from outputs: the name, and where each byte comes from."""
    yield "the low byte of each output", [(place, 0) for place in range(length)]
    yield "the low byte of each output, the last one first", [(length - 1 - place, 0) for place in range(length)]
    yield "the high byte of each output", [(place, 24) for place in range(length)]
    yield "whole outputs, big-endian", [(place // 4, 24 - place % 4 * 8) for place in range(length)]
    yield "whole outputs, little-endian", [(place // 4, place % 4 * 8) for place in range(length)]
    yield "two bytes of each output, big-endian", [(place // 2, 8 - place % 2 * 8) for place in range(length)]
    rest = length % 4
    bits: list[Place] = [
        (place // 4, place % 4 * 8 + (32 - 8 * rest if rest and place // 4 == length // 4 else 0)) for place in range(length)
    ]
    if rest:
        yield "as Python's getrandbits gives it, little-endian", bits
    yield "as Python's getrandbits gives it, big-endian", bits[::-1]
    if length > 4:
        yield "one output after zeros", [*([None] * (length - 4)), (0, 24), (0, 16), (0, 8), (0, 0)]


def _later(places: Sequence[Place], seeds: int) -> list[Place]:
    """Return from which outputs the bytes of the seed come that is drawn `seeds` places after the first."""
    per_seed = _outputs_per_seed(places)
    return [None if place is None else (place[0] + seeds * per_seed, place[1]) for place in places]


def _outputs_per_seed(places: Sequence[Place]) -> int:
    return 1 + max(place[0] for place in places if place is not None)


def _octet(numbers: Sequence[Numbers], place: Place) -> npt.NDArray[np.uint8]:
    import numpy as np

    if place is None:
        return np.zeros(len(numbers[0]), dtype=np.uint8)
    return (numbers[place[0]] >> np.uint64(place[1])).astype(np.uint8)


def _fitting(numbers: Sequence[Sequence[Numbers]], places: Sequence[Place], heads: Sequence[bytes]) -> list[list[int]]:
    """Return, for each of `heads` (first bytes of streams), the indices of starting values whose first outputs fit them.

    `numbers`: by block of `STARTED_AT_ONCE` starting values, their first outputs.
    """
    import numpy as np

    at_most = len(numbers[0])
    early = sorted((place[0], index) for index, place in enumerate(places) if place is not None and place[0] < at_most)
    probed = [index for _, index in early[:PROBED_BYTES]]
    wanted = [int.from_bytes(bytes(head[index] for index in probed), "big") for head in heads]
    fitting: dict[int, list[int]] = {one: [] for one in wanted}
    is_wanted = np.zeros(1 << 16, dtype=np.bool_)
    is_wanted[[one & 0xFFFF for one in wanted]] = True
    for part, outputs in enumerate(numbers):
        key = np.zeros(len(outputs[0]), dtype=np.uint32)
        for index in probed:
            key <<= np.uint32(8)
            key |= _octet(outputs, places[index])
        for likely in np.flatnonzero(is_wanted.take(key & np.uint32(0xFFFF))).tolist():  # few: numpy has left out the rest
            found = fitting.get(int(key[likely]))
            if found is not None and len(found) < CANDIDATES_LOOKED_AT:
                found.append(likely + part * STARTED_AT_ONCE)
    return [fitting[one] for one in wanted]


def _reproduced(name: str, number: int, places: Sequence[Place], stream: Stream, most: int) -> int:
    """Count how many first seeds of a stream the generator gives if started with `number`; stop at `most`."""
    import numpy as np

    per_seed = _outputs_per_seed(places)
    outputs = STARTED[name](np.array([number], dtype=np.uint64))
    for count, seed in enumerate(stream.seeds[:most]):
        numbers = list(islice(outputs, per_seed))
        if len(numbers) < per_seed or any(
            int(_octet(numbers, place)[0]) != byte for place, byte in zip(places, seed, strict=True)
        ):
            return count
    return min(most, len(stream.seeds))


def _named(number: int, ranges: Sequence[Starts]) -> str:
    return next(f"{one.what} ({number})" for one in ranges if one.first <= number < one.first + one.count)
