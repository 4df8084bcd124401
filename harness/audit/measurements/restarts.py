"""Which seed comes first after a restart? The same moment again and again, and some others."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.collisions import Collisions, collisions, without_immediate_repeats
from harness.audit.measurements.seeds import refusal_of_a_write, unless_absent
from harness.outcome import Inconclusive, NotRun
from harness.run import Depth, Exchange
from harness.tester.restart import Means
from harness.tester.tester import Tester

BEYOND_BOOT_S = 0.3
"""The seed is asked for so long after the slowest restart that was needed to learn how long one takes."""

SWEEP_S = 0.0137
"""By how much the other moments lie apart."""

SLOW_FACTOR = 4
"""An ECU that gives no seed for this many times as long as planned has a delay after a start: few restarts must do."""

FEWEST_RESTARTS = 6
UNSEEN_LIMIT = 2


@dataclass(frozen=True, slots=True)
class FirstSeed:
    """The first seed after one restart."""

    seed: bytes
    means: Means
    moment_s: float
    """When it was asked for, after the restart was: what was planned."""
    age_s: float
    """When it came."""
    utc_s: float
    is_in_sweep: bool = False
    """At a moment of its own, rather than at that of the others."""
    refusal: Exchange | None = None
    """Of a seed that is zero: a protected write that was refused directly after."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """First seeds after restarts that were seen."""

    first: tuple[FirstSeed, ...]
    unseen: tuple[Means, ...] = ()
    """Means by which no restart could be seen."""
    is_answered: bool = False
    """Each seed was answered by its key, so that none could be kept for the next time."""

    @property
    def seeds(self) -> tuple[bytes, ...]:
        """All of them but zeros."""
        return tuple(one.seed for one in self.first if any(one.seed))

    @property
    def collisions(self) -> Collisions:
        """Equal seeds, and what they prove."""
        return collisions(self.seeds)

    @property
    def is_held(self) -> bool:
        """Only neighbours are equal: one seed is kept over restarts, and then another one."""
        return not collisions(without_immediate_repeats(self.seeds)).is_too_many

    @property
    def at_one_moment(self) -> tuple[FirstSeed, ...]:
        """Those that were asked for at the same time after the restart."""
        return tuple(one for one in self.first if not one.is_in_sweep)

    @property
    def in_sweep(self) -> tuple[FirstSeed, ...]:
        """Those that were asked for at other moments."""
        return tuple(one for one in self.first if one.is_in_sweep)

    @property
    def jitter_s(self) -> float:
        """How far apart the moments that should have been the same really were."""
        ages = [[one.age_s for one in self.at_one_moment if one.means is means] for means in Means]
        return max((max(same) - min(same) for same in ages if same), default=0.0)

    @property
    def is_constant(self) -> bool:
        """After each of at least three restarts, at different moments too, the seed was the same, as chance has it never."""
        return len(self.seeds) >= 3 and len(set(self.seeds)) == 1 and self.collisions.is_too_many


def seeds_after_restarts(tester: Tester, level: int, depth: Depth, *, are_answered: bool = False) -> Restarts:
    """Restart 6, 24 or 160 times by depth, and ask for a seed at a fixed moment, or for some of them at others.

    NotApplicable, NotRun: no restart is offered, or none allowed. Inconclusive: none was seen.
    """
    means = tester.restart.means()
    reset = tester.target.reset
    if not means and (reset.uds is not None or reset.command or reset.power):
        raise NotRun("the target does not allow a restart; see [safety] allow in the target file")
    if not means:
        raise tester.looking.without_restart()
    return unless_absent(tester, level, lambda: _restarts(tester, level, depth, are_answered))


def _restarts(tester: Tester, level: int, depth: Depth, are_answered: bool) -> Restarts:
    means = tester.restart.means()
    series = _Series(tester, level, are_answered=are_answered)
    thorough, *others = reversed(means)
    series.take(thorough, depth.choose(quick=4, default=14, deep=100), depth.choose(quick=2, default=4, deep=20))
    for other in others:
        series.take(other, depth.choose(quick=0, default=6, deep=20), 0)
    found = series.result()
    if not found.first:
        raise Inconclusive(f"no restart was seen, by {' or '.join(one.value for one in means)}")
    return found


class _Series:
    """Restarts one after the other."""

    def __init__(self, tester: Tester, level: int, *, are_answered: bool) -> None:
        self._tester = tester
        self._level = level
        self._are_answered = are_answered
        self._first: list[FirstSeed] = []
        self._unseen: list[Means] = []

    def take(self, means: Means, same: int, swept: int) -> None:
        """So many restarts with the seed at the same moment, and so many more with it a little later each time."""
        moment_s = 0.0
        plan = [0] * same + list(range(1, swept + 1))
        unseen = 0
        while plan:
            moved = plan.pop(0)
            if not self._tester.restart.restart(means):
                unseen += 1
                if unseen == UNSEEN_LIMIT:
                    self._unseen.append(means)
                    return
                continue
            self._tester.state.restart_seen()
            ready_s = self._tester.link.now_s - self._tester.restart.begun_s
            moment_s = moment_s or ready_s + BEYOND_BOOT_S
            one = self._seed_at(means, moment_s + moved * SWEEP_S, is_in_sweep=bool(moved))
            self._first.append(one)
            if one.age_s > SLOW_FACTOR * moment_s:
                plan = plan[: max(0, FEWEST_RESTARTS - len(self._first))]

    def _seed_at(self, means: Means, moment_s: float, *, is_in_sweep: bool) -> FirstSeed:
        tester, begun_s = self._tester, self._tester.restart.begun_s
        tester.session_for(self._level)
        tester.wait(max(0.0, begun_s + moment_s - tester.link.now_s))
        seed = tester.security.seed(self._level, as_given=True)
        age_s, utc_s = tester.link.now_s - begun_s, tester.link.utc_s
        refusal = None
        if not any(seed):
            refusal = refusal_of_a_write(tester, self._level)
        elif self._are_answered:
            tester.security.send_key(self._level, tester.security.right_key(self._level, seed))
        return FirstSeed(seed, means, moment_s, age_s, utc_s, is_in_sweep, refusal)

    def result(self) -> Restarts:
        """What has been seen."""
        return Restarts(tuple(self._first), tuple(self._unseen), self._are_answered)
