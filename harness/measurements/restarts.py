"""Restart the ECU in each way that it offers, and request seeds: at once, at a fixed moment, and at varying moments."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.analysis.collisions import Collisions, collisions, without_immediate_repeats
from harness.errors import Inconclusive, NotRun
from harness.measurements.seeds import refusal_while_locked, unless_absent
from harness.runs.findings import Exchange
from harness.tester.restart import RestartWay
from harness.tester.tester import Tester
from harness.verdict import Depth

BEYOND_BOOT_S = 0.3
"""The seconds from the ECU's return to the fixed moment; the first restart that is seen measures the return."""

LATER_S = (1.1, 2.6, 0.7, 4.3)
"""Seconds past the fixed moment for later seed requests."""

SWEEP_S = 0.0137
"""The seconds by which each growing moment exceeds the one before."""

SLOW_FACTOR = 4
"""How many times later than planned a seed comes if the ECU delays seeds after starts; then few restarts are made."""

FEWEST_RESTARTS = 6
UNSEEN_LIMIT = 2


@dataclass(frozen=True, slots=True)
class FirstSeed:
    """The first seed after one restart."""

    seed: bytes
    way: str
    """How the ECU was restarted, e.g. ``ECUReset 0x01``."""
    moment_s: float
    """The planned seconds from the restart to the request for the seed; 0: as soon as the ECU answered."""
    age_s: float
    """The seconds from the restart to the seed."""
    utc_s: float
    is_in_sweep: bool = False
    """Whether the seed was requested at a varying moment rather than at the fixed one."""
    refusal: Exchange | None = None
    """For a zero seed: the refusal of a guarded effect directly after it, which proves that the level was locked."""
    second: bytes = b""
    """The seed that a second request gave; empty if no second request was made, or it gave no seed."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """The first seeds after each restart that was seen."""

    first: tuple[FirstSeed, ...]
    unseen: tuple[str, ...] = ()
    """The ways to restart by which the tester saw no restart."""
    is_answered: bool = False
    """Whether the tester answered each seed by its key, so that the ECU could hold no seed over the next restart."""

    @property
    def ways(self) -> str:
        """The ways that were tried, each with the number of restarts, in words."""
        return ", ".join(f"{count} by {way}" for way, count in Counter(one.way for one in self.first).items())

    @property
    def seeds(self) -> tuple[bytes, ...]:
        """All first seeds except zeros."""
        return tuple(one.seed for one in self.first if any(one.seed))

    @property
    def second_seeds(self) -> tuple[bytes, ...]:
        """The second seeds after each restart, except zeros and those equal to the first seed."""
        return tuple(one.second for one in self.first if any(one.second) and one.second != one.seed)

    @property
    def collisions(self) -> Collisions:
        """The equal seeds among first seeds, and what they prove."""
        return collisions(self.seeds)

    @property
    def second_collisions(self) -> Collisions:
        """The equal seeds among second seeds, and what they prove."""
        return collisions(self.second_seeds)

    @property
    def is_held(self) -> bool:
        """Whether only successive seeds are equal, as the ECU keeps a seed over restarts and then draws another."""
        return not collisions(without_immediate_repeats(self.seeds)).is_too_many

    @property
    def at_one_moment(self) -> tuple[FirstSeed, ...]:
        """The first seeds that were requested at the fixed moments."""
        return tuple(one for one in self.first if not one.is_in_sweep)

    @property
    def repeats(self) -> str:
        """Say for each moment with repeated seeds how many seeds were requested then, and how many different ones came."""
        by_moment: dict[str, list[bytes]] = {}
        for one in self.first:
            moment = "at other moments" if one.is_in_sweep else f"{one.moment_s:.2f} s after the restart was asked for"
            by_moment.setdefault(moment if one.moment_s else "as soon as the ECU answered", []).append(one.seed)
        few = {moment: same for moment, same in by_moment.items() if len(set(same)) < len(same)}
        return "; ".join(f"{moment} {len(same)} seeds, {len(set(same))} different" for moment, same in few.items())

    @property
    def jitter_s(self) -> float:
        """The greatest difference in seconds between the ages of seeds that were planned for the same moment."""
        ages: dict[tuple[str, float], list[float]] = {}
        for one in self.at_one_moment:
            ages.setdefault((one.way, one.moment_s), []).append(one.age_s)
        return max((max(same) - min(same) for same in ages.values()), default=0.0)

    @property
    def is_constant(self) -> bool:
        """Whether all restarts, at least three, gave the same seed at all moments, more often than chance allows."""
        return len(self.seeds) >= 3 and len(set(self.seeds)) == 1 and self.collisions.is_too_many


def seeds_after_restarts(
    tester: Tester, level: int, depth: Depth, *, are_answered: bool = False, others: Sequence[int] = ()
) -> dict[int, Restarts]:
    """Restart the ECU about 12, 40 or 200 times, by depth: by its supply and by each type of ECUReset that it has.

    Two seeds are requested after each restart, the first of them as soon as the ECU answers, at a fixed moment, or at
    varying moments. Raises NotApplicable if no restart is offered, NotRun if none is allowed, Inconclusive if none was seen.
    """
    means = tester.restart.means()
    reset = tester.target.reset
    if not means and (reset.uds is not None or reset.command or reset.power):
        raise NotRun("the target does not allow a restart; see [safety] allow in the target file")
    if not means:
        raise tester.looking.without_restart()
    return unless_absent(tester, level, lambda: _restarts(tester, [level, *others], depth, are_answered))


def _restarts(tester: Tester, levels: Sequence[int], depth: Depth, are_answered: bool) -> dict[int, Restarts]:
    series = _Series(tester, levels, are_answered=are_answered)
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
    found = series.results()
    if not found:
        raise Inconclusive(f"no restart was seen, by {' or '.join(way.name for way in ways)}")
    return found


class _Series:
    """Restarts the ECU again and again, and collects the seeds of several levels, always in the same order."""

    def __init__(self, tester: Tester, levels: Sequence[int], *, are_answered: bool) -> None:
        self._tester = tester
        self._levels = [*levels]
        self._are_answered = are_answered
        self._first: dict[int, list[FirstSeed]] = {level: [] for level in levels}
        self._unseen: list[str] = []

    def take(self, way: RestartWay, at_once: int, same: int, later: int, swept: int) -> None:
        """Restart as often as each count says: for seeds at once, at a fixed moment (`same`), later, at growing moments."""
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
            found = self._seeds_at(planned_s)
            for level, one in found.items():
                self._first[level].append(replace(one, way=way.name, is_in_sweep=is_in_sweep))
            if found[self._levels[0]].age_s > SLOW_FACTOR * max(moment_s, planned_s):
                plan = plan[: max(0, FEWEST_RESTARTS - len(self._first[self._levels[0]]))]

    def _has(self, way: RestartWay) -> bool:
        return any(one.way == way.name for one in self._first[self._levels[0]])

    def _seeds_at(self, moment_s: float) -> dict[int, FirstSeed]:
        """Request two seeds of each level, and return them."""
        tester, begun_s = self._tester, self._tester.restart.begun_s
        tester.session_for(self._levels[0])
        tester.wait(max(0.0, begun_s + moment_s - tester.link.now_s), "a certain time after the start")
        found = {}
        for level in [*self._levels]:
            if (seed := self._seed(level)) is not None:
                found[level] = FirstSeed(seed, "", moment_s, tester.link.now_s - begun_s, tester.link.utc_s)
        for level, one in found.items():
            if not any(one.seed):
                found[level] = replace(one, refusal=refusal_while_locked(tester, level))
            elif self._are_answered:
                tester.security.send_key(level, tester.security.right_key(level, one.seed))
            else:
                again = tester.security.request_seed(level)
                found[level] = replace(one, second=again.pdu[2:] if again.is_positive else b"")
        if any(one.second == one.seed for one in found.values()):  # held: another level may keep it from being renewed
            self._leave_out(self._levels[1:])
        return {level: one for level, one in found.items() if level in self._levels}

    def _seed(self, level: int) -> bytes | None:
        """Return a seed; None if a level other than the first gives none, which is then left out from now on."""
        if level == self._levels[0]:
            return self._tester.security.seed(level, as_given=True)
        reply = self._tester.security.request_seed(level)
        if reply.is_positive and len(reply.pdu) > 2:
            return reply.pdu[2:]
        self._leave_out([level])
        return None

    def _leave_out(self, levels: Sequence[int]) -> None:
        for level in levels:
            self._levels.remove(level)
            del self._first[level]

    def results(self) -> dict[int, Restarts]:
        """Return by level the seeds taken so far; nothing if no restart was seen."""
        unseen = tuple(self._unseen)
        return {level: Restarts(tuple(first), unseen, self._are_answered) for level, first in self._first.items() if first}
