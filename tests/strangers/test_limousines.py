"""Are the verdicts right on a rich family of ECUs: limousines, that nobody had in mind when the checks were written?

What each ECU is stands in the first line of its target file; what the catalogue demands of it stands here. `sound2/` gives
no `fail` and no `error`. `flawed2/` and `broken2/` fail what `MUST_FAIL` says, and nothing that neither table names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.audit.inprocess import run_checks
from harness.catalogue import shipped_functions
from harness.run import Depth
from harness.target import load_target

HERE = Path(__file__).parent
SAMPLED = (
    *(
        "bit-masked",
        "plain-bit-masked",
        "last-byte-ignored",
        "dies-on-half-faults",
        "key-off-keeps-session",
        "locks-for-good",
    ),
    *(
        "slower-and-slower",
        "slowed-by-foreign",
        "soft-reset-forgives",
        "soft-reset-keeps-open",
        "delay-overflows",
        "poor-pool",
    ),
)
"""What a quick audit does not try: the default depth does."""

RARE = ("wrong-deep-key-opens", "locks-wrap")
"""What only a deep audit finds; there only the checks that have to find it are run."""

MUST_FAIL = {
    # seeds
    "ascii-seeds": "SA-02",
    "modulo-seeds": "SA-02",
    "half-counter": "SA-02|SA-03",
    "permuted-lcg": "SA-02|SA-03",
    "gray-counter": "SA-02|SA-03",
    "shift-register": "SA-03",
    "step-counter": "SA-03",
    "step-counter-no-key": "SA-03",
    "srand-time": "SA-03|SA-04",
    "xorshift-uptime": "SA-03|SA-04",
    "mersenne-time": "SA-04",
    "uptime-hash": "SA-05",
    "poor-pool": "SA-05",
    "first-seed-ff": "SA-07",
    "deep-seed-zero": "SA-07",
    "same-seed-when-open": "SA-08",
    "record-is-seed": "SA-38",
    "record-overruns": "SA-38",
    "hidden-in-programming": "SA-37",
    "hidden-in-programming-no-key": "SA-37",
    "hidden61": "SA-37",
    # keys
    "key-of-three": "SA-06",
    "key-of-four": "SA-06",
    "door-module-key": "SA-06",
    "article-key": "SA-06 SA-34",
    "affine-key": "SA-33",
    "affine-key-recorded": "SA-33",
    "rotated-key": "SA-33",
    "table-key": "",
    "prefix-fits": "SA-30",
    "first-bytes-fit": "SA-30",
    "tail-ignored": "SA-30 TP-18",
    "last-byte-ignored": "SA-31",
    "sum-compared": "SA-31",
    "bit-masked": "SA-31",
    "plain-bit-masked": "SA-31",
    "early-exit": "SA-35",
    "hint": "SA-35",
    # counter and delay
    "no-counter-no-key": "SA-09",
    "counter-of-seed": "CF-07 SA-09|SA-10",
    "default-forgives": "SA-11",
    "ram-counter": "SA-12",
    "ram-counter-no-key": "SA-12",
    "plain-ram-counter": "SA-12",
    "soft-reset-forgives": "SA-12",
    "power-forgives": "SA-13",
    "presence-forgives": "SA-14",
    "timeout-forgives": "SA-14",
    "success-forgives-all": "SA-15",
    "plain-success-forgives-all": "SA-15",
    "delay-overflows": "SA-16",
    "last-seed-in-delay": "SA-16",
    "delay-asked-once": "SA-16",
    "delay-short-after-reset": "SA-17",
    "no-delay-after-one": "SA-18",
    "delay-physical-only": "SA-19",
    "delay-physical-only-no-key": "SA-19",
    "no-delay-in-programming": "SA-19",
    "record-skips-delay": "SA-19",
    "limit-skipped": "SA-20",
    "locks-wrap": "SA-20",
    "suppressed-uncounted": "SA-36",
    "suppressed-opens": "SA-36",
    "mute-in-delay": "SA-41",
    "locks-for-good": "SA-41",
    # the order of seeds and keys, levels
    "length-keeps-seed": "SA-23",
    "level-keeps-seed": "SA-23",
    "timeout-keeps-seed": "SA-26",
    "hop-keeps-seed": "SA-26",
    "seed-holds-session": "SA-26",
    "any-key-number": "SA-27",
    "one-opens-all": "SA-28",
    "levels-pile-up": "SA-29",
    "unlock-for-all": "SA-40",
    "wrong-deep-key-opens": "FZ-04|SA-39",
    "suppressed-entry-keeps": "",
    "plain-never-relocks": "",
    # access
    "functional-stores": "AC-03",
    "functional-stores-no-key": "AC-03",
    "plain-functional-stores": "AC-03",
    "long-id-opens": "AC-04",
    "loose-filter": "AC-04",
    "memory-write-open": "AC-05",
    "memory-write-zero": "AC-05",
    "download-in-extended": "AC-06",
    "download-in-extended-no-key": "AC-06",
    "transfer-alone": "AC-06",
    "outputs-open": "AC-07",
    "output-open": "",
    "output-return-open": "",
    "routine-open": "AC-08",
    "erase-open": "AC-08",
    "routine-open-in-programming": "AC-08",
    "flash-readable": "AC-09",
    "calibration-readable": "AC-09",
    "flash-readable-no-key": "AC-09",
    "plain-flash-readable": "AC-09",
    "upload-open": "AC-09",
    "alias-open": "AC-10",
    "alone-guarded": "AC-11",
    "first-guarded": "AC-11",
    "first-guarded-no-key": "AC-11",
    "plain-first-guarded": "AC-11",
    "secret-readable": "AC-12",
    "key-readable": "AC-12",
    "lower-limit-missing": "AC-14",
    "guarded-unranged": "AC-14",
    "range-stores": "AC-14",
    "vin-writable": "AC-15",
    "clear-open": "AC-16",
    "fault-setting-open": "AC-16",
    "link-control-open": "AC-16",
    "checked-at-first": "AC-17",
    "downgrade": "AC-19",
    "old-reads": "AC-18",
    "old-writes": "AC-18|FZ-03",
    # sessions, time, reset
    "timeout-keeps-open": "ST-02",
    "long-s3": "ST-02",
    "timeout-asked-only": "ST-02",
    "soft-reset-keeps-open": "ST-03|ST-08",
    "key-off-keeps-session": "ST-08",
    "hard-reset-keeps-session": "ST-03|ST-08",
    "answers-quiet-presence": "ST-04|CF-09",
    "any-presence": "ST-04",
    "presence-opens": "ST-04",
    "security-in-default": "ST-05",
    "sometimes-late": "ST-06",
    "pending-for-ever": "ST-06",
    "pending-then-nothing": "ST-06|CF-12",
    "development-session": "ST-07",
    # form
    "sub-function-is31": "CF-03",
    "half-did-read": "CF-04",
    "session-tail": "CF-04",
    "empty-record": "CF-05",
    "unknown-did-is11": "CF-05",
    "sub-before-session": "CF-06",
    "length-before-sub": "CF-06",
    "swapped-limit-codes": "CF-07",
    "functional-says31": "CF-08",
    "functional-says7f": "CF-08",
    "session-answers-quiet": "CF-09",
    "suppresses-refusals": "CF-09",
    "presence-tail": "CF-10",
    "swapped-echo": "CF-10",
    "no-duplicates": "CF-11",
    "first-did-only": "CF-11",
    "all-or-nothing": "CF-11",
    "two-refusals": "CF-12",
    "sometimes-silent": "CF-12|ST-06|FZ-06",
    "answers-twice-after-pending": "CF-12",
    # ISO-TP
    "zero-length": "TP-01",
    "length-masked": "TP-02",
    "stale-buffer": "TP-03",
    "kind-masked": "TP-04",
    "extended-address": "AC-04|TP-04",
    "short-first": "TP-05",
    "late-flow": "TP-06",
    "no-flow": "TP-06",
    "length-wraps": "TP-07|TP-08",
    "small-escape": "TP-08",
    "any-first-number": "TP-09",
    "no-numbers": "TP-09",
    "no-numbers-no-key": "TP-09",
    "plain-no-numbers": "TP-09",
    "long-wait": "TP-10",
    "one-buffer": "TP-11",
    "waits-for-ever": "TP-13",
    "no-timeout": "TP-13",
    "flow-for-all": "TP-14",
    "dies-on-remote": "TP-16|DS-04",
    "slots-leak": "TP-17",
    "dies-on-zero-number": "FZ-05|TP-09",
    "dies-on-flow-in-reception": "FZ-05|TP-12",
    # what kills or slows it
    "dies-on-routine-of-four": "FZ-01|FZ-02|FZ-03",
    "dies-on-half-faults": "FZ-02|FZ-03",
    "dies-on-long-read": "",
    "answersba": "AC-18|FZ-03",
    "dies-of-burst": "DS-02",
    "busy-after-burst": "DS-02",
    "dies-of-foreign-burst": "DS-03",
    "slowed-by-foreign": "DS-03",
    "slower-and-slower": "DS-07|FZ-06",
    "reset-open": "DS-05|AC-16",
    "mute-in-default": "DS-06 AC-16",
    "mute-for-good": "DS-06",
    "beat-stops-in-delay": "DS-01",
    "beat-stops-in-reception": "DS-01",
    "beat-stops-on-key": "DS-01",
    "beat-starves": "DS-01",
    # what it shows
    "prints-key": "IE-01",
    "prints-secret": "IE-01",
    "stale-padding": "IE-02",
    "key-in-padding": "IE-02",
    "hidden-guarded": "IE-03",
    "hidden-routine": "IE-03",
    "secret-in-image": "IE-05",
    "secret-in-image-reversed": "IE-05",
    "build-path": "IE-06",
    "same-secret-in-both": "IE-04",
    # broken
    "nothing-supported": "",
    "always-positive": "CF-02",
    "only-default": "",
    "garbage-for-security": "",
    "silent-security": "",
    "busy-from-key": "",
    "empty-seeds": "",
    "negative-for-yes": "CF-02",
    "dead-after-reset": "",
    "level-that-is-not": "",
    "wrong-service-list": "",
}
"""Every one of these; with "|", at least one of them."""

ANY = "any"

STATE_MACHINE = (
    *(
        "any-key-number",
        "counter-of-seed",
        "deep-seed-zero",
        "length-keeps-seed",
        "one-opens-all",
        "prefix-fits",
        "hint",
        "level-keeps-seed",
    ),
    *(
        "same-seed-when-open",
        "tail-ignored",
        "timeout-keeps-seed",
        "hop-keeps-seed",
        "levels-pile-up",
        "suppressed-entry-keeps",
    ),
    *("timeout-keeps-open", "timeout-asked-only", "security-in-default", "sum-compared", "record-is-seed"),
    *("swapped-limit-codes", "limit-skipped", "delay-asked-once", "last-seed-in-delay", "suppresses-refusals"),
    *("first-seed-ff", "sub-before-session", "unlock-for-all", "no-counter-no-key", "seed-holds-session", "long-s3"),
    *("no-delay-in-programming", "presence-opens", "soft-reset-keeps-open", "swapped-echo", "plain-never-relocks"),
    *(
        "wrong-deep-key-opens",
        "last-byte-ignored",
        "bit-masked",
        "suppressed-uncounted",
        "suppressed-opens",
        "first-bytes-fit",
        "presence-forgives",
        "locks-wrap",
    ),
)
"""FZ-04 compares all that an ECU says and does with the state machine: these differ from it."""

MAY_FAIL = {
    "uptime-hash": "SA-01 SA-07 SA-25",  # the same time after each start, the same seed
    "poor-pool": "SA-01 SA-25",
    "srand-time": "SA-05 SA-02 SA-25",  # two starts in one second
    "xorshift-uptime": "SA-01 SA-05 SA-07 SA-25 SA-02",
    "mersenne-time": "SA-05 SA-25",
    "first-seed-ff": "SA-01 SA-02 SA-05 SA-25 SA-32 SA-33",
    "deep-seed-zero": "SA-01 SA-05 SA-25",
    "half-counter": "SA-03 SA-02",
    "ascii-seeds": "SA-04",
    "permuted-lcg": "SA-04 SA-02 SA-03",
    "shift-register": "SA-02 SA-04",
    "step-counter": "SA-02 SA-04",
    "step-counter-no-key": "SA-02 SA-04",
    "gray-counter": "SA-02 SA-03 SA-04",
    "affine-key": "SA-34 SA-32",  # the model that fits is the whole secret
    "rotated-key": "SA-34 SA-32",
    "table-key": "SA-33 SA-34",
    "article-key": "SA-33",
    "key-of-three": "SA-34",
    "key-of-four": "SA-34",
    "door-module-key": "SA-34",
    "prefix-fits": "TP-18",
    "first-bytes-fit": "TP-18",
    "suppressed-opens": "SA-39 FZ-01 FZ-02 FZ-03 FZ-05",
    "hop-keeps-seed": "SA-25",
    "level-keeps-seed": "SA-27",
    "sometimes-silent": ANY,  # whoever is left without an answer may say so
    "extended-address": "TP-04 AC-04 FZ-01 FZ-05 TP-12",
    "dies-on-flow-in-reception": "TP-12 TP-13 FZ-01 FZ-05 TP-11",
    "busy-after-burst": "DS-03 FZ-06 FZ-01 TP-17",
    "hint": "CF-07",
    "hidden61": "SA-01 SA-05 CF-06 CF-03 ST-05 FZ-03",  # what answers, undeclared, in the default session
    "hidden-in-programming": "CF-03 CF-06 FZ-03",
    "record-is-seed": "CF-04",  # 27 01 00 is executed
    "record-skips-delay": "CF-04 SA-38",
    "record-overruns": "FZ-02 FZ-05 FZ-03 CF-04 SA-30",
    "no-counter-no-key": "SA-01 SA-20",
    "counter-of-seed": "CF-07 SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-16 SA-20 SA-22 SA-23 SA-36 SA-41",
    "default-forgives": "SA-14 SA-12 SA-13",  # a timeout and a restart end in the default session too
    "ram-counter": "SA-13 SA-17 SA-18",
    "ram-counter-no-key": "SA-13 SA-17 SA-18",
    "plain-ram-counter": "SA-13 SA-17 SA-18",
    "soft-reset-forgives": "SA-18 SA-17",
    "power-forgives": "SA-17 SA-18",
    "timeout-forgives": "SA-11",
    "presence-forgives": "SA-09 SA-11 SA-12 SA-13",
    "delay-overflows": "SA-17 SA-18 SA-19 SA-41",
    "delay-asked-once": "SA-17 SA-18 SA-19 SA-20 SA-12 SA-13",
    "last-seed-in-delay": "SA-22 SA-19 CF-07",
    "limit-skipped": "SA-09 SA-11 SA-12 SA-13 SA-14 SA-16 SA-17 SA-18 SA-19 SA-41",
    "locks-wrap": "SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-15 SA-16 SA-17 SA-18 SA-36 CF-07",
    "no-delay-after-one": "SA-12 SA-13",
    "delay-short-after-reset": "SA-12 SA-13 SA-18",
    "no-delay-in-programming": "SA-16",
    "mute-in-delay": "SA-09 SA-16 SA-19 CF-07 DS-04 FZ-04",
    "locks-for-good": "SA-16 SA-20",
    "timeout-keeps-seed": "SA-25",
    "any-key-number": "SA-40",
    "plain-never-relocks": "ST-02 SA-26",
    "unlock-for-all": "ST-04",
    "long-id-opens": "ST-04 TP-16 SA-40",  # the alias serves every request
    "loose-filter": "ST-04 SA-40",
    "functional-stores": "CF-08",
    "download-in-extended": "AC-16 FZ-03",
    "outputs-open": "FZ-01 FZ-02 FZ-03 FZ-05 AC-16",
    "output-open": "AC-07 AC-16 FZ-03",  # it is no protected DID that is controlled
    "output-return-open": "AC-07 AC-16 FZ-03",
    "flash-readable": "AC-12 FZ-03",
    "flash-readable-no-key": "AC-12",
    "plain-flash-readable": "AC-12",
    "first-guarded": "AC-10",
    "secret-readable": "AC-15 FZ-02 IE-03 IE-06",
    "range-stores": "FZ-02 AC-13 SA-28",
    "vin-writable": "FZ-01 FZ-02 FZ-03 FZ-05 AC-13",
    "clear-open": "FZ-03",
    "fault-setting-open": "FZ-03",
    "old-reads": "CF-02 FZ-03",
    "old-writes": "CF-02 FZ-01 FZ-02 FZ-03 AC-18",
    "answersba": "CF-02",
    "affine-key-recorded": "SA-34 SA-32",
    "timeout-keeps-open": "SA-28",
    "timeout-asked-only": "SA-26 ST-04 DS-06",
    "long-s3": "ST-04 SA-26 DS-06",
    "soft-reset-keeps-open": "ST-03 ST-08",
    "answers-quiet-presence": "CF-08 CF-12",
    "any-presence": "ST-02",
    "presence-opens": "AC-01 AC-02 SA-39 ST-01 ST-02 SA-28 FZ-01 FZ-02 FZ-03 FZ-05",
    "security-in-default": "CF-06 SA-26",
    "sometimes-late": "CF-12 DS-07 DS-02 DS-03 FZ-06 TP-15 CF-03 CF-04 CF-05 CF-06",
    "pending-for-ever": ANY,  # whoever reads the long DID loses the ECU
    "pending-then-nothing": "CF-10 CF-11 CF-12 CF-05 IE-06",
    "development-session": "FZ-03 CF-03",
    "sub-function-is31": "CF-06 CF-09",
    "half-did-read": "FZ-02",
    "session-tail": "FZ-02 CF-06",
    "empty-record": "CF-08 CF-10 CF-11 AC-12 AC-15 IE-03 IE-06 FZ-02 FZ-03",
    "unknown-did-is11": "CF-06 CF-08 CF-11",
    "sub-before-session": "ST-05",
    "swapped-limit-codes": "SA-09 SA-10 SA-11 SA-12 SA-13 SA-14 SA-15 SA-16 SA-17 SA-18 SA-20",
    "functional-says31": "CF-09",
    "session-answers-quiet": "CF-12",
    "suppresses-refusals": "CF-12",
    "presence-tail": "FZ-02",
    "swapped-echo": "FZ-02 CF-05",
    "no-duplicates": "CF-10",
    "first-did-only": "CF-10",
    "two-refusals": "FZ-02 CF-06",
    "answers-twice-after-pending": "ST-06 FZ-02 CF-10",
    "zero-length": "TP-02 TP-03 FZ-05",
    "stale-buffer": "TP-15 FZ-01 FZ-05 TP-01 CF-04",
    "short-first": "AC-04 TP-12 FZ-05",  # 10 05 2E .. is a first frame and an extended address
    "late-flow": "TP-17 ST-06",
    "length-wraps": "TP-07 TP-08 FZ-05",
    "no-timeout": "FZ-01 FZ-02 FZ-05 TP-17 DS-04",
    "waits-for-ever": "FZ-01 FZ-05 TP-12",
    "slots-leak": "FZ-01 FZ-05 TP-07 TP-08 TP-09 TP-10 TP-11 DS-02 DS-03",
    "dies-on-remote": "TP-16 DS-04 FZ-01 FZ-05",
    "dies-on-zero-number": "TP-09 FZ-01 FZ-05",
    "dies-on-routine-of-four": "FZ-01 FZ-02 FZ-03 FZ-05 AC-08 CF-03 CF-06",
    "dies-on-half-faults": "FZ-01 FZ-02 FZ-03 FZ-05 CF-04 IE-06",
    "dies-on-long-read": "FZ-01 FZ-02 FZ-03 FZ-05 CF-04 CF-11",
    "dies-of-burst": "DS-03 FZ-01 FZ-06 TP-17",
    "dies-of-foreign-burst": "DS-02 FZ-01 FZ-05 FZ-06 TP-17 TP-13 AC-04 DS-07",
    "slowed-by-foreign": "DS-07 FZ-06 ST-06",
    "slower-and-slower": "ST-06 DS-02 DS-03 FZ-06 FZ-01 DS-07",
    "mute-for-good": "DS-01 AC-16",
    "mute-in-default": "DS-01 FZ-03",
    "reset-open": "ST-08",
    "hidden-guarded": "AC-12",
    "stale-padding": "IE-02",
    "always-positive": ANY,
    "nothing-supported": "",
    "garbage-for-security": ANY,
    "silent-security": "DS-04 SA-21 CF-03 CF-06 CF-12 CF-09 CF-04 ST-05 ST-06 FZ-02 FZ-03 FZ-04",
    "busy-from-key": ANY,
    "empty-seeds": "SA-01 SA-02 SA-03 SA-05 SA-06 SA-07 SA-08 SA-25 CF-10 FZ-02 FZ-04",
    "negative-for-yes": "CF-01 CF-03 CF-04 CF-05 CF-06 CF-07 CF-09 SA-21 SA-22 SA-24 SA-23 SA-27 FZ-02 FZ-04",
    "dead-after-reset": ANY,  # each check that resets it loses it
}
"""These are arguable, or follow from the flaw."""


def audit(target: Path, *only: str) -> dict[str, Any]:
    """The results of all checks, or of some of them, on one ECU."""
    depth = Depth.DEFAULT if target.stem in SAMPLED else Depth.QUICK
    if target.stem in RARE:
        depth, only = Depth.DEEP, tuple(MUST_FAIL[target.stem].replace("|", " ").split())
    functions = [function for check, function in shipped_functions().items() if not only or check in only]
    results = [finding.as_json() for finding in run_checks(functions, load_target(target), depth=depth)]
    return {"results": results}


def strangers(folder: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted((HERE / folder).glob("*.toml"))]


def one_in(step: int, targets: list[Any]) -> list[Any]:
    """One in so many is tried by `make test`, the others by `.ci/run` only."""
    return [
        one if not number % step else pytest.param(*one.values, id=one.id, marks=[*one.marks, pytest.mark.thorough])
        for number, one in enumerate(targets)
    ]


def words(results: list[dict[str, Any]]) -> str:
    """The results as lines that one can judge."""
    keys = ("id", "parameter", "verdict", "reason", "expected", "observed")
    return "\n".join("  ".join(str(one[key]) for key in keys if one[key]) for one in results)


def with_verdict(run: dict[str, Any], *verdicts: str) -> list[dict[str, Any]]:
    return [one for one in run["results"] if one["verdict"] in verdicts]


@pytest.mark.parametrize("target", one_in(4, strangers("sound2")))
def test_a_sound_limousine_is_not_accused(target: Path) -> None:
    run = audit(target)
    assert not words(with_verdict(run, "fail", "error"))


@pytest.mark.parametrize("target", [one for one in strangers("flawed2") if MUST_FAIL[one.id]])
def test_a_flaw_is_found(target: Path) -> None:
    """By the checks alone that must find it, in `make test`; what the others say takes longer."""
    wanted = [set(one.split("|")) for one in MUST_FAIL[target.stem].split()]
    run = audit(target, *set().union(*wanted))
    failed = {one["id"] for one in with_verdict(run, "fail")}
    assert not [ids for ids in wanted if not ids & failed], words(run["results"])


@pytest.mark.thorough
@pytest.mark.parametrize("target", strangers("flawed2") + strangers("broken2"))
def test_a_flaw_is_found_and_nothing_else(target: Path) -> None:
    run = audit(target)
    shipped = set(shipped_functions())
    failed = {one["id"] for one in with_verdict(run, "fail")}
    wanted = [set(one.split("|")) & shipped for one in MUST_FAIL[target.stem].split()]
    allowed = set().union(*wanted, MAY_FAIL.get(target.stem, "").split(), {"FZ-04"} if target.stem in STATE_MACHINE else ())
    missed = [ids for ids in wanted if ids and not ids & failed]
    told = [one for one in run["results"] for ids in missed if one["id"] in ids]
    accused = [] if ANY in allowed else [one for one in with_verdict(run, "fail") if one["id"] not in allowed]
    assert not missed, words(told)
    assert not words(accused), "accused of what it has not"
    assert not words(with_verdict(run, "error"))


def test_a_right_key_that_comes_out_of_turn_makes_no_key_function_suspect() -> None:
    run = audit(HERE / "sound2" / "nothing-between.toml")
    assert not words([one for one in run["results"] if "key function suspect" in one["reason"]])


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("flawed2/bit-masked", "SA-31"),
        ("flawed2/delay-short-after-reset", "SA-17"),
        ("sound2/long-thinker", "TP-15"),
        ("sound2/long-thinker", "SA-12"),
        ("sound2/slow-memory", "DS-04"),
        ("sound2/nothing-between", "SA-09"),
    ],
)
def test_a_check_alone_says_what_it_says_in_the_whole_audit(name: str, check: str) -> None:
    target = HERE / f"{name}.toml"
    alone = audit(target, check)["results"]
    among_others = [one for one in audit(target)["results"] if one["id"] == check]
    assert [one["verdict"] for one in alone] == [one["verdict"] for one in among_others], words(alone + among_others)
