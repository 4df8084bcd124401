"""Prove campaigns, learning, the shell and discovery on real SocketCAN, with an ECU in another process."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.target import load_target

from .test_audit import COMMAND, START_S, ecu, on_the_bench

pytestmark = pytest.mark.socketcan

TIMEOUT_S = 1200
EXCHANGES = "150"
SCRIPT = Path(__file__).parents[2] / "docs" / "article.uds"
DIALOGUE = [
    *("> 22 10 10", "< 62 10 10 FF", "> 2E 10 10 99", "< 6E 10 10", "> 22 10 10", "< 62 10 10 99"),
    *("> 22 20 20", "< 62 20 20 FF", "> 2E 20 20 99", "< 7F 2E 33"),
    *("> 27 01", "< 67 01", "> 27 02", "< 67 02", "> 2E 20 20 99", "< 6E 20 20", "> 22 20 20", "< 62 20 20 99"),
    *("> 27 01", "< 67 01", "> 27 02", "< 27 35"),
]
"""The dialogue without seeds and keys, which are random."""
STATES = {
    *("default session, locked", "session 03, locked", "session 03, locked, seed pending", "session 03, unlocked"),
}


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def left_by(command: str, *more: str, file: str, folder: Path) -> Any:
    """What a command writes into a file of its run on the hardened ECU; nothing went out that the target forbids."""
    target = on_the_bench("hardened", folder)
    with ecu("hardened"):
        words = [COMMAND, command, str(target), *more, "--seed", "1", "--out", str(folder / "run")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=4 * START_S, cwd=folder, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    log = (folder / "run" / "bus.log").read_text(encoding="ascii")
    assert not re.search(r" 740#0[1-7](11|2E|28|85|3D|34)", log), "no reset, and nothing that writes"
    return json.loads((folder / "run" / file).read_text(encoding="utf-8"))


def test_a_campaign_sends_nothing_that_is_not_allowed_and_finds_nothing_in_a_sound_ecu(tmp_path: Path) -> None:
    document = left_by("fuzz", "--exchanges", EXCHANGES, file="audit.json", folder=tmp_path)
    assert document["run"]["campaign"]["rounds"] == 1
    assert document["run"]["counts"]["wrong_keys"] == 0
    assert {one["verdict"] for one in document["results"]} <= {"pass", "inconclusive"}


def test_nothing_that_is_not_allowed_is_sent_and_the_machine_is_learned(tmp_path: Path) -> None:
    """Without lockout or restart it is the same machine as on the simulated bus."""
    model = left_by("learn", file="model.json", folder=tmp_path)
    assert {state["name"] for state in model["states"]} == STATES
    assert model["wrong_keys"] == 0
    assert not model["violations"]


def test_the_articles_dialogue_by_hand(tmp_path: Path) -> None:
    words = [COMMAND, "shell", "vcan0"]
    with ecu("article"), SCRIPT.open("rb") as script:
        done = subprocess.run(
            words, stdin=script, capture_output=True, text=True, timeout=START_S, cwd=tmp_path, check=False
        )
    lines = [line.partition("  ")[0] for line in done.stdout.splitlines()]
    assert [line[:7] if line[2:4] in ("27", "67") else line for line in lines] == DIALOGUE, done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(("profile", "has_fd"), [("hardened+can_fd", True), ("hardened", False)])
def test_who_speaks_fd_is_found_on_a_bus_for_it(profile: str, has_fd: bool, tmp_path: Path) -> None:
    bus = ["--interface", "socketcan", "--channel", "vcan0"]
    fd = ["--fd"] if has_fd else []
    with subprocess.Popen([COMMAND, "ecu", profile, *bus, *fd], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        assert "ready" in [served.stdout.readline().strip() for _ in range(2)]
        target = "socketcan:vcan0?request=0x740&response=0x748&fd=true"
        words = [COMMAND, "discover", target, "--ids", "0x73E-0x742", "--depth", "quick", "-o", str(tmp_path / "ecu.toml")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        served.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith("  plan"), "what will be asked is said first"
    found = load_target(tmp_path / "ecu.toml")
    assert (found.can.request_id, found.can.response_id, found.can.fd) == (0x740, 0x748, has_fd)
    assert {entry.did for entry in found.data} >= {0x1010, 0x2020, 0x3030, 0xF18C, 0xF1A0}
    assert [entry.level for entry in found.security] == [0x01, 0x03]
    assert [(one.request_id, one.response_id) for one in found.connections] == [(0x742, 0x74A)]
