"""Prove which changes of habit are noticed: in time, session, messages without a request, console and memory."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.fuzz.answers import Complaint
from harness.fuzz.bench import Bench, Judging, Setting
from harness.fuzz.case import read_cases
from harness.fuzz.hunt import Hunt
from harness.fuzz.oracles import Damage
from harness.fuzz.play import Stimulus
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import Observe, Target
from harness.verdict import Severity, Verdict

from ..variants import with_changes
from . import oracle_nodes, playing
from .oracle_nodes import PROVOKED

NODES = Path(oracle_nodes.__file__)
USUAL: list[Stimulus] = [(b"\x22\x10\x10",), (b"\x22\x77\x77",), (b"\x22\x10",), (b"\x3e\x00",)]
WRONG_READS: list[Stimulus] = [(PROVOKED,)]


def ecu_of(name: str, **changes: object) -> Target:
    base = playing.target(**changes)
    return replace(base, can=replace(base.can, channel=f"{NODES}:{name}"))


@contextmanager
def bench_on(ecu: Target) -> Iterator[Bench]:
    tester = open_tester(ecu, seed=1, trace=Trace(), ledger_path=None)
    tester.restore()
    tester.prove_keys()
    bench = Bench(tester, judging=Judging.ALL, sessions=tester.sessions(), may_renew=True)
    yield bench
    bench.close()
    tester.link.close()


def seen(ecu: Target, stimuli: list[Stimulus], setting: Setting | None = None) -> dict[str, Damage | Complaint]:
    """Play usual stimuli and these, then these once more; return the faults that were seen both times."""
    with bench_on(ecu) as bench:
        first = bench.failures(setting or Setting(), [*USUAL * 8, *stimuli])
        again = bench.failures(setting or Setting(), stimuli)
        return {what: failure for what, failure in again.items() if what in first}


# Time


def test_a_refusal_that_takes_much_longer_than_others_is_told_with_its_control() -> None:
    (complaint,) = seen(ecu_of("refuses_one_read_slowly"), WRONG_READS).values()
    assert isinstance(complaint, Complaint)
    assert (complaint.what, complaint.severity) == ("slow 22", Severity.LOW)
    assert complaint.expected.startswith("an answer to 22 10 10 77 within 2")
    assert "between them 22 10" in complaint.observed


def test_an_answer_after_p2_without_response_pending_is_worse() -> None:
    (complaint,) = seen(ecu_of("refuses_one_read_too_late"), WRONG_READS).values()
    assert (complaint.what, complaint.severity) == ("slow 22", Severity.MEDIUM)


@pytest.mark.parametrize("name", ["jitter", "pending", "busy_at_times", "level_before_length"])
def test_a_sound_ecu_that_takes_its_time_is_not_slow(name: str) -> None:
    keys: list[Stimulus] = [(b"\x10\x03",), (b"\x27\x01",), (b"\x27\x02" + bytes(4),), (b"\x2e\x10\x10\x00",)]
    assert not seen(with_changes("hardened", name), [*WRONG_READS * 20, *keys])


def test_what_has_to_be_computed_or_stored_may_take_longer() -> None:
    keys: list[Stimulus] = [(b"\x10\x03",), (b"\x27\x01",), (b"\x27\x02" + bytes(4),), (b"\x2e\x10\x10\x00",)]
    assert not seen(ecu_of("computes_keys_and_stores_slowly"), keys * 6)


# Session


def test_a_session_that_is_lost_shows_a_restart_that_nobody_saw() -> None:
    (damage,) = seen(ecu_of("restarts_between_two_requests"), [(b"\x10\x03",), *WRONG_READS]).values()
    assert (damage.what, damage.expected) == ("session", "the ECU still in session 0x03")


@pytest.mark.parametrize("last", [b"\x10\x01", b"\x11\x01", b"\x27\x02" + bytes(4)])
def test_a_session_that_was_left_rightly_is_not_lost(last: bytes) -> None:
    stimuli: list[Stimulus] = [(b"\x10\x03",), (b"\x27\x01",), (last,), (b"\x22\x10\x10",)]
    assert not seen(ecu_of("ends_the_session_after_a_wrong_key"), stimuli)


# Unasked traffic


def test_messages_that_nobody_asked_for_are_noticed() -> None:
    (damage,) = seen(ecu_of("talks_once_provoked"), WRONG_READS).values()
    assert damage.what == "unasked"
    assert "in 1 s in which nothing was sent" in damage.observed


@pytest.mark.parametrize(
    ("ecu", "stimuli"),
    [
        (ecu_of("talks_when_asked"), [(b"\x2a\x01\x10\x10",)]),
        (with_changes("hardened", "talks_while_booting"), [(b"\x11\x01",)]),
        (with_changes("hardened", "periodic_frames"), WRONG_READS),
        (playing.target("chatters"), []),
    ],
)
def test_what_was_asked_for_or_was_there_before_is_not_unasked(ecu: Target, stimuli: list[Stimulus]) -> None:
    assert not seen(ecu, stimuli)


# Console


def test_a_line_that_tells_of_a_fault_is_noticed() -> None:
    (damage,) = seen(ecu_of("prints_a_failed_assertion"), WRONG_READS).values()
    assert damage.observed == "it prints: ASSERT dcm.c:# failed"
    assert damage.severity is Severity.MEDIUM


def test_what_an_ecu_prints_anyway_is_not_noticed() -> None:
    assert not seen(ecu_of("prints_a_lot"), [*WRONG_READS, (b"\x11\x01",)])


def test_a_new_kind_of_line_is_kept_as_something_new() -> None:
    tester = open_tester(ecu_of("prints_a_lot"), seed=1, trace=Trace(), ledger_path=None)
    tester.restore()
    result = Hunt(tester, Chance(1)).run(1_200)
    assert any("console/dcm: truncated to # of # bytes" in news for _, news in result.fresh)
    tester.link.close()


# Memory


def ecu_that_uses_memory(folder: Path, *, is_sound: bool) -> Target:
    used, node = folder / "used", folder / "node.py"
    used.write_text("50000 bytes in use\n", encoding="ascii")
    load = f"leaking = runpy.run_path({str(NODES)!r})['leaking']"
    make = f"def make():\n    return leaking({str(used)!r}, is_sound={is_sound})"
    node.write_text(f"import runpy\n\n{load}\n\n\n{make}\n", encoding="utf-8")
    show = f"command: {shlex.join(['cat', str(used)])}"
    base = playing.target(observe=Observe(memory=show))
    return replace(base, can=replace(base.can, channel=f"{node}:make"))


def test_memory_that_grows_with_one_request_and_not_with_others_is_noticed(tmp_path: Path) -> None:
    ecu = ecu_that_uses_memory(tmp_path, is_sound=False)
    with bench_on(ecu) as bench:
        (damage,) = bench.failures(Setting(is_weighed=True), WRONG_READS * 50).values()
        assert not bench.failures(Setting(is_weighed=True), USUAL * 12)
    assert damage.what == "memory"
    assert damage.observed == "it grows by 1600; 1600; 1600 with 50 messages, and by 0 with as many plain requests"
    path = playing.write_case(tmp_path, send=f'"{PROVOKED.hex()}"', repeat="50")
    assert playing.run(read_cases(path)[0], ecu).expected.startswith("as much memory in use as before")


def test_memory_that_varies_is_not_noticed(tmp_path: Path) -> None:
    with bench_on(ecu_that_uses_memory(tmp_path, is_sound=True)) as bench:
        for _ in range(6):
            assert not bench.failures(Setting(is_weighed=True), WRONG_READS * 40)


# Cases


@pytest.mark.parametrize(
    ("node", "keys", "expected"),
    [
        ("refuses_one_read_slowly", {"within_ms": "20"}, "an answer to 22 10 10 77 within 20 ms"),
        ("restarts_between_two_requests", {"state": '"session 0x03"'}, "the ECU still in session 0x03 after 22 10 10 77"),
        ("talks_once_provoked", {}, "nothing on the response id that nobody asked for after 22 10 10 77"),
        ("prints_a_failed_assertion", {}, "nothing on the console that tells of a fault after 22 10 10 77"),
    ],
)
def test_a_case_fails_by_it_and_passes_on_the_sound_ecu(
    tmp_path: Path, node: str, keys: dict[str, str], expected: str
) -> None:
    case = playing.case(tmp_path, send=f'"{PROVOKED.hex()}"', **keys)
    failing, passing = playing.run(case, ecu_of(node)), playing.run(case, playing.target())
    assert (failing.verdict, passing.verdict) == (Verdict.FAIL, Verdict.PASS), failing
    assert failing.expected == expected


def test_a_late_answer_is_no_crash_and_a_restart_is_no_late_answer() -> None:
    with bench_on(ecu_of("refuses_one_read_too_late")) as bench:
        assert set(bench.failures(Setting(), [*USUAL * 8, *WRONG_READS])) == {"slow 22"}
    with bench_on(ecu_of("restarts_in_half_a_second")) as bench:
        (damage,) = bench.failures(Setting(), [*USUAL * 8, *WRONG_READS]).values()
    assert damage.what == "crash"
    assert damage.observed.endswith("it has restarted")
