"""Prove that everything that does not need POSIX runs without POSIX.

No Windows is at hand, so a process imitates it: the modules, flags and signals that Windows' Python lacks are removed once
the libraries that look at the system's name are loaded.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ABSENT_MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog")
TAKEN_AWAY = """
import multiprocessing, os, pathlib, signal, socket, subprocess, sys, tempfile, threading, types
import can, filelock, jinja2, numpy, platformdirs, pytest, rich, scapy.contrib.automotive.uds, _pytest.capture
import concurrent.futures.process, importlib.metadata

whole = types.ModuleType("os")
vars(whole).update(vars(os))
for name, module in list(sys.modules.items()):
    if name.startswith("filelock") and hasattr(module, "os"):
        module.os = whole  # it has chosen its way of locking on this system already
for name in {modules!r}:
    sys.modules[name] = None
for module, names in (
    (os, "O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC fork killpg setsid uname getuid geteuid getpgid sysconf mkfifo"),
    (signal, "SIGHUP SIGALRM SIGKILL SIGUSR1 SIGUSR2 setitimer getitimer alarm pthread_kill"),
    (socket, "AF_UNIX AF_CAN CAN_RAW"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
"""


def without_posix(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a process from which everything that only POSIX has was removed."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "USERNAME": "somebody"}
    whole = TAKEN_AWAY.format(modules=ABSENT_MODULES) + code
    done = subprocess.run(
        [sys.executable, "-c", whole], cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


def test_a_simulated_ecu_is_audited_and_its_report_made_again(tmp_path: Path) -> None:
    code = """
from harness.cli.main import main
codes = [
    main(["audit", "article", "--depth", "quick", "--check", "SA-0*", "--check", "AC-01", "--seed", "1", "--out", "run"]),
    main(["report", "run"]),
    main(["plan", "hardened", "--depth", "quick", "--check", "SA-09"]),
]
sys.exit(0 if codes == [1, 0, 0] else f"{codes}")
"""
    done = without_posix(code, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = {one["id"]: one["verdict"] for one in json.loads((tmp_path / "run" / "audit.json").read_text())["results"]}
    assert verdicts["SA-09"] == "fail"


def test_wrong_keys_are_counted(tmp_path: Path) -> None:
    code = """
from harness.system import state_folder
from harness.target import load_target
from harness.tester.ledger import ledger_of
path = state_folder() / "wrong-keys.json"
ledger_of(load_target("raspberry-pi"), path).spend(1)
print(ledger_of(load_target("raspberry-pi"), path).spent(1), path.is_relative_to(os.getcwd()))
"""
    done = without_posix(code, tmp_path)
    assert done.stdout == "1 True\n", done.stdout + done.stderr


def test_a_bus_in_use_is_refused(tmp_path: Path) -> None:
    code = """
from harness.errors import UserError
from harness.link.bus_lock import BusLock
first = BusLock("virtual:it")
try:
    BusLock("virtual:it")
except UserError as error:
    print(error)
first.release()
BusLock("virtual:it").release()
"""
    done = without_posix(code, tmp_path)
    assert done.stdout == "virtual:it: another run uses this bus (the system does not tell which); wait for it to end\n", (
        done.stdout + done.stderr
    )
