"""Test whether two kinds of request take different times, by Welch's t-test over time stamps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

THRESHOLD: Final = 4.5
"""The t above which a difference of means is not chance: the usual threshold of leakage tests (TVLA)."""
POWER: Final = 1.28
"""By how much t must exceed the threshold on average, for a difference to be missed only once in ten times."""

FARTHEST: Final = 6.0
"""The limit for outliers, as a multiple of the distance from the median within which three of four durations lie."""

_RESOLUTIONS_S: Final = (1e-2, 1e-3, 1e-4, 1e-5)
FINEST_S: Final = 1e-6
"""The finest resolution of time stamps in seconds that any adapter is believed to have."""


@dataclass(frozen=True, slots=True)
class TimingComparison:
    """The comparison of two samples of durations, in seconds."""

    difference_s: float
    """The mean of the second sample minus the mean of the first."""
    sigma_s: float
    """The standard deviation of one duration, with the resolution of the stamps included."""
    n: int
    """The size of the smaller sample."""
    t: float
    stamps_s: float
    """The resolution of the stamps, in seconds."""

    @property
    def is_significant(self) -> bool:
        """Whether the difference is larger than chance gives."""
        return abs(self.t) > THRESHOLD

    @property
    def detectable_s(self) -> float:
        """The least difference in seconds that such samples show nine times in ten, and that the stamps resolve."""
        return max(math.sqrt(2 / self.n) * (THRESHOLD + POWER) * self.sigma_s, self.stamps_s) if self.n else math.inf


def compare(first: Sequence[float], second: Sequence[float]) -> TimingComparison:
    """Compute Welch's t of two samples; the resolution of the stamps adds to their variances. Below two values, t is 0."""
    n = min(len(first), len(second))
    if n < 2:
        return TimingComparison(0.0, math.inf, n, 0.0, FINEST_S)
    stamps = resolution_s([*first, *second])
    variances = [_variance(sample) + stamps**2 / 12 for sample in (first, second)]
    difference = _mean(second) - _mean(first)
    error = math.sqrt(variances[0] / len(first) + variances[1] / len(second))
    return TimingComparison(difference, math.sqrt(sum(variances) / 2), n, difference / error, stamps)


def without_outliers(first: Sequence[float], second: Sequence[float]) -> tuple[list[float], list[float]]:
    """Remove durations that are far too long from both samples, e.g. because the tester's own computer was busy.

    One limit holds for both samples, so that samples of one distribution remain comparable. It removes nothing from samples
    whose durations alternate between two values.
    """
    durations = sorted([*first, *second])
    middle = durations[len(durations) // 2]
    distances = sorted(abs(one - middle) for one in durations)
    limit = FARTHEST * max(distances[3 * len(distances) // 4], FINEST_S)
    return [one for one in first if abs(one - middle) <= limit], [one for one in second if abs(one - middle) <= limit]


def needed_n(difference_s: float, sigma_s: float) -> int:
    """Return how large each sample must be to show a difference nine times in ten."""
    return max(2, math.ceil(2 * ((THRESHOLD + POWER) * sigma_s / difference_s) ** 2))


def resolution_s(durations: Sequence[float]) -> float:
    """Return the resolution of the stamps behind durations: the largest power of ten that divides all of them."""
    for step in _RESOLUTIONS_S:
        if any(durations) and all(abs(one - round(one / step) * step) < FINEST_S / 2 for one in durations):
            return step
    return FINEST_S


def _mean(sample: Sequence[float]) -> float:
    return math.fsum(sample) / len(sample)


def _variance(sample: Sequence[float]) -> float:
    mean = _mean(sample)
    return math.fsum((one - mean) ** 2 for one in sample) / (len(sample) - 1)
