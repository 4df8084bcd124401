"""Prove that every check fails on a flaw that names it, and passes on sound ECUs."""

import json
from functools import cache
from typing import Any

import pytest

from harness.audit.catalogue import shipped_checks, shipped_functions
from harness.ecu.flaws import FLAWS
from harness.ecu.variants import VARIANTS
from harness.runs.findings import Finding
from harness.target import load_target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from ..variants import with_changes
from .__main__ import main
from .page import dump, render
from .rows import BY_DESIGN, MATRIX_HTML, MATRIX_JSON, SOUND, as_json, declared, flaw_row, variant_row, verdicts

CHECKS = shipped_functions()
KEPT: dict[str, Any] = json.loads(MATRIX_JSON.read_text(encoding="utf-8"))
KEPT_FLAWS = {entry["name"]: entry for entry in KEPT["defects"]}
KEPT_VARIANTS = {entry["name"]: entry for entry in KEPT["variants"]}
STALE = "reports/sample/matrix.json is not what the code gives: run `make matrix`, and look at what changed"

QUICKLY_SEEN = [name for name, flaw in FLAWS.items() if flaw.depth == "quick" and flaw.kills]
"""Flaws that a quick audit sees; the others need larger samples, or no check can see them."""


def explain(findings: list[Finding]) -> str:
    return "\n".join(
        f"{finding.id} {finding.parameter or ''} {finding.verdict}: {finding.observed or finding.reason}"
        for finding in findings
        if finding.verdict is not Verdict.PASS
    )


@pytest.mark.parametrize("profile", SOUND)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_check_fails_on_a_sound_ecu(profile: str, seed: int) -> None:
    findings = run_checks(CHECKS.values(), load_target(profile), seed=seed)
    by_design = BY_DESIGN if profile == "hardened-article-key" else set()
    failing = {finding.id for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.ERROR)}
    assert failing == by_design, explain(findings)
    assert {finding.id for finding in findings} == set(CHECKS)


variant = cache(variant_row)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_check_fails_on_a_benign_variant(name: str) -> None:
    row, findings = variant(name)
    assert row.alarms == (), explain(findings)
    assert row.verdicts["pass"] > len(CHECKS) / 3, explain(findings)


@pytest.mark.parametrize("name", VARIANTS)
def test_each_result_on_a_benign_variant_is_the_kept_one(name: str) -> None:
    row, _ = variant(name)
    (now,) = as_json([], [row])["variants"]  # type: ignore[misc]
    assert KEPT_VARIANTS.get(name) == now, STALE


@pytest.mark.parametrize("name", QUICKLY_SEEN)
def test_a_flaw_is_seen_by_each_check_that_it_names(name: str) -> None:
    """Only those checks are run; whether another check accuses the ECU is tested by a whole audit below."""
    flaw = FLAWS[name]
    found, findings = verdicts(with_changes(flaw.base, name), Depth.QUICK, flaw.kills)
    assert found == dict.fromkeys(flaw.kills, Verdict.FAIL), explain(findings)


@pytest.mark.thorough
@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_is_seen_by_its_checks_and_by_no_other(name: str) -> None:
    flaw = FLAWS[name]
    row, findings = flaw_row(flaw)
    assert bool(flaw.kills) is not bool(flaw.survives), "seen by a check, or there is a reason why not"
    assert not row.errors, explain(findings)
    missed = set(flaw.kills) - set(row.seen)
    assert not missed, f"{missed} do not see it\n{explain(findings)}"
    assert set(row.seen) <= {*flaw.kills, *flaw.also}, f"accused beside it: {explain(findings)}"
    (now,) = as_json([row], [])["defects"]  # type: ignore[misc]
    assert KEPT_FLAWS.get(name) == now, STALE


def test_the_kept_matrix_is_whole_and_its_page_is_made_of_it() -> None:
    assert [entry["name"] for entry in KEPT["defects"]] == list(FLAWS), STALE
    assert [entry["name"] for entry in KEPT["variants"]] == list(VARIANTS), STALE
    assert KEPT["checks"] == sorted(CHECKS), STALE
    assert MATRIX_JSON.read_text(encoding="utf-8") == dump(KEPT)
    assert MATRIX_HTML.read_text(encoding="utf-8") == render(KEPT), STALE


def test_the_rows_of_the_kept_matrix_are_what_the_flaws_declare() -> None:
    for name, flaw in FLAWS.items():
        kept = KEPT_FLAWS[name]
        assert {key: kept[key] for key in declared(flaw)} == declared(flaw), STALE
        assert set(flaw.kills) <= set(kept["seen"]) <= {*flaw.kills, *flaw.also}, name
        assert kept["errors"] == [], name


def test_every_check_is_seen_to_fail() -> None:
    assert {check for entry in KEPT["defects"] for check in entry["seen"]} == set(CHECKS)


def test_a_check_names_flaws_that_it_sees() -> None:
    for check in shipped_checks():
        if check.id in CHECKS:
            assert check.proven_by, f"{check.id} names no flaw"
            assert check.failure, f"{check.id} does not say what is wrong where it fails"
            for name in check.proven_by:
                assert check.id in KEPT_FLAWS[name]["seen"], f"{check.id} does not see {name}"


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["no_such_flaw"], 2)])
def test_help_and_an_unknown_name_audit_nothing(words: list[str], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.matrix.__main__.ProcessPoolExecutor", None)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == code


@pytest.mark.thorough
def test_named_rows_are_printed_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.matrix.__main__.MATRIX_JSON", None)
    monkeypatch.setattr("tests.matrix.__main__.MATRIX_HTML", None)
    assert main(["pad_55", "constant_seed"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"defects": [KEPT_FLAWS["constant_seed"]], "variants": [KEPT_VARIANTS["pad_55"]]}
