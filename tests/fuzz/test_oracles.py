"""Prove what must hold after every message: each injected flaw is found, and only the right message is blamed."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.fuzzing import check_of
from harness.target import Reset, load_target
from harness.testing import run_checks
from harness.verdict import Severity, Verdict

from .playing import allowing, case, run, target

READS = '"22 00 {00..7F}"'
"""Reads, of which the 78th is 22 00 4D."""


def test_a_sound_ecu_passes(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send=READS, expect='"negative 31"'))
    assert finding.verdict is Verdict.PASS
    assert finding.id == "fuzz/one"
    assert finding.parameter is None
    assert "128 messages judged" in finding.notes[0]


@pytest.mark.parametrize("state", [{}, {"state": '"session 0x03"'}, {"state": '"seed pending"'}])
@pytest.mark.parametrize(
    ("node", "expected", "severity"),
    [
        ("read_of_one_did_unlocks", "DID 2020 locked as before after 22 00 4D", Severity.CRITICAL),
        ("read_of_one_did_writes_serial_number", "DID F18C unchanged after 22 00 4D", Severity.CRITICAL),
        ("read_of_one_did_kills", "the ECU answers after 22 00 4D", Severity.HIGH),
        ("read_of_one_did_kills_later", "the ECU answers after 22 00 4D", Severity.HIGH),
        ("read_of_one_did_restarts", "the ECU survives 22 00 4D", Severity.HIGH),
    ],
)
def test_a_flaw_that_no_answer_shows_is_blamed_on_the_message(
    tmp_path: Path, node: str, expected: str, severity: Severity, state: dict[str, str]
) -> None:
    finding = run(case(tmp_path, send=READS, severity='"low"', **state), target(node))
    assert (finding.verdict, finding.expected, finding.severity) == (Verdict.FAIL, expected, severity)
    assert "22 00 4D" in [exchange.request for exchange in finding.exchanges]


def test_the_observed_side_says_what_happened(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"2E {did} 00"', state='"session 0x03"'), target("hardened+write_before_refusal"))
    assert finding.observed == "it went from FF to 00; the answer was negative 0x33 securityAccessDenied"


def test_an_unexpected_answer_fails_with_both_sides(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='["10 03", "22 {10|20} 10"]', expect='"negative 31"', severity='"low"'))
    assert finding.verdict is Verdict.FAIL
    assert finding.expected == "negative 0x31 requestOutOfRange to the last of 10 03, then 22 10 10"
    assert finding.observed == "positive 62 10 10 FF"
    assert finding.severity is Severity.LOW
    assert [exchange.request for exchange in finding.exchanges] == ["10 03", "22 10 10"]


def test_silence_is_expected_only_of_a_living_ecu(tmp_path: Path) -> None:
    silent = case(tmp_path, send='"22 00 {4C|4D}"', expect='"silence|negative"')
    assert run(silent).verdict is Verdict.PASS
    finding = run(silent, target("read_of_one_did_kills"))
    assert (finding.verdict, finding.expected) == (Verdict.FAIL, "the ECU answers after 22 00 4D")


def test_an_ecu_that_nothing_brings_back_is_lost_and_not_guilty(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_kills_for_good"))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "contact was lost after 22 00 4D" in finding.notes


def test_a_loss_that_is_not_repeated_is_inconclusive(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"22 00 4D"'), target("dies_once"))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "passed when repeated" in finding.reason


def test_an_ecu_that_starts_unlocked_and_stays_so_is_not_blamed(tmp_path: Path) -> None:
    ecu = target("always_unlocked", reset=Reset())
    finding = run(case(tmp_path, send='"2E 20 20 00"', expect='"negative 33"'), ecu)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "initial state unlocked" in finding.reason


def test_a_value_that_changes_by_itself_is_not_watched(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send=READS), target("value_changes_by_itself"))
    assert finding.verdict is Verdict.PASS
    assert any(note.startswith("not watched: DID 2020 changes by itself") for note in finding.notes)


def test_a_change_that_cannot_be_undone_stands_although_it_cannot_be_repeated(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_for_good"))
    assert finding.verdict is Verdict.FAIL
    assert finding.expected == "DID F18C unchanged after one of 16 messages up to 22 00 4F"
    assert "the failure could not be repeated: DID F18C is still changed, and nothing puts it back" in finding.notes


def test_a_volatile_value_is_not_watched(tmp_path: Path) -> None:
    data = tuple(replace(entry, volatile=entry.did == 0xF18C) for entry in load_target("hardened").data)
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_serial_number", data=data))
    assert finding.verdict is Verdict.PASS


def test_a_secret_value_is_not_shown(tmp_path: Path) -> None:
    data = tuple(replace(entry, secret=entry.did == 0xF18C) for entry in load_target("hardened").data)
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_serial_number", data=data))
    assert finding.verdict is Verdict.FAIL
    assert finding.observed.startswith("its content, which is secret, has changed")


def test_an_open_level_may_write_its_own_data_and_no_other(tmp_path: Path) -> None:
    own = case(tmp_path, send='"2E 20 20 {00..10}"', expect='"positive"', state='"unlocked 0x01"')
    assert run(own).verdict is Verdict.PASS
    finding = run(case(tmp_path, send='"2E {did} 00"', state='"unlocked 0x03"'), target("any_level_writes"))
    assert (finding.verdict, finding.expected) == (Verdict.FAIL, "DID 2020 unchanged after 2E 20 20 00")


def test_what_messages_wrote_is_put_back(tmp_path: Path) -> None:
    writing = check_of(case(tmp_path, id='"writing"', send='"2E 10 10 {00|01}"', expect='"positive"'))
    reading = check_of(case(tmp_path, id='"reading"', send='"22 10 10"'))
    written, read = run_checks([writing, reading], target())
    assert written.verdict is Verdict.PASS
    assert written.exchanges[0].request == "2E 10 10 01"
    assert read.exchanges[0].replies == ("62 10 10 FF",)


def test_without_permission_to_write_the_lock_is_not_watched_and_a_note_says_so(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_unlocks", **allowing("lockout", "reset", "power")))
    assert finding.verdict is Verdict.PASS
    assert "the lock state was not watched: the target does not allow the probe, a write" in finding.notes


def test_a_target_that_declares_nothing_is_only_watched_for_life(tmp_path: Path) -> None:
    bare = target("read_of_one_did_kills", data=(), security=())
    finding = run(case(tmp_path, send=READS), bare)
    assert (finding.verdict, finding.expected) == (Verdict.FAIL, "the ECU answers after 22 00 4D")
    assert any(note.startswith("no protected values were watched") for note in finding.notes)


@pytest.mark.parametrize("state", ["session 0x60", "unlocked 0x11", "seed pending 0x11"])
def test_a_state_that_the_target_does_not_declare_is_not_applicable(tmp_path: Path, state: str) -> None:
    assert run(case(tmp_path, state=f'"{state}"')).verdict is Verdict.NOT_APPLICABLE


def test_a_state_that_the_ecu_does_not_enter_is_inconclusive(tmp_path: Path) -> None:
    no_key = tuple(replace(entry, key=None, secret=None) for entry in load_target("hardened").security)
    finding = run(case(tmp_path, state='"unlocked 0x01"'), target(security=no_key))
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "no key function is given for level 0x01")


@pytest.mark.parametrize(
    ("data", "expect", "verdict"),
    [
        ("03 22 10 10", "positive", Verdict.PASS),
        ("03 22 10 10", "silence", Verdict.FAIL),
        ("03 22 77 77", "negative 31", Verdict.PASS),
        ("03 22 77 77", "positive", Verdict.FAIL),
        ("F3 22 10 10", "silence", Verdict.PASS),
        ("", "silence", Verdict.PASS),
        ("10 10 22 10 10 20 20 10", "any", Verdict.PASS),
        ("10 10 22 10 10 20 20 10", "silence|positive|negative", Verdict.FAIL),
    ],
)
def test_raw_frames_are_judged_by_the_frames_that_follow(tmp_path: Path, data: str, expect: str, verdict: Verdict) -> None:
    finding = run(case(tmp_path, raw="true", send=f'"{data}"', expect=f'"{expect}"'))
    assert finding.verdict is verdict, finding


def test_a_list_of_raw_frames_is_sent_back_to_back(tmp_path: Path) -> None:
    finding = run(case(tmp_path, raw="true", send='["10 09 22 10 10 20 20 10", "21 10 F1 8C"]', expect='"any"'))
    assert finding.exchanges[-1].request.startswith("raw 740#1009221010202010, 740#2110F18C")


def test_a_reset_that_a_message_asks_for_is_waited_for(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='["11 {01|81}", "22 10 10"]', expect='"positive"'))
    assert finding.verdict is Verdict.PASS, finding


def test_messages_that_the_ecu_does_not_take_whole_are_not_judged(tmp_path: Path) -> None:
    ecu = target("takes_single_frames_only")
    finding = run(case(tmp_path, send='"22 77 77 {0..20*}"', expect='"negative 13|31"'), ecu)
    assert finding.verdict is Verdict.PASS, finding
    assert "16 long messages were not taken whole, and not judged (N_TIMEOUT_Bs)" in finding.notes
    assert finding.duration_s < 12, "long messages are not waited for once it is known that they are not taken"
    long_only = run(case(tmp_path, send='"22 77 77 {10..20*}"', expect='"negative 13|31"'), ecu)
    assert (long_only.verdict, "N_TIMEOUT_Bs" in long_only.reason) == (Verdict.INCONCLUSIVE, True)


def test_a_message_that_kills_before_it_is_whole_is_blamed_all_the_same(tmp_path: Path) -> None:
    finding = run(case(tmp_path, send='"22 77 77 {10*}"'), target("first_frame_kills"))
    assert (finding.verdict, finding.severity) == (Verdict.FAIL, Severity.HIGH)
    assert finding.expected.startswith("the ECU answers after 22 77 77")


@pytest.mark.parametrize("node", ["value_drifts", "value_counts_requests"])
def test_a_value_that_changes_slowly_by_itself_is_not_blamed_on_a_message(tmp_path: Path, node: str) -> None:
    finding = run(case(tmp_path, send='["10 03", "27 01", "22 00 {00..7F}"]'), target(node))
    assert finding.verdict is Verdict.PASS, finding
    assert any("DID 2020 changes by itself" in note for note in finding.notes)


def test_late_answers_are_not_taken_for_answers_to_raw_frames(tmp_path: Path) -> None:
    finding = run(case(tmp_path, raw="true", send='"{40..48} 2E 20 20 00"', expect='"silence"'), target("answers_twice"))
    assert finding.verdict is Verdict.PASS, finding


def test_an_ecu_that_sends_unasked_cannot_be_judged_by_raw_frames(tmp_path: Path) -> None:
    finding = run(case(tmp_path, raw="true", send='"40 2E 20 20 00"', expect='"silence"'), target("chatters"))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "unasked" in finding.reason


def test_many_protected_values_are_watched_now_and_then(tmp_path: Path) -> None:
    many = tuple(replace(entry, write=load_target("hardened").data[1].write) for entry in load_target("hardened").data)
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_serial_number", data=many))
    assert (finding.verdict, finding.expected) == (Verdict.FAIL, "DID F18C unchanged after 22 00 4D")


def test_what_was_found_guarded_is_watched_and_what_was_only_found_is_not(tmp_path: Path) -> None:
    found = tuple(replace(entry, origin="found") for entry in load_target("hardened").data)
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_serial_number", data=found))
    assert finding.verdict is Verdict.PASS
    guarded = tuple(replace(entry, write=load_target("hardened").data[1].write) for entry in found)
    finding = run(case(tmp_path, send=READS), target("read_of_one_did_writes_serial_number", data=guarded))
    assert (finding.verdict, finding.expected) == (Verdict.FAIL, "DID F18C unchanged after 22 00 4D")
