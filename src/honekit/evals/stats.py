"""Intervals and tests for graded items: what a metric is worth, and whether two arms really differ on it.

Each kind of metric has the method that keeps its promise at 30, 100 and 300 items (`benchmarks/intervals_and_tests.py` prints how
often): rates of right and wrong go by their counts (`rates`); every other score has its standard error from the jackknife
(`resampling`), from which come Wilson's interval at the effective sample size, or for a difference Student's interval. The
bootstrap's percentiles and BCa cover too seldom at 30 items and near 1. Where fewer than `FEW` items speak at all, the error is
not taken to be smaller than theirs could be, so that a handful of equal answers proves nothing. A macro-F1 keeps the promise
only where every class has a few items. Sources: Efron & Stein, Annals of Statistics 9 (1981) 586-596 (the jackknife's error is
on the safe side); Korn & Graubard, Survey Methodology 24 (1998) 193-201 (effective sample size); Bonett & Price, J. Educational
and Behavioral Statistics 37 (2012) 479-488 (the least error of a paired difference).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from honekit.errors import EvalError
from honekit.evals.power import ALPHA, POWER, detectable_difference, items_for_difference
from honekit.evals.rates import mcnemar_p, not_worse_p, paired_rate_interval, rate_interval
from honekit.evals.resampling import ROUNDING, Floats, Statistic, jackknife_error, permutation_p
from honekit.evals.scores import label_codes, macro_field
from honekit.graders import Graded, classes
from honekit.project import Project

LEVEL = 0.95
FEW = 10
"""With fewer items that are not all right (or that the arms answer differently) the conservative form is taken."""


@dataclass(frozen=True)
class Difference:
    """Metric of arm a minus metric of arm b on the same items: observed, 95 % interval, p, standard error (not below what few
    differing items can vouch for)."""

    mean: float
    lo: float
    hi: float
    p: float
    standard_error: float
    items: int
    method: str = ""
    """How interval and p were made."""
    observed_error: float = 0.0
    """The standard error as these items have it (jackknife), without that floor."""

    @property
    def deviation(self) -> float:
        """Standard deviation of one item's difference."""
        return self.standard_error * math.sqrt(self.items)

    @property
    def effect_size(self) -> float | None:
        """The difference in observed standard deviations of one item's difference (Cohen's d for pairs); None where all items
        differ alike."""
        deviation = self.observed_error * math.sqrt(self.items)
        return self.mean / deviation if deviation > ROUNDING else None

    def as_dict(self) -> dict[str, float | str | None]:
        """JSON-ready, with the effect size and the difference that so many items could have shown."""
        detectable = detectable_difference(self.items, self.deviation)
        return {**asdict(self), "effect_size": self.effect_size, "detectable_difference": detectable}


def metric_interval(project: Project, metric: str, graded: Sequence[Graded]) -> tuple[float, float]:
    """The 95 % interval of a metric over these items."""
    field = macro_field(project, metric)
    statistic = metric_statistic(project, metric, graded)
    return score_interval(statistic, [float(item.right[field.name]) if field else item.scores[metric] for item in graded])


def score_interval(statistic: Statistic, quality: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a score in [0, 1]; `quality` is how right each item is, from 0 to 1.

    A rate has its own. Others get Wilson's interval at the sample size at which a rate would have their standard error; with
    few items that are not wholly right (or wrong) that size is at most theirs, since no score in [0, 1] varies more than a
    rate.
    """
    from scipy.special import ndtri, stdtrit

    observed, items = statistic.observed(), statistic.items
    if statistic.is_rate:
        return rate_interval(int(statistic.parts.sum()), items, LEVEL)
    size, error = float(items), statistic.standard_error()
    if error > ROUNDING and 0 < observed < 1:
        few = min(sum(q < 1 for q in quality), sum(q > 0 for q in quality)) < FEW
        found = observed * (1 - observed) / error**2
        size = min(size, found) if few else found
    z = float(ndtri((1 + LEVEL) / 2))
    size *= (z / float(stdtrit(max(1, items - 1), (1 + LEVEL) / 2))) ** 2
    middle = (observed + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(max(0.0, observed * (1 - observed)) / size + z * z / (4 * size * size))
    return max(0.0, min(middle - half, observed)), min(1.0, max(middle + half, observed))


def paired_difference(
    project: Project,
    metric: str,
    graded_a: Sequence[Graded],
    graded_b: Sequence[Graded],
    resamples: int,
    seed: int,
) -> Difference:
    """Metric of a minus metric of b on the same items. Raises: EvalError[evals.not_paired] unless both answer the same items."""
    return difference_of(*paired_statistics(project, metric, graded_a, graded_b), resamples, seed, most=1.0)


def difference_of(a: Statistic, b: Statistic, resamples: int, seed: int, *, most: float | None = None) -> Difference:
    """Statistic a minus statistic b over the same items. most: how far they can lie apart, 1 for metrics between 0 and 1.

    Rates: Tango's interval and McNemar's mid-p. Other scores: Student's interval with the jackknife's standard error, cut at
    `most`, and the p of a permutation test that swaps the arms' answers item by item.
    """
    observed, items, raw = a.observed() - b.observed(), a.items, jackknife_error(a.without_each() - b.without_each())
    error = _floored(raw, a, b)
    if a.is_rate and b.is_rate:
        only_a, only_b = disagreements(a, b)
        lo, hi = paired_rate_interval(only_a, only_b, items, LEVEL)
        method = "Tango's score interval, McNemar's mid-p"
        return Difference(observed, lo, hi, mcnemar_p(only_a, only_b), error, items, method, raw)
    from scipy.special import stdtrit

    half = float(stdtrit(max(1, items - 1), (1 + LEVEL) / 2)) * error
    far = math.inf if most is None else most
    lo, hi = max(observed - half, -far), min(observed + half, far)
    p = permutation_p(a, b, resamples, seed)
    return Difference(observed, lo, hi, p, error, items, "jackknife t interval, permutation test", raw)


def not_worse(project: Project, metric: str, graded_a: Sequence[Graded], graded_b: Sequence[Graded], margin: float) -> float:
    """One-sided p of "a is worse than b by `margin` or more" (non-inferiority, paired). Raises as `paired_difference`."""
    return not_worse_of(*paired_statistics(project, metric, graded_a, graded_b), margin)


def not_worse_of(a: Statistic, b: Statistic, margin: float) -> float:
    """One-sided p of "a is worse than b by `margin` or more": Tango's score test for rates, Student's for other scores.

    Student's error is not taken below that of arms that differ on as many items as the margin makes them, and two more: Tango's
    has such a floor by itself, and a skewed score would pass too often without.
    """
    if a.is_rate and b.is_rate:
        return not_worse_p(*disagreements(a, b), a.items, margin)
    from scipy.special import stdtr

    share = min((abs(margin) * a.items + 2) / (a.items + 2), 1.0)
    error = max(difference_error(a, b), math.sqrt(share * (1 - share) / a.items), ROUNDING)
    distance = (a.observed() - b.observed() + margin) / error
    return float(stdtr(max(1, a.items - 1), -distance))


def mcnemar_exact(right_a: Sequence[bool], right_b: Sequence[bool]) -> float:
    """McNemar's exact two-sided p for two arms on the same items in the same order."""
    pairs = list(zip(right_a, right_b, strict=True))
    return mcnemar_p(sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs), exact=True)


