"""Prove the learned state machines of other people's servers: exactly the rules that their source breaks are found."""

from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.learning.learning import Learner
from harness.link.trace import Trace
from harness.runs.state_machine import StateMachine
from harness.target import load_text

HERE = Path(__file__).parent
LIBRARY = f"""
[target]
name = "library"
[can]
interface = "uds-sim"
channel = "tests.unseen.servers.library_ecu:ecu"
request_id = 0x7E0
response_id = 0x7E8
[timing]
s3_ms = 5000
[[session]]
id = 0x01
[[session]]
id = 0x03
[[security]]
level = 0x01
session = 0x03
attempts = 3
delay_s = 10
key = "{HERE / "keys.py"}:keyed_hash"
[[data]]
did = 0x0102
length = 4
read = "level 0x01"
write = "level 0x01"
[reset]
uds = 0x01
boot_s = 0.1
"""
GALLIA = f"""
[target]
name = "gallia"
[can]
interface = "uds-sim"
channel = "tests.unseen.servers.gallia_ecu:ecu"
request_id = 0x7E0
response_id = 0x7E8
[timing]
s3_ms = 10000
[[session]]
id = 0x01
[[session]]
id = 0x54
[[security]]
level = 0x3F
session = 0x54
key = "{HERE / "keys.py"}:the_seed_itself"
[reset]
uds = 0x01
boot_s = 0.1
"""


def learned(text: str) -> StateMachine:
    tester = open_tester(load_text(text, "a server"), seed=1, trace=Trace(), ledger_path=None)
    return Learner(tester, is_full=False, seed=1).run().machine


def broken(machine: StateMachine) -> set[str]:
    return {one.id for one in machine.violations}


@pytest.mark.thorough
def test_python_uds_server_keeps_a_seed_over_wrong_keys_and_its_count_in_memory_alone() -> None:
    pytest.importorskip("uds_server", reason="python-uds-server is not installed")
    machine = learned(LIBRARY)
    assert not machine.ended
    assert broken(machine) == {
        "ST-05",  # levels know nothing of sessions
        "SA-22",  # the seed is taken away by a right key only
        "CF-07",  # so that a second wrong key is compared too, and answered 35
        "SA-08",  # the seed callback is asked whether or not the level is open
        "SA-18",  # no delay begins but at the limit
    }
    assert len(machine.states) == 19


@pytest.mark.thorough
def test_gallias_virtual_ecu_counts_no_keys_and_gives_open_levels_fresh_seeds() -> None:
    pytest.importorskip("gallia", reason="gallia is not installed")
    machine = learned(GALLIA)
    assert not machine.ended
    assert {state.name for state in machine.states} == {
        "default session, locked",
        "session 54, locked",
        "session 54, locked, seed pending",
    }, "what a key opens shows in nothing that the target declares"
    assert broken(machine) == {"SA-08", "SA-09"}
