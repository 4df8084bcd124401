"""Prove sessions, values, and which verdict a reply leads to."""

from dataclasses import replace
from typing import Any

import pytest

from harness.errors import ContactLost, Inconclusive, Violation
from harness.target import DataEntry, SecurityLevel, SessionEntry, Target, Timing, Values
from harness.target.values import VALUES
from harness.tester.reply import Expectation, malformed, negative, positive, silence
from harness.verdict import Severity

from .bench import Bench, ScriptedEcu, SecuredEcu, allowing, bare, secured

READ = "22 10 10"
WITH_SESSIONS = Timing(s3_ms=5000)
DENIED, SEQUENCE_ERROR = negative(0x33), negative(0x24)


# Sessions


def test_session_is_asked_for_and_the_reply_tells() -> None:
    ecu = SecuredEcu()
    tester = Bench(ecu).tester
    assert tester.enter_session(0x03).is_positive
    assert ecu.session == 0x03
    assert tester.enter_session(0x02).is_negative
    assert ecu.session == 0x03


def test_sessions_to_try_are_the_declared_ones() -> None:
    declared = (SessionEntry(id=0x01), SessionEntry(id=0x40))
    assert Bench(ScriptedEcu(), target=bare(timing=WITH_SESSIONS, sessions=declared)).tester.sessions() == [0x01, 0x40]


def test_sessions_to_try_are_the_usual_ones_where_none_is_declared() -> None:
    assert Bench(ScriptedEcu(), target=bare(timing=WITH_SESSIONS)).tester.sessions() == [0x01, 0x02, 0x03]


def test_no_session_is_tried_where_the_target_has_none() -> None:
    assert Bench(ScriptedEcu()).tester.sessions() == []


def test_programming_session_is_not_tried_without_permission() -> None:
    assert Bench(ScriptedEcu(), target=allowing("write", timing=WITH_SESSIONS)).tester.sessions() == [0x01, 0x03]


@pytest.mark.parametrize(
    ("session", "timing", "requests"),
    [(0x03, WITH_SESSIONS, ["1003"]), (0x01, WITH_SESSIONS, []), (None, WITH_SESSIONS, []), (0x03, Timing(), [])],
)
def test_session_of_a_level_is_entered_if_there_is_one(session: int | None, timing: Timing, requests: list[str]) -> None:
    ecu = ScriptedEcu({"10 03": "50 03"})
    declared = bare(timing=timing, security=(SecurityLevel(level=0x01, session=session),))
    Bench(ecu, target=declared).tester.session_for(0x01)
    assert ecu.heard == requests


@pytest.mark.parametrize("answers", ["7F 10 22", []])
def test_session_of_a_level_that_is_not_entered_is_inconclusive(answers: Any) -> None:
    declared = bare(timing=WITH_SESSIONS, security=(SecurityLevel(level=0x01, session=0x03),))
    with pytest.raises(Inconclusive, match="session 0x03, where level 0x01 should be"):
        Bench(ScriptedEcu({"10 03": answers}), target=declared).tester.session_for(0x01)


# Values


def test_value_is_what_follows_the_did() -> None:
    assert Bench(ScriptedEcu({READ: "62 10 10 05 06"})).tester.read(0x1010) == b"\x05\x06"


@pytest.mark.parametrize("answers", ["7F 22 31", [], "raw 70", "62 10"])
def test_value_that_cannot_be_read_is_inconclusive(answers: Any) -> None:
    with pytest.raises(Inconclusive, match="1010 cannot be read"):
        Bench(ScriptedEcu({READ: answers})).tester.read(0x1010)


def test_stable_value_is_read_three_times() -> None:
    ecu = ScriptedEcu({READ: "62 10 10 05"})
    assert Bench(ecu).tester.stable_value(0x1010) == b"\x05"
    assert len(ecu.heard) == 3


def test_value_that_changes_by_itself_is_inconclusive() -> None:
    ecu = ScriptedEcu(lambda pdu: f"62 10 10 {len(ecu.heard):02X}")
    with pytest.raises(Inconclusive, match="1010 changes by itself"):
        Bench(ecu).tester.stable_value(0x1010)


def test_write_sends_the_value_after_the_did() -> None:
    ecu = ScriptedEcu()
    Bench(ecu).tester.write(0x1010, b"\x05\x06")
    assert ecu.heard == ["2e10100506"]


# Another valid value


def values(written: str | list[str]) -> Values:
    allowed: Values = VALUES.parse(written)
    return allowed


