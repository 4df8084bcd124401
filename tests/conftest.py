"""Share compiled bytecode among the some fifty Python processes that tests start, each of which loads all checks."""

import atexit
import gc
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell does for what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send it to processes of theirs

gc.disable()  # thousands of tests are collected, and all of them are kept: looking for garbage takes a third of that time

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_state = tempfile.TemporaryDirectory(prefix="uds-harness-tests-")
atexit.register(_state.cleanup)
os.environ["XDG_STATE_HOME"] = _state.name  # wrong keys of tests are none of the user's

settings.register_profile(  # a slow or busy machine is no defect: nothing here is a matter of time
    "make test", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, max_examples=100
)
settings.register_profile(
    "thorough", settings.get_profile("make test"), derandomize=False, database=None, max_examples=10_000
)
settings.load_profile("make test")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


EACH_ECU_ALONE = tuple(f"tests/{place}" for place in ("matrix/", "unseen/test_", "unseen/cars/", "unseen/vans/"))
"""Folders whose tests share no fixture, unless they concern the same ECU."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests that share fixtures, those of one file, in one of pytest-xdist's processes.

    Its own ``--dist loadgroup`` marks tests by a suffix of their ids, which pytest 9.2 ignores.
    """
    from xdist.scheduler import LoadScopeScheduling

    class BySubject(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path, _, test = nodeid.partition("::")
            return path + test[test.find("[") :] if path.startswith(EACH_ECU_ALONE) and "[" in test else path

    return BySubject(config, log)


def pytest_collection_finish() -> None:
    """Exempt what was collected from garbage collection, since it stays until the end.

    New objects are examined as seldom as in the command (`harness.cli.main`), which saves the tests an eighth of their time.
    """
    from harness.cli.main import OBJECTS_BETWEEN_COLLECTIONS

    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    gc.enable()
