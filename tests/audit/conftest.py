"""Runs that many tests look at are made once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from filelock import FileLock

from .auditing import Done, uds_harness


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def once(factory: pytest.TempPathFactory, name: str, *arguments: str) -> Done:
    """An audit that this run of the tests makes once, in whichever of pytest-xdist's processes it is asked for first."""
    place = factory.getbasetemp()
    place = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / f"the audit of {name}"
    kept = place.with_suffix(".json")
    with FileLock(place.with_suffix(".lock")):
        if not kept.exists():
            place.mkdir()
            done = uds_harness("audit", name, "--seed", "7", *arguments, cwd=place)
            kept.write_text(json.dumps((done.code, done.out, done.err)), encoding="utf-8")
    return Done(*json.loads(kept.read_text(encoding="utf-8")), cwd=place)


@pytest.fixture(scope="session")
def article(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The whole audit of the article's ECU, as `make audit` runs it. Look, do not touch."""
    return once(tmp_path_factory, "article")


@pytest.fixture(scope="session")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The whole audit of the hardened ECU. Look, do not touch."""
    return once(tmp_path_factory, "hardened", "--depth", "quick")
