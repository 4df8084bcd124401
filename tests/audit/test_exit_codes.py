"""Prove the exit code of an audit: the first that applies of 4, 2, 3, 1, 5, 0."""

import io
import sys
from pathlib import Path

import pytest

from harness.audit.opening import try_keys
from harness.audit.outcomes import exit_code
from harness.runs.findings import Finding, Run, RunInfo
from harness.target import load_target
from harness.verdict import Severity, Verdict

from .auditing import CHECKS_ONLY, check, run_pytest, uds_harness, write_checks, write_target

PASS = check("MY-PASS", "tester.request('22 01 00')")
FAIL = check("MY-FAIL", "tester.judge(tester.request('22 01 00'), sound=negative())")
ERROR = check("MY-ERROR", "raise RuntimeError('a mistake of mine')")
STOP = check("MY-STOP", "raise KeyboardInterrupt")
UNDECIDED = check("MY-DOUBT", "inconclusive('who knows')")

CASES = {
    "0: everything passed": ([PASS], 0),
    "0: something passed, the rest is undecided": ([PASS, UNDECIDED], 0),
    "1: a check failed": ([PASS, FAIL, UNDECIDED], 1),
    "2: interrupted": ([PASS, STOP, PASS.replace("MY-PASS", "MY-LATER")], 2),
    "2 before 3 and 1": ([FAIL, ERROR, STOP], 2),
    "3: a check raised": ([PASS, ERROR], 3),
    "3 before 1": ([FAIL, ERROR], 3),
    "3 before 5": ([UNDECIDED, ERROR], 3),
    "5: nothing reached pass or fail": ([UNDECIDED], 5),
}


@pytest.mark.parametrize(("checks", "code"), CASES.values(), ids=list(CASES))
def test_the_first_exit_code_that_applies(checks: list[str], code: int, place: Path) -> None:
    mine = write_checks(place / "mine", *checks)
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    assert done.code == code, done.explain()


@pytest.mark.parametrize(("checks", "code"), [([FAIL], 1), ([FAIL, ERROR], 3), ([UNDECIDED], 5), ([FAIL, STOP], 2)])
def test_exit_zero_makes_1_into_0_and_nothing_else(checks: list[str], code: int, place: Path) -> None:
    mine = write_checks(place / "mine", *checks)
    done = uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", "--exit-zero", cwd=place)
    assert done.code == (0 if code == 1 else code), done.explain()


def test_without_exit_zero_a_failure_is_1(place: Path) -> None:
    mine = write_checks(place / "mine", FAIL)
    done = uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", cwd=place)
    assert done.code == 1, done.explain()


def test_an_unreadable_check_comes_before_everything_else(place: Path) -> None:
    mine = write_checks(place / "mine", STOP, FAIL, ERROR)
    (mine / "test_other.py").write_text("def broken(:\n")
    done = uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", cwd=place)
    assert done.code == 4
    assert done.frames_sent == 0


def test_an_ecu_that_never_answers_is_5(place: Path) -> None:
    done = uds_harness("audit", write_target(place, "Mute"), *CHECKS_ONLY, cwd=place)
    assert done.code == 5, done.explain()
    assert set(done.verdicts.values()) <= {"inconclusive", "not_applicable"}, done.explain()
    assert "no longer answers" in done.result("CF-02")["reason"] or "answer" in done.result("CF-02")["reason"]


@pytest.mark.parametrize("options", [(), ("-q",), ("--json",)])
def test_an_ecu_that_never_answers_is_told_in_a_line_and_then_what_the_doctor_says(
    options: tuple[str, ...], place: Path
) -> None:
    done = uds_harness("audit", write_target(place, "Mute"), "--depth", "quick", *options, cwd=place)
    said = done.err if "--json" in options else done.out
    lines = said.splitlines()
    assert "The ECU does not answer (0x700 -> 0x708): nothing was judged." in lines, done.explain()
    assert len(lines) <= 24
    advice = lines[lines.index("uds-harness doctor says:") :]
    assert "FAIL  the ECU answers: 0x700 -> 0x708: silence" in advice
    assert not any(line.startswith("!") for line in lines)
    assert done.code == 5


def test_an_ecu_that_has_never_answered_is_not_looked_for_for_ever(place: Path) -> None:
    done = uds_harness("audit", write_target(place, "Mute"), "--depth", "quick", cwd=place)
    asked = done.document["run"]["counts"]["exchanges"]
    assert asked < len(done.document["results"]), "each is a silence, which a real bus takes time for"


def test_a_dead_ecu_is_asked_for_life_once_and_not_before_every_check(place: Path) -> None:
    """On a real bus, sixteen times the boot time of a dead ECU would be a minute of silence for each check."""
    done = uds_harness("audit", write_target(place, "Mute"), *CHECKS_ONLY, cwd=place)
    waited = [result["duration_s"] for result in done.document["results"]]
    assert sum(second > 0.5 for second in waited) <= 1, waited


def test_an_ecu_of_which_nothing_is_known_and_that_is_not_there_is_5(place: Path) -> None:
    bus = ("--interface", "uds-sim", "--channel", "article", "--request-id", "0x7E0")  # it listens to 0x740
    done = uds_harness("audit", *bus, *CHECKS_ONLY, cwd=place)
    assert done.code == 5, done.explain()
    assert "no ECU was found" in done.out


def test_a_selection_of_nothing_is_5_and_said(place: Path) -> None:
    done = uds_harness("audit", "-k", "NOSUCH-99", cwd=place)
    assert done.code == 5
    assert "No check was selected" in done.out
    assert done.frames_sent == 0


