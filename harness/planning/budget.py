"""Choose the most informative checks for a given time: plan all checks, then take those of most weight per second."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from harness.check import Attack
from harness.errors import UserError
from harness.planning.plan import AuditPlan, duration
from harness.verdict import Severity

WEIGHTS: Final = {Severity.CRITICAL: 16, Severity.HIGH: 8, Severity.MEDIUM: 4, Severity.LOW: 2, Severity.INFO: 1}
"""The weight of a check, by the severity of its failure."""
MAIN_FAMILY, MAIN_WEIGHT = "SA-", 2
"""The family of the SecurityAccess checks, and the factor that multiplies their weight."""
LEAST_S: Final = 0.5
"""The shortest time in seconds that the ranking assumes for a check, since each check takes some time to begin and end."""
ROUNDS: Final = 7
"""How many times the kept checks are planned again.

A measurement that a check left out would have shared then counts for the check that is kept.
"""
LEAST_ROOM: Final = 0.1
"""The smallest unused share of the time that justifies another plan."""


def left_out_for_time(
    plan_with: Callable[[frozenset[str]], AuditPlan], checks: Iterable[Attack], seconds: float
) -> tuple[frozenset[str], AuditPlan]:
    """Return the ids of checks to leave out so that the audit takes at most `seconds`, and the plan of the kept checks.

    `plan_with` plans an audit without the checks whose ids it is given. Raises UserError if no check fits.
    """
    weights = {check.id: _weight(check) for check in checks}
    left_out: frozenset[str] = frozenset()
    plan = plan_with(left_out)
    first_costs = costs = _costs(plan)
    room_s, share, best = seconds, 1.0, None
    for _ in range(ROUNDS):
        if plan.seconds <= seconds:
            best = left_out, plan
        if best is None:
            kept = _kept(costs, weights, room_s)
            if not kept:
                raise UserError(f"--time: no check fits; the shortest takes {duration(min(costs.values()))}")
            left_out |= costs.keys() - kept
        else:
            share *= 1.0 if plan.seconds <= seconds else 0.5
            left_out, kept_plan = best
            back = _kept({id: first_costs[id] for id in left_out}, weights, share * (seconds - kept_plan.seconds))
            if not back or kept_plan.seconds > (1 - LEAST_ROOM) * seconds:
                return best
            left_out -= back
        plan = plan_with(left_out)
        costs = _costs(plan)
        room_s *= min(1.0, seconds / plan.seconds) if plan.seconds else 1.0
    return best if best is not None and plan.seconds > seconds else (left_out, plan)


def _weight(check: Attack) -> int:
    return WEIGHTS[check.severity] * (MAIN_WEIGHT if check.id.startswith(MAIN_FAMILY) else 1)


def _costs(plan: AuditPlan) -> Mapping[str, float]:
    costs: dict[str, float] = {}
    for check in plan.checks:
        costs[check.id] = costs.get(check.id, 0.0) + check.seconds
    return costs


def _kept(costs: Mapping[str, float], weights: Mapping[str, int], seconds: float) -> frozenset[str]:
    """Return the ids of the checks that fit into the time, chosen by their weight per second, the greatest first."""
    kept, spent = set(), 0.0
    for id in sorted(costs, key=lambda id: (-weights.get(id, 1) / max(costs[id], LEAST_S), id)):
        if spent + costs[id] <= seconds:
            kept.add(id)
            spent += costs[id]
    return frozenset(kept)
