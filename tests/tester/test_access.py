"""Prove that the locked state is brought about, and that the same write is seen to succeed unlocked."""

from dataclasses import replace

import pytest

from harness.errors import Inconclusive, KeyFunctionError
from harness.target import Access, DataEntry, Reset, SecurityLevel, Target, Timing
from harness.uds import Session

from .bench import (
    ALL,
    OPEN,
    PROTECTED,
    Answers,
    Bench,
    PoweredEcu,
    ScriptedEcu,
    SecuredEcu,
    StoresNothing,
    allowing,
    bare,
    foreign_key,
    secured,
    without_sessions,
)

POWER = Reset(power="simulated", boot_s=0.5)


class Pretender(SecuredEcu):
    """An ECU that answers 51 to a reset, and does not restart."""

    def _reset(self, pdu: bytes) -> Answers:
        return f"51 {pdu[1]:02x}"


# What is protected


def test_protected_is_what_can_be_read_and_needs_a_level_to_be_written() -> None:
    level = Access("level", 0x01)
    hidden = DataEntry(did=0x3030, read=level, write=level)
    other = DataEntry(did=0x4040, write=Access("level", 0x03))
    clock = replace(other, did=0x6060, volatile=True)
    data = (OPEN, hidden, PROTECTED, DataEntry(did=0x5050), other, clock)
    access = Bench(ScriptedEcu(), target=bare(data=data)).tester.access
    assert access.protected() == [PROTECTED, other]
    assert access.protected_by(0x01) == PROTECTED
    assert access.protected_by(0x03) == other
    assert access.protected_by(0x05) is None


def test_data_that_was_found_guarded_is_a_subject_and_what_was_found_open_is_none() -> None:
    guarded, is_open = replace(PROTECTED, origin="found"), replace(OPEN, origin="found")
    assert Bench(ScriptedEcu(), target=bare(data=(is_open, guarded))).tester.access.protected() == [guarded]


@pytest.mark.parametrize(
    ("declared", "can_relock"),
    [
        (without_sessions(), False),
        (without_sessions(timing=Timing(s3_ms=5000)), True),
        (without_sessions(reset=Reset(uds=0x01)), True),
        (without_sessions(reset=POWER), True),
        (without_sessions(reset=Reset(uds=0x01, power="simulated"), safety=allowing("write").safety), False),
    ],
)
def test_ecu_can_be_locked_again_by_its_sessions_or_a_restart_that_is_allowed(declared: Target, can_relock: bool) -> None:
    assert Bench(PoweredEcu(), target=declared).tester.access.can_relock is can_relock


# The locked state


def test_locked_ecu_is_seen_to_be_locked() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.access.require_locked()
    assert bench.tester.notes == []
    assert ecu.values[0x2020] == b"\x20"
    assert ecu.restarts == 0
    assert bench.now_s < 0.1


def test_refusal_that_was_seen_is_remembered_and_the_key_that_followed_does_not_undo_it() -> None:
    bench = Bench(SecuredEcu())
    assert bench.tester.state.was_seen_locked(0x2020) is False
    bench.tester.access.require_locked(PROTECTED)
    bench.tester.security.unlock(0x01)
    assert bench.tester.state.was_seen_locked(0x2020)


def test_probe_writes_the_value_that_is_there_in_the_session_of_its_level() -> None:
    ecu = SecuredEcu(is_unlocked=True, locks_on=())
    assert Bench(ecu).tester.access.locked_probe(PROTECTED).is_positive
    assert ecu.heard == ["1003", "222020", "2e202020"]


def test_probe_can_leave_the_session_alone() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(0x01)
    assert bench.tester.access.locked_probe(PROTECTED, in_this_session=True).is_positive
    assert bench.tester.access.locked_probe(PROTECTED).is_negative


