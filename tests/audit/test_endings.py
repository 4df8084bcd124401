"""Prove that a folder says how its run ended: complete only if every check ended, and without losing a result."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

import harness.audit.session as session_module
from harness.audit.runner import Runner
from harness.audit.session import AuditSession
from harness.link.trace import Trace
from harness.report import files
from harness.runs.folder import RESULTS_JSONL, RunFolder, differences_to_manifest, read_run
from harness.runs.redaction import Redactor
from harness.tester.tester import Tester

from .auditing import WAIT, Done, Waiting, check, uds_harness, write_checks

SELECTED = "CF-01 or CF-02 or CF-03 or AC-01 or AC-13"
AUDIT = ("audit", "article", "--depth", "quick", "-k", SELECTED, "--seed", "1")

Place = tuple[object, str, int]
"""A function by its owner and name, and the number of the call that is meant."""

BEGINNING: dict[str, Place] = {
    "the folder is made": (RunFolder, "create", 1),
    "the log is opened": (Redactor, "open_log", 1),
}
PLACES: dict[str, Place] = {
    "a check begins": (Runner, "run", 2),
    "the state before a check": (Tester, "restore", 3),
    "whether the ECU survived": (Tester, "is_alive", 2),
    "what waits is settled": (Runner, "settle", 1),
    "a result is kept": (AuditSession, "keep", 3),
    "a result is redacted": (Redactor, "finding", 2),
    "a result is written": (RunFolder, "append", 2),
    "frames are written": (Trace, "flush", 2),
    "the end": (AuditSession, "finish", 1),
    "the ECU is left": (AuditSession, "_leave_ecu", 1),
    "the sample is named": (session_module, "identification", 1),
    "the bus is closed": (AuditSession, "close", 1),
    "the log is redacted": (Redactor, "write_log", 1),
    "results are redacted again": (RunFolder, "replace_all", 1),
    "audit.json": (RunFolder, "finish", 1),
    "the reports": (session_module, "write_reports", 1),
    "junit.xml": (files, "junit_xml", 1),
    "audit.sarif": (files, "sarif_json", 1),
    "audit.html": (files, "render_audit_html", 1),
    "pytest.html": (files, "render_pytest_html", 1),
    "the seal": (RunFolder, "seal", 1),
}


USUAL = {"the state before a check", "a result is kept", "what waits is settled", "audit.json", "audit.html"}
MOMENTS = [pytest.param(name, marks=() if name in USUAL else pytest.mark.thorough) for name in PLACES]
FIRST_MOMENTS = [pytest.param(name, marks=pytest.mark.thorough) for name in BEGINNING]


@cache
def everything() -> frozenset[tuple[str, str | None]]:
    """Return the id and parameter of every result of a whole run."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        return frozenset((one.id, one.parameter) for one in uds_harness(*AUDIT, cwd=Path(place)).run.findings)


def happening(monkeypatch: pytest.MonkeyPatch, place: Place, what: Callable[[], None]) -> None:
    """Make something happen once, at the call that `place` names."""
    owner, name, number = place
    original = getattr(owner, name)
    calls = 0

    def wrapped(*arguments: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == number:
            what()
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, wrapped)


def ids_in(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()}


def holds(done: Done) -> None:
    """Assert what is true of every folder, however its run ended."""
    folder = done.folder
    kept = ids_in(folder / RESULTS_JSONL)
    shown = set(re.findall(r"^(?:pass|fail|inconclusive|not_applicable|error) +([A-Z]\S+)", done.out, re.MULTILINE))
    assert shown <= kept, done.explain()
    run = read_run(folder)
    assert kept <= {one.id for one in run.findings}, done.explain()
    is_whole = {(one.id, one.parameter) for one in run.findings} == everything()
    assert run.info.interrupted or is_whole, done.explain()
    if run.info.interrupted or not (folder / "manifest.json").exists():
        assert f"uds-harness report {folder.relative_to(done.cwd)}" in done.out + done.err, done.explain()
    again = uds_harness("report", folder, cwd=done.cwd)
    assert again.code == 0, again.explain()
    assert differences_to_manifest(folder) == []
    said = "This run was" in (folder / "audit.html").read_text(encoding="utf-8")
    assert said is read_run(folder).info.interrupted, done.explain()


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.thorough), 2])
@pytest.mark.parametrize("place", [*FIRST_MOMENTS, *MOMENTS])
def test_ctrl_c_at_any_moment(place: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press() -> None:
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)

    everything()
    happening(monkeypatch, (BEGINNING | PLACES)[place], press)
    done = uds_harness(*AUDIT, cwd=tmp_path)
    monkeypatch.undo()
    holds(done)
    assert "Traceback" not in done.err
    assert (done.folder / "manifest.json").exists(), "one or two of them leave time for the whole ending"
    assert done.code == (2 if done.run.info.interrupted else 1)


