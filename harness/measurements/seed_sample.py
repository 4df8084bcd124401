"""Hold the seeds that a level gave, and conclude from them: repetition, distribution, order, and how much is chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from statistics import median

from harness.analysis.clocks import SeedClock, follows_time
from harness.analysis.collisions import FALSE_ALARM, Collisions, collisions, without_immediate_repeats
from harness.analysis.parts import Structure
from harness.analysis.predictors import Prediction, foretell, foretell_stream
from harness.analysis.randomness import Battery, battery
from harness.analysis.structure import LONGEST_GAP, structure_of
from harness.analysis.tails import binomial_tail
from harness.errors import Inconclusive
from harness.runs.findings import Exchange

ENOUGH_SEEDS = 50
FEWEST_IN_ORDER = 4
MORE_OFTEN = 2.0
"""How many times as frequent repeats in another series must be to need a cause of their own."""
SETTLED_S = 3.0
"""The seconds after a start from which the ECU is taken to behave independently of the start."""
EVEN_SHARE = 0.8
"""If at least this share of the runs of equal seeds has one length, the number of requests is what renews the seed."""


class Renewal(Enum):
    """What makes the ECU draw another seed while no seed is answered, as far as was seen."""

    EACH = "each request"
    REQUESTS = "a number of requests"
    TIME = "time"
    SESSION = "a new session"
    NONE = "nothing that was tried"


@dataclass(frozen=True, slots=True)
class SeedSample:
    """Seeds of one level in the order in which they were given, by plain requests."""

    seeds: tuple[bytes, ...]
    """The seeds, except those that are zero and answers without a seed."""
    times_s: tuple[float, ...] = ()
    """When each seed came, by the link's time."""
    utc_s: tuple[float, ...] = ()
    """When each seed came, by the wall clock."""
    starts: tuple[int, ...] = (0,)
    """The indices of the seeds that were the first of a session."""
    begun_s: float = 0.0
    """When the ECU was last seen to start before the sample, by the link's clock; 0 if no start was seen in the run."""
    taken: tuple[str, ...] = ()
    """How the seeds were requested, in words: how many in a row, how many after a pause, in which session."""
    stopped_by: str = ""
    """Why fewer seeds than wanted were taken; empty if as many as wanted were."""
    zeros: int = 0
    """How many seeds were zero, as an unlocked level gives them."""
    zeros_while_locked: int = 0
    """How many zero seeds came from a level that then refused a guarded effect, and so was locked."""
    without_seed: int = 0
    """How many positive answers held no seed at all."""
    evidence: tuple[Exchange, ...] = ()
    """A zero seed of a locked level, and the refusal that followed."""
    is_answered: bool = False
    """Whether the tester answered each seed by its key before it requested the next seed."""
    is_cut: bool = False
    """Whether `seeds` are only the first bytes of seeds of many lengths."""
    renewed_by: Renewal = Renewal.EACH
    """What the tester waited for before each request, so that the ECU drew a new seed."""

    def was_taken_beside(self, other: SeedSample) -> bool:
        """Whether the other sample is another one, and was taken in the same time."""
        if self is other or not self.times_s or not other.times_s:
            return False
        return self.times_s[0] < other.times_s[-1] and other.times_s[0] < self.times_s[-1]

    @property
    def is_enough(self) -> bool:
        """Whether the sample is large enough to judge repetition."""
        return len(self.seeds) >= ENOUGH_SEEDS

    @property
    def can_show_order(self) -> bool:
        """Whether there are enough different seeds to show an order. All seeds must have one length."""
        return len(set(self.seeds)) >= FEWEST_IN_ORDER

    @property
    def lengths(self) -> tuple[int, ...]:
        """The lengths of the seeds in bytes, the shortest first."""
        return tuple(sorted({len(seed) for seed in self.seeds}))

    def like(self, other: SeedSample) -> SeedSample:
        """Return the seeds that are as long as those of `other`; or, if `other` holds first bytes, as many of those."""
        return self.beginnings_of(other.lengths[0]) if other.is_cut else self.of_length(other.lengths[0])

    def of_length(self, length: int) -> SeedSample:
        """Return a sample with only the seeds of `length` bytes."""
        if self.lengths in ((), (length,)):
            return self
        return self._of([index for index, seed in enumerate(self.seeds) if len(seed) == length])

    def _of(self, kept: Sequence[int]) -> SeedSample:
        """Return a sample with only the seeds at these places."""
        starts = {sum(index < start for index in kept) for start in self.starts}
        return replace(
            self,
            seeds=tuple(self.seeds[index] for index in kept),
            times_s=tuple(self.times_s[index] for index in kept) if self.times_s else (),
            utc_s=tuple(self.utc_s[index] for index in kept) if self.utc_s else (),
            starts=tuple(sorted(start for start in starts if start < len(kept))),
        )

    def by_length(self) -> list[SeedSample]:
        """Return a sample for each length of seeds, the largest first."""
        counts = Counter(len(seed) for seed in self.seeds)
        return [self.of_length(length) for length, _ in counts.most_common()]

    @property
    def collisions(self) -> Collisions:
        """The equal seeds in the sample, and what they prove."""
        return collisions(self.seeds)

    def collisions_with(self, other: SeedSample) -> Collisions:
        """Count equal seeds in both samples together."""
        return collisions(self.seeds + other.seeds)

    def share_of_repeats(self, count: int) -> float:
        """Return the share of equal pairs, on average among `count` seeds in a row, or in the whole sample if larger."""
        step = max(1, count // 2)
        windows = [self.seeds[start : start + count] for start in range(0, max(1, len(self.seeds) - count + 1), step)]
        return max(self.collisions.share, sum(collisions(window).share for window in windows) / len(windows))

    @property
    def settled(self) -> SeedSample:
        """Return the seeds that came some seconds after the ECU's last start; all seeds if those are too few."""
        kept = [index for index, time_s in enumerate(self.times_s) if time_s - self.begun_s > SETTLED_S]
        return self._of(kept) if len(kept) >= ENOUGH_SEEDS else self

    def accounts_for(self, repeats: Collisions) -> bool:
        """Whether the sample repeats seeds about as often as another series did, so that one cause explains both."""
        if not self.collisions.is_too_many:
            return False
        share = self.share_of_repeats(repeats.seeds)
        pairs = repeats.seeds * (repeats.seeds - 1) // 2
        return repeats.share <= MORE_OFTEN * share or binomial_tail(repeats.pairs, pairs, share) > FALSE_ALARM

    @property
    def undrawn(self) -> bytes:
        """A seed that is one repeated byte, as in unwritten memory, if there are more than chance gives; else empty."""
        for sample in self.by_length():
            of_one_byte = [seed for seed in sample.seeds if len(set(seed)) == 1]
            share = 2.0 ** (-8 * (sample.lengths[0] - 1))
            if of_one_byte and binomial_tail(len(of_one_byte), len(sample.seeds), share) < FALSE_ALARM:
                return of_one_byte[0]
        return b""

    @property
    def is_held(self) -> bool:
        """Whether the ECU gives one seed several times in a row, then another seed, and never again an earlier one."""
        drawn = without_immediate_repeats(self.seeds)
        return len(drawn) < len(self.seeds) and not collisions(drawn).is_too_many and self.collisions.is_too_many

    @property
    def renewal(self) -> Renewal:
        """What makes the ECU draw another seed, as far as the sample shows."""
        if not self.is_held or not self.times_s:
            return Renewal.EACH
        gaps = [later - earlier for earlier, later in pairwise(self.times_s)]
        usual_s = LONGEST_GAP * median(gaps)
        changed = [index for index, (a, b) in enumerate(pairwise(self.seeds)) if a != b]
        in_a_row = [index for index in changed if gaps[index] <= usual_s and index + 1 not in self.starts]
        if in_a_row:
            runs = Counter(b - a for a, b in pairwise(changed))
            usual, times = runs.most_common(1)[0] if runs else (1, 0)
            is_even = usual > 1 and len(changed) > 4 and times >= EVEN_SHARE * (len(changed) - 1)
            return Renewal.REQUESTS if is_even else Renewal.TIME
        if any(index + 1 not in self.starts for index in changed):
            return Renewal.TIME
        return Renewal.SESSION if changed else Renewal.NONE

    @property
    def longest_run(self) -> int:
        """The largest number of successive requests to which the ECU gave the same seed."""
        longest = run = 1
        for a, b in pairwise(self.seeds):
            run = run + 1 if a == b else 1
            longest = max(longest, run)
        return longest

    @property
    def held_s(self) -> float:
        """The longest time for which one seed was given, in seconds."""
        seen: dict[bytes, list[float]] = {}
        for seed, time_s in zip(self.seeds, self.times_s, strict=False):
            seen.setdefault(seed, []).append(time_s)
        return max((max(times) - min(times) for times in seen.values()), default=0.0)

    @property
    def drawn(self) -> tuple[bytes, ...]:
        """The seeds as the ECU drew them; repeats are left out if there are more than chance allows."""
        return tuple(dict.fromkeys(self.seeds)) if self.collisions.is_too_many else self.seeds

    def beginnings(self) -> SeedSample:
        """Return a sample of the first bytes of seeds of many lengths: as many bytes as enough of the seeds have."""
        lengths = sorted((len(seed) for seed in self.seeds), reverse=True)
        return self.beginnings_of(lengths[min(len(lengths), 2 * ENOUGH_SEEDS) - 1])

    def beginnings_of(self, length: int) -> SeedSample:
        """Return the first `length` bytes of each seed that is at least as long."""
        kept = [index for index, seed in enumerate(self.seeds) if len(seed) >= length]
        return replace(self._of(kept), seeds=tuple(self.seeds[index][:length] for index in kept), is_cut=True)

    def enough_of_each_length(self) -> list[SeedSample]:
        """Return a sample for each length of which enough seeds were drawn; if there is none, one sample of all first bytes.

        Raises Inconclusive if there are too few seeds in all.
        """
        enough = [sample for sample in self.by_length() if len(sample.drawn) >= ENOUGH_SEEDS]
        if not enough and len(self.drawn) >= ENOUGH_SEEDS:
            enough = [self.beginnings()]
        if not enough:
            drawn = len(self.drawn)
            why = self.stopped_by or ("the same ones come again" if len(self.seeds) > drawn else "the others were zero")
            raise Inconclusive(f"{drawn} different seeds are too few to tell ({why})")
        return enough

    def battery(self, places: Sequence[int] = ()) -> Battery:
        """Run the tests of distribution and independence on the bytes at some places. All seeds must have one length."""
        if not places or len(places) == self.lengths[0]:
            return battery(self.drawn)
        return battery([bytes(seed[place] for place in places) for seed in self.drawn])

    def structure(self) -> Structure:
        """Estimate how much of each seed is chance, from this sample alone. All seeds must have one length."""
        if self.collisions.is_too_many:
            return structure_of(self.drawn)
        return structure_of(self.seeds, self.times_s, self.starts)

    def foretold(self) -> Prediction | SeedClock | None:
        """Find what predicts later seeds of the sample from earlier ones, if anything does. Seeds must have one length."""
        return foretell(self.seeds, self.starts) or foretell_stream(self.seeds) or follows_time(self.seeds, self.times_s)

    @property
    def bound(self) -> str:
        """Say in words what collision entropy of a seed the sample supports."""
        found = self.collisions
        if not found.pairs:
            return f"at least {found.entropy_bound_bits:.1f} bits (95 %), no more"
        return f"about {found.estimate_bits:.1f} bits"

    def rows(self) -> dict[str, str]:
        """The sample in words, as rows for the report."""
        found = self.collisions
        return {
            "Seeds taken": f"{len(self.seeds)}{f', then {self.stopped_by}' if self.stopped_by else ''}",
            **({"How": "; ".join(self.taken)} if self.taken else {}),
            "Length": _lengths(self.seeds),
            "Equal pairs": f"{found.pairs}; by chance {found.expected:.2g}",
            "Collision entropy that the sample supports": self.bound,
        }


def _lengths(seeds: Sequence[bytes]) -> str:
    counts = Counter(len(seed) for seed in seeds)
    if len(counts) < 2:
        return f"{next(iter(counts), 0)} bytes"
    return " or ".join(f"{length} bytes ({count} seeds)" for length, count in sorted(counts.items()))
