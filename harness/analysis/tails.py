"""How likely is so much by chance? Tail probabilities, as scipy computes them."""

from __future__ import annotations


def normal_tail(z: float) -> float:
    """P(|Z| >= |z|) for a standard normal variable."""
    from scipy.special import ndtr

    return 2 * float(ndtr(-abs(z)))


def normal_quantile(probability: float) -> float:
    """The z with P(|Z| >= z) = `probability`."""
    from scipy.special import ndtri

    return -float(ndtri(probability / 2))


def chi_square_tail(statistic: float, degrees: int) -> float:
    """P(X >= statistic) for chi-square."""
    from scipy.special import chdtrc

    return float(chdtrc(degrees, statistic)) if statistic > 0 else 1.0


def binomial_tail(at_least: int, trials: int, probability: float) -> float:
    """P(X >= at_least) for so many trials."""
    from scipy.special import betainc

    if at_least <= 0:
        return 1.0
    if at_least > trials:
        return 0.0
    return float(betainc(at_least, trials - at_least + 1, probability))


def even_binomial_tail(count: int, trials: int) -> float:
    """Two-sided: how likely a fair coin is so far from the middle, or farther."""
    return min(1.0, 2 * binomial_tail(max(count, trials - count), trials, 0.5))
