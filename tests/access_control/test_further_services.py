"""Prove that access-control checks correctly judge services that the hardened ECU lacks."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.runs.findings import Finding
from harness.target import Target, load_target
from harness.target.model import ServiceEntry
from harness.target.values import OPEN, Access
from harness.testing import run_checks
from harness.verdict import Verdict

NODES = Path(__file__).parent / "nodes.py"


def target_of(factory: str) -> Target:
    target = load_target("hardened")
    return replace(target, can=replace(target.can, channel=f"{NODES}:{factory}"))


def judged(check: str, target: Target) -> Finding:
    (finding,) = run_checks([shipped_functions()[check]], target)
    return finding


@pytest.mark.parametrize(
    ("check", "factory", "verdict"),
    [
        ("AC-10", "guarded_alias", Verdict.FAIL),  # what was defined unlocked is read by anybody afterwards
        ("AC-10", "alias_asked_each_time", Verdict.PASS),
        ("AC-10", "masked_alias", Verdict.PASS),
        ("AC-10", "periodic_leak", Verdict.FAIL),
        ("AC-07", "guarded_control", Verdict.PASS),
        ("AC-09", "guarded_control", Verdict.PASS),
        ("AC-09", "blank_memory", Verdict.FAIL),
        ("AC-05", "no_memory_there", Verdict.NOT_APPLICABLE),
        ("AC-06", "no_memory_there", Verdict.NOT_APPLICABLE),
        ("AC-09", "no_memory_there", Verdict.NOT_APPLICABLE),
        ("AC-18", "old_identification", Verdict.FAIL),
    ],
)
def test_verdict_on_a_further_service(check: str, factory: str, verdict: Verdict) -> None:
    finding = judged(check, target_of(factory))
    assert finding.verdict is verdict, f"{finding.reason} {finding.expected} {finding.observed}"


def with_service(target: Target, service: int, needs: Access) -> Target:
    return replace(target, services=(*target.services, ServiceEntry(id=service, needs=needs)))


def test_an_old_service_that_is_declared_open_is_no_finding() -> None:
    assert judged("AC-18", with_service(target_of("old_identification"), 0x1A, OPEN)).verdict is Verdict.PASS


def test_resets_may_be_limited_instead_of_refused() -> None:
    assert judged("DS-05", with_service(target_of("tired_of_resets"), 0x11, Access("level", 1))).verdict is Verdict.PASS


@pytest.mark.parametrize("check", ["AC-05", "AC-06", "AC-09"])
@pytest.mark.parametrize("guards_memory", [False, True])
def test_a_service_that_is_declared_open_is_judged_only_where_memory_is_guarded(check: str, guards_memory: bool) -> None:
    target = load_target("hardened")
    target = replace(target, memory=target.memory if guards_memory else ())
    for service in (0x23, 0x34, 0x35, 0x36, 0x38, 0x3D):
        target = with_service(target, service, OPEN)
    assert judged(check, target).verdict is (Verdict.PASS if guards_memory else Verdict.NOT_APPLICABLE)


@pytest.mark.parametrize("flaw", ["secret_readable", "memory_read_unprotected", "secret_in_memory"])
def test_a_secret_that_was_found_is_not_in_the_result(flaw: str) -> None:
    target = load_target("hardened")
    target = replace(target, can=replace(target.can, channel=f"hardened+{flaw}"))
    finding = judged("AC-12" if flaw == "secret_readable" else "AC-09", target)
    secret = target.security[0].secret
    assert secret is not None
    assert finding.verdict is Verdict.FAIL
    assert finding.exchanges
    shown = str(finding.as_json()).replace(" ", "").lower()
    assert secret.reveal()[:6].hex() not in shown
