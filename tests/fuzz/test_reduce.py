"""Prove delta debugging: the result is a minimal failing sequence."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.fuzz.minimal import reduced


@pytest.mark.parametrize("guilty", [{7}, {0, 49}, {3, 4, 30}, set(range(10))])
def test_only_what_is_needed_is_left(guilty: set[int]) -> None:
    assert reduced(range(50), lambda part: guilty <= set(part), most_tries=1000) == sorted(guilty)


def test_the_order_is_kept() -> None:
    def fails(part: Sequence[str]) -> bool:
        return "z" in part and "a" in part and part.index("z") < part.index("a")

    assert reduced("qzwea", fails, most_tries=100) == ["z", "a"]


def test_tries_are_bounded_and_what_is_left_still_fails() -> None:
    tried = []

    def fails(part: Sequence[int]) -> bool:
        tried.append(part)
        return {5, 90} <= set(part)

    left = reduced(range(100), fails, most_tries=10)
    assert len(tried) == 10
    assert {5, 90} <= set(left)


def test_nothing_can_be_left_out_of_one() -> None:
    assert reduced([1], lambda part: True, most_tries=10) == [1]
