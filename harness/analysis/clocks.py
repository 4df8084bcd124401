"""Recognise seeds that are readings of a clock, by the times at which the seeds came, or by the time of day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

FEWEST_TIMES = 4
"""The smallest number of different seeds from which a clock is recognised."""

MOST_GUESSES = 1 << 20
"""The number of values among which a clock must place its reading: an attacker could try so many."""

DAY_S = 86_400

ORDERS: dict[str, Callable[[bytes], int]] = {
    "big-endian": lambda seed: int.from_bytes(seed, "big"),
    "little-endian": lambda seed: int.from_bytes(seed, "little"),
}
UNITS: dict[str, int] = {"seconds": 1, "milliseconds": 1000, "microseconds": 1_000_000}


@dataclass(frozen=True, slots=True)
class SeedClock:
    """A clock that the seeds are readings of."""

    what: str
    reproduced: int
    """How many different seeds the clock explains."""

    def __str__(self) -> str:
        return f"{self.what}: {self.reproduced} different seeds"


def follows_time(seeds: Sequence[bytes], times_s: Sequence[float]) -> SeedClock | None:
    """Recognise seeds that, as numbers, grow evenly with the time at which they came (R² above 0.99).

    The clock must determine each seed so exactly that few guesses are left.
    """
    import numpy as np

    times = np.asarray(times_s)
    if len(set(seeds)) < FEWEST_TIMES or np.ptp(times) == 0:
        return None
    for order, read in ORDERS.items():
        numbers = [read(seed) for seed in seeds]
        if any(a > b for a, b in pairwise(numbers)):
            continue
        grown = np.array([float(number - numbers[0]) for number in numbers])
        rate, offset = np.polyfit(times - times[0], grown, 1)
        errors = grown - (rate * (times - times[0]) + offset)
        unexplained = float((errors**2).sum() / ((grown - grown.mean()) ** 2).sum())
        worst = float(abs(errors).max())
        if (unexplained < 0.01 or worst <= 1) and 2 * worst < MOST_GUESSES:
            what = f"read {order}, a clock of {rate:.4g} ticks a second, to within {worst:.3g}"
            return SeedClock(what, len(set(seeds)))
    return None


def tells_time_of_day(seeds: Sequence[bytes], utc_s: Sequence[float]) -> SeedClock | None:
    """Recognise seeds that are seconds, milliseconds or microseconds since 1970, by a clock that is at most a day wrong."""
    for order, read in ORDERS.items():
        for unit, ticks in UNITS.items():
            errors = [read(seed) - moment * ticks for seed, moment in zip(seeds, utc_s, strict=True)]
            if abs(errors[0]) > DAY_S * ticks:
                continue
            allowed = 2 + 0.1 * ticks  # a seed's time is known to a tenth of a second
            if max(errors) - min(errors) <= allowed and len(set(seeds)) >= 2:
                return SeedClock(f"read {order}, the {unit} since 1970", len(set(seeds)))
    return None
