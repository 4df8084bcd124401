"""Prove which events count as periodic, and what breaks their rhythm."""

import random

import pytest

from harness.analysis.rhythm import rhythm_of


def beats(period_s: float, count: int, jitter_s: float = 0.0, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [number * period_s + chance.uniform(-jitter_s, jitter_s) for number in range(count)]


@pytest.mark.parametrize("period_s", [0.01, 0.1, 1.0])
def test_a_period_is_found_and_kept(period_s: float) -> None:
    rhythm = rhythm_of(beats(period_s, 10, period_s / 50))
    assert rhythm is not None
    assert rhythm.period_s == pytest.approx(period_s, rel=0.05)
    again = beats(period_s, 10, period_s / 50, seed=2)
    assert rhythm.complaint(again, again[0], again[-1]) == ""


def test_irregular_and_rare_moments_are_no_rhythm() -> None:
    assert rhythm_of([0.0, 0.1, 0.5, 0.6, 2.0]) is None
    assert rhythm_of([0.0, 1.0, 2.0]) is None
    assert rhythm_of([]) is None


def test_silence_gaps_and_jitter_break_it() -> None:
    rhythm = rhythm_of(beats(1.0, 6))
    assert rhythm is not None
    assert "not once in 3.500 s" in rhythm.complaint([], 0.0, 3.5)
    assert "not seen for 3.000 s" in rhythm.complaint([0.5, 1.5, 4.5], 0.0, 5.0)
    assert "not seen for 2.500 s" in rhythm.complaint([0.5, 1.5], 0.0, 4.0), "it has stopped"
    assert "off by 300.0 ms" in rhythm.complaint([0.0, 1.0, 2.3], 0.0, 3.0)
    assert rhythm.complaint([0.1, 1.1, 2.104], 0.0, 3.0) == ""
