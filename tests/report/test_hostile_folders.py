"""Prove that a run folder filled by an attacker gives one clear line, without a hang, a traceback or a write outside."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.main import main
from harness.errors import UserError
from harness.report.captures import CAPTURES, write_captures
from harness.runs.findings import Run
from harness.runs.folder import OWN_FILES, RunFolder, copy_run, read_run

LOG = "(0.000262) sim 740#0322101000000000 T\n(0.000524) sim 748#04621010FF000000 R\n"


READ = ("run.json", "results.jsonl", "audit.json", "bus.log", "manifest.json", "private/bus.log", "private/secrets.jsonl")
OTHERS = sorted({*OWN_FILES, "extra"} - set(READ))


@pytest.fixture
def folder(tmp_path: Path, article: Run) -> Path:
    """A whole run, with every file that a reader might open."""
    path = tmp_path / "run"
    written = RunFolder.create(path, article.info)
    for finding in article.findings:
        written.append(finding)
    written.finish(article.info)
    written.write("bus.log", LOG)
    with written.open_private("bus.log") as file:
        file.write(LOG)
    with written.open_private("secrets.jsonl") as file:
        file.write(json.dumps({"key": "00" * 32, "hidden_dids": []}) + "\n")
    written.seal({})
    return path


def reported(folder: Path, capfd: pytest.CaptureFixture[str], *more: str) -> str:
    """Return what `uds-harness report` prints; it must end like wrong use if anything is wrong, and never with a
    traceback.
    """
    code = main(["report", str(folder), *more])
    out, err = capfd.readouterr()
    assert code in (0, 4), err
    assert "Traceback" not in err
    return out + err


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, link_to_nowhere, endless, Path.mkdir])
@pytest.mark.parametrize("name", [*READ, *(pytest.param(name, marks=pytest.mark.thorough) for name in OTHERS)])
@pytest.mark.parametrize("is_killed", [False, True])
def test_what_is_no_file_is_said_or_left_alone(
    folder: Path, name: str, make: Callable[[Path], None], is_killed: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    if is_killed:  # then run.json, results.jsonl and the original log are read
        for gone in ("audit.json", "manifest.json", "bus.log"):
            (folder / gone).unlink()
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    reported(folder, capfd, "--capture", "asc")


@pytest.mark.parametrize("name", ["run.json", "audit.json", "manifest.json", "results.jsonl", "private/secrets.jsonl"])
@pytest.mark.parametrize(
    "nest", ["[" * 100_000, '{"a":' * 100_000, '{"schema_version": 1, "target": ' + "[" * 300 + "]" * 300 + "}"]
)
def test_deep_json_is_damage(folder: Path, name: str, nest: str, capfd: pytest.CaptureFixture[str]) -> None:
    if name not in ("audit.json", "manifest.json"):
        for gone in ("audit.json", "manifest.json", "bus.log"):
            (folder / gone).unlink()
    (folder / name).write_text(nest + "\n", encoding="ascii")
    said = reported(folder, capfd)
    assert "damaged" in said
    assert name in said


@pytest.mark.parametrize("nested", ["target", "quirk"])
def test_a_deep_target_is_damage_and_no_endless_page(folder: Path, nested: str) -> None:
    document = json.loads((folder / "audit.json").read_text())
    deep: object = "end"
    for _ in range(200):
        deep = {nested: deep} if nested == "target" else [deep]
    document["target"] = {nested: deep}
    (folder / "audit.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match="nested too deeply"):
        read_run(folder)


STAMPS = ["99999999999.000000", "9" * 30 + ".000000", "9" * 5000 + ".000000", "-1.000000", "1e9.000000", "nan", "1.5"]


@pytest.mark.parametrize("kind", CAPTURES)
@pytest.mark.parametrize("stamp", STAMPS)
def test_an_absurd_time_stamp_is_damage(folder: Path, kind: str, stamp: str) -> None:
    (folder / "bus.log").write_text(f"({stamp}) sim 740#00 T\n")
    with pytest.raises(UserError, match=r"bus\.log: line 1 is no line of a candump log; the file is damaged"):
        write_captures(folder, [kind])


@pytest.mark.parametrize("kind", CAPTURES)
@pytest.mark.parametrize("first", ["0.000000", "1795000000.000000", "9999999999.999999"])
@pytest.mark.parametrize("second", ["0.000000", "1795000000.000000", "9999999999.999999"])
def test_stamps_that_jump_are_written_as_they_are(folder: Path, kind: str, first: str, second: str) -> None:
    (folder / "bus.log").write_text(f"({first}) sim 740#00 T\n({second}) sim 740#00 T\n")
    (written,) = write_captures(folder, [kind])
    assert written.stat().st_size > 0


@pytest.mark.parametrize("started", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "soon", ""])
def test_an_absurd_start_is_damage(folder: Path, started: str) -> None:
    run = read_run(folder)
    RunFolder(folder, run.info).write_run(replace(run, info=replace(run.info, started_utc=started)))
    with pytest.raises(UserError, match=r"started_utc is .*, no date; the file is damaged"):
        write_captures(folder, ["asc"])


# Links


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Another person's folder, to which a link leads."""
    path = tmp_path / "precious"
    path.mkdir(mode=0o755)
    for name in ("bus.log", "secrets.jsonl", "console.txt"):
        (path / name).write_text("precious")
    return path


