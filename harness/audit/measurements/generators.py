"""Does a well-known generator make a level's seeds? What is tried, by depth, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.clocks import Clock, tells_time_of_day
from harness.analysis.generators import RAND, SLOW_TO_START, STARTED
from harness.analysis.recognition import Recognised, Starts, Stream, solve, start
from harness.audit.measurements.restarts import FirstSeed, Restarts
from harness.audit.measurements.seeds import SeedSample
from harness.run import Depth

MOST_RESTARTS = 8


@dataclass(frozen=True, slots=True)
class GeneratorSearch:
    """What was tried, and what reproduces the seeds, if anything does."""

    found: Recognised | Clock | None
    tried: str
    """In words; nothing else was."""


def search_generators(sample: SeedSample, restarts: Restarts | None, depth: Depth) -> GeneratorSearch:
    """Solve for the state of known generators, then start them from likely times. Most is done at depth deep."""
    around_s = depth.choose(quick=60, default=600, deep=86_400)
    slow_around_s = depth.choose(quick=0, default=300, deep=3600)
    up_to_ms = depth.choose(quick=3000, default=10_000, deep=600_000)
    first_s, span_s = int(sample.utc_s[0]), _span_s(sample, restarts)

    def time_of_day(within_s: int) -> Starts:
        return Starts("the time of day in seconds", first_s - within_s, 2 * within_s + span_s)

    ranges = [time_of_day(around_s), Starts("the milliseconds since the start", 0, up_to_ms)]
    slow_ranges = [time_of_day(slow_around_s)] if slow_around_s else []
    sessions = _sessions(sample)
    heads = [*sessions, *(Stream((one.seed,)) for one in _first(sample, restarts))]
    whole = Stream(sample.seeds)
    found = (
        tells_time_of_day(sample.seeds, sample.utc_s)
        or solve([whole, *sessions], is_thorough=depth is Depth.DEEP)
        or start(heads, ranges, slow_ranges)
    )
    slow = ", ".join(sorted(SLOW_TO_START))
    tried = (
        f"{', '.join(name for name in STARTED if name not in SLOW_TO_START)}, each started from the time of day within "
        f"{around_s} s and from 0 to {up_to_ms} (milliseconds since the start); "
        f"{f'{slow}, from the time of day within {slow_around_s} s; ' if slow_around_s else ''}in any state: "
        f"{', '.join(one.name for one in RAND if one.shift == 16)}, rand() of glibc, xorshift32, minstd, and MT19937 by "
        f"{'whole or partial' if depth is Depth.DEEP else 'whole'} outputs"
    )
    return GeneratorSearch(found, tried)


def _span_s(sample: SeedSample, restarts: Restarts | None) -> int:
    """How long it took to take all these seeds."""
    moments = [*sample.utc_s, *(one.utc_s for one in (restarts.first if restarts else ()))]
    return int(max(moments) - min(moments)) + 1


def _sessions(sample: SeedSample) -> list[Stream]:
    ends = [*sample.starts[1:], len(sample.seeds)]
    parts = [sample.seeds[start:end] for start, end in zip(sample.starts, ends, strict=True)]
    return [Stream(part) for part in parts if part]


def _first(sample: SeedSample, restarts: Restarts | None) -> list[FirstSeed]:
    """Some seeds that came first after a restart, as long as the others."""
    found = restarts.first if restarts else ()
    return [one for one in found if any(one.seed) and len(one.seed) == sample.lengths[0]][:MOST_RESTARTS]
