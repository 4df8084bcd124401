"""Tail probabilities against published values."""

from __future__ import annotations

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
