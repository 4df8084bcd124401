"""What one Python has compiled, the next need not: these tests start some fifty of them, each with all checks to load."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell does for what it runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests send it to processes of theirs

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

KEPT_RUNS = {"article", "hardened", "audited"}
"""Fixtures that audit whole ECUs once, for many tests: those belong together in one of pytest-xdist's processes."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        kept = KEPT_RUNS.intersection(getattr(item, "fixturenames", ()))
        if kept:
            place = item.path if kept == {"audited"} else item.path.parent
            item.add_marker(pytest.mark.xdist_group(f"{place} {min(kept)}"))
