"""Rates of right and wrong: intervals, and tests of two arms on the same items.

Everything here is a function of counts. `only_a` and `only_b` are the items that one arm has right and the other wrong.
Sources: Wilson, JASA 22 (1927) 209-212; Clopper & Pearson, Biometrika 26 (1934) 404-413; Tango, Statistics in Medicine 17
(1998) 891-908; McNemar, Psychometrika 12 (1947) 153-157; Fagerland, Lydersen & Laake, BMC Medical Research Methodology 13
(2013) 91, for the mid-p form and for choosing Tango's interval.
"""

from __future__ import annotations

import functools
import math

NEAR_EDGE = 3
"""Up to this many right or wrong items the exact interval is taken: Wilson's covers too seldom there (83 % at the worst)."""


@functools.lru_cache(maxsize=10_000)
def rate_interval(successes: int, items: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a rate: Wilson's, or Clopper and Pearson's exact one where the rate is near 0 or 1."""
    from scipy.stats import binomtest

    method = "exact" if min(successes, items - successes) <= NEAR_EDGE else "wilson"
    interval = binomtest(successes, items).proportion_ci(confidence_level=level, method=method)
    return float(interval.low), float(interval.high)


@functools.lru_cache(maxsize=100_000)
def paired_rate_interval(only_a: int, only_b: int, items: int, level: float = 0.95) -> tuple[float, float]:
    """Tango's score interval of rate a minus rate b: the differences that `score_z` does not rule out."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    reach = float(ndtri((1 + level) / 2))
    observed, edge = (only_a - only_b) / items, 1 - 1e-9

    def end(sign: float) -> float:
        def beyond(difference: float) -> float:
            return score_z(only_a, only_b, items, difference) - sign * reach

        start, stop = observed, -sign * edge
        if abs(observed) >= edge and observed * sign < 0:
            return observed
        if beyond(start) * beyond(stop) > 0:
            return -sign * 1.0
        return float(brentq(beyond, min(start, stop), max(start, stop)))

    return end(1.0), end(-1.0)


def score_z(only_a: int, only_b: int, items: int, difference: float) -> float:
    """Standard normal score of the observed difference were `difference` the true one."""
    distance = only_a - only_b - items * difference
    if abs(difference) >= 1:
        return 0.0 if abs(distance) < 1e-9 else math.copysign(math.inf, distance)
    linear = -only_a - only_b + (2 * items - only_a + only_b) * difference
    constant = -only_b * difference * (1 - difference)
    only_b_share = (math.sqrt(max(linear**2 - 8 * items * constant, 0.0)) - linear) / (4 * items)
    variance = items * (2 * only_b_share + difference * (1 - difference))
    if variance <= 1e-12:
        return 0.0 if abs(distance) < 1e-9 else math.copysign(math.inf, distance)
    return distance / math.sqrt(variance)


def not_worse_p(only_a: int, only_b: int, items: int, margin: float) -> float:
    """One-sided p of "a is worse than b by `margin` or more": Tango's score test of non-inferiority."""
    from scipy.special import ndtr

    return float(ndtr(-score_z(only_a, only_b, items, -margin)))


@functools.lru_cache(maxsize=100_000)
def mcnemar_p(only_a: int, only_b: int, *, exact: bool = False) -> float:
    """McNemar's two-sided p: mid-p, or `exact`, which never errs too often and finds less."""
    from scipy.stats import binom

    if only_a == only_b:
        return 1.0
    smaller, disagreeing = min(only_a, only_b), only_a + only_b
    p = 2 * float(binom.cdf(smaller, disagreeing, 0.5))
    return min(1.0, p) if exact else p - float(binom.pmf(smaller, disagreeing, 0.5))