@pytest.mark.parametrize("way", ["session", "s3", "restart"])
def test_ecu_that_another_tester_left_unlocked_is_locked_first(way: str) -> None:
    ecu = SecuredEcu(is_unlocked=True, locks_on=(way,))
    Bench(ecu).tester.access.require_locked(PROTECTED)
    assert not ecu.is_unlocked


def test_session_is_changed_to_lock_a_level_that_needs_none() -> None:
    class AnySession(SecuredEcu):
        def _security(self, pdu: bytes) -> Answers:
            return "67 01 01 02 03 04"

    ecu = AnySession(is_unlocked=True, locks_on=("session",))
    bench = Bench(ecu, target=secured(security=(SecurityLevel(level=0x01),), reset=Reset()))
    bench.tester.access.require_locked(PROTECTED)
    assert not ecu.is_unlocked
    assert bench.now_s < 1.0


@pytest.mark.parametrize("by_refusal", [True, False])
def test_ecu_without_sessions_that_another_tester_left_unlocked_is_locked_by_its_supply(by_refusal: bool) -> None:
    ecu = PoweredEcu(is_unlocked=True, locks_on=("restart",), has_sessions=False)
    Bench(ecu, target=without_sessions(reset=POWER)).tester.access.require_locked(PROTECTED, by_refusal=by_refusal)
    assert not ecu.is_unlocked


def test_milder_ways_to_lock_are_tried_first() -> None:
    ecu = PoweredEcu(is_unlocked=True, locks_on=("s3", "restart"))
    bench = Bench(ecu, target=secured(reset=replace(POWER, uds=0x01)))
    bench.tester.access.require_locked(PROTECTED)
    assert ecu.restarts == 0
    assert 5.0 < bench.now_s < 10.0
    ecu = PoweredEcu(is_unlocked=True, locks_on=("restart",))
    Bench(ecu, target=secured(reset=replace(POWER, uds=0x01))).tester.access.require_locked(PROTECTED)
    assert any(request.startswith("11") for request in ecu.heard)
    assert ecu.restarts == 1


def test_being_locked_ends_what_was_known_of_an_unlock() -> None:
    bench = Bench(SecuredEcu())
    bench.tester.security.unlock(0x01)
    assert bench.tester.state.has_unlocked
    bench.tester.access.require_locked(PROTECTED)
    assert not bench.tester.state.has_unlocked


def test_ecu_that_starts_unlocked_and_cannot_be_locked_is_inconclusive() -> None:
    """A locked state is established, never assumed."""
    bench = Bench(SecuredEcu(is_unlocked=True, locks_on=(), has_sessions=False), target=without_sessions())
    with pytest.raises(Inconclusive, match="initial state unlocked"):
        bench.tester.access.require_locked(PROTECTED)
    assert len(bench.tester.evidence) == 1


def test_ecu_that_stays_unlocked_over_sessions_is_inconclusive() -> None:
    bench = Bench(SecuredEcu(is_unlocked=True, locks_on=()), target=secured(reset=Reset()))
    with pytest.raises(Inconclusive, match="initial state unlocked"):
        bench.tester.access.require_locked(PROTECTED)


def test_ecu_that_only_pretended_to_restart_is_inconclusive() -> None:
    with pytest.raises(Inconclusive, match="initial state unlocked"):
        Bench(Pretender(is_unlocked=True, locks_on=())).tester.access.require_locked(PROTECTED)


def test_slow_ecu_that_only_pretended_to_restart_is_inconclusive() -> None:
    """Otherwise AC-01 would fail an ECU because of another tester's unlock."""
    with pytest.raises(Inconclusive, match="initial state unlocked"):
        Bench(Pretender(is_unlocked=True, locks_on=(), latency_s=0.02)).tester.access.require_locked(PROTECTED)


