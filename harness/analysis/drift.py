"""Measure whether a series of values grows: how far its values are in ascending order, and by how much they increase."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

ENOUGH: Final = 30
SIGNIFICANT: Final = 1e-3
GROWTH: Final = 0.5
"""The increase above which values count as growing, if p is below `SIGNIFICANT`; a threshold of check DS-07."""
END_SHARE: Final = 8
"""The beginning of a series is one part in this many of it; the end is as long."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a series of values changes from its first to its last."""

    first: float
    """The median of the beginning of the series."""
    last: float
    """The median of the end of the series."""
    p: float
    """The probability that values without drift are in order to the same degree, by Spearman's rank correlation."""
    count: int

    @property
    def increase(self) -> float:
        """The fraction of `first` by which `last` is larger."""
        return self.last / self.first - 1 if self.first > 0 else 0.0

    @property
    def is_growing(self) -> bool:
        """Whether the values increase by more than half, and not by chance."""
        return self.count >= ENOUGH and self.p < SIGNIFICANT and self.increase > GROWTH


def drift_of(values: Sequence[float], *, since: float | None = None) -> Drift:
    """Compute the drift of a series. `since`: the first value of an earlier measurement that this series continues, if any.

    Raises ValueError for fewer than three values.
    """
    count = len(values)
    if count < 3:
        raise ValueError(f"{count} values have no trend")
    end = max(count // END_SHARE, 1)
    first = median(values[:end])
    return Drift(first if since is None else min(since, first), median(values[-end:]), _p_of_order(values), count)


def _p_of_order(values: Sequence[float]) -> float:
    count = len(values)
    middle = (count - 1) / 2
    ranks = _ranks(values)
    together = math.fsum((place - middle) * (rank - middle) for place, rank in enumerate(ranks))
    spread = math.sqrt((count**3 - count) / 12 * math.fsum((rank - middle) ** 2 for rank in ranks))
    if spread == 0.0:
        return 1.0
    correlation = together / spread
    if abs(correlation) >= 1.0:
        return 0.0
    t = correlation * math.sqrt((count - 2) / (1 - correlation**2))
    return math.erfc(abs(t) / math.sqrt(2))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank, from 0; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for place in order[start : end + 1]:
            ranks[place] = (start + end) / 2
        start = end + 1
    return ranks
