"""Apply the health tests and the simplest estimate of NIST SP 800-90B to a sample.

The tests serve as detectors, with cut-offs from this battery's own budget of false alarms. They are no validation: SP
800-90B wants a million samples, and restarts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.analysis.tails import binomial_tail

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Bits = npt.NDArray[np.uint8]

I = TypeVar("I")  # noqa: E741 - an indication

BIT_WINDOW, BYTE_WINDOW = 1024, 512
"""The window lengths, in bits and in bytes, of the adaptive proportion test (SP 800-90B 4.4.2)."""

UPPER = 2.576
"""The normal quantile that SP 800-90B 6.3.1 uses for the most common value."""


@dataclass(frozen=True, slots=True)
class CommonByte:
    """The most common byte of a sample."""

    p: float
    min_entropy: float
    text: str


def most_common_byte(octets: Bits) -> CommonByte:
    """Find the most common byte value, and the probability that a sound generator gives some value as often."""
    import numpy as np

    counts = np.bincount(octets.ravel(), minlength=256)
    size, value = octets.size, int(counts.argmax())
    most = int(counts[value])
    share = most / size
    upper = min(1.0, share + UPPER * math.sqrt(share * (1 - share) / max(size - 1, 1)))
    text = f"{value:02X} makes up {share:.2%} of all bytes"
    return CommonByte(min(1.0, 256 * binomial_tail(most, size, 1 / 256)), -math.log2(upper) + 0.0, text)


def health_indication(octets: Bits, bits: Bits, indication: Callable[[str, float, str], I]) -> I:
    """Run repetition count and adaptive proportion on bytes and bits; return the smallest p, times the number of tests."""
    found = [
        (*_longest_run(bits, 2), "bits of one position"),
        (*_longest_run(octets, 256), "bytes of one position"),
        (*_adaptive_proportion(bits.ravel(), BIT_WINDOW, 2), f"of {BIT_WINDOW} bits"),
        (*_adaptive_proportion(octets.ravel(), BYTE_WINDOW, 256), f"of {BYTE_WINDOW} bytes"),
    ]
    p, count, what = min(found)
    return indication("health tests", min(1.0, p * len(found)), f"{count} equal {what}")


def _longest_run(columns: Bits, values: int) -> tuple[float, int]:
    """Count repetitions; return the probability of a run as long as the longest in any column, and that run's length."""
    import numpy as np

    count, width = columns.shape
    changes = np.ones((count + 1, width), dtype=bool)
    changes[1:count] = columns[1:] != columns[:-1]
    places = np.flatnonzero(changes.T.ravel())  # the ends of each column count as changes
    longest = int(np.diff(places).max())
    return min(1.0, count * width * float(values) ** (1 - longest)), longest


def _adaptive_proportion(stream: Bits, window: int, values: int) -> tuple[float, int]:
    """Count how often each window contains its first value; return the probability of the highest count, and that count."""
    windows = len(stream) // window
    if not windows:
        return 1.0, 0
    whole = stream[: windows * window].reshape(windows, window)
    most = int((whole == whole[:, :1]).sum(axis=1).max())
    return min(1.0, windows * binomial_tail(most - 1, window - 1, 1 / values)), most
