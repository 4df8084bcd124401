"""Prove what an audit shows while it runs: its progress, the remaining time, and what it waits for."""

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.audit.opening import open_tester
from harness.audit.watched import UNNAMED, WatchedTester
from harness.cli.progress import Course, PlannedTime, Progress
from harness.cli.wrapping import has_colour, width_of
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.target import load_target
from harness.tester.tester import Tester
from harness.verdict import Depth

from ..audit.auditing import HANGS_S

CHECKS = [(f"SA-{n:02}", None) for n in range(10)]


@dataclass
class ByHand:
    """A clock that a test sets."""

    time_s: float = 0.0

    def now_s(self) -> float:
        return self.time_s


def course(
    clock: ByHand, planned: dict[tuple[str, str | None], PlannedTime] | None = None, *, done: int, each_s: float
) -> Course:
    """Return a course on which checks of these durations have ended, and the next check has begun."""
    one = Course(clock.now_s, planned)
    one.expect(CHECKS)
    for check in CHECKS[:done]:
        one.begins(check)
        clock.time_s += each_s
        one.ends(is_finding=False)
    one.begins(CHECKS[done])
    return one


# How long it still takes


BUSY, WAITS = PlannedTime(0, 20), PlannedTime(15, 5)


def test_the_rest_takes_what_was_planned() -> None:
    assert course(ByHand(), dict.fromkeys(CHECKS, BUSY), done=2, each_s=20.0).left_s == pytest.approx(160)


def test_a_plan_is_corrected_by_how_true_it_was() -> None:
    clock = ByHand()
    one = course(clock, dict.fromkeys(CHECKS, BUSY), done=5, each_s=30.0)
    assert one.left_s == pytest.approx(150)
    clock.time_s += 10
    assert one.left_s == pytest.approx(140), "the running check has got on by so much"
    clock.time_s += 1000
    assert one.left_s == pytest.approx(120), "it takes longer than planned, and nobody knows by how much"


def test_waits_are_as_long_on_a_slow_bus_as_on_a_fast_one() -> None:
    one = course(ByHand(), dict.fromkeys(CHECKS, WAITS), done=5, each_s=15 + 4 * 5)
    assert one.left_s == pytest.approx(5 * (15 + 4 * 5))


def test_without_a_plan_nothing_is_told_before_enough_has_ended() -> None:
    assert course(ByHand(), done=0, each_s=10).left_s is None
    assert course(ByHand(), done=5, each_s=10).left_s == pytest.approx(50)


def test_what_is_learned_before_the_first_check_is_no_part_of_any() -> None:
    clock = ByHand()
    one = Course(clock.now_s, dict.fromkeys(CHECKS, PlannedTime(0, 10)))
    one.expect(CHECKS)
    clock.time_s = 500
    one.begins(CHECKS[0])
    clock.time_s += 10
    one.ends(is_finding=True)
    one.begins(CHECKS[1])
    assert one.left_s == pytest.approx(90)
    assert one.elapsed_s == 10


# What it waits for


@pytest.fixture
def tester() -> Iterator[WatchedTester]:
    opened = open_tester(load_target("hardened"), seed=1, trace=Trace(), ledger_path=None, kind=WatchedTester)
    assert isinstance(opened, WatchedTester)
    yield opened
    opened.link.close()


