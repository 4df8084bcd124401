"""Prove that a comparison needs only two runs, and shows what is better, worse, new, gone or not comparable."""

from dataclasses import replace
from typing import Any

import pytest

from harness.report.compare import Change, Comparison, compare
from harness.report.diff import conclusion, diff_html
from harness.runs.findings import Finding, Run, RunInfo
from harness.verdict import Severity, Verdict

TARGET = {
    "name": "van",
    "can": {"channel": "can0", "request_id": 0x740, "response_id": 0x748},
    "timing": {"p2_ms": 50},
    "security": [{"level": 1, "attempts": 3}, {"level": 3, "attempts": 3}],
    "data": [{"did": 0x2020, "write": "level 0x01"}],
    "safety": {"allow": ["lockout"]},
}
PASS, FAIL, DOUBT = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
NONE, NOT_RUN, ERROR = Verdict.NOT_APPLICABLE, Verdict.NOT_RUN, Verdict.ERROR


def one(verdict: Verdict, **changes: Any) -> Finding:
    finding = Finding(
        id="SA-09",
        title="Wrong keys lock SecurityAccess",
        parameter="level 0x01",
        verdict=verdict,
        severity=Severity.HIGH,
        basis="standard",
        check_version="c0ffee",
        permitted=("lockout",),
    )
    return replace(finding, **changes)


def run(*findings: Finding, **changes: Any) -> Run:
    info = RunInfo(
        target=TARGET,
        environment="bench",
        seed=1,
        depth="default",
        started_utc="2026-11-20T09:28:00Z",
        command="uds-harness audit van.toml",
        operator="",
        versions={"uds-harness": "1.0"},
    )
    return Run(info=replace(info, **changes), findings=findings)


def change(old: Run, new: Run) -> Change:
    (difference,) = compare(old, new).differences
    return difference.change


def conditions(old: Run, new: Run) -> tuple[str, ...]:
    (difference,) = compare(old, new).differences
    return difference.conditions


@pytest.mark.parametrize(
    ("old", "new", "expected", "is_worse"),
    [
        (one(PASS), one(FAIL), Change.WORSE, True),
        (one(FAIL), one(FAIL, severity=Severity.CRITICAL), Change.WORSE, True),
        (one(FAIL, accepted="known"), one(FAIL), Change.WORSE, True),
        (one(DOUBT), one(FAIL), Change.NEW, True),
        (one(NOT_RUN), one(FAIL), Change.NEW, True),
        (one(FAIL), one(PASS), Change.BETTER, False),
        (one(FAIL), one(FAIL, severity=Severity.LOW), Change.BETTER, False),
        (one(FAIL, accepted="known"), one(PASS), Change.BETTER, False),
        (one(FAIL), one(FAIL, accepted="known"), Change.ACCEPTED, False),
        (one(PASS), one(FAIL, accepted="known"), Change.ACCEPTED, False),
        (one(DOUBT), one(FAIL, accepted="known"), Change.ACCEPTED, False),
        (one(PASS), one(DOUBT), Change.LOST, False),
        (one(PASS), one(ERROR), Change.LOST, False),
        (one(FAIL), one(NONE), Change.LOST, False),
        (one(PASS), one(NOT_RUN), Change.NOT_JUDGED, False),
        (one(FAIL), one(NOT_RUN), Change.NOT_JUDGED, False),
        (one(DOUBT), one(PASS), Change.GAINED, False),
        (one(PASS), one(PASS), Change.SAME, False),
        (one(FAIL), one(FAIL), Change.SAME, False),
        (one(FAIL, accepted="known"), one(FAIL, accepted="still"), Change.SAME, False),
        (one(DOUBT), one(NOT_RUN), Change.SAME, False),
        (one(NONE), one(ERROR), Change.SAME, False),
    ],
)
def test_what_two_verdicts_make(old: Finding, new: Finding, expected: Change, is_worse: bool) -> None:
    comparison = compare(run(old), run(new))
    assert [difference.change for difference in comparison.differences] == [expected]
    assert comparison.is_worse() is is_worse


def test_only_strictly_is_lost_evidence_worse() -> None:
    comparison = compare(run(one(PASS)), run(one(DOUBT)))
    assert not comparison.is_worse()
    assert comparison.is_worse(strict=True)


def test_a_failure_without_an_earlier_result_is_new_and_a_pass_newly_judged() -> None:
    assert change(run(), run(one(FAIL))) is Change.NEW
    assert change(run(), run(one(PASS))) is Change.GAINED


def test_a_result_that_the_later_run_lacks_is_gone_unless_that_run_was_cut_short() -> None:
    assert change(run(one(FAIL)), run()) is Change.GONE
    assert change(run(one(FAIL)), run(interrupted=True)) is Change.NOT_JUDGED
    assert change(run(one(DOUBT)), run()) is Change.SAME


def test_parameters_of_one_check_are_compared_each_with_its_own() -> None:
    other = one(FAIL, parameter="level 0x03")
    comparison = compare(run(one(PASS), other), run(other, one(FAIL)))
    assert [(difference.finding.parameter, difference.change) for difference in comparison.differences] == [
        ("level 0x03", Change.SAME),
        ("level 0x01", Change.WORSE),
    ]


# Conditions


