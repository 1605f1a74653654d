"""Computed counterfactuals: the single answers that would turn the recommendation.

Every answer is changed to each of its other values, the nearest first (many are ordered: never, seldom, often); of a list
one value is added or taken away; a number goes to both sides of every limit in a rule. Those that change the
recommendation are named. A change that contradicts the other answers is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from honekit.decide.conflicts import conflicts_in
from honekit.decide.questions import Answers, Option, Question, load_questions
from honekit.decide.rules import thresholds
from honekit.decide.scoring import IMPLIES, recommend


@dataclass(frozen=True)
class Flip:
    """One changed answer and what the recommendation would be then."""

    question: str
    answer: Any
    recommendation: Option


def flips_of(answers: Answers, best: Option) -> Iterator[Flip]:
    """For each question the first change that leads to each other option; `best` is the recommendation now."""
    known = {one.id for one in conflicts_in(answers)}
    for question in load_questions():
        seen = {best}
        for value in _changes(question, answers.get(question.id)):
            changed = {**answers, question.id: value}
            other = recommend(changed)
            if other not in seen and known.issuperset(one.id for one in conflicts_in(changed)):
                seen.add(other)
                yield Flip(question.id, list(value) if isinstance(value, tuple) else value, other)


def _changes(question: Question, given: Any) -> list[Any]:
    match question.type:
        case "choice":
            values = list(question.values)
            at = values.index(given) if given in values else 0
            return sorted((value for value in values if value != given), key=lambda value: abs(values.index(value) - at))
        case "choices":
            return _list_changes([value for value in question.values if value != "nothing"], given or ())
        case "integer":
            limits = {limit for name in (question.id, IMPLIES.get(question.id, "")) for limit in thresholds(name)} - {given}
            return sorted(limits, key=lambda limit: (abs(limit - (given or 0)), limit))
        case "text":
            return []


def _list_changes(values: list[str], given: tuple[str, ...]) -> list[tuple[str, ...]]:
    """`given` with one value more or less, and `nothing` in its place."""
    named = [value for value in values if value in given]
    more = [(*named, value) for value in values if value not in named]
    less = [tuple(other for other in named if other != value) for value in named if len(named) > 1]
    return [*less, *more, *([("nothing",)] if given != ("nothing",) else [])]
