"""Every check has been seen to fail on a flaw that it names, and to stay silent on sound ECUs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.audit.declare import Attack
from harness.audit.inprocess import run_checks
from harness.catalogue import shipped_checks, shipped_functions
from harness.ecu.defects import DEFECTS
from harness.run import Depth, Finding, Verdict
from harness.target import Target, load_target

CHECKS = shipped_functions()
ALARMS = (Verdict.FAIL, Verdict.ERROR)


def ecu(base: str, *defects: str) -> Target:
    target = load_target(base)
    return replace(target, can=replace(target.can, channel="+".join((target.can.channel, *defects))))


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


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_seen_by_its_checks_and_by_no_other(name: str) -> None:
    defect = DEFECTS[name]
    findings = run_checks(CHECKS.values(), ecu(defect.base, name), depth=Depth(defect.depth))
    seen = alarms(findings)
    assert not any(finding.verdict is Verdict.ERROR for finding in findings), explain(findings)
    assert seen & set(defect.kills) & set(CHECKS), f"no check of {defect.kills} sees it\n{explain(findings)}"
    assert seen <= {*defect.kills, *defect.also}, f"accused beside it: {explain(findings)}"


@pytest.mark.parametrize("check", [check for check in shipped_checks() if check.id in CHECKS], ids=lambda check: check.id)
def test_a_check_names_defects_that_it_sees(check: Attack) -> None:
    assert check.proven_by, f"{check.id} names no defect"
    for name in check.proven_by:
        defect = DEFECTS[name]
        findings = run_checks([CHECKS[check.id]], ecu(defect.base, name), depth=Depth(defect.depth))
        assert Verdict.FAIL in {finding.verdict for finding in findings}, f"{name}: {explain(findings)}"
