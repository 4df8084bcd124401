"""Prove which checks run, on which subjects, in which order."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.audit.catalogue import shipped_checks, shipped_functions
from harness.audit.schedule import Stage, stage_of
from harness.target import load_target
from harness.testing import run_checks

from .auditing import Done, article_with, check, run_pytest, shared_audit, uds_harness, write_checks, write_target

FUNCTIONS = shipped_functions()
CHECKS = {one.id: one for one in shipped_checks() if not one.id.startswith("fuzz/")}


def order(done: Done) -> list[str]:
    """Return the ids of the checks in the order in which they ran."""
    ran = sorted(done.document["results"], key=lambda result: (result["first_frame"], result["last_frame"]))
    ids = (result["id"] for result in ran if result["last_frame"] > result["first_frame"])
    return [name for name in dict.fromkeys(ids) if not name.startswith("fuzz/")]


# -k


@pytest.mark.parametrize("name", ["SA-01", "AC-01"])
def test_a_check_can_be_run_alone(name: str, article: Done, place: Path) -> None:
    alone = uds_harness("audit", "article", "-k", name, cwd=place)
    assert {one: verdict for one, verdict in alone.verdicts.items() if verdict != "not_run"} == {
        name: article.verdicts[name]
    }, alone.explain()


@pytest.mark.parametrize("target", ["article", "hardened"])
def test_each_check_alone_comes_to_the_verdict_of_the_whole_audit(
    target: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No check depends on another check's verdict."""
    among_others = shared_audit(tmp_path_factory, target, depth="quick").verdicts
    alone = {
        name: {finding.verdict.value for finding in run_checks([FUNCTIONS[name]], load_target(target), seed=3)}
        for name in CHECKS
    }
    assert alone == {name: {among_others[name]} for name in CHECKS}


def test_k_takes_expressions_over_ids(place: Path) -> None:
    done = uds_harness("audit", "article", "-k", "CF-02 or (SA-4 and not SA-40)", "--depth", "quick", cwd=place)
    wanted = {"CF-02"} | {name for name in CHECKS if name.startswith("SA-4") and name != "SA-40"}
    assert len(wanted) > 1
    assert {name for name, verdict in done.verdicts.items() if verdict != "not_run"} == wanted


def test_k_does_not_mind_small_letters(place: Path) -> None:
    done = uds_harness("audit", "article", "-k", "cf-02", cwd=place)
    assert done.verdicts["CF-02"] == "fail"


def test_what_was_deselected_is_not_run_and_said(place: Path) -> None:
    """A check that is not permitted, over budget or deselected is `not_run`."""
    done = uds_harness("audit", "article", "-k", "CF-02", cwd=place)
    verdicts = {result["id"]: result["verdict"] for result in done.document["results"]}
    assert {name: verdicts.get(name) for name in CHECKS} == dict.fromkeys(CHECKS, "not_run") | {"CF-02": "fail"}


def test_a_deselected_check_does_not_change_the_exit_code(place: Path) -> None:
    assert uds_harness("audit", "hardened", "-k", "CF-02", cwd=place).code == 0


# Order


def test_security_is_judged_before_anything_that_an_ecu_may_not_survive(hardened: Done) -> None:
    stages = [stage_of(CHECKS[name]) for name in order(hardened)]
    assert stages == sorted(stages)
    assert set(stages) == set(Stage)
    families = {name.split("-")[0] for name in order(hardened) if stage_of(CHECKS[name]) is Stage.CRASHES}
    assert {"FZ", "DS"} <= families
    assert not families & {"SA", "ST", "CF", "TP", "IE"}


def test_checks_that_can_lock_the_ecu_come_last_of_their_stage_where_it_locks_again(hardened: Done) -> None:
    for stage in Stage:
        names = [name for name in order(hardened) if stage_of(CHECKS[name]) is stage]
        names = [name for name in names if CHECKS[name].meanwhile is None]  # what can be done in delays comes beside them
        may_lock = ["lockout" in CHECKS[name].needs + CHECKS[name].uses for name in names]
        assert may_lock == sorted(may_lock)


