"""Prove that the run folder keeps measurements, refuses to overwrite other files, and can be verified."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.runs.findings import Run
from harness.runs.folder import (
    AUDIT_JSON,
    MANIFEST_JSON,
    RESULTS_JSONL,
    RUN_JSON,
    RunFolder,
    default_name,
    differences_to_manifest,
    is_run_folder,
    read_run,
)
from harness.verdict import Verdict


def written(path: Path, run: Run) -> RunFolder:
    folder = RunFolder.create(path, run.info)
    for finding in run.findings:
        folder.append(finding)
    folder.finish(run.info)
    return folder


@pytest.mark.parametrize("run_name", ["article", "hostile", "empty"])
def test_a_finished_run_is_read_back_as_it_was(run_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    run: Run = request.getfixturevalue(run_name)
    last = {(one.id, one.parameter): one for one in run.findings}
    written(tmp_path / "run", run)
    assert read_run(tmp_path / "run") == replace(run, findings=tuple(last.values()))


def test_audit_json_has_the_pinned_keys(article: Run, tmp_path: Path) -> None:
    written(tmp_path, article)
    document = json.loads((tmp_path / AUDIT_JSON).read_text(encoding="utf-8"))
    assert list(document) == ["schema_version", "target", "run", "results", "summary"]
    pinned = {"id", "title", "parameter", "verdict", "severity", "basis", "expected", "observed", "reason", "notes"}
    assert pinned | {"exchanges", "repeat"} <= set(document["results"][0])
    assert {"versions", "seed", "started_utc", "operator", "environment", "command"} <= set(document["run"])
    assert document["summary"]["verdict"] == {
        "pass": 6, "fail": 9, "inconclusive": 1, "not_applicable": 1, "not_run": 1, "error": 1,
    }  # fmt: skip
    assert document["summary"]["severity"] == {"critical": 0, "high": 3, "medium": 2, "low": 3, "info": 0}
    assert document["summary"]["accepted"] == 1


def test_of_results_with_the_same_id_and_parameter_the_last_counts(article: Run, tmp_path: Path) -> None:
    first = article.findings[0]
    folder = RunFolder.create(tmp_path, article.info)
    for finding in (first, replace(first, parameter="level 0x03"), replace(first, verdict=Verdict.ERROR)):
        folder.append(finding)
    killed = read_run(tmp_path)
    folder.finish(article.info)
    assert [one.verdict for one in killed.findings] == [Verdict.ERROR, Verdict.PASS]
    assert read_run(tmp_path).findings == killed.findings


def test_a_killed_run_keeps_what_was_measured_and_counts_as_interrupted(article: Run, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, replace(article.info, finished_utc=""))
    for finding in article.findings[:3]:
        folder.append(finding)
    with open(tmp_path / RESULTS_JSONL, "ab") as file:
        file.write(b'{"id": "SA-22", "title": "A \xff')
    run = read_run(tmp_path)
    assert run.findings == article.findings[:3]
    assert run.info.interrupted
    assert not run.info.finished_utc


def test_a_run_killed_before_its_first_result_is_readable(article: Run, tmp_path: Path) -> None:
    RunFolder.create(tmp_path, article.info)
    (tmp_path / RESULTS_JSONL).unlink()
    assert read_run(tmp_path).findings == ()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (AUDIT_JSON, b"\xff\xfe", "is no JSON"),
        (AUDIT_JSON, b"[" * 100_000, "is no JSON"),
        (AUDIT_JSON, b"[]", "has no schema_version"),
        (AUDIT_JSON, b'{"schema_version": 99}', "schema_version is 99, this harness reads up to 1"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": 3}', "results is missing or no list"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": []}', "run is missing or no table"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": [], "target": {}, "run": {}}', "run.environment is missing"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": [], "target": [], "run": {}}', "run.target is [], not a table"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": [{"id": "SA-01"}]}', "results[0].title is missing"),
        (AUDIT_JSON, b'{"schema_version": 1, "results": [{"id": true}]}', "results[0].id is True, not a string"),
        (RESULTS_JSONL, b"{\n{}\n", "line 1 is no JSON"),
        (RESULTS_JSONL, b"[]\n", "line 1 is [], not a table"),
    ],
)
def test_a_damaged_folder_is_one_line_for_the_user(
    name: str, content: bytes, said: str, article: Run, tmp_path: Path
) -> None:
    RunFolder.create(tmp_path, article.info)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_run(tmp_path)
    text = str(caught.value)
    assert str(tmp_path / name) in text
    assert "\n" not in text
    assert said in text


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert not is_run_folder(tmp_path)
    with pytest.raises(UserError, match="is no run folder"):
        read_run(tmp_path)


def test_keys_of_a_later_version_are_left_out(article: Run, tmp_path: Path) -> None:
    written(tmp_path, article)
    document = json.loads((tmp_path / AUDIT_JSON).read_text(encoding="utf-8"))
    document["results"][0]["colour"] = "red"
    document["run"]["moon"] = {"phase": 1}
    (tmp_path / AUDIT_JSON).write_text(json.dumps(document), encoding="utf-8")
    assert read_run(tmp_path) == article


def test_a_folder_with_a_strangers_files_is_refused_and_untouched(article: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="is not empty and holds no earlier run"):
        RunFolder.create(tmp_path, article.info)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(article: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="is a file"):
        RunFolder.create(tmp_path / "out", article.info)
    with pytest.raises(UserError, match="cannot be written"):
        RunFolder.create(tmp_path / "out" / "below", article.info)


def test_an_earlier_run_is_replaced_and_other_files_stay(article: Run, tmp_path: Path) -> None:
    folder = written(tmp_path, article)
    folder.write("audit.html", "old")
    folder.seal({})
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="holds a run already"):
        RunFolder.create(tmp_path, article.info)
    assert read_run(tmp_path) == article
    RunFolder.create(tmp_path, article.info, replaces_run=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", RESULTS_JSONL, RUN_JSON]
    assert read_run(tmp_path).findings == ()


def test_two_runs_of_the_same_second_get_two_folders(article: Run, tmp_path: Path) -> None:
    first = RunFolder.create_new(tmp_path / "reports", "article", article.info)
    second = RunFolder.create_new(tmp_path / "reports", "article", article.info)
    assert (first.path.name, second.path.name) == ("20261120T092800Z-article", "20261120T092800Z-article-2")


def test_the_manifest_names_every_file_with_its_hash(article: Run, tmp_path: Path) -> None:
    folder = written(tmp_path, article)
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "original.log").write_bytes(b"frames")
    folder.seal({"target": "ab" * 32, "key function": "cd" * 32})
    manifest = json.loads((tmp_path / MANIFEST_JSON).read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {RUN_JSON, RESULTS_JSONL, AUDIT_JSON, "private/original.log"}
    for name, entry in manifest["files"].items():
        content = (tmp_path / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["inputs"] == {"key function": "cd" * 32, "target": "ab" * 32}


def test_what_was_changed_after_sealing_is_named(article: Run, tmp_path: Path) -> None:
    folder = written(tmp_path, article)
    folder.seal({})
    assert differences_to_manifest(tmp_path) == []
    (tmp_path / RUN_JSON).unlink()
    (tmp_path / AUDIT_JSON).write_text("{}")
    (tmp_path / "new.txt").write_text("")
    assert differences_to_manifest(tmp_path) == [
        "audit.json: changed",
        "new.txt: not in the manifest",
        "run.json: missing",
    ]


def test_the_same_run_twice_gives_the_same_bytes(article: Run, tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name, article).seal({})
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("article", "20261120T092800Z-article"),
        ("../../etc/passwd", "20261120T092800Z-etc-passwd"),
        ("a b\x00\n\u202e<x>:Ü", "20261120T092800Z-a-b-x"),
        ("...", "20261120T092800Z-target"),
        ("", "20261120T092800Z-target"),
        ("x" * 5000, "20261120T092800Z-" + "x" * 60),
    ],
)
def test_a_folder_name_is_safe_whatever_the_target_is_called(target: str, name: str) -> None:
    assert default_name("2026-11-20T09:28:00Z", target) == name


def test_a_hostile_time_cannot_leave_the_folder() -> None:
    assert default_name("../../x", "a") == "undated-a"
