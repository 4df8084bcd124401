"""Prove frames at a rate: as many as wanted, none that could be a key, and this computer's own load told from the ECU's."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from attacks.robustness.test_drift import is_the_ecus
from harness.analysis.drift import Drift
from harness.audit.opening import open_tester
from harness.errors import Inconclusive, NotPermitted
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import load_target
from harness.tester.bus_load import await_quiet, foreign_frame, frames_per_second, send_load
from harness.tester.tester import Tester

from ..variants import with_changes
from .bench import RESPONSE_ID, Bench, ScriptedEcu, allowing

READ = Frame(0x740, b"\x03\x22\x10\x10\x00\x00\x00\x00")


def bench() -> Bench:
    return Bench(ScriptedEcu({"22 1010": "62 10 10 ff"}))


@pytest.mark.parametrize("per_second", [100, 500])
def test_frames_are_spread_over_the_time(per_second: int) -> None:
    one = bench()
    assert send_load(one.tester, READ, per_second=per_second, seconds=1.0) == pytest.approx(per_second, abs=6)
    times = [frame.time_s for frame in one.trace.frames(0, one.trace.count) if frame.is_sent]
    assert times[-1] - times[0] == pytest.approx(1.0, abs=0.05)


def test_a_burst_has_no_pause_and_all_is_answered() -> None:
    one = bench()
    sent = send_load(one.tester, READ, per_second=2000, seconds=0.3, burst=300)
    frames = one.trace.frames(0, one.trace.count)
    own = [frame.time_s for frame in frames if frame.is_sent]
    assert sent == len(own) == 600
    assert max(after - before for before, after in pairwise(own[:300])) < 0.0003
    one.tester.wait(1.0)
    answers = [frame for frame in one.trace.frames(0, one.trace.count) if frame.can_id == RESPONSE_ID]
    assert len(answers) == 600


def test_a_loaded_bus_carries_what_it_can() -> None:
    one = bench()
    share = 0.8
    frame = foreign_frame(one.tester, set())
    sent = send_load(one.tester, frame, per_second=frames_per_second(500_000, share), seconds=1.0, burst=300)
    bits = sent * (47 + 64)
    assert bits / 500_000 == pytest.approx(share, abs=0.1)


def test_a_foreign_frame_is_for_nobody() -> None:
    one = bench()
    frame = foreign_frame(one.tester, {0x7F0, 0x7F1})
    assert (frame.can_id, frame.data) == (0x7F2, bytes(8))
    assert one.tester.gate.check_raw(frame) == []


def test_keys_and_what_is_not_permitted_are_refused() -> None:
    one = bench()
    one.tester.gate.raw_needs = frozenset(("lockout",))
    with pytest.raises(ValueError, match="key"):
        send_load(one.tester, Frame(0x740, b"\x06\x27\x02\x00\x00\x00\x00\x00"), per_second=10, seconds=1.0)
    careful = Bench(ScriptedEcu(), target=allowing())
    with pytest.raises(NotPermitted):
        send_load(careful.tester, Frame(0x740, b"\x02\x11\x01"), per_second=10, seconds=1.0)


def test_a_backlog_is_waited_for_but_not_for_ever() -> None:
    late = [(0.03 * number, "62 10 10 ff") for number in range(1, 40)]
    one = Bench(ScriptedEcu({"22 1010": late}))
    one.tester.request(b"\x22\x10\x10")
    assert await_quiet(one.tester, 5.0) == pytest.approx(39 * 0.03, abs=0.1)
    one.tester.request(b"\x22\x10\x10")
    assert await_quiet(one.tester, 0.5) < 0.6
    assert await_quiet(Bench(ScriptedEcu()).tester, 5.0) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("said", "waits_s"),
    [
        (["7f 22 78"], 5.0),  # the final answer is outstanding
        (["7f 22 78", "62 10 10"], 0.0),
        (["7f 22 78", "7f 22 31"], 0.0),
        (["7f 2e 78", "7f 22 31"], 5.0),
        (["raw 10 14 62 f1 90 00 00 00"], 1.0),  # a flow control is waited for
        (["raw 10 14 62 f1 90 00 00 00", "raw 30 00 00"], 1.0),
        (["raw 10 14 62 f1 90 00 00 00", "62 10 10"], 0.0),
        (["raw 70", "raw "], 0.0),
    ],
    ids=str,
)
def test_what_an_ecu_owes_is_waited_for(said: list[str], waits_s: float) -> None:
    one = Bench(ScriptedEcu({"22 1010": said}))
    heard = one.tester.raw(b"\x03\x22\x10\x10").answers
    assert len(heard) == len(said)
    assert await_quiet(one.tester, 10.0, after=heard) == pytest.approx(waits_s, abs=0.2)


# This computer's own load

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
