"""Make one row of the matrix: audit an ECU, and compare each check's verdict with the required one."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from harness.audit.catalogue import shipped_functions
from harness.ecu.flaws import FLAWS
from harness.ecu.flaws.declare import CAMPAIGNS, Flaw
from harness.ecu.variants import VARIANTS
from harness.runs.findings import Finding
from harness.target import Target
from harness.testing import run_checks
from harness.verdict import Depth, Verdict

from ..variants import with_changes

MATRIX_JSON = Path(__file__).parents[2] / "reports" / "sample" / "matrix.json"
MATRIX_HTML = MATRIX_JSON.with_suffix(".html")
SOUND = ("hardened", "hardened-article-key")
BY_DESIGN = {"SA-06", "SA-34"}
"""Checks that fail by design on any ECU with the article's short keys."""

_WORST_FIRST = (
    Verdict.ERROR,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_RUN,
    Verdict.NOT_APPLICABLE,
    Verdict.PASS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlawRow:
    """What the checks found on one flaw."""

    name: str
    seen: tuple[str, ...]
    """Checks that fail on the flaw but not on the ECU into which the flaw was put."""
    errors: tuple[str, ...]
    changed: dict[str, str]
    """Checks that passed on the ECU without the flaw and are undecided with it; this is recorded, not forbidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantRow:
    """What the checks found on one variant."""

    name: str
    alarms: tuple[str, ...]
    verdicts: dict[str, int]
    changed: dict[str, str]
    """Results, by check and subject, that differ from those of the ECU without the variant; "none": it has no such
    result.
    """


def verdicts(target: Target, depth: Depth, checks: Iterable[str]) -> tuple[dict[str, Verdict], list[Finding]]:
    """Run the checks; return the worst verdict of each check, and the findings."""
    functions = shipped_functions()
    findings = run_checks([functions[check] for check in checks], target, depth=depth)
    worst: dict[str, Verdict] = {}
    for finding in findings:
        known = worst.get(finding.id, Verdict.PASS)
        worst[finding.id] = min(known, finding.verdict, key=_WORST_FIRST.index)
    return worst, findings


def results(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the verdict of every result, by check and subject."""
    return {f"{finding.id} {finding.parameter or ''}".rstrip(): finding.verdict.value for finding in findings}


@cache
def results_of_sound(base: str) -> dict[str, str]:
    """Return the results of all checks on the unchanged ECU, at quick depth."""
    return results(verdicts(with_changes(base), Depth.QUICK, shipped_functions())[1])


@cache
def of_sound(base: str, depth: Depth) -> dict[str, Verdict]:
    """Return the verdicts of all checks on the ECU without any flaw."""
    return verdicts(with_changes(base), depth, shipped_functions())[0]


def flaw_row(flaw: Flaw) -> tuple[FlawRow, list[Finding]]:
    """Audit an ECU with the flaw, at the flaw's depth; if that is deep, run only its own checks so, and others at default
    depth.
    """
    target = with_changes(flaw.base, flaw.name)
    everything = shipped_functions()
    depth = Depth(flaw.depth)
    found, findings = verdicts(target, depth, flaw.kills if depth is Depth.DEEP else everything)
    others = [check for check in everything if check not in found]
    depth_of_others = Depth.DEFAULT if depth is Depth.DEEP else depth
    if depth is Depth.DEEP:
        more, more_findings = verdicts(target, Depth.DEFAULT, others)
        found, findings = {**more, **found}, [*findings, *more_findings]
    sound = of_sound(flaw.base, depth_of_others)
    row = FlawRow(
        name=flaw.name,
        seen=tuple(sorted(check for check, verdict in found.items() if verdict is Verdict.FAIL is not sound[check])),
        errors=tuple(sorted(check for check, verdict in found.items() if verdict is Verdict.ERROR)),
        changed={
            check: verdict.value
            for check, verdict in sorted(found.items())
            if sound[check] is Verdict.PASS and verdict not in (Verdict.PASS, Verdict.FAIL, Verdict.ERROR)
        },
    )
    return row, findings


def variant_row(name: str, base: str = "hardened") -> tuple[VariantRow, list[Finding]]:
    """Audit a benign variant at quick depth."""
    _, findings = verdicts(with_changes(base, name), Depth.QUICK, shipped_functions())
    alarms = {finding.id for finding in findings if finding.verdict in (Verdict.FAIL, Verdict.ERROR)}
    counts = {verdict.value: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict}
    found, sound = results(findings), results_of_sound(base)
    changed = {key: found.get(key, "none") for key in sorted({*found, *sound}) if found.get(key) != sound.get(key)}
    return VariantRow(name=name, alarms=tuple(sorted(alarms)), verdicts=counts, changed=changed), findings


def as_json(flaws: Iterable[FlawRow], variants: Iterable[VariantRow]) -> dict[str, object]:
    """Return the whole matrix as plain values: what each flaw and variant declares, and what was seen."""
    return {
        "schema_version": 1,
        "checks": sorted(shipped_functions()),
        "defects": [{**declared(FLAWS[row.name]), **plain(asdict(row))} for row in flaws],
        "variants": [
            {"number": VARIANTS[row.name].number, "what": VARIANTS[row.name].what, **plain(asdict(row))} for row in variants
        ],
    }


def declared(flaw: Flaw) -> dict[str, object]:
    """Return what the flaw declares."""
    return {
        "number": flaw.number,
        "what": flaw.what,
        "base": flaw.base,
        "depth": flaw.depth,
        "kills": list(flaw.kills),
        "also": {check: why for check, why in flaw.also.items() if CAMPAIGNS.get(check) != why},
        "survives": flaw.survives,
    }


def plain(table: dict[str, object]) -> dict[str, object]:
    """Turn tuples into lists, as JSON returns them."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}
