"""Prove that the ECU is in a known state between checks (alive, locked, counters clear), and that keys are proven first."""

from dataclasses import replace
from pathlib import Path

import can
import pytest

from harness.errors import ContactLost
from harness.target import Reset, SecurityLevel, Target
from harness.tester.ledger import Ledger
from harness.uds import Session

from .bench import (
    ALL,
    OPEN,
    Answers,
    Bench,
    PoweredEcu,
    ScriptedEcu,
    SecuredEcu,
    allowing,
    bare,
    foreign_key,
    right_key,
    secured,
    without_sessions,
)

LEVEL = 0x01
WRONG = bytes(4)
POWER = Reset(power="simulated", boot_s=0.5)
UNRESTARTABLE = secured(reset=Reset())


def guess(bench: Bench, times: int = 1) -> None:
    """Send wrong keys, without any regard for the counter."""
    for _ in range(times):
        bench.tester.session_for(LEVEL)
        bench.tester.security.seed(LEVEL)
        bench.tester.security.send_key(LEVEL, WRONG)


# Session and lock


def test_ecu_is_in_the_default_session_afterwards() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.enter_session(0x03)
    bench.tester.restore()
    assert ecu.session == Session.DEFAULT


def test_no_session_is_asked_for_where_there_is_none() -> None:
    ecu = SecuredEcu(has_sessions=False)
    Bench(ecu, target=without_sessions()).tester.restore()
    assert not any(request.startswith("10") for request in ecu.heard)


@pytest.mark.parametrize(
    ("locks_on", "declared"),
    [("session", UNRESTARTABLE), ("restart", secured()), ("restart", secured(reset=POWER))],
)
def test_unlocked_ecu_is_locked_again(locks_on: str, declared: Target) -> None:
    ecu = PoweredEcu(locks_on=(locks_on,))
    bench = Bench(ecu, target=declared)
    bench.tester.security.unlock(LEVEL)
    bench.tester.restore()
    assert not ecu.is_unlocked


def test_restart_that_was_seen_ends_what_was_known_of_an_unlock() -> None:
    bench = Bench(SecuredEcu(locks_on=("restart",)))
    bench.tester.security.unlock(LEVEL)
    bench.tester.restore()
    assert not bench.tester.state.has_unlocked


def test_unlock_that_nothing_takes_back_is_remembered() -> None:
    bench = Bench(SecuredEcu(locks_on=(), has_sessions=False), target=without_sessions())
    bench.tester.security.unlock(LEVEL)
    bench.tester.restore()
    assert bench.tester.state.has_unlocked


def test_ecu_whose_security_was_not_touched_is_not_restarted() -> None:
    ecu = PoweredEcu()
    bench = Bench(ecu, target=secured(reset=replace(POWER, uds=0x01)))
    bench.tester.request("22 10 10")
    bench.tester.write(0x1010, b"\x10")
    bench.tester.restore()
    assert ecu.restarts == 0


def test_ecu_whose_security_was_touched_is_restarted_by_the_most_thorough_means_once() -> None:
    ecu = PoweredEcu()
    bench = Bench(ecu, target=secured(reset=replace(POWER, uds=0x01)))
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.restore()
    assert ecu.restarts == 1
    assert not any(request.startswith("11") for request in ecu.heard)
    bench.tester.restore()
    assert ecu.restarts == 1


def test_security_that_was_touched_stays_so_over_other_frames() -> None:
    ecu = PoweredEcu()
    bench = Bench(ecu, target=secured(reset=POWER))
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.raw(b"\x03\x22\x10\x10")
    bench.tester.request("22 10 10")
    bench.tester.restore()
    assert ecu.restarts == 1


def test_raw_frame_that_has_nothing_to_do_with_security_touches_nothing() -> None:
    ecu = PoweredEcu()
    bench = Bench(ecu, target=secured(reset=POWER))
    bench.tester.raw(b"\x03\x22\x10\x10")
    bench.tester.restore()
    assert ecu.restarts == 0


def test_no_seed_is_pending_after_a_restart() -> None:
    bench = Bench(PoweredEcu(), target=secured(reset=POWER))
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.restore()
    assert bench.tester.security.level(LEVEL).seed is None
    assert not bench.tester.security.level(LEVEL).may_be_pending


def test_a_seed_may_still_be_pending_where_nothing_was_restarted() -> None:
    bench = Bench(SecuredEcu(), target=UNRESTARTABLE)
    bench.tester.session_for(LEVEL)
    bench.tester.security.seed(LEVEL)
    bench.tester.restore()
    assert bench.tester.security.level(LEVEL).seed is None
    assert bench.tester.security.level(LEVEL).may_be_pending


