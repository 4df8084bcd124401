"""Judge repeated seeds by birthday statistics over a sample."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

FALSE_ALARM = 1e-6
ANY_REPEAT_IS_ONE_TOO_MANY = ((40, 10_000), (32, 250))
"""The length of seeds in bits and the size of a sample from which a single pair of equal seeds is too many.

The seeds have at least this many bits, and the sample at most this many seeds.
"""


@dataclass(frozen=True, slots=True)
class Collisions:
    """The pairs of equal seeds in a sample."""

    seeds: int
    bits: int
    """The length of each seed in bits; if lengths differ, the single length at which seeds would repeat as often."""
    pairs: int
    expected: float
    """How many equal pairs chance gives on average, if every bit of the seeds is random."""
    probability: float
    """The probability of at least this many equal pairs, if every bit of the seeds is random."""

    @property
    def is_too_many(self) -> bool:
        """Whether there are more pairs than chance allows."""
        if self.pairs and any(self.bits >= bits and self.seeds <= seeds for bits, seeds in ANY_REPEAT_IS_ONE_TOO_MANY):
            return True
        return self.probability < FALSE_ALARM

    @property
    def share(self) -> float:
        """The share of equal pairs among all pairs of seeds."""
        return self.pairs / (self.seeds * (self.seeds - 1) / 2) if self.seeds > 1 else 0.0

    @property
    def entropy_bound_bits(self) -> float:
        """The 95 % lower bound on the collision entropy, in bits; a sample without equal pairs still allows for 3."""
        pairs_in_all = self.seeds * (self.seeds - 1) / 2
        return max(math.log2(pairs_in_all / _most_compatible(self.pairs)), 0.0) if self.seeds > 3 else 0.0

    @property
    def estimate_bits(self) -> float:
        """The collision entropy that a sample with collisions shows, in bits."""
        return math.log2(self.seeds * (self.seeds - 1) / 2 / self.pairs) if self.pairs else math.inf


def collisions(seeds: Sequence[bytes]) -> Collisions:
    """Count the pairs of equal seeds, and compute how likely chance gives as many, among seeds of each length."""
    count = len(seeds)
    pairs = sum(times * (times - 1) // 2 for times in Counter(seeds).values())
    of_length = Counter(len(seed) for seed in seeds)
    if len(of_length) > 1:
        expected = sum(times * (times - 1) / 2 / 2.0 ** (8 * length) for length, times in of_length.items())
        bits = round(math.log2(count * (count - 1) / 2 / expected)) if expected else 8 * max(of_length)
    else:
        bits = 8 * max(of_length, default=0)
        expected = count * (count - 1) / 2 / 2.0**bits if bits else math.inf
    return Collisions(count, bits, pairs, expected, _poisson_tail(pairs, expected))


def without_immediate_repeats(seeds: Sequence[bytes]) -> list[bytes]:
    """Merge runs of equal seeds into one each, since a server that repeats a seed until it is used drew it only once."""
    return [seed for index, seed in enumerate(seeds) if index == 0 or seed != seeds[index - 1]]


def _most_compatible(count: int) -> float:
    """Return the largest mean of a Poisson variable with which 1 of 20 samples still shows at most `count` events."""
    low, high = float(count), 2.0 * count + 3.0
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        if _poisson_tail(count + 1, middle) < 0.95:
            low = middle
        else:
            high = middle
    return high


def _poisson_tail(at_least: int, mean: float) -> float:
    """Return P(X >= at_least) for a Poisson variable, by the normal approximation if the mean is large."""
    if at_least == 0:
        return 1.0
    if math.isinf(mean):
        return 1.0
    if mean > 500:
        return 0.5 * math.erfc((at_least - 0.5 - mean) / math.sqrt(2 * mean))
    if at_least <= mean:
        below = sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(at_least)) if mean else 0.0
        return max(0.0, 1.0 - below)
    term = math.exp(-mean + at_least * math.log(mean) - math.lgamma(at_least + 1)) if mean else 0.0
    total, k = 0.0, at_least
    while term > total * 1e-17:
        total += term
        k += 1
        term *= mean / k
    return min(total, 1.0)
