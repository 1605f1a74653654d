"""Confident learning: labels that the rest of the file does not bear out.

A classifier gives each record the probabilities of all labels without having seen it (k folds; near duplicates share one, or
a wrong label that was copied would vouch for itself). The label that stands in the file is judged by its own probability, and
by the threshold of every class: the mean probability that the class's own records give it.
Source: Northcutt, Jiang, Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from honekit.data.features import fitted_tfidf
from honekit.data.split import split

SMOOTHING = 0.1
"""Of the counts. Chosen on the training file of Banking77 and on the IoT examples, with labels changed on purpose."""


@dataclass(frozen=True)
class Judged:
    """What the other records say about one label."""

    position: int
    """In the texts that were judged."""
    confidence: float
    """Out-of-fold probability of the label that it has, the self-confidence of the paper."""
    suggested: str
    """The likeliest label but for the one that it has."""
    fits_another: bool
    """Whether it counts off the diagonal of the confident joint: another label is as probable as among that label's own."""


def judge_labels(
    texts: Sequence[str], labels: Sequence[str], *, folds: int = 5, seed: int = 0, report: Callable[[int], None] = lambda _: None
) -> list[Judged]:
    """Each label held against the rest of the file, in the order of the texts; `report` is told how many folds are done.

    Left out are records whose label occurs in no other fold: nothing is known about it. Empty without two labels.
    """
    import numpy as np

    features = fitted_tfidf(texts)
    if features is None or len(set(labels)) < 2:
        return []
    matrix = features.transform(texts).tocsr()
    names, given = np.unique(np.array(labels, dtype=object), return_inverse=True)
    shares = {str(fold): 1 / folds for fold in range(folds)}
    fold_of = np.array(split(texts, labels, seed, shares=shares).splits)
    probabilities = np.zeros((len(texts), len(names)))
    is_known = np.zeros(len(texts), dtype=bool)
    for done, fold in enumerate(shares):
        held_out = np.flatnonzero(fold_of == fold)
        rest = np.flatnonzero(fold_of != fold)
        if len(held_out) and len(set(given[rest])) > 1:
            model = _fit(matrix[rest], given[rest])
            probabilities[np.ix_(held_out, model.classes_)] = model.predict_proba(matrix[held_out])
            is_known[held_out] = np.isin(given[held_out], model.classes_)
        report(done + 1)
    return _judged(probabilities, given, is_known, names)


def _fit(matrix: Any, labels: Any) -> Any:
    from sklearn.naive_bayes import MultinomialNB

    return MultinomialNB(alpha=SMOOTHING).fit(matrix, labels)


def _judged(probabilities: Any, given: Any, is_known: Any, names: Any) -> list[Judged]:
    """Shapes: probabilities (records, labels), given and is_known (records,), names (labels,)."""
    import numpy as np

    rows = np.arange(len(given))
    own = probabilities[rows, given]
    # A label without a judged record of its own is never suggested.
    thresholds = np.full(len(names), np.inf)
    for label in np.unique(given[is_known]):
        thresholds[label] = own[is_known & (given == label)].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    joint = confident.argmax(axis=1)
    fits_another = (confident.max(axis=1) >= 0) & (joint != given)
    others = probabilities.copy()
    others[rows, given] = -1.0
    suggested = np.where(fits_another, joint, others.argmax(axis=1))
    return [Judged(int(i), float(own[i]), str(names[suggested[i]]), bool(fits_another[i])) for i in rows[is_known]]