# Counters


@pytest.mark.parametrize("wrong", [1, 2, 3])
def test_failed_attempts_are_cleared_by_the_right_key(wrong: int) -> None:
    ecu = SecuredEcu(attempts=3)
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    guess(bench, wrong)
    bench.tester.restore()
    assert ecu.failures == 0
    assert bench.now_s >= ecu.delayed_until_s
    assert bench.tester.security.level(LEVEL).wrong_in_a_row == 0


def test_no_key_is_sent_where_no_attempt_has_failed() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    ecu.keys.clear()
    bench.tester.restore()
    assert ecu.keys == []


def test_failed_attempts_that_no_key_can_clear_are_left() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=None)
    guess(bench)
    bench.tester.restore()
    assert ecu.keys == [WRONG]


def test_failed_attempts_that_could_not_be_cleared_are_noted() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    guess(bench)
    ecu.refuses_with = {"2701": "7f 27 37"}
    bench.tester.restore()
    assert any("level 0x01 was left with failed attempts" in note for note in bench.tester.notes)


def test_lockout_is_waited_out_where_no_key_can_clear_it() -> None:
    """The tester waits for the end of the delay, and never leaves the ECU locked out."""
    ecu = SecuredEcu(attempts=3)
    bench = Bench(ecu, key=None)
    guess(bench, 3)
    bench.tester.restore()
    assert bench.now_s >= ecu.delayed_until_s


def test_lockout_is_waited_out_in_the_session_of_its_level() -> None:
    ecu = SecuredEcu(attempts=3)
    bench = Bench(ecu, key=None)
    guess(bench, 3)
    bench.tester.enter_session(0x01)
    bench.tester.restore()
    assert bench.now_s >= ecu.delayed_until_s


def test_lockout_that_does_not_end_is_noted() -> None:
    ecu = SecuredEcu(attempts=3, delay_s=1e9)
    bench = Bench(ecu, key=None)
    guess(bench, 3)
    bench.tester.restore()
    assert any("level 0x01" in note and "0x37" in note for note in bench.tester.notes)
    assert bench.now_s < 200.0


@pytest.mark.parametrize("send", ["request", "raw"])
def test_security_that_was_touched_by_a_plain_request_is_restored_too(send: str) -> None:
    """A user's own check may request a seed by a plain request."""
    ecu = PoweredEcu()
    bench = Bench(ecu, target=secured(reset=POWER))
    bench.tester.session_for(LEVEL)
    bench.tester.request("27 01") if send == "request" else bench.tester.raw(b"\x02\x27\x01")
    bench.tester.restore()
    assert ecu.restarts == 1


# Life


class Fragile(SecuredEcu):
    """An ECU that dies at one request."""

    def answers(self, pdu: bytes) -> Answers:
        if pdu == b"\x22\x66\x66":
            raise RuntimeError("stack smashed")
        return super().answers(pdu)


class PoweredFragile(Fragile, PoweredEcu):
    """An ECU that dies at one request, and lives again when its supply was cut."""


def kill(bench: Bench) -> None:
    assert bench.tester.is_alive()
    bench.tester.request("22 66 66")
    assert not bench.tester.is_alive()


def test_dead_ecu_is_revived_by_its_supply() -> None:
    bench = Bench(PoweredFragile(), target=secured(reset=POWER))
    kill(bench)
    bench.tester.restore()
    assert bench.tester.is_alive()


def test_dead_ecu_is_revived_by_a_hook(tmp_path: Path) -> None:
    file = tmp_path / "cut"

    class Hooked(SecuredEcu):
        def on_frame(self, message: can.Message) -> None:
            if file.exists():
                self.silent_until_s = 0.0
            super().on_frame(message)

    ecu = Hooked()
    bench = Bench(ecu, target=secured(reset=Reset(command=f"command: touch {file}", boot_s=0.5)))
    ecu.silent_until_s = float("inf")
    bench.tester.restore()
    assert bench.tester.is_alive()


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(UNRESTARTABLE, id="no means"),
        pytest.param(secured(), id="11 01 alone"),
        pytest.param(secured(reset=Reset(command="command: true", boot_s=0.1)), id="a hook in vain"),
        pytest.param(secured(reset=POWER, safety=allowing(*(ALL - {"power"})).safety), id="power not allowed"),
    ],
)
def test_contact_with_a_dead_ecu_that_nothing_revives_is_lost(declared: Target) -> None:
    bench = Bench(PoweredFragile(), target=declared)
    kill(bench)
    with pytest.raises(ContactLost, match="no longer answers"):
        bench.tester.restore()


