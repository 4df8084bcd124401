"""Run shards in several processes, here or on a Dask cluster. A worker that dies costs only the time of its shard."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Final

from harness.campaigns.shards import Job, run_shard
from harness.errors import HarnessError, UserError, WorkerError
from harness.system import extra_command

MOST_DEATHS: Final = 5
"""How many workers may die in a row, without the end of a shard in between, before the campaign stops."""
CONNECT_S: Final = 10


class Pool:
    """A pool of processes on this machine, for the time of a ``with``."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._pool = self._made()

    def _made(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=context, initializer=_leave_ctrl_c_to_the_parent)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
        """Yield each job's result as the job ends. Raises UserError if a shard does, HarnessError if workers keep dying."""
        left = {job.index: job for job in jobs}
        deaths = 0
        while left:
            futures = {self._pool.submit(run_shard, job): job for job in left.values()}
            try:
                for future in as_completed(futures):
                    text = future.result()
                    deaths = 0
                    yield left.pop(futures[future].index), text
            except BrokenProcessPool as error:
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise WorkerError(f"{MOST_DEATHS} workers in a row have died; try --workers 1") from error
                self._pool.shutdown(wait=False, cancel_futures=True)
                self._pool = self._made()


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Cluster:
    """An existing Dask cluster, for the time of a ``with``."""

    def __init__(self, address: str) -> None:
        """Connect to the cluster. Raises UserError if the extra is missing, or no scheduler answers at the address."""
        if find_spec("distributed") is None:
            raise UserError(f"--dask needs distributed, which is not installed: {extra_command('dask')}")
        import distributed

        cluster: Any = distributed
        try:
            self._client: Any = cluster.Client(address, timeout=CONNECT_S)
        except (OSError, ValueError) as error:
            raise UserError(f"--dask {address}: no scheduler answers there ({error})") from error

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close(timeout=1)

    def __call__(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, str]]:
        """Yield each job's result as the job ends; if a worker is lost, another worker does its job.

        Raises UserError if a shard does, HarnessError if the scheduler is gone; the campaign can be resumed.
        """
        import distributed

        cluster: Any = distributed

        submit = self._client.submit
        futures = {submit(run_shard, job, key=f"uds-harness-{job.basis}", pure=False): job for job in jobs}
        try:
            for future in cluster.as_completed(futures):
                yield futures[future], future.result()
        except HarnessError:
            raise
        except Exception as error:
            raise WorkerError(f"the Dask cluster gave no result ({error}); go on with --resume RUN") from error
