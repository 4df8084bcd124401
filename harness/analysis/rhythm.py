"""Recognise events that happen periodically, and find where later ones break the period."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

LEAST_PERIODS: Final = 3
STEADY: Final = 0.2
"""The fraction of the mean interval by which every interval may differ from it, for events to count as periodic."""

LONGEST_GAP: Final = 2.0
"""The number of periods without an event after which the events have stopped."""
MORE_JITTER: Final = 10.0
JITTER_SHARE, JITTER_S = 0.05, 0.005
"""The fraction of the period, and the seconds, below which jitter counts as none; other frames may cause as much."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The period of events, and how regularly they happen."""

    period_s: float
    jitter_s: float
    """The largest difference between an interval and the mean interval, in seconds."""

    def complaint(self, times: Sequence[float], begun_s: float, ended_s: float) -> str:
        """Say how events at `times`, all seen from `begun_s` to `ended_s`, break the rhythm; empty if they keep it."""
        gaps = [after - before for before, after in pairwise(times)]
        edges = [after - before for before, after in pairwise([begun_s, *times, ended_s])]
        if max(edges) > LONGEST_GAP * self.period_s:
            return f"not seen for {max(edges):.3f} s" if times else f"not once in {ended_s - begun_s:.3f} s"
        jitter_s = max((abs(gap - self.period_s) for gap in gaps), default=0.0)
        if jitter_s > max(MORE_JITTER * self.jitter_s, JITTER_SHARE * self.period_s, JITTER_S):
            return f"off by {jitter_s * 1000:.1f} ms, where {self.jitter_s * 1000:.1f} ms are usual"
        return ""


def rhythm_of(times: Sequence[float]) -> Rhythm | None:
    """Return the rhythm of some moments; None if they are too few, or irregular.

    >>> rhythm_of([0.0, 1.0, 2.0, 3.0])
    Rhythm(period_s=1.0, jitter_s=0.0)
    """
    gaps = [after - before for before, after in pairwise(times)]
    if len(gaps) < LEAST_PERIODS:
        return None
    period_s = sum(gaps) / len(gaps)
    jitter_s = max(abs(gap - period_s) for gap in gaps)
    return Rhythm(period_s, jitter_s) if jitter_s < STEADY * period_s else None
