"""Prove that the right machine is learned, with few requests and any seed, and that mistakes show in it."""

from dataclasses import replace

import pytest

from harness.audit.opening import open_tester
from harness.learning.learning import Learned, Learner
from harness.link.trace import Trace
from harness.runs.state_machine import StateMachine
from harness.target import load_target

STATES_OF_HARDENED = {
    "default session, locked",
    "default session, locked, 1 wrong key",
    "default session, locked, 2 wrong keys",
    "default session, locked, delayed",
    "restarting",
    "restarting, delayed",
    "session 03, locked",
    "session 03, locked, 1 wrong key",
    "session 03, locked, 2 wrong keys",
    "session 03, locked, delayed",
    "session 03, locked, seed pending",
    "session 03, locked, seed pending, 1 wrong key",
    "session 03, locked, seed pending, 2 wrong keys",
    "session 03, unlocked",
}
MOST_REQUESTS = 3680
"""A third of what the first attempt took, with 40 random walks of 12 steps from each state."""


def learned(channel: str, *, seed: int = 1, is_full: bool = False, most_requests: int | None = None) -> Learned:
    base = channel.partition("+")[0]
    target = load_target(base)
    target = replace(target, can=replace(target.can, channel=channel))
    tester = open_tester(target, seed=seed, trace=Trace(), ledger_path=None)
    return Learner(tester, is_full=is_full, seed=seed, most_requests=most_requests).run()


def sequences(found: Learned) -> dict[str, tuple[str, ...]]:
    return {one.id: one.sequence for one in found.machine.violations}


@pytest.fixture(scope="module")
def hardened() -> StateMachine:
    return learned("hardened").machine


def test_the_hardened_ecu_has_the_machine_of_the_standard(hardened: StateMachine) -> None:
    machine = hardened
    assert {state.name for state in machine.states} == STATES_OF_HARDENED
    assert not machine.ended
    assert not machine.violations
    assert not machine.nondeterminism
    assert machine.requests <= MOST_REQUESTS
    assert len(machine.transitions) == len(machine.states) * len(machine.alphabet)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(10))
def test_the_machine_does_not_depend_on_chance(seed: int) -> None:
    machine = learned("hardened", seed=seed).machine
    assert {state.name for state in machine.states} == STATES_OF_HARDENED
    assert machine.requests <= MOST_REQUESTS


def test_the_articles_mistakes_can_be_read_from_its_machine() -> None:
    found = learned("article")
    machine = found.machine
    table = machine.table()
    names = {state.name: state.id for state in machine.states}
    pending, unlocked = names["locked, seed pending"], names["unlocked, seed pending"]
    assert len(machine.states) == 3
    assert table[pending, "wrong key"].target == pending, "a seed survives a wrong key, and wrong keys have no end"
    assert table[unlocked, "right key"].answer == "positive", "an old key works again"
    assert {table[unlocked, letter].target for letter in machine.alphabet} == {unlocked}, "nothing locks again"
    assert {"SA-09", "SA-22", "SA-24"} <= set(sequences(found))
    assert sequences(found)["SA-22"] == ("seed", "wrong key", "right key")


@pytest.mark.thorough
def test_two_levels_have_the_reference_machine_too() -> None:
    machine = learned("hardened", is_full=True).machine
    assert machine.reference is not None
    assert not machine.ended
    assert not machine.violations
    assert not machine.differing
    assert len(machine.states) == len(machine.reference.states) == 26
    assert {"session 02, unlocked 0x01, seed pending 0x03", "session 02, unlocked 0x03, seed pending 0x01"} <= {
        state.name for state in machine.states
    }


def test_the_reference_is_what_the_hardened_ecu_does(hardened: StateMachine) -> None:
    assert hardened.reference is not None
    assert not hardened.differing
    assert {state.name for state in hardened.reference.states} == STATES_OF_HARDENED
