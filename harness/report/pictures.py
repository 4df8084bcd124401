"""Draw seeds and times as pictures: small SVG and PNG, from numbers alone."""

from __future__ import annotations

import base64
import itertools
import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from harness.report.text import bytes_of, shown
from harness.runs.measured import Profile, Times

WIDTH: Final = 360
HEIGHT: Final = 150
LEFT: Final = 34
BOTTOM: Final = 20
TOP: Final = 8

MOST_SEEDS: Final = 1000
MOST_COLUMNS: Final = 256
"""Seeds in the bit map: one column each."""

MOST_BYTES: Final = 64
"""Bytes shown of one seed."""

FEWEST_SEEDS: Final = 8
BINS: Final = 40
CHANCE_SIGMAS: Final = 3.29
"""In standard deviations: by chance one of 1000 bits has a share of ones farther from one half."""

MOST_KINDS: Final = 6
"""Kinds of times shown side by side."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, and a description of what it shows."""

    title: str
    caption: str
    image: Markup
    is_wide: bool = False


def figures(profile: Profile) -> list[Figure]:
    """Return the pictures of a profile; none if there is too little to see."""
    return [*_of_seeds(profile.seeds), *_of_times(profile.times)]


def _of_seeds(texts: Sequence[str]) -> list[Figure]:
    found = [bytes_of(text, MOST_BYTES) for text in texts[:MOST_SEEDS]]
    length = Counter(len(seed) for seed in found if seed).most_common(1)[0][0] if any(found) else 0
    seeds = [seed for seed in found if seed and len(seed) == length]
    if len(seeds) < FEWEST_SEEDS:
        return []
    return [_bit_map(seeds), _bit_shares(seeds), _byte_counts(seeds), _lag_plot(seeds)]


