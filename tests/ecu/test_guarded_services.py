"""Prove how the sound ECU guards memory, transfer, routines and services, and what the end of a session undoes."""

import pytest

from harness.ecu.profiles import HARDENED
from tests.steps import dialogues, each, play

from .bench import HardenedBench

RAM, CELL = "20000000", "20002020"


@pytest.fixture
def bench() -> HardenedBench:
    """The hardened ECU, locked, in the extended session."""
    bench = HardenedBench()
    bench.ask("10 03")
    return bench


@pytest.fixture
def unlocked() -> HardenedBench:
    bench = HardenedBench()
    bench.unlock()
    return bench


@pytest.mark.parametrize(
    "request_",
    [
        *(f"23 14 {RAM} 01", f"3D 14 {RAM} 01 00", f"34 00 44 {RAM} 00000010", "36 01", "37"),
        *("14 FFFFFF", "28 03 01", "85 02", "31 01 0203"),
    ],
)
def test_neither_memory_nor_state_is_an_affair_of_the_default_session(request_: str) -> None:
    assert HardenedBench().ask(request_) == f"7f {request_[:2].lower()} 7f"


@pytest.mark.parametrize(
    "step",
    each(f"""14 > 13 | 14 FFFF > 13 | 14 FFFFFF > 33 | 19 02 > 13 | 19 7E > 12 | 23 14 00 > 13 | 23 05 00000000 01 > 31
        23 14 {RAM} 00 > 31 | 23 14 {RAM} 41 > 31 | 23 14 {RAM} 01 > 33 | 28 7E 01 > 12 | 28 03 01 00 > 13 | 28 03 01 > 33
        31 01 02 > 13 | 31 7E 1234 > 31 | 31 7E 0203 > 33 | 31 01 0203 00 > 33 | 34 11 44 {RAM} 00000010 > 31
        34 00 44 {RAM} 00 > 13 | 34 00 44 {RAM} 00000010 > 33 | 36 > 13 | 36 01 00 > 24 | 37 > 24 | 3D 14 {RAM} 02 00 > 13
        3D 14 30000000 01 00 > 31 | 3D 14 {CELL} 01 55 > 33 | 85 03 > 12 | 85 02 > 33"""),
)
def test_first_refusal_while_locked(bench: HardenedBench, step: str) -> None:
    request, refusal = step.split(" > ")
    assert bench.ask(request) == f"7f {request[:2].lower()} {refusal}"
    assert bench.ask("22 2020") == "62 20 20 ff"


@pytest.mark.parametrize("sid", ["21", "29", "2A", "2C", "2F", "35", "38", "3B", "87"])
def test_services_that_only_a_flaw_adds_are_not_there(unlocked: HardenedBench, sid: str) -> None:
    assert unlocked.ask(f"{sid} 00 00 00") == f"7f {sid.lower()} 11"


LOCKED = f"""
another level opens no memory
    right key: 3 | 23 14 {RAM} 01 > 7f 23 33
protected data that is to be read needs its level
    22 1010 2A2A > 7f 22 33 | right key | 22 2A2A > 62 2a 2a {b"CALIBRATED".hex(" ")}
"""


@pytest.mark.parametrize("steps", dialogues(LOCKED))
def test_while_locked(bench: HardenedBench, steps: str) -> None:
    play(steps, bench.do)


UNLOCKED = f"""
memory is read and written
    3D 14 {RAM} 02 AABB > 7d 14 20 00 00 00 02 | 23 24 {RAM} 0003 > 63 aa bb 02
the cell of a value is the value
    3D 14 {CELL} 01 5A | 22 2020 > 62 20 20 5a | 23 14 {CELL} 01 > 63 5a
a download is block after block
    34 00 44 {RAM} 00000003 > 74 20 01 02 | 34 00 44 {RAM} 00000003 > 7f 34 70 | 36 02 AA > 7f 36 73 | 36 01 AABB > 76 01
    36 01 AABB > 76 01 | 37 > 7f 37 24 | 36 02 CCDD > 7f 36 71 | 36 02 CC > 76 02 | 37 > 77 | 23 14 {RAM} 04 > 63 aa bb cc 03
a transfer ends with its session
    34 00 44 {RAM} 00000003 | 10 03 | 10 03 | 36 01 AA > 7f 36 24
a transfer ends with its session, which the default one follows
    34 00 44 {RAM} 00000003 | 10 01 | 10 03 | 36 01 AA > 7f 36 24
a routine is started, asked and stopped
    31 03 0203 > 7f 31 24 | 31 01 0203 > 71 01 02 03 00 | 31 03 0203 > 71 03 02 03 00 | 31 02 0203 > 71 02 02 03
    31 02 0203 > 7f 31 24 | 31 04 0203 > 7f 31 12 | 31 01 0203 00 > 7f 31 13
a suppressed start starts
    31 81 0203 > nothing | 31 03 0203 > 71 03 02 03 00
erasing spares the values of identifiers
    2E 2020 11 | 31 01 FF00 | 23 14 {RAM} 02 > 63 ff ff | 22 2020 > 62 20 20 11
trouble codes are listed and cleared
    19 02 08 > 59 02 08 05 62 00 08 c1 00 00 08 | 14 012345 > 7f 14 31 | 14 056200 > 54 | 19 02 FF > 59 02 08 c1 00 00 08
    14 FFFFFF > 54 | 19 02 FF > 59 02 08 | 19 0A > 59 0a 08 05 62 00 00 c1 00 00 00
cleared trouble codes do not come back with power
    14 FFFFFF | power | wait: boot | 19 02 FF > 59 02 08
memory is volatile
    3D 14 {RAM} 01 AA | power | wait: boot | unlock | 23 14 {RAM} 01 > 63 00
"""


@pytest.mark.parametrize("steps", dialogues(UNLOCKED))
def test_once_unlocked(unlocked: HardenedBench, steps: str) -> None:
    play(steps, unlocked.do)


@pytest.mark.parametrize(("off", "answer"), [("28 03 01", "68 03"), ("28 01 03", "68 01")])
def test_communication_is_silenced_until_the_session_ends(unlocked: HardenedBench, off: str, answer: str) -> None:
    ecu = unlocked.node.ecu
    assert unlocked.ask("28 03 04") == "7f 28 31"
    assert unlocked.ask(off) == answer
    assert not ecu.is_speaking
    unlocked.wait(HARDENED.s3_s)
    assert ecu.is_speaking


def test_communication_can_be_switched_on_again(unlocked: HardenedBench) -> None:
    unlocked.ask("28 03 01")
    assert unlocked.ask("28 00 01") == "68 00"
    assert unlocked.node.ecu.is_speaking


def test_dtc_setting_is_off_until_the_session_ends(unlocked: HardenedBench) -> None:
    assert unlocked.ask("85 02") == "c5 02"
    assert not unlocked.node.ecu.state.is_dtc_setting_on
    unlocked.ask("10 01")
    assert unlocked.node.ecu.state.is_dtc_setting_on
