"""Are the harness's verdicts on ECUs right that nobody had in mind when the checks were written?

What each ECU is stands in the first line of its target file; what the catalogue demands of it stands here. `sound/` gives
no `fail` and no `error`. `flawed/` and `broken/` fail what `MUST_FAIL` says, and nothing that neither table names.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from harness.audit.inprocess import run_checks
from harness.catalogue import shipped_functions
from harness.link.trace import Trace
from harness.run import Depth
from harness.target import load_target

HERE = Path(__file__).parent
CHECKS = {
    *("SA-01", "SA-09", "SA-21", "SA-22", "SA-24", "SA-25", "SA-32", "SA-39"),
    *("AC-01", "AC-02", "AC-13", "ST-01", "CF-01", "CF-02", "TP-12", "TP-15"),
}
"""What the strangers were made for; some that are sound here have flaws that only other checks are about."""

TAKES_LONG = {"spins-on-key-without-seed", "spins-on-unsupported"}
"""The watchdog of the simulated bus lets each spin for seconds of processor time: by hand only."""

MUST_FAIL = {
    "cycle-300": "SA-01",
    "twelve-bits": "SA-01",
    "static-uncounted": "SA-01 SA-09",
    "locks-at-15": "SA-09",
    "uninitialised-key": "SA-21",
    "silent-without-seed": "SA-21",
    "compares-without-seed": "SA-21",
    "dies-without-seed": "SA-21",
    "forgives-once": "SA-22",
    "accepts-twice": "SA-24",
    "any-seed": "",
    "any-seed-stuck": "SA-25",
    "second-to-last-key": "SA-25",
    "cached-key": "SA-25",
    "master-deadbeef": "SA-32",
    "master-ff": "SA-32",
    "key-plus-one": "SA-32",
    "key-reversed": "SA-32",
    "key-of-zero": "SA-32",
    "key-rotated": "",
    "master-ff-stuck": "SA-32",
    "master-ff-no-key": "SA-32",
    "opens-at-third-malformed": "SA-39",
    "opens-at-limit": "SA-39",
    "opens-on-sequence-error": "SA-39",
    "opens-on-wrong-key": "SA-39",
    "open-during-delay": "SA-39",
    "stores-then-refuses": "AC-01",
    "second-write": "AC-01|AC-02",
    "open-while-seed-pending": "AC-02",
    "pad-stored-in-full-frame": "AC-13|TP-15",
    "pad-aa-stored": "AC-13|TP-15",
    "takes-first-byte": "AC-13",
    "short-seven": "CF-01",
    "truncated-31": "CF-01",
    "wrong-service": "CF-01",
    "article-invalid-key": "CF-01",
    "only-1f": "CF-02",
    "silent-above-80": "CF-02",
    "unsupported-is-12": "CF-02",
    "executes-cf-zero": "TP-12",
    "cf-stores-silently": "TP-12",
    "executes-fc-22": "TP-12",
    "answers-fc": "TP-12",
    "ignores-pad-ff": "TP-15",
    "counts-padding": "TP-15",
    "dies-on-short-frame": "TP-15",
    "seeds-of-session": "SA-01",
    "seeds-of-boot": "SA-01|SA-25",
    "seed-forgives": "SA-09",
    "deep-unlimited": "SA-09",
    "empty-key-fits": "SA-21",
    "says-31": "SA-21",
    "old-pair": "SA-25",
    "key-is-seed-inverted": "SA-32",
    "deep-zeros-open": "SA-32",
    "empty-key-opens": "SA-39",
    "long-key-opens": "SA-39",
    "programming-is-open": "AC-02",
    "programming-stores": "AC-02",
    "default-is-open": "AC-01|AC-02",
    "deep-open": "AC-01",
    "pads-short": "AC-13",
    "stores-misfit": "AC-13",
    "unlock-survives": "ST-01",
    "survives-default": "ST-01",
    "session-remembers": "ST-01",
    "wrong-format": "CF-01",
    "dies-on-unsupported": "CF-02",
    "dies-on-second-key": "SA-24",
    "opens-after-256-seeds": "",
    "opens-after-delay": "",
    "overruns": "AC-13",
    "overruns-and-refuses": "AC-13",
    "partial-write": "AC-13",
    "static-for-ever": "SA-01 SA-25",
    "seed-of-boot-count": "SA-01 SA-25",
    "key-is-crc": "",
    "truck-long-key-opens": "SA-39",
    "reentry-keeps": "ST-01",
    "asks-again": "SA-22",
    "cf-as-single": "TP-12",
    "dies-without-seed-no-hook": "",
    "stores-then-refuses-no-key": "AC-01",
    "programming-is-open-no-key": "AC-02",
    "locks-at-15-no-key": "SA-09",
    "survives-programming": "",
    "taken-twice": "SA-24",
    "opens-during-key": "AC-02",
    "dies-at-long-write": "AC-13",
    "silent": "",
    "always-refuses": "",
    "always-agrees": "CF-02 SA-21 TP-12",
    "garbage": "",
    "error-frames": "",
    "markup": "CF-02",
    "megabytes": "",
    "pending-for-ever": "",
    "busy-for-ever": "",
    "floods-its-id": "",
    "dies-after-hundred": "",
    "dead-from-the-start": "",
    "raises-unspeakable": "CF-02",
    "recurses": "CF-02",
    "sends-nonsense": "CF-02",
    "spins-on-key-without-seed": "SA-21",
    "spins-on-unsupported": "CF-02",
    "never-lets-time-pass": "TP-12",
    "raising-key": "",
    "text-key": "",
}
"""Every one of these; with "|", at least one of them."""

ANY = "any"

MAY_FAIL = {
    "uninitialised-key": "SA-32",
    "dies-without-seed": "SA-22 SA-24 SA-25 SA-32 SA-39",
    "any-seed": "SA-22 SA-25",
    "any-seed-stuck": "SA-22",
    "second-to-last-key": "SA-32",
    "key-rotated": "SA-32",
    "opens-on-wrong-key": "SA-09",
    "stores-then-refuses": "AC-02 SA-39",
    "second-write": "AC-01 AC-02",
    "open-while-seed-pending": "SA-39",
    "pad-stored-in-full-frame": "AC-13 TP-15",
    "pad-aa-stored": "AC-13 TP-15",
    "short-seven": "CF-02 SA-21",
    "wrong-service": "CF-02 SA-21",
    "dies-on-short-frame": "AC-13",
    "seeds-of-session": "SA-25",
    "seeds-of-boot": "SA-01 SA-25",
    "empty-key-fits": "SA-22 SA-25 SA-39",
    "old-pair": "SA-32",
    "programming-is-open": "ST-01",
    "default-is-open": "AC-02 ST-01",
    "deep-open": "AC-02 ST-01 SA-39",
    "stores-misfit": "TP-15",
    "dies-on-unsupported": "CF-01",
    "opens-after-256-seeds": "AC-01 AC-02 SA-39",
    "opens-after-delay": "AC-01 AC-02 SA-39 ST-01",
    "dies-without-seed-no-hook": "SA-21",
    "stores-then-refuses-no-key": "AC-02 SA-39",
    "programming-is-open-no-key": "ST-01",
    "survives-programming": "ST-01",
    "opens-during-key": "SA-39",
    "always-agrees": ANY,
    "garbage": ANY,
    "megabytes": "TP-15 TP-12 CF-02 CF-01",
    "floods-its-id": "TP-12 TP-15",
    "dies-after-hundred": ANY,
    "raises-unspeakable": "CF-01 SA-32",
    "recurses": "CF-01 SA-32",
    "sends-nonsense": "CF-01 SA-32",
    "spins-on-key-without-seed": "SA-22 SA-24 SA-25 SA-32 SA-39",
    "spins-on-unsupported": "CF-01",
}
"""These are arguable, or follow from the flaw; what an ECU dies of, several checks may do to it (DESIGN 8)."""

KEY_FUNCTION_AT_FAULT = {"raising-key", "text-key"}
"""Here `error` is right: the fault is the target's key function."""