def _bit_map(seeds: Sequence[bytes]) -> Figure:
    """Draw one column a seed and one row a bit, as a PNG of one bit a pixel."""
    shown_seeds = seeds[:MOST_COLUMNS]
    width, height = len(shown_seeds), 8 * len(seeds[0])
    numbers = [int.from_bytes(seed, "big") for seed in shown_seeds]
    rows = []
    for bit in reversed(range(height)):
        row = 0
        for number in numbers:
            row = row << 1 | (number >> bit & 1)
        rows.append(b"\0" + (row << -width % 8).to_bytes((width + 7) // 8, "big"))
    alt = f"Map of the bits of {width} seeds of {height} bits: a column for each seed, a row for each bit"
    image = Markup('<img class="bits" src="data:image/png;base64,{}" alt="{}" width="{}" height="{}">').format(
        base64.b64encode(_png(width, height, rows)).decode(), alt, WIDTH * 2, min(max(height * 4, 96), 256)
    )
    which = f"The first {width} seeds" if width < len(seeds) else f"All {width} seeds"
    caption = (
        f"{which}, one column each in the order in which they came; {height} rows, the highest bit on top. Light is 1. "
    )
    return Figure(
        "Bits", caption + "Sound seeds are noise: stripes and steps are bits that follow a rule.", image, is_wide=True
    )


def _bit_shares(seeds: Sequence[bytes]) -> Figure:
    bits = 8 * len(seeds[0])
    numbers = [int.from_bytes(seed, "big") for seed in seeds]
    shares = [sum(number >> bit & 1 for number in numbers) / len(seeds) for bit in reversed(range(bits))]
    margin = CHANCE_SIGMAS * math.sqrt(0.25 / len(seeds))
    outside = sum(abs(share - 0.5) > margin for share in shares)
    plot = _Plot(bits, 1.0)
    body = [plot.band(0.5 - margin, 0.5 + margin), plot.line(0.5), plot.bars(shares)]
    body += plot.y_labels([(0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")])
    body += plot.x_labels([(0.5, "highest bit"), (bits - 0.5, "lowest bit")])
    caption = (
        f"How often each of the {bits} bits is 1, in {len(seeds)} seeds. The band is where 999 of 1000 bits of chance lie; "
    )
    return Figure(
        "Share of ones",
        f"{caption}{outside} {'lies' if outside == 1 else 'lie'} outside.",
        plot.svg("Share of ones for each bit", body),
    )


def _byte_counts(seeds: Sequence[bytes]) -> Figure:
    counts = Counter(byte for seed in seeds for byte in seed)
    total = sum(counts.values())
    highest = max(counts.values())
    plot = _Plot(256, highest * 1.05)
    body = [plot.line(total / 256), plot.bars([counts.get(byte, 0) for byte in range(256)])]
    body += plot.y_labels([(0, "0"), (highest, str(highest))])
    body += plot.x_labels([(0.5, "00"), (128, "80"), (255.5, "FF")])
    caption = f"How often each byte value occurs among {total} bytes; the line is the mean, {total / 256:.1f}. "
    missing = 256 - len(counts)
    caption += f"{missing} of the 256 values never occur." if missing else "Every value occurs."
    return Figure("Byte values", caption, plot.svg("Histogram of byte values", body))


def _lag_plot(seeds: Sequence[bytes]) -> Figure:
    scale = 256 ** min(len(seeds[0]), 4)
    values = [int.from_bytes(seed[:4], "big") / scale for seed in seeds]
    plot = _Plot(1.0, 1.0)
    points = "".join(f"M{plot.x(one):.1f} {plot.y(other):.1f}h0" for one, other in itertools.pairwise(values))
    body = [Markup('<path class="dots" d="{}"/>').format(points)]
    body += plot.y_labels([(0.0, "00…"), (1.0, "FF…")])
    body += plot.x_labels([(0.0, "00…"), (1.0, "FF…")])
    caption = "Each seed (across) and the one after it (upwards), as numbers. Sound seeds fill the square evenly; "
    return Figure(
        "Each seed and the next", caption + "lines, clusters and gaps foretell a seed.", plot.svg("Lag plot of seeds", body)
    )


def _of_times(times: Sequence[Times]) -> list[Figure]:
    """Draw one histogram a kind, all on the same scale."""
    kinds = [Times(name=one.name, seconds=tuple(filter(math.isfinite, one.seconds))) for one in times[:MOST_KINDS]]
    kinds = [one for one in kinds if len(one.seconds) > 1]
    if not kinds:
        return []
    everything = [second for one in kinds for second in one.seconds]
    low, high = min(everything), max(everything)
    margin = max((high - low) * 0.02, 1e-6)
    return [_histogram(one, low - margin, high + margin) for one in kinds]


def _histogram(times: Times, low: float, high: float) -> Figure:
    width = (high - low) / BINS
    counts = Counter(min(int((second - low) / width), BINS - 1) for second in times.seconds)
    mean, error = _mean_and_error(times.seconds)
    highest = max(counts.values())
    plot = _Plot(BINS, highest * 1.18)
    mark = (mean - low) / width
    reach = max(error / width, 0.15)
    body = [plot.bars([counts.get(number, 0) for number in range(BINS)]), plot.error_bar(mark, reach, highest * 1.1)]
    body += plot.y_labels([(0, "0"), (highest, str(highest))])
    body += plot.x_labels([(0, _milliseconds(low)), (BINS, _milliseconds(high))])
    caption = (
        f"{len(times.seconds)} answers; the mean is {_milliseconds(mean)} ± {_microseconds(error)}, one standard error. "
    )
    caption += "The bar on top marks it." if error else "They do not differ at the resolution of the time stamps."
    name = shown(times.name, 80)
    return Figure(name[:1].upper() + name[1:], caption, plot.svg(f"Histogram of times: {name}", body))


def _mean_and_error(seconds: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(seconds) / len(seconds)
    variance = math.fsum((one - mean) ** 2 for one in seconds) / (len(seconds) - 1)
    return mean, math.sqrt(variance / len(seconds))


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"


class _Plot:
    """A diagram's area: x from 0 to `columns`, y from 0 to `highest`."""

    def __init__(self, columns: float, highest: float) -> None:
        self.columns = columns
        self.highest = highest or 1.0

    def x(self, value: float) -> float:
        return LEFT + value / self.columns * (WIDTH - LEFT - 4)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.highest * (HEIGHT - BOTTOM - TOP)

    def bars(self, values: Sequence[float]) -> Markup:
        """Draw one bar a column, as one path."""
        path = "".join(
            f"M{self.x(number):.1f} {self.y(0):.1f}V{self.y(value):.1f}H{self.x(number + 1):.1f}V{self.y(0):.1f}"
            for number, value in enumerate(values)
            if value
        )
        return Markup('<path class="bars" d="{}"/>').format(path)

    def band(self, low: float, high: float) -> Markup:
        top, bottom = self.y(min(high, self.highest)), self.y(max(low, 0.0))
        return Markup('<path class="band" d="M{} {:.1f}H{}V{:.1f}H{}Z"/>').format(LEFT, top, WIDTH - 4, bottom, LEFT)

    def line(self, value: float) -> Markup:
        return Markup('<path class="mean" d="M{} {:.1f}H{}"/>').format(LEFT, self.y(value), WIDTH - 4)

    def error_bar(self, x: float, reach: float, y: float) -> Markup:
        left, right, height = self.x(max(x - reach, 0)), self.x(min(x + reach, self.columns)), self.y(y)
        return Markup('<path class="error" d="M{:.1f} {:.1f}v6m0 -3H{:.1f}m0 -3v6"/>').format(left, height - 3, right)

    def x_labels(self, labels: Iterable[tuple[float, str]]) -> list[Markup]:
        found = []
        for value, text in labels:
            anchor = "start" if value < self.columns / 4 else "end" if value > self.columns * 3 / 4 else "middle"
            found.append(
                Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(self.x(value), HEIGHT - 5, anchor, text)
            )
        return found

    def y_labels(self, labels: Iterable[tuple[float, str]]) -> list[Markup]:
        return [
            Markup('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(LEFT - 4, self.y(value) + 4, text)
            for value, text in labels
        ]

    def svg(self, label: str, body: Iterable[Markup]) -> Markup:
        axes = Markup('<path class="axes" d="M{} {}V{}H{}"/>').format(LEFT, TOP, HEIGHT - BOTTOM, WIDTH - 4)
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
            WIDTH, HEIGHT, label, Markup("").join(body), axes
        )


def _png(width: int, height: int, rows: Sequence[bytes]) -> bytes:
    """Encode a greyscale image of one bit a pixel; each row begins with its filter, 0."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")
    )
