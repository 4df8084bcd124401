"""Draw the seeds and times of a profile as pictures, each with a caption that says what it shows."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from harness.report.plot import HEIGHT, WIDTH, Plot, Tick, ticks
from harness.report.text import bytes_of, shown
from harness.runs.measured import Profile, Times

MOST_SEEDS: Final = 1000
MOST_COLUMNS: Final = 256
"""How many seeds the bit map shows, one in each column."""

MOST_BYTES: Final = 64
"""How many bytes of one seed are shown."""

FEWEST_SEEDS: Final = 8
BINS: Final = 40
BEYOND_CHANCE: Final = 0.0005
"""The probability of a value beyond either end of a band of chance; 999 of 1000 random values lie within the band."""

SHADES: Final = 4
"""How many shades show the count of a byte value; a value that never occurs has no shade."""

MOST_KINDS: Final = 6
"""How many kinds of times are shown side by side."""

FAR_BELOW: Final = 4
"""How many times quicker than their limit answers must be to be shown a second time, enlarged."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, and a description of what it shows."""

    title: str
    caption: str
    image: Markup
    is_wide: bool = False


def figures(profile: Profile) -> list[Figure]:
    """Return the pictures of a profile; empty if it has too few values."""
    return [*_of_seeds(profile.seeds), *_of_times(profile.times)]


def chance_band(trials: int, probability: float) -> tuple[int, int]:
    """Return the least and most hits that chance explains in so many trials, as `BEYOND_CHANCE` defines it."""
    at = math.exp(trials * math.log1p(-probability))
    total, low = 0.0, -1
    for hits in range(trials + 1):
        total += at
        if low < 0 and total > BEYOND_CHANCE:
            low = hits
        if total >= 1 - BEYOND_CHANCE:
            return low, hits
        at *= (trials - hits) / (hits + 1) * probability / (1 - probability)
    return max(low, 0), trials


def _of_seeds(texts: Sequence[str]) -> list[Figure]:
    found = [bytes_of(text, MOST_BYTES) for text in texts[:MOST_SEEDS]]
    length = Counter(len(seed) for seed in found if seed).most_common(1)[0][0] if any(found) else 0
    seeds = [seed for seed in found if seed and len(seed) == length]
    if len(seeds) < FEWEST_SEEDS:
        return []
    return [_bit_map(seeds), _bit_shares(seeds), _byte_counts(seeds), _lag_plot(seeds)]


def _byte_ticks(length: int, at: float) -> list[Tick]:
    """Return a tick for each byte of a seed, or for some bytes of a long seed; `at` is the tick's bit within the byte."""
    every = max(1, math.ceil(length / 8))
    return [(8 * number + at, str(number)) for number in range(0, length, every)]


def _bit_map(seeds: Sequence[bytes]) -> Figure:
    """Draw the bits of the seeds, one column for each seed and one row for each bit."""
    some = seeds[:MOST_COLUMNS]
    columns, bits = len(some), 8 * len(seeds[0])
    numbers = [int.from_bytes(seed, "big") for seed in some]
    rows = []
    for bit in reversed(range(bits)):
        row = 0
        for number in numbers:
            row = row << 1 | (number >> bit & 1)
        rows.append(row)
    plot = Plot(0, columns, bits, 0, width=WIDTH * 2.5, height=54 + min(max(bits * 2, 96), 512))
    plot.bit_map(rows, columns)
    plot.x_axis(
        "seed, in the order in which they came", [(n - 0.5, str(n)) for n in sorted({1, *range(32, columns + 1, 32)})]
    )
    plot.y_axis("byte", _byte_ticks(len(seeds[0]), 4))
    which = f"The first {columns} seeds" if columns < len(seeds) else f"All {columns} seeds"
    caption = (
        f"{which}, one column each; {bits} rows, one for each bit, the highest on top. Light is 1. "
        "Sound seeds are noise: stripes and steps are bits that follow a rule."
    )
    label = f"Map of the bits of {columns} seeds of {bits} bits: a column for each seed, a row for each bit"
    return Figure("Bits", caption, plot.svg(label), is_wide=True)