DECIDES_ALL = {"frugal", "sedan", "truck", "one-try", "ten-tries", "only-programming", "crowded", "pending", "slow"}
"""Sound ECUs with every hook and a key: nothing may be left inconclusive."""


def audit(target: Path, *only: str) -> dict[str, Any]:
    """The results of the sixteen checks, or of some of them, on one ECU."""
    log = io.StringIO()
    trace = Trace()
    trace.write_to(log)
    functions = [function for check, function in shipped_functions().items() if check in (only or CHECKS)]
    findings = run_checks(functions, load_target(target), depth=Depth.DEFAULT, trace=trace)
    results = [finding.as_json() for finding in findings]
    return {"results": results, "log": log.getvalue()}


def strangers(folder: str) -> list[Any]:
    found = sorted((HERE / folder).glob("*.toml"))
    return [pytest.param(path, id=path.stem) for path in found if path.stem not in TAKES_LONG]


def words(results: list[dict[str, Any]]) -> str:
    """The results as lines that one can judge."""
    keys = ("id", "parameter", "verdict", "reason", "expected", "observed")
    return "\n".join("  ".join(str(one[key]) for key in keys if one[key]) for one in results)


def with_verdict(run: dict[str, Any], *verdicts: str) -> list[dict[str, Any]]:
    return [one for one in run["results"] if one["verdict"] in verdicts]