def test_ecu_that_takes_the_write_after_a_restart_has_no_lock_and_is_for_the_check_to_judge() -> None:
    bench = Bench(SecuredEcu(is_unlocked=True, locks_on=()))
    bench.tester.security.unlock(0x01)
    assert bench.tester.state.has_unlocked
    bench.tester.access.require_locked(PROTECTED)
    assert not bench.tester.state.has_unlocked


def test_one_restart_that_was_seen_is_enough_where_another_was_not() -> None:
    reset = Reset(uds=0x01, command="command: true", boot_s=0.5)
    Bench(SecuredEcu(is_unlocked=True, locks_on=()), target=secured(reset=reset)).tester.access.require_locked(PROTECTED)


def test_a_restart_is_not_enough_where_the_refusal_is_needed() -> None:
    with pytest.raises(Inconclusive, match="initial state unlocked"):
        Bench(SecuredEcu(is_unlocked=True, locks_on=())).tester.access.require_locked(PROTECTED, by_refusal=True)


@pytest.mark.parametrize("answer", ["", "raw 7F 02 31", "2e 33"])
def test_probe_that_is_not_answered_validly_is_inconclusive(answer: str) -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2e": answer}
    with pytest.raises(Inconclusive, match="cannot be told"):
        Bench(ecu).tester.access.require_locked(PROTECTED)


def test_without_protected_data_the_state_stays_unknown_with_a_note() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, target=secured(data=(OPEN,)))
    bench.tester.access.require_locked()
    assert "no readable data is known to need a level" in bench.tester.notes[0]
    assert ecu.heard == []


def test_without_permission_to_write_the_state_stays_unknown_with_a_note() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, target=secured(safety=allowing(*(ALL - {"write"})).safety))
    bench.tester.access.require_locked()
    assert "does not allow the probe" in bench.tester.notes[0]
    assert not any(request.startswith("2e") for request in ecu.heard)


# Locking again


class PoweredPretender(Pretender, PoweredEcu):
    """An ECU that answers 51 without a restart, and restarts only when its power is cut."""


def test_ecu_is_locked_by_its_session_if_it_has_one() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(0x01)
    bench.tester.access.lock()
    assert not ecu.is_unlocked
    assert ecu.restarts == 0


def test_ecu_without_sessions_is_locked_by_a_restart_and_has_no_seed_pending_then() -> None:
    ecu = SecuredEcu(has_sessions=False, locks_on=("restart",))
    bench = Bench(ecu, target=without_sessions(reset=Reset(uds=0x01, boot_s=0.5)))
    bench.tester.security.unlock(0x01)
    bench.tester.security.seed(0x01)
    bench.tester.access.lock()
    assert not ecu.is_unlocked
    assert not bench.tester.security.level(0x01).may_be_pending


def test_restart_that_was_not_seen_leaves_a_seed_pending() -> None:
    """Only a restart that was seen leaves no seed pending."""
    ecu = Pretender(has_sessions=False, locks_on=("restart",))
    bench = Bench(ecu, target=without_sessions(reset=Reset(uds=0x01, boot_s=0.5)))
    bench.tester.security.seed(0x01)
    bench.tester.access.lock()
    assert ecu.seed is not None
    assert bench.tester.security.level(0x01).may_be_pending


def test_next_restart_is_tried_where_the_gentlest_was_not_seen() -> None:
    ecu = PoweredPretender(has_sessions=False, locks_on=("restart",))
    bench = Bench(ecu, target=without_sessions(reset=replace(POWER, uds=0x01)))
    bench.tester.security.unlock(0x01)
    bench.tester.access.lock()
    assert not ecu.is_unlocked


# The positive control


def test_control_is_the_same_write_seen_to_succeed_unlocked() -> None:
    ecu = SecuredEcu()
    Bench(ecu).tester.access.require_control(PROTECTED)
    assert len(ecu.keys) == 1
    assert ecu.values[0x2020] == b"\x20"
    assert ecu.session == Session.DEFAULT
    assert not ecu.is_unlocked


