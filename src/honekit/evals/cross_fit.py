"""A score for an arm that was chosen among candidates, without the optimism of scoring it on what chose it.

Every validation item is answered under every candidate once. For each fold of the items the candidate is chosen on the other
folds and its grades on this one count; the arm that is used later is chosen on all of them.
Source: Varma & Simon, BMC Bioinformatics 7 (2006) 91 (nested cross-validation).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from honekit.evals.arms import best_of
from honekit.graders import Graded
from honekit.project import Project

FOLDS = 5


@dataclass(frozen=True)
class CrossFitted:
    """The candidate that all items chose, and one grade an item by a candidate that it had no part in choosing."""

    chosen: int
    graded: list[Graded]


def cross_fit(project: Project, candidates: Sequence[Sequence[Graded]]) -> CrossFitted:
    """candidates: for each one the grades of the same items in the same order."""
    items = len(candidates[0])
    chosen = best_of(project, candidates)
    if len(candidates) == 1 or items < 2:
        return CrossFitted(chosen, list(candidates[chosen]))
    folds = fold_of([graded.id for graded in candidates[0]])
    graded: list[Graded | None] = [None] * items
    for fold in sorted(set(folds)):
        others = [[g for g, f in zip(candidate, folds, strict=True) if f != fold] for candidate in candidates]
        best = best_of(project, others)
        for position, own in enumerate(folds):
            if own == fold:
                graded[position] = candidates[best][position]
    return CrossFitted(chosen, [one for one in graded if one is not None])


def fold_of(ids: Sequence[str]) -> list[int]:
    """Folds of nearly the same size, by a hash of the ids: the same for every arm."""
    order = sorted(range(len(ids)), key=lambda i: hashlib.sha256(ids[i].encode()).hexdigest())
    folds = [0] * len(ids)
    for rank, position in enumerate(order):
        folds[position] = rank % min(FOLDS, len(ids))
    return folds
