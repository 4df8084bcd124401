"""Prove that growing values are recognised, and noise of any distribution is not."""

import random

import pytest

from harness.analysis.drift import drift_of


def noise(seed: int, count: int) -> list[float]:
    """Return latencies as of a busy computer: most of them 1 ms, some much longer."""
    chance = random.Random(seed)
    return [1e-3 + chance.expovariate(1 / 2e-4) + (0.05 if chance.random() < 0.01 else 0.0) for _ in range(count)]


@pytest.mark.parametrize("seed", range(100))
def test_noise_does_not_grow(seed: int) -> None:
    assert not drift_of(noise(seed, 300)).is_growing


@pytest.mark.parametrize("seed", range(20))
def test_a_microsecond_a_frame_is_seen_through_noise(seed: int) -> None:
    values = [value + number * 1e-5 for number, value in enumerate(noise(seed, 300))]
    trend = drift_of(values)
    assert trend.is_growing
    assert trend.p < 1e-9


def test_a_slope_without_any_noise_is_certain() -> None:
    trend = drift_of([1.0 + number / 100 for number in range(100)])
    assert trend.p < 1e-12
    assert trend.increase == pytest.approx(0.88, abs=0.1)


def test_constant_values_have_no_trend() -> None:
    trend = drift_of([0.25] * 100)
    assert (trend.p, trend.increase, trend.is_growing) == (1.0, 0.0, False)


def test_a_small_slope_is_no_finding_however_certain() -> None:
    assert not drift_of([1.0 + number / 1000 for number in range(400)]).is_growing


def test_falling_values_do_not_grow() -> None:
    assert not drift_of([2.0 - number / 100 for number in range(100)]).is_growing


def test_what_was_seen_before_counts_as_the_beginning() -> None:
    values = [2.0 + number / 200 for number in range(100)]
    assert not drift_of(values).is_growing
    assert drift_of(values, since=1.0).is_growing


def test_few_values_prove_nothing() -> None:
    assert not drift_of([float(number) for number in range(1, 20)]).is_growing
    with pytest.raises(ValueError, match="no trend"):
        drift_of([1.0, 2.0])