def test_control_that_is_taken_says_why_it_is_missing_if_it_is() -> None:
    assert Bench(SecuredEcu()).tester.access.take_control(PROTECTED) == ""
    assert "no key function" in Bench(SecuredEcu(), key=None).tester.access.take_control(PROTECTED)


def test_control_is_taken_once() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.access.require_control(PROTECTED)
    ecu.heard.clear()
    bench.tester.access.require_control(PROTECTED)
    assert ecu.heard == []


def test_control_is_missing_without_a_key() -> None:
    with pytest.raises(Inconclusive, match="control missing: no key function is given for level 0x01"):
        Bench(SecuredEcu(), key=None).tester.access.require_control(PROTECTED)


def test_control_is_missing_with_a_suspect_key() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    for _ in range(2):
        with pytest.raises(Inconclusive, match="control missing: key function suspect"):
            bench.tester.access.require_control(PROTECTED)
    assert len(ecu.keys) == 1


def test_control_is_missing_where_the_write_has_no_effect_unlocked_either() -> None:
    ecu = StoresNothing()
    bench = Bench(ecu)
    for _ in range(2):
        with pytest.raises(Inconclusive, match="control missing: unlocked, the write has no effect either"):
            bench.tester.access.require_control(PROTECTED)
    assert len(ecu.keys) == 1


def test_control_is_missing_where_the_write_is_refused_unlocked_too() -> None:
    ecu = SecuredEcu()
    ecu.refuses_with = {"2e": "7f 2e 31"}
    with pytest.raises(Inconclusive, match=r"control missing.*0x31"):
        Bench(ecu).tester.access.require_control(PROTECTED)


def test_control_is_missing_where_writing_is_not_allowed() -> None:
    bench = Bench(SecuredEcu(), target=secured(safety=allowing(*(ALL - {"write"})).safety))
    with pytest.raises(Inconclusive, match=r'control missing.*"write"'):
        bench.tester.access.require_control(PROTECTED)


def test_control_that_a_key_function_prevents_is_its_error() -> None:
    def fails(seed: bytes, level: int) -> bytes:
        raise KeyFunctionError("key keys.py:key raised ValueError: no")

    with pytest.raises(KeyFunctionError):
        Bench(SecuredEcu(), key=fails).tester.access.require_control(PROTECTED)


def locked_for_good() -> Bench:
    """Return the target of an ECU that cannot be locked again once it is unlocked."""
    return Bench(SecuredEcu(locks_on=(), has_sessions=False), target=without_sessions())


def test_control_is_postponed_where_the_ecu_cannot_be_locked_again() -> None:
    bench = locked_for_good()
    bench.tester.access.require_control(PROTECTED)
    assert bench.tester.access.postponed_controls == [PROTECTED]
    assert bench.sent() == []


def test_postponed_control_is_taken_at_any_price() -> None:
    bench = locked_for_good()
    bench.tester.access.require_control(PROTECTED)
    bench.tester.access.postponed_controls.clear()
    bench.tester.access.require_control(PROTECTED, at_any_price=True)
    assert bench.tester.state.has_unlocked
    bench.tester.access.require_control(PROTECTED)
    assert bench.tester.access.postponed_controls == []


def test_control_is_taken_at_once_where_the_ecu_is_unlocked_anyway() -> None:
    bench = locked_for_good()
    bench.tester.security.unlock(0x01)
    bench.tester.access.require_control(PROTECTED)
    assert bench.tester.access.postponed_controls == []


def test_control_is_taken_where_the_supply_can_lock_the_ecu_again() -> None:
    ecu = PoweredEcu(locks_on=("restart",), has_sessions=False)
    bench = Bench(ecu, target=without_sessions(reset=POWER))
    bench.tester.access.require_control(PROTECTED)
    assert bench.tester.access.postponed_controls == []
    assert len(ecu.keys) == 1
    bench.tester.restore()
    assert not ecu.is_unlocked
