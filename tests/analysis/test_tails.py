"""Prove tail probabilities against published values, and against scipy's."""

import math

import pytest

from harness.analysis.tails import binomial_tail, chi_square_tail, even_binomial_tail, normal_quantile, normal_tail


@pytest.mark.parametrize(("z", "p"), [(1.959964, 0.05), (2.575829, 0.01), (4.891638, 1e-6)])
def test_normal_tail_and_quantile_are_each_others_inverse(z: float, p: float) -> None:
    assert normal_tail(z) == pytest.approx(p, rel=1e-5)
    assert normal_tail(-z) == normal_tail(z)
    assert normal_quantile(p) == pytest.approx(z, rel=1e-5)


@pytest.mark.parametrize(
    ("statistic", "degrees", "p"),
    [(330.52, 255, 1e-3), (347.66, 255, 1e-4), (377.16, 255, 1e-6), (24.996, 15, 0.05), (3.841459, 1, 0.05)],
)
def test_chi_square_tail_has_the_tables_critical_values(statistic: float, degrees: int, p: float) -> None:
    assert chi_square_tail(statistic, degrees) == pytest.approx(p, rel=2e-2)


@pytest.mark.parametrize(("trials", "probability"), [(10, 0.5), (40, 1 / 256), (25, 0.9)])
def test_binomial_tail_is_the_sum_of_its_terms(trials: int, probability: float) -> None:
    terms = [math.comb(trials, k) * probability**k * (1 - probability) ** (trials - k) for k in range(trials + 1)]
    for at_least in range(trials + 1):
        assert binomial_tail(at_least, trials, probability) == pytest.approx(sum(terms[at_least:]), rel=1e-9, abs=1e-12)
    assert binomial_tail(trials + 1, trials, probability) == 0.0


def test_a_coin_that_always_falls_alike() -> None:
    assert even_binomial_tail(0, 50) == even_binomial_tail(50, 50) == pytest.approx(2 * 2.0**-50)
    assert even_binomial_tail(25, 50) == 1.0


@pytest.mark.parametrize("degrees", [1, 2, 15, 255, 256])
def test_chi_square_tail_is_that_of_scipy(degrees: int) -> None:
    from scipy.special import chdtrc  # slow to load

    for statistic in (0.001, 0.5 * degrees, degrees, 1.5 * degrees, 4 * degrees, 1300):
        assert chi_square_tail(statistic, degrees) == pytest.approx(chdtrc(degrees, statistic), rel=1e-9)
    assert chi_square_tail(0, degrees) == 1.0


@pytest.mark.parametrize(("trials", "probability"), [(1, 0.5), (1001, 1 / 256), (16_000, 1 / 256), (262_144, 0.5)])
def test_binomial_tail_is_that_of_scipy(trials: int, probability: float) -> None:
    from scipy.special import betainc

    deviation = (trials * probability * (1 - probability)) ** 0.5
    for away in (-6, -1, 0, 1, 3, 6, 20):
        at_least = min(trials, max(1, round(trials * probability + away * deviation)))
        expected = betainc(at_least, trials - at_least + 1, probability)
        assert binomial_tail(at_least, trials, probability) == pytest.approx(expected, rel=1e-7)
    assert binomial_tail(trials, trials, 1.0) == 1.0
    assert binomial_tail(1, trials, 0.0) == 0.0


def test_normal_tail_and_quantile_are_those_of_scipy() -> None:
    from scipy.special import ndtr, ndtri

    for z in (0.0, 0.3, 1.0, 3.0, 6.0, 30.0):
        assert normal_tail(z) == pytest.approx(2 * ndtr(-z), rel=1e-12)
    for probability in (1.0, 0.5, 0.05, 1e-6, 1e-12, 1e-200):
        assert normal_quantile(probability) == pytest.approx(-ndtri(probability / 2), rel=1e-9)
