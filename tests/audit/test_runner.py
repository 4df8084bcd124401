"""Prove which verdict the runner gives to a check that ends for a reason other than the ECU's behaviour."""

from harness.audit.runner import Runner
from harness.audit.schedule import Check
from harness.buses import SimulatedLink
from harness.check import Attack
from harness.ecu.profiles import hardened
from harness.errors import LinkError, LinkInterrupted, fail
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.simulation.node import Port
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester
from harness.tester.waits import PUNCTUAL_AFTER
from harness.verdict import Severity, Verdict

from ..tester.bench import Bench, ScriptedEcu, bare

DECLARED = Attack(
    id="MY-1",
    title="A check",
    severity=Severity.LOW,
    basis="policy",
    source="a test",
    rationale="so",
    remediation="so",
)


class LosingLink(SimulatedLink):
    """A link to an adapter that may lose frames."""

    lost_frames = 0


def new_tester(link: SimulatedLink) -> Tester:
    target = load_target("hardened")
    return Tester(link, target, chance=Chance(1), keys={}, ledger=Ledger(None, "ecu", None))


def losing_link() -> LosingLink:
    return LosingLink([hardened()], bitrate=500_000, chance=Chance(1), trace=Trace())


def test_a_failure_is_an_error_where_frames_were_lost_meanwhile() -> None:
    link = losing_link()

    def check() -> None:
        link.lost_frames += 3
        fail(expected="an answer", observed="silence")

    (finding,) = Runner(new_tester(link)).run(Check(DECLARED, None, check), "repeat")
    assert finding.verdict is Verdict.ERROR
    assert "lost" in finding.reason


def test_frames_lost_before_a_check_do_not_excuse_its_failure() -> None:
    link = losing_link()
    link.lost_frames = 3
    check = Check(DECLARED, None, lambda: fail(expected="an answer", observed="silence"))
    (finding,) = Runner(new_tester(link)).run(check, "repeat")
    assert finding.verdict is Verdict.FAIL


def test_an_ecu_that_died_at_its_start_is_named_with_its_cause() -> None:
    class Stillborn:
        def attach(self, port: Port) -> None:
            raise RuntimeError("no flash")

        def on_frame(self, frame: object) -> None:
            """Receive a frame; never called."""

    link = SimulatedLink([Stillborn()], bitrate=500_000, chance=Chance(1), trace=Trace())
    (finding,) = Runner(new_tester(link)).run(Check(DECLARED, None, lambda: None), "repeat")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "Stillborn raised RuntimeError: no flash" in finding.reason


class InterruptedLink(SimulatedLink):
    """A link to a bus that goes away when a test says so."""

    interruptions = 0

    def trip(self) -> None:
        if self.interruptions:
            self.interruptions -= 1
            raise LinkInterrupted("can0: the interface was gone for 4.0 s")


def interrupted(times: int) -> tuple[Finding, int]:
    link = InterruptedLink([hardened()], bitrate=500_000, chance=Chance(1), trace=Trace())
    link.interruptions = times
    begun = 0

    def check() -> None:
        nonlocal begun
        begun += 1
        link.trip()

    (finding,) = Runner(new_tester(link)).run(Check(DECLARED, None, check), "repeat")
    return finding, begun


def test_check_is_begun_again_when_the_bus_was_away() -> None:
    finding, begun = interrupted(1)
    assert finding.verdict is Verdict.PASS
    assert begun == 2
    assert finding.notes == ("begun again: can0: the interface was gone for 4.0 s",)


def test_check_is_begun_again_when_an_answer_came_after_its_wait_had_been_shortened() -> None:
    slow, quick = "22 F1 90", "3E 00"
    bench = Bench(ScriptedEcu({quick: "7E 00", slow: (0.15, "62 F1 90 41")}), target=bare())
    for _ in range(PUNCTUAL_AFTER):
        bench.tester.request(quick)
    begun = 0

    def check() -> None:
        nonlocal begun
        begun += 1
        if not bench.tester.request(slow).is_positive:
            bench.tester.wait(0.2)
            fail(expected="an answer", observed="silence")

    (finding,) = Runner(bench.tester).run(Check(DECLARED, None, check), "repeat")
    assert finding.verdict is Verdict.PASS, finding
    assert begun == 2
    assert "begun again: an answer came later than the ECU's answers had come so far" in finding.notes


def test_check_on_a_bus_that_is_away_again_and_again_is_an_error() -> None:
    finding, begun = interrupted(100)
    assert finding.verdict is Verdict.ERROR
    assert begun < 10


def test_checks_without_an_adapter_end_in_errors_that_say_so_once() -> None:
    link = losing_link()
    link.is_gone = True

    def refuse(frame: Frame) -> None:
        raise LinkError("can0: the adapter does not send (No such device)")

    link.send = refuse  # type: ignore[method-assign]
    runner = Runner(new_tester(link))
    findings = [runner.run(Check(DECLARED, None, lambda: None), "repeat")[0] for _ in range(3)]
    assert {finding.verdict for finding in findings} == {Verdict.ERROR}
    assert {finding.reason for finding in findings} == {"not begun: can0: the adapter does not send (No such device)"}
