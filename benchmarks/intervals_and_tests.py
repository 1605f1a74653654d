"""Do Hone's intervals and tests keep their promise? 10,000 simulated comparisons for each kind of score, size and rate.

Two arms of the same true quality answer the same items; half of the second one's answers are the first one's, as with
models of one family. Printed is how often they are called different (at most 6 % is the promise), and how often the 95 %
intervals of the difference and of a single arm hold the true value (93.5 to 97 % is the promise; above, where so few items
cannot do it exactly and the product stays on the safe side, the row says "conservative"). With --before the percentile
bootstrap and BCa stand beside, from fewer comparisons. See `benchmarks/README.md`.

    python benchmarks/intervals_and_tests.py
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

from honekit.evals.resampling import Statistic, bca_interval, percentile_interval
from honekit.evals.stats import difference_of, macro_f1_statistic, mean_statistic, not_worse_of, score_interval

SIZES, RATES, KINDS = (30, 100, 300), (0.5, 0.9, 0.98), ("rate", "score", "macro-F1")
CLASSES = 5
PARTLY = np.array([0.0, 0.25, 0.5])
"""What an answer that is not wholly right scores."""
MARGIN = 0.05
MOST_FALSE, COVERED = 0.06, (0.935, 0.97)
BEFORE = 500
"""Comparisons for the bootstrap columns, each of 1,000 resamples."""


@dataclass(frozen=True)
class Row:
    """Shares of the comparisons."""

    kind: str
    items: int
    rate: float
    called_different: float
    wrongly_not_worse: float
    """Arms that are truly worse by the margin and are called "not worse" (should be at most 6 %)."""
    difference_covered: float
    single_covered: float
    before: dict[str, float]

    @property
    def kept(self) -> bool:
        few = min(self.difference_covered, self.single_covered) < COVERED[0] - 0.002  # what 10,000 draws leave open
        return not few and max(self.called_different, self.wrongly_not_worse) <= MOST_FALSE

    @property
    def remark(self) -> str:
        if not self.kept:
            return "BROKEN"
        above = [n for n, v in (("difference", self.difference_covered), ("single", self.single_covered)) if v > COVERED[1]]
        return f"conservative: {', '.join(above)}" if above else "kept"


def simulate(cell: tuple[str, int, float], comparisons: int, resamples: int, before: bool) -> Row:
    """One row of the table; the same numbers on every machine."""
    kind, items, rate = cell
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
    return Row(kind, items, rate, *shares, {name: float(np.mean(values)) for name, values in old.items()})


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
        # A miss is one of the other classes, or none at all.
        wrong = np.where(miss == CLASSES, CLASSES, (expected + miss) % CLASSES)
        arms.append((macro_f1_statistic(expected, np.where(right, expected, wrong), CLASSES), right.astype(float).tolist()))
    return arms[0], arms[1]


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
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    cells = [(kind, items, rate) for kind in KINDS for items in SIZES for rate in RATES]
    job = partial(simulate, comparisons=given.comparisons, resamples=given.resamples, before=given.before)
    rows: list[Row] = []
    with ProcessPoolExecutor() as pool:
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
    print(f"{'score':<10}{'items':>6}{'rate':>6}  " + "  ".join(heads) + "  promise")
    for row in rows:
        shares = [row.called_different, row.wrongly_not_worse, row.difference_covered, row.single_covered]
        cells = [f"{100 * v:{len(head)}.1f}" for v, head in zip([*shares, *row.before.values()], heads, strict=True)]
        print(f"{row.kind:<10}{row.items:>6}{row.rate:>6}  " + "  ".join(cells) + f"  {row.remark}")


if __name__ == "__main__":
    sys.exit(main())