def test_one_before_the_checks_are_collected_and_one_in_the_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything()
    for place in (BEGINNING["the log is opened"], PLACES["the reports"]):
        happening(monkeypatch, place, lambda: signal.raise_signal(signal.SIGINT))
    done = uds_harness(*AUDIT, cwd=tmp_path)
    monkeypatch.undo()
    assert done.code == 2
    assert (done.folder / "manifest.json").exists()
    holds(done)


@pytest.mark.parametrize("place", ["the ECU is left", "the reports"])
def test_the_third_gives_up_even_the_ending(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def press() -> None:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)

    everything()
    happening(monkeypatch, PLACES[place], press)
    done = uds_harness(*AUDIT, cwd=tmp_path)
    monkeypatch.undo()
    assert done.code == 2
    assert "once more gives that up" in done.err
    holds(done)


@pytest.mark.parametrize(
    "error", [RuntimeError("a mistake of ours"), OSError(errno.ENOSPC, "No space left on device")], ids=["ours", "full"]
)
@pytest.mark.parametrize("place", MOMENTS)
def test_an_exception_at_any_moment(place: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise error

    everything()
    happening(monkeypatch, PLACES[place], fail)
    done = uds_harness(*AUDIT, cwd=tmp_path)
    monkeypatch.undo()
    assert done.code in (1, 3), done.explain()
    if done.code == 3:
        what = error.strerror if isinstance(error, OSError) else str(error)
        assert str(what) in done.out + done.err + (done.folder / "results.jsonl").read_text()
    holds(done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_named_in_the_folder(number: signal.Signals, tmp_path: Path) -> None:
    mine = write_checks(tmp_path / "mine", check("MY-WAIT", WAIT))
    done = Waiting("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path).end_with(number)
    assert done.code == 2, done.explain()
    name = {signal.SIGINT: "Ctrl-C"}.get(number, number.name)
    assert done.document["run"]["stopped_by"] == name
    for file in ("audit.html", "pytest.html", "summary.md", "junit.xml", "audit.sarif"):
        assert f"This run was interrupted ({name})" in (done.folder / file).read_text(encoding="utf-8"), file


def test_a_run_that_is_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """As under ``nohup``, a signal that is ignored stays ignored."""
    mine = write_checks(tmp_path / "mine", check("MY-HANGUP", "import os, signal; os.kill(os.getpid(), signal.SIGHUP)"))
    words = [sys.executable, "-m", "harness", "audit", "article", "--checks", str(mine), "-k", "MY-"]
    done = subprocess.run(["nohup", *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_key_function_that_never_ends_can_be_stopped(tmp_path: Path) -> None:
    body = "tester.request('22 10 10')\nwhile True: pass"
    mine = write_checks(tmp_path / "mine", check("MY-WAIT", "import os; os.write(int(os.environ['READY']), b'!')\n" + body))
    done = Waiting("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path).end_with(signal.SIGTERM)
    assert done.code == 2, done.explain()


def test_a_signal_that_a_check_swallows_stops_the_run_behind_it(tmp_path: Path) -> None:
    waiting = "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    while True: pass\nexcept KeyboardInterrupt: pass"
    swallowing = f"import os, signal\n{waiting}"
    mine = write_checks(tmp_path / "mine", check("MY-GREEDY", swallowing), check("MY-LATER", "pass"))
    done = uds_harness("audit", "article", "--checks", mine, "-k", "MY-", cwd=tmp_path)
    assert done.code == 2, done.explain()
    assert done.verdicts == {"MY-GREEDY": "pass"}


def test_a_file_that_cannot_grow_stops_the_run_and_keeps_what_was_measured(tmp_path: Path) -> None:
    """The kernel refuses further bytes, as it does on a full disk."""
    words = [sys.executable, "-m", "harness", *AUDIT[:-4], "--seed", "1"]
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 60; exec "$@"', "sh", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    (folder,) = (tmp_path / "reports").iterdir()
    assert f"uds-harness report reports/{folder.name}" in done.stderr
    run = read_run(folder)
    assert run.info.interrupted
    assert run.findings
    assert uds_harness("report", folder, cwd=tmp_path).code == 0
    assert "This run was" in (folder / "audit.html").read_text(encoding="utf-8")


def test_half_a_line_that_a_full_disk_left_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = uds_harness(*AUDIT[:-3], "CF-02", "--seed", "1", cwd=tmp_path)
    (finding, *_) = done.run.findings
    folder = RunFolder(tmp_path / "small", done.run.info)
    folder.path.mkdir()
    folder.append(finding)
    before = (folder.path / RESULTS_JSONL).read_bytes()
    write = os.write

    class Full:
        """A file that has room for only half of what is written."""

        def __init__(self, path: Path, *_: object, **__: object) -> None:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND)
            self._is_full = False

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self._file)

        def seek(self, where: int, whence: int) -> int:
            return os.lseek(self._file, where, whence)

        def truncate(self, size: int) -> None:
            os.ftruncate(self._file, size)

        def write(self, data: memoryview) -> int:
            if self._is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            self._is_full = True
            return write(self._file, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", Full)
        with pytest.raises(Exception, match="No space left on device"):
            folder.append(finding)
    assert (folder.path / RESULTS_JSONL).read_bytes() == before
