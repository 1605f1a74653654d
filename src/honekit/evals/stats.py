"""Intervals and tests for graded items: bootstrap, McNemar, Holm.

All resampling is one matrix product: how often each item was drawn (resamples, items) times what each item
adds to the statistic (items, parts). A macro-F1 over 2,000 resamples is so a product with the items'
confusion cells. Sources: Efron & Tibshirani, An Introduction to the Bootstrap (1993), ch. 13 and 16; Davison
& Hinkley, Bootstrap Methods (1997), ch. 4 for the +1 in p values; Holm, Scand. J. Statist. 6 (1979) 65-70;
Wilson, JASA 22 (1927) 209-212.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from honekit.errors import EvalError
from honekit.evals.scores import label_codes, macro_field
from honekit.graders import Graded, classes
from honekit.project import Project

Floats = NDArray[np.float64]

LEVEL = 0.95
_DRAWS_AT_ONCE = 4_000_000
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Difference:
    """Metric of arm a minus metric of arm b on the same items: observed, 95 % interval, p, standard error."""

    mean: float
    lo: float
    hi: float
    p: float
    standard_error: float
    items: int

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


@dataclass(frozen=True)
class _Statistic:
    """`parts` (items, k) add up over drawn items; `finish` maps (resamples, k) sums to (resamples,)."""

    parts: Floats
    finish: Callable[[Floats], Floats]

    def observed(self) -> float:
        return float(self.finish(self.parts.sum(axis=0, keepdims=True))[0])


def bootstrap_interval(project: Project, metric: str, graded: Sequence[Graded], resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of a metric over these items.

    Rates of right and wrong get Wilson's interval, which holds at 0 and 1 too; everything else the percentile
    bootstrap, widened to the observed value where it misses it. Where no resample differs because every
    answer is right (or wrong), Wilson's bound for that many successes stands in: a handful of right answers
    proves no 100 %.
    """
    statistic = _statistic(project, metric, graded)
    if statistic.parts.shape[1] == 1 and bool(np.isin(statistic.parts, (0.0, 1.0)).all()):
        return wilson_interval(int(statistic.parts.sum()), len(graded))
    observed = statistic.observed()
    values = np.concatenate([statistic.finish(c @ statistic.parts) for c in _counts(len(graded), resamples, seed)])
    lo, hi = _quantiles(values, observed)
    if hi - lo < _ROUNDING:
        if observed < _ROUNDING:
            return 0.0, wilson_interval(0, len(graded))[1]
        if _all_right(project, metric, graded):
            return observed * wilson_interval(len(graded), len(graded))[0], observed
    return lo, hi


def paired_difference(
    project: Project,
    metric: str,
    graded_a: Sequence[Graded],
    graded_b: Sequence[Graded],
    resamples: int,
    seed: int,
) -> Difference:
    """Metric of a minus metric of b, both recomputed on the same resampled items.

    p is two-sided: twice the smaller share of resamples on the other side of zero, with one added to both
    counts.
    Raises: EvalError[evals.not_paired] unless both answer the same items.
    """
    ordered_b = _same_items(graded_a, graded_b)
    a, b = _statistic(project, metric, graded_a), _statistic(project, metric, ordered_b)
    observed = a.observed() - b.observed()
    values = np.concatenate([a.finish(c @ a.parts) - b.finish(c @ b.parts) for c in _counts(len(graded_a), resamples, seed)])
    lo, hi = _quantiles(values, observed)
    beyond = min(int((values <= _ROUNDING).sum()), int((values >= -_ROUNDING).sum()))
    p = min(1.0, 2 * (beyond + 1) / (resamples + 1))
    return Difference(observed, lo, hi, p, float(values.std()), len(graded_a))


def wilson_interval(successes: int, items: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a rate."""
    from scipy.stats import binomtest

    interval = binomtest(successes, items).proportion_ci(confidence_level=LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar_exact(right_a: Sequence[bool], right_b: Sequence[bool]) -> float:
    """McNemar's exact two-sided p for two arms on the same items in the same order."""
    from scipy.stats import binomtest

    pairs = list(zip(right_a, right_b, strict=True))
    only_a = sum(a and not b for a, b in pairs)
    only_b = sum(b and not a for a, b in pairs)
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down adjusted p values, in the order given."""
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def examples_needed(difference: Difference, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """About how many items the interval needs to exclude zero, were the true difference the observed one.

    Normal approximation: items * ((z(1 - alpha/2) + z(power)) * standard error / difference)^2, since the
    standard error falls with the root of the items. None for no difference: no number of items tells equal
    arms apart.
    """
    from scipy.stats import norm

    if abs(difference.mean) < _ROUNDING:
        return None
    reach = float(norm.ppf(1 - alpha / 2) + norm.ppf(power)) * difference.standard_error / abs(difference.mean)
    return max(1, math.ceil(difference.items * reach**2))


def _statistic(project: Project, metric: str, graded: Sequence[Graded]) -> _Statistic:
    if not graded:
        raise EvalError("evals.no_items", what="there are no graded items to compare", mend="run `hone run` again")
    field = macro_field(project, metric)
    present = metric in graded[0].scores if field is None else field.name in graded[0].labels
    if not present:
        raise EvalError(
            "evals.metric_missing",
            what=f"these items were not graded on {metric!r}",
            mend=f"choose a metric that this arm has: {', '.join(project.task.metric_names())}",
        )
    if field is None:
        values = np.array([[item.scores[metric]] for item in graded], dtype=np.float64)
        return _Statistic(values, lambda sums: sums[:, 0] / len(graded))
    number = len(classes(field))
    expected, predicted = label_codes(field, graded)
    cells = np.zeros((len(graded), number * (number + 1)))
    cells[np.arange(len(graded)), expected * (number + 1) + predicted] = 1
    return _Statistic(cells, lambda sums: macro_f1(sums.reshape(-1, number, number + 1)))


def macro_f1(matrices: Floats) -> Floats:
    """(resamples, classes, classes + 1) confusion matrices, last column "no answer" -> (resamples,)."""
    number = matrices.shape[1]
    hits = np.einsum("rcc->rc", matrices[:, :, :number])
    denominators = matrices.sum(axis=2) + matrices[:, :, :number].sum(axis=1)
    scores = np.divide(2 * hits, denominators, out=np.zeros_like(hits), where=denominators > 0)
    return np.asarray(scores.mean(axis=1))


def _counts(items: int, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each item is drawn, (resamples, items), in blocks that fit in memory."""
    generator = np.random.default_rng(seed)
    block = max(1, _DRAWS_AT_ONCE // items)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = generator.integers(0, items, size=(rows, items)) + np.arange(rows)[:, None] * items
        yield np.bincount(drawn.ravel(), minlength=rows * items).reshape(rows, items).astype(np.float64)


def _quantiles(values: Floats, observed: float) -> tuple[float, float]:
    lo, hi = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return min(float(lo), observed), max(float(hi), observed)


def _all_right(project: Project, metric: str, graded: Sequence[Graded]) -> bool:
    field = macro_field(project, metric)
    return field is not None and all(item.right[field.name] for item in graded)


def _same_items(graded_a: Sequence[Graded], graded_b: Sequence[Graded]) -> list[Graded]:
    by_id = {item.id: item for item in graded_b}
    if len(by_id) != len(graded_b) or len(graded_a) != len(graded_b) or {item.id for item in graded_a} != set(by_id):
        raise EvalError(
            "evals.not_paired",
            what="two arms did not answer the same items, each once, so they cannot be compared item by item",
            mend="give every test example an id of its own and run `hone run` again",
        )
    return [by_id[item.id] for item in graded_a]
