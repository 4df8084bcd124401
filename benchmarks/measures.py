"""What do the budgets of DESIGN.md cost here? One function a budget."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks import socketcan
from benchmarks.peers import PEERS, Peer
from benchmarks.rows import Row
from harness.link.bus import open_link
from harness.link.clock import Chance
from harness.link.trace import Trace
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester

RUNS = 5
SHORT = b"\x22\x10\x10"
LONG = b"\x22\xf1\xa0"
"""Read an answer of 4 bytes, and one of 100, from the hardened ECU."""

ROOT = Path(__file__).parent.parent
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def open_tester(interface: str | None = None, channel: str | None = None) -> Iterator[Tester]:
    """A tester of the hardened ECU, with a trace that goes to a file as in an audit."""
    target = load_target("hardened")
    can = replace(target.can, interface=interface or target.can.interface, channel=channel or target.can.channel)
    target = replace(target, can=can)
    trace = Trace()
    chance = Chance(1)
    link = open_link(
        interface=can.interface,
        channel=can.channel,
        bitrate=can.bitrate,
        trace=trace,
        chance=chance.stream("ecu"),
    )
    with tempfile.TemporaryFile("w", encoding="ascii") as log:
        trace.write_to(log)
        try:
            yield Tester(link, target, chance=chance.stream("tester"), keys={}, ledger=Ledger(None, target.name, None))
        finally:
            link.close()


def _exchange_rate(tester: Tester, request: bytes, exchanges: int) -> float:
    gc.collect()
    started_s = time.perf_counter()
    for _ in range(exchanges):
        reply = tester.request(request)
    tester.trace.flush()
    rate = exchanges / (time.perf_counter() - started_s)
    assert reply.is_positive, str(reply)
    return rate


def _peer_row(peer: Peer, request: bytes) -> Row:
    """In a process of its own: some peers leave threads behind, which would slow down what is measured next."""
    words = (sys.executable, "-m", "benchmarks.peers", peer.name, request.hex(), str(RUNS))
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return Row(peer.name, "/s", (), note=done.stderr.strip().rpartition("\n")[2])
    return Row(peer.name, "/s", tuple(map(float, done.stdout.split())), note=peer.drives)


def _runs(run: Callable[[], float]) -> tuple[float, ...]:
    return tuple(run() for _ in range(RUNS))


def single_frame() -> Row:
    """One frame each way, through Tester, ISO-TP, answering machine and rules."""
    with open_tester() as tester:
        runs = _runs(lambda: _exchange_rate(tester, SHORT, 25_000))
    peers = tuple(_peer_row(peer, SHORT) for peer in PEERS)
    return Row("exchange, one frame each way", "/s", runs, 80_000, peers=peers)


def long_answer() -> Row:
    """The same with an answer of 100 bytes: 17 frames."""
    with open_tester() as tester:
        runs = _runs(lambda: _exchange_rate(tester, LONG, 4_000))
    peers = tuple(_peer_row(peer, LONG) for peer in PEERS if peer.has_segmentation)
    return Row("exchange, answer of 100 bytes", "/s", runs, 12_000, peers=peers)


def real_bus() -> Row:
    """One frame each way on SocketCAN, the ECU in another process, as a part of what bare python-can does there."""
    name, exchanges = "exchange on vcan0, of bare speed", 2_000
    if not socketcan.is_there():
        return Row(name, "%", (), 80, note=f"no {socketcan.CHANNEL} here")
    ecu = ("-m", "harness.cli", "ecu", "hardened", "--interface", "socketcan", "--channel", socketcan.CHANNEL)
    ours, bare = [], []
    for _ in range(RUNS):
        bare.append(socketcan.bare_rate(exchanges))
        with socketcan.other_process(*ecu), open_tester("socketcan", socketcan.CHANNEL) as tester:
            ours.append(_exchange_rate(tester, SHORT, exchanges))
    peers = (
        Row("the harness", "/s", tuple(ours)),
        Row("bare python-can", "/s", tuple(bare), note="the same frames between two processes, Bus.send and Bus.recv"),
    )
    shares = tuple(100 * one / other for one, other in zip(ours, bare, strict=True))
    return Row(name, "%", shares, 80, peers=peers)


def default_audit() -> Row:
    """All checks on the hardened ECU."""
    return _audit("default", 3.0)


def quick_audit() -> Row:
    """All checks on the hardened ECU, small samples."""
    return _audit("quick", 0.8)


def _audit(depth: str, budget_s: float) -> Row:
    checks, whole = [], []
    pytest = ("-m", "pytest", "attacks", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "benchmarks.stopwatch")
    with tempfile.TemporaryDirectory() as folder:
        stopwatch = Path(folder, "seconds")
        environment = {**os.environ, "BENCH_STOPWATCH": str(stopwatch)}
        for run in range(RUNS):
            uds = (
                "--uds-target",
                "hardened",
                "--uds-depth",
                depth,
                "--uds-seed",
                "1",
                "--uds-out",
                f"{folder}/{run}-pytest",
            )
            _process_s(sys.executable, *pytest, *uds, environment=environment)
            checks.append(float(stopwatch.read_text()))
            out = f"{folder}/{run}"
            whole.append(_process_s(*_harness("audit", "hardened", "--depth", depth, "--seed", "1", "--out", out)))
    peers = (Row("the whole command", "s", tuple(whole), note="uds-harness audit, start-up and report included"),)
    return Row(f"audit of hardened, {depth} depth", "s", tuple(checks), budget_s, is_floor=False, peers=peers)


def silent_bus() -> Row:
    """An hour in which nothing happens."""

    def run() -> float:
        started_s = time.perf_counter()
        tester.wait(3600)
        return (time.perf_counter() - started_s) * 1000

    with open_tester() as tester:
        return Row("an hour on a silent bus", "ms", _runs(run), 10, is_floor=False)


def memory() -> Row:
    """How much the process grows by a million exchanges after its first ten thousand; each run is a new process."""

    def run() -> float:
        script = "from benchmarks.measures import growth_mib; print(growth_mib(1_000_000))"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    return Row("growth by a million exchanges", "MiB", _runs(run), 50, is_floor=False)


def growth_mib(exchanges: int) -> float:
    """Growth of this process's resident memory."""
    with open_tester() as tester:
        for _ in range(10_000):
            tester.request(SHORT)
        before = _resident_bytes()
        for _ in range(exchanges):
            tester.request(SHORT)
        return (_resident_bytes() - before) / (1 << 20)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def help_text() -> Row:
    """From the shell and back."""
    peers = (Row("python -c pass", "s", _runs(lambda: _process_s(sys.executable, "-c", "pass"))),)
    runs = _runs(lambda: _process_s(*_harness("--help")))
    return Row("uds-harness --help", "s", runs, 0.3, is_floor=False, peers=peers)


def _harness(*words: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("uds-harness")), *words)


def _process_s(*words: str, environment: dict[str, str] | None = None) -> float:
    started_s = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - started_s
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took_s


MEASURES = (single_frame, long_answer, real_bus, default_audit, quick_audit, silent_bus, memory, help_text)