def other(value: str, allowed: str | list[str] | None) -> bytes:
    entry = DataEntry(did=0x1010, values=None if allowed is None else values(allowed))
    return Bench(ScriptedEcu()).tester.other_value(entry, bytes.fromhex(value))


@pytest.mark.parametrize("value", ["00", "FF", "00 00", "12 34 56"])
def test_other_value_is_of_the_same_length_and_differs(value: str) -> None:
    found = other(value, None)
    assert found != bytes.fromhex(value)
    assert len(found) == len(bytes.fromhex(value))


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("00", "00..01"),
        ("01", "00..01"),
        ("7F", "00..7F"),
        ("10", ["10", "50"]),
        ("00 00", "0000..03E7"),
        ("03 E7", "0000..03E7"),
        pytest.param("05", ["05", "10"], id="values that differ in several bits"),
        pytest.param("05 55", "00..7F 55", id="range in the first byte"),
        pytest.param("00 FF", "00FF..0100", id="carry into the first byte"),
    ],
)
def test_other_value_is_one_that_is_declared(value: str, allowed: str | list[str]) -> None:
    found = other(value, allowed)
    assert found in values(allowed)
    assert found != bytes.fromhex(value)


@pytest.mark.parametrize(("value", "allowed"), [("05", "05"), ("", None)])
def test_no_other_value_is_inconclusive(value: str, allowed: str | None) -> None:
    with pytest.raises(Inconclusive, match="no second value"):
        other(value, allowed)


# Judging a reply


def judge(answers: Any, **how: Any) -> Bench:
    bench = Bench(ScriptedEcu({READ: answers, "3E 00": "7E 00"}))
    bench.tester.judge(bench.tester.request(READ), **how)
    return bench


def test_sound_reply_passes_without_a_word() -> None:
    tester = judge("7F 22 33", sound=DENIED, flawed=positive()).tester
    assert (tester.notes, tester.evidence) == ([], [])


def test_tolerated_reply_passes_with_a_note_that_names_the_rule() -> None:
    (note,) = judge("7F 22 13", sound=DENIED, tolerated=negative(0x13), flawed=positive()).tester.notes
    assert "0x13" in note
    assert "0x33" in note


def test_flawed_reply_fails_with_both_sides() -> None:
    with pytest.raises(Violation) as caught:
        judge("62 10 10 05", sound=DENIED, flawed=positive(), severity=Severity.CRITICAL)
    assert caught.value.expected == "negative 0x33 securityAccessDenied"
    assert caught.value.observed == "positive 62 10 10 05"
    assert caught.value.severity is Severity.CRITICAL


def test_what_is_tolerated_is_no_excuse_for_what_is_not() -> None:
    with pytest.raises(Violation):
        judge("62 10 10 05", sound=DENIED, tolerated=negative(0x13), flawed=positive())


def test_whatever_is_not_sound_fails_where_no_flaw_is_named() -> None:
    with pytest.raises(Violation, match="observed no valid answer"):
        judge("raw 70", sound=DENIED)


def test_what_is_neither_sound_nor_flawed_is_inconclusive() -> None:
    with pytest.raises(Inconclusive, match="0x22 conditionsNotCorrect"):
        judge("7F 22 22", sound=DENIED, flawed=positive())


def test_silence_of_a_living_ecu_is_inconclusive() -> None:
    with pytest.raises(Inconclusive) as caught:
        judge([], sound=DENIED, flawed=positive())
    assert not isinstance(caught.value, ContactLost)


def test_silence_of_a_dead_ecu_is_lost_contact() -> None:
    tester = Bench(ScriptedEcu()).tester
    with pytest.raises(ContactLost, match="22 10 10"):
        tester.judge(tester.request(READ), sound=DENIED, flawed=positive())


@pytest.mark.parametrize("flawed", [None, positive(), silence() | negative()])
@pytest.mark.parametrize("answers", ["7F 22 21", "7F 22 78"])
def test_busy_or_pending_for_ever_is_inconclusive(answers: str, flawed: Expectation | None) -> None:
    with pytest.raises(Inconclusive, match="comes to no answer"):
        judge(answers, sound=DENIED, flawed=flawed)


@pytest.mark.parametrize("flawed", [positive(), positive() | SEQUENCE_ERROR])
def test_reply_that_does_not_pass_is_cited(flawed: Expectation) -> None:
    bench = Bench(ScriptedEcu({READ: "7F 22 24"}))
    reply = bench.tester.request(READ)
    with pytest.raises((Violation, Inconclusive)):
        bench.tester.judge(reply, sound=DENIED, flawed=flawed)
    assert [exchange.outcome for exchange in bench.tester.evidence] == ["negative 0x24 requestSequenceError"]


