"""The article's dialogue by hand, on real SocketCAN: the same bytes as in the simulation, seed and key aside."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from .test_audit import COMMAND, START_S, ecu

pytestmark = pytest.mark.socketcan

SCRIPT = Path(__file__).parents[2] / "docs" / "article.uds"


def exchanges(target: str, place: Path) -> tuple[int, list[str]]:
    """The exit code, and the lines with seeds and keys cut off."""
    with SCRIPT.open("rb") as script:
        words = [COMMAND, "shell", target]
        done = subprocess.run(words, stdin=script, capture_output=True, text=True, timeout=START_S, cwd=place, check=False)
    lines = [line.partition("  ")[0] for line in done.stdout.splitlines()]
    return done.returncode, [line[:7] if line[2:4] in ("27", "67") else line for line in lines]


def test_the_articles_dialogue_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with ecu("article"):
        on_the_bus = exchanges("vcan0", tmp_path)
    assert on_the_bus == exchanges("article", tmp_path)
    assert on_the_bus[0] == 1
