"""Prove that a case sends nothing that is not permitted, no wrong key too many, and none before the right one."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.fuzzing import check_of
from harness.check import declared_attack
from harness.runs.findings import Finding
from harness.target import load_target
from harness.verdict import Depth, Verdict

from .playing import NODES, allowing, case, run, target

ALL = ("lockout", "write", "reset", "power", "functional", "destructive")


def requests(finding: Finding) -> list[str]:
    return [exchange.request for exchange in finding.exchanges]


@pytest.mark.parametrize(
    ("keys", "needs", "uses"),
    [
        ({"send": '"22 {00..FF}"'}, (), ()),
        ({"send": '"2E {did} 00"'}, ("write",), ()),
        ({"send": '"27 {level}"'}, (), ()),
        ({"send": '"27 {level+1} {4*}"'}, ("lockout",), ()),
        ({"send": '"27 {00..FF}"'}, (), ("lockout",)),
        ({"send": '["27 01", "27 02 {4*}", "2E 20 20 00"]'}, ("lockout", "write"), ()),
        ({"send": '"{00..FF} 00"'}, (), ("write", "reset", "destructive", "lockout")),
        ({"send": '"31 01 {0000..0003}"'}, (), ("destructive",)),
        ({"send": '"10 02"'}, (), ("reset",)),
        ({"send": '"22 10 10"', "state": '"session 0x02"'}, (), ("reset",)),
        ({"send": '"22 10 10"', "state": '"unlocked 0x03"'}, (), ()),
        ({"send": '"03 22 10 10"', "raw": "true"}, (), ()),
        ({"send": '"40 2E 20 20 00"', "raw": "true"}, (), ("write",)),
        ({"send": '"10 02 27 02"', "raw": "true"}, (), ("lockout", "reset")),
        ({"send": '"{1..7*}"'}, (), ("lockout", "write", "reset", "functional", "destructive")),
        ({"send": '"27 {0..7*}"'}, (), ("lockout", "write", "reset", "functional", "destructive")),
        ({"send": '"03 22 {2*}"', "raw": "true"}, (), ("lockout", "write", "reset", "functional", "destructive")),
    ],
)
def test_what_a_case_needs_follows_from_what_it_sends(
    tmp_path: Path, keys: dict[str, str], needs: tuple[str, ...], uses: tuple[str, ...]
) -> None:
    declared = declared_attack(check_of(case(tmp_path, **keys)))
    assert declared is not None
    assert (set(declared.needs), set(declared.uses)) == (set(needs), set(uses))


def test_a_case_that_needs_what_is_not_allowed_is_not_run(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"2E 10 10 00"'), target(**allowing("lockout")))
    assert finding.verdict is Verdict.NOT_RUN
    assert "does not allow write" in finding.reason
    assert requests(finding) == []


def test_a_sequence_is_not_begun_that_could_not_be_finished(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='["22 10 10", "2E 10 10 {00..05}"]'), target(**allowing()))
    assert (finding.verdict, finding.last_frame - finding.first_frame) == (Verdict.NOT_RUN, 0)


def test_messages_that_are_not_allowed_are_left_out_and_counted(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"{00..FF} 01"'), target(**allowing("write", "lockout")))
    assert finding.verdict is Verdict.PASS
    (left_out,) = [note for note in finding.notes if " of 256 messages were left out; the first: " in note]
    assert 'the target does not allow "destructive"; see [safety] allow in the target file' in left_out
    count = int(left_out.partition(" ")[0])
    assert f"{256 - count} messages judged; life, lock and protected values were watched" in finding.notes


def test_raw_frames_pass_only_if_whatever_may_be_read_into_them_is_allowed(tmp_path: Path) -> None:
    frames = case(tmp_path, raw="true", send='"{03|40} {22|2E} 10 10 00"')
    finding = run(frames, target(**allowing("lockout")))
    assert finding.verdict is Verdict.PASS
    assert any(note.startswith("2 of 4 messages were left out") for note in finding.notes)


def test_keys_that_are_over_budget_are_not_begun(tmp_path: Path) -> None:
    keys = case(tmp_path, send='"27 02 {0..9*}"', state='"seed pending"')
    finding = run(keys, target(**allowing(*ALL, wrong_keys=9)))
    assert finding.verdict is Verdict.NOT_RUN
    assert "0 of 9 spent, 10 more wanted" in finding.reason
    assert run(keys, target(**allowing(*ALL, wrong_keys=10))).verdict is Verdict.PASS


@pytest.mark.parametrize(("depth", "wrong_keys"), [(Depth.QUICK, 3), (Depth.DEFAULT, 8), (Depth.DEEP, 20)])
def test_a_case_spends_as_many_wrong_keys_as_the_depth_has_room_for(tmp_path: Path, depth: Depth, wrong_keys: int) -> None:
    keys = case(tmp_path, send='"27 02 {0..19*}"', state='"seed pending"')
    enough, too_few = (target(**allowing(*ALL, wrong_keys=budget)) for budget in (wrong_keys, wrong_keys - 1))
    assert run(keys, enough, depth=depth).verdict is Verdict.PASS
    assert run(keys, too_few, depth=depth).verdict is Verdict.NOT_RUN


@pytest.mark.parametrize("keys", [{"send": '"27 82 {0..9*}"'}, {"send": '"03 27 {02|82} {4*}"', "raw": "true"}])
def test_suppressed_and_raw_keys_count_too(tmp_path: Path, keys: dict[str, str]) -> None:
    finding = run(case(tmp_path, **keys), target(**allowing(*ALL, wrong_keys=1)))
    assert finding.verdict is Verdict.NOT_RUN
    assert "budget of wrong keys for level 0x01" in finding.reason


def test_no_wrong_key_is_sent_if_the_right_one_does_not_work(tmp_path: Path) -> None:
    wrong = tuple(replace(entry, key=f"{NODES}:all_zero", secret=None) for entry in load_target("hardened").security)
    for message in ("27 02 {16*}", "27 82 {16*}"):
        finding = run(case(tmp_path, send=f'"{message}"', state='"session 0x03"'), target(security=wrong))
        assert finding.verdict is Verdict.INCONCLUSIVE
        assert "key function suspect" in finding.reason


def test_many_wrong_keys_do_not_lock_an_ecu_whose_key_is_known(tmp_path: Path) -> None:
    keys = case(tmp_path, send='["27 02 {16*}", "27 {00..13}"]', state='"seed pending"')
    finding = run(keys)
    assert finding.verdict is Verdict.PASS
    assert finding.duration_s < 10


def test_a_lockout_is_waited_out_without_a_key(tmp_path: Path) -> None:
    no_key = tuple(replace(entry, key=None, secret=None) for entry in load_target("hardened").security)
    keys = case(tmp_path, send='["10 03", "27 01", "27 02 {00..06} {15*}"]', expect='"negative 35|36"')
    finding = run(keys, target(security=no_key))
    assert finding.verdict is Verdict.PASS, finding
    assert finding.duration_s > 20


def test_a_random_key_that_is_right_is_nobodys_fault(tmp_path: Path) -> None:
    easy = replace(load_target("hardened").security[0], key=f"{NODES}:low_bit", secret=None)
    keys = case(tmp_path, send='"27 02 {00|01|00|01|00|01}"', state='"seed pending"', expect='"negative 35|36"')
    finding = run(keys, target("one_byte_keys", security=(easy, *load_target("hardened").security[1:])))
    assert finding.verdict is Verdict.PASS, finding
    assert "a random key was the right one; it was not judged" in finding.notes


def test_an_unlock_of_our_own_is_not_blamed_on_the_next_message(tmp_path: Path) -> None:
    keys = case(tmp_path, send='"27 02 {00..0F} {15*}"', state='"seed pending"', expect='"negative 35|36"')
    assert run(keys, target("hardened+unlock_survives_default_session")).verdict is Verdict.PASS


@pytest.mark.parametrize("raw", ["false", "true"])
def test_messages_that_are_wholly_random_are_sent_all_the_same(tmp_path: Path, raw: str) -> None:
    finding = run(case(tmp_path, send='"{1..7*} {00..3F}"', raw=raw))
    assert finding.verdict is Verdict.PASS, finding
    assert "448 messages judged; life, lock and protected values were watched" in finding.notes
