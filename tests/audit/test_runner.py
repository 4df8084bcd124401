"""Whose fault is it? What the runner makes of endings that are not the ECU's."""

from __future__ import annotations

from harness.audit.declare import Attack
from harness.audit.runner import Runner
from harness.audit.schedule import Check
from harness.ecu.profiles import hardened
from harness.link.bus import SimulatedLink
from harness.link.clock import Chance
from harness.link.node import Port
from harness.link.trace import Trace
from harness.outcome import fail
from harness.run import Severity, Verdict
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester

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
    """An adapter that may lose frames."""

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
            """Never called."""

    link = SimulatedLink([Stillborn()], bitrate=500_000, chance=Chance(1), trace=Trace())
    (finding,) = Runner(new_tester(link)).run(Check(DECLARED, None, lambda: None), "repeat")
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "Stillborn raised RuntimeError: no flash" in finding.reason
