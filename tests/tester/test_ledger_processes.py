"""Prove that neither killed nor concurrent processes make the ledger lose a key or fail to start."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from harness.tester.ledger import Ledger

COUNT = """
import sys
from pathlib import Path
from harness.tester.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]), sys.argv[2], None)
while True:
    ledger.spend(0x01)
    sys.stdout.buffer.write(b"k")  # the key goes out
    sys.stdout.buffer.flush()
"""
START = """
import sys
from pathlib import Path
from harness.tester.ledger import Ledger

for _ in range(int(sys.argv[2])):
    Ledger(Path(sys.argv[1]), "another", 5).check(0x01)
"""


def counting(path: Path, ecu: str) -> subprocess.Popen[bytes]:
    """Start a process that counts and sends keys, and wait until it has sent one."""
    process = subprocess.Popen([sys.executable, "-c", COUNT, str(path), ecu], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert os.read(process.stdout.fileno(), 1) == b"k"
    return process


def sent_until_killed(process: subprocess.Popen[bytes], keys: int) -> int:
    """Kill the process after so many more keys; return how many it sent in all."""
    assert process.stdout is not None
    sent = 1
    while sent <= keys:
        sent += len(os.read(process.stdout.fileno(), keys - sent + 1))
    process.kill()
    return sent + len(process.communicate()[0])


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("has_neighbour", [False, True])
def test_a_killed_run_forgets_no_key_and_touches_no_other_ecu(tmp_path: Path, kills: int, has_neighbour: bool) -> None:
    path, chance = tmp_path / "wrong-keys.json", random.Random(1)
    Ledger(path, "third", None).spend(0x03)
    neighbour = counting(path, "neighbour") if has_neighbour else None
    before = 0
    for _ in range(kills):
        sent = sent_until_killed(counting(path, "mine"), chance.randrange(20))
        counted = Ledger(path, "mine", None).spent(0x01)
        assert before + sent <= counted <= before + sent + 1, "the key that was counted last may not have gone out"
        before = counted
    if neighbour is not None:
        sent = sent_until_killed(neighbour, 0)
        assert sent <= Ledger(path, "neighbour", None).spent(0x01) <= sent + 1
    assert Ledger(path, "third", None).spent(0x03) == 1
    names = {"mine", "third"} | ({"neighbour"} if has_neighbour else set())
    assert set(json.loads(path.read_text())["wrong_keys"]) == names


@pytest.mark.parametrize("starts", [50, pytest.param(2_000, marks=pytest.mark.thorough)])
def test_no_start_fails_beside_a_run_that_counts(tmp_path: Path, starts: int) -> None:
    path = tmp_path / "wrong-keys.json"
    beside = counting(path, "mine")
    done = subprocess.run([sys.executable, "-c", START, str(path), str(starts)], capture_output=True, text=True, check=False)
    sent = sent_until_killed(beside, 0)
    assert done.returncode == 0, done.stderr
    assert Ledger(path, "mine", None).spent(0x01) >= sent
