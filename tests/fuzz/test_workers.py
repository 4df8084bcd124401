"""Prove that findings are the same with one worker, with several, and on a Dask cluster, even if a worker is killed."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.campaigns.rounds import CampaignSoFar, Door, in_this_process, run_rounds
from harness.campaigns.shards import FOLDER, Job, run_shard
from harness.campaigns.workers import Cluster, Pool
from harness.errors import UserError, WorkerError

from .first_found import ecu_of

pytestmark = pytest.mark.thorough

EXCHANGES = 8_000
NODE = "aborted_reception_unlocks"
TRIES = 20


def shards_of(folder: Path, door: Door) -> dict[str, str]:
    """Return the files of a small campaign's shards."""
    campaign = CampaignSoFar(ecu_of(NODE), 3, EXCHANGES)
    run_rounds(campaign, folder, door, is_over=lambda: False, after=lambda found: None)
    assert len(campaign.found) == 1
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((folder / FOLDER).iterdir())}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return shards_of(tmp_path_factory.mktemp("alone"), in_this_process(run_shard))


@pytest.mark.parametrize("workers", [2, 4])
def test_several_workers_find_the_same(workers: int, alone: dict[str, str], tmp_path: Path) -> None:
    with Pool(workers) as pool:
        assert shards_of(tmp_path, pool) == alone


class KillsAWorker:
    """A pool whose first worker is killed as soon as there is a result."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.has_killed = False

    def __call__(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
        for done in self._pool(jobs):
            if not self.has_killed:
                self.has_killed = True
                for process in multiprocessing.active_children()[:1]:
                    assert process.pid is not None
                    os.kill(process.pid, signal.SIGKILL)
            yield done


def test_a_worker_that_is_killed_changes_nothing(alone: dict[str, str], tmp_path: Path) -> None:
    with Pool(2) as pool:
        door = KillsAWorker(pool)
        assert shards_of(tmp_path, door) == alone
    assert door.has_killed


def test_a_cluster_finds_the_same_though_a_worker_is_killed(alone: dict[str, str], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
        ) as there,
        Cluster(there.scheduler_address) as cluster,
    ):
        has_killed = False

        def door(jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
            nonlocal has_killed
            for done in cluster(jobs):
                if not has_killed:
                    has_killed = True
                    os.kill(next(iter(there.workers.values())).pid, signal.SIGKILL)
                yield done

        assert shards_of(tmp_path, door) == alone
        assert has_killed


def test_a_scheduler_that_is_not_there_is_told() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UserError, match="no scheduler answers"):
        Cluster("tcp://127.0.0.1:1")


def test_a_campaign_whose_scheduler_is_killed_is_resumed(alone: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    words = (sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard")
    scheduler = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    words = (sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard")
    worker = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    done: list[int] = []
    try:
        with connected(address) as cluster:

            def door(jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
                for job, text in cluster(jobs):
                    yield job, text
                    done.append(job.index)
                    if len(done) == 1:
                        scheduler.kill()

            with pytest.raises(WorkerError, match="--resume"):
                shards_of(tmp_path, door)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()
    assert 0 < len(list((tmp_path / FOLDER).iterdir())) < len(alone)
    assert shards_of(tmp_path, in_this_process(run_shard)) == alone, "by whom it is resumed does not matter"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def connected(address: str) -> Cluster:
    """Return the cluster, as soon as its scheduler listens."""
    for _ in range(TRIES):
        with contextlib.suppress(UserError):
            return Cluster(address)
    raise AssertionError("the scheduler does not listen")