# Expectations


REPLIES = {
    "positive": "62 10 10 05",
    "negative 0x33": "7F 22 33",
    "negative 0x31": "7F 22 31",
    "malformed": "raw 70",
    "silence": [],
}


@pytest.mark.parametrize(
    ("expectation", "accepted"),
    [
        (positive(), {"positive"}),
        (negative(0x33), {"negative 0x33"}),
        (negative(0x31, 0x33), {"negative 0x31", "negative 0x33"}),
        (negative(), {"negative 0x31", "negative 0x33"}),
        (malformed(), {"malformed"}),
        (silence(), {"silence"}),
        (positive() | silence(), {"positive", "silence"}),
        (negative(0x31) | negative(0x33), {"negative 0x31", "negative 0x33"}),
        (negative() | negative(0x33), {"negative 0x31", "negative 0x33"}),
        (negative(0x24) | malformed(), {"malformed"}),
        (Expectation(), set()),
    ],
)
def test_expectation_accepts_these_and_no_others(expectation: Expectation, accepted: set[str]) -> None:
    for name, answers in REPLIES.items():
        reply = Bench(ScriptedEcu({READ: answers})).tester.request(READ)  # type: ignore[dict-item]
        assert expectation.accepts(reply) is (name in accepted), name


def test_response_pending_is_no_silence_to_an_expectation() -> None:
    """`silence()` accepts only that no frame comes from the ECU; an answer that was promised and not sent is no silence."""
    reply = Bench(ScriptedEcu({READ: "7F 22 78"})).tester.request(READ)
    assert not silence().accepts(reply)


def test_or_is_the_same_either_way_and_harmless_twice() -> None:
    either = positive() | negative(0x33)
    assert either == negative(0x33) | positive() == either | either


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (positive(), "positive"),
        (negative(), "negative"),
        (negative(0x33), "negative 0x33 securityAccessDenied"),
        (negative(0x33, 0x24), "negative 0x24 requestSequenceError or 0x33 securityAccessDenied"),
        (negative(0x80), "negative 0x80"),
        (silence() | positive(), "positive or silence"),
        (malformed() | negative(), "malformed or negative"),
        (Expectation(), "nothing"),
    ],
)
def test_expectation_in_words(expectation: Expectation, words: str) -> None:
    assert str(expectation) == words


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ("62 10 10 05", "positive 62 10 10 05"),
        ("7F 22 33", "negative 0x33 securityAccessDenied"),
        ("7F 22 99", "negative 0x99"),
        ("7F 22", "no valid answer, but 7F 22"),
        ("raw 70", "no valid answer, but frames that hold none"),
        ([], "silence"),
        ("62 10 10" + " AA" * 97, "positive 62 10 10" + " AA" * 21 + " … (100 bytes)"),
    ],
)
def test_reply_in_words(answers: Any, words: str) -> None:
    assert str(Bench(ScriptedEcu({READ: answers})).tester.request(READ)) == words


# Permissions


def test_permissions_of_the_target_can_be_asked() -> None:
    tester = Bench(ScriptedEcu(), target=allowing("write")).tester
    assert tester.allows("write")
    assert not tester.allows("reset")
    assert tester.permits(b"\x2e\x10\x10\x05")
    assert not tester.permits(b"\x11\x01")


def test_a_target_without_s3_has_no_sessions() -> None:
    assert not Bench(ScriptedEcu()).tester.has_sessions
    assert Bench(ScriptedEcu(), target=secured()).tester.has_sessions


# The way to a session

IN = {"10 03": "50 03 00 32 01 F4", "10 40": "50 40 00 32 01 F4", "10 02": "50 02 00 32 01 F4"}


def declared(*sessions: SessionEntry) -> Target:
    return replace(bare(), sessions=sessions)


def test_the_way_is_gone_step_by_step() -> None:
    ecu = ScriptedEcu(IN)
    steps = (SessionEntry(id=0x03), SessionEntry(id=0x40, via=0x03), SessionEntry(id=0x02, via=0x40))
    bench = Bench(ecu, target=declared(*steps))
    assert bench.tester.enter_session(0x02).request == b"\x10\x02"
    assert ecu.heard == ["1003", "1040", "1002"]


def test_ways_that_lead_in_a_circle_end() -> None:
    target = declared(SessionEntry(id=0x03, via=0x40), SessionEntry(id=0x40, via=0x03))
    assert target.way_to(0x03) == (0x40, 0x03)


def test_a_session_without_a_declared_way_is_asked_for_at_once() -> None:
    assert declared(SessionEntry(id=0x03)).way_to(0x03) == (0x03,)
