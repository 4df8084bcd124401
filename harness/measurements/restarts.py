"""Restart the ECU in each way that it offers, and ask for seeds at once, at a fixed moment, and at other moments."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from harness.analysis.collisions import Collisions, collisions, without_immediate_repeats
from harness.errors import Inconclusive, NotRun
from harness.measurements.seeds import refusal_while_locked, unless_absent
from harness.runs.findings import Exchange
from harness.tester.restart import Way
from harness.tester.tester import Tester
from harness.verdict import Depth

BEYOND_BOOT_S = 0.3
"""The seed is asked for so long after the slowest restart that was needed to learn how long one takes."""

LATER_S = (1.1, 2.6, 0.7, 4.3)
"""The same, for restarts after which it is asked for later."""

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
    way: str
    """How the ECU was restarted, e.g. ``ECUReset 0x01``."""
    moment_s: float
    """When it was asked for, after the restart was: what was planned; 0: as soon as the ECU answered."""
    age_s: float
    """When it came."""
    utc_s: float
    is_in_sweep: bool = False
    """At a moment of its own, rather than at that of the others."""
    refusal: Exchange | None = None
    """Of a seed that is zero: what was refused directly after, as it is only while the level is locked."""
    second: bytes = b""
    """What a second request was given; empty: none was made, or it gave no seed."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """First seeds after restarts that were seen."""

    first: tuple[FirstSeed, ...]
    unseen: tuple[str, ...] = ()
    """Ways by which no restart could be seen."""
    is_answered: bool = False
    """Each seed was answered by its key, so that none could be kept for the next time."""

    @property
    def ways(self) -> str:
        """The ways that were tried, each with the number of restarts, in words."""
        return ", ".join(f"{count} by {way}" for way, count in Counter(one.way for one in self.first).items())

    @property
    def seeds(self) -> tuple[bytes, ...]:
        """All of them but zeros."""
        return tuple(one.seed for one in self.first if any(one.seed))

    @property
    def second_seeds(self) -> tuple[bytes, ...]:
        """Those that came next, where they were other ones and not zero."""
        return tuple(one.second for one in self.first if any(one.second) and one.second != one.seed)

    @property
    def collisions(self) -> Collisions:
        """Equal seeds, and what they prove."""
        return collisions(self.seeds)

    @property
    def second_collisions(self) -> Collisions:
        """The same of the seeds that came second."""
        return collisions(self.second_seeds)

    @property
    def is_held(self) -> bool:
        """Only neighbours are equal: one seed is kept over restarts, and then another one."""
        return not collisions(without_immediate_repeats(self.seeds)).is_too_many

    @property
    def at_one_moment(self) -> tuple[FirstSeed, ...]:
        """Those that were asked for at the same time after the restart."""
        return tuple(one for one in self.first if not one.is_in_sweep)

    @property
    def repeats(self) -> str:
        """For each moment at which seeds came again, how many were asked for then and how many differed, in words."""
        by_moment: dict[str, list[bytes]] = {}
        for one in self.first:
            moment = "at other moments" if one.is_in_sweep else f"{one.moment_s:.2f} s after the restart was asked for"
            by_moment.setdefault(moment if one.moment_s else "as soon as the ECU answered", []).append(one.seed)
        few = {moment: same for moment, same in by_moment.items() if len(set(same)) < len(same)}
        return "; ".join(f"{moment} {len(same)} seeds, {len(set(same))} different" for moment, same in few.items())

    @property
    def jitter_s(self) -> float:
        """How far apart the moments that should have been the same really were."""
        ages: dict[tuple[str, float], list[float]] = {}
        for one in self.at_one_moment:
            ages.setdefault((one.way, one.moment_s), []).append(one.age_s)
        return max((max(same) - min(same) for same in ages.values()), default=0.0)

    @property
    def is_constant(self) -> bool:
        """After each of at least three restarts, at different moments too, the seed was the same, as chance has it never."""
        return len(self.seeds) >= 3 and len(set(self.seeds)) == 1 and self.collisions.is_too_many


def seeds_after_restarts(tester: Tester, level: int, depth: Depth, *, are_answered: bool = False) -> Restarts:
    """Restart about 12, 40 or 200 times by depth, in each way that is offered, each type of ECUReset being one.

    A seed is asked for as soon as the ECU answers, at a fixed moment, or at other ones; a second one follows.

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
    series = _Series(tester, level, are_answered=are_answered)
    ways = [*tester.restart.power_cycles(), *tester.restart.resets()]
    for number, way in enumerate(ways):
        if number == 0:
            quick = 3 if tester.target.is_simulated else 2
            at_once, same = depth.choose(quick=quick, default=6, deep=20), depth.choose(quick=quick, default=12, deep=100)
            later, swept = depth.choose(quick=1, default=4, deep=4), depth.choose(quick=quick - 1, default=4, deep=20)
        else:
            at_once, same = depth.choose(quick=0, default=3, deep=6), depth.choose(quick=2, default=4, deep=20)
            later, swept = depth.choose(quick=0, default=1, deep=4), 0
        series.take(way, at_once, same, later, swept)
    found = series.result()
    if not found.first:
        raise Inconclusive(f"no restart was seen, by {' or '.join(way.name for way in ways)}")
    return found


