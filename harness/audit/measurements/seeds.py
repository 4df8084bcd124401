"""Which seeds does a level give? A sample, taken once a run, and fresh ones for a second look."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.collisions import Collisions, collisions, without_immediate_repeats
from harness.run import Depth
from harness.tester.tester import Tester
from harness.uds import Session

ENOUGH_SEEDS = 50
SESSION_CHANGES = 4


@dataclass(frozen=True, slots=True)
class SeedSample:
    """Seeds of one level in the order in which they were given, by plain requests."""

    seeds: tuple[bytes, ...]
    """Without those that are zero."""
    stopped_by: str = ""
    """Why there are fewer than wanted."""
    zeros: int = 0
    """How many seeds were zero, which is what an unlocked level gives."""

    @property
    def is_enough(self) -> bool:
        """Large enough to say anything about repetition."""
        return len(self.seeds) >= ENOUGH_SEEDS

    @property
    def collisions(self) -> Collisions:
        """Equal seeds, and what they prove."""
        return collisions(self.seeds)

    @property
    def is_held(self) -> bool:
        """One seed is given again and again, then another one, and none ever comes back."""
        drawn = without_immediate_repeats(self.seeds)
        return len(drawn) < len(self.seeds) and not collisions(drawn).is_too_many and self.collisions.is_too_many


def sample_seeds(tester: Tester, level: int, depth: Depth) -> SeedSample:
    """Seeds of a locked level, the session entered anew four times: 256, 1000 or 10000 by depth."""
    wanted = depth.choose(quick=256, default=1000, deep=10_000)
    tester.access.require_locked()
    seeds: list[bytes] = []
    while len(seeds) < wanted:
        if len(seeds) % (wanted // SESSION_CHANGES) == 0:
            if tester.has_sessions:
                tester.enter_session(Session.DEFAULT)
            tester.session_for(level)
            seeds.append(tester.security.seed(level))
            continue
        reply = tester.security.request_seed(level)
        if not reply.is_positive:
            return _sample(seeds, f"request {len(seeds) + 1}: {reply}")
        seeds.append(reply.pdu[2:])
    return _sample(seeds)


def _sample(seeds: list[bytes], stopped_by: str = "") -> SeedSample:
    drawn = tuple(seed for seed in seeds if any(seed))
    return SeedSample(drawn, stopped_by, len(seeds) - len(drawn))
