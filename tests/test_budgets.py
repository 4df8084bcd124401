"""Do the budgets hold by a wide margin? `make bench` measures them exactly; this notices when one is broken."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.audit.inprocess import run_checks
from harness.catalogue import shipped_functions
from harness.link.bus import open_link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.run import Depth
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester

SHORT, LONG = b"\x22\x10\x10", b"\x22\xf1\xa0"
"""Read an answer of 4 bytes, and one of 100, from the hardened ECU."""

TRIES = 5
"""One of these must hold a budget, in processor time: a busy machine is no fault of the code."""


@pytest.fixture
def tester(tmp_path: Path) -> Iterator[Tester]:
    target = load_target("hardened")
    trace = Trace()
    link = open_link(
        interface=target.can.interface,
        channel=target.can.channel,
        bitrate=target.can.bitrate,
        trace=trace,
        chance=Chance(1),
    )
    with (tmp_path / "bus.log").open("w", encoding="ascii") as log:
        trace.write_to(log)
        yield Tester(link, target, chance=Chance(2), keys={}, ledger=Ledger(None, target.name, None))
        link.close()


def taken_s(work: Callable[[], object]) -> float:
    started_s = time.process_time()
    work()
    return time.process_time() - started_s


def is_done_within(budget_s: float, work: Callable[[], object]) -> bool:
    return any(taken_s(work) < budget_s for _ in range(TRIES))


def is_as_quick(tester: Tester, request: bytes, *, exchanges: int, per_second: float) -> bool:
    def work() -> None:
        for _ in range(exchanges):
            tester.request(request)
        tester.trace.flush()

    return is_done_within(exchanges / per_second, work)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_single_frame_exchange_is_quick(tester: Tester) -> None:
    assert is_as_quick(tester, SHORT, exchanges=2000, per_second=20_000)


def test_an_exchange_with_a_hundred_bytes_is_quick(tester: Tester) -> None:
    assert len(tester.request(LONG).pdu) == 100
    assert is_as_quick(tester, LONG, exchanges=300, per_second=3_000)


def test_an_hour_on_a_silent_bus_takes_no_time(tester: Tester) -> None:
    assert is_done_within(0.010, lambda: tester.wait(3600))


def test_evidence_of_many_exchanges_is_not_kept_in_memory(tester: Tester) -> None:
    for _ in range(10_000):
        tester.request(SHORT)
    before = resident_bytes()
    for _ in range(40_000):
        tester.request(SHORT)
    assert resident_bytes() - before < 2 << 20


def test_a_quick_audit_is_quick() -> None:
    """One of default depth is timed by tests/test_golden_article.py."""
    checks, target = shipped_functions().values(), load_target("hardened")
    assert is_done_within(0.8, lambda: run_checks(checks, target, depth=Depth.QUICK))


def test_the_command_line_loads_nothing_heavy() -> None:
    script = "import sys, harness, harness.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "harness.cli" in loaded
    assert not loaded & {"scapy", "can", "pytest", "jinja2", "asyncio", "ssl"}
