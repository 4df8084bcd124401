"""Prove that cases with the right key send exactly what a finding needs, both repeated and singly."""

from pathlib import Path

import pytest

from harness.errors import UserError

from .playing import case, run, target


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
