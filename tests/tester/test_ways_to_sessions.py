"""Prove that a session which can be entered only from another one is entered by way of it."""

from __future__ import annotations

from dataclasses import replace

from harness.target import SessionEntry, Target
from tests.tester.bench import Bench, ScriptedEcu, bare

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