def test_cases_are_run_with_what_an_ecu_may_not_survive() -> None:
    assert {stage_of(one) for one in shipped_checks() if one.id.startswith("fuzz/")} == {Stage.CRASHES}


def test_checks_that_unlock_the_ecu_come_last_where_it_never_locks_again(article: Done) -> None:
    unlocks = [CHECKS[name].unlocks for name in order(article)]
    assert unlocks == sorted(unlocks)
    assert any(unlocks)
    assert not all(unlocks)


def test_a_users_check_that_unlocks_comes_last_too(place: Path) -> None:
    body = "tester.security.unlock(1)"
    mine = write_checks(
        place / "a", check("MY-OPEN", body, unlocks="True"), check("MY-LOOK", "tester.access.require_locked()")
    )
    done = run_pytest(mine, "--uds-target", "article", cwd=place)
    assert order(done) == ["MY-LOOK", "MY-OPEN"]
    assert done.verdicts == {"MY-LOOK": "pass", "MY-OPEN": "pass"}, done.explain()


def test_otherwise_checks_run_as_they_are_written(place: Path) -> None:
    names = ["MY-3", "MY-1", "MY-2"]
    mine = write_checks(place / "mine", *(check(name, "tester.request('22 01 00')") for name in names))
    assert order(run_pytest(mine, "--uds-target", write_target(place), cwd=place)) == names


# Parameters


def test_a_check_runs_once_for_each_level_and_each_protected_record(hardened: Done) -> None:
    subjects: dict[str, list[Any]] = {}
    for result in hardened.document["results"]:
        subjects.setdefault(result["id"], []).append(result["parameter"])
    assert subjects["SA-09"] == ["level 0x01", "level 0x03"]
    assert subjects["AC-01"] == ["DID 2020", "DID 3030", "DID 2A2A"]
    assert subjects["CF-02"] == [None]


def test_a_check_without_any_subject_is_not_applicable_not_nothing(place: Path) -> None:
    mine = write_checks(
        place / "mine",
        check("MY-LEVEL", "fail(expected='never', observed='called')", takes="tester, level"),
        check("MY-DATA", "fail(expected='never', observed='called')", takes="tester, protected"),
    )
    done = run_pytest(mine, "--uds-target", "article-v1", cwd=place)
    assert done.verdicts == {"MY-LEVEL": "not_applicable", "MY-DATA": "not_applicable"}, done.explain()
    assert done.result("MY-LEVEL")["parameter"] is None
    assert done.result("MY-LEVEL")["reason"]
    assert done.code == 5


