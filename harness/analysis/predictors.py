"""Predict the next seeds from earlier ones. A prediction that comes true is a proof, not a statistic.

Each model is made from earlier seeds alone, and tested on later seeds. A model counts if random bits would fulfil its
predictions only once in 2^64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.bit_models import RARE_CHANGES, SPARE_BITS, by_columns, changes, column_continued, liveliest_column
from harness.analysis.linear import shortest_recurrence
from harness.analysis.number_models import by_fields, fields_fit, layouts

FEWEST_FORETOLD = 3
SURE_BITS = 64
"""How many bits a model must predict in all, among the bits that vary in the sample."""

LONGEST_STREAM = 1024
"""How many bits are examined when the seeds in a row are taken for the output of one shift register."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model that predicted seeds, and how many of them came."""

    model: str
    known: int
    """From how many seeds the prediction was made."""
    foretold: int
    """How many of the seeds directly after those came as predicted."""
    first: bytes
    """The first predicted seed."""

    def __str__(self) -> str:
        return f"{self.model}, made from {self.known} seeds, foretold the {self.foretold} that followed"


def foretell(seeds: Sequence[bytes], starts: Sequence[int] = (0,)) -> Prediction | None:
    """Find the first model that predicts seeds exactly. `starts`: where a session, and perhaps the generator, began anew."""
    length = len(seeds[0])
    for part in _parts(seeds, starts):
        varying = _or([_number(one) ^ _number(part[0]) for one in part]).bit_count()
        wanted = max(FEWEST_FORETOLD, -(-SURE_BITS // max(varying, 1)))
        for cut in _cuts(len(part), wanted):
            known, unseen = part[:cut], list(part[cut : cut + wanted])
            if all(seed == known[-1] for seed in unseen):
                continue  # a repeated seed is no prediction
            if _looks_random(known):
                break
            for model, told in _continuations(known, length, wanted):
                if told == unseen:
                    return Prediction(model, cut, wanted, unseen[0])
    return None


def _parts(seeds: Sequence[bytes], starts: Sequence[int]) -> Iterator[Sequence[bytes]]:
    """Yield the seeds of each session by themselves, then all seeds together."""
    ends = [*starts[1:], len(seeds)]
    if len(starts) > 1:
        yield from (seeds[start:end] for start, end in zip(starts, ends, strict=True))
    yield seeds


def _cuts(count: int, wanted: int) -> Iterator[int]:
    """Yield the numbers of seeds after which to split past from future: late, to learn from most seeds, then earlier."""
    for back in (wanted, 2 * wanted + 1, 4 * wanted + 3):
        if count - back >= max(count // 2, 8):
            yield count - back


def _looks_random(known: Sequence[bytes]) -> bool:
    """Whether no model is worth trying, because neither the seeds as numbers nor the most changing bit follow any rule."""
    bits = liveliest_column(known)
    is_ruled = changes(bits) <= RARE_CHANGES or column_continued(bits, 1) is not None
    return not is_ruled and not any(fields_fit(known, width, order) for width, order in layouts(len(known[0])))


def _continuations(known: Sequence[bytes], length: int, count: int) -> Iterator[tuple[str, list[bytes]]]:
    for width, order in layouts(length):
        told = by_fields(known, width, order, count)
        if told is not None:
            yield told
    columns = by_columns(known, count)
    if columns is not None:
        yield "a recurrence in each bit position", columns


def _number(seed: bytes) -> int:
    return int.from_bytes(seed, "big")


def _or(numbers: list[int]) -> int:
    result = 0
    for number in numbers:
        result |= number
    return result


def foretell_stream(seeds: Sequence[bytes]) -> Prediction | None:
    """Predict the last seeds by taking the bits of all seeds in a row for the output of one shift register."""
    import numpy as np

    length = 8 * len(seeds[0])
    wanted = max(FEWEST_FORETOLD, -(-SURE_BITS // length))
    known = min(len(seeds) - wanted, LONGEST_STREAM // length)
    if known < 2 or len(set(seeds[: known + wanted])) < known + wanted:
        return None
    octets = np.frombuffer(b"".join(seeds[: known + wanted]), dtype=np.uint8)
    for order in ("big", "little"):
        bits = np.unpackbits(octets, bitorder=order).tolist()
        past, unseen = bits[: known * length], bits[known * length :]
        recurrence = shortest_recurrence(past)
        is_made = 2 * recurrence.length + SPARE_BITS <= len(past)
        if is_made and recurrence.continued(past, len(unseen)) == unseen:
            model = f"a shift register of {recurrence.length} bits over all seeds as one stream"
            return Prediction(model, known, wanted, seeds[known])
    return None
