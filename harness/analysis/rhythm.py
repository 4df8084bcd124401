"""Which moments come in a rhythm, and do others keep it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

LEAST_PERIODS: Final = 3
STEADY: Final = 0.2
"""Moments are a rhythm if their intervals differ from the mean by less than this part of it."""

LONGEST_GAP: Final = 2.0
"""In periods: what is away for longer has stopped."""
MORE_JITTER: Final = 10.0
JITTER_SHARE, JITTER_S = 0.05, 0.005
"""What counts as no jitter at all: a part of the period, and what other frames on the bus may cost."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How regularly something happens."""

    period_s: float
    jitter_s: float
    """How far an interval is from the mean at most."""

    def complaint(self, times: Sequence[float], begun_s: float, ended_s: float) -> str:
        """How moments between the two ends do not keep the rhythm; empty if they do."""
        gaps = [after - before for before, after in pairwise(times)]
        edges = [after - before for before, after in pairwise([begun_s, *times, ended_s])]
        if max(edges) > LONGEST_GAP * self.period_s:
            return f"not seen for {max(edges):.3f} s" if times else f"not once in {ended_s - begun_s:.3f} s"
        jitter_s = max((abs(gap - self.period_s) for gap in gaps), default=0.0)
        if jitter_s > max(MORE_JITTER * self.jitter_s, JITTER_SHARE * self.period_s, JITTER_S):
            return f"off by {jitter_s * 1000:.1f} ms, where {self.jitter_s * 1000:.1f} ms are usual"
        return ""


def rhythm_of(times: Sequence[float]) -> Rhythm | None:
    """The rhythm of some moments; None where they are too few, or come irregularly.

    >>> rhythm_of([0.0, 1.0, 2.0, 3.0])
    Rhythm(period_s=1.0, jitter_s=0.0)
    """
    gaps = [after - before for before, after in pairwise(times)]
    if len(gaps) < LEAST_PERIODS:
        return None
    period_s = sum(gaps) / len(gaps)
    jitter_s = max(abs(gap - period_s) for gap in gaps)
    return Rhythm(period_s, jitter_s) if jitter_s < STEADY * period_s else None
