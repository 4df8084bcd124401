"""Prove that an ECU older than UDS is recognised as such, and judged only by what its own standard says."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.audit.catalogue import shipped_functions
from harness.audit.dialects import NOT_JUDGED, NOT_JUDGED_OF_GMLAN, judged, why_not_judged
from harness.audit.opening import open_tester
from harness.buses import open_bus_of
from harness.discovery.discover import discover
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.runs.findings import Finding
from harness.target import Target, load_target, load_text, unknown_target
from harness.tester.dialects import GMLAN, KWP2000, Dialect
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

NODES = "tests.dialects.nodes"
KEY = f"{Path(__file__).parent / 'nodes.py'}:inverted"
CHECKS = shipped_functions()
DOCUMENT = Path(__file__).parents[2] / "docs" / "dialects.md"
MOST_CONFORMANCE = 5


def declared(name: str, *, sessions: str = "", level: str = "") -> Target:
    """Return the target that a user would declare without knowing that the harness knows the dialect."""
    text = f"""
[target]
name = "{name}"
[can]
interface = "uds-sim"
channel = "{NODES}:{name}"
request_id = 0x7E0
response_id = 0x7E8
[timing]
{"s3_ms = 5000" if sessions else ""}
{sessions}
[[security]]
level = 0x01
{level}
attempts = 3
delay_s = 10
key = "{KEY}"
[[data]]
did = 0x0005
length = 1
read = "open"
write = "level 0x01"
[reset]
boot_s = 0.1
power = "simulated"
"""
    return load_text(text, name)


KWP_SESSIONS = "[[session]]\nid = 0x81\n[[session]]\nid = 0x89\n"
KWP = {"sessions": KWP_SESSIONS, "level": "session = 0x89"}


def dialect_of(target: Target) -> Dialect | None:
    tester = open_tester(target, seed=1, trace=Trace(), ledger_path=None)
    try:
        tester.restore()
        return tester.dialect
    finally:
        tester.link.close()


def audited(target: Target, checks: Iterable[str] = CHECKS) -> list[Finding]:
    return run_checks([CHECKS[check] for check in checks], target, depth=Depth.QUICK)


def failing(findings: list[Finding]) -> set[str]:
    return {one.id for one in findings if one.verdict in (Verdict.FAIL, Verdict.ERROR)}


# Recognition


@pytest.mark.parametrize(
    ("target", "dialect"),
    [
        (declared("Kwp", **KWP), KWP2000),
        (declared("Gm"), GMLAN),
        (declared("PlainKwp"), KWP2000),
        (declared("TalkativeKwp", **KWP), KWP2000),
        (replace(load_target("kwp2000"), dialect=None), KWP2000),
        (replace(load_target("gmlan"), dialect=None), GMLAN),
        (load_target("hardened"), None),
        (load_target("article"), None),
        (declared("SilentUds", sessions="[[session]]\nid = 0x90\n"), None),
    ],
    ids=lambda value: value.name if isinstance(value, Target) else "",
)
def test_what_an_ecu_speaks_is_found_out(target: Target, dialect: Dialect | None) -> None:
    found = dialect_of(target)
    assert (found and found.name) == (dialect and dialect.name)


def test_an_ecu_without_sessions_is_stopped_and_asked_in_one_byte() -> None:
    found = dialect_of(declared("PlainKwp"))
    assert found is not None
    assert (found.name, found.to_default, found.present) == ("KWP2000", b"\x20", b"\x3e")


def test_what_is_declared_is_spoken_without_asking() -> None:
    assert dialect_of(replace(load_target("hardened"), dialect="uds")) is None
    assert dialect_of(load_target("kwp2000")) is KWP2000


def test_an_ecu_that_says_that_it_is_there_as_uds_has_it_is_asked_nothing_more() -> None:
    trace = Trace()
    tester = open_tester(load_target("hardened"), seed=1, trace=trace, ledger_path=None)
    tester.recognise()
    assert [frame.pdu for frame in trace.frames(0, trace.count) if frame.is_sent] == [b"\x3e\x00"]


def found_of(name: str) -> str:
    unknown = unknown_target(interface="uds-sim", channel=name, request_id=0x7E0)
    link = open_bus_of(unknown, trace=Trace(), chance=Chance(1))
    try:
        (one,) = discover(link, unknown, candidates=[(0x7E0, False)], key=KEY, depth=Depth.QUICK).ecus
    finally:
        link.close()
    return one.text


def test_discovery_writes_the_name_and_what_it_found_behind_it() -> None:
    target = load_text(found_of(f"{NODES}:Kwp"), "found")
    assert target.dialect == "kwp2000"
    assert sorted(entry.id for entry in target.sessions) == [0x01, 0x89]
    assert [(entry.level, entry.session) for entry in target.security] == [(1, 0x89)]
    assert [(entry.did, str(entry.write)) for entry in target.data] == [(0x05, "level 0x01")]


def test_discovery_looks_behind_a_tester_present_that_is_usual() -> None:
    assert load_text(found_of(f"{NODES}:TalkativeKwp"), "found").dialect == "kwp2000"


def test_discovery_knows_gmlan_too() -> None:
    target = load_text(found_of(f"{NODES}:Gm"), "found")
    assert (target.dialect, target.sessions, target.timing.s3_ms) == ("gmlan", (), None)
    assert [entry.level for entry in target.security] == [1]
    assert {entry.did for entry in target.data} == {0x05, 0x90, 0xB0}


# Judging


@pytest.mark.parametrize("name", ["kwp2000", "gmlan"])
def test_a_sound_ecu_is_not_accused_and_most_of_its_security_access_is_judged(name: str) -> None:
    findings = audited(load_target(name))
    assert failing(findings) == set()
    access = Counter(one.verdict for one in findings if one.id.startswith("SA-"))
    assert access[Verdict.PASS] > 50
    assert access[Verdict.INCONCLUSIVE] == 0


def test_what_is_not_judged_names_the_dialect() -> None:
    findings = audited(load_target("kwp2000"), ["CF-04", "SA-36"])
    assert [one.verdict for one in findings] == [Verdict.NOT_APPLICABLE] * 3
    assert all(one.reason.startswith("KWP2000 (ISO 14230-3): ") for one in findings)


@pytest.mark.parametrize(
    ("name", "how", "seen"),
    [
        ("Kwp", KWP, {"SA-06"}),
        ("WorthlessKwp", KWP, {"SA-06", "SA-01", "SA-09"}),
        ("Gm", {}, {"SA-06"}),
        ("WorthlessGm", {}, {"SA-06", "SA-09"}),
    ],
)
def test_an_ecu_of_a_stranger_gets_its_security_findings_and_few_others(
    name: str, how: dict[str, str], seen: set[str]
) -> None:
    """All these ECUs have seeds of two bytes and keys that follow from the seeds: both faults are found in each."""
    findings = audited(declared(name, **how))
    failed = failing(findings)
    assert seen <= failed
    assert len([one for one in findings if one.id.startswith("CF-") and one.verdict is Verdict.FAIL]) <= MOST_CONFORMANCE
    assert not {one.id for one in findings if one.verdict is Verdict.ERROR}
    if "Worthless" not in name:
        assert "SA-09" not in failed


FLAWS = {
    "no_attempt_limit": {"SA-09"},
    "constant_seed": {"SA-01"},
    "write_unprotected": {"AC-01"},
    "wrong_key_unlocks": {"SA-39"},
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_flaw_of_the_simulated_ecu_is_seen_behind_the_dialect(flaw: str) -> None:
    target = load_target("kwp2000")
    flawed = replace(target, can=replace(target.can, channel=f"kwp2000+{flaw}"), dialect=None)
    assert FLAWS[flaw] <= failing(audited(flawed, FLAWS[flaw]))


def test_the_evidence_is_what_was_on_the_bus() -> None:
    (finding,) = audited(declared("WorthlessKwp", **KWP), ["AC-02"])
    requests = [one.request for one in finding.exchanges]
    assert requests
    assert not any(request.startswith(("2E", "22 00")) for request in requests)


# The document


def test_the_document_lists_what_judges_such_an_ecu_and_why_the_rest_does_not() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    judging, _, not_judging = text.partition("## What does not judge")
    named = set(re.findall(r"\b[A-Z]{2}-\d\d\b", judging))
    assert named == set(judged(list(CHECKS), KWP2000))
    for check, reason in (NOT_JUDGED | NOT_JUDGED_OF_GMLAN).items():
        assert re.search(rf"\| {check} \|.*{re.escape(reason)}", not_judging), check


def test_what_is_not_judged_is_there() -> None:
    assert set(NOT_JUDGED) | set(NOT_JUDGED_OF_GMLAN) <= set(CHECKS)
    assert why_not_judged("SA-01", KWP2000) == ""
    assert why_not_judged("CF-04", None) == ""
