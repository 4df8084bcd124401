"""Prove that a crash is reported first, that lost contact is waited for, and that the other checks are judged afterwards."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from harness.audit.runner import Runner
from harness.audit.schedule import Check
from harness.errors import Violation
from harness.runs.findings import Finding
from harness.target import Reset, load_target
from harness.tester.reply import negative
from harness.verdict import Verdict

from ..tester.bench import Answers, Bench, PoweredEcu, SecuredEcu, secured
from .auditing import Done, check, run_pytest, uds_harness, write_checks, write_target
from .test_runner import DECLARED

ODD_NODES = Path(__file__).with_name("odd_nodes.py").resolve()
FATAL = b"\x2e\x10\x10\x00\x00\x00"


@dataclass
class Watcher:
    """A person who stands beside the ECU, and the messages that the person was shown."""

    is_there: bool = True
    said: list[str] = field(default_factory=list)
    on_request: Callable[[], None] = lambda: None

    def say(self, text: str) -> None:
        self.said.append(text)
        if text.startswith("please"):
            self.on_request()


class Falling(SecuredEcu):
    """An ECU that stops answering after one request, until its power is cycled."""

    def answers(self, pdu: bytes) -> Answers:
        if pdu == FATAL:
            self.silent_until_s = float("inf")
            return []
        return super().answers(pdu)


class Restarting(SecuredEcu):
    """An ECU that crashes at one request, and is back at once."""

    def answers(self, pdu: bytes) -> Answers:
        if pdu == FATAL:
            self.restart()
            return []
        return super().answers(pdu)


def run(runner: Runner, act: Callable[[], object], name: str = DECLARED.id) -> Finding:
    (finding,) = runner.run(Check(replace(DECLARED, id=name), None, act), "the command")
    return finding


def at(ecu: SecuredEcu, watcher: Watcher | None = None, **options: Any) -> tuple[Bench, Runner]:
    bench = Bench(ecu, **options)
    runner = Runner(bench.tester)
    if watcher is not None:
        runner.contact.operator = watcher
    return bench, runner


# Crash and restart


def test_check_that_provokes_a_crash_and_restart_fails() -> None:
    bench, runner = at(Restarting(boot_s=0.02))
    finding = run(runner, lambda: bench.tester.request(FATAL))
    assert finding.verdict is Verdict.FAIL
    assert finding.expected == "the ECU survives 2E 10 10 00 00 00"
    assert "the ECU crashed and restarted" in finding.observed
    assert finding.exchanges[-1].request == "2E 10 10 00 00 00"
    (crash,) = runner.crashes
    assert (crash.request, crash.check, crash.reproduced) == ("2E 10 10 00 00 00", "MY-1", True)
    assert crash.repeat == "the command"


def test_crash_is_not_called_a_missing_answer() -> None:
    bench, runner = at(Restarting(boot_s=0.02))
    finding = run(runner, lambda: bench.tester.judge(bench.tester.request(FATAL), sound=negative(0x13)))
    assert finding.verdict is Verdict.FAIL
    assert finding.observed.startswith("the ECU crashed and restarted")


def test_what_failed_for_another_reason_still_does_and_names_the_crash() -> None:
    bench, runner = at(Restarting(boot_s=0.02))

    def fails() -> None:
        bench.tester.request(FATAL)
        raise Violation(expected="one thing", observed="another")

    finding = run(runner, fails)
    assert (finding.expected, finding.observed) == ("one thing", "another")
    assert any("restarted" in note for note in finding.notes)
    assert len(runner.crashes) == 1


class Leaking(SecuredEcu):
    """An ECU that falls silent for two seconds at each hundredth request for a value that it does not have."""

    asked = 0

    def answers(self, pdu: bytes) -> Answers:
        self.asked += pdu == b"\x22\x66\x66"
        if self.asked == 100:
            self.asked = 0
            self.silent_until_s = self.port.now_s + 2.0
            return []
        return super().answers(pdu)


def test_check_after_which_the_ecu_falls_silent_again_and_again_fails() -> None:
    bench, runner = at(Leaking())

    def leaks() -> None:
        for _ in range(100):
            bench.tester.request("22 66 66")
        bench.tester.await_life(5.0)

    finding = run(runner, leaks)
    assert finding.verdict is Verdict.FAIL
    assert finding.observed == "the ECU fell silent for a while, twice"
    assert runner.crashes[0].reproduced


def test_silence_that_does_not_come_again_is_inconclusive_and_listed() -> None:
    bench, runner = at(Leaking())
    begun = 0

    def leaks() -> None:
        nonlocal begun
        begun += 1
        for _ in range(100 if begun == 1 else 1):
            bench.tester.request("22 66 66")
        bench.tester.await_life(5.0)

    finding = run(runner, leaks)
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "not reproduced" in finding.reason
    assert not runner.crashes[0].reproduced


def test_crash_that_two_checks_provoke_is_listed_once() -> None:
    bench, runner = at(Restarting(boot_s=0.02))
    verdicts = [run(runner, lambda: bench.tester.request(FATAL), name).verdict for name in ("FZ-71", "FZ-72")]
    assert verdicts == [Verdict.FAIL, Verdict.FAIL], "both are about what the ECU survives"
    assert len(runner.crashes) == 1


def test_check_of_security_that_meets_a_known_crash_comes_to_no_verdict() -> None:
    """After the ECU has restarted meanwhile, the check can say nothing of the lock; and the crash is reported already."""
    bench, runner = at(Restarting(boot_s=0.02))
    first = run(runner, lambda: bench.tester.request(FATAL), "SA-71")
    second = run(runner, lambda: bench.tester.request(FATAL), "SA-72")
    assert (first.verdict, first.cause) == (Verdict.FAIL, "2E 10 10 00 00 00 crashes the ECU")
    assert first.heading == "The ECU crashes after 2E 10 10 00 00 00", "not what the check would have found of the lock"
    assert second.verdict is Verdict.INCONCLUSIVE
    assert second.reason == "2E 10 10 00 00 00 crashed the ECU meanwhile, as in SA-71"


def test_heading_of_a_crash_says_so_and_shows_the_beginning_of_a_long_request() -> None:
    class Fragile(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu[:1] == b"\x85":
                self.restart()
                return []
            return super().answers(pdu)

    for request, shown in (
        ("85 02 FF", "85 02 FF"),
        ("85 02 03 04 05 06 07 08", "85 02 03 04 05 06 07 08"),
        ("85 02 03 04 05 06 07 08 09", "85 02 03 04 05 06 07 08 …"),
        ("85 02 03 04 05 06 07 08" + " 09" * 60, "85 02 03 04 05 06 07 08 … (68 bytes)"),
    ):
        bench, runner = at(Fragile(boot_s=0.02))
        finding = run(runner, lambda bench=bench, request=request: bench.tester.request(request))
        assert finding.heading == f"The ECU crashes after {shown}"
        assert finding.cause == f"{shown} crashes the ECU"


def test_crashes_of_one_kind_are_listed_once() -> None:
    class Fragile(SecuredEcu):
        def answers(self, pdu: bytes) -> Answers:
            if pdu[:1] == b"\x85":
                self.restart()
                return []
            return super().answers(pdu)

    bench, runner = at(Fragile(boot_s=0.02))
    for request in ("85 02 FF", "85 02 EE", "85 01 FF"):
        assert run(runner, lambda request=request: bench.tester.request(request)).verdict is Verdict.FAIL
    assert [crash.request for crash in runner.crashes] == ["85 02 FF", "85 01 FF"]


def test_check_without_any_silence_costs_nothing_more() -> None:
    ecu = SecuredEcu()
    bench, runner = at(ecu)
    run(runner, lambda: bench.tester.request("22 10 10"))
    before = len(ecu.heard)
    run(runner, lambda: bench.tester.request("22 10 10"))
    assert len(ecu.heard) - before == 4, "alive, the default session, the check, and alive"


# Contact lost


def test_person_at_the_terminal_is_asked_and_the_audit_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ecu = Falling()
    watcher = Watcher(on_request=lambda: setattr(ecu, "silent_until_s", bench.now_s + 3.0))
    bench, runner = at(ecu, watcher)
    monkeypatch.setattr(bench.link, "is_virtual", False)
    first = run(runner, lambda: bench.tester.request(FATAL))
    assert first.verdict is Verdict.INCONCLUSIVE
    assert "2E 10 10 00 00 00" in first.reason
    assert "not reproduced" in first.reason
    assert "cannot bring the ECU back" in first.reason, "nobody is asked to switch it off and on for a second time"
    assert "lost" in watcher.said[0]
    assert watcher.said[1].startswith("please cycle the ECU's power")
    assert watcher.said[-1] == "the ECU answers again; the audit goes on"
    assert run(runner, lambda: bench.tester.read(0x1010)).verdict is Verdict.PASS
    (crash,) = runner.crashes
    assert (crash.request, crash.reproduced) == ("2E 10 10 00 00 00", False)


def test_ecu_that_comes_back_by_itself_is_waited_for() -> None:
    class Slow(Falling):
        def answers(self, pdu: bytes) -> Answers:
            answers = super().answers(pdu)
            self.silent_until_s = self.port.now_s + 4.0 if pdu == FATAL else self.silent_until_s
            return answers

    watcher = Watcher()
    bench, runner = at(Slow(), watcher)
    finding = run(runner, lambda: bench.tester.request(FATAL))
    assert finding.verdict is Verdict.FAIL, "it fell silent again when it was sent once more"
    assert not any(text.startswith("please") for text in watcher.said)
    assert run(runner, lambda: bench.tester.read(0x1010)).verdict is Verdict.PASS


def test_ecu_that_hooks_bring_back_is_said_to_have_been_lost() -> None:
    class Powered(Falling, PoweredEcu):
        def power_cycle(self) -> None:
            self.silent_until_s = 0.0
            super().power_cycle()

    watcher = Watcher()
    bench, runner = at(Powered(), watcher, target=secured(reset=Reset(power="simulated", boot_s=0.5)))
    assert run(runner, lambda: bench.tester.request(FATAL)).verdict is Verdict.FAIL
    assert watcher.said[0] == "contact with the ECU was lost in MY-1; brought back by power"


def test_ecu_that_is_lost_between_two_checks_is_listed_without_a_suspect() -> None:
    ecu = SecuredEcu()
    watcher = Watcher()
    bench, runner = at(ecu, watcher)
    run(runner, lambda: bench.tester.read(0x1010))
    ecu.silent_until_s = bench.now_s + 4.0
    assert run(runner, lambda: bench.tester.read(0x1010)).verdict is Verdict.PASS
    (crash,) = runner.crashes
    assert (crash.request, crash.reproduced) == ("what is not known", False)
    assert crash.what == "the ECU fell silent between two checks, before MY-1"


def test_ecu_that_a_check_has_left_dead_is_not_lost_once_more() -> None:
    class Powered(Falling, PoweredEcu):
        def power_cycle(self) -> None:
            self.silent_until_s = 0.0
            super().power_cycle()

    bench, runner = at(Powered(), target=secured(reset=Reset(power="simulated", boot_s=0.5)))
    run(runner, lambda: bench.tester.request(FATAL))
    run(runner, lambda: bench.tester.read(0x1010))
    assert [crash.request for crash in runner.crashes] == ["2E 10 10 00 00 00"]


def test_lost_ecu_that_answers_again_later_is_taken_up_again() -> None:
    ecu = Falling()
    watcher = Watcher(is_there=False)
    bench, runner = at(ecu, watcher)
    run(runner, lambda: bench.tester.request(FATAL))
    assert run(runner, lambda: None).verdict is Verdict.INCONCLUSIVE
    ecu.silent_until_s = 0.0
    assert run(runner, lambda: bench.tester.read(0x1010)).verdict is Verdict.PASS
    assert watcher.said[-1] == "the ECU answers again; the audit goes on"


def test_ecu_that_never_comes_back_costs_little_for_each_check_that_is_left() -> None:
    bench, runner = at(Falling(), Watcher(is_there=False))
    run(runner, lambda: bench.tester.request(FATAL))
    begun_s = bench.now_s
    reasons = {run(runner, lambda: None).reason for _ in range(20)}
    assert len(reasons) == 1, "one reason, which reports say once"
    assert bench.now_s - begun_s < 20 * 0.5


def test_ecu_that_has_never_answered_is_not_waited_for() -> None:
    ecu, watcher = SecuredEcu(), Watcher()
    bench, runner = at(ecu, watcher)
    ecu.silent_until_s = float("inf")
    assert "does not answer (0x740 -> 0x748)" in run(runner, lambda: None).reason
    assert watcher.said == []
    assert bench.now_s < 3.0


# In the report


def test_crash_stands_in_the_run_and_in_audit_json(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-1", "tester.request('F0')"))
    done = run_pytest(mine, "--uds-target", write_target(place, "DiesOnF0"), cwd=place)
    (crash,) = done.document["run"]["crashes"]
    assert crash["request"] == "F0"
    assert crash["check"] == "MY-1"
    assert crash["reproduced"] is True
    assert crash["what"]
    assert "MY-1" in crash["repeat"]
    assert done.run.info.crashes[0].request == "F0"


def test_audit_without_a_crash_lists_none(hardened: Done) -> None:
    assert hardened.document["run"]["crashes"] == []


def test_console_says_once_what_was_not_begun(place: Path) -> None:
    later = [check(f"MY-{number}", "tester.read(0x0100)") for number in range(2, 12)]
    mine = write_checks(place / "mine", check("MY-1", "tester.request('F0')"), *later)
    done = uds_harness("audit", write_target(place, "DiesOnF0", more=""), "--checks", mine, "-k", "MY-", cwd=place)
    assert done.out.count("contact was lost") == 1, done.out
    assert 'power = "simulated" under [reset]' in done.out + done.err, "the node of the file can be powered off"
    assert "  10 inconclusive   MY-2 and 9 more: not begun: contact was lost in MY-1" in done.out
    assert {done.verdicts[f"MY-{number}"] for number in range(2, 12)} == {"inconclusive"}


def test_ecu_that_a_long_write_kills_has_been_judged_by_then_and_the_crash_is_said_first(place: Path) -> None:
    """Nothing can bring the ECU back: the bench has no hook, and nobody stands beside it."""
    text = (load_target("hardened").path or Path()).read_text(encoding="utf-8")
    text = text.replace('channel = "hardened"', f'channel = "{ODD_NODES}:dying_of_a_long_write"')
    text = re.sub(r'^power = "simulated"\n', "", text, flags=re.MULTILINE)
    (place / "deadly.toml").write_text(text, encoding="utf-8")
    done = uds_harness("audit", "deadly.toml", "--depth", "quick", "--seed", "1", cwd=place)
    verdicts = {name: verdict for name, verdict in done.verdicts.items() if name.startswith("SA-")}
    assert list(verdicts.values()).count("pass") > len(verdicts) * 0.8, verdicts
    (crash,) = done.document["run"]["crashes"]
    assert crash["request"].startswith("2E"), crash
    assert not crash["reproduced"]
    assert "not begun: contact was lost in" in " ".join(done.out.split())
    assert done.out.count("the ECU does not answer again") == 1
