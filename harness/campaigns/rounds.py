"""Run rounds of shards, and merge their results in the order of the shards' numbers, not in that in which shards end."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.campaigns.shards import Job, keep_shard, kept_shard, read_shard, text_of
from harness.errors import WorkerError
from harness.fuzz.found import FuzzFinding
from harness.fuzz.hunt import Yield
from harness.fuzz.novelty import Cell
from harness.fuzz.trials import Trial
from harness.target import Target

SHARDS_A_ROUND: Final = 4
"""How many shards a round has on simulated ECUs; a campaign on a real ECU is not split."""
LARGEST_SHARD, SMALLEST_SHARD = 100_000, 2_000
"""The largest and smallest shard in exchanges; a large one takes ten seconds of a processor, far more than its start."""
ROUNDS_OF_ONE_SIZE, MOST_DOUBLINGS = 8, 4
"""After how many rounds the largest shard doubles, and how often at most: long campaigns find little and write little."""
PARTS_OF_CAMPAIGN: Final = 8
EXCHANGES_A_SECOND: Final = 4_000
"""How many exchanges one processor is estimated to make in a second."""
SHARD_ON_A_BUS: Final = 2_000
MOST_CORPUS: Final = 400
MOST_KEPT: Final = 32
"""How many walks that left the model are listed at most, and how many failures that did not repeat."""

Door = Callable[[Sequence[Job]], Iterator[tuple[Job, str]]]
"""A function that runs jobs, and yields each job with the content of its result file as soon as the job ends."""


@dataclass(slots=True)
class CampaignSoFar:
    """The state of a campaign between two rounds."""

    target: Target
    seed: int
    exchanges_wanted: int | None
    """How many exchanges are wanted; None: as many as there is time for."""
    time_s: float | None = None
    """The duration of the campaign in seconds, if one is given; each shard gets a small part of this time."""
    rounds: int = 0
    exchanges: int = 0
    planned: int = 0
    """How many exchanges were assigned to shards so far."""
    found: dict[str, FuzzFinding] = field(default_factory=dict)
    """By cause: the finding, with the sequence of the round that found this cause first."""
    corpus: list[Trial] = field(default_factory=list)
    seen: dict[str, None] = field(default_factory=dict)
    cells: Counter[Cell] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    growth: list[tuple[int, int]] = field(default_factory=list)
    """For each round: how many exchanges were made, and how many kinds of answers were seen, by its end."""
    deviations: dict[str, None] = field(default_factory=dict)
    is_open: bool = False
    not_reproduced: dict[str, None] = field(default_factory=dict)
    left_out: str = ""
    lost: str = ""

    @property
    def is_done(self) -> bool:
        """Whether contact with the ECU is lost, or all wanted exchanges were assigned to shards."""
        return bool(self.lost) or (self.exchanges_wanted is not None and self.planned >= self.exchanges_wanted)

    def next_round(self) -> list[Job]:
        """Return the shards of the next round; they do not depend on the number of workers."""
        jobs = []
        for index in range(SHARDS_A_ROUND if self.target.is_simulated else 1):
            size = self._size()
            if size <= 0:
                break
            self.planned += size
            jobs.append(
                Job(
                    target=self.target,
                    seed=self.seed,
                    round=self.rounds,
                    index=index,
                    exchanges=size,
                    known=tuple(self.found.values()),
                    corpus=tuple(self.corpus),
                    seen=tuple(self.seen),
                )
            )
        return jobs

    def _size(self) -> int:
        largest = SHARD_ON_A_BUS
        if self.target.is_simulated:
            largest = LARGEST_SHARD << min(self.rounds // ROUNDS_OF_ONE_SIZE, MOST_DOUBLINGS)
        if self.exchanges_wanted is None:
            part = int((self.time_s or 0.0) * EXCHANGES_A_SECOND) // PARTS_OF_CAMPAIGN
            return min(max(part, min(SMALLEST_SHARD, largest)), largest)
        part = min(max(self.exchanges_wanted // PARTS_OF_CAMPAIGN, SMALLEST_SHARD), largest)
        return min(part, self.exchanges_wanted - self.planned)

    def merge(self, results: Sequence[Yield]) -> list[FuzzFinding]:
        """Merge the results of a round, in the order of its shards; return the new findings."""
        known = set(self.found)
        for result in results:
            self.exchanges += result.exchanges
            self.sent.update(result.sent)
            self.cells.update(result.cells)
            for one in result.found:
                self._meet(one, known)
            for trial, news in result.fresh:
                if any(one not in self.seen for one in news) and len(self.corpus) < MOST_CORPUS:
                    self.corpus.append(trial)
                self.seen.update(dict.fromkeys(news))
            if len(self.deviations) < MOST_KEPT:
                self.deviations.update(dict.fromkeys(result.deviations))
            self.is_open |= result.is_open
            if len(self.not_reproduced) < MOST_KEPT:
                self.not_reproduced.update(dict.fromkeys(result.not_reproduced))
            self.left_out = self.left_out or result.left_out
            self.lost = self.lost or result.lost
        self.rounds += 1
        self.growth.append((self.exchanges, len(self.cells)))
        return [one for cause, one in self.found.items() if cause not in known]

    def _meet(self, met: FuzzFinding, known: set[str]) -> None:
        former = self.found.get(met.cause)
        if former is None:
            self.found[met.cause] = met
        elif met.cause in known:
            self.found[met.cause] = former.counting(met)
        else:
            self.found[met.cause] = former.also(met)


def run_rounds(
    campaign: CampaignSoFar,
    folder: Path,
    door: Door,
    *,
    is_over: Callable[[], bool],
    after: Callable[[list[FuzzFinding]], None],
    each: Callable[[Yield], None] = lambda result: None,
) -> None:
    """Run rounds until all wanted exchanges are made, or `is_over` returns true between two rounds.

    Write the result of each shard into the folder at once; a shard whose result is already there is not run. Call `after`
    with the new findings of each round, and `each` with the result of each shard that was run.
    """
    while not campaign.is_done and not (campaign.rounds and is_over()):
        jobs = campaign.next_round()
        results = {job.index: kept for job in jobs if (kept := kept_shard(folder, job)) is not None}
        missing = [job for job in jobs if job.index not in results]
        for job, text in door(missing) if missing else ():
            keep_shard(folder, job, text)
            result = read_shard(text, job)
            if result is None:
                raise WorkerError(f"{job.name}: a worker has sent what is no result of it")
            results[job.index] = result
            each(result)
        after(campaign.merge([results[job.index] for job in jobs]))


def in_this_process(run: Callable[[Job], str]) -> Door:
    """Return a `Door` that runs one job after the other in this process."""
    return lambda jobs: ((job, run(job)) for job in jobs)


def on_one_ecu(hunt: Callable[[Job], Yield]) -> Door:
    """Return a `Door` that runs one job after the other on the one ECU of a real bus."""
    return in_this_process(lambda job: text_of(job, hunt(job)))