class _Series:
    """Restarts one after the other."""

    def __init__(self, tester: Tester, level: int, *, are_answered: bool) -> None:
        self._tester = tester
        self._level = level
        self._are_answered = are_answered
        self._first: list[FirstSeed] = []
        self._unseen: list[str] = []

    def take(self, way: Way, at_once: int, same: int, later: int, swept: int) -> None:
        """Restarts with the seed as soon as the ECU answers, at the same moment, later, and a little later each time."""
        moment_s = 0.0
        plan: list[tuple[float | None, bool]] = [(0.0, False)] * same
        plan += [(number * SWEEP_S, True) for number in range(1, swept + 1)]
        plan += [(step_s, True) for step_s in LATER_S[:later]]
        plan += [(None, False)] * at_once
        unseen = 0
        while plan:
            beyond_s, is_in_sweep = plan.pop(0)
            was_seen = way.go()
            if was_seen is None and not self._has(way):
                return  # the ECU does not offer it
            if not was_seen:
                unseen += 1
                if unseen == UNSEEN_LIMIT:
                    self._unseen.append(way.name)
                    return
                continue
            self._tester.state.restart_seen()
            ready_s = self._tester.link.now_s - self._tester.restart.begun_s
            moment_s = moment_s or ready_s + BEYOND_BOOT_S
            planned_s = 0.0 if beyond_s is None else moment_s + beyond_s
            one = replace(self._seed_at(planned_s), way=way.name, is_in_sweep=is_in_sweep)
            self._first.append(one)
            if one.age_s > SLOW_FACTOR * max(moment_s, planned_s):
                plan = plan[: max(0, FEWEST_RESTARTS - len(self._first))]

    def _has(self, way: Way) -> bool:
        return any(one.way == way.name for one in self._first)

    def _seed_at(self, moment_s: float) -> FirstSeed:
        tester, begun_s = self._tester, self._tester.restart.begun_s
        tester.session_for(self._level)
        tester.wait(max(0.0, begun_s + moment_s - tester.link.now_s), "a certain time after the start")
        seed = tester.security.seed(self._level, as_given=True)
        age_s, utc_s = tester.link.now_s - begun_s, tester.link.utc_s
        refusal, second = None, b""
        if not any(seed):
            refusal = refusal_while_locked(tester, self._level)
        elif self._are_answered:
            tester.security.send_key(self._level, tester.security.right_key(self._level, seed))
        else:
            again = tester.security.request_seed(self._level)
            second = again.pdu[2:] if again.is_positive else b""
        return FirstSeed(seed, "", moment_s, age_s, utc_s, refusal=refusal, second=second)

    def result(self) -> Restarts:
        """What has been seen."""
        return Restarts(tuple(self._first), tuple(self._unseen), self._are_answered)
