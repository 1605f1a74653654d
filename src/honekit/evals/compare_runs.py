"""Two runs on the same items, compared item by item.

Interval and test are those of `honekit.evals.stats`. Over the slices of a criterion, and over the criteria, Holm's correction
applies. "better" needs both: p below 0.05 after it, and an interval above zero.
"""

from __future__ import annotations

import json
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

    from honekit.evals.power import detectable_difference
    from honekit.evals.stats import difference_of, mcnemar_exact, mean_statistic

    a = np.array([one["score"] for one, _ in scores], dtype=float)
    b = np.array([one["score"] for _, one in scores], dtype=float)
    only_a = sum(one["passed"] and not other["passed"] for one, other in scores)
    only_b = sum(other["passed"] and not one["passed"] for one, other in scores)
    enough = len(scores) >= MIN_ITEMS
    found = difference_of(mean_statistic(a), mean_statistic(b), RESAMPLES, SEED) if enough else None
    return Compared(
        name,
        part,
        len(scores),
        float(a.mean()),
        float(b.mean()),
        float((a - b).mean()),
        (found.lo, found.hi) if found else None,
        only_a,
        only_b,
        mcnemar_exact([one["passed"] for one, _ in scores], [other["passed"] for _, other in scores]),
        found.p if found else 1.0,
        detectable_difference(len(scores), found.deviation) if found else None,
        "no difference shown",
    )


def _worded(compared: Sequence[Compared]) -> list[Compared]:
    from honekit.evals.correction import holm

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
