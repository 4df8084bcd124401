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
"""The best of these counts, in processor time: a busy machine is no fault of the code."""


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


def best_s(work: Callable[[], object]) -> float:
    """How long it takes at best."""
    taken = []
    for _ in range(TRIES):
        started_s = time.process_time()
        work()
        taken.append(time.process_time() - started_s)
    return min(taken)


def exchange_rate(tester: Tester, request: bytes, exchanges: int) -> float:
    def work() -> None:
        for _ in range(exchanges):
            tester.request(request)
        tester.trace.flush()

    return exchanges / best_s(work)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def test_a_single_frame_exchange_is_quick(tester: Tester) -> None:
    assert exchange_rate(tester, SHORT, 2000) > 20_000


def test_an_exchange_with_a_hundred_bytes_is_quick(tester: Tester) -> None:
    assert len(tester.request(LONG).pdu) == 100
    assert exchange_rate(tester, LONG, 300) > 3_000


def test_an_hour_on_a_silent_bus_takes_no_time(tester: Tester) -> None:
    assert best_s(lambda: tester.wait(3600)) < 0.010


def test_evidence_of_many_exchanges_is_not_kept_in_memory(tester: Tester) -> None:
    for _ in range(10_000):
        tester.request(SHORT)
    before = resident_bytes()
    for _ in range(100_000):
        tester.request(SHORT)
    assert resident_bytes() - before < 5 << 20


@pytest.mark.parametrize(("depth", "budget_s"), [(Depth.QUICK, 0.8), (Depth.DEFAULT, 3.0)])
def test_an_audit_is_quick(depth: Depth, budget_s: float) -> None:
    checks, target = shipped_functions().values(), load_target("hardened")
    assert best_s(lambda: run_checks(checks, target, depth=depth)) < budget_s


def test_the_command_line_loads_nothing_heavy() -> None:
    script = "import sys, harness, harness.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "harness.cli" in loaded
    assert not loaded & {"scapy", "can", "pytest", "jinja2", "asyncio", "ssl"}
