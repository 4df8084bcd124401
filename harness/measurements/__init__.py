"""Measure what several checks need to know about an ECU: only when a check asks, and only once."""

import contextlib
import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from harness.analysis.parts import Structure
from harness.check import Attack
from harness.errors import HarnessError, Inconclusive, NotApplicable, Unjudged, Violation
from harness.measurements.after_wrong_keys import SeedsAfterWrongKeys, seeds_after_wrong_keys
from harness.measurements.attempts import Attempts, take_attempts
from harness.measurements.between_keys import Act, acts_between
from harness.measurements.delay import AfterRestart, Delay, measure_delay, seeds_after_restart
from harness.measurements.errands import Errand, Errands
from harness.measurements.generators import GeneratorSearch, search_generators
from harness.measurements.held_seeds import AnswersToHeldSeeds, answer_held_seeds
from harness.measurements.key_book import KeyBook
from harness.measurements.key_kinds import bits_at, rearranged
from harness.measurements.lockout import Lockout, probe_lockout
from harness.measurements.other_unit import OtherUnit, try_other_unit
from harness.measurements.pairs import KeyPairs, take_pairs
from harness.measurements.restarts import Restarts, seeds_after_restarts
from harness.measurements.secrets import SecretSearch, search_for_secret
from harness.measurements.seed_sample import ENOUGH_SEEDS, Renewal, SeedSample
from harness.measurements.seeds import sample_answered_seeds, sample_renewed_seeds, sample_seeds
from harness.measurements.side_by_side import Steps, Turns, in_turn, side_by_side
from harness.measurements.simple_keys import SimpleKeys, find_missing_keys, try_simple_keys
from harness.measurements.timing import KeyTiming, time_keys
from harness.measurements.trouble_codes import trouble_codes
from harness.runs.measured import Limit, Profile, Times
from harness.tester.guesses import OpenedMeanwhile, Supplied
from harness.tester.tester import Tester
from harness.verdict import Depth

__all__ = ["Act", "Delay", "Errand", "KeyBook", "Measurements", "Turns", "bits_at", "rearranged"]

T = TypeVar("T")

LOG: Final = logging.getLogger("harness.measurements")

MOST_LENGTHS = 4
"""The largest number of different seed lengths that are judged one by one; with more, all seeds' first bytes are."""

MOST_VALUES = 1000
"""How many values of a sample are kept for its picture."""


