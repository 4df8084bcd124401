"""Measure the subjects of the benchmark: one function each, which returns rows of the table.

Machines differ by a factor of three, so a budget for a speed is a quotient of two speeds, measured alternately.
"""

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
from itertools import count
from pathlib import Path

from benchmarks import socketcan
from benchmarks.peers import PY_UDS, PYTHON_CAN, UDSONCAN, Peer
from benchmarks.rows import Row
from harness.audit.catalogue import shipped_functions
from harness.buses import open_link
from harness.campaigns.rounds import SHARDS_A_ROUND
from harness.campaigns.shards import Job, read_shard, run_shard
from harness.campaigns.workers import Pool
from harness.link.clock import Chance
from harness.link.frame import Frame
from harness.link.trace import Trace
from harness.target import load_target
from harness.tester.ledger import Ledger
from harness.tester.tester import Tester
from harness.testing import run_checks
from harness.verdict import Depth

RUNS = 5
SHORT = b"\x22\x10\x10"
LONG = b"\x22\xf1\xa0"
"""A request that the hardened ECU answers with 100 bytes; it answers SHORT with 4."""

IDLE_CPUS = 0.7
"""How far the load must be below the number of CPUs where two of them are measured; our own process is in the load."""

ROOT = Path(__file__).parent.parent
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@contextmanager
def open_tester(interface: str | None = None, channel: str | None = None) -> Iterator[Tester]:
    """Open a tester of the hardened ECU, with a trace that is written to a file as in an audit."""
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


def _exchange_rate(tester: Tester, request: bytes, exchanges: int, clock: Callable[[], float] = time.perf_counter) -> float:
    gc.collect()
    started_s = clock()
    for _ in range(exchanges):
        reply = tester.request(request)
    tester.trace.flush()
    rate = exchanges / (clock() - started_s)
    assert reply.is_positive, str(reply)
    return rate


def _runs(run: Callable[[], float]) -> tuple[float, ...]:
    return tuple(run() for _ in range(RUNS))


