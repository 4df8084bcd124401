"""Test your own checks, fuzz cases and nodes with an ECU, a tester and an audit in memory, in virtual time.

    from harness.testing import run_checks, target_of

    def test_my_check_sees_an_ecu_without_a_limit() -> None:
        (finding,) = run_checks([my_check], target_of("hardened+no_attempt_limit"))
        assert finding.verdict == "fail"

Nothing is written anywhere, no time passes, and the same seed gives the same findings.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from harness.audit.opening import open_tester
from harness.audit.runner import Runner
from harness.audit.schedule import checks_of
from harness.check import declared_attack
from harness.link.trace import Trace
from harness.measurements import Measurements
from harness.runs.findings import Finding
from harness.simulation.node import Node, Port
from harness.target import Target, load_target
from harness.tester.tester import Tester
from harness.verdict import Depth, Verdict

__all__ = ["Finding", "Node", "Port", "Tester", "Verdict", "open_ecu", "run_checks", "target_of"]


def target_of(ecu: str | Callable[[], object], *, like: str = "hardened") -> Target:
    """Return the target of the simulated ECU `ecu`, with the declarations of the target `like`, CAN ids included.

    `ecu` is a channel (``hardened+no_attempt_limit``, ``my_ecu.py:make``), or a function at the top of a module that returns
    a node. Raises UserError if there is no such target.
    """
    base = load_target(like)
    channel = ecu if isinstance(ecu, str) else f"{ecu.__module__}:{ecu.__qualname__}"
    return replace(base, can=replace(base.can, interface="uds-sim", channel=channel))


@contextmanager
def open_ecu(target: Target | str = "hardened", *, seed: int = 1) -> Iterator[Tester]:
    """Open a tester on a simulated ECU, as checks get it. Raises UserError if the target or its ECU is invalid."""
    tester = open_tester(_target(target), seed=seed, trace=Trace(), ledger_path=None)
    try:
        yield tester
    finally:
        tester.link.close()


def run_checks(
    functions: Iterable[Callable[..., object]],
    target: Target | str,
    *,
    seed: int = 1,
    depth: Depth = Depth.QUICK,
    trace: Trace | None = None,
) -> list[Finding]:
    """Run some checks on an ECU, and return the findings as an audit does. Raises UserError where an audit does."""
    tester = open_tester(_target(target), seed=seed, trace=trace or Trace(), ledger_path=None)
    runner = Runner(tester)
    measure = Measurements(tester, depth)
    functions = list(functions)
    try:
        declared = [one for function in functions if (one := declared_attack(function)) is not None]
        measure.prepare(declared, [entry.level for entry in tester.target.security])
        checks = checks_of(functions, tester=tester, measure=measure, depth=depth)
        findings = [finding for check in checks for finding in runner.run(check, "")]
        return [*findings, *runner.settle()]
    finally:
        tester.link.close()


def _target(given: Target | str) -> Target:
    return load_target(given) if isinstance(given, str) else given
