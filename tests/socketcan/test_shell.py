"""Prove the article's dialogue, typed by hand, on real SocketCAN."""

import subprocess
from pathlib import Path

import pytest

from .test_audit import COMMAND, START_S, ecu

pytestmark = pytest.mark.socketcan

SCRIPT = Path(__file__).parents[2] / "docs" / "article.uds"
DIALOGUE = [
    *("> 22 10 10", "< 62 10 10 FF", "> 2E 10 10 99", "< 6E 10 10", "> 22 10 10", "< 62 10 10 99"),
    *("> 22 20 20", "< 62 20 20 FF", "> 2E 20 20 99", "< 7F 2E 33"),
    *("> 27 01", "< 67 01", "> 27 02", "< 67 02", "> 2E 20 20 99", "< 6E 20 20", "> 22 20 20", "< 62 20 20 99"),
    *("> 27 01", "< 67 01", "> 27 02", "< 27 35"),
]
"""The dialogue without seeds and keys, which are random."""


def test_the_articles_dialogue_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    words = [COMMAND, "shell", "vcan0"]
    with ecu("article"), SCRIPT.open("rb") as script:
        done = subprocess.run(
            words, stdin=script, capture_output=True, text=True, timeout=START_S, cwd=tmp_path, check=False
        )
    lines = [line.partition("  ")[0] for line in done.stdout.splitlines()]
    assert [line[:7] if line[2:4] in ("27", "67") else line for line in lines] == DIALOGUE, done.stderr
    assert done.returncode == 1
