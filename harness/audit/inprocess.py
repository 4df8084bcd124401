"""Checks without pytest and without a run folder: what the project's own proofs run by the hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.audit.opening import open_tester
from harness.audit.runner import Runner
from harness.audit.schedule import checks_of
from harness.check import declared_attack
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.runs.findings import Finding
from harness.target import Target
from harness.verdict import Depth


def run_checks(
    functions: Iterable[Callable[..., object]],
    target: Target,
    *,
    seed: int = 1,
    depth: Depth = Depth.QUICK,
    trace: Trace | None = None,
) -> list[Finding]:
    """The findings of some checks on a simulated ECU; nothing is written anywhere. UserError: as for an audit."""
    tester = open_tester(target, seed=seed, trace=trace or Trace(), ledger_path=None)
    runner = Runner(tester)
    measure = Measurements(tester, depth)
    functions = list(functions)
    try:
        measure.prepare(declared for function in functions if (declared := declared_attack(function)) is not None)
        checks = checks_of(functions, tester=tester, measure=measure, depth=depth)
        findings = [finding for check in checks for finding in runner.run(check, "")]
        return [*findings, *runner.settle()]
    finally:
        tester.link.close()
