"""Prove that failures are reduced: by delta debugging, from frames to requests, and without keys that need not be right."""

from collections.abc import Sequence

import pytest

from harness.fuzz.bench import Setting
from harness.fuzz.found import ANY
from harness.fuzz.keyed import Keyed
from harness.fuzz.minimal import Minimizer, messages_of, reduced


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


@pytest.mark.parametrize(
    ("frames", "messages"),
    [
        (["02 10 03 FF"], ["10 03"]),
        (["10 0A 27 01 00 00 00 00", "21 05 06 07 08 00 00 00", "01 3E"], ["27 01 00 00 00 00 05 06 07 08", "3E"]),
        (["10 0A 27 01 00 00 00 00"], []),
        (["10 0A 27 01 00 00 00 00", "22 05 06 07 08 00 00 00"], []),
        (["30 00 00", "02 10 03"], []),
    ],
)
def test_frames_are_taken_for_requests_only_where_they_are_nothing_else(frames: list[str], messages: list[str]) -> None:
    assert messages_of([bytes.fromhex(one) for one in frames]) == [bytes.fromhex(one) for one in messages]


def test_a_key_that_need_not_be_right_is_made_plain() -> None:
    keyed = Keyed.of(b"\x27\x02", key_bytes=3)
    minimizer = Minimizer(lambda setting, stimuli: len(stimuli[0][0]) == 5 and stimuli[0][0][:2] == b"\x27\x02")
    part, pattern = minimizer.bytes_of(Setting(), [(keyed,)])
    assert (part, type(part[0][0]), pattern) == ([(b"\x27\x02\x00\x00\x00",)], bytes, ((0x27, 0x02, ANY, ANY, ANY),))
