"""How long do an audit's checks take? A pytest plugin that writes it to the file which BENCH_STOPWATCH names."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """From before the first check until after the last: neither start-up, nor collection, nor report."""
    started_s = time.perf_counter()
    result = yield
    Path(os.environ["BENCH_STOPWATCH"]).write_text(str(time.perf_counter() - started_s))
    return result
