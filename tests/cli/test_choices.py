"""Prove which checks a command selects, what it prints about them, and on which stream."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.audit.catalogue import shipped_checks
from harness.audit.selection import Selection
from harness.cli.terminal import TerminalOutput
from harness.runs.findings import Finding
from harness.verdict import Severity, Verdict

from ..audit.auditing import Done, check, uds_harness, write_checks

PACKAGE = Path(harness.__file__).parent
CASE = '[[case]]\nid = "mine"\nwhy = "Because."\nsend = "3E 00"\nexpect = "positive"\n'


def audit(place: Path, *words: str | Path) -> Done:
    return uds_harness("audit", "hardened", "--depth", "quick", "--seed", "3", *words, cwd=place)


def run_of(done: Done) -> set[str]:
    """Return the ids of the checks that were not left out."""
    return {result["id"] for result in done.document["results"] if result["reason"] != "deselected"}


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        (Selection(checks=("sa-0?", "AC-01")), {"AC-01", *(f"SA-0{n}" for n in range(1, 10))}),
        (Selection(checks=("SA-09",), families=("AC",)), set()),
        (Selection(checks=("*-01",), families=("ac", "SA")), {"AC-01", "SA-01"}),
    ],
)
def test_kinds_of_choice_narrow_each_other_and_one_kind_widens_itself(chosen: Selection, ids: set[str]) -> None:
    assert {one.id for one in shipped_checks() if chosen.takes(one)} == ids


def test_a_severity_takes_what_is_worse_too() -> None:
    taken = {one.severity for one in shipped_checks() if Selection(severity=Severity.HIGH).takes(one)}
    assert taken == {Severity.CRITICAL, Severity.HIGH}


def test_an_audit_takes_what_was_chosen_and_tells_the_rest_in_one_line(tmp_path: Path) -> None:
    done = audit(tmp_path, "--check", "SA-2*", "--family", "SA", "--severity", "medium", "-k", "not SA-28", "-q")
    assert {"SA-20", "SA-27"} <= run_of(done) <= {f"SA-2{n}" for n in range(10)} - {"SA-28"}
    left_out = re.findall(r"^left out +(\d+) results? by the selection$", done.out, re.MULTILINE)
    assert left_out == [str(sum(result["reason"] == "deselected" for result in done.document["results"]))]
    assert set(re.findall(r"[A-Z]{2}-\d\d", done.out)) <= run_of(done)
    assert done.out.endswith("\n0 findings\n")
    assert done.document["run"]["command"].endswith("--check 'SA-2*' --family SA --severity medium")


def test_a_users_own_checks_are_chosen_by_the_same_words(tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", check("MY-1", "pass"), check("MY-2", "pass"))
    assert run_of(audit(tmp_path, "--checks", mine, "--check", "my-1")) == {"MY-1"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--check", "SA-9"), "--check SA-9: no check has such an id (did you mean SA-09?);"),
        (("--check", "SB-09"), "--check SB-09: no check has such an id (did you mean SA-09"),
        (("--family", "SB"), "--family SB: there is no such family; families are AC, CF, DS, FZ"),
        (("--severity", "hihg"), "--severity hihg: there is none of that name (did you mean high?); give critical, high"),
        (("-q", "-v"), "-q and -v exclude each other"),
    ],
)
def test_a_choice_that_there_is_not_is_refused_before_anything_is_begun(
    tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    done = audit(tmp_path, *words)
    assert (done.code, done.out, done.folders) == (4, "", [])
    assert why in done.err


def test_a_wrong_choice_among_a_users_own_checks_is_refused_too(tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", check("MY-1", "pass"))
    done = audit(tmp_path, "--checks", mine, "--check", "MY-3")
    assert done.code == 4
    assert "--check MY-3: no check has such an id" in done.err


# What is printed


def test_json_is_all_on_standard_output_and_the_log_is_not(tmp_path: Path) -> None:
    """The log says why the audit waits, and contains no key, even if keys are kept in the run's files."""
    done = audit(tmp_path, "--check", "SA-09", "--check", "SA-10", "--json", "-vv", "--keep-secrets")
    assert re.search(
        r"lockout of level 0x01, measured for SA-\d+ \[level 0x01\], serves SA-\d+ \[level 0x01\] too$", done.err, re.M
    )
    assert json.loads(done.out) == done.document
    assert re.search(r"^pass +SA-09", done.err, re.MULTILINE)
    assert re.search(r": \w+\.py:\d+: waits \d+\.\d{3} s: the delay of level 0x01$", done.err, re.MULTILINE)
    assert re.search(r"^SA-09 \[level 0x01\], \w+ of level 0x0\d: \w+\.py:\d+: waits \d", done.err, re.MULTILINE)
    assert "SA-09 [level 0x01] begins" in done.err
    assert re.search(r"27 02 and 16 bytes: 0x35 invalidKey, after \d", done.err)
    assert not re.search(r"27 0[24] [0-9A-F]{2} ", done.err)