class Measurements:
    """Takes each measurement once, and gives every caller the same result, or the same reason why there is no result.

    Measuring changes the ECU's state: a check that needs a known state restores it afterwards.
    """

    def __init__(self, tester: Tester, depth: Depth) -> None:
        self._tester = tester
        self._depth = depth
        self._taken: dict[tuple[object, ...], object] = {}
        self.profiles: list[Profile] = []
        """The measured tables that the report shows, in the order in which they were taken."""
        self._notes: dict[tuple[str, int], list[str]] = {}
        """Notes for a check, by measurement and level, made while the check of another level took the measurement."""
        self.errands = Errands(tester, depth)
        """Parts of checks that are done early, while a delay is running."""
        self.levels: set[int] = set()
        """Levels to which checks of the run may send wrong keys; some measurements are taken for all of them together."""
        self.check = ""
        """The name of the check under way, for the log."""
        self.under_way: list[str] = []
        """The names of the measurements under way; each measurement is part of the one named before it."""
        self._served: dict[tuple[object, ...], list[str]] = {}
        """By the key of a measurement: the checks that it serves."""
        tester.guesses.supply = self._next_key

    def once(self, key: tuple[object, ...], take: Callable[[], T]) -> T:
        """Return what `take` returned when it was called first, or raise again what it raised then.

        OpenedMeanwhile is not kept: the measurement is then taken once more.
        """
        if key not in self._taken:
            self.under_way.append(_named(key))
            self._served[key] = [self.check]
            try:
                self._taken[key] = take()
            except OpenedMeanwhile:
                raise
            except Unjudged as reason:
                self._taken[key] = reason
            finally:
                self.under_way.pop()
        elif self.check not in (served := self._served.setdefault(key, [])):
            if served:
                LOG.debug("%s, measured for %s, serves %s too", _named(key), served[0], self.check)
            served.append(self.check)
        found = self._taken[key]
        if isinstance(found, Unjudged):
            raise found
        return found  # type: ignore[return-value]

    def in_turn(self, name: str, level: int, take: Callable[[int], Turns[T]]) -> T:
        """Restore the ECU, and return the result of `take` for the level, which measures only once a run.

        The levels of the run are measured together, in turn, if their delays are declared and each can be opened while the
        others are locked out.
        """
        return self._for_all(name, level, in_turn, take, is_both_ways=True)

    def _for_all(
        self,
        name: str,
        level: int,
        together: Callable[..., Mapping[int, tuple[Any, list[str]]]],
        take: Callable[[int], Generator[Any, None, T]],
        *,
        is_both_ways: bool = False,
    ) -> T:
        def take_all() -> T:
            others = [
                other for other in self.others_beside(level, is_both_ways=is_both_ways) if (name, other) not in self._taken
            ]
            if is_both_ways:
                self._tester.prove_keys()
                self._tester.restore()
            for one, (found, notes) in together(self._tester, level, {one: take(one) for one in (level, *others)}).items():
                self._taken[name, one] = found
                self._notes[name, one] = notes
            own = self._taken[name, level]
            if isinstance(own, Unjudged):
                raise own
            return own  # type: ignore[return-value]

        found = self.once((name, level), take_all)
        for note in self._notes.pop((name, level), ()):
            self._tester.note(note)
        return found

    def others_beside(self, level: int, *, is_both_ways: bool = True) -> list[int]:
        """Return the other levels of the run that have a limit, and can be opened while this one is locked out.

        With `is_both_ways`, return only those during whose lockout this one can be opened too; all have declared delays.
        """
        found: list[int] = []
        declared = {entry.level for entry in self._tester.target.security if entry.delay_s}
        if is_both_ways and level not in declared:
            return found
        for other in sorted((self.levels & declared if is_both_ways else self.levels) - {level}):
            known = [level, *found]
            if not self._tester.serves_beside(other, known):
                continue
            if is_both_ways and not all(self._tester.serves_beside(one, [other]) for one in known):
                continue
            with contextlib.suppress(Unjudged, Violation, HarnessError):  # its own checks will meet it again
                self.limit(other)
                found.append(other)
        return found

    def delays_beside(self, level: int) -> dict[int, Delay]:
        """Return the delay of each level that `others_beside` returns, measured by itself, if that succeeds."""
        found = {}
        for other in self.others_beside(level):
            with contextlib.suppress(Unjudged, Violation, HarnessError):  # its own checks will meet it again
                found[other] = self.delay(other)
        return found

    def publish(
        self,
        title: str,
        rows: Mapping[str, str],
        *,
        seeds: Sequence[bytes] = (),
        times: Mapping[str, Sequence[float]] = {},
        limits: Mapping[str, Mapping[str, float]] = {},
    ) -> None:
        """Show a measured profile in the report, e.g. of a lockout; a later one of the same title replaces it.

        `seeds` and `times` (in seconds, by what was timed) are drawn as pictures, at most `MOST_VALUES` values of each.
        `limits` are marked in these pictures: by what was timed, seconds by their names, e.g.
        ``{"first answers": {"P2": 0.05}}``.
        """
        self.profiles = [profile for profile in self.profiles if profile.title != title]
        self.profiles.append(
            Profile(
                title=title,
                rows=tuple(rows.items()),
                seeds=tuple(seed.hex().upper() for seed in seeds[:MOST_VALUES]),
                times=tuple(
                    Times(
                        name=name,
                        seconds=tuple(values[:MOST_VALUES]),
                        limits=tuple(Limit(name=word, seconds=one) for word, one in limits.get(name, {}).items()),
                    )
                    for name, values in times.items()
                ),
            )
        )

    def _add(self, title: str, rows: Mapping[str, str]) -> None:
        """Add lines to a profile; the profile may exist already, with other lines and with pictures."""
        known = next((profile for profile in self.profiles if profile.title == title), Profile(title=title, rows=()))
        self.publish(title, {})
        self.profiles[-1] = replace(known, rows=tuple({**dict(known.rows), **rows}.items()))

    def seeds(self, level: int) -> SeedSample:
        """Return the run's seed sample of a locked level: 256, 1000 or 10000 seeds by depth."""
        return self.once(("seeds", level), lambda: self._take_seeds(level))

    def _take_seeds(self, level: int) -> SeedSample:
        others = [one for one in self._levels_in_session_of(level) if ("seeds", one) not in self._taken]
        found = sample_seeds(self._tester, level, self._depth, others)
        for one, sample in found.items():
            self._taken["seeds", one] = sample
            self.publish(f"Seeds of level 0x{one:02X}", sample.rows(), seeds=sample.seeds)
        return found[level]

    def drawn_seeds(self, level: int) -> SeedSample:
        """Return the run's seed sample or, if the ECU holds seeds, a sample for which it drew each seed anew.

        To make the ECU draw a new seed, the tester answers the held seed if it has a key, else it waits for its renewal.
        """
        sample = self.seeds(level)
        if not sample.is_held:
            return sample
        best = sample
        for take in (self._answered_seeds, self._renewed_seeds):
            try:
                found = take(level)
            except Unjudged as reason:
                self._tester.note(f"seeds that are drawn anew: {reason}")
                continue
            best = max(best, found, key=lambda one: len(set(one.seeds)))
            if len(set(best.seeds)) >= ENOUGH_SEEDS:
                break
        return best

    def _answered_seeds(self, level: int) -> SeedSample:
        if not (self._tester.security.has_key(level) and self._tester.access.can_relock):
            return self.seeds(level)
        return self.once(("answered seeds", level), lambda: sample_answered_seeds(self._tester, level, self._depth))

    def _renewed_seeds(self, level: int) -> SeedSample:
        held = self.seeds(level)
        return self.once(("renewed seeds", level), lambda: sample_renewed_seeds(self._tester, level, self._depth, held))

    def answers_to_held_seeds(self, level: int) -> AnswersToHeldSeeds:
        """Measure whether the ECU gives a held seed again after the tester answered it by its key."""
        return answer_held_seeds(self._tester, level, self._depth, self.seeds(level))

    def ordered_seeds(self, level: int) -> list[SeedSample]:
        """Return the samples that can show an order: the seed sample and, if there is one, the sample of seeds drawn anew.

        Each sample is divided by the length of its seeds.
        """
        samples = dict.fromkeys((self.seeds(level), self.drawn_seeds(level)))
        parts = [one for sample in samples for one in sample.by_length()]
        if len(parts) > MOST_LENGTHS:
            parts = [sample.beginnings() for sample in samples]
        return [one for one in parts if one.can_show_order]

    def fresh_seeds(self, level: int) -> SeedSample:
        """Take a new seed sample in the same way as the run's seed sample was taken."""
        return sample_seeds(self._tester, level, self._depth)[level]

    def fresh_like(self, level: int, sample: SeedSample) -> SeedSample:
        """Take another sample in the same way as `sample`, and keep its seeds of the same length."""
        if sample.is_answered:
            second = sample_answered_seeds(self._tester, level, self._depth)
        elif sample.renewed_by is not Renewal.EACH:
            second = sample_renewed_seeds(self._tester, level, self._depth, self.seeds(level))
        else:
            second = self.fresh_seeds(level)
        return second.like(sample)

    def structures(self, level: int) -> list[Structure]:
        """Return how much of each seed is chance, for each length of seeds. Raises Inconclusive if there are too few seeds.

        What one sample shows counts only if a second sample shows it too.
        """
        return self.once(("structures", level), lambda: self._confirmed_structures(level))

    def _confirmed_structures(self, level: int) -> list[Structure]:
        found = []
        for sample in self.drawn_seeds(level).enough_of_each_length():
            structure = sample.structure()
            if structure.parts:
                structure = structure.confirmed_by(self.fresh_like(level, sample).structure())
            if structure.parts:
                self.of_seeds(level, {"Effective length": str(structure)})
            found.append(structure)
        return found

    def confirmed_alarms(self, level: int, sample: SeedSample, places: Sequence[int]) -> list[str]:
        """Return in words the alarms of the distribution tests, on the bytes at `places`, that a second sample confirms.

        Raises Inconclusive if the second sample is too small.
        """
        alarms = sample.battery(places).alarms if places else ()
        if not alarms:
            return []
        second = self.fresh_like(level, sample)
        if len(second.drawn) < ENOUGH_SEEDS:
            raise Inconclusive(f"a second sample of {len(second.drawn)} seeds is too small to confirm an alarm of the first")
        again = {one.family for one in second.battery(places).alarms}
        return [f"{one.family}: {one.worst} (p = {one.p:.1e})" for one in alarms if one.family in again]

    def entropy(self, level: int, sample: SeedSample) -> str:
        """Say in words what entropy of a seed the sample supports, by repeated seeds and by how much of a seed is chance."""
        try:
            reasons = [str(structure) for structure in self.structures(level) if structure.parts]
        except Unjudged:
            reasons = []
        return "; ".join([f"collision entropy of {sample.bound} is supported", *reasons])

    def of_seeds(self, level: int, rows: Mapping[str, str]) -> None:
        """Add lines to the profile of a level's seeds in the report, or replace their values."""
        self._add(f"Seeds of level 0x{level:02X}", rows)

    def other_unit(self, level: int) -> OtherUnit:
        """Measure whether this unit's key function opens the other unit that the target declares."""
        return self.once(("other unit", level), lambda: try_other_unit(self._tester, level))

    def restarts(self, level: int) -> Restarts:
        """Return the first seeds after about 12, 40 or 200 restarts (by depth), of every kind that the ECU offers."""
        return self.once(("restarts", level), lambda: self._take_restarts(level))

    def _take_restarts(self, level: int) -> Restarts:
        others = [one for one in self._levels_in_session_of(level) if ("restarts", one) not in self._taken]
        found = seeds_after_restarts(self._tester, level, self._depth, others=others)
        self._taken.update({("restarts", one): restarts for one, restarts in found.items()})
        return found[level]

    def _levels_in_session_of(self, level: int) -> list[int]:
        """Return the run's other levels that are available wherever this one is."""
        target = self._tester.target
        if target.before_level(level):
            return []
        sessions = {entry.level: entry.session for entry in target.security if not target.before_level(entry.level)}
        return [one for one in sorted(self.levels - {level}) if one in sessions and sessions[one] == sessions[level]]

    def fresh_restarts(self, level: int, *, are_answered: bool = False) -> Restarts:
        """Take the first seeds after restarts again; with `are_answered`, answer each seed by its key."""
        return seeds_after_restarts(self._tester, level, self._depth, are_answered=are_answered)[level]

    def generators(self, level: int, sample: SeedSample) -> GeneratorSearch:
        """Try well-known generators on a sample, and on the seeds after restarts if restarts are possible."""
        beside = [
            other
            for one in self._levels_in_session_of(level)
            if isinstance(other := self._taken.get(("seeds", one)), SeedSample) and sample.was_taken_beside(other)
        ]
        return search_generators(sample, self.restarts_if_any(level), self._depth, beside)

    def restarts_if_any(self, level: int) -> Restarts | None:
        """Return the first seeds after restarts; None, with a note of the reason, if restarts are impossible."""
        try:
            return self.restarts(level)
        except Unjudged as reason:
            self._tester.note(f"seeds after restarts were not seen: {reason}")
            return None

    def seeds_after_wrong_keys(self, level: int) -> SeedsAfterWrongKeys:
        """Send some wrong keys, and return which seeds follow them."""
        found = seeds_after_wrong_keys(self._tester, level, self._depth)
        self._taken["seeds after wrong keys", level] = found
        return found

    def known_seeds_after_wrong_keys(self, level: int) -> SeedsAfterWrongKeys:
        """Return which seeds were seen in this run after wrong keys; send wrong keys only if none were seen."""
        return self.once(("seeds after wrong keys", level), lambda: self.seeds_after_wrong_keys(level))

    def lockout(self, level: int) -> Lockout:
        """Send up to 11 wrong keys, 50 at depth deep, and count how many the ECU compares before it locks the level out."""
        return self.once(("lockout", level), lambda: self._probe_lockout(level))

    def _probe_lockout(self, level: int) -> Lockout:
        lockout = probe_lockout(self._tester, level, self._depth)
        if lockout.is_silent:
            self.of_lockout(level, "Wrong keys", lockout.reason)
        elif lockout.limit is None:
            self.of_lockout(level, "Wrong keys", f"no limit in {lockout.evaluated} evaluated keys; {lockout.extrapolation}")
        else:
            self.of_lockout(level, "Wrong keys", f"limited at the wrong key {lockout.limit}")
        return lockout

    def key_book(self, level: int) -> KeyBook:
        """Return the record of which kinds of wrong keys were sent to the level in this run, and how each was answered."""
        return self.once(("keys", level), lambda: KeyBook(self._tester, level, self._depth))

    def _next_key(self, level: int) -> Supplied | None:
        """Return a kind of wrong key that some check needs to be sent; None if there is none.

        As long as `attempts` has not been measured, kinds that an ECU may forget to count are left to it, since it observes
        the count.
        """
        if not self._tester.security.level(level).key_length:
            return None
        return self.key_book(level).supply(are_counted=("attempts", level) not in self._taken)

    def attempts(self, level: int) -> Attempts:
        """Measure whether the limit holds with every kind of wrong key, act between wrong keys, place and state.

        Raises NotApplicable if no limit was found.
        """
        self.limit(level)
        return self._for_all("attempts", level, partial(side_by_side, meanwhile=self.errands.run), self._rows)

    def _rows(self, level: int) -> Steps[Attempts]:
        limit, holds = self.limit(level), self.lockout(level).holds
        book, acts = self.key_book(level), self.acts_between(level)
        return (yield from take_attempts(self._tester, level, limit, self._depth, book, acts, holds=holds))

    def acts_between(self, level: int) -> list[Act]:
        """Return the acts that may come between two wrong keys, or during a delay. Raises NotApplicable without a limit."""
        limit = self.limit(level)
        self.trouble_codes()  # one of these acts may clear them
        return self.once(("acts", level), lambda: acts_between(self._tester, level, limit, self._depth))

    def trouble_codes(self) -> tuple[bytes, ...]:
        """Return the trouble codes, of 3 bytes each, that the ECU stored or supports, as read before the run cleared any."""
        return self.once(("trouble codes",), lambda: trouble_codes(self._tester))

    def limit(self, level: int) -> int:
        """Return after how many wrong keys the level accepts no more. Raises NotApplicable if no limit was found."""
        lockout = self.lockout(level)
        if lockout.is_silent:
            raise Inconclusive(f"the limit cannot be told, since nothing announces it: {lockout.reason}")
        if lockout.limit is None:
            raise NotApplicable(f"there is no limit to speak of: {lockout.reason}")
        return lockout.limit

    def delay(self, level: int) -> Delay:
        """Measure for how long a locked-out level gives no seed. Raises NotApplicable if no wrong keys lock it out."""
        self.limit(level)
        return self.once(("delay", level), lambda: self._measure_delay(level))

    def _measure_delay(self, level: int) -> Delay:
        delay = self.fresh_delay(level)
        declared = "" if delay.declared_s is None else f"; declared: {delay.declared_s:g} s"
        self.of_lockout(level, "Delay", f"{delay}{declared}")
        self.of_lockout(level, "Time to guess a key", delay.extrapolation(self.lockout(level).key_bits))
        return delay

    def delay_if_any(self, level: int) -> Delay | None:
        """Return the level's delay; None, with a note of the reason, if it could not be measured."""
        try:
            return self.delay(level)
        except Unjudged as reason:
            self._tester.note(f"whether a delay follows wrong keys was not measured: {reason}")
            return None

    def fresh_delay(self, level: int) -> Delay:
        """Measure once more for how long a locked-out level gives no seed.

        No other level is used meanwhile, since a key for the seed that was answered last may be a way out of the delay.
        """
        return measure_delay(self._tester, level, self._depth)

    def after_restart(self, level: int, name: str, restart: Callable[[], bool | None]) -> AfterRestart:
        """Send a wrong key, restart by the way called `name`, and request a seed; do so once for each way.

        Other levels whose lockouts do not affect this one share the restart.
        """
        return self.once(("after restart", level, name), lambda: self._after_restart(level, name, restart))

    def _after_restart(self, level: int, name: str, restart: Callable[[], bool | None]) -> AfterRestart:
        others = [one for one in self.others_beside(level) if ("after restart", one, name) not in self._taken]
        security = self._tester.security
        left_s = [security.delay_left_s(one) for one in (level, *others) if security.level(one).is_delayed]
        if left_s:
            self.errands.run(max(left_s))
        with contextlib.suppress(Unjudged, Violation) if others else contextlib.nullcontext():
            found = seeds_after_restart(self._tester, [level, *others], restart)
            self._taken.update({("after restart", one, name): after for one, after in found.items()})
            return found[level]
        return self.fresh_after_restart(level, restart)

    def fresh_after_restart(self, level: int, restart: Callable[[], bool | None]) -> AfterRestart:
        """Send a wrong key, restart and request a seed once more."""
        return seeds_after_restart(self._tester, [level], restart)[level]

    def of_lockout(self, level: int, name: str, value: str) -> None:
        """Add a line to the level's profile in the report, or replace its value."""
        self._add(f"Lockout of level 0x{level:02X}", {name: value})

    def pairs(self, level: int) -> KeyPairs:
        """Return pairs of seed and key: recorded pairs, and (three or more if possible) those that opened it in this run."""
        return self.once(("pairs", level), lambda: take_pairs(self._tester, level, self._depth))

    def secret(self, level: int) -> SecretSearch | None:
        """Estimate the cost of searching for the level's secret; None if the target does not say how keys are made."""
        entry = self._tester.target.level(level)
        return search_for_secret(entry, self.pairs(level), self._depth) if entry is not None else None

    def simple_keys(self, level: int) -> SimpleKeys:
        """Try the keys that anybody would try first, and return which of them opened the level, if any."""
        return self.once(("simple keys", level), lambda: self._try_simple_keys(level))

    def _try_simple_keys(self, level: int) -> SimpleKeys:
        has_key = self._tester.security.has_key(level)
        book = self.key_book(level) if has_key else KeyBook(self._tester, level, self._depth)
        return try_simple_keys(self._tester, level, self._depth, book)

    def prepare(self, checks: Iterable[Attack], levels: Iterable[int] = ()) -> None:
        """Find out before the first check what a discovered target leaves open, as far as the checks' permissions go.

        `levels` are the levels to which checks may send wrong keys. If any check may send wrong keys, try simple keys on
        levels without a key function, unless the ECU cannot be locked again. If any check may write, try every known key on
        guarded data.
        """
        checks = [*checks]
        self.levels |= set(levels)
        self.errands.expect(checks)
        needs = {need for check in checks for need in check.needs + check.uses}
        with contextlib.suppress(Unjudged, HarnessError):  # the checks will meet the error again, and report it
            if "lockout" in needs and self._tester.allows("lockout") and self._tester.access.can_relock:
                find_missing_keys(self._tester, self.simple_keys, self._depth)
            if "write" in needs:
                self._tester.access.settle_guards()

    def key_timing(self, level: int) -> KeyTiming:
        """Time how long the level takes to refuse keys wrong in their first byte, and in their last."""
        book = self._taken.get(("keys", level))
        kept = book.times if isinstance(book, KeyBook) else ()
        timing = time_keys(self._tester, level, self._depth, kept)
        self.publish(f"Refusals of wrong keys of level 0x{level:02X}", timing.rows(), times=timing.times_s)
        return timing


def _named(key: tuple[object, ...]) -> str:
    """Name a measurement in words by its key: ``delay of level 0x01``."""
    what, *where = key
    words = [f"level 0x{one:02X}" if isinstance(one, int) else str(one) for one in where]
    return f"{what} of {', '.join(words)}" if words else str(what)
