"""What more training examples would bring: a power law through the scores at several sizes, with all of its uncertainty.

score(n) = ceiling - drop * n ** -rate. Three or four sizes cannot fix three parameters, so the rate is not fitted: it is drawn
evenly from `RATES` for each resample, in which items are drawn anew and sizes too. What is left is a straight line in
n ** -rate. A forecast is the middle of the resamples' gains with their 95 % range. Spread between training seeds is not in it.
Sources: Hestness et al. 2017, arXiv 1712.00409 (scores follow power laws; the range of rates); Viering & Loog, IEEE TPAMI 45
(2023) 7799-7819 (how uncertain such forecasts are).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from honekit.evals.resampling import ROUNDING, Floats
from honekit.evals.stats import metric_interval, metric_statistic
from honekit.graders import Graded
from honekit.project import Project

RATES = (0.1, 1.0)


@dataclass(frozen=True)
class Point:
    """A model trained on so many examples."""

    examples: int
    score: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Gain:
    """What so many further examples would add to the score of all that there are: middle and 95 % range."""

    further: int
    gain: float
    lo: float
    hi: float

    @property
    def sentence(self) -> str:
        return f"{self.further:,} more examples: {self.gain:+.2f} ± {(self.hi - self.lo) / 2:.2f}"


@dataclass(frozen=True)
class LearningCurve:
    points: tuple[Point, ...]
    gains: tuple[Gain, ...]
    note: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "gains": [{**asdict(gain), "sentence": gain.sentence} for gain in self.gains]}


def forecast(
    project: Project, metric: str, graded: Mapping[int, Sequence[Graded]], further: Sequence[int], resamples: int, seed: int
) -> LearningCurve:
    """graded: number of training examples -> the same items, answered by the model that was trained on so many."""
    sizes = sorted(graded)
    statistics = [metric_statistic(project, metric, graded[size]) for size in sizes]
    points = tuple(
        Point(size, statistic.observed(), metric_interval(project, metric, graded[size]))
        for size, statistic in zip(sizes, statistics, strict=True)
    )
    if len(sizes) < 2:
        return LearningCurve(points, (), "One size shows no curve; add `shares` under [decide.measure].")
    scores: Floats = np.stack([statistic.resampled(resamples, seed) for statistic in statistics], axis=1)
    if float(scores.std(axis=0).max()) < ROUNDING:
        note = "Every answer is right, or none is, at every size: these examples show no curve."
        return LearningCurve(points, (), note)
    gains = _gains(np.array(sizes, dtype=np.float64), scores, further, seed)
    note = (
        f"{len(sizes)} sizes do not show how fast the curve flattens: the exponent is drawn from {RATES[0]:g} to {RATES[1]:g}, "
        "and the range says so. How far a training with another seed would differ is not in it."
    )
    return LearningCurve(points, gains, note)


def _gains(sizes: Floats, scores: Floats, further: Sequence[int], seed: int) -> tuple[Gain, ...]:
    """scores: (resamples, sizes)."""
    random = np.random.default_rng([seed, 2])
    resamples, number = scores.shape
    slowest, fastest = RATES
    rates: Floats = np.asarray(random.uniform(slowest, fastest, size=(resamples,)), dtype=np.float64)
    # Two sizes are the least that a line needs: one is always the largest, from which the forecast goes on.
    counts = random.multinomial(number - 1, np.full(number, 1 / number), size=resamples).astype(np.float64)
    counts[:, -1] += 1
    lone = (counts > 0).sum(axis=1) < 2
    counts[lone, random.integers(0, number - 1, size=int(lone.sum()))] += 1
    x = sizes[None, :] ** -rates[:, None]
    drop, ceiling = _line(x, scores, counts)
    gains = []
    for more in further:
        ahead = drop * (float(sizes[-1]) ** -rates - float(sizes[-1] + more) ** -rates)
        # No score exceeds 1: the room that is left bounds the gain.
        room = np.maximum(0.0, 1.0 - (ceiling - drop * float(sizes[-1]) ** -rates))
        middle, lo, hi = np.quantile(np.minimum(ahead, room), np.array([0.5, 0.025, 0.975]))
        gains.append(Gain(more, float(middle), float(lo), float(hi)))
    return tuple(gains)


def _line(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares of y = ceiling - drop * x, each (resamples, sizes) -> two (resamples,)."""
    total = weights.sum(axis=1)
    mean_x, mean_y = (weights * x).sum(axis=1) / total, (weights * y).sum(axis=1) / total
    spread = (weights * (x - mean_x[:, None]) ** 2).sum(axis=1)
    slope = (weights * (x - mean_x[:, None]) * (y - mean_y[:, None])).sum(axis=1) / np.maximum(spread, 1e-15)
    return -slope, mean_y - slope * mean_x