def _bit_shares(seeds: Sequence[bytes]) -> Figure:
    bits, count = 8 * len(seeds[0]), len(seeds)
    numbers = [int.from_bytes(seed, "big") for seed in seeds]
    ones = [sum(number >> bit & 1 for number in numbers) for bit in reversed(range(bits))]
    low, high = chance_band(count, 0.5)
    points = [(bit + 0.5, hits / count * 100) for bit, hits in enumerate(ones)]
    outside = [point for point, hits in zip(points, ones, strict=True) if not low <= hits <= high]
    plot = Plot(0, bits, 0, 100)
    plot.band(low / count * 100, high / count * 100)
    plot.level(50)
    plot.dots("dots", (point for point in points if point not in outside))
    plot.dots("outside", outside)
    plot.x_axis("bit, numbered by bytes, the highest bit first", _byte_ticks(bits // 8, 0))
    plot.y_axis("ones, %", [(share, str(share)) for share in (0, 25, 50, 75, 100)])
    caption = (
        f"How often each of the {bits} bits is 1, in {count} seeds. The band is where 999 of 1000 bits of chance lie, "
        f"{low / count:.0%} to {high / count:.0%}; {len(outside)} {'lies' if len(outside) == 1 else 'lie'} outside"
        f"{', drawn larger' if outside else ''}."
    )
    return Figure("Share of ones", caption, plot.svg("Share of ones for each bit"))


def _byte_counts(seeds: Sequence[bytes]) -> Figure:
    """Draw the counts of all byte values as a row of cells; 256 bars would be thinner than a screen can show."""
    counts = Counter(byte for seed in seeds for byte in seed)
    total = counts.total()
    highest = max(counts.values())
    low, high = chance_band(total, 1 / 256)
    places = {byte: (byte % 16, 15 - byte // 16) for byte in range(256)}
    plot = Plot(0, 16, 0, 16)
    for shade in range(1, SHADES + 1):
        of_shade = [places[byte] for byte, count in counts.items() if math.ceil(count / highest * SHADES) == shade]
        plot.cells(f"shade shade-{shade}", of_shade)
    outside = [place for byte, place in places.items() if not low <= counts[byte] <= high]
    plot.cells("framed", outside)
    plot.x_axis("low digit", [(digit + 0.5, f"{digit:X}") for digit in range(16)])
    plot.y_axis("high digit", [(15.5 - digit, f"{digit:X}") for digit in range(0, 16, 3)])
    missing = 256 - len(counts)
    never = f"; {missing} of the 256 values never occur" if missing else ""
    caption = (
        f"How often each byte value occurs among {total} bytes: the stronger its colour the more often, up to {highest} "
        f"times; the mean is {total / 256:.1f}{never}. Where 999 of 1000 values of chance lie is {low} to {high} times; "
        f"{len(outside)} {'lies' if len(outside) == 1 else 'lie'} outside{', framed' if outside else ''}."
    )
    return Figure("Byte values", caption, plot.svg("Map of how often each byte value occurs"))


def _lag_plot(seeds: Sequence[bytes]) -> Figure:
    used = min(len(seeds[0]), 4)
    scale = 256**used
    values = [int.from_bytes(seed[:used], "big") / scale for seed in seeds]
    quarters = [(number / 4, f"{min(number * 64, 255):02X}") for number in range(5)]
    plot = Plot(0, 1, 0, 1)
    plot.dots("dots", itertools.pairwise(values))
    plot.x_axis("first byte of a seed", quarters)
    plot.y_axis("of the seed after it", quarters)
    caption = (
        f"Each seed and the one after it, as numbers{' of their first 4 bytes' if used < len(seeds[0]) else ''}. "
        "Sound seeds fill the area evenly; lines, clusters and gaps foretell a seed."
    )
    return Figure("Each seed and the next", caption, plot.svg("Each seed against the next"))


def _of_times(times: Sequence[Times]) -> list[Figure]:
    """Draw one histogram for each kind of times. Kinds without limits share one scale, so that they can be compared."""
    kinds = [
        Times(name=one.name, seconds=tuple(filter(math.isfinite, one.seconds)), limits=one.limits)
        for one in times[:MOST_KINDS]
    ]
    kinds = [one for one in kinds if len(one.seconds) > 1]
    together = [second for one in kinds if not one.limits for second in one.seconds]
    found = []
    for one in kinds:
        if not one.limits:
            found.append(_histogram(one, *_range(together)))
            continue
        furthest = max(limit.seconds for limit in one.limits)
        found.append(_histogram(one, min(0.0, *one.seconds), max(furthest, *one.seconds) * 1.06))
        if max(one.seconds) - min(one.seconds) > RESOLUTION_S and max(one.seconds) * FAR_BELOW < furthest:
            enlarged = Times(name=f"{one.name}, enlarged", seconds=one.seconds)
            found.append(_histogram(enlarged, *_range(one.seconds)))
    return found


RESOLUTION_S: Final = 1e-9


def _range(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the axis; it begins at 0, unless the differences between times would then be invisible."""
    low, high = min(seconds), max(seconds)
    spread = high - low
    if spread <= RESOLUTION_S or low < spread:
        return min(0.0, low), (high * 1.06 if high > 0 else 1e-3)
    return low - spread * 0.05, high + spread * 0.05


def _histogram(times: Times, low: float, high: float) -> Figure:
    width = (high - low) / BINS
    counts = Counter(min(int((second - low) / width), BINS - 1) for second in times.seconds)
    mean, error = _mean_and_error(times.seconds)
    highest = max(counts.values())
    unit, scale = next((one for one in _UNITS if max(abs(low), abs(high)) >= one[1] * 2), _UNITS[-1])
    plot = Plot(low, high, 0, highest * 1.2, height=HEIGHT)
    plot.bars((low + number * width, low + (number + 1) * width, count) for number, count in sorted(counts.items()))
    plot.error_bar(max(mean - error, low), min(mean + error, high), highest * 1.1)
    plot.x_axis(f"{unit} after the request", ticks(low, high, scale=scale))
    plot.y_axis("answers", ticks(0, highest, is_whole=True))
    for limit in times.limits:
        plot.limit(limit.seconds, shown(limit.name, 60))
    caption = (
        f"{len(times.seconds)} answers; the mean is {_milliseconds(mean)} ± {_microseconds(error)}, one standard error. "
    )
    caption += "The mark above the bars is there." if error else "They do not differ at the resolution of the time stamps."
    if times.limits:
        late = sum(second > min(limit.seconds for limit in times.limits) for second in times.seconds)
        caption += f" {late or 'None'} came later than {' or '.join(shown(limit.name, 60) for limit in times.limits)}."
    if low > 0:
        plot.broken_axis()
        caption += f" The axis begins at {low / scale:.3g} {unit}, not at 0."
    name = shown(times.name, 80)
    return Figure(name[:1].upper() + name[1:], caption, plot.svg(f"Histogram of times: {name}"))


_UNITS: Final = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def _mean_and_error(seconds: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(seconds) / len(seconds)
    variance = math.fsum((one - mean) ** 2 for one in seconds) / (len(seconds) - 1)
    return mean, math.sqrt(variance / len(seconds))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"
