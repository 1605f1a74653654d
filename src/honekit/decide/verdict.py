"""Weighing the rules that fire: the ranking, how sure it is, and the single answers that would turn it.

The score of an option is its prior plus the weights of the rules that fire; an option that a rule excludes is out. A
counterfactual is computed, not described: every single answer is changed to each of its other values, and those that
change the recommendation are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honekit.decide.costs import Cost, cost_of
from honekit.decide.questions import OPTIONS, Answers, Option, load_questions
from honekit.decide.rules import Rule, load_rules, next_steps, priors

SURE, LIKELY = 3.0, 1.0
"""Lead of the first option over the second, in units of a rule's weight, from which the verdict is called so."""
CENTRAL = ("output", "missing", "prompting", "prompting_result", "examples", "agreement")
"""Questions without whose answers no verdict is called sure."""
_NUMBERS = (0, 5, 20, 50, 100, 300, 1_000, 5_000, 50_000, 1_000_000)
"""Values to try for a question that asks for a number."""


@dataclass(frozen=True)
class Ranked:
    option: Option
    score: float
    excluded_by: tuple[str, ...]
    """Rules that rule it out; such options come last."""


@dataclass(frozen=True)
class Fired:
    """A rule that holds here."""

    id: str
    reason: str
    source: str
    speaks_for: tuple[Option, ...]
    speaks_against: tuple[Option, ...]


@dataclass(frozen=True)
class Flip:
    """One changed answer and what the recommendation would be then."""

    question: str
    answer: Any
    recommendation: Option


@dataclass(frozen=True)
class Decision:
    recommendation: Option
    ranking: tuple[Ranked, ...]
    rules: tuple[Fired, ...]
    flips: tuple[Flip, ...]
    confidence: str
    """high, medium or low."""
    unknown: tuple[str, ...]
    """Unanswered questions that could turn the verdict; to be asked next."""
    next_step: str
    costs: tuple[Cost, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `costs` by option."""
        return {**asdict(self), "costs": {cost.option: asdict(cost) for cost in self.costs}}


def decide(answers: Answers) -> Decision:
    """The verdict on checked answers."""
    ranking, fired = _ranked(with_implied(answers))
    best = ranking[0].option
    flips = tuple(_flips(answers, best))
    unknown = tuple(dict.fromkeys(flip.question for flip in flips if flip.question not in answers))
    return Decision(
        recommendation=best,
        ranking=ranking,
        rules=tuple(_fired(rule) for rule in fired),
        flips=flips,
        confidence=_confidence(ranking, answers),
        unknown=unknown,
        next_step=next_steps()[best],
        costs=tuple(cost_of(option, answers) for option in OPTIONS if option not in ("not-yet", "nothing")),
    )


def recommend(answers: Answers) -> Option:
    """The first option alone."""
    return _ranked(with_implied(answers))[0][0].option


def with_implied(answers: Answers) -> Answers:
    """What is at hand now is at hand within a month too."""
    now, soon = answers.get("examples"), answers.get("examples_soon")
    if isinstance(now, int) and (not isinstance(soon, int) or soon < now):
        return {**answers, "examples_soon": now}
    return answers


def _ranked(answers: Answers) -> tuple[tuple[Ranked, ...], list[Rule]]:
    fired = [rule for rule in load_rules() if rule.fires(answers)]
    scores = dict(priors())
    excluded: dict[Option, list[str]] = {option: [] for option in OPTIONS}
    for rule in fired:
        for option, weight in rule.weights.items():
            scores[option] += weight
        for option in rule.excludes:
            excluded[option].append(rule.id)
    ranked = [Ranked(option, round(scores[option], 3), tuple(excluded[option])) for option in OPTIONS]
    # Equal scores keep the order of OPTIONS, which begins with what is cheapest to try.
    return tuple(sorted(ranked, key=lambda one: (bool(one.excluded_by), -one.score))), fired


def _fired(rule: Rule) -> Fired:
    against = (*(option for option, weight in rule.weights.items() if weight < 0), *rule.excludes)
    speaks_for = tuple(option for option, weight in rule.weights.items() if weight > 0)
    return Fired(rule.id, rule.reason, rule.source, speaks_for, tuple(dict.fromkeys(against)))


def _flips(answers: Answers, best: Option) -> Iterator[Flip]:
    for question in load_questions():
        values: Sequence[Any] = ()
        if question.type == "choice":
            values = list(question.values)
        elif question.type == "choices":
            values = [(value,) for value in question.values]
        elif question.type == "integer":
            values = _NUMBERS
        seen: set[Option] = set()
        for value in values:
            if answers.get(question.id) == value:
                continue
            other = recommend({**answers, question.id: value})
            if other != best and other not in seen:
                seen.add(other)
                yield Flip(question.id, list(value) if isinstance(value, tuple) else value, other)


def _confidence(ranking: tuple[Ranked, ...], answers: Answers) -> str:
    rivals = [one for one in ranking[1:] if not one.excluded_by]
    lead = ranking[0].score - rivals[0].score if rivals else SURE
    missing = sum(question not in answers for question in CENTRAL)
    if lead >= SURE and missing <= 1:
        return "high"
    return "medium" if lead >= LIKELY and missing <= 3 else "low"
