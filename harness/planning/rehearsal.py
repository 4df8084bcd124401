"""Run an audit against a simulated ECU that is as the target declares, and record what it sends there."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from harness.audit.opening import read_all_pairs
from harness.check import Attack
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.planning.meter import Meter, MeteredLink, MeteredTester, Use
from harness.planning.plan import AuditPlan, PlannedCheck, planned_check
from harness.planning.twin import twin_of
from harness.report.conclusion import DESELECTED
from harness.runs.findings import Finding
from harness.simulation.node import Node, load_nodes
from harness.system import state_folder
from harness.target import Observe, Permission, Target, load_target
from harness.tester.keys import KeyFunction, key_function
from harness.tester.ledger import LEDGER, Ledger, ledger_of
from harness.tester.tester import Tester

SHAPE: Final = "hardened"
"""The shipped target whose sessions, levels and data are assumed for an ECU of which nothing is known."""


def rehearsed(target: Target, *, is_discovered: bool = False) -> tuple[Target, tuple[str, ...]]:
    """Return the target without hooks that act outside this program, and the assumptions that were made.

    An ECU that was neither declared nor discovered gets the sessions, levels and data of a shipped target, and keeps its own
    permissions.
    """
    said = []
    if target.path is None and not is_discovered and not target.security and not target.data:
        said.append(f"Nothing is known of this ECU: it is taken to have the shape of {SHAPE}. It would be discovered first.")
        target = replace(load_target(SHAPE), name=target.name, can=target.can, safety=target.safety, environment="bench")
        target = replace(target, connections=(), path=None)
    reset = target.reset
    hooks = [name for name in ("command", "power") if getattr(reset, name) not in (None, "simulated")]
    if hooks:
        said.append(f"The hooks of [reset] are not run: the simulated ECU is restarted in {reset.boot_s:g} s instead.")
        reset = replace(reset, command=None, power="simulated")
    return replace(target, reset=reset, observe=Observe(image=target.observe.image)), tuple(said)


class Rehearsal:
    """Records an audit that runs against a simulated ECU; it is passed in the audit's options."""

    def __init__(self) -> None:
        self.assumptions: tuple[str, ...] = ()
        self._begun: list[tuple[Attack, str | None, Use]] = []

    def open(self, target: Target, *, seed: int, trace: Trace) -> Tester:
        """Open a tester for the simulated ECU.

        Raises UserError if the target's key functions, pairs or ledger are malformed.
        """
        read_all_pairs(target)
        keys = {entry.level: key_function(entry, target.folder) for entry in target.security}
        self.meter = meter = Meter(target)
        nodes, keys = self._nodes(target, keys)
        chance = Chance(seed)
        can = target.can
        link = MeteredLink(
            nodes,
            bitrate=can.bitrate,
            data_bitrate=can.data_bitrate,
            chance=chance.stream("ecu"),
            trace=trace,
            meter=meter,
            is_virtual=target.is_simulated,
        )
        tester = MeteredTester(link, target, chance=chance.stream("tester"), keys=keys, ledger=_ledger_as_it_is(target))
        tester.meter = meter
        self._tester = tester
        self._keys_before = 0
        return tester

    def _nodes(
        self, target: Target, keys: dict[int, KeyFunction | None]
    ) -> tuple[list[Node], dict[int, KeyFunction | None]]:
        if target.is_simulated:
            self.assumptions = (
                "The ECU is simulated: this is what its audit sends; its seconds are virtual, and pass faster.",
            )
            return load_nodes(target.can.channel, target.folder), keys
        twin = twin_of(target, keys)
        self.assumptions = twin.assumptions
        return [twin.node], dict(twin.keys)

    def begins(self, declared: Attack, parameter: str | None) -> None:
        """Count the traffic from now on for this check; traffic before the first check counts for that check."""
        self._count_keys()
        use = self.meter.begin() if self._begun else self.meter.use
        self._begun.append((declared, parameter, use))

    def _count_keys(self) -> None:
        sent = self._tester.security.wrong_keys_sent
        if self._begun and sent > self._keys_before:
            self._begun[-1][2].wrong_keys += sent - self._keys_before
            self._begun[-1][2].permissions.add(Permission.LOCKOUT)
        self._keys_before = sent

    def plan(self, findings: Iterable[Finding], assumptions: Iterable[str] = ()) -> AuditPlan:
        """Return the plan from what a finished audit used; traffic after the last check counts for that check."""
        self._count_keys()
        uses = {(declared.id, parameter): (use, declared.needs) for declared, parameter, use in self._begun}
        planned: list[PlannedCheck] = []
        left_out = 0
        for finding in findings:
            use, needs = uses.get((finding.id, finding.parameter), (Use(), ()))
            if finding.reason == DESELECTED:
                left_out += 1
            else:
                planned.append(planned_check(finding, use, needs))
        order = {key: number for number, key in enumerate(uses)}
        planned.sort(key=lambda one: order.get((one.id, one.parameter), len(order)))
        return AuditPlan(checks=tuple(planned), left_out=left_out, assumptions=(*assumptions, *self.assumptions))


def _ledger_as_it_is(target: Target) -> Ledger:
    """Return a ledger with the remaining budget of wrong keys; the wrong keys of a rehearsal are not written to the file."""
    if target.is_simulated:
        return ledger_of(target, None)
    ledger = ledger_of(target, state_folder() / LEDGER)
    ledger.path = None
    return ledger
