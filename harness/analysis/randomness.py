"""Test whether seeds are evenly distributed and independent of each other.

Each family of tests may give a false alarm once in a million samples, divided among its tests (Bonferroni): `p` of an
indication is already multiplied by the number of tests. An alarm must be confirmed on a fresh sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.analysis.health import health_indication, most_common_byte
from harness.analysis.linear import shortest_recurrence, shortness_probability
from harness.analysis.tails import chi_square_tail, even_binomial_tail, normal_quantile, normal_tail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bits = npt.NDArray[np.uint8]
    Numbers = npt.NDArray[np.float64]

FALSE_ALARM = 1e-6
"""The probability that a family of tests gives a false alarm, before a second sample confirms the alarm."""

LAGS = 16
ENOUGH_FOR_BYTES = 1280
"""How many seeds it takes to count byte values, 5 seeds for each on average; with fewer seeds, nibbles are counted."""
ENOUGH_FOR_NIBBLES = 80
MOST_POSITIONS = 32
"""For how many bit positions linear complexity is computed; a shift register shows in every position."""
LONG_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Indication:
    """The result of one family of tests."""

    family: str
    p: float
    """The probability that a sound generator looks at least as bad in any test of the family."""
    worst: str
    """The worst test of the family, in words."""

    @property
    def is_alarm(self) -> bool:
        """Whether `p` is below the family's budget."""
        return self.p < FALSE_ALARM


@dataclass(frozen=True, slots=True)
class Battery:
    """The indication of every family of tests on one sample."""

    seeds: int
    bits: int
    indications: tuple[Indication, ...]
    min_entropy_per_byte: float
    """The estimate by the most common value of SP 800-90B 6.3.1, in bits; on few seeds, a sound one scores below 8."""

    @property
    def alarms(self) -> tuple[Indication, ...]:
        """The families that give an alarm, the surest first."""
        return tuple(sorted((one for one in self.indications if one.is_alarm), key=lambda one: one.p))

    @property
    def visible_bias(self) -> float:
        """How far from one half the share of ones in a bit position must be to be detected with a probability of 90 %."""
        return float((normal_quantile(FALSE_ALARM / self.bits) + 1.28) / 2 / self.seeds**0.5)


def battery(seeds: Sequence[bytes]) -> Battery:
    """Run all tests for which the sample is large enough. There must be at least 50 seeds, all of one length."""
    import numpy as np

    count, length = len(seeds), len(seeds[0])
    octets = np.frombuffer(b"".join(seeds), dtype=np.uint8).reshape(count, length)
    bits = np.unpackbits(octets, axis=1)
    common = most_common_byte(octets)
    indications = [_bit_positions(bits), _all_bits(bits)]
    if count >= ENOUGH_FOR_NIBBLES:
        indications.append(_values(octets))
    indications += [
        _serial_correlation(octets),
        _neighbour_distance(bits),
        health_indication(octets, bits, Indication),
        Indication("most common byte", common.p, common.text),
        _linear_complexity(bits),
    ]
    return Battery(count, 8 * length, tuple(indications), common.min_entropy)


def _place(position: int) -> str:
    return f"bit {7 - position % 8} of byte {position // 8}"


def _bit_positions(bits: Bits) -> Indication:
    """Test each bit position by itself, with exact probabilities."""
    count, positions = bits.shape
    ones = bits.sum(axis=0, dtype=int)
    position = int(abs(ones - count / 2).argmax())
    share = ones[position] / count
    p = even_binomial_tail(int(ones[position]), count)
    words = f"{_place(position)} is set in {share:.1%}"
    if share in (0, 1):
        words = f"{_place(position)} is always {round(share)}"
    stuck = int(((ones == 0) | (ones == count)).sum())
    if stuck > 1:
        words = f"{stuck} bit positions never change, e.g. {_place(position)}"
    return Indication("bit positions", min(1.0, p * positions), words)


def _all_bits(bits: Bits) -> Indication:
    ones = int(bits.sum(dtype=int))
    z = (ones - bits.size / 2) / (bits.size**0.5 / 2)
    return Indication("all bits together", normal_tail(z), f"{ones / bits.size:.2%} of all bits are set")


def _values(octets: Bits) -> Indication:
    """Compute chi-square over the values of each byte position, or of each nibble where the sample is small."""
    import numpy as np

    count = len(octets)
    if count >= ENOUGH_FOR_BYTES:
        what, columns, cells = "byte", octets, 256
    else:
        what, columns, cells = "nibble", np.stack((octets >> 4, octets & 15), axis=2).reshape(count, -1), 16
    positions = columns.shape[1]
    offsets = columns.astype(np.int64) + np.arange(positions) * cells
    observed = np.bincount(offsets.ravel(), minlength=positions * cells).reshape(positions, cells)
    expected = count / cells
    statistics = ((observed - expected) ** 2).sum(axis=1) / expected
    worst = int(statistics.argmax())
    p = chi_square_tail(float(statistics[worst]), cells - 1) * positions
    words = f"{what} {worst}: chi-square {statistics[worst]:.0f} at {cells - 1} degrees"
    return Indication(f"{what} values", min(1.0, p), words)


def _serial_correlation(octets: Bits) -> Indication:
    """Correlate at lags 1 to 16 the seed as a number, its difference from the previous seed, and each byte."""
    import numpy as np

    length = octets.shape[1]
    number = octets @ (256.0 ** -np.arange(1, length + 1))
    difference = np.diff(number, prepend=number[:1]) % 1.0
    series = np.column_stack((number, difference, octets.astype(np.float64)))
    names = ["the number", "its difference to the seed before", *(f"byte {index}" for index in range(length))]
    series = series - series.mean(axis=0)
    power = (series**2).sum(axis=0)
    varies = power > 1e-12 * len(series)
    correlations = np.zeros((LAGS, series.shape[1]))
    for lag in range(1, LAGS + 1):
        correlations[lag - 1, varies] = (series[:-lag] * series[lag:]).sum(axis=0)[varies] / power[varies]
    lag, which = (int(index) for index in np.unravel_index(abs(correlations).argmax(), correlations.shape))
    r = float(correlations[lag, which])
    p = normal_tail(r * len(series) ** 0.5) * correlations.size
    return Indication("serial correlation", min(1.0, p), f"{names[which]} at lag {lag + 1}: r = {r:.3f}")


def _neighbour_distance(bits: Bits) -> Indication:
    distances = (bits[1:] ^ bits[:-1]).sum(axis=1, dtype=int)
    width = bits.shape[1]
    z = (distances.mean() - width / 2) / (width**0.5 / 2 / len(distances) ** 0.5)
    words = f"neighbours differ in {distances.mean():.1f} of {width} bits on average"
    return Indication("distance of neighbours", normal_tail(float(z)), words)


def _linear_complexity(bits: Bits) -> Indication:
    """Test some bit positions: a shift register, or anything else linear over GF(2), has a short recurrence in each."""
    window = 64 if len(bits) < LONG_SAMPLE else 128
    window = min(window, len(bits))
    places = range(0, bits.shape[1], -(-bits.shape[1] // MOST_POSITIONS))
    lengths = {place: shortest_recurrence(bits[:window, place].tolist()).length for place in places}
    place = min(lengths, key=lambda one: lengths[one])
    p = shortness_probability(lengths[place], window) * len(lengths)
    words = f"{_place(place)}: a recurrence of {lengths[place]} bits makes {window}"
    return Indication("linear complexity", min(1.0, p), words)
