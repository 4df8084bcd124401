"""What several checks need to know about an ECU, measured once, on demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.analysis.collisions import Collisions, collisions, without_immediate_repeats
from harness.outcome import Inconclusive, Unjudged
from harness.run import Depth, Exchange
from harness.tester.tester import Tester
from harness.uds import Nrc, Session

LIMIT_PROBE = 11
"""One more than the largest attempt limit that is still a limit (CATALOGUE 11, row 4)."""

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


@dataclass(frozen=True, slots=True)
class Lockout:
    """What wrong keys led to."""

    evaluated: int
    """Wrong keys that the ECU answered as wrong."""
    limit: int | None
    """The wrong key at which it stopped taking more; None: none was found."""
    reason: str
    """What stopped the probe, in words."""
    evidence: tuple[Exchange, ...] = ()


class Measurements:
    """Takes each measurement once, and gives the same result, or the same reason for none, to all that ask."""

    def __init__(self, tester: Tester, depth: Depth) -> None:
        self._tester = tester
        self._depth = depth
        self._taken: dict[tuple[object, ...], Any] = {}

    def _once(self, key: tuple[object, ...], take: Callable[[], Any]) -> Any:
        if key not in self._taken:
            try:
                self._taken[key] = take()
            except Unjudged as reason:
                self._taken[key] = reason
        found = self._taken[key]
        if isinstance(found, Unjudged):
            raise found
        return found

    def seeds(self, level: int) -> SeedSample:
        """The run's seed sample of a locked level: 256, 1000 or 10000 by depth."""
        sample: SeedSample = self._once(("seeds", level), lambda: self.fresh_seeds(level))
        return sample

    def fresh_seeds(self, level: int) -> SeedSample:
        """Another sample of the same size, the session entered anew four times."""
        tester = self._tester
        wanted = self._depth.choose(quick=256, default=1000, deep=10_000)
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

    def lockout(self, level: int) -> Lockout:
        """How many wrong keys the level takes: 11 are tried, 50 at depth deep."""
        profile: Lockout = self._once(("lockout", level), lambda: self._lockout(level))
        return profile

    def _lockout(self, level: int) -> Lockout:
        tester, security = self._tester, self._tester.security
        probe = self._depth.choose(quick=LIMIT_PROBE, default=LIMIT_PROBE, deep=50)
        security.ledger.check(level, LIMIT_PROBE)
        tester.prove_keys()
        tester.restore()
        tester.session_for(level)
        seed = security.seed(level)
        limited = (Nrc.EXCEEDED_NUMBER_OF_ATTEMPTS, Nrc.REQUIRED_TIME_DELAY_NOT_EXPIRED)
        for count in range(1, probe + 1):
            answer = security.send_key(level, security.wrong_key(level, seed, flip=count))
            if answer.is_refused_with(*limited):
                return Lockout(count, count, f"wrong key {count}: {answer}", (answer.exchange(),))
            if not answer.is_refused_with(Nrc.INVALID_KEY):
                tester.cite(answer)
                raise Inconclusive(f"wrong key {count} was not evaluated as one: {answer}")
            following = security.request_seed(level)
            if following.is_refused_with(*limited):
                reason = f"seed request after wrong key {count}: {following}"
                return Lockout(count, count, reason, (answer.exchange(), following.exchange()))
            if not following.is_positive:
                tester.cite(answer, following)
                raise Inconclusive(f"after wrong key {count} there is no seed, but no limit is announced: {following}")
            seed = following.pdu[2:]
        reason = f"{probe} wrong keys were evaluated, each with 0x35, and seeds still given"
        return Lockout(probe, None, reason, (answer.exchange(), following.exchange()))


def _sample(seeds: list[bytes], stopped_by: str = "") -> SeedSample:
    drawn = tuple(seed for seed in seeds if any(seed))
    return SeedSample(drawn, stopped_by, len(seeds) - len(drawn))
