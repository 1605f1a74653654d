"""Two runs on the same items, compared item by item.

The interval of a mean difference is scipy's BCa bootstrap (Efron 1987); where every item passes or fails, McNemar's exact
test decides too. Over the slices of a criterion, and over the criteria, Holm's correction applies. "better" needs both: p below
0.05 after it, and an interval above zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from honekit.errors import EvalError
from honekit.store.eval_items import Item

RESAMPLES = 4000
SEED = 0
ALPHA = 0.05
MIN_ITEMS = 5
"""With fewer there is no interval worth the name."""

Word = Literal["better", "worse", "no difference shown", "too few items"]


@dataclass(frozen=True)
class Compared:
    """Run A minus run B on one criterion, over all items or one slice.

    only_a, only_b: items that one of them passes alone. detectable: the true difference that so many items would show with
    80 % power (normal approximation); `p` is after Holm's correction.
    """

    criterion: str
    slice: str | None
    items: int
    mean_a: float
    mean_b: float
    difference: float
    interval: tuple[float, float] | None
    only_a: int
    only_b: int
    mcnemar_p: float
    p: float
    detectable: float | None
    word: Word


@dataclass(frozen=True)
class Pair:
    """One item with what both runs made of it."""

    item: dict[str, Any]
    a: Item
    b: Item


def pair_items(items_a: Sequence[Item], items_b: Sequence[Item]) -> list[Pair]:
    """The items that both runs ended, by content, in A's order. Raises: EvalError[evals.not_paired] when there are none."""
    waiting: dict[str, list[Item]] = {}
    for item in items_b:
        waiting.setdefault(_content(item), []).append(item)
    pairs = []
    for item in items_a:
        others = waiting.get(_content(item))
        if others:
            pairs.append(Pair(item.item, item, others.pop(0)))
    if not pairs:
        raise EvalError(
            "evals.not_paired",
            what="the two runs have no item in common, so they cannot be compared item by item",
            mend="run both models on the same suite",
        )
    return pairs


def compare(pairs: Sequence[Pair], slice_key: str = "slices") -> list[Compared]:
    """Each criterion that both runs have: over all items first, then by slice."""
    names = [one["name"] for one in pairs[0].a.results or []]
    whole, parts = [], []
    for name in dict.fromkeys(names):
        scored = [(pair, scores) for pair in pairs if (scores := _scores(pair, name)) is not None]
        if not scored:
            continue
        whole.append(_compared(name, None, [scores for _, scores in scored]))
        slices: dict[str, list[tuple[Any, Any]]] = {}
        for pair, scores in scored:
            for one in _slices(pair.item.get(slice_key)):
                slices.setdefault(one, []).append(scores)
        parts.append([_compared(name, one, slices[one]) for one in sorted(slices)])
    return [line for one, group in zip(_worded(whole), parts, strict=True) for line in (one, *_worded(group))]


def _compared(name: str, part: str | None, scores: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Compared:
    import numpy as np

    from honekit.evals.stats import mcnemar_exact

    a = np.array([one["score"] for one, _ in scores], dtype=float)
    b = np.array([one["score"] for _, one in scores], dtype=float)
    only_a = sum(one["passed"] and not other["passed"] for one, other in scores)
    only_b = sum(other["passed"] and not one["passed"] for one, other in scores)
    mcnemar = mcnemar_exact([one["passed"] for one, _ in scores], [one["passed"] for _, one in scores])
    differences = a - b
    deviation = float(differences.std(ddof=1)) if len(scores) > 1 else 0.0
    binary = bool(np.isin(np.concatenate([a, b]), (0.0, 1.0)).all())
    interval = _interval(differences)
    if binary and interval is not None:
        interval = _with_exact(interval, int((differences > 0).sum()), int((differences < 0).sum()), len(scores))
    return Compared(
        name,
        part,
        len(scores),
        float(a.mean()),
        float(b.mean()),
        float(differences.mean()),
        interval,
        only_a,
        only_b,
        mcnemar,
        mcnemar_exact(list(a == 1), list(b == 1)) if binary else _permutation(differences),
        _detectable(deviation, len(scores)),
        "no difference shown",
    )


def _interval(differences: Any) -> tuple[float, float] | None:
    """95 %. Where no item differs, the bound for so many items without one (Wilson) on both sides."""
    import numpy as np
    from scipy.stats import bootstrap

    from honekit.evals.stats import wilson_interval

    if len(differences) < MIN_ITEMS:
        return None
    if np.ptp(differences) == 0:
        most = wilson_interval(0, len(differences))[1]
        mean = float(differences[0])
        return max(-1.0, mean - most), min(1.0, mean + most)
    found = bootstrap(
        (differences,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(SEED), vectorized=True
    ).confidence_interval
    return float(found.low), float(found.high)


def _with_exact(interval: tuple[float, float], more: int, less: int, items: int) -> tuple[float, float]:
    """The interval, widened to what the exact test of the items that differ allows: with few of them a bootstrap is too sure."""
    from scipy.stats import binomtest

    if more + less == 0:
        return interval
    share = binomtest(more, more + less).proportion_ci(confidence_level=0.95, method="exact")
    lo, hi = ((2 * bound - 1) * (more + less) / items for bound in (share.low, share.high))
    return min(interval[0], float(lo)), max(interval[1], float(hi))


def _permutation(differences: Any) -> float:
    """Two-sided, by flipping signs."""
    import numpy as np
    from scipy.stats import permutation_test

    if len(differences) < 2 or not np.any(differences):
        return 1.0
    tested = permutation_test(
        (differences,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    return float(tested.pvalue)


def _detectable(deviation: float, items: int) -> float | None:
    from scipy.stats import norm

    if items < MIN_ITEMS or deviation == 0:
        return None
    return float((norm.ppf(1 - ALPHA / 2) + norm.ppf(0.8)) * deviation / math.sqrt(items))


def _worded(compared: Sequence[Compared]) -> list[Compared]:
    from honekit.evals.stats import holm

    adjusted = holm({str(number): one.p for number, one in enumerate(compared)})
    made = []
    for number, one in enumerate(compared):
        p = adjusted[str(number)]
        word: Word = "no difference shown"
        if one.interval is None:
            word = "too few items"
        elif p < ALPHA and one.interval[0] > 0:
            word = "better"
        elif p < ALPHA and one.interval[1] < 0:
            word = "worse"
        made.append(Compared(**{**asdict(one), "interval": one.interval, "p": p, "word": word}))
    return made


def _scores(pair: Pair, name: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Both results of a criterion; None when one run has none, or it faulted there."""
    found = [next((one for one in item.results or [] if one["name"] == name), None) for item in (pair.a, pair.b)]
    first, second = found
    if first is None or second is None or "error" in first or "error" in second:
        return None
    return first, second


def _slices(given: Any) -> list[str]:
    if isinstance(given, list):
        return [str(one) for one in given]
    return [] if given is None or given == "" else [str(given)]


def _content(item: Item) -> str:
    return json.dumps(item.item, sort_keys=True, ensure_ascii=False)
