"""Prove that learning on real SocketCAN, without lockout or restart, gives the same machine as on the simulated bus."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from .test_audit import COMMAND, START_S, ecu, on_the_bench

pytestmark = pytest.mark.socketcan

STATES = {
    "default session, locked",
    "session 03, locked",
    "session 03, locked, seed pending",
    "session 03, unlocked",
}


def test_nothing_that_is_not_allowed_is_sent_and_the_machine_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    target = on_the_bench("hardened", tmp_path)
    with ecu("hardened"):
        words = [COMMAND, "learn", str(target), "--seed", "1", "--out", str(tmp_path / "run")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=4 * START_S, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    model = json.loads((tmp_path / "run" / "model.json").read_text(encoding="utf-8"))
    assert {state["name"] for state in model["states"]} == STATES
    assert model["wrong_keys"] == 0
    assert not model["violations"]
    log = (tmp_path / "run" / "bus.log").read_text(encoding="ascii")
    assert not re.search(r" 740#0[1-7](11|2E|28|85|3D|34)", log), "no reset, and nothing that writes"
