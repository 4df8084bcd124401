"""Prove that an audit of an ECU in another process, on real SocketCAN, gives the verdicts of the simulation."""

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.target import shipped_targets

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
START_S, AUDIT_S = 60, 1800
CHANNEL = "vcan0"

OF_EVERY_KIND = [
    *("SA-01", "SA-09", "SA-21", "SA-22", "SA-24", "SA-25", "SA-32", "SA-39"),
    *("AC-01", "AC-02", "AC-13", "ST-01", "CF-01", "CF-02", "TP-12", "TP-15"),
]
"""Checks of every kind that run twice in real time, on an ECU left unlocked in between; a whole audit takes seven
minutes.
"""

WITHOUT_LOCKOUTS = ["AC-", "CF-", "IE-", "ST-", "TP-", "SA-22", "SA-25"]
"""The checks without lockouts. On a sound ECU most checks of SecurityAccess wait many minutes for its delays of ten seconds.

Fuzzing and floods are left to the whole audit below, because they take long, too.
"""

Verdicts = dict[tuple[str, str | None], str]


@contextmanager
def ecu(profile: str) -> Iterator[None]:
    """Run `uds-harness ecu PROFILE` on the bus, until the end of the block."""
    words = [COMMAND, "ecu", profile, "--interface", "socketcan", "--channel", CHANNEL]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        is_ready = threading.Event()
        said: list[str] = []

        def listen() -> None:  # to the end: an ECU whose prints nobody takes would stop
            for line in process.stdout or ():
                said.append(line)
                if line.strip() == "ready":
                    is_ready.set()

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            assert is_ready.wait(START_S), said
            yield
            assert process.poll() is None, said[-20:]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_S)
            listener.join()


def audit(folder: Path, target: str, checks: list[str], depth: str = "quick") -> dict[str, Any]:
    """Run `uds-harness audit` with these checks, or all, and return the run that it leaves."""
    words = [COMMAND, "audit", target, "--seed", "1", "--depth", depth, "--out", str(folder)]
    words += ["-k", " or ".join(checks)] if checks else []
    done = subprocess.run(words, capture_output=True, text=True, timeout=AUDIT_S, cwd=folder.parent, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    run: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return run


def verdicts(run: dict[str, Any]) -> Verdicts:
    results = [result for result in run["results"] if result["reason"] != "deselected"]
    return {(result["id"], result["parameter"]): result["verdict"] for result in results}


def with_verdict(run: dict[str, Any], *wanted: str) -> set[tuple[str, str | None]]:
    return {check for check, verdict in verdicts(run).items() if verdict in wanted}


def changed(name: str, changes: dict[str, str], folder: Path) -> Path:
    """Return a shipped target with some lines replaced."""
    text = shipped_targets()[name].read_text(encoding="utf-8")
    for pattern, replacement in changes.items():
        text, count = re.subn(f"(?m)^{pattern}$", replacement, text)
        assert count == 1, pattern
    path = folder / f"{name}-changed.toml"
    path.write_text(text, encoding="utf-8")
    return path


def in_simulation(folder: Path) -> str:
    """Return the target of the simulated ECU with the declarations and permissions of vcan0.toml."""
    changes = {
        'environment = "bench"': 'environment = "simulated"',
        'interface = "socketcan"': 'interface = "uds-sim"',
        f'channel = "{CHANNEL}"': 'channel = "article"',
    }
    return str(changed("vcan0", changes, folder))


def test_the_article_gets_the_same_verdicts_as_in_simulation_and_is_not_blamed_for_the_first_audit(tmp_path: Path) -> None:
    simulated = audit(tmp_path / "simulated", in_simulation(tmp_path), OF_EVERY_KIND)
    with ecu("article"):
        first = audit(tmp_path / "first", "vcan0", OF_EVERY_KIND)
        second = audit(tmp_path / "second", "vcan0", OF_EVERY_KIND)

    assert verdicts(first) == verdicts(simulated)
    assert with_verdict(first, "fail")
    assert not with_verdict(first, "error")

    assert with_verdict(second, "fail") <= with_verdict(first, "fail")
    assert not with_verdict(second, "error")
    assert set(verdicts(second)) == set(verdicts(first))
    undecided = {
        (result["id"], result["parameter"])
        for result in second["results"]
        if result["verdict"] == "inconclusive" and "initial state unlocked" in result["reason"]
    }
    assert undecided == with_verdict(second, "inconclusive")
    assert {"AC-01", "AC-02"} <= {check for check, _ in undecided}


def on_the_bench(name: str, folder: Path) -> Path:
    """Return a shipped simulated target, declared to be on the bench, with nothing allowed."""
    changes = {
        r'environment = "simulated"': 'environment = "bench"',
        r'interface = "uds-sim"': 'interface = "socketcan"',
        r'channel = ".*"': f'channel = "{CHANNEL}"',
        r'power = "simulated"': "",
        r'other_unit = "simulated"': "",
    }
    return changed(name, changes, folder)


def bench_target(name: str, folder: Path) -> str:
    """Return that target with everything allowed."""
    path = on_the_bench(name, folder)
    allow = ["lockout", "write", "reset", "power", "functional", "destructive"]
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n[safety]\nallow = {json.dumps(allow)}\nwrong_keys = 1000000\n", encoding="utf-8")
    return str(path)


def test_the_hardened_ecu_has_no_finding(tmp_path: Path) -> None:
    target = bench_target("hardened", tmp_path)
    with ecu("hardened"):
        run = audit(tmp_path / "run", target, WITHOUT_LOCKOUTS)
    assert not with_verdict(run, "fail", "error")
    assert len(with_verdict(run, "pass")) > 50


@pytest.mark.thorough
def test_the_whole_audit_at_default_depth_takes_twenty_minutes_and_has_no_finding(tmp_path: Path) -> None:
    """This test is run by hand: ``-m "socketcan and thorough"``."""
    simulated = audit(tmp_path / "simulated", "hardened", [], "default")
    target = bench_target("hardened", tmp_path)
    with ecu("hardened"):
        run = audit(tmp_path / "run", target, [], "default")
    assert not with_verdict(run, "fail", "error")
    differs = {check for check, verdict in verdicts(run).items() if verdicts(simulated)[check] != verdict}
    assert {check for check, _ in differs} <= {"SA-13", "IE-01", "IE-04", "IE-05", "SA-35"}, (
        "no hooks; and 20 us do not show"
    )