def test_the_log_names_the_line_that_asked_and_not_those_that_carry_it_out(tmp_path: Path) -> None:
    done = audit(tmp_path, "--check", "SA-09", "-vv")
    entry = r"^(?:SA-09 \[level 0x0\d\](?:, [\w ]+)?: )?(\w+\.py):\d+: "
    waits, answers = (set(re.findall(entry + what, done.err, re.M)) for what in (r"wait(?:s|ed) \d", r"[0-9A-F ]{2,}"))
    assert {"attempts.py", "between_keys.py", "runner.py"} <= answers
    assert "side_by_side.py" in waits
    carrying_out = {path.name for folder in ("tester", "link", "simulation") for path in (PACKAGE / folder).glob("*.py")}
    also_names_of_others = {"__init__.py", "dialects.py"}
    assert not {*waits, *answers} & ({*carrying_out, "logged.py", "watched.py", "contextlib.py"} - also_names_of_others)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_findings_are_told_as_they_come_and_every_result_with_its_reason_on_request(verdict: Verdict) -> None:
    finding = Finding(
        id="SA-09",
        title="Wrong keys lock",
        failure="No limit on wrong keys",
        parameter=None,
        verdict=verdict,
        severity=Severity.HIGH,
        basis="policy",
        reason="for want of it",
    )
    for verbosity in (-1, 0, 1):
        for tells_findings in (True, False):  # an audit that takes seconds tells them at its end
            out = io.StringIO()
            TerminalOutput(out, verbosity=verbosity, tells_findings=tells_findings).result(finding)
            is_told = verbosity > 0 or (verbosity == 0 and tells_findings and verdict in (Verdict.FAIL, Verdict.ERROR))
            assert ("SA-09" in out.getvalue()) is is_told
            has_reason = is_told and verdict not in (Verdict.PASS, Verdict.FAIL)
            assert ("for want of it" in out.getvalue()) is has_reason
            assert ("No limit on wrong keys" in out.getvalue()) is (is_told and verdict is Verdict.FAIL)


# list and show


def test_list_and_show_take_checks_of_the_users(tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", check("MY-1", "pass"))
    (mine.parent / "cases").mkdir(exist_ok=True)
    case = mine.parent / "cases" / "mine.toml"
    case.write_text(CASE, encoding="utf-8")
    done = uds_harness("list", "--checks", mine, "--checks", case, cwd=tmp_path)
    assert {"MY-1", "fuzz/mine", "SA-09"} <= {line.split()[0] for line in done.out.splitlines() if line[:1] != " "}
    shown = uds_harness("show", "my-1", "--checks", mine, cwd=tmp_path)
    assert (shown.code, shown.out.split()[0]) == (0, "MY-1")
    assert uds_harness("show", "MY-1", cwd=tmp_path).code == 4


def test_checks_that_cannot_be_listed_are_told_in_a_line(tmp_path: Path) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("import nothing_of_the_kind\n", encoding="utf-8")
    for words, why in (
        (("list", "--checks", broken), "No module named 'nothing_of_the_kind'"),
        (("list", "--checks", "gone"), "--checks gone: there is no such file or folder"),
        (("list", "profiles", "--checks", broken), "--checks is for: uds-harness list checks"),
    ):
        done = uds_harness(*words, cwd=tmp_path)
        assert (done.code, done.out) == (4, "")
        assert why in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("what", ["checks", "profiles", "defects", "variants", "targets", "requirements"])
def test_every_list_is_there_as_json(tmp_path: Path, what: str) -> None:
    done = uds_harness("list", what, "--json", cwd=tmp_path)
    entries: list[dict[str, Any]] = json.loads(done.out)
    names = [entry.get("id") or entry.get("name") for entry in entries]
    plain = uds_harness("list", what, cwd=tmp_path).out
    assert len(names) == len(set(names)) > 0
    assert all(f"{name}" in plain for name in names)
