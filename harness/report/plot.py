"""Draw a diagram with axes, ticks and units as a small SVG."""

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Final

from markupsafe import Markup

WIDTH: Final = 360
HEIGHT: Final = 200
LEFT: Final = 46
RIGHT: Final = 10
TOP: Final = 16
BOTTOM: Final = 38

MOST_TICKS: Final = 6

Tick = tuple[float, str]


class Plot:
    """The area of a diagram: x runs from `left` to `right` and y from `low` to `high`, in the numbers that are shown."""

    def __init__(
        self, left: float, right: float, low: float, high: float, *, width: float = WIDTH, height: float = HEIGHT
    ) -> None:
        self._left, self._low = left, low
        self._across, self._up = (right - left) or 1.0, (high - low) or 1.0
        self._width, self._height = width, height
        self._parts: list[Markup] = []

    def x(self, value: float) -> float:
        """Return where a value lies in the picture, from the left."""
        return LEFT + (value - self._left) / self._across * (self._width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return where a value lies in the picture, from the top."""
        return self._height - BOTTOM - (value - self._low) / self._up * (self._height - BOTTOM - TOP)

    def x_axis(self, title: str, ticks: Iterable[Tick]) -> None:
        """Draw the horizontal axis; `title` names its quantity and unit."""
        base = self._height - BOTTOM
        found = [(self.x(value), text) for value, text in ticks]
        marks = "".join(f"M{x:.1f} {base}v4" for x, _ in found)
        self._add('<path class="axes" d="M{} {}H{}{}"/>', LEFT, base, self._width - RIGHT, marks)
        for x, text in found:
            self._add('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>', x, base + 15, text)
        middle = (LEFT + self._width - RIGHT) / 2
        self._add('<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>', middle, self._height - 7, title)

    def y_axis(self, title: str, ticks: Iterable[Tick]) -> None:
        """Draw the vertical axis; `title` names its quantity and unit."""
        found = [(self.y(value), text) for value, text in ticks]
        marks = "".join(f"M{LEFT} {y:.1f}h-4" for y, _ in found)
        self._add('<path class="axes" d="M{} {}V{}{}"/>', LEFT, TOP, self._height - BOTTOM, marks)
        for y, text in found:
            self._add('<text x="{}" y="{:.1f}" text-anchor="end">{}</text>', LEFT - 7, y + 4, text)
        middle = (TOP + self._height - BOTTOM) / 2
        self._add('<text transform="translate(11 {:.1f}) rotate(-90)" text-anchor="middle">{}</text>', middle, title)

    def bars(self, bars: Iterable[tuple[float, float, float]]) -> None:
        """Draw bars, each given as its left x, its right x and its height y."""
        base = self.y(0)
        self._path(
            "bars", "".join(f"M{self.x(a):.1f} {base:.1f}V{self.y(y):.1f}H{self.x(b):.1f}V{base:.1f}" for a, b, y in bars)
        )

    def cells(self, kind: str, cells: Iterable[tuple[float, float]]) -> None:
        """Draw cells of the size 1 × 1, each given by its lower left corner."""
        width, height = self.x(1) - self.x(0), self.y(0) - self.y(1)
        self._path(
            kind,
            "".join(
                f"M{self.x(x) + 0.5:.1f} {self.y(y + 1) + 0.5:.1f}h{width - 1:.1f}v{height - 1:.1f}h{1 - width:.1f}z"
                for x, y in cells
            ),
        )

    def dots(self, kind: str, points: Iterable[tuple[float, float]]) -> None:
        """Draw round dots."""
        self._path(kind, "".join(f"M{self.x(x):.1f} {self.y(y):.1f}h0" for x, y in points))

    def band(self, low: float, high: float) -> None:
        """Shade the area between two heights, from the left edge to the right."""
        self._path("band", f"M{LEFT} {self.y(high):.1f}H{self._width - RIGHT}V{self.y(low):.1f}H{LEFT}Z")

    def level(self, value: float) -> None:
        """Draw a dashed horizontal line at a height."""
        self._path("mean", f"M{LEFT} {self.y(value):.1f}H{self._width - RIGHT}")

    def limit(self, value: float, name: str) -> None:
        """Draw an upright line with its name at the top."""
        x = self.x(value)
        self._path("limit", f"M{x:.1f} {TOP}V{self._height - BOTTOM}")
        anchor = "end" if x > self._width / 2 else "start"
        self._add('<text class="limit" x="{:.1f}" y="{}" text-anchor="{}">{}</text>', x, TOP - 4, anchor, name)

    def error_bar(self, low: float, high: float, y: float) -> None:
        """Mark the range of x from `low` to `high`, at the height `y`."""
        left, right, up = self.x(low), max(self.x(high), self.x(low) + 1.0), self.y(y)
        self._path("error", f"M{left:.1f} {up - 3:.1f}v6m0 -3H{right:.1f}m0 -3v6")

    def broken_axis(self) -> None:
        """Mark that the horizontal axis does not begin at 0."""
        base = self._height - BOTTOM
        self._path("axes", f"M{LEFT + 3} {base + 5}l4 -10m3 0l-4 10")

    def bit_map(self, rows: Sequence[int], columns: int) -> None:
        """Fill the area with an image of one bit a pixel; each row is a number of `columns` bits."""
        stride = (columns + 7) // 8
        image = _png(columns, len(rows), [b"\0" + (row << -columns % 8).to_bytes(stride, "big") for row in rows])
        self._add(
            '<image class="bits" x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" '
            'href="data:image/png;base64,{}"/>',
            *(LEFT, TOP, self._width - LEFT - RIGHT, self._height - TOP - BOTTOM, base64.b64encode(image).decode()),
        )

    def svg(self, label: str) -> Markup:
        """Return the picture; `label` is what a screen reader says of it."""
        return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
            self._width, self._height, label, Markup("").join(self._parts)
        )

    def _path(self, kind: str, path: str) -> None:
        if path:
            self._add('<path class="{}" d="{}"/>', kind, path)

    def _add(self, template: str, *values: object) -> None:
        self._parts.append(Markup(template).format(*values))


def ticks(low: float, high: float, *, is_whole: bool = False, scale: float = 1.0) -> list[Tick]:
    """Return at most `MOST_TICKS` ticks from `low` to `high`; their labels are round numbers, in units of `scale`."""
    low, high = low / scale, high / scale
    rough = (high - low) / (MOST_TICKS - 1) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    if is_whole:
        step = max(step, 1.0)
    digits = max(0, -math.floor(math.log10(step)))
    first = math.ceil(low / step - 1e-9)
    count = int((high - first * step) / step + 1e-9) + 1
    return [((first + n) * step * scale, f"{(first + n) * step:.{digits}f}") for n in range(min(count, 2 * MOST_TICKS))]


def _png(width: int, height: int, rows: Sequence[bytes]) -> bytes:
    """Encode a greyscale image of one bit a pixel; each row begins with its filter, 0."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b"")
    )