def assert_well_ended(run: dict[str, Any]) -> None:
    assert {one["id"] for one in run["results"]} == CHECKS


@pytest.mark.parametrize("target", strangers("sound"))
def test_a_sound_stranger_is_not_accused(target: Path) -> None:
    run = audit(target)
    assert_well_ended(run)
    assert not words(with_verdict(run, "fail", "error", "not_run"))
    if target.stem in DECIDES_ALL:
        assert not words(with_verdict(run, "inconclusive"))


@pytest.mark.parametrize("target", strangers("flawed") + strangers("broken"))
def test_a_flaw_is_found_and_nothing_else(target: Path) -> None:
    run = audit(target)
    assert_well_ended(run)
    failed = {one["id"] for one in with_verdict(run, "fail")}
    wanted = [set(one.split("|")) for one in MUST_FAIL[target.stem].split()]
    allowed = set().union(*wanted) | set(MAY_FAIL.get(target.stem, "").split())
    missed = [one for one in run["results"] for ids in wanted if one["id"] in ids and not ids & failed]
    accused = [] if ANY in allowed else [one for one in with_verdict(run, "fail") if one["id"] not in allowed]
    errors = [] if target.stem in KEY_FUNCTION_AT_FAULT else with_verdict(run, "error")
    assert not words(missed), "missed"
    assert not words(accused), "accused of what it has not"
    assert not words(errors)


def test_a_suspect_key_function_costs_one_attempt_only() -> None:
    run = audit(HERE / "sound" / "wrong-key.toml")
    assert run["log"].count("#037F2735") == 1
    assert "#037F2736" not in run["log"]
    assert any("key function suspect" in one["reason"] for one in run["results"])


@pytest.mark.parametrize("name", ["sound/frugal", "flawed/static-uncounted", "flawed/seeds-of-session"])
@pytest.mark.parametrize("check", ["SA-01", "SA-09", "SA-32"])
def test_a_check_alone_says_what_it_says_in_the_whole_audit(name: str, check: str) -> None:
    target = HERE / f"{name}.toml"
    alone = [one for one in audit(target, check)["results"] if one["id"] == check]
    among_others = [one for one in audit(target)["results"] if one["id"] == check]
    assert words(alone) == words(among_others)
