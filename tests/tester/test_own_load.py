"""Prove that this computer's load is not blamed on the ECU."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from attacks.robustness.test_drift import is_the_ecus
from harness.analysis.drift import Drift
from harness.audit.opening import open_tester
from harness.errors import Inconclusive
from harness.link.trace import Trace
from harness.target import load_target
from harness.tester.tester import Tester

from ..variants import with_changes

GROWN = Drift(first=0.001, last=0.021, p=1e-9, count=200)
IDLE, LOADED = [0.0001] * 40, [0.0001] * 20 + [0.03] * 20


@pytest.fixture
def tester(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tester]:
    tester = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None)
    monkeypatch.setattr(tester.link, "is_virtual", False)  # as on a bench: load is possible
    yield tester
    tester.link.close()


def test_a_growth_while_this_computer_is_late_itself_is_not_the_ecus(tester: Tester) -> None:
    with pytest.raises(Inconclusive, match="this computer itself was late"):
        is_the_ecus(tester, GROWN, LOADED)


def test_a_growth_that_a_restart_ends_is_the_ecus(tester: Tester) -> None:
    assert is_the_ecus(tester, GROWN, IDLE)


def test_a_growth_that_outlasts_a_restart_may_be_anybodys() -> None:
    tester = open_tester(with_changes("hardened", "jitter"), seed=1, trace=Trace(), ledger_path=None)
    with pytest.raises(Inconclusive, match="directly after a restart"):
        is_the_ecus(tester, Drift(first=0.0002, last=0.0012, p=1e-9, count=200), IDLE)
    tester.link.close()


def test_stamps_that_no_clock_can_have_made_are_no_times(tester: Tester) -> None:
    reply = tester.request(b"\x22\x10\x10")
    assert len(tester.answer_times_s(reply)) == 1
    for frame in reply.frames:
        frame.time_s += 0.0 if frame.is_sent else 898020902.6
    assert tester.answer_times_s(reply) == ()