def _pairs(run: Callable[[], float], other: Callable[[], float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Run both measurements by turns, so that other work of the machine slows both down alike; return their figures."""
    found = [(run(), other()) for _ in range(RUNS)]
    return tuple(one for one, _ in found), tuple(one for _, one in found)


def _quotients(ours: tuple[float, ...], others: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(one / other for one, other in zip(ours, others, strict=True))


def _rate_of_peer(peer: Peer, request: bytes) -> float:
    """Return a peer's exchanges a second, measured in a process of its own, since some peers leave threads behind.

    Raises OSError if the peer cannot be measured on this machine.
    """
    words = (sys.executable, "-m", "benchmarks.peers", peer.name, request.hex(), "1")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip().rpartition("\n")[2])
    return float(done.stdout)


def _beside(peer: Peer, request: bytes, exchanges: int, least: float) -> Row:
    """Return a row with our rate as a multiple of a peer's rate."""
    name = f"{'one frame' if request == SHORT else '100 bytes'}, of {peer.name.split()[0]}"
    try:
        with open_tester() as tester:
            ours, others = _pairs(
                lambda: _exchange_rate(tester, request, exchanges, peer.clock), lambda: _rate_of_peer(peer, request)
            )
    except OSError as error:
        return Row(name, "x", (), least, note=str(error))
    rows = (Row("the harness", "/s", ours), Row(peer.name, "/s", others, note=peer.drives))
    return Row(name, "x", _quotients(ours, others), least, peers=rows)


def single_frame() -> Iterator[Row]:
    """Measure exchanges of one frame each way, through Tester, ISO-TP, answering machine and rules, with the trace
    recorded.
    """
    for peer, least in ((PYTHON_CAN, 1.0), (UDSONCAN, 30.0), (PY_UDS, 15.0)):
        yield _beside(peer, SHORT, 25_000, least)


def long_answer() -> Iterator[Row]:
    """Measure exchanges whose answer has 100 bytes, in 17 frames, otherwise as in `single_frame`."""
    yield _beside(UDSONCAN, LONG, 4_000, 12.0)


def real_bus() -> Iterator[Row]:
    """Measure one frame each way on SocketCAN with the ECU in another process, beside bare python-can on the same bus."""
    name, exchanges, least = "vcan0, of bare python-can", 2_000, 0.8
    if not socketcan.is_there():
        yield Row(name, "x", (), least, note=f"no {socketcan.CHANNEL} here")
        return
    ecu = ("-m", "harness", "ecu", "hardened", "--interface", "socketcan", "--channel", socketcan.CHANNEL)

    def ours() -> float:
        with socketcan.other_process(*ecu), open_tester("socketcan", socketcan.CHANNEL) as tester:
            return _exchange_rate(tester, SHORT, exchanges)

    rates, bare = _pairs(ours, lambda: socketcan.bare_rate(exchanges))
    rows = (
        Row("the harness", "/s", rates),
        Row("bare python-can", "/s", bare, note="the same frames between two processes, Bus.send and Bus.recv"),
    )
    yield Row(name, "x", _quotients(rates, bare), least, peers=rows)


def quick_audit() -> Iterator[Row]:
    """Measure the whole command on the hardened ECU, start-up and report included, beside the start-up of any
    pytest suite.
    """
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(RUNS))
        ours, others = _pairs(
            lambda: _process_s(*_audit("quick", f"{folder}/{next(numbers)}")),
            lambda: _process_s(sys.executable, "-m", "pytest", "--version"),
        )
    rows = (Row("the command", "s", ours), Row("pytest --version", "s", others))
    yield Row("quick audit, of pytest's start", "x", _quotients(ours, others), 10, is_floor=False, peers=rows)


def default_audit() -> Iterator[Row]:
    """Measure the whole command at default depth, for which there is no budget."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(RUNS))
        yield Row("default audit", "s", _runs(lambda: _process_s(*_audit("default", f"{folder}/{next(numbers)}"))))


def _audit(depth: str, out: str) -> tuple[str, ...]:
    return _harness("audit", "hardened", "--depth", depth, "--seed", "1", "--out", out)


def fuzzing() -> Iterator[Row]:
    """Measure frames a second while random requests are sent and judged, beside the frames a second of plain exchanges."""
    check = shipped_functions()["FZ-02"]

    def frames_a_second() -> float:
        trace = Trace()
        started_s = time.perf_counter()
        run_checks([check], load_target("hardened"), depth=Depth.DEEP, trace=trace)
        return trace.count / (time.perf_counter() - started_s)

    with open_tester() as tester:
        fuzzed, plain = _pairs(frames_a_second, lambda: 2 * _exchange_rate(tester, SHORT, 10_000))
    rows = (Row("frames, fuzzing", "/s", fuzzed), Row("frames, plain exchanges", "/s", plain))
    yield Row("fuzzing, of plain exchanges", "x", _quotients(fuzzed, plain), 0.5, peers=rows)


def fuzz_campaign() -> Iterator[Row]:
    """Measure exchanges a second of a fuzz campaign, which also breeds and judges its requests, beside plain exchanges."""
    numbers = count()

    def hunting() -> float:
        [job] = _shards(1, next(numbers), 30_000)
        gc.collect()
        started_s = time.perf_counter()
        text = run_shard(job)
        return _exchanges_in(job, text) / (time.perf_counter() - started_s)

    hunting()  # what is imported and built once
    with open_tester() as tester:
        hunted, plain = _pairs(hunting, lambda: _exchange_rate(tester, SHORT, 20_000))
    rows = (Row("the campaign", "/s", hunted), Row("the tester, one frame", "/s", plain))
    yield Row("fuzz campaign, of the tester", "x", _quotients(hunted, plain), 0.5, peers=rows)


def fuzz_workers() -> Iterator[Row]:
    """Measure exchanges a second of two worker processes, beside those of one."""
    name, least, numbers = "two workers, of one", 1.7, count()
    cpus, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    if cpus < 2 or load > cpus - IDLE_CPUS:
        yield Row(name, "x", (), least, note=f"it takes two idle CPUs; here are {cpus}, with a load of {load:.1f}")
        return

    def rate(pool: Pool) -> float:
        jobs = _shards(SHARDS_A_ROUND, next(numbers), 25_000)
        started_s = time.perf_counter()
        done = sum(_exchanges_in(job, text) for job, text in pool(jobs))
        return done / (time.perf_counter() - started_s)

    with Pool(2) as two, Pool(1) as one:
        for pool in (two, one):
            list(pool(_shards(2, next(numbers), 1)))
        rates, alone = _pairs(lambda: rate(two), lambda: rate(one))
    rows = (Row("two workers", "/s", rates), Row("one worker", "/s", alone))
    yield Row(name, "x", _quotients(rates, alone), least, peers=rows)


def _shards(number: int, round_: int, exchanges: int) -> list[Job]:
    target = load_target("hardened")
    return [Job(target=target, seed=1, round=round_, index=index, exchanges=exchanges) for index in range(number)]


def _exchanges_in(job: Job, text: str) -> int:
    result = read_shard(text, job)
    assert result is not None
    assert not result.found, result.found
    return result.exchanges


def waiting_frames() -> Iterator[Row]:
    """Measure what each frame costs where twenty thousand frames wait to be sent, beside each of two thousand."""

    def each_us(frames: int) -> float:
        with open_tester() as tester:
            started_s = time.perf_counter()
            for number in range(frames):
                tester.link.send(Frame(number % 0x700, b""))
            tester.wait(60)
            return (time.perf_counter() - started_s) / frames * 1e6

    many, few = _pairs(lambda: each_us(20_000), lambda: each_us(2_000))
    rows = (Row("each of 20,000", "us", many), Row("each of 2,000", "us", few))
    yield Row("20,000 waiting frames, of 2,000", "x", _quotients(many, few), 5, is_floor=False, peers=rows)


def silent_bus() -> Iterator[Row]:
    """Measure how long the simulation takes for an hour of virtual time in which nothing happens."""

    def run() -> float:
        started_s = time.perf_counter()
        tester.wait(3600)
        return (time.perf_counter() - started_s) * 1000

    with open_tester() as tester:
        yield Row("an hour on a silent bus", "ms", _runs(run), 10, is_floor=False)


def memory() -> Iterator[Row]:
    """Measure by how much a new process grows in a million exchanges, after its first ten thousand."""

    def run() -> float:
        script = "from benchmarks.measures import growth_mib; print(growth_mib(1_000_000))"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
        return float(done.stdout)

    yield Row("growth by a million exchanges", "MiB", _runs(run), 50, is_floor=False)


def growth_mib(exchanges: int) -> float:
    """Return by how many MiB the resident memory of this process grows in so many exchanges."""
    with open_tester() as tester:
        for _ in range(10_000):
            tester.request(SHORT)
        before = _resident_bytes()
        for _ in range(exchanges):
            tester.request(SHORT)
        return (_resident_bytes() - before) / (1 << 20)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def help_text() -> Iterator[Row]:
    """Measure how long `uds-harness --help` takes, beside a Python that does nothing."""
    ours, others = _pairs(lambda: _process_s(*_harness("--help")), lambda: _process_s(sys.executable, "-c", "pass"))
    rows = (Row("uds-harness --help", "s", ours), Row("python -c pass", "s", others))
    yield Row("uds-harness --help, of Python", "x", _quotients(ours, others), 4, is_floor=False, peers=rows)


def _harness(*words: str) -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("uds-harness")), *words)


def _process_s(*words: str) -> float:
    started_s = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    took_s = time.perf_counter() - started_s
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took_s


MEASURES = (
    single_frame,
    long_answer,
    real_bus,
    quick_audit,
    default_audit,
    fuzzing,
    fuzz_campaign,
    fuzz_workers,
    waiting_frames,
    silent_bus,
    memory,
    help_text,
)