def is_untouched(precious: Path) -> bool:
    names = sorted(file.name for file in precious.iterdir())
    contents = {file.read_text() for file in precious.iterdir()}
    return (
        names == ["bus.log", "console.txt", "secrets.jsonl"] and contents == {"precious"} and precious.stat().st_mode & 0o55
    )


def test_a_new_run_deletes_and_writes_nothing_through_a_linked_private_folder(
    tmp_path: Path, article: Run, precious: Path
) -> None:
    RunFolder.create(tmp_path / "run", article.info)
    (tmp_path / "run" / "private").symlink_to(precious)
    for replaces_run in (False, True):
        with pytest.raises(UserError, match="private: is no folder, or a link to one; remove it"):
            RunFolder.create(tmp_path / "run", article.info, replaces_run=replaces_run)
    with pytest.raises(UserError, match="private: is no folder"):
        RunFolder(tmp_path / "run", article.info).open_private("bus.log")
    assert is_untouched(precious)


def test_reports_are_not_made_through_a_linked_private_folder(
    folder: Path, precious: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "private").iterdir():
        path.unlink()
    (folder / "private").rmdir()
    (folder / "private").symlink_to(precious)
    (folder / "bus.log").unlink()
    assert "private: is no folder, or a link to one" in reported(folder, capfd)
    assert is_untouched(precious)


@pytest.mark.parametrize("name", [name for name in OWN_FILES if "/" not in name])
def test_a_new_run_and_its_reports_write_through_no_link(tmp_path: Path, name: str, article: Run) -> None:
    mine = tmp_path / "mine"
    mine.write_text("precious")
    RunFolder.create(tmp_path / "run", article.info)
    for path in (tmp_path / "run" / name, tmp_path / "run" / f"{name}.part"):
        path.unlink(missing_ok=True)
        path.symlink_to(mine)
    folder = RunFolder.create(tmp_path / "run", article.info, replaces_run=True)
    folder.finish(article.info)
    folder.write(name, "new")
    assert mine.read_text() == "precious"


def test_a_copy_holds_no_links_and_no_pipes(folder: Path, tmp_path: Path, precious: Path) -> None:
    (folder / "link").symlink_to(precious)
    (folder / "link.txt").symlink_to(precious / "bus.log")
    os.mkfifo(folder / "pipe")
    copy_run(folder, tmp_path / "copy")
    assert not {"link", "link.txt", "pipe"} & {path.name for path in (tmp_path / "copy").iterdir()}


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "\x1b[2J", "a\nwritten: b", "\u202etxt.exe", "\udcff"], ids=ascii)
def test_the_name_of_a_foreign_file_cannot_speak_to_the_terminal(
    folder: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / name).write_text("foreign")
    (folder / "private" / name).write_text("foreign")
    said = reported(folder, capfd)
    assert all(one.isprintable() or one == "\n" for one in said)
    assert not [line for line in said.splitlines() if line.startswith("written: b:")]
    elsewhere = folder.rename(folder.with_name(name))
    for words in (["report", str(elsewhere / name)], ["diff", str(elsewhere / name), str(elsewhere)]):
        assert main(words) == 4
        said = "".join(capfd.readouterr())
        assert all(one.isprintable() or one == "\n" for one in said)
