"""Prove that each shipped case passes on sound ECUs and fails on a flawed one."""

from collections.abc import Callable
from pathlib import Path

import pytest

import attacks.fuzz.test_scapy_cases as scapy_cases
from harness.audit.fuzzing import checks_among, checks_below
from harness.check import Attack, declared_attack
from harness.target import load_target
from harness.testing import run_checks
from harness.verdict import Verdict

from .playing import NODES, target

Check = Callable[..., object]

ATTACKS = Path(scapy_cases.__file__).parent.parent


def declaration(check: Check) -> Attack:
    found = declared_attack(check)
    assert found is not None
    return found


CASES: dict[str, Check] = {
    declaration(check).id: check
    for check in [
        *checks_below(ATTACKS),
        *checks_among(vars(scapy_cases).values()),
    ]
}

FAILING_ON_THE_ARTICLE = {
    "fuzz/read-half-did": "silence, or 7F with the length in place of the service, which is no frame of ISO-TP",
    "fuzz/read-did-and-a-half": "the length is never looked at: the DID is read",
    "fuzz/write-odd-length": "7F with the length in place of the service",
    "fuzz/write-no-data": "padding is stored",
    "fuzz/write-in-unknown-frames": "the frame's type is never looked at: the value is stored",
    "fuzz/seed-reserved": "7F with the length in place of the service",
    "fuzz/key-suppressed": "the suppress bit is not known: 7F with the length in place of the service",
}
NOT_APPLICABLE_ON_THE_ARTICLE = {
    "fuzz/write-in-extended-session",
    "fuzz/write-through-another-level",
    "fuzz/key-without-seed",
    "fuzz/key-after-a-read",
}
"""Cases that do not apply to the article, which has no second level and no sessions: it refuses 10 like an unknown
service.
"""
UNDECIDED_ON_THE_ARTICLE = {
    "fuzz/read-many-times",
    "fuzz/write-far-too-long",
}
"""Cases that the article leaves undecided: it takes no message of several frames, but its silence does not show that."""


@pytest.mark.parametrize("profile", ["hardened", "hardened-article-key"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_sound_ecu_passes_every_case(profile: str, seed: int) -> None:
    findings = run_checks(CASES.values(), load_target(profile), seed=seed)
    assert {finding.id: finding.verdict for finding in findings} == dict.fromkeys(CASES, Verdict.PASS)


def test_the_article_fails_what_it_gets_wrong() -> None:
    findings = run_checks(CASES.values(), load_target("article"))
    assert {one.id for one in findings if one.verdict is Verdict.FAIL} == set(FAILING_ON_THE_ARTICLE)
    assert {one.id for one in findings if one.verdict is Verdict.NOT_APPLICABLE} == NOT_APPLICABLE_ON_THE_ARTICLE
    assert {one.id for one in findings if one.verdict is Verdict.INCONCLUSIVE} == UNDECIDED_ON_THE_ARTICLE
    assert {one.verdict for one in findings} == {Verdict.FAIL, Verdict.NOT_APPLICABLE, Verdict.INCONCLUSIVE, Verdict.PASS}


@pytest.mark.parametrize(
    ("name", "proof"), [(name, proof) for name, check in CASES.items() for proof in declaration(check).proven_by]
)
def test_a_case_fails_where_it_says_that_it_does(name: str, proof: str) -> None:
    ecu = target(f"hardened+{proof}")
    if ":" in proof:
        assert proof.startswith(f"tests/fuzz/{NODES.name}:")
        ecu = target(proof.rpartition(":")[2])
    (finding,) = run_checks([CASES[name]], ecu)
    assert finding.verdict is Verdict.FAIL, finding


def test_every_case_names_a_proof() -> None:
    assert [name for name, check in CASES.items() if not declaration(check).proven_by] == []


def test_the_cases_are_quick() -> None:
    findings = run_checks(CASES.values(), load_target("hardened"))
    assert sum(one.last_frame - one.first_frame for one in findings) < 30_000
