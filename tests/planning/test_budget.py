"""Prove which checks are left out to keep an audit within a given time."""

from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_checks
from harness.check import Attack
from harness.errors import UserError
from harness.planning.budget import left_out_for_time
from harness.planning.plan import AuditPlan, PlannedCheck

from ..audit.auditing import uds_harness

CHECKS = {check.id: check for check in shipped_checks()}


def check_of(id: str, seconds: float) -> PlannedCheck:
    return PlannedCheck(
        id=id, parameter=None, permissions=(), used=(), requests=1, wrong_keys=0, writes=0, resets=0, waits_s=seconds,
        seconds=seconds, why="",
    )  # fmt: skip


def left_out(costs: dict[str, float], seconds: float, *, shared_s: float = 0.0) -> frozenset[str]:
    """Return the ids that are left out; the first check that runs pays for a measurement that all share."""

    def plan_with(left: frozenset[str]) -> AuditPlan:
        kept = [id for id in costs if id not in left]
        planned = [check_of(id, costs[id] + (shared_s if id == kept[0] else 0.0)) for id in kept]
        return AuditPlan(checks=tuple(planned), left_out=0, assumptions=())

    checks: list[Attack] = [CHECKS[id] for id in costs]
    left, plan = left_out_for_time(plan_with, checks, seconds)
    assert plan.seconds <= seconds
    assert {one.id for one in plan.checks} == costs.keys() - left
    return left


def test_nothing_is_left_out_of_what_fits() -> None:
    assert left_out({"SA-09": 40.0, "CF-11": 5.0}, 45.0) == frozenset()


def test_of_equal_cost_the_more_severe_is_kept() -> None:
    assert [CHECKS[id].severity.value for id in ("AC-01", "CF-11")] == ["critical", "low"]
    assert left_out({"CF-11": 20.0, "AC-01": 20.0}, 30.0) == {"CF-11"}


def test_room_that_is_left_is_filled() -> None:
    assert left_out({"SA-09": 40.0, "CF-11": 5.0, "CF-05": 30.0}, 50.0) == {"CF-05"}


def test_a_shared_cost_is_paid_by_whoever_is_kept() -> None:
    """Without the first check the second pays the shared cost: not both of them fit, but one does."""
    assert len(left_out({"SA-01": 5.0, "SA-02": 5.0, "SA-09": 5.0}, 24.0, shared_s=12.0)) == 1


def test_a_time_in_which_nothing_fits_is_refused() -> None:
    with pytest.raises(UserError, match=r"--time: no check fits; the shortest takes 40 s"):
        left_out({"SA-09": 40.0, "SA-01": 60.0}, 10.0)


def test_an_audit_keeps_to_its_time_and_says_what_it_left_out(tmp_path: Path) -> None:
    words = ("hardened", "--depth", "quick", "--seed", "3", "--check", "SA-0[89]", "--check", "AC-0[123]", "--time", "20s")
    done = uds_harness("audit", *words, cwd=tmp_path)
    assert done.code == 0
    assert "no time in 20s for 1 check: SA-09" in done.out
    results = {one["id"]: one for one in done.document["results"]}
    assert results["SA-09"]["reason"] == "there was no time for it (--time)"
    assert results["SA-09"]["verdict"] == "not_run"
    assert results["AC-01"]["verdict"] == "pass"
    assert done.document["run"]["command"].endswith("--time 20s")
    assert sum(one["duration_s"] for one in done.document["results"]) <= 20


@pytest.mark.parametrize("time", ["15", "0s", "-1m", "soon"])
def test_a_time_that_is_none_is_refused(tmp_path: Path, time: str) -> None:
    done = uds_harness("audit", "article", f"--time={time}", cwd=tmp_path)
    assert done.code == 4
    assert f"--time {time}: give seconds, minutes or hours" in done.err
    assert done.folders == []