def changed(**tables: Any) -> dict[str, Any]:
    return {**TARGET, **tables}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (run(one(PASS, check_version="decaf")), "the version of the check"),
        (run(one(PASS), depth="deep"), "the depth: default, then deep"),
        (run(one(PASS), environment="simulated"), "the environment: bench, then simulated"),
        (run(one(PASS, permitted=())), "permissions: no longer lockout"),
        (run(one(PASS, permitted=("lockout", "write"))), "permissions: now write"),
        (run(one(PASS), target=changed(timing={"p2_ms": 25})), "target timing"),
        (run(one(PASS), target=changed(can={"request_id": 0x741, "response_id": 0x748})), "target can.request_id"),
        (run(one(PASS), target=changed(security=[{"level": 1, "attempts": 5}])), "target security level 0x01"),
    ],
)
def test_a_failure_that_is_gone_under_other_conditions_is_not_called_better(new: Run, said: str) -> None:
    assert change(run(one(FAIL)), new) is Change.INCOMPARABLE
    assert conditions(run(one(FAIL)), new) == (said,)
    assert not compare(run(one(FAIL)), new).is_worse()


def test_a_failure_that_is_there_under_other_conditions_still_stops_a_ci() -> None:
    comparison = compare(run(one(PASS)), run(one(FAIL, check_version="decaf")))
    assert [difference.change for difference in comparison.differences] == [Change.INCOMPARABLE]
    assert comparison.is_worse()


@pytest.mark.parametrize(
    "target",
    [
        changed(name="van 2", notes="another sample", accepted=[{"id": "SA-09"}], expected_findings=["SA-09"]),
        changed(can={"channel": "can1", "interface": "pcan", "request_id": 0x740, "response_id": 0x748}),
        changed(security=[{"level": 1, "attempts": 3}, {"level": 3, "attempts": 99}]),
        changed(data=[]),
        changed(safety={"allow": ["lockout", "write"]}),
        changed(a_table_of_a_later_version=[1]),
        changed(quirks=[], memory=None),
    ],
)
def test_what_a_verdict_on_a_level_does_not_rest_on_may_change(target: dict[str, Any]) -> None:
    assert change(run(one(FAIL)), run(one(PASS), target=target)) is Change.BETTER


def test_a_verdict_on_the_whole_ecu_rests_on_all_that_is_declared() -> None:
    whole = {"parameter": None}
    assert conditions(run(one(FAIL, **whole)), run(one(PASS, **whole), target=changed(data=[]))) == ("target data",)


def test_a_verdict_on_an_identifier_rests_on_its_entry() -> None:
    about = {"parameter": "DID 2020"}
    other_level = changed(security=[{"level": 1, "attempts": 5}])
    other_entry = changed(data=[{"did": 0x2020, "write": "open"}])
    assert conditions(run(one(FAIL, **about)), run(one(PASS, **about), target=other_level)) == ()
    assert conditions(run(one(FAIL, **about)), run(one(PASS, **about), target=other_entry)) == ("target data DID 2020",)


def test_without_versions_of_checks_those_of_the_harness_and_all_permissions_count() -> None:
    old = run(one(FAIL, check_version="", permitted=()))
    new = run(one(PASS), versions={"uds-harness": "2.0"}, target=changed(safety={"allow": []}))
    assert conditions(old, new) == ("the version of uds-harness: 1.0, then 2.0", "permissions: no longer lockout")
    assert conditions(old, run(one(PASS))) == ()


def test_damaged_tables_of_a_target_are_compared_and_not_trusted() -> None:
    odd: dict[str, Any] = {"can": 3, "security": "level 1", "data": [[], 7], "safety": {"allow": "all"}}
    comparison = compare(run(one(FAIL), target=odd), run(one(PASS), target=changed()))
    assert isinstance(comparison, Comparison)
    assert "target security level 0x01" in comparison.differences[0].conditions


def test_the_worst_come_first_and_what_all_share_is_known() -> None:
    ids = {"a": Severity.LOW, "b": Severity.CRITICAL, "c": Severity.HIGH}
    old = run(*(one(PASS, id=name, severity=severity) for name, severity in ids.items()))
    new = run(*(one(FAIL, id=name, severity=severity) for name, severity in ids.items()), depth="deep")
    comparison = compare(old, new)
    assert [one.finding.id for one in comparison.of(Change.INCOMPARABLE)] == ["b", "c", "a"]
    assert comparison.shared_conditions(Change.INCOMPARABLE) == ("the depth: default, then deep",)
    assert comparison.shared_conditions(Change.WORSE) == ()


def test_what_was_selected_in_neither_run_is_not_as_before() -> None:
    unmade = [one(Verdict.NOT_RUN, reason="deselected", id=f"SA-{number}") for number in range(10, 14)]
    forbidden = one(Verdict.NOT_RUN, reason="The target file does not allow lockout.", id="SA-20")
    before = run(one(Verdict.PASS), forbidden, *unmade)
    comparison = compare(before, run(one(Verdict.FAIL), forbidden, *unmade[1:]))
    assert conclusion(comparison) == "1 worse; 1 as before, 4 made in neither run"
    assert conclusion(compare(before, before)) == "Nothing changed in 2 results, 4 made in neither run"
    page = diff_html(comparison)
    assert "As before (1)" in page
    assert "4 made in neither run" in page
