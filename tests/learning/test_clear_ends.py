"""Prove how learning ends if an ECU answers inconsistently, falls silent, or may not be sent everything."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.learning.learning import Learned, Learner
from harness.link.trace import Trace
from harness.target import Target, load_target
from tests.learning.odd_nodes import COUNTED

NODES = Path(__file__).with_name("odd_nodes.py")


@pytest.fixture(autouse=True)
def new_frames() -> None:
    COUNTED["frames"] = 0


def target_of(factory: str) -> Target:
    target = load_target("hardened")
    return replace(target, can=replace(target.can, channel=f"{NODES}:{factory}"))


def learned(target: Target, *, can_renew: bool = True) -> tuple[Learned, Counter[str]]:
    """Return what was learned, and how often each service and sub-function was sent."""
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=None)
    sent: Counter[str] = Counter()
    send = tester._transport.send

    def watched(pdu: bytes, *, is_functional: bool = False) -> None:
        sent[pdu[:2].hex(" ")] += 1
        send(pdu, is_functional=is_functional)

    tester._transport.send = watched  # type: ignore[method-assign]
    if not can_renew:
        tester.link.can_renew = lambda: False  # type: ignore[method-assign]
    return Learner(tester, is_full=False, seed=1).run(), sent


def with_permissions(*allow: str) -> Target:
    target = load_target("hardened")
    allowed = frozenset(one for one in target.safety.allow if one in allow)
    return replace(target, environment="bench", safety=replace(target.safety, allow=allowed))


def test_an_ecu_that_answers_by_chance_is_reported_and_not_smoothed() -> None:
    machine = learned(target_of("fickle"))[0].machine
    assert "does not always answer alike" in machine.ended
    assert machine.nondeterminism
    assert all(len(one.answers) > 1 for one in machine.nondeterminism)
    assert machine.transitions, "what was learned is kept"


@pytest.mark.thorough
def test_a_rare_exception_is_voted_on() -> None:
    machine = learned(target_of("rare"))[0].machine
    assert not machine.ended
    assert len(machine.states) == 14
    assert machine.nondeterminism


def test_an_ecu_that_dies_for_good_ends_learning() -> None:
    found, _ = learned(target_of("mortal"))
    assert "no longer answers" in found.machine.ended
    assert found.machine.states, "what was learned is kept"
    assert not found.machine.violations, "that it answers nothing is no matter of a sequence"


def test_an_ecu_that_is_late_is_none_that_answers() -> None:
    machine = learned(target_of("late"))[0].machine
    assert "does not answer" in machine.ended


@pytest.mark.thorough
def test_an_ecu_that_sleeps_on_a_quiet_bus_is_not_accused_of_silence() -> None:
    machine = learned(target_of("sleeper"))[0].machine
    assert machine.states
    assert not machine.violations


@pytest.mark.thorough
def test_a_delay_that_is_not_told_is_no_lack_of_a_limit() -> None:
    found, _ = learned(target_of("silent_37"))
    assert "SA-09" not in {one.id for one in found.machine.violations}
    assert "SA-09" in {one.id for one in found.unconfirmed}


@pytest.mark.thorough
def test_an_ecu_that_boots_for_longer_than_was_declared_is_not_called_dead() -> None:
    machine = learned(target_of("slow_starter"))[0].machine
    assert not machine.ended
    assert not machine.violations
    assert len(machine.states) == 14


@pytest.mark.thorough
def test_a_sequence_that_kills_is_a_state_of_its_own() -> None:
    target = load_target("hardened")
    target = replace(target, can=replace(target.can, channel="hardened+dies_on_key_without_seed"))
    machine = learned(target)[0].machine
    assert "dead" in {state.name for state in machine.states}
    assert {one.id for one in machine.violations} == {"SA-21"}


def test_nothing_that_is_not_allowed_is_sent() -> None:
    found, sent = learned(with_permissions(), can_renew=False)
    assert not found.machine.ended
    assert set(sent) & {"2e 20", "2e 30", "11 01", "28 00", "85 01"} == set()
    assert [one.split(":")[0] for one in found.machine.left_out] == ["wrong key", "11 01", "right key"]
    assert {one.name for one in found.machine.states} >= {"session 03, locked, seed pending", "session 03, unlocked"}
    assert found.machine.wrong_keys == 0


@pytest.mark.thorough
def test_an_ecu_that_is_restored_has_the_same_machine_as_a_new_one() -> None:
    found, _ = learned(with_permissions("lockout", "write", "reset"), can_renew=False)
    assert len(found.machine.states) == 14
    assert not found.machine.violations
