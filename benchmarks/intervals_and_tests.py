"""Do Hone's intervals and tests keep their promise? 10,000 simulated comparisons for each kind of score, size and rate.

Two arms of the same true quality answer the same items; half of the second one's answers are the first one's, as with
models of one family. Printed is how often they are called different (at most 6 % is the promise), and how often the 95 %
intervals of the difference and of a single arm hold the true value (93.5 to 97 % is the promise; above, where so few items
cannot do it exactly and the product stays on the safe side, the row says "conservative"). With fewer comparisons chance plays a
larger part: a row is "BROKEN" only when it is beyond the promise by more than that, and "open" when it is beyond it by less.
With --before the percentile
bootstrap and BCa stand beside, from fewer comparisons. The metrics of a whole set by which `hone eval compare` compares
classifications, with classes of the same size and of very different ones ("uneven"), are compared in the same way; of a
single arm nothing is said there, so those columns stay empty. See `benchmarks/README.md`.

    python benchmarks/intervals_and_tests.py
    python benchmarks/intervals_and_tests.py --kinds set
    python benchmarks/intervals_and_tests.py --comparisons 1000 --before
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

os.environ.setdefault("OMP_NUM_THREADS", "1")  # the cells run beside each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from honekit.evals.resampling import Statistic, bca_interval, percentile_interval
from honekit.evals.set_metrics import SET_METRICS, paired_set_statistics
from honekit.evals.stats import difference_of, macro_f1_statistic, mean_statistic, not_worse_of, score_interval

SIZES, RATES, KINDS = (30, 100, 300), (0.5, 0.9, 0.98), ("rate", "score", "macro-F1")
SET_KINDS = (*SET_METRICS, "macro_f1 uneven")
CLASSES = 5
UNEVEN = np.array([0.6, 0.2, 0.1, 0.06, 0.04])
"""Shares of the classes in the uneven kinds: of 30 items one or two are of the rarest."""
PARTLY = np.array([0.0, 0.25, 0.5])
"""What an answer that is not wholly right scores."""
MARGIN = 0.05
MOST_FALSE, COVERED = 0.06, (0.935, 0.97)
FULL = 10_000
"""So many comparisons does the promise speak of. Fewer leave more to chance, which is allowed for."""
FALSE_ALARM = 0.0005
"""How often a figure that just keeps the promise may be called broken by chance; a table has about a hundred of them."""
BEFORE = 500
"""Comparisons for the bootstrap columns, each of 1,000 resamples."""


@dataclass(frozen=True)
class Row:
    """Shares of the comparisons."""

    kind: str
    items: int
    rate: float
    called_different: float
    wrongly_not_worse: float | None
    """Arms that are truly worse by the margin and are called "not worse" (should be at most 6 %)."""
    difference_covered: float
    single_covered: float | None
    """None, as above, for what the product says nothing about."""
    before: dict[str, float]
    comparisons: int = FULL

    @property
    def kept(self) -> bool:
        """Whether nothing is beyond the promise by more than chance explains."""
        return not self._beyond(allowed=True)

    @property
    def remark(self) -> str:
        if not self.kept:
            return "BROKEN"
        if self._beyond(allowed=False):
            return "open: too few comparisons to tell"
        most = COVERED[1] + by_chance(1 - COVERED[1], self.comparisons)
        above = [name for name, value in self._covered().items() if value > most]
        return f"conservative: {', '.join(above)}" if above else "kept"

    def _beyond(self, *, allowed: bool) -> bool:
        least = (
            COVERED[0] - 0.002 - (by_chance(1 - COVERED[0], self.comparisons) if allowed else 0.0)
        )  # what 10,000 draws leave open
        most = MOST_FALSE + (by_chance(MOST_FALSE, self.comparisons) if allowed else 0.0)
        few = any(value < least for value in self._covered().values())
        return few or max(self.called_different, self.wrongly_not_worse or 0.0) > most

    def _covered(self) -> dict[str, float]:
        found = {"difference": self.difference_covered, "single": self.single_covered}
        return {name: value for name, value in found.items() if value is not None}


def by_chance(rate: float, comparisons: int) -> float:
    """How far above its true rate a share may lie by what these comparisons leave open more than `FULL` ones: the binomial
    upper end for as many draws as would have that additional variance."""
    from scipy.stats import binom

    if comparisons >= FULL:
        return 0.0
    draws = max(1, round(comparisons * FULL / (FULL - comparisons)))
    return float(binom.isf(FALSE_ALARM, draws, rate)) / draws - rate


def simulate(cell: tuple[str, int, float], comparisons: int, resamples: int, before: bool) -> Row:
    """One row of the table; the same numbers on every machine."""
    kind, items, rate = cell
    if kind in SET_KINDS:
        return simulate_set(kind, items, rate, comparisons, resamples)
    random = np.random.default_rng([KINDS.index(kind), items, round(100 * rate)])
    truth = true_value(kind, rate)
    different = covered = single = wrongly = 0
    old: dict[str, list[bool]] = {}
    for number in range(comparisons):
        (a, quality), (b, _) = pair(random, kind, items, rate, rate)
        found = difference_of(a, b, resamples, number)
        different += found.p < 0.05 and not found.lo <= 0 <= found.hi
        covered += found.lo <= 1e-12 and found.hi >= -1e-12
        lo, hi = score_interval(a, quality)
        single += lo - 1e-12 <= truth <= hi + 1e-12
        (worse, _), (other, _) = pair(random, kind, items, rate - MARGIN, rate)
        wrongly += not_worse_of(worse, other, true_value(kind, rate) - true_value(kind, rate - MARGIN)) < 0.05
        if before and number < BEFORE:
            _before(old, a, b, truth, number)
    shares = [count / comparisons for count in (different, wrongly, covered, single)]
    return Row(kind, items, rate, *shares, {name: float(np.mean(values)) for name, values in old.items()}, comparisons)


def simulate_set(kind: str, items: int, rate: float, comparisons: int, resamples: int) -> Row:
    """The same for a metric of a whole set, through what `hone eval compare` calls."""
    random = np.random.default_rng([len(KINDS) + SET_KINDS.index(kind), items, round(100 * rate)])
    metric, _, uneven = kind.partition(" ")
    names = [*(f"class {number}" for number in range(CLASSES)), None]
    different = covered = 0
    for number in range(comparisons):
        expected = random.choice(CLASSES, items, p=UNEVEN if uneven else None)
        luck, miss = _alike(random, items)
        labelled = []
        for lucky, missed in zip(luck, miss, strict=True):
            given = np.where(lucky < rate, expected, _wrong(expected, missed))
            labelled.append([(str(names[one]), names[other]) for one, other in zip(expected, given, strict=True)])
        found = difference_of(*paired_set_statistics(metric, *labelled), resamples, number)
        different += found.p < 0.05 and not found.lo <= 0 <= found.hi
        covered += found.lo <= 1e-12 and found.hi >= -1e-12
    return Row(kind, items, rate, different / comparisons, None, covered / comparisons, None, {}, comparisons)


def true_value(kind: str, rate: float) -> float:
    """What infinitely many items would score."""
    if kind != "macro-F1":
        return rate
    # Every class is right at `rate` and gets its share of the wrong answers; what names no class is right for none.
    gets = rate + (CLASSES - 1) * (1 - rate) / CLASSES
    return 2 * rate / (1 + gets)


def pair(
    random: np.random.Generator, kind: str, items: int, rate_a: float, rate_b: float
) -> tuple[tuple[Statistic, list[float]], tuple[Statistic, list[float]]]:
    """Two arms on the same items, each with how right its answers are. Half of the items are alike for both."""
    luck_a = random.random(items)
    luck_b = np.where(random.random(items) < 0.5, luck_a, random.random(items))
    expected = random.integers(0, CLASSES, items)
    miss_a, miss_b = random.integers(1, CLASSES + 1, items), random.integers(1, CLASSES + 1, items)
    miss_b = np.where(luck_a == luck_b, miss_a, miss_b)
    arms = []
    for luck, miss, rate in ((luck_a, miss_a, rate_a), (luck_b, miss_b, rate_b)):
        if kind == "score":
            partly = PARTLY[miss % len(PARTLY)]
            weights = np.bincount(np.arange(1, CLASSES + 1) % len(PARTLY), minlength=len(PARTLY)) / CLASSES
            floor = float(weights @ PARTLY)
            values = np.where(luck < (rate - floor) / (1 - floor), 1.0, partly)
            arms.append((mean_statistic(values), values.tolist()))
            continue
        right = luck < rate
        if kind == "rate":
            arms.append((mean_statistic(right.astype(np.float64)), right.tolist()))
            continue
        answered = np.where(right, expected, _wrong(expected, miss))
        arms.append((macro_f1_statistic(expected, answered, CLASSES), right.astype(float).tolist()))
    return arms[0], arms[1]


def _alike(random: np.random.Generator, items: int) -> tuple[list[NDArray[np.float64]], list[NDArray[np.int64]]]:
    """How lucky each arm is with each item, and which way it misses; half of the items are alike for both."""
    luck_a = random.random(items)
    luck_b = np.where(random.random(items) < 0.5, luck_a, random.random(items))
    miss_a, miss_b = random.integers(1, CLASSES + 1, items), random.integers(1, CLASSES + 1, items)
    return [luck_a, luck_b], [miss_a, np.where(luck_a == luck_b, miss_a, miss_b)]


def _wrong(expected: NDArray[np.int64], miss: NDArray[np.int64]) -> NDArray[np.int64]:
    """A miss is one of the other classes, or none at all."""
    return np.where(miss == CLASSES, CLASSES, (expected + miss) % CLASSES)


def _before(old: dict[str, list[bool]], a: Statistic, b: Statistic, truth: float, seed: int) -> None:
    values_a, values_b = a.resampled(1000, seed % 10), b.resampled(1000, seed % 10)
    observed = a.observed() - b.observed()
    intervals = {
        "percentile, difference": (percentile_interval(values_a - values_b, observed), 0.0),
        "percentile, single": (percentile_interval(values_a, a.observed()), truth),
        "BCa, difference": (bca_interval(values_a - values_b, observed, a.without_each() - b.without_each()), 0.0),
        "BCa, single": (bca_interval(values_a, a.observed(), a.without_each()), truth),
    }
    for name, ((lo, hi), value) in intervals.items():
        old.setdefault(name, []).append(lo - 1e-12 <= value <= hi + 1e-12)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comparisons", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=500, help="of the permutation test")
    parser.add_argument("--before", action="store_true", help=f"percentile bootstrap and BCa beside, {BEFORE} comparisons each")
    parser.add_argument("--kinds", choices=("all", "items", "set"), default="all", help="means of items, or metrics of a set")
    parser.add_argument("--processes", type=int, default=None, help="default: one for each core")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    kinds = (KINDS if given.kinds != "set" else ()) + (SET_KINDS if given.kinds != "items" else ())
    cells = [(kind, items, rate) for kind in kinds for items in SIZES for rate in RATES]
    job = partial(simulate, comparisons=given.comparisons, resamples=given.resamples, before=given.before)
    rows: list[Row] = []
    with ProcessPoolExecutor(given.processes) as pool:
        for row in pool.map(job, cells):
            rows.append(row)
            print(f"\r{len(rows)} of {len(cells)} cells", end="", file=sys.stderr)
    print(file=sys.stderr)
    if given.json:
        print(json.dumps([{**vars(row), "remark": row.remark} for row in rows]))
        return 0 if all(row.kept for row in rows) else 1
    _print(rows, given.comparisons)
    print(f"\n{time.perf_counter() - began:.0f} s on {platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    return 0 if all(row.kept for row in rows) else 1


def _print(rows: list[Row], comparisons: int) -> None:
    print(f"{comparisons:,} comparisons each; shares in %\n")
    old = list(rows[0].before)
    heads = ["called different", "wrongly not worse", "difference covered", "single covered", *old]
    print(f"{'score':<24}{'items':>6}{'rate':>6}  " + "  ".join(heads) + "  promise")
    for row in rows:
        shares = [row.called_different, row.wrongly_not_worse, row.difference_covered, row.single_covered]
        values = [*shares, *(row.before.get(name) for name in old)]
        cells = [f"{'' if v is None else f'{100 * v:.1f}':>{len(head)}}" for v, head in zip(values, heads, strict=True)]
        print(f"{row.kind:<24}{row.items:>6}{row.rate:>6}  " + "  ".join(cells) + f"  {row.remark}")


if __name__ == "__main__":
    sys.exit(main())