def test_ecu_that_never_answered_is_told_from_one_that_no_longer_does() -> None:
    with pytest.raises(ContactLost, match=r"does not answer \(0x740 -> 0x748\)"):
        Bench(ScriptedEcu()).tester.restore()


def test_contact_with_an_ecu_that_its_supply_does_not_revive_is_lost() -> None:
    class Burnt(PoweredFragile):
        def power_cycle(self) -> None:
            raise RuntimeError("burnt out")

    bench = Bench(Burnt(), target=secured(reset=POWER))
    kill(bench)
    with pytest.raises(ContactLost):
        bench.tester.restore()


def test_values_are_put_back_after_a_revival() -> None:
    ecu = PoweredFragile()
    bench = Bench(ecu, target=secured(reset=POWER))
    ecu.values[0x2020] = b"\x99"
    bench.tester.state.will_change(0x2020, b"\x20")
    kill(bench)
    bench.tester.restore()
    assert ecu.values[0x2020] == b"\x20"


def test_ecu_that_answers_garbage_is_not_restarted_for_it() -> None:
    class Mad(PoweredEcu):
        def answers(self, pdu: bytes) -> Answers:
            return "raw 7F 02 31"

    ecu = Mad()
    Bench(ecu, target=secured(reset=POWER)).tester.restore()
    assert ecu.restarts == 0


def test_restoring_twice_is_as_good_as_once() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.security.unlock(LEVEL)
    bench.tester.restore()
    ecu.heard.clear()
    bench.tester.restore()
    assert ecu.heard == ["221010", "1001"]


# Proving keys


def test_every_known_key_opens_its_level_once() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu)
    bench.tester.prove_keys()
    assert bench.tester.security.level(LEVEL).is_proven
    bench.tester.prove_keys()
    assert len(ecu.keys) == 1


def test_no_key_is_proven_on_an_ecu_that_cannot_be_locked_again() -> None:
    ecu = SecuredEcu(locks_on=(), has_sessions=False)
    Bench(ecu, target=without_sessions()).tester.prove_keys()
    assert ecu.keys == []


def test_key_that_does_not_work_is_noted_and_not_tried_again() -> None:
    ecu = SecuredEcu()
    bench = Bench(ecu, key=foreign_key)
    bench.tester.prove_keys()
    bench.tester.prove_keys()
    assert len(ecu.keys) == 1
    assert any("level 0x01: key function suspect" in note for note in bench.tester.notes)


def test_key_that_does_not_work_costs_one_key_when_the_budget_is_used_up() -> None:
    ecu = SecuredEcu(attempts=None)
    bench = Bench(ecu, key=foreign_key, ledger=Ledger(None, "bench", 0))
    for _ in range(5):
        bench.tester.prove_keys()
    assert len(ecu.keys) == 1


def test_levels_without_a_key_are_left_alone() -> None:
    declared = secured(security=(SecurityLevel(level=0x03, session=0x03), *secured().security))
    ecu = SecuredEcu()
    bench = Bench(ecu, target=declared)
    bench.tester.prove_keys()
    assert bench.tester.security.level(LEVEL).is_proven
    assert not any(request.startswith("2703") for request in ecu.heard)


# The article's kind: no sessions, no restart


def test_article_like_ecu_is_left_as_it_was() -> None:
    ecu = SecuredEcu(locks_on=(), has_sessions=False, attempts=None)
    bench = Bench(ecu, target=without_sessions())
    bench.tester.access.write_effect(OPEN)
    guess(bench, 5)
    bench.tester.restore()
    assert ecu.values == {0x1010: b"\x10", 0x2020: b"\x20"}
    assert not ecu.is_unlocked
    assert right_key(ecu.seeds[-1], LEVEL) not in ecu.keys


def test_nothing_is_known_of_an_unknown_ecu_and_restoring_it_sends_nothing_that_harms() -> None:
    ecu = ScriptedEcu(lambda pdu: f"7F {pdu[0]:02X} 11")
    Bench(ecu, target=bare()).tester.restore()
    reads = ["22f190", "22f186", "22f18c", "22f180", "1a90"]
    assert ecu.heard == ["3e00", "3e00", *reads, "1081"], "an ECU that refuses TesterPresent is asked for its dialect"
