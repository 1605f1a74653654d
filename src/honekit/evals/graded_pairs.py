"""Which items of two runs a criterion can be compared on: those that both could grade, and those that one could not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from honekit.evals.compare_runs import Pair
    from honekit.store.eval_items import Item
    from honekit.store.evals import Run

Scores = tuple[dict[str, Any], dict[str, Any]]
"""One item's results by a criterion, of A and of B."""
_FAULT: dict[str, Any] = {"score": 0.0, "passed": False}
"""What a fault counts where it counts."""


@dataclass(frozen=True)
class GradedPair:
    """One item's results by a criterion; None where that run could not grade the item."""

    pair: Pair
    a: dict[str, Any] | None
    b: dict[str, Any] | None


def by_criterion(pairs: Sequence[Pair]) -> dict[str, list[GradedPair]]:
    """Each criterion that both runs have, in the order in which it occurs. A run that graded nothing at all has every one."""
    a, b = _names([pair.a for pair in pairs]), _names([pair.b for pair in pairs])
    shared = [name for name in a or b if not b or name in b]
    return {name: [GradedPair(pair, _result(pair.a, name), _result(pair.b, name)) for pair in pairs] for name in shared}


def graded_by_both(graded: Sequence[GradedPair]) -> list[Scores]:
    return [(one.a, one.b) for one in graded if one.a is not None and one.b is not None]


def faults_counted(graded: Sequence[GradedPair]) -> list[Scores]:
    """The results of every item, where a fault is a score of 0; empty unless one run graded what the other could not."""
    if all((one.a is None) == (one.b is None) for one in graded):
        return []
    return [(one.a or _FAULT, one.b or _FAULT) for one in graded]


def ungraded(graded: Sequence[GradedPair]) -> tuple[int, int]:
    """How many items A, and B, could not grade."""
    return sum(one.a is None for one in graded), sum(one.b is None for one in graded)


def graded_by_none(pairs: Sequence[Pair]) -> list[str]:
    """The criteria by which neither run could grade an item, so that there is nothing to compare."""
    found = by_criterion(pairs)
    return [name for name, graded in found.items() if all(one.a is None and one.b is None for one in graded)]


def changed_criteria(a: Run, b: Run) -> list[str]:
    """A sentence for each criterion that has the same name in both runs and does not measure the same."""
    from honekit.store import evals

    if a.eval_id == b.eval_id:
        return []
    found = [evals.get_eval(run.owner, run.eval_id) for run in (a, b)]
    first, second = ({one["name"]: one for one in _complete(of.testing_criteria)} if of else {} for of in found)
    told = []
    for name in first:
        if name in second and first[name] != second[name]:
            keys = [key for key in dict.fromkeys((*first[name], *second[name])) if first[name].get(key) != second[name].get(key)]
            told.append(f"“{name}” is another criterion in A than in B ({', '.join(keys)}): its scores do not measure the same")
    return told


def _complete(criteria: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With their defaults; as they are where they were kept before one of them would be refused."""
    from pydantic import ValidationError

    from honekit.evals.suites import parsed_criteria

    try:
        return parsed_criteria(criteria)
    except ValidationError:
        return criteria


def _names(items: Sequence[Item]) -> list[str]:
    return list(dict.fromkeys(one["name"] for item in items for one in item.results or []))


def _result(item: Item, name: str) -> dict[str, Any] | None:
    found = next((one for one in item.results or [] if one["name"] == name), None)
    return None if found is None or "error" in found else found
