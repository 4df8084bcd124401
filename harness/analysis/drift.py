"""Do measured values grow with their number? How well they stand in order, and what it amounts to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

ENOUGH: Final = 30
SIGNIFICANT: Final = 1e-3
GROWTH: Final = 0.5
"""Both from DS-07: p below the one, and an increase above the other."""
END_SHARE: Final = 8
"""The beginning and the end of a series are an eighth of it each."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How a series of values changes from its first to its last."""

    first: float
    """The median of its beginning."""
    last: float
    """The median of its end."""
    p: float
    """How likely such an order is without any drift, by Spearman's rank correlation: outliers weigh no more than others."""
    count: int

    @property
    def increase(self) -> float:
        """By which part of the first value the last one is larger."""
        return self.last / self.first - 1 if self.first > 0 else 0.0

    @property
    def is_growing(self) -> bool:
        """The values grow, by more than half, and not by chance."""
        return self.count >= ENOUGH and self.p < SIGNIFICANT and self.increase > GROWTH


def drift_of(values: Sequence[float], *, since: float | None = None) -> Drift:
    """The trend of a series.

    `since` is what the first value was when the series was begun earlier, if it was. ValueError: fewer than three values.
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
    """Each value's place in order, from 0; equal ones share the mean of theirs."""
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