BROKEN = {
    "raises": ("raise RuntimeError('the DLL is not licensed')", "RuntimeError: the DLL is not licensed"),
    "gives no bytes": ("return seed.hex()", "a key is 1 to 4093 bytes, not str"),
    "has a mistake": ("return sede", "NameError: name 'sede' is not defined"),
}
REAL_SEED = 8
"""The length in bytes of a seed of the ECU in nodes.py."""


@pytest.mark.parametrize(("body", "why"), BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("by", ["the command line", "pytest"])
def test_a_broken_key_function_costs_a_line_before_anything_is_sent(body: str, why: str, by: str, place: Path) -> None:
    (place / "mykey.py").write_text(f"def key(seed, level):\n    {body}\n")
    target = write_target(place, key="mykey.py:key")
    if by == "pytest":
        done = run_pytest("attacks/conformance", "--uds-target", target, cwd=place)
        assert why in done.out + done.err
    else:
        done = uds_harness("audit", target, cwd=place)
        assert (done.out, len(done.err.splitlines())) == ("", 1)
        assert f"key mykey.py:key: {why}" in done.err
    assert done.code == 3, done.explain()
    assert done.folders == []


@pytest.mark.parametrize(
    "body",
    [
        "assert len(seed) == 57\n    return seed",
        "return {b'1234': b'4321'}[seed]",
        "return bytes.fromhex(input(seed.hex()))",
    ],
    ids=["of an odd length", "that knows some seeds", "that asks"],
)
def test_a_key_function_that_may_be_right_is_not_refused(body: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "mykey.py").write_text(f"def key(seed, level):\n    {body}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("00\n" * 1000))
    try_keys(load_target(write_target(place, key="mykey.py:key")))
    assert sys.stdin.read() == "00\n" * 1000, "nobody is asked for the key of a made-up seed"


FAILS_LATER = (
    f"def key(seed, level):\n    if len(seed) == {REAL_SEED}:\n        raise RuntimeError('no licence')\n    return seed\n"
)


def test_a_key_function_that_raises_for_the_ecus_own_seed_is_3(place: Path) -> None:
    (place / "mykey.py").write_text(FAILS_LATER)
    done = uds_harness("audit", write_target(place, key="mykey.py:key"), "-k", "SA-22", cwd=place)
    assert done.code == 3, done.explain()
    assert "no licence" in done.result("SA-22")["reason"]
    assert "Traceback" not in done.result("SA-22")["reason"]  # whose fault it is stands in the line


def test_no_wrong_key_is_sent_where_the_key_function_raises(place: Path) -> None:
    (place / "mykey.py").write_text(FAILS_LATER)
    done = uds_harness("audit", write_target(place, key="mykey.py:key"), *CHECKS_ONLY, cwd=place)
    assert done.code == 3
    assert done.document["run"]["counts"]["wrong_keys"] == 0, done.explain()


def test_a_key_command_that_fails_is_3(place: Path) -> None:
    done = uds_harness("audit", write_target(place, key="command: false"), "-k", "SA-22", cwd=place)
    assert done.code == 3, done.explain()
    assert "false" in done.result("SA-22")["reason"]


def test_x_stops_at_the_first_failure(place: Path) -> None:
    mine = write_checks(place / "mine", PASS, FAIL, PASS.replace("MY-PASS", "MY-LATER").replace("my_pass", "my_later"))
    done = uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", "-x", cwd=place)
    assert done.code == 1, done.explain()
    assert done.verdicts["MY-LATER"] == "not_run"
    assert "first failure" in done.result("MY-LATER")["reason"]
    assert not done.document["run"]["interrupted"]


def test_a_check_that_leaves_python_ends_in_error(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-EXIT", "raise SystemExit(0)"), PASS)
    done = uds_harness("audit", write_target(place), "--checks", mine, "-k", "MY-", cwd=place)
    assert done.code == 3, done.explain()
    assert done.verdicts == {"MY-EXIT": "error", "MY-PASS": "pass"}


def test_a_plain_test_that_fails_is_not_hidden_by_checks_that_pass(place: Path) -> None:
    mine = write_checks(place / "mine", PASS, "\ndef test_plain():\n    assert 1 == 2\n")
    done = run_pytest(mine, "--uds-target", write_target(place), cwd=place)
    assert done.code == 1, done.explain()


def finding(verdict: Verdict, accepted: str = "") -> Finding:
    return Finding(
        id="X", title="X", parameter=None, verdict=verdict, severity=Severity.LOW, basis="policy", accepted=accepted
    )


ORDER = [
    (2, True, ["error", "fail", "pass"]),
    (2, True, []),
    (3, False, ["pass", "fail", "error"]),
    (1, False, ["pass", "fail"]),
    (1, False, ["fail", "fail accepted"]),
    (0, False, ["fail accepted"]),
    (5, False, ["inconclusive", "not_run", "not_applicable"]),
    (5, False, []),
    (0, False, ["pass", "inconclusive"]),
]


@pytest.mark.parametrize(("code", "interrupted", "verdicts"), ORDER)
def test_the_order_of_codes(code: int, interrupted: bool, verdicts: list[str]) -> None:
    info = RunInfo(
        target={}, environment="simulated", seed=1, depth="quick", started_utc="", command="", operator="", versions={},
        interrupted=interrupted,
    )  # fmt: skip
    found = tuple(finding(Verdict(word.split()[0]), "known" if " " in word else "") for word in verdicts)
    assert exit_code(Run(info=info, findings=found)) == code
