"""Prove that an audit ended by Ctrl-C or killed keeps, in readable form, everything that was measured until then."""

import json
import signal
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.runs.folder import differences_to_manifest, read_run
from harness.runs.redaction import redact_log

from .auditing import WAIT, Done, Waiting, check, uds_harness, write_checks

LATE = "('lockout',)"
"""Metadata that makes a check run after those that unlock: it may send wrong keys."""
FIRST = check("MY-FIRST", "tester.request('22 10 10')", needs=LATE)
STOP = check("MY-STOP", "tester.request('22 10 10')\nraise KeyboardInterrupt", needs=LATE)
LATER = check("MY-LATER", "tester.request('22 10 10')", needs=LATE)
ALL = "AC-01 or AC-02 or CF-02 or MY-"
HELD = {"AC-01": "inconclusive", "AC-02": "inconclusive"}
"""Checks that, on the article, wait for a control that may be taken only when no check needs the lock any more."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """An audit ended by Ctrl-C while a check runs."""
    place = tmp_path_factory.mktemp("stopped")
    mine = write_checks(place / "mine", FIRST, STOP, LATER)
    return uds_harness("audit", "article", "--checks", mine, "-k", ALL, "--seed", "1", "-v", cwd=place)


@pytest.fixture(scope="module")
def signalled(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """An audit in a process of its own, ended by a real signal."""
    place = tmp_path_factory.mktemp("signalled")
    mine = write_checks(place / "mine", FIRST, check("MY-WAIT", WAIT, needs=LATE), LATER)
    return Waiting("audit", "article", "--checks", mine, "-k", ALL, cwd=place).end_with(signal.SIGINT)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """An audit whose process was killed, with no time for anything."""
    place = tmp_path_factory.mktemp("killed")
    mine = write_checks(place / "mine", FIRST, check("MY-WAIT", WAIT, needs=LATE), LATER)
    return Waiting("audit", "article", "--checks", mine, "-k", ALL, cwd=place).end_with(signal.SIGKILL)


@pytest.mark.parametrize("how", ["stopped", "signalled"])
def test_an_interrupted_audit_ends_with_2(how: str, request: pytest.FixtureRequest) -> None:
    done = request.getfixturevalue(how)
    assert done.code == 2, done.explain()
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize("how", ["stopped", "signalled"])
def test_what_was_done_is_kept_and_what_waited_is_inconclusive(how: str, request: pytest.FixtureRequest) -> None:
    done = request.getfixturevalue(how)
    verdicts = done.verdicts
    decided = {"CF-02": "fail", "MY-FIRST": "pass"} | HELD
    assert {name: verdicts.get(name) for name in decided} == decided, done.explain()
    assert "control missing" in done.result("AC-01")["reason"]
    assert not {verdicts.get("MY-LATER"), verdicts.get("MY-STOP"), verdicts.get("MY-WAIT")} & {"pass", "fail", "error"}


@pytest.mark.parametrize("how", ["stopped", "signalled"])
def test_the_report_says_that_it_was_interrupted(how: str, request: pytest.FixtureRequest) -> None:
    done = request.getfixturevalue(how)
    assert done.document["run"]["interrupted"] is True
    assert "This run was interrupted" in done.out
    page = (done.folder / "audit.html").read_text(encoding="utf-8")
    assert "This run was interrupted" in page
    assert "CF-02" in page
    assert page.rstrip().endswith("</html>")


@pytest.mark.parametrize("how", ["stopped", "signalled"])
def test_the_folder_of_an_interrupted_audit_is_whole(how: str, request: pytest.FixtureRequest) -> None:
    done = request.getfixturevalue(how)
    assert differences_to_manifest(done.folder) == []
    names = {path.name for path in done.folder.iterdir()}
    assert names >= {"audit.json", "audit.html", "pytest.html", "junit.xml", "bus.log", "results.jsonl", "manifest.json"}
    cases = ET.parse(done.folder / "junit.xml").getroot().iter("testcase")
    assert len(list(cases)) >= 4, "the results that there are stand in junit.xml too"


def test_the_terminal_shows_every_result_that_is_kept(stopped: Done) -> None:
    for name, verdict in stopped.verdicts.items():
        assert any(line.startswith(verdict) and name in line for line in stopped.out.splitlines()), name


def test_a_killed_run_leaves_every_result_that_had_ended(killed: Done) -> None:
    lines = (killed.folder / "results.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b"", "the last line is whole"
    verdicts = {result["id"]: result["verdict"] for result in map(json.loads, lines)}
    assert verdicts == {"CF-02": "fail", "MY-FIRST": "pass"} | HELD


def test_a_killed_run_can_be_read_and_counts_as_interrupted(killed: Done) -> None:
    run = read_run(killed.folder)
    assert run.info.interrupted
    assert {finding.id for finding in run.findings} == {"CF-02", "MY-FIRST", *HELD}
    assert not (killed.folder / "manifest.json").exists(), "nothing pretends that the run came to its end"


def test_a_killed_run_leaves_the_frames_of_its_results(killed: Done) -> None:
    assert redact_log(killed.folder), "the run came to no end that would have made it"
    lines = (killed.folder / "bus.log").read_text().splitlines()
    for finding in read_run(killed.folder).findings:
        assert finding.last_frame <= len(lines)
        for exchange in finding.exchanges:
            for number, frame in enumerate(exchange.frames, start=exchange.first_frame):
                assert f"#{frame.data}" in lines[number]


def test_ctrl_c_before_the_first_check_leaves_a_report(tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", STOP)
    done = uds_harness("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path)
    assert done.code == 2
    assert "This run was interrupted" in (done.folder / "audit.html").read_text(encoding="utf-8")


def test_the_ecu_is_left_as_it_was_found_after_ctrl_c(tmp_path: Path) -> None:
    """The stopped check had overwritten data; the ECU is restored as far as it answers."""
    body = (
        "entry = tester.target.did(0x1010)\n"
        "def act(value):\n"
        "    tester.write(0x1010, value)\n"
        "    raise KeyboardInterrupt\n"
        "tester.access.effect(entry, act)\n"
    )
    mine = write_checks(tmp_path / "mine", check("MY-STOP", body, needs="('write',)"))
    done = uds_harness("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path)
    assert done.code == 2, done.explain()
    writes = [line.split()[2] for line in (done.folder / "bus.log").read_text().splitlines() if "#042E1010" in line]
    assert [write.split("#")[1][:10] for write in writes] == ["042E1010BF", "042E1010FF"], done.explain()


def test_ctrl_c_at_an_instruction_that_belongs_to_no_line_ends_as_any_other(tmp_path: Path) -> None:
    """Python's traceback of such an interrupt has no line number, and pytest cannot format it."""
    body = "def stop():\n    raise KeyboardInterrupt\nstop.__code__ = stop.__code__.replace(co_linetable=b'')\nstop()\n"
    mine = write_checks(tmp_path / "mine", check("MY-STOP", body))
    done = uds_harness("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path)
    assert done.code == 2, done.explain()
    assert "Traceback" not in done.out + done.err
    assert read_run(done.folder).info.interrupted
