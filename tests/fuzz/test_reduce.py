"""Prove that failures are reduced, also to requests without right keys, and that cases with the right key send no more."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.fuzz.bench import Setting
from harness.fuzz.found import ANY
from harness.fuzz.keyed import Keyed
from harness.fuzz.minimal import Minimizer, messages_of, reduced

from .playing import case, run, target


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


# Cases with the right key: exactly what a finding needs, both repeated and singly


def test_a_key_out_of_the_padding_is_the_right_one(tmp_path: Path) -> None:
    keys = {"send": '"02 27 02 {key} 00"', "raw": "true", "state": '"seed pending 0x01"'}
    finding = run(case(tmp_path, **keys), target("article", "article"))
    assert finding.verdict == "fail"
    assert "2020 locked as before" in finding.expected
    assert "{key}" in finding.expected
    assert finding.severity == "medium", "who has the key could have sent it in its own message"


@pytest.mark.parametrize(
    ("flaw", "send", "severity"),
    [("longer_key_accepted", "{key} 00", "medium"), ("first_bytes_compared", "{key:2} {14*}", "critical")],
)
def test_it_is_worse_to_open_by_a_part_of_the_key(flaw: str, send: str, severity: str, tmp_path: Path) -> None:
    keys = {"send": f'"27 02 {send}"', "state": '"seed pending 0x01"', "expect": '"negative"'}
    finding = run(case(tmp_path, **keys), target(f"hardened+{flaw}"))
    assert (finding.verdict, finding.severity) == ("fail", severity)


def test_the_right_key_in_its_own_message_is_no_finding(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"27 02 {key}"', state='"seed pending 0x01"'))
    assert finding.verdict == "pass", finding.observed


def test_a_part_of_the_key_is_refused_by_a_sound_ecu(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"27 02 {key:3}"', state='"seed pending 0x01"', expect='"negative 13"'))
    assert finding.verdict == "pass", finding.observed


def test_a_message_is_repeated_before_it_is_judged(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"3E 00"', repeat="40", expect='"positive"'))
    assert finding.verdict == "pass"
    assert "40 messages judged" in " ".join(finding.notes)


def test_frames_that_are_apart_are_each_answered(tmp_path: Path) -> None:
    keys = {"send": '["02 3E 00", "03 22 10 10"]', "raw": "true", "gap_ms": "5", "expect": '"positive"'}
    assert run(case(tmp_path, **keys)).verdict == "pass"


def test_a_gap_is_for_frames_only(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="give raw = true too"):
        case(tmp_path, gap_ms="5")


def test_two_keys_in_one_message_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two keys in one message"):
        case(tmp_path, send='"27 02 {key} {key}"')
