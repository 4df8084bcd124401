"""Prove that `uds-harness report` repeats a finished run's reports byte by byte, and makes those of a killed run."""

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.runs.folder import differences_to_manifest, read_run
from tests.audit.auditing import WAIT, Done, Waiting, check, uds_harness, write_checks, write_target

SELECTED = "SA-01 or SA-09 or CF-01 or AC-01 or IE-01"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run of a few checks on the article. Do not change it."""
    place = tmp_path_factory.mktemp("audited")
    return uds_harness("audit", "article", "--depth", "quick", "-k", SELECTED, "--seed", "1", cwd=place)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The folder of an audit that was killed in the middle, with reports made later in a place where nothing else is."""
    place = tmp_path_factory.mktemp("killed")
    first = check("MY-FIRST", "tester.request('22 10 10')\ntester.request('22 20 20')")
    mine = write_checks(place / "mine", first, check("MY-WAIT", WAIT), check("MY-LATER", "pass"))
    words = ("--checks", mine, "-k", "CF-01 or SA-32 or MY-")
    done = Waiting("audit", write_target(place), *words, cwd=place).end_with(signal.SIGKILL)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.move(done.folder, elsewhere / "run")
    shutil.rmtree(place)
    return uds_harness("report", "run", cwd=elsewhere)


def test_a_finished_run_is_made_again_byte_by_byte_without_what_it_was_made_from(audited: Done, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(audited.folder, tmp_path / "run"))
    shutil.rmtree(folder / "private", ignore_errors=True)
    made = ["audit.html", "pytest.html", "junit.xml", "audit.sarif", "summary.md", "bus.pcapng"]
    for name in made:
        (folder / name).unlink()
    done = uds_harness("report", "run", cwd=tmp_path)
    assert done.code == 0, done.explain()
    for path in audited.folder.iterdir():
        if path.is_file() and path.name != "manifest.json":
            assert (folder / path.name).read_bytes() == path.read_bytes(), path.name
    assert [line.removeprefix("written: ") for line in done.out.splitlines() if line.startswith("written")] == sorted(made)
    assert done.out.splitlines()[-1] == "report: run/audit.html"
    assert differences_to_manifest(folder) == []


def test_a_run_that_goes_on_is_left_alone_and_a_copy_of_it_gets_its_report(place: Path) -> None:
    mine = write_checks(place / "mine", check("MY-FIRST", "pass"), check("MY-WAIT", WAIT))
    going_on = Waiting("audit", write_target(place), "--checks", mine, "-k", "MY-", "--out", "run", cwd=place)
    before = sorted((place / "run").iterdir())
    disturbing = [
        uds_harness("report", "run", cwd=place),
        uds_harness("audit", write_target(place), "-k", "CF-01", "--out", "run", "--force", cwd=place),
    ]
    copied = uds_harness("report", "run", "--out", "copy", cwd=place)
    after = sorted((place / "run").iterdir())
    going_on.end_with(signal.SIGKILL)
    for done in disturbing:
        assert done.code == 4, done.explain()
        assert "by a run that goes on" in done.out + done.err
    assert after == before
    assert copied.code == 0, copied.explain()
    assert "never finished" in (place / "copy" / "audit.html").read_text(encoding="utf-8")
    assert uds_harness("report", "run", cwd=place).code == 0, "its process is dead, and so is what it held"


def test_a_copy_is_not_put_into_the_folder_that_is_handed_over(audited: Done, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(audited.folder, tmp_path / "run"))
    done = uds_harness("report", "run", "--out", "run/copy", cwd=tmp_path)
    assert done.code == 4
    assert not (folder / "copy").exists()


def test_a_killed_run_gets_the_report_of_what_was_done_and_it_says_so(killed: Done) -> None:
    assert killed.code == 0, killed.explain()
    assert "This run was cut short and never finished" in killed.out
    verdicts = killed.verdicts
    assert verdicts["MY-FIRST"] == "pass"
    assert "MY-WAIT" not in verdicts
    assert "MY-LATER" not in verdicts
    for name in ("audit.html", "pytest.html", "summary.md"):
        assert "This run was cut short" in (killed.folder / name).read_text(encoding="utf-8"), name
    for name in ("junit.xml", "audit.sarif", "bus.pcapng"):
        assert (killed.folder / name).stat().st_size > 0, name


def test_a_killed_runs_log_is_there_and_holds_what_the_results_rest_on(killed: Done) -> None:
    lines = (killed.folder / "bus.log").read_text().splitlines()
    first = killed.result("MY-FIRST")
    assert len(lines) >= first["last_frame"] > first["first_frame"]
    assert any("#0322101000000000 T" in line for line in lines[first["first_frame"] : first["last_frame"]])


def test_a_killed_runs_folder_is_sealed_by_who_made_the_report(killed: Done) -> None:
    assert differences_to_manifest(killed.folder) == []
    manifest = json.loads((killed.folder / "manifest.json").read_text())
    assert manifest["sealed_first"] is None
    assert "audit.json" in manifest["rebuilt"][0]["written"]
    assert read_run(killed.folder).info.interrupted


def test_changed_evidence_is_said(audited: Done, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(audited.folder, tmp_path / "run"))
    text = (folder / "audit.json").read_text().replace('"verdict": "fail"', '"verdict": "pass"')
    (folder / "audit.json").write_text(text)
    done = uds_harness("report", folder, cwd=tmp_path)
    assert done.code == 0
    assert done.out.startswith("not as the run left it: audit.json: changed\n")
    assert "no longer as the run left them" in (folder / "audit.html").read_text(encoding="utf-8")


def test_out_leaves_the_run_alone(audited: Done, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in audited.folder.rglob("*") if path.is_file()}
    done = uds_harness("report", audited.folder, "--out", "copy", "--capture", "asc", cwd=tmp_path)
    assert done.code == 0, done.explain()
    assert (tmp_path / "copy" / "bus.asc").exists()
    assert {path: path.read_bytes() for path in audited.folder.rglob("*") if path.is_file()} == before
    again = uds_harness("report", audited.folder, "--out", "copy", cwd=tmp_path)
    assert again.code == 4
    assert "copy: exists already; name a new folder" in again.err


@pytest.fixture
def read_only(audited: Done) -> Iterator[Path]:
    """A run's folder that this process may read but not write, even if root runs the test."""
    place = Path(tempfile.mkdtemp(prefix="uds-harness-test-"))
    folder = Path(shutil.copytree(audited.folder, place / "run", ignore=shutil.ignore_patterns("private")))
    for path in (place, folder, *folder.iterdir()):
        path.chmod(0o755)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        else:
            folder.chmod(0o555)
        yield folder
    finally:
        if user == 0:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(place)


def test_a_folder_that_cannot_be_written_is_said_in_a_line(read_only: Path) -> None:
    done = uds_harness("report", read_only, cwd=read_only)
    assert done.code == 4, done.explain()
    assert done.err.count("\n") == 1
    assert "cannot be written (Permission denied); name another folder with --out" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "nowhere: is no run folder; name one that `uds-harness audit` made"),
        (("run", "--capture", "mp4"), "is no capture format; choose from pcapng, blf, asc"),
    ],
)
def test_wrong_use_is_4_and_one_line(arguments: tuple[str, ...], said: str, audited: Done, tmp_path: Path) -> None:
    shutil.copytree(audited.folder, tmp_path / "run")
    done = uds_harness("report", *arguments, cwd=tmp_path)
    assert done.code == 4
    assert said in done.err
    assert done.err.count("\n") == 1
