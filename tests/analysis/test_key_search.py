"""Prove the estimated cost of finding a secret from recorded pairs, and find one."""

import pytest

from harness.analysis.key_search import (
    article_key,
    candidates,
    duration_text,
    matching_secrets,
    search_cost,
    significant_bits,
)

SECRET = bytes.fromhex("1234567890")
PAIRS = [
    (bytes.fromhex("A83A63B3C1"), bytes.fromhex("5EF739B0")),
    (bytes.fromhex("0000000000"), bytes.fromhex("6C791AF4")),
]


def test_the_articles_key() -> None:
    assert [article_key(seed, SECRET) for seed, _ in PAIRS] == [key for _, key in PAIRS]


def test_two_pairs_give_the_articles_secret_away() -> None:
    guessed = bytes.fromhex("1234560000")
    assert matching_secrets(candidates(guessed, 16), article_key, PAIRS) == [SECRET]


def test_one_pair_of_a_byte_leaves_many_candidates() -> None:
    def key(seed: bytes, secret: bytes) -> bytes:
        return article_key(seed, secret)[:1]

    one_pair = [(PAIRS[0][0], PAIRS[0][1][:1])]
    assert len(matching_secrets(candidates(SECRET, 12), key, one_pair)) > 4


def test_the_articles_secret_costs_a_day() -> None:
    cost = search_cost(40, 32)
    assert cost.pairs == 2
    assert 2 * cost.mean_s["one CPU core"] / 86_400 == pytest.approx(1.27, abs=0.01)
    assert 2 * cost.mean_s["16 CPU cores"] / 3600 == pytest.approx(1.9, abs=0.1)
    assert 2 * cost.mean_s["one graphics card"] == pytest.approx(50, abs=1)


@pytest.mark.parametrize(("secret_bits", "key_bits", "pairs"), [(24, 128, 1), (40, 32, 2), (128, 128, 2), (128, 32, 5)])
def test_pairs_that_leave_one_candidate(secret_bits: int, key_bits: int, pairs: int) -> None:
    assert search_cost(secret_bits, key_bits).pairs == pairs


@pytest.mark.parametrize(("secret", "bits"), [("1234567890", 40), ("00005AC31E", 24), ("5AC31E0000", 24), ("0000", 0)])
def test_zeros_that_fill_a_secret_up_do_not_count(secret: str, bits: int) -> None:
    assert significant_bits(bytes.fromhex(secret)) == bits


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.21, "0.21 seconds"),
        (25, "25 seconds"),
        (3600 * 15.3, "15 hours"),
        (86_400 * 365.25 * 1234, "1,234 years"),
        (1e30, "more than a million years"),
    ],
)
def test_durations_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
