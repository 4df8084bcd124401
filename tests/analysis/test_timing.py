"""Prove that differing durations are distinguished from durations that only vary."""

import math
from random import Random

import pytest

from harness.analysis.timing import FINEST_S, compare, needed_n, resolution_s, without_outliers


def durations(chance: Random, n: int, mean_s: float, sigma_s: float) -> list[float]:
    return [chance.gauss(mean_s, sigma_s) for _ in range(n)]


def test_t_is_welchs() -> None:
    from scipy.stats import ttest_ind  # slow to load, and nothing else of the suite needs it while it collects

    chance = Random(3)
    first, second = durations(chance, 9, 1e-3, 5e-5), durations(chance, 14, 1.1e-3, 2e-4)
    expected = -float(ttest_ind(first, second, equal_var=False).statistic)
    assert compare(first, second).t == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("difference_s", "sigma_s", "n"),
    [(1e-3, 1e-4, 2), (1e-4, 1e-4, 67), (1e-5, 5e-5, 1671), (1e-6, 5e-5, 167_043)],
)
def test_the_catalogues_sample_sizes(difference_s: float, sigma_s: float, n: int) -> None:
    assert needed_n(difference_s, sigma_s) == pytest.approx(n, rel=0.001)


def test_equal_durations_hardly_ever_differ() -> None:
    chance = Random(1)
    runs = [compare(durations(chance, 12, 1e-3, 5e-5), durations(chance, 12, 1e-3, 5e-5)) for _ in range(2000)]
    assert sum(run.is_significant for run in runs) <= 4


def test_a_difference_as_large_as_is_called_detectable_is_mostly_seen() -> None:
    chance = Random(2)
    detectable_s = compare(durations(chance, 50, 1e-3, 5e-5), durations(chance, 50, 1e-3, 5e-5)).detectable_s
    runs = [compare(durations(chance, 50, 1e-3, 5e-5), durations(chance, 50, 1e-3 + detectable_s, 5e-5)) for _ in range(200)]
    assert sum(run.is_significant for run in runs) > 150


def test_durations_that_never_vary_are_equal_or_not() -> None:
    assert not compare([0.000222] * 5, [0.000222] * 5).is_significant
    assert compare([0.000222] * 5, [0.001222] * 5).is_significant


def test_rounding_in_virtual_time_is_no_difference() -> None:
    first = [0.1 + 0.000222 - 0.1 for _ in range(5)]
    second = [1000.1 + 0.000222 - 1000.1 for _ in range(5)]
    assert first != second
    assert not compare(first, second).is_significant


@pytest.mark.parametrize("step_s", [1e-2, 1e-3, 1e-4, 1e-5])
def test_coarse_stamps_are_recognised(step_s: float) -> None:
    assert resolution_s([3 * step_s, 7 * step_s, 8 * step_s]) == step_s
    assert resolution_s([3 * step_s, 7 * step_s, 8.13 * step_s]) < step_s


def test_less_than_the_stamps_show_is_not_called_detectable() -> None:
    assert compare([0.001] * 500, [0.001] * 500).detectable_s == 1e-3
    assert compare([0.000222] * 500, [0.000222] * 500).detectable_s == FINEST_S


def test_what_comes_far_too_late_is_left_out() -> None:
    chance = Random(4)
    first, second = durations(chance, 12, 1e-3, 5e-5), durations(chance, 12, 1.5e-3, 5e-5)
    late = [*first[:-1], 0.2]
    assert not compare(late, second).is_significant
    assert compare(*without_outliers(late, second)).is_significant


def test_two_kinds_of_durations_are_both_kept() -> None:
    assert without_outliers([1e-3] * 4, [16e-3] * 5) == ([1e-3] * 4, [16e-3] * 5)
    assert without_outliers([1e-3] * 6, [16e-3] * 5) == ([1e-3] * 6, [16e-3] * 5)


@pytest.mark.parametrize("often", [0.5, 0.7, 0.8, 0.95])
def test_an_ecu_that_is_late_at_times_is_not_accused(often: float) -> None:
    chance = Random(5)

    def sample() -> list[float]:
        return [1e-3 if chance.random() < often else 11e-3 for _ in range(5)]

    runs = [compare(*without_outliers(sample(), sample())) for _ in range(4000)]
    assert sum(run.is_significant for run in runs) < 40


def test_one_duration_of_each_kind_says_nothing() -> None:
    comparison = compare([0.001], [0.002])
    assert not comparison.is_significant
    assert math.isinf(comparison.detectable_s)
