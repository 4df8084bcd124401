"""Prove that an exchange takes no more work than it did, by counting operations; `make bench` measures speed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.buses import open_link
from harness.link.clock import Chance
from harness.link.trace import KEEP, Trace
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester
from tests.calls import calls_made_by

SHORT, LONG = b"\x22\x10\x10", b"\x22\xf1\xa0"
"""Two reads of the hardened ECU: with an answer of 4 bytes, and with one of 100."""


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


def calls_per_exchange(tester: Tester, request: bytes, exchanges: int) -> float:
    def work() -> None:
        for _ in range(exchanges):
            tester.request(request)
        tester.trace.flush()

    return calls_made_by(work) / exchanges


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("request_pdu", "most"), [(SHORT, 150), (LONG, 1000)], ids=["one frame", "a hundred bytes"])
def test_an_exchange_takes_few_calls(tester: Tester, request_pdu: bytes, most: int) -> None:
    tester.request(request_pdu)
    assert calls_per_exchange(tester, request_pdu, 100) < most


def test_exchanges_do_not_become_more_work(tester: Tester) -> None:
    """Work is counted from one trim of the trace to the next, since dropping old frames is work too."""
    period = KEEP // 2
    for _ in range(3 * period):
        tester.request(SHORT)
    before = calls_per_exchange(tester, SHORT, period)
    for _ in range(3 * period):
        tester.request(SHORT)
    assert calls_per_exchange(tester, SHORT, period) < 1.05 * before


def test_an_hour_on_a_silent_bus_is_no_work(tester: Tester) -> None:
    assert calls_made_by(lambda: tester.wait(3600)) < 100


def test_evidence_of_many_exchanges_is_not_kept_in_memory(tester: Tester) -> None:
    for _ in range(10_000):
        tester.request(SHORT)
    before = resident_bytes()
    for _ in range(40_000):
        tester.request(SHORT)
    assert resident_bytes() - before < 2 << 20


def test_the_command_line_loads_nothing_heavy() -> None:
    script = "import sys, harness, harness.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "harness.cli" in loaded
    assert not loaded & {"scapy", "can", "pytest", "jinja2", "asyncio", "ssl"}
