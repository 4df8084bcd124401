"""Every check has been seen to fail on a flaw that it names, and to stay silent on sound ECUs."""

from __future__ import annotations

import pytest

from harness.audit.declare import Attack
from harness.audit.inprocess import run_checks
from harness.catalogue import shipped_checks, shipped_functions
from harness.ecu.defects import DEFECTS
from harness.ecu.variants import VARIANTS
from harness.run import Depth, Finding, Verdict
from harness.target import load_target

from .variants import with_changes

CHECKS = shipped_functions()
ALARMS = (Verdict.FAIL, Verdict.ERROR)


def alarms(findings: list[Finding]) -> set[str]:
    return {finding.id for finding in findings if finding.verdict in ALARMS}


def explain(findings: list[Finding]) -> str:
    return "\n".join(
        f"{finding.id} {finding.parameter or ''} {finding.verdict}: {finding.observed or finding.reason}"
        for finding in findings
        if finding.verdict is not Verdict.PASS
    )


@pytest.mark.parametrize("profile", ["hardened", "hardened-article-key"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_check_fails_on_a_sound_ecu(profile: str, seed: int) -> None:
    findings = run_checks(CHECKS.values(), load_target(profile), seed=seed)
    assert {finding.verdict for finding in findings} == {Verdict.PASS}, explain(findings)
    assert {finding.id for finding in findings} == set(CHECKS)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_check_fails_on_a_benign_variant(name: str) -> None:
    findings = run_checks(CHECKS.values(), with_changes("hardened", name))
    assert not alarms(findings), explain(findings)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_seen_by_its_checks_and_by_no_other(name: str) -> None:
    defect = DEFECTS[name]
    findings = run_checks(CHECKS.values(), with_changes(defect.base, name), depth=Depth(defect.depth))
    seen = alarms(findings)
    assert bool(defect.kills) is not bool(defect.survives), "seen by a check, or there is a reason why not"
    assert not any(finding.verdict is Verdict.ERROR for finding in findings), explain(findings)
    assert not defect.kills or seen & set(defect.kills), f"no check of {defect.kills} sees it\n{explain(findings)}"
    assert seen <= {*defect.kills, *defect.also}, f"accused beside it: {explain(findings)}"


@pytest.mark.parametrize("check", [check for check in shipped_checks() if check.id in CHECKS], ids=lambda check: check.id)
def test_a_check_names_defects_that_it_sees(check: Attack) -> None:
    assert check.proven_by, f"{check.id} names no defect"
    for name in check.proven_by:
        defect = DEFECTS[name]
        findings = run_checks([CHECKS[check.id]], with_changes(defect.base, name), depth=Depth(defect.depth))
        assert Verdict.FAIL in {finding.verdict for finding in findings}, f"{name}: {explain(findings)}"
