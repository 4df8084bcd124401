"""Search for a well-known generator that makes a level's seeds; the depth decides how many starting values are tried."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.clocks import SeedClock, tells_time_of_day
from harness.analysis.generators import RAND, SLOW_TO_START, STARTED
from harness.analysis.recognition import Recognised, Starts, Stream, solve, start
from harness.measurements.restarts import FirstSeed, Restarts
from harness.measurements.seed_sample import SeedSample
from harness.verdict import Depth

MOST_RESTARTS = 8
MOST_HEADS = 24
"""The most runs of seeds, after a session's start or a pause, that are compared with generators from likely times."""
FEWEST_IN_STREAM = 4

PAUSE_S = 0.9
"""A pause in seconds after which the ECU may have started its generator anew, since its clock has advanced."""
MARGIN_MS = 500
MOST_STARTS = 200_000
ZONES = [hour for hour in range(-12, 15) if hour]
NEAR_S = 60
YEAR_2000_S = 946_684_800


@dataclass(frozen=True, slots=True)
class GeneratorSearch:
    """Which generators were tried, and which of them reproduces the seeds, if any."""

    found: Recognised | SeedClock | None
    tried: str
    """All that was tried, in words."""


def search_generators(
    sample: SeedSample, restarts: Restarts | None, depth: Depth, beside: Sequence[SeedSample] = ()
) -> GeneratorSearch:
    """Solve for the state of known generators, then start them from likely times, as many as the depth allows.

    All seeds of the sample must have one length.

    `beside`: samples of further levels that were taken in the same waits, maybe from the same generator.
    """
    around_s = depth.choose(quick=60, default=600, deep=86_400)
    slow_around_s = depth.choose(quick=0, default=300, deep=3600)
    up_to_ms = depth.choose(quick=3000, default=10_000, deep=600_000)
    first_s, span_s = int(sample.utc_s[0]), _span_s(sample, restarts)

    def time_of_day(within_s: int) -> Starts:
        return Starts("the time of day in seconds", first_s - within_s, 2 * within_s + span_s)

    ranges = [
        time_of_day(around_s),
        Starts("the milliseconds since the start", 0, up_to_ms),
        *_uptime(sample),
        *_other_clocks(first_s, around_s, span_s),
    ]
    slow_ranges = [time_of_day(slow_around_s)] if slow_around_s else []
    sessions = _sessions(sample)
    heads = [*_after_pauses(sample), *(Stream((one.seed,)) for one in _first(sample, restarts))]
    alike = [one for one in beside if one.lengths == sample.lengths]
    drawn = sorted(seed for one in (sample, *alike) for seed in zip(one.times_s, one.seeds, strict=True))
    streams = [Stream(sample.seeds), *([Stream(tuple(seed for _, seed in drawn))] if alike else []), *sessions]
    found = (
        tells_time_of_day(sample.seeds, sample.utc_s)
        or solve(streams, is_thorough=depth is Depth.DEEP)
        or start(heads, ranges, slow_ranges)
    )
    slow = ", ".join(sorted(SLOW_TO_START))
    tried = (
        f"{', '.join(name for name in STARTED if name not in SLOW_TO_START)}, each started from the time of day within "
        f"{around_s} s, in any time zone or since 2000, and from 0 to {up_to_ms} and the time since the last start "
        f"(milliseconds, or seconds); "
        f"{f'{slow}, from the time of day within {slow_around_s} s; ' if slow_around_s else ''}in any state: "
        f"{', '.join(one.name for one in RAND if one.shift == 16)}, rand() of glibc, xorshift32, minstd, and MT19937 by "
        f"{'whole or partial' if depth is Depth.DEEP else 'whole'} outputs; the first seeds of {len(heads)} sessions, "
        "pauses and restarts were held against these starts"
    )
    return GeneratorSearch(found, tried)


def _uptime(sample: SeedSample) -> list[Starts]:
    """Return as starting values the milliseconds since the ECU's last start, at the times when the sample was taken."""
    first_ms = int(1000 * (sample.times_s[0] - sample.begun_s))
    span_ms = int(1000 * (sample.times_s[-1] - sample.times_s[0]))
    begin_ms = max(0, first_ms - MARGIN_MS)
    return [Starts("the milliseconds since the last start", begin_ms, min(span_ms + 2 * MARGIN_MS, MOST_STARTS))]


def _other_clocks(first_s: int, around_s: int, span_s: int) -> list[Starts]:
    """Return as starting values the time by clocks that show another time zone, or count from the year 2000."""
    near_s = min(around_s, NEAR_S)
    zones = [
        Starts(f"the time of day at UTC{hour:+d}", first_s + 3600 * hour - near_s, 2 * near_s + span_s) for hour in ZONES
    ]
    return [*zones, Starts("the seconds since 2000", first_s - YEAR_2000_S - near_s, 2 * near_s + span_s)]


def _span_s(sample: SeedSample, restarts: Restarts | None) -> int:
    """Return the time between the first and the last of all seeds, in whole seconds, rounded up."""
    moments = [*sample.utc_s, *(one.utc_s for one in (restarts.first if restarts else ()))]
    return int(max(moments) - min(moments)) + 1


def _sessions(sample: SeedSample) -> list[Stream]:
    ends = [*sample.starts[1:], len(sample.seeds)]
    parts = [sample.seeds[start:end] for start, end in zip(sample.starts, ends, strict=True)]
    return [Stream(part) for part in parts if len(part) >= FEWEST_IN_STREAM]


def _after_pauses(sample: SeedSample) -> list[Stream]:
    """Return runs of successive seeds that begin after a pause or with a session."""
    begins = {0, *sample.starts}
    begins |= {
        index for index in range(1, len(sample.seeds)) if sample.times_s[index] - sample.times_s[index - 1] >= PAUSE_S
    }
    ordered = sorted(begins)
    parts = [sample.seeds[begin:end] for begin, end in zip(ordered, [*ordered[1:], len(sample.seeds)], strict=True)]
    step = max(1, -(-len(parts) // MOST_HEADS))
    return [Stream(part) for part in parts[::step] if part]


def _first(sample: SeedSample, restarts: Restarts | None) -> list[FirstSeed]:
    """Return some first seeds after a restart, of the same length as the sample's."""
    found = restarts.first if restarts else ()
    return [one for one in found if any(one.seed) and len(one.seed) == sample.lengths[0]][:MOST_RESTARTS]
