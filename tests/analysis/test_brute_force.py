"""Prove the arithmetic of guessing."""

import pytest

from harness.analysis.brute_force import in_words, keys_per_second, mean_time_s

DAY_S, YEAR_S = 86_400.0, 365.25 * 86_400.0


@pytest.mark.parametrize(
    ("bits", "expected_s"),
    [(8, 0.128), (16, 32.8), (24, 2.33 * 3600), (32, 24.9 * DAY_S), (40, 17.4 * YEAR_S)],
)
def test_a_fixed_seed_without_limit_at_a_thousand_keys_a_second(bits: int, expected_s: float) -> None:
    assert mean_time_s(bits, 1000.0, is_seed_fixed=True) == pytest.approx(expected_s, rel=0.01)


@pytest.mark.parametrize(("bits", "expected_s"), [(16, 2.2 * 60), (24, 9.3 * 3600), (32, 99 * DAY_S), (40, 70 * YEAR_S)])
def test_a_fresh_seed_each_time_at_five_hundred_keys_a_second(bits: int, expected_s: float) -> None:
    assert mean_time_s(bits, 500.0) == pytest.approx(expected_s, rel=0.01)


@pytest.mark.parametrize(("bits", "expected_s"), [(8, 14 * 60), (16, 2.5 * DAY_S), (24, 1.8 * YEAR_S), (32, 454 * YEAR_S)])
def test_three_tries_and_then_ten_seconds(bits: int, expected_s: float) -> None:
    pace = keys_per_second(tries=3, seconds_per_try=0.0, pause_s=10.0)
    assert mean_time_s(bits, pace) == pytest.approx(expected_s, rel=0.03)


def test_the_time_of_the_tries_counts_too() -> None:
    assert keys_per_second(tries=2, seconds_per_try=0.5, pause_s=4.0) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0004, "0.0 seconds"),
        (9.94, "9.9 seconds"),
        (59.0, "59 seconds"),
        (60.0, "1.0 minutes"),
        (24.9 * DAY_S, "25 days"),
        (366 * DAY_S, "1.0 years"),
        (2000 * YEAR_S, "2.0e+03 years"),
    ],
)
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
