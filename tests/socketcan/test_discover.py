"""Prove that an ECU in another process, on real SocketCAN, is found together with the kind of frames that it wants."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.target import load_target

pytestmark = pytest.mark.socketcan

COMMAND = str(Path(sys.executable).with_name("uds-harness"))
TIMEOUT_S = 1200


@pytest.mark.parametrize(("profile", "has_fd"), [("hardened+can_fd", True), ("hardened", False)])
def test_who_speaks_fd_is_found_on_a_bus_for_it(profile: str, has_fd: bool, tmp_path: Path) -> None:
    bus = ["--interface", "socketcan", "--channel", "vcan0"]
    fd = ["--fd"] if has_fd else []
    with subprocess.Popen([COMMAND, "ecu", profile, *bus, *fd], stdout=subprocess.PIPE, text=True) as ecu:
        assert ecu.stdout is not None
        assert "ready" in [ecu.stdout.readline().strip() for _ in range(2)]
        target = "socketcan:vcan0?request=0x740&response=0x748&fd=true"
        words = [COMMAND, "discover", target, "--ids", "0x73E-0x742", "--depth", "quick", "-o", str(tmp_path / "ecu.toml")]
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        ecu.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.startswith("  plan"), "what will be asked is said first"
    found = load_target(tmp_path / "ecu.toml")
    assert (found.can.request_id, found.can.response_id, found.can.fd) == (0x740, 0x748, has_fd)
    assert {entry.did for entry in found.data} >= {0x1010, 0x2020, 0x3030, 0xF18C, 0xF1A0}
    assert [entry.level for entry in found.security] == [0x01, 0x03]
    assert [(one.request_id, one.response_id) for one in found.connections] == [(0x742, 0x74A)]
