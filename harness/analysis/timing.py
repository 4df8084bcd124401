"""Do two kinds of request take different times? Welch's t-test over time stamps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

THRESHOLD: Final = 4.5
"""Above this a difference of means is none of chance's: the habit of leakage tests (TVLA)."""
POWER: Final = 1.28
"""Standard deviations beyond the threshold that leave a chance of one in ten to miss a difference."""

FARTHEST: Final = 6.0
"""Times the distance from the middle within which three of four durations lie: seven standard deviations of even chance."""

_RESOLUTIONS_S: Final = (1e-2, 1e-3, 1e-4, 1e-5)
FINEST_S: Final = 1e-6
"""No adapter's stamps are trusted below this."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two samples of durations, in seconds."""

    difference_s: float
    """Mean of the second less that of the first."""
    sigma_s: float
    """Standard deviation of one duration, the coarseness of the stamps included."""
    n: int
    """Of the smaller sample."""
    t: float
    stamps_s: float
    """How coarse the stamps are."""

    @property
    def is_significant(self) -> bool:
        """More than chance gives."""
        return abs(self.t) > THRESHOLD

    @property
    def detectable_s(self) -> float:
        """The smallest difference that samples of this size show nine times in ten, and stamps so coarse show at all."""
        return max(math.sqrt(2 / self.n) * (THRESHOLD + POWER) * self.sigma_s, self.stamps_s) if self.n else math.inf


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Welch's t of two samples of at least two each; durations that never vary are as uncertain as stamps are coarse."""
    n = min(len(first), len(second))
    if n < 2:
        return Comparison(0.0, math.inf, n, 0.0, FINEST_S)
    stamps = resolution_s([*first, *second])
    variances = [_variance(sample) + stamps**2 / 12 for sample in (first, second)]
    difference = _mean(second) - _mean(first)
    error = math.sqrt(variances[0] / len(first) + variances[1] / len(second))
    return Comparison(difference, math.sqrt(sum(variances) / 2), n, difference / error, stamps)


def without_outliers(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    """Both samples without what came far too late, e.g. since the tester's own computer was busy.

    One limit serves both, so that samples of the same kind stay of the same kind. It lets every second duration be of
    one kind, and the others of another.
    """
    durations = sorted([*first, *second])
    middle = durations[len(durations) // 2]
    distances = sorted(abs(one - middle) for one in durations)
    limit = FARTHEST * max(distances[3 * len(distances) // 4], FINEST_S)
    return [one for one in first if abs(one - middle) <= limit], [one for one in second if abs(one - middle) <= limit]


def needed_n(difference_s: float, sigma_s: float) -> int:
    """How large each sample must be to show a difference nine times in ten."""
    return max(2, math.ceil(2 * ((THRESHOLD + POWER) * sigma_s / difference_s) ** 2))


def resolution_s(durations: Sequence[float]) -> float:
    """How coarse the stamps are that durations were made of: the largest power of ten that divides them all."""
    for step in _RESOLUTIONS_S:
        if any(durations) and all(abs(one - round(one / step) * step) < FINEST_S / 2 for one in durations):
            return step
    return FINEST_S


def _mean(sample: Sequence[float]) -> float:
    return math.fsum(sample) / len(sample)


def _variance(sample: Sequence[float]) -> float:
    mean = _mean(sample)
    return math.fsum((one - mean) ** 2 for one in sample) / (len(sample) - 1)
