"""Prove an ECU and its audit in one process, on python-can's virtual bus, which needs no kernel driver."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.target import shipped_targets

TOGETHER = """
import sys, threading
from harness.cli.main import main
from harness.ecu_host.host import BusOptions, Host

host = Host("article", say=print)
host.connect(BusOptions(interface="virtual", channel="one process"))
player = threading.Thread(target=host.run)
player.start()
code = main(["audit", "pi.toml", "-k", "SA-22 or AC-01", "--depth", "quick", "--seed", "1", "--out", "run"])
host.stop()
player.join()
sys.exit(code)
"""


@pytest.mark.thorough
def test_the_verdicts_are_those_of_the_simulated_ecu(tmp_path: Path) -> None:
    text = shipped_targets()["raspberry-pi"].read_text(encoding="utf-8")
    text = re.sub(r'^interface = ".*"', 'interface = "virtual"', text, flags=re.MULTILINE)
    text = re.sub(r'^channel = ".*"', 'channel = "one process"', text, flags=re.MULTILINE)
    (tmp_path / "pi.toml").write_text(text.replace("p2_ms = 50", "p2_ms = 500"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", TOGETHER], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    results = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))["results"]
    assert {one["id"]: one["verdict"] for one in results if one["reason"] != "deselected"} == {
        "SA-22": "fail",
        "AC-01": "pass",
    }
