"""Provide a vocabulary with a key of its own, and an empty folder."""

from pathlib import Path

import pytest

from harness.runs.redaction import Vocabulary


@pytest.fixture
def words() -> Vocabulary:
    """The vocabulary of a run that has learned nothing yet."""
    return Vocabulary(b"a key of this test")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
