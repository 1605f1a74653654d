"""Weighing the rules that fire: the score of an option is its prior plus their weights; an excluded option comes last."""

from __future__ import annotations

from dataclasses import dataclass

from honekit.decide.questions import OPTIONS, Answers, Option
from honekit.decide.rules import Rule, load_rules, priors

IMPLIES = {"examples": "examples_soon"}
"""An answer that is at least as large as another: what is at hand now is at hand within a month too."""


@dataclass(frozen=True)
class Ranked:
    option: Option
    score: float
    excluded_by: tuple[str, ...]
    """Rules that rule it out; such options come last."""


def ranked(answers: Answers) -> tuple[tuple[Ranked, ...], list[Rule]]:
    """All options, the best first, and the rules that fire."""
    answers = _with_implied(answers)
    fired = [rule for rule in load_rules() if rule.fires(answers)]
    scores = dict(priors())
    excluded: dict[Option, list[str]] = {option: [] for option in OPTIONS}
    for rule in fired:
        for option, weight in rule.weights.items():
            scores[option] += weight
        for option in rule.excludes:
            excluded[option].append(rule.id)
    found = [Ranked(option, round(scores[option], 3), tuple(excluded[option])) for option in OPTIONS]
    # Equal scores keep the order of OPTIONS, which begins with what is cheapest to try.
    return tuple(sorted(found, key=lambda one: (bool(one.excluded_by), -one.score))), fired


def recommend(answers: Answers) -> Option:
    """The first option alone."""
    return ranked(answers)[0][0].option


def _with_implied(answers: Answers) -> Answers:
    implied = dict(answers)
    for name, other in IMPLIES.items():
        least, given = answers.get(name), answers.get(other)
        if isinstance(least, int) and (not isinstance(given, int) or given < least):
            implied[other] = least
    return implied