def test_the_depth_reaches_the_check(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-DEPTH", "assert depth == 'quick'", takes="depth"))
    words = ("audit", "article", "--checks", mine, "-k", "MY-")
    assert uds_harness(*words, "--depth", "quick", cwd=place).code == 0
    assert uds_harness(*words, "--depth", "deep", cwd=place).code == 1


def test_a_check_may_have_parameters_of_its_own(place: Path) -> None:
    mine = write_checks(
        place / "mine",
        check(
            "MY-DIDS",
            "assert tester.read(did)",
            takes="tester, did",
            decorators="\n@pytest.mark.parametrize('did', [0x0100, 0x0200])",
        ),
    )
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    assert [(result["parameter"], result["verdict"]) for result in done.document["results"]] == [
        ("256", "pass"), ("512", "pass"),
    ], done.explain()  # fmt: skip


def test_a_measurement_is_taken_once_for_all_checks(place: Path) -> None:
    body = "assert len(measure.seeds(1).seeds) == 256"
    mine = write_checks(place / "mine", *(check(f"MY-{n}", body, takes="tester, measure") for n in range(3)))
    done = run_pytest(mine, "--uds-target", write_target(place), "--uds-depth", "quick", cwd=place)
    assert done.code == 0, done.explain()
    seeds = sum("#100A6701" in line for line in (done.folder / "bus.log").read_text().splitlines())
    assert seeds == 256


# Permission


START_AND_STOP = ("3101", "3181", "3102", "3182")
"""The checks on starting and stopping routines."""


def test_what_the_target_does_not_allow_is_not_run_and_not_sent(place: Path) -> None:
    target = article_with(place, "\n[safety]\nallow = []\n")
    done = uds_harness("audit", target, "--depth", "quick", cwd=place)
    assert {name for name, verdict in done.verdicts.items() if verdict == "not_run"} >= {
        name for name, one in CHECKS.items() if one.needs
    }, done.explain()
    assert "allow" in done.result("SA-09")["reason"]
    lines = [line.split()[2:] for line in (done.folder / "bus.log").read_text().splitlines()]
    frames = [(content.split("#")[1], way == "T") for content, way in lines]
    messages = [
        frame[2:] if frame[0] == "0" else frame[4:] for frame, is_sent in frames if is_sent and frame[:1] in ("0", "1")
    ]
    assert "27" in {message[:2] for message in messages}
    assert not [message for message in messages if message.startswith(("2E", "11", *START_AND_STOP))]
    answers = [answer for (frame, _), (answer, _) in pairwise(frames) if frame.startswith(("062702", "062782"))]
    assert {answer[:6] for answer in answers} <= {"026702"}, "a key is sent only where it is the right one"
    assert done.document["run"]["counts"]["wrong_keys"] == 0


def test_the_budget_of_wrong_keys_is_kept(place: Path) -> None:
    target = article_with(place, "\n[safety]\nwrong_keys = 5\n")
    done = uds_harness("audit", target, "--depth", "quick", "-k", "SA-", cwd=place)
    assert done.verdicts["SA-09"] == "not_run", done.explain()
    assert "5" in done.result("SA-09")["reason"]
    assert done.document["run"]["counts"]["wrong_keys"] <= 5


# Order is not to be changed


class Fake:
    """Another pytest plugin, with only its name and its options."""

    def __init__(self, name: str, *options: str) -> None:
        self.__name__ = name
        self._options = options

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        for option in self._options:
            parser.addoption(option, default=None)


SHUFFLED = {
    "xdist": (["-n", "2"], [], "xdist"),
    "xdist by another option": (["--dist", "load", "--tx", "popen"], [], "xdist"),
    "randomly": (["-p", "randomly"], [], "random"),
    "random_order": (["--random-order-bucket", "module"], [Fake("random_order", "--random-order-bucket")], "random"),
    "reruns": (["--reruns", "3"], [Fake("rerunfailures", "--reruns")], "reruns"),
}


@pytest.mark.parametrize(("words", "plugins", "named"), SHUFFLED.values(), ids=list(SHUFFLED))
def test_what_would_shuffle_or_split_the_checks_is_refused(
    words: list[str], plugins: list[object], named: str, place: Path
) -> None:
    mine = write_checks(place / "mine", check("MY-1", "tester.request('22 01 00')"))
    done = run_pytest(mine, "--uds-target", write_target(place), *words, cwd=place, plugins=plugins)
    assert done.code == 4, done.explain()
    (line,) = done.err.strip().splitlines()
    assert named in line
    assert done.folders == []


def test_failed_first_does_not_change_the_order(place: Path) -> None:
    """The checks that fail on the article unlock it for good, and would leave nothing locked to judge."""
    words = ["--uds-target", "article", "--uds-depth", "quick", "-o", "cache_dir=" + str(place / "cache")]
    mine = write_checks(
        place / "mine",
        check("MY-LOOK", "tester.access.require_locked()"),
        check("MY-OPEN", "tester.security.unlock(1)\nfail(expected='never', observed='opens')", unlocks="True"),
    )
    for out in ("first", "second"):
        done = run_pytest("-p", "cacheprovider", mine, *words, "--ff", "--uds-out", out, cwd=place)
        results = json.loads((place / out / "audit.json").read_text())["results"]
        assert {result["id"]: result["verdict"] for result in results} == {"MY-LOOK": "pass", "MY-OPEN": "fail"}, (
            out, done.explain(),
        )  # fmt: skip
