"""Provide the target files that tests change, and the refusals of changed files."""

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.target import Target, load_target

FILES = Path(__file__).parent / "files"
BENCH = (FILES / "bench.toml").read_text("utf-8")
FULL = (FILES / "full.toml").read_text("utf-8")
SIMULATED = BENCH.replace('"bench"', '"simulated"').replace('"socketcan"', '"uds-sim"')


def load(content: str) -> Target:
    """Load a file with this content from the working directory."""
    Path("pi.toml").write_text(content, "utf-8")
    return load_target("pi.toml")


def refusal(content: str) -> str:
    """Return the refusal of a malformed file."""
    with pytest.raises(UserError) as caught:
        load(content)
    return str(caught.value)
