"""Run audits in tests, by command line and by pytest, in this process or another, and return the results."""

import contextlib
import gc
import io
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from harness.cli.main import main
from harness.runs.folder import Run, read_run

CHECKS_ONLY = ("--depth", "quick", "-k", "not fuzz/")
"""The checks without the fuzz cases of `attacks/fuzz`, for tests that have nothing to do with these."""

NODES = Path(__file__).with_name("nodes.py")

ON_A_TERMINAL = (
    "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); from harness.cli.main import main; sys.exit(main())"
)
"""`uds-harness` with the signal handlers that a shell gives it, though the tests themselves may run under nohup."""

HANGS_S = 300
"""The seconds after which a process that has not ended never will."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    cwd: Path

    @property
    def folders(self) -> list[Path]:
        """Every run folder that the command left."""
        return sorted(path.parent for path in self.cwd.rglob("run.json"))

    @property
    def folder(self) -> Path:
        """The only run folder that the command left."""
        (folder,) = self.folders
        return folder

    @property
    def document(self) -> dict[str, Any]:
        """The content of the run's audit.json."""
        return dict(json.loads((self.folder / "audit.json").read_text(encoding="utf-8")))

    @property
    def run(self) -> Run:
        """The run, as a reader of its folder gets it."""
        return read_run(self.folder)

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdict of each selected check by id; if its subjects got several verdicts, all of them."""
        found: dict[str, set[str]] = {}
        for result in self.document["results"]:
            if result["reason"] == "deselected":
                continue
            found.setdefault(result["id"], set()).add(result["verdict"])
        return {name: "/".join(sorted(verdicts)) for name, verdicts in found.items()}

    def result(self, name: str) -> dict[str, Any]:
        """The one result of a check."""
        (found,) = [result for result in self.document["results"] if result["id"] == name]
        return dict(found)

    @property
    def frames_sent(self) -> int:
        """How many frames of the harness were sent."""
        logs = [folder / "bus.log" for folder in self.folders]
        return sum(line.endswith(" T") for log in logs if log.exists() for line in log.read_text().splitlines())

    def explain(self) -> str:
        """Describe the results for the message of a failing test."""
        return f"exit code {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def uds_harness(*arguments: str | Path, cwd: Path) -> Done:
    """Run the command line in this process, and return what came of it."""
    return _captured(lambda: main([str(one) for one in arguments]), cwd)


def run_pytest(*arguments: str | Path, cwd: Path, plugins: list[object] | None = None) -> Done:
    """Run pytest in this process, and return what came of it."""
    words = ["-p", "no:cacheprovider", "-p", "no:randomly", *map(str, arguments)]
    return _captured(lambda: int(pytest.main(words, plugins=plugins)), cwd)


def _captured(command: Any, cwd: Path) -> Done:
    gc.freeze()  # each pytest ends with five collections; what was there before is none of its business
    out, err = io.StringIO(), io.StringIO()
    modules, path = set(sys.modules), list(sys.path)
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = command()
        except SystemExit as end:
            code = int(end.code or 0)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("test_"):
            del sys.modules[name]  # the next test has a file of the same name elsewhere
    return Done(code, out.getvalue(), err.getvalue(), cwd)


def shared_audit(factory: pytest.TempPathFactory, name: str, *, depth: str = "") -> Done:
    """Return the whole audit of a shipped ECU with one seed, which is made once in a run of the tests. Do not change it.

    All results are printed. The process of pytest-xdist that needs the audit first makes it.
    """
    place = factory.getbasetemp()
    place = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / f"{name} audited {depth}".rstrip()
    kept = place.with_suffix(".json")
    with FileLock(place.with_suffix(".lock")):
        if not kept.exists():
            place.mkdir()
            done = uds_harness("audit", name, "--seed", "7", "-v", *(("--depth", depth) if depth else ()), cwd=place)
            kept.write_text(json.dumps((done.code, done.out, done.err)), encoding="utf-8")
    return Done(*json.loads(kept.read_text(encoding="utf-8")), cwd=place)


class Waiting:
    """`uds-harness` in a process of its own, in a check that waits for ever (see `WAIT`)."""

    def __init__(self, *arguments: str | Path, cwd: Path) -> None:
        self.cwd = cwd
        ready, is_ready = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "READY": str(is_ready)},
            pass_fds=[is_ready],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(is_ready)
        self._said = os.read(ready, 1)  # ends too if the process does
        os.close(ready)

    def end_with(self, number: int) -> Done:
        """Send the process a signal, and wait for its end."""
        if self._said:
            self.process.send_signal(number)
        try:
            out, err = self.process.communicate(timeout=HANGS_S)
        finally:
            self.process.kill()  # without effect on what has ended
            self.process.communicate()
        assert self._said, f"it never came to the waiting check\n{out}\n{err}"
        return Done(self.process.returncode, out, err, self.cwd)


WAIT = "import os, threading; os.write(int(os.environ['READY']), b'!'); threading.Event().wait()"
"""The body of a check that says that it has begun, and then waits for ever."""


def check(name: str, body: str, *, takes: str = "tester", decorators: str = "", **changes: str) -> str:
    """Return the source of a check; `changes` are metadata as Python text."""
    metadata = {
        "id": repr(name),
        "title": repr(f"The {name} of a test"),
        "severity": "Severity.MEDIUM",
        "basis": "'policy'",
        "source": "'a test'",
        "rationale": "'It is tried.'",
        "remediation": "'None.'",
    } | changes
    given = ", ".join(f"{key}={value}" for key, value in metadata.items() if value)
    function = "test_" + "".join(one if one.isalnum() else "_" for one in name).lower()
    return (
        f"{decorators}\n@attack({given})\ndef {function}({takes}):\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\n"
    )


def write_checks(folder: Path, *checks: str, name: str = "test_mine.py") -> Path:
    """Write a file of checks into a new folder, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    header = (
        "import pytest\nfrom harness import Nrc, Severity, attack, fail, inconclusive, negative, not_applicable, not_run\n"
    )
    (folder / name).write_text(header + "".join(checks), encoding="utf-8")
    return folder


SMALL = """
[target]
name = "small"

[can]
interface = "uds-sim"
channel = "{channel}"
request_id = 0x700
response_id = 0x708

[[security]]
level = 0x01
attempts = 3
delay_s = 10
key = "{key}"

[[data]]
did = 0x0100
length = 1
write = "open"

[[data]]
did = 0x0200
length = 1
write = "level 0x01"
{more}
"""
POWER = """
[reset]
power = "simulated"
"""


def write_target(
    folder: Path, factory: str = "small", *, file: str = str(NODES), key: str = f"{NODES}:key", more: str = POWER
) -> Path:
    """Write a target file for one of the nodes in nodes.py."""
    path = folder / "small.toml"
    path.write_text(SMALL.format(channel=f"{file}:{factory}", key=key, more=more), encoding="utf-8")
    return path


def article_with(folder: Path, more: str = "", **replacements: str) -> Path:
    """Return the article's target file with lines added at its end, and words replaced."""
    from harness.target import shipped_targets

    text = shipped_targets()["article"].read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.toml"
    path.write_text(text + more, encoding="utf-8")
    return path
