"""Prove that an interrupted run continues in its folder: it keeps its results, runs the other checks, and has one
bus log.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.link.trace import Trace
from harness.report.candump import logged_frames
from harness.runs.folder import AUDIT_JSON, RESULTS_JSONL, differences_to_manifest

from .auditing import Done, uds_harness

CHECKS = ("--depth", "quick", "--seed", "5", "--check", "AC-0*", "--check", "TP-0*", "--check", "SA-09")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run that was not interrupted."""
    return uds_harness("audit", "article", *CHECKS, "--out", "run", cwd=tmp_path_factory.mktemp("whole"))


def cut_short(whole: Done, place: Path, *, results: int) -> Path:
    """Return the folder as a killed run would have left it after this many results; the last line of each file is cut in
    half.
    """
    folder = place / "run"
    shutil.copytree(whole.folder, folder)
    for made in (*folder.glob("*.html"), *folder.glob("*.xml"), *folder.glob("audit.*"), folder / "manifest.json"):
        made.unlink(missing_ok=True)
    lines = (folder / RESULTS_JSONL).read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [line for line in lines if json.loads(line)["reason"] != "deselected"]
    (folder / RESULTS_JSONL).write_text("".join(lines[:results]) + lines[results][:40], encoding="utf-8")
    last_frame = max(json.loads(line)["last_frame"] for line in lines[:results])
    log = folder / "private" / "bus.log"
    frames = log.read_text(encoding="ascii").splitlines(keepends=True)
    log.write_text("".join(frames[: last_frame + 3]) + frames[last_frame + 3][:9], encoding="ascii")
    (folder / "bus.log").unlink()
    secrets = folder / "private" / "secrets.jsonl"
    secrets.write_text(secrets.read_text(encoding="ascii") + '{"kind": "gue', encoding="ascii")
    return folder


def document_of(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / AUDIT_JSON).read_text(encoding="utf-8")))


def verdicts(document: dict[str, Any]) -> dict[tuple[str, str | None], str]:
    return {(one["id"], one["parameter"]): one["verdict"] for one in document["results"] if one["reason"] != "deselected"}


def test_a_killed_run_ends_as_if_it_had_not_been_killed(whole: Done, tmp_path: Path) -> None:
    folder = cut_short(whole, tmp_path, results=6)
    kept = (folder / RESULTS_JSONL).read_text(encoding="utf-8").splitlines()[:6]
    done = uds_harness("audit", "--resume", folder, cwd=tmp_path)
    document = document_of(folder)
    assert (done.code, document["run"]["interrupted"]) == (whole.code, False)
    assert verdicts(document) == verdicts(whole.document)
    assert document["results"][:6] == [json.loads(line) for line in kept]
    assert document["run"]["command"] == whole.document["run"]["command"]
    assert document["run"]["started_utc"] == whole.document["run"]["started_utc"]
    assert "went on at" in " ".join(document["run"]["remarks"])
    assert differences_to_manifest(folder) == []


def test_frames_are_numbered_through_and_their_times_grow(whole: Done, tmp_path: Path) -> None:
    folder = cut_short(whole, tmp_path, results=8)
    uds_harness("audit", "--resume", folder, cwd=tmp_path)
    frames = list(logged_frames(folder / "bus.log"))
    document = document_of(folder)
    assert len(frames) == document["run"]["counts"]["frames"]
    times = [frame.time_us for frame in frames]
    assert times == sorted(times)
    for result in document["results"]:
        for exchange in result["exchanges"]:
            if not exchange["request"].startswith("raw"):
                first = frames[exchange["first_frame"]]
                assert exchange["frames"][0]["data"] == first.data.hex().upper()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("hardened",), "its target is another one now"),
        (("--seed", "6"), "its seed is another one now (5, and now 6)"),
        (("--depth", "default"), "its depth is another one now (quick, and now default)"),
        (("--out", "elsewhere"), "--resume goes on in the run's own folder"),
    ],
)
def test_another_run_is_not_gone_on_with(whole: Done, tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    folder = cut_short(whole, tmp_path, results=3)
    before = (folder / RESULTS_JSONL).read_bytes()
    done = uds_harness("audit", *words, "--resume", folder, cwd=tmp_path)
    assert (done.code, why in done.err) == (4, True), done.err
    assert (folder / RESULTS_JSONL).read_bytes() == before


def test_another_version_does_not_go_on(whole: Done, tmp_path: Path) -> None:
    folder = cut_short(whole, tmp_path, results=3)
    path = folder / "run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["run"]["versions"]["uds-harness"] = "0.0.1"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = uds_harness("audit", "--resume", folder, cwd=tmp_path)
    assert (done.code, "its version is another one now" in done.err) == (4, True)


def test_what_cannot_go_on_is_told_in_a_line(whole: Done, tmp_path: Path) -> None:
    folder = cut_short(whole, tmp_path, results=3)
    shutil.rmtree(folder / "private")
    for run, why in (
        (whole.folder, "this run has come to its end"),
        (folder, "private/bus.log is missing; a run goes on where it was made"),
        (tmp_path / "gone", "is no run folder"),
    ):
        done = uds_harness("audit", "--resume", run, cwd=tmp_path)
        assert (done.code, done.out, len(done.err.splitlines())) == (4, "", 1)
        assert why in done.err


def test_a_trace_that_forgets_goes_on_counting_where_it_is_told() -> None:
    trace = Trace()
    trace.forget(7)
    assert trace.count == 7
