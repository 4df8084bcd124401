"""Prove that reports can be made again from a run's folder alone, and that the manifest records changes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from harness.report.files import write_reports
from harness.report.rebuild import Rebuilt, rebuild
from harness.runs.findings import Run
from harness.runs.folder import RunFolder, copy_run, differences_to_manifest
from harness.runs.redaction import Vocabulary

LOG = "(0.000100) sim 740#0227010000000000 T\n(0.000400) sim 00000748#0767010102030405 R\n"
INPUTS = {"target": "ab" * 32}


def again(path: Path, *captures: str, now_utc: str = "2027-01-01T00:00:00Z") -> Rebuilt:
    return rebuild(path, captures=captures, now_utc=now_utc, version="1.2.3")


def begun(path: Path, run: Run) -> RunFolder:
    folder = RunFolder.create(path, replace(run.info, finished_utc=""))
    for finding in run.findings:
        folder.append(finding)
    (path / "bus.log").write_text(LOG)
    return folder


@pytest.fixture(scope="module")
def finished(article: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder as the run left it. Do not change it."""
    path = tmp_path_factory.mktemp("finished") / "run"
    folder = begun(path, article)
    write_reports(folder, folder.finish(article.info))
    folder.seal(INPUTS)
    return path


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder, as if it had been handed over."""
    return Path(shutil.copytree(finished, tmp_path / "elsewhere"))


def contents(path: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in path.iterdir() if one.name != "manifest.json"}


def manifest(path: Path) -> dict[str, Any]:
    return dict(json.loads((path / "manifest.json").read_text()))


def test_where_nothing_changed_every_file_is_the_same_byte_by_byte(folder: Path, finished: Path) -> None:
    rebuilt = again(folder)
    assert contents(folder) == contents(finished)
    assert rebuilt.written == rebuilt.doubts == ()
    assert {"audit.html", "pytest.html", "junit.xml", "audit.sarif", "summary.md", "bus.pcapng"} <= set(rebuilt.unchanged)


def test_lost_reports_come_back_as_they_were(folder: Path, finished: Path) -> None:
    lost = ["audit.html", "pytest.html", "junit.xml", "audit.sarif", "summary.md", "bus.pcapng"]
    for name in lost:
        (folder / name).unlink()
    rebuilt = again(folder)
    assert sorted(rebuilt.written) == sorted(lost)
    assert contents(folder) == contents(finished)


def test_the_manifest_keeps_what_the_run_sealed_and_tells_each_time(folder: Path, finished: Path) -> None:
    (folder / "audit.html").write_text("scribbled over")
    again(folder)
    again(folder, now_utc="2027-01-02T00:00:00Z")
    found = manifest(folder)
    assert found["inputs"] == INPUTS
    assert found["sealed_first"] == manifest(finished)["files"] == found["files"]
    assert [(one["utc"], one["version"], one["written"]) for one in found["rebuilt"]] == [
        ("2027-01-01T00:00:00Z", "1.2.3", ["audit.html"]),
        ("2027-01-02T00:00:00Z", "1.2.3", []),
    ]
    assert differences_to_manifest(folder) == []


def test_changed_evidence_is_said_in_the_report_and_in_the_manifest_ever_after(folder: Path) -> None:
    with open(folder / "bus.log", "a") as log:
        log.write("(0.000900) sim 740#0211010000000000 T\n")
    for _ in range(2):
        assert again(folder).doubts == ("bus.log: changed",)
        assert "no longer as the run left them (bus.log: changed)" in (folder / "audit.html").read_text(encoding="utf-8")
    assert [one["evidence_changed"] for one in manifest(folder)["rebuilt"]] == [["bus.log: changed"]] * 2
    assert manifest(folder)["sealed_first"]["bus.log"] != manifest(folder)["files"]["bus.log"]


@pytest.mark.parametrize("kind", ["blf", "asc"])
def test_captures_are_made_on_request_and_again_with_the_rest(kind: str, folder: Path) -> None:
    assert f"bus.{kind}" in again(folder, kind).written
    assert f"./bus.{kind}" in (folder / "audit.html").read_text(encoding="utf-8")
    before = contents(folder)
    (folder / f"bus.{kind}").write_bytes(b"damaged")
    assert again(folder).written == (f"bus.{kind}",)
    assert contents(folder) == before


def test_an_unknown_capture_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="'mp4' is no capture format; choose from pcapng, blf, asc"):
        again(folder, "mp4")


def test_a_run_that_was_cut_short_gets_every_report_and_each_says_so(article: Run, tmp_path: Path) -> None:
    path = begun(tmp_path / "run", article).path
    with open(path / "results.jsonl", "ab") as results, open(path / "bus.log", "a") as log:
        results.write(b'{"id": "SA-99", "ti')
        log.write("(0.000900) sim 740#02")
    rebuilt = again(path)
    assert {"audit.json", "audit.html", "pytest.html", "junit.xml", "audit.sarif", "summary.md"} <= set(rebuilt.written)
    for name in ("audit.html", "pytest.html", "summary.md"):
        assert "This run was cut short" in (path / name).read_text(encoding="utf-8"), name
    document = json.loads((path / "audit.json").read_text())
    assert document["run"]["interrupted"] is True
    assert len(document["results"]) == len(article.findings)
    found = manifest(path)
    assert found["sealed_first"] is None
    assert found["inputs"] == {}
    assert again(path).written == (), "once made, it stays"


def test_a_run_killed_before_its_log_was_redacted_gets_one(article: Run, tmp_path: Path) -> None:
    path = begun(tmp_path / "run", article).path
    (path / "private").mkdir()
    (path / "bus.log").rename(path / "private" / "bus.log")
    Vocabulary(b"key").save(path / "private" / "secrets.jsonl")
    assert "bus.log" in again(path).written
    assert (path / "bus.log").read_text() == LOG
    assert again(path).written == ()


Damage = Callable[[Path], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "no folder": (shutil.rmtree, "is no run folder"),
    "foreign folder": (lambda path: [one.unlink() for one in path.iterdir()], "is no run folder"),
    "no JSON": (lambda path: (path / "audit.json").write_bytes(b"\xff"), "audit.json: is no JSON"),
    "later version": (lambda path: (path / "audit.json").write_text('{"schema_version": 9}'), "schema_version is 9"),
    "manifest no JSON": (lambda path: (path / "manifest.json").write_text("{"), "manifest.json: is no JSON"),
    "manifest no table": (
        lambda path: (path / "manifest.json").write_text('{"schema_version": 1, "files": []}'),
        "manifest.json: files is missing or no table",
    ),
    "history no list": (
        lambda path: (path / "manifest.json").write_text('{"schema_version": 1, "files": {}, "inputs": {}, "rebuilt": 1}'),
        "manifest.json: sealed_first or rebuilt is of the wrong kind",
    ),
    "log damaged": (lambda path: (path / "bus.log").write_bytes(b"\x00" * 99 + b"\n"), "bus.log: line 1 is no line"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_one_line_for_the_user(damage: str, folder: Path) -> None:
    break_it, said = DAMAGES[damage]
    break_it(folder)
    with pytest.raises(UserError) as caught:
        again(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_link_in_a_handed_over_folder_leads_nobody_outside(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (folder / "audit.html").unlink()
    for name in ("audit.html", "audit.html.part", "bus.pcapng.part", "pytest.html.part"):
        (folder / name).symlink_to(mine)
    again(folder)
    assert mine.read_text() == "mine"
    assert not (folder / "audit.html").is_symlink()


def test_a_copy_leaves_links_behind_and_keeps_private_what_is(folder: Path, tmp_path: Path) -> None:
    (folder / "private").mkdir()
    (folder / "private" / "bus.log").write_text(LOG)
    (folder / "link").symlink_to("/etc/hostname")
    copy_run(folder, tmp_path / "copy")
    assert not (tmp_path / "copy" / "link").exists()
    assert (tmp_path / "copy" / "private").stat().st_mode & 0o077 == 0
    with pytest.raises(UserError, match="exists already"):
        copy_run(folder, tmp_path / "copy")
