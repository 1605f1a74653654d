"""Bootstrap and permutation of any statistic that is a function of sums over items.

How often each item is drawn, (resamples, items), times what each item adds to the statistic, (items, parts): a macro-F1
over 2,000 resamples is one product with the items' confusion cells. Arms are always drawn together, item by item.
Sources: Efron, JASA 82 (1987) 171-185 (BCa); Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 14-15; Davison
& Hinkley, Bootstrap Methods (1997), ch. 4 (one added to both counts of a p value).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DRAWS_AT_ONCE = 4_000_000
ROUNDING = 1e-12


@dataclass(frozen=True)
class Statistic:
    """`parts` (items, k) add up over drawn items; `finish` maps (resamples, k) sums to (resamples,)."""

    parts: Floats
    finish: Callable[[Floats], Floats]

    @property
    def items(self) -> int:
        return len(self.parts)

    def observed(self) -> float:
        return float(self.finish(self.parts.sum(axis=0, keepdims=True))[0])

    def resampled(self, resamples: int, seed: int) -> Floats:
        """(resamples,); the same draws for every statistic over as many items, so that arms can be subtracted."""
        return np.concatenate([self.finish(counts @ self.parts) for counts in _counts(self.items, resamples, seed)])

    @property
    def is_rate(self) -> bool:
        """Whether it is a mean of rights and wrongs."""
        return self.parts.shape[1] == 1 and bool(np.isin(self.parts, (0.0, 1.0)).all())

    def standard_error(self) -> float:
        """By the jackknife."""
        return jackknife_error(self.without_each())

    def without_each(self) -> Floats:
        """(items,): the statistic without one item at a time, scaled up to as many items as before (jackknife)."""
        rest = self.parts.sum(axis=0, keepdims=True) - self.parts
        return self.finish(rest * (self.items / max(1, self.items - 1)))


def jackknife_error(without_each: Floats) -> float:
    """Standard error from the values without one item at a time, (items,)."""
    items = len(without_each)
    return float(np.sqrt((items - 1) / items * ((without_each - without_each.mean()) ** 2).sum()))


def bca_interval(values: Floats, observed: float, without_each: Floats, level: float = 0.95) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of resampled `values`, widened to the observed value.

    Resamples that equal the observed value count half towards the bias, so that discrete statistics are not shifted.
    """
    from scipy.special import ndtr, ndtri

    share = ((values < observed - ROUNDING).mean() + (values <= observed + ROUNDING).mean()) / 2
    inside = 1 / (2 * len(values))
    bias = float(ndtri(min(max(share, inside), 1 - inside)))
    centred = without_each.mean() - without_each
    spread = float((centred**2).sum()) ** 1.5
    acceleration = float((centred**3).sum()) / (6 * spread) if spread > ROUNDING else 0.0
    ends = [bias + float(ndtri((1 - level) / 2)), bias + float(ndtri((1 + level) / 2))]
    shares = [float(ndtr(bias + end / max(1 - acceleration * end, 0.1))) for end in ends]
    return _widened(values, shares, observed)


def percentile_interval(values: Floats, observed: float, level: float = 0.95) -> tuple[float, float]:
    """The middle of the resampled values, widened to the observed one."""
    return _widened(values, [(1 - level) / 2, (1 + level) / 2], observed)


def permutation_p(a: Statistic, b: Statistic, resamples: int, seed: int) -> float:
    """Two-sided p of "both arms are alike": the arms' answers to each item are swapped at random.

    Exact for any statistic and sample size, since under no difference every swap is as likely; where there are no more than
    `resamples` ways to swap the items that differ, all of them are counted.
    """
    differing = (np.abs(a.parts - b.parts) > ROUNDING).any(axis=1)
    moves = (b.parts - a.parts)[differing]
    sum_a, sum_b = a.parts.sum(axis=0), b.parts.sum(axis=0)
    observed = abs(a.observed() - b.observed())
    extreme = tried = 0
    for swapped in _swaps(len(moves), resamples, seed):
        moved = swapped @ moves
        extreme += int((np.abs(a.finish(sum_a + moved) - b.finish(sum_b - moved)) >= observed - ROUNDING).sum())
        tried += len(swapped)
    exact = tried == 2 ** len(moves)
    return extreme / tried if exact else (extreme + 1) / (tried + 1)


def _widened(values: Floats, shares: list[float], observed: float) -> tuple[float, float]:
    lo, hi = np.quantile(values, shares)
    return min(float(lo), observed), max(float(hi), observed)


def _counts(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each item is drawn, (resamples, items), in blocks that fit in memory."""
    if items * resamples <= DRAWS_AT_ONCE:
        yield _kept_counts(items, resamples, seed)
    else:
        yield from _fresh_counts(items, resamples, seed)


@functools.lru_cache(maxsize=8)
def _kept_counts(items: int, resamples: int, seed: int) -> Floats:
    return next(_fresh_counts(items, resamples, seed))


def _fresh_counts(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    generator = np.random.default_rng(seed)
    block = max(1, DRAWS_AT_ONCE // items)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = generator.integers(0, items, size=(rows, items)) + np.arange(rows)[:, None] * items
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items).astype(np.float64)


def _swaps(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Which items are swapped, (ways, items) of 0 and 1: all ways, or `resamples` random ones in blocks that fit in memory."""
    if 2**items <= resamples:
        yield np.array([[way >> item & 1 for item in range(items)] for way in range(2**items)], dtype=np.float64)
        return
    generator = np.random.default_rng([seed, 1])
    block = max(1, DRAWS_AT_ONCE // items)
    for start in range(0, resamples, block):
        yield generator.integers(0, 2, size=(min(block, resamples - start), items), dtype=np.int8).astype(np.float64)
