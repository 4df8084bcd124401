"""Checks without pytest and without a run folder: what the project's own proofs run by the hundred."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.audit.measurements import Measurements
from harness.audit.runner import Runner
from harness.audit.schedule import checks_of
from harness.link.bus import open_link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.run import Depth, Finding
from harness.target import Target
from harness.tester.keys import key_function
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester


def run_checks(
    functions: Iterable[Callable[..., object]],
    target: Target,
    *,
    seed: int = 1,
    depth: Depth = Depth.QUICK,
    trace: Trace | None = None,
) -> list[Finding]:
    """The findings of some checks on a simulated ECU; nothing is written anywhere. UserError: as for an audit."""
    chance = Chance(seed)
    trace = trace or Trace()
    link = open_link(
        interface=target.can.interface,
        channel=target.can.channel,
        bitrate=target.can.bitrate,
        trace=trace,
        chance=chance.stream("ecu"),
        relative_to=target.folder,
    )
    keys = {entry.level: key_function(entry, target.folder) for entry in target.security}
    ledger = Ledger(None, target.name, target.safety.wrong_keys)
    tester = Tester(link, target, chance=chance.stream("tester"), keys=keys, ledger=ledger)
    runner = Runner(tester)
    shared = {"tester": tester, "measure": Measurements(tester, depth), "depth": depth}
    try:
        findings = [finding for check in checks_of(functions, **shared) for finding in runner.run(check, "")]
        return [*findings, *runner.settle()]
    finally:
        link.close()