class Slow:
    """A link whose clock advances while a tester waits; in the middle of the wait the tester's words are noted."""

    def __init__(self, tester: WatchedTester, at_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told = ""
        original = Tester._listen

        def listen(one: Tester, seconds: float, *options: object) -> object:
            half = original(one, min(at_s, seconds))
            self.told = tester.doing()
            return half + original(one, max(seconds - at_s, 0.0))

        monkeypatch.setattr(Tester, "_listen", listen)


def test_a_wait_says_for_what_and_how_long_still(tester: WatchedTester, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Slow(tester, 3.0, monkeypatch)
    tester.wait(10, "the delay of level 0x01")
    assert looked.told == "waits for the delay of level 0x01, 7 s left"
    tester.link.receive(tester.link.now_s + 1.0)
    assert tester.doing() == "", "it is over"


def test_a_wait_in_parts_says_how_long_so_far(tester: WatchedTester, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Slow(tester, 1.0, monkeypatch)
    for _ in range(3):
        tester.wait(2, "the ECU gives no seed yet")
    assert looked.told == "waits (the ECU gives no seed yet), for 5 s so far"


def test_a_wait_without_a_purpose_and_listening_are_told_too(tester: WatchedTester, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = Slow(tester, 1.0, monkeypatch)
    tester.wait(5)
    assert looked.told == f"waits for {UNNAMED}, 4 s left"
    tester.listen(60)
    assert looked.told == "waits for frames that nobody asked for, 59 s left"


def test_what_is_measured_meanwhile_is_told(tester: WatchedTester, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Measurements(tester, Depth.QUICK)
    tester.measured = lambda: measure.under_way[-1]
    looked = Slow(tester, 3.0, monkeypatch)
    measure.once(("delay", 0x01), lambda: tester.wait(10, "the delay of level 0x01"))
    assert looked.told == "waits for the delay of level 0x01, 7 s left; measures delay of level 0x01"
    assert measure.under_way == []


# Where it is shown


class Terminal(io.StringIO):
    """A terminal with this many columns, as COLUMNS says."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_a_line_says_all_of_it() -> None:
    class Waits:
        def doing(self) -> str:
            return "waits for the delay of level 0x01, 7 s left"

    said = io.StringIO()
    progress = Progress(io.StringIO(), said)
    progress.watch(Waits())
    progress.course.expect([("SA-17", "level 0x01"), *CHECKS])
    progress.course.begins(("SA-17", "level 0x01"))
    progress._print_line()
    assert said.getvalue() == (
        "0 of 11 results, 0 findings, 0 s; SA-17 [level 0x01]: waits for the delay of level 0x01, 7 s left\n"
    )


def test_an_audit_that_ends_says_so() -> None:
    progress = Progress(io.StringIO(), io.StringIO())
    progress.course.expect(CHECKS)
    assert progress.now() == "begins"
    progress.course.begins(CHECKS[0])
    assert progress.now() == "SA-00: asks the ECU"
    progress.is_ending = True
    assert progress.now() == "leaves the ECU as it was, and writes the reports"


def test_colours_are_for_terminals_of_users_who_have_not_refused_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colour(Terminal())
    assert not has_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colour(Terminal())


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("10", 40), ("", 80), ("wide", 80)])
def test_the_width_is_what_the_user_says_else_that_of_the_output(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width_of(io.StringIO()) == width


@pytest.mark.parametrize("colours", ["", "1"])
def test_a_terminal_shows_progress_and_keeps_only_the_end(colours: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": colours, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    words = ["audit", "article", "--check", "CF-*", "--depth", "quick", "--seed", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words], cwd=tmp_path, env=environment, stdout=theirs, stderr=theirs, stdin=theirs
    )
    os.close(theirs)
    said = b""
    try:
        while piece := _read(ours):
            said += piece
    finally:
        process.wait(HANGS_S)
        os.close(ours)
    text = said.decode()
    assert re.search(r"\d+ of \d+ results, \d+ findings?, \d+ s", text)
    assert ("\x1b[1;31mfail" in text) is (not colours)
    end = text[text.index("Findings, the worst first") :]
    assert "exit code 1: " in end
    assert "\x1b" not in end, "nothing is overwritten below the end"


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux's way to say that a terminal's other end is closed
        return b""


def test_rich_is_loaded_only_for_a_terminal(tmp_path: Path) -> None:
    words = "import sys; from harness.cli.main import main; main(['audit', '--check', 'CF-02']); "
    words += "sys.exit('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], cwd=tmp_path, capture_output=True, timeout=HANGS_S, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
