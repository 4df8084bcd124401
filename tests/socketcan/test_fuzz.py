"""Prove that a campaign on real SocketCAN sends what the target allows, finds nothing in a sound ECU, and leaves a run."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from .test_audit import COMMAND, START_S, ecu, on_the_bench

pytestmark = pytest.mark.socketcan

EXCHANGES = "150"


def test_a_campaign_sends_nothing_that_is_not_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    target = on_the_bench("hardened", tmp_path)
    with ecu("hardened"):
        words = [COMMAND, "fuzz", str(target), "--exchanges", EXCHANGES, "--seed", "1", "--out", str(tmp_path / "run")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=4 * START_S, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))
    assert document["run"]["campaign"]["rounds"] == 1
    assert document["run"]["counts"]["wrong_keys"] == 0
    assert {one["verdict"] for one in document["results"]} <= {"pass", "inconclusive"}
    log = (tmp_path / "run" / "bus.log").read_text(encoding="ascii")
    assert not re.search(r" 740#0[1-7](11|2E|28|85|3D|34)", log), "no reset, and nothing that writes"
