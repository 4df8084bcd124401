"""Compute tail probabilities by short formulas: a statistics library would take longer to load than an audit to run."""

import math
from statistics import NormalDist


def normal_tail(z: float) -> float:
    """Return P(|Z| >= |z|) for a standard normal variable."""
    return math.erfc(abs(z) / math.sqrt(2))


def normal_quantile(probability: float) -> float:
    """Return the z for which P(|Z| >= z) is `probability`."""
    return -NormalDist().inv_cdf(probability / 2)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Return P(X >= statistic) for chi-square: the upper incomplete gamma function, a finite sum if `degrees` is whole."""
    if statistic <= 0:
        return 1.0
    half = statistic / 2
    powers = (step + 0.5 * (degrees % 2) for step in range(degrees // 2))
    terms = [math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in powers]
    return min(1.0, math.fsum(terms) + (math.erfc(math.sqrt(half)) if degrees % 2 else 0.0))


def binomial_tail(at_least: int, trials: int, probability: float) -> float:
    """Return P(X >= at_least) for `trials` trials, as a sum from the first term on, since terms shrink beyond the mean."""
    if at_least <= 0:
        return 1.0
    if at_least > trials or probability <= 0:
        return 0.0
    if at_least <= trials * probability:
        return 1.0 - binomial_tail(trials - at_least + 1, trials, 1 - probability)
    ways = math.lgamma(trials + 1) - math.lgamma(at_least + 1) - math.lgamma(trials - at_least + 1)
    term = math.exp(ways + at_least * math.log(probability) + (trials - at_least) * math.log1p(-probability))
    odds, total, count = probability / (1 - probability), 0.0, at_least
    while term > total * 1e-17:
        total += term
        term *= (trials - count) / (count + 1) * odds
        count += 1
    return total


def even_binomial_tail(count: int, trials: int) -> float:
    """Return the probability that `trials` throws of a fair coin give a count at least as far from the middle as `count`."""
    return min(1.0, 2 * binomial_tail(max(count, trials - count), trials, 0.5))
