"""Amounts that were measured on a sample of requests, with 95 % intervals, and what comes of adding them.

Sums and differences carry both sides of both intervals (MOVER: Zou & Donner, Statistics in Medicine 27 (2008) 1693-1702), as
of independent samples. Prices are given, so they are factors without an interval of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from honekit.evals.resampling import bca_interval
from honekit.evals.stats import LEVEL, mean_statistic
from honekit.project import Project

Range = tuple[float, float]
BEYOND = 1e12
"""More requests than anybody will see: never."""


@dataclass(frozen=True)
class Amount:
    """interval: None where nobody knows it, which counts as exact in a sum with an amount whose interval is known."""

    value: float
    interval: Range | None = None

    def __add__(self, other: Amount) -> Amount:
        value = self.value + other.value
        if self.interval is None and other.interval is None:
            return Amount(value)
        sides = [
            math.hypot(self.value - self._ends[side], other.value - other._ends[side]) * (1 if side else -1) for side in (0, 1)
        ]
        return Amount(value, (value + sides[0], value + sides[1]))

    def __sub__(self, other: Amount) -> Amount:
        return self + other.times(-1.0)

    def times(self, factor: float) -> Amount:
        """factor: exact."""
        if self.interval is None:
            return Amount(self.value * factor)
        lo, hi = sorted(end * factor for end in self.interval)
        return Amount(self.value * factor, (lo, hi))

    @property
    def _ends(self) -> Range:
        return self.interval or (self.value, self.value)


def requests_until(upfront: float, gain_per_1000: float) -> int | None:
    """From how many requests on the upfront cost is paid back; None for never, as where each request costs more."""
    if upfront <= 0:
        return 0 if gain_per_1000 >= 0 else None
    if gain_per_1000 * BEYOND <= 1000 * upfront:
        return None
    return math.ceil(1000 * upfront / gain_per_1000)


def typical_interval(seconds: Sequence[float]) -> Range | None:
    """Of the median of times, from a few of them; None from fewer than two.

    Times are taken as log-normal: Student's interval of the logarithms' mean, which is the median's logarithm, and wide enough to
    hold the observed median. From four times, the default, order statistics give no 95 % at all.
    """
    import numpy as np
    from scipy.special import stdtrit

    if len(seconds) < 2 or min(seconds) <= 0:
        return None
    logs = np.log(np.asarray(seconds, dtype=np.float64))
    half = float(stdtrit(len(logs) - 1, (1 + LEVEL) / 2)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    middle, observed = float(logs.mean()), float(np.median(np.asarray(seconds)))
    return min(math.exp(middle - half), observed), max(math.exp(middle + half), observed)


def mean_interval(values: Sequence[float], project: Project) -> Range:
    """BCa interval of a mean that has no bounds, such as that of tokens."""
    import numpy as np

    statistic = mean_statistic(np.array(values, dtype=np.float64))
    options = project.evaluate
    return bca_interval(
        statistic.resampled(options.bootstrap_resamples, options.seed), statistic.observed(), statistic.without_each()
    )