def examples_needed(difference: Difference, power: float = POWER, alpha: float = ALPHA) -> int | None:
    """About how many items the interval needs to exclude zero, were the true difference the observed one.

    None for no difference: no number of items tells equal arms apart.
    """
    return items_for_difference(difference.mean, difference.deviation, power, alpha)


def paired_statistics(
    project: Project, metric: str, graded_a: Sequence[Graded], graded_b: Sequence[Graded]
) -> tuple[Statistic, Statistic]:
    """The metric of both arms over the same items in the same order. Raises: EvalError[evals.not_paired]."""
    ordered_b = same_items(graded_a, graded_b)
    return metric_statistic(project, metric, graded_a), metric_statistic(project, metric, ordered_b)


def metric_statistic(project: Project, metric: str, graded: Sequence[Graded]) -> Statistic:
    """A metric of the task as a function of sums over these items. Raises: EvalError[evals.no_items | evals.metric_missing]."""
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
        return mean_statistic(np.array([item.scores[metric] for item in graded], dtype=np.float64))
    return macro_f1_statistic(*label_codes(field, graded), len(classes(field)))


def mean_statistic(values: Floats) -> Statistic:
    """The mean of one value an item."""
    return Statistic(values[:, None], lambda sums: sums[:, 0] / len(values))


def macro_f1_statistic(expected: NDArray[np.int64], predicted: NDArray[np.int64], number: int) -> Statistic:
    """Macro-F1 over `number` classes, those that do not occur count 0; the code `number` is an answer that names no class.

    An item adds its hit to its class, and itself to the sizes of the class that it is of and of the one that it is answered.
    """
    rows = np.arange(len(expected))
    parts = np.zeros((len(expected), 2 * number + 1))
    parts[rows, expected] = expected == predicted
    parts[rows, number + expected] += 1
    parts[rows, number + predicted] += 1
    return Statistic(parts[:, : 2 * number], lambda sums: macro_f1(sums[:, :number], sums[:, number:]))


def macro_f1(hits: Floats, sizes: Floats) -> Floats:
    """Hits of each class and its items expected plus answered, both (resamples, classes) -> (resamples,)."""
    return np.asarray(np.divide(2 * hits, sizes, out=np.zeros_like(hits), where=sizes > 0.5).mean(axis=1))


def difference_error(a: Statistic, b: Statistic) -> float:
    """Standard error of a minus b (jackknife), not below what the number of items answered differently can vouch for."""
    return _floored(jackknife_error(a.without_each() - b.without_each()), a, b)


def _floored(error: float, a: Statistic, b: Statistic) -> float:
    differing = int((np.abs(a.parts - b.parts) > ROUNDING).any(axis=1).sum())
    if differing < FEW:
        error = max(error, math.sqrt(differing + 2) / (a.items + 2))
    elif error < ROUNDING:  # every item differs in the same way: the next one may not
        error = math.sqrt(2) / (a.items + 2)
    return error


def disagreements(a: Statistic, b: Statistic) -> tuple[int, int]:
    """Items that only a has right, and only b, of two rates."""
    return int((a.parts > b.parts).sum()), int((a.parts < b.parts).sum())


def same_items(graded_a: Sequence[Graded], graded_b: Sequence[Graded]) -> list[Graded]:
    """b's items in the order of a's. Raises: EvalError[evals.not_paired]."""
    by_id = {item.id: item for item in graded_b}
    if len(by_id) != len(graded_b) or len(graded_a) != len(graded_b) or {item.id for item in graded_a} != set(by_id):
        raise EvalError(
            "evals.not_paired",
            what="two arms did not answer the same items, each once, so they cannot be compared item by item",
            mend="give every test example an id of its own and run `hone run` again",
        )
    return [by_id[item.id] for item in graded_a]
