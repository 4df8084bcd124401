"""Prove what frames show of an ECU's parts: that a part exists, that it does not, or neither."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tester.ecu_state import EcuState
from harness.tester.presence import Presence, PresenceState
from harness.tester.reply import ReplyKind
from harness.tester.seen import Condition, Seen

DEFAULT, EXTENDED = 0x01, 0x03


def heard(*exchanges: tuple[str, ReplyKind | int, int]) -> Presence:
    presence = Presence()
    for request, outcome, session in exchanges:
        presence.hear(bytes.fromhex(request), outcome, session)
    return presence


@pytest.mark.parametrize("nrc", [0x10, 0x12, 0x13, 0x22, 0x24, 0x31, 0x33, 0x34, 0x35, 0x7E, 0x7F])
def test_whatever_refuses_a_request_but_with_0x11_shows_that_the_service_is_there(nrc: int) -> None:
    assert heard(("2F", nrc, DEFAULT)).service(0x2F).is_there


def test_0x11_to_a_request_long_enough_to_be_served_shows_that_a_service_is_absent() -> None:
    known = heard(("27 01", 0x11, DEFAULT)).service(0x27)
    assert known.is_absent
    assert "27 01 in session 0x01" in known.why


def test_0x11_to_a_single_byte_shows_nothing() -> None:
    assert heard(("27", 0x11, DEFAULT)).service(0x27).standing is PresenceState.NOT_KNOWN


def test_silence_shows_nothing() -> None:
    assert heard(("29 08", ReplyKind.SILENCE, DEFAULT)).service(0x29).standing is PresenceState.NOT_KNOWN


def test_0x11_in_one_session_and_silence_in_another_shows_nothing() -> None:
    presence = heard(
        ("29 08", 0x11, DEFAULT), ("10 03", ReplyKind.POSITIVE, DEFAULT), ("29 08", ReplyKind.SILENCE, EXTENDED)
    )
    assert presence.service(0x29).standing is PresenceState.NOT_KNOWN


def test_what_nobody_asked_for_is_not_known() -> None:
    known = Presence().service(0x27)
    assert (known.standing, known.why) == (PresenceState.NOT_KNOWN, "service 27 was not asked for")


def test_a_service_that_is_refused_like_one_that_nobody_has_is_absent() -> None:
    presence = heard(("1E 00", 0x10, DEFAULT), ("29 08", 0x10, DEFAULT))
    assert presence.service(0x29).is_absent


def test_a_length_that_is_refused_of_any_service_shows_neither() -> None:
    presence = heard(("1E 00", 0x13, DEFAULT), ("29 08", 0x13, DEFAULT))
    assert presence.service(0x29).standing is PresenceState.NOT_KNOWN


def test_a_service_that_one_session_has_is_there_whatever_another_says() -> None:
    assert heard(("27 01", 0x11, DEFAULT), ("27 01", 0x7F, EXTENDED)).service(0x27).is_there


@pytest.mark.parametrize("nrc", [0x22, 0x33, 0x7E, 0x24])
def test_a_refused_session_is_there_and_named_with_its_code(nrc: int) -> None:
    presence = heard(("10 02", nrc, DEFAULT), ("27 01", 0x7F, DEFAULT))
    assert presence.session(0x02).is_there
    assert presence.refused_sessions() == {0x02: nrc}
    assert f"10 02 is refused with 0x{nrc:02X}" in presence.security_access().why


def test_the_refusal_that_tells_most_is_named() -> None:
    assert heard(("10 02", 0x7E, DEFAULT), ("10 02", 0x22, EXTENDED)).refused_sessions() == {0x02: 0x22}


def test_a_session_that_was_entered_later_is_no_longer_refused() -> None:
    assert heard(("10 02", 0x7E, DEFAULT), ("10 02", ReplyKind.POSITIVE, EXTENDED)).refused_sessions() == {}


@pytest.mark.parametrize("nrc", [0x12, 0x31])
def test_a_part_is_absent_only_if_every_session_that_was_entered_says_so(nrc: int) -> None:
    entered = ("10 03", ReplyKind.POSITIVE, DEFAULT)
    assert heard(entered, ("27 05", nrc, DEFAULT)).level(0x05).standing is PresenceState.NOT_KNOWN
    assert heard(entered, ("27 05", nrc, DEFAULT), ("27 05", nrc, EXTENDED)).level(0x05).is_absent


def test_where_the_whole_service_is_refused_its_parts_need_not_be_asked_for() -> None:
    entered = ("10 03", ReplyKind.POSITIVE, DEFAULT)
    assert heard(entered, ("27 01", 0x7F, DEFAULT), ("27 05", 0x12, EXTENDED)).level(0x05).is_absent


@pytest.mark.parametrize("nrc", [0x22, 0x24, 0x33, 0x36, 0x37, 0x7E])
def test_a_level_that_is_refused_for_a_reason_is_there(nrc: int) -> None:
    assert heard(("27 03", nrc, EXTENDED)).level(0x03).is_there


def test_a_level_that_is_refused_like_a_reserved_one_is_not_known() -> None:
    presence = heard(("27 7F", 0x22, EXTENDED), ("27 03", 0x22, EXTENDED))
    assert presence.level(0x03).standing is PresenceState.NOT_KNOWN


def test_identifiers_and_routines_are_there_by_what_guards_them() -> None:
    presence = heard(("22 01 02", 0x33, DEFAULT), ("31 03 02 03", 0x24, DEFAULT), ("22 01 03", 0x31, DEFAULT))
    assert presence.data(0x0102).is_there
    assert presence.is_guarded(0x0102)
    assert presence.routine(0x0203).is_there
    assert presence.data(0x0103).is_absent


def test_security_access_that_gives_no_seed_is_said_to_give_none() -> None:
    known = heard(("27", 0x13, EXTENDED), ("27 01", 0x34, EXTENDED)).security_access()
    assert known.why == "27 is there, but it gave no seed (27 01 in session 0x03: 0x34 authenticationRequired)"


def test_a_service_that_wants_authentication_is_told() -> None:
    assert heard(("22 01 02", 0x34, DEFAULT), ("2E 01 02 00", 0x33, DEFAULT)).wants_authentication() == [0x22]


OUTCOMES = st.sampled_from([ReplyKind.POSITIVE, ReplyKind.SILENCE, ReplyKind.MALFORMED, 0x11, 0x13])
REQUESTS = st.lists(st.sampled_from([0x10, 0x22, 0x27, 0x2E, 0x31, 0x99, 0x01, 0x02, 0x81]), min_size=1, max_size=7)
CONDITIONS = st.builds(Condition, st.sampled_from([1, 3]), st.sampled_from([0, 1]))


@given(st.lists(st.tuples(REQUESTS.map(bytes), OUTCOMES, CONDITIONS), max_size=60))
def test_what_is_left_out_as_noted_before_shows_nothing(
    heard: list[tuple[bytes, ReplyKind | int, Condition]],
) -> None:
    state, seen, presence = EcuState(None), Seen(None), Presence()
    for request, outcome, condition in heard:
        state.seen.condition = seen.condition = condition
        state.note(request, outcome)
        seen.note(request, outcome)
        presence.hear(request, outcome, condition.session)
    assert state.seen.outcomes == seen.outcomes
    assert vars(state.presence) == vars(presence)
