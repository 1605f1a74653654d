"""Two runs on the same items, compared item by item.

Interval and test are those of `honekit.evals.stats`. A classification is compared by its score and by metrics of the whole
set, such as macro-F1. Holm's correction applies in two families: the lines over all items, of every criterion and metric, which
the verdict is made of, and all lines of slices. So looking into many slices takes nothing from the verdict, and no line of a
table escapes its correction. "better" needs both: p below 0.05 after it, and an interval above zero.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from honekit.errors import EvalError
from honekit.evals.graded_pairs import GradedPair, Scores, by_criterion, faults_counted, graded_by_both, ungraded
from honekit.evals.suites import MESSAGES
from honekit.store.eval_items import Item
from honekit.store.evals import Run

if TYPE_CHECKING:
    from honekit.evals.resampling import Statistic

RESAMPLES = 4000
SEED = 0
ALPHA = 0.05
MIN_ITEMS = 5
"""With fewer there is no interval worth the name."""

SCORE, MACRO_F1 = "score", "macro_f1"
FAULTS_AS_ZERO = "score_faults_as_0"
"""The score over all items, where one that a run could not grade has 0."""
Word = Literal["better", "worse", "no difference shown", "too few items"]


@dataclass(frozen=True)
class Compared:
    """Run A minus run B by one metric of a criterion, over all items or one slice.

    value_a, value_b: the mean score, or the set's metric. only_a, only_b: items that one of them passes alone. mcnemar_p: of
    these, for scores. effect_size: the difference in standard deviations of one item's difference. detectable: the true
    difference that so many items would show with 80 % power (normal approximation). `p` is after Holm's correction.
    ungraded_a, ungraded_b: items that the run could not grade; but for `FAULTS_AS_ZERO` they are not among `items`.
    """

    criterion: str
    metric: str
    slice: str | None
    items: int
    value_a: float
    value_b: float
    difference: float
    interval: tuple[float, float] | None
    only_a: int
    only_b: int
    mcnemar_p: float | None
    p: float
    effect_size: float | None
    detectable: float | None
    word: Word
    ungraded_a: int = 0
    ungraded_b: int = 0


@dataclass(frozen=True)
class Pair:
    """One item with what both runs made of it."""

    item: dict[str, Any]
    a: Item
    b: Item


def pair_items(items_a: Sequence[Item], items_b: Sequence[Item]) -> list[Pair]:
    """The items that both runs ended, by content, in A's order.

    Raises: EvalError[evals.no_items | evals.not_paired] when a run ended none, or they have none in common.
    """
    if not items_a or not items_b:
        raise EvalError(
            "evals.no_items",
            what=f"run {'A' if not items_a else 'B'} has no graded item yet",
            mend="`hone eval run --resume RUN` goes on with it",
        )
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
            what=f"of the runs' {len(items_a)} and {len(items_b)} items none is the same: there is nothing to compare",
            mend="run both models on the same suite",
        )
    return pairs


def only_in(a: Run, b: Run, pairs: Sequence[Pair]) -> tuple[int, int]:
    """How many ended items of each run the other one does not have."""
    ended = [int(run.tallies.get("counts", {}).get("total", 0)) for run in (a, b)]
    return max(0, ended[0] - len(pairs)), max(0, ended[1] - len(pairs))


def left_out(a: Run, b: Run, pairs: Sequence[Pair]) -> str:
    """The same in words; empty when the runs are on the same items."""
    alone = only_in(a, b, pairs)
    return f"left out: {alone[0]} that only A has, {alone[1]} that only B has" if any(alone) else ""


def left_ungraded(one: Compared) -> str:
    """What a line leaves out, in words; empty when both runs graded every item."""
    if not (one.ungraded_a or one.ungraded_b):
        return ""
    told = f"{one.ungraded_a} items that A could not grade and {one.ungraded_b} that B could not"
    return f"{told} count 0" if one.metric == FAULTS_AS_ZERO else f"{told} are left out"


def compare(pairs: Sequence[Pair], slice_key: str = "slices", set_metrics: Sequence[str] = (MACRO_F1,)) -> list[Compared]:
    """Each criterion that both runs have, by its score and, of classifications, by these metrics: over all items first, then
    by slice."""
    return corrected(measured(pairs, slice_key, set_metrics))


def measured(pairs: Sequence[Pair], slice_key: str = "slices", set_metrics: Sequence[str] = (MACRO_F1,)) -> list[Compared]:
    """The same before `corrected`: nothing is called better or worse yet."""
    found = []
    for name, graded in by_criterion(pairs).items():
        scores = graded_by_both(graded)
        slices: dict[str, list[GradedPair]] = {}
        for of in graded:
            for one in _slices(of.pair.item.get(slice_key)):
                slices.setdefault(one, []).append(of)
        for metric in (SCORE, *(set_metrics if _is_classified(scores) else ())) if scores else ():
            found.append(_compared(name, metric, None, scores, ungraded(graded)))
            parts = [(one, graded_by_both(slices[one])) for one in sorted(slices)]
            found += [_compared(name, metric, one, of, ungraded(slices[one])) for one, of in parts if of]
        if counted := faults_counted(graded):
            found.append(_compared(name, FAULTS_AS_ZERO, None, counted, ungraded(graded)))
    return found


def corrected(compared: Sequence[Compared]) -> list[Compared]:
    """The lines that are told together with their words: p by Holm over those of all items, and over those of slices."""
    from honekit.evals.correction import holm

    adjusted: dict[int, float] = {}
    for family in _families(compared):
        adjusted |= holm({number: compared[number].p for number in family})
    return [_worded(one, adjusted.get(number, 1.0)) for number, one in enumerate(compared)]


def correction_told(compared: Sequence[Compared]) -> str:
    """Which lines were corrected together, in words; empty where there is nothing to correct."""
    whole, parts = (len(family) for family in _families(compared))
    told = [f"the {whole} lines of all items"] * (whole > 1) + [f"the {parts} lines of slices"] * (parts > 1)
    return f"p is after Holm's correction over {', and apart from these over '.join(told)}" if told else ""


def _families(compared: Sequence[Compared]) -> tuple[list[int], list[int]]:
    """Places of the lines that were tested: over all items, and of slices."""
    tested = [number for number, one in enumerate(compared) if one.interval is not None]
    whole = [number for number in tested if compared[number].slice is None]
    return whole, [number for number in tested if compared[number].slice is not None]


def _compared(name: str, metric: str, part: str | None, scores: Sequence[Scores], left: tuple[int, int]) -> Compared:
    from honekit.evals.power import detectable_difference
    from honekit.evals.stats import difference_of, mcnemar_exact

    a, b = _statistics(metric, scores)
    passed_a, passed_b = [bool(one["passed"]) for one, _ in scores], [bool(one["passed"]) for _, one in scores]
    most = None if metric in (SCORE, FAULTS_AS_ZERO) else 1.0
    found = difference_of(a, b, RESAMPLES, SEED, most=most) if len(scores) >= MIN_ITEMS else None
    return Compared(
        name,
        metric,
        part,
        len(scores),
        a.observed(),
        b.observed(),
        a.observed() - b.observed(),
        (found.lo, found.hi) if found else None,
        sum(one and not other for one, other in zip(passed_a, passed_b, strict=True)),
        sum(other and not one for one, other in zip(passed_a, passed_b, strict=True)),
        mcnemar_exact(passed_a, passed_b) if metric in (SCORE, FAULTS_AS_ZERO) else None,
        found.p if found else 1.0,
        found.effect_size if found else None,
        detectable_difference(len(scores), found.deviation) if found else None,
        "no difference shown",
        *left,
    )


def _statistics(metric: str, scores: Sequence[Scores]) -> tuple[Statistic, Statistic]:
    import numpy as np

    from honekit.evals.set_metrics import paired_set_statistics
    from honekit.evals.stats import mean_statistic

    if metric in (SCORE, FAULTS_AS_ZERO):
        a, b = (np.array([pair[side]["score"] for pair in scores], dtype=np.float64) for side in (0, 1))
        return mean_statistic(a), mean_statistic(b)
    labelled = [[(pair[side]["expected"], pair[side]["predicted"]) for pair in scores] for side in (0, 1)]
    return paired_set_statistics(metric, *labelled)


def _is_classified(scores: Sequence[Scores]) -> bool:
    return all("expected" in one and "predicted" in one for pair in scores for one in pair)


def _worded(one: Compared, p: float) -> Compared:
    word: Word = "no difference shown"
    if one.interval is None:
        word = "too few items"
    elif p < ALPHA and one.interval[0] > 0:
        word = "better"
    elif p < ALPHA and one.interval[1] < 0:
        word = "worse"
    return replace(one, p=p, word=word)


def _slices(given: Any) -> list[str]:
    if isinstance(given, list):
        return [str(one) for one in given]
    return [] if given is None or given == "" else [str(given)]


def _content(item: Item) -> str:
    own = {name: value for name, value in item.item.items() if name != MESSAGES}
    return json.dumps(own, sort_keys=True, ensure_ascii=False)
