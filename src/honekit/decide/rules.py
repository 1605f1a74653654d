"""Rules as data: `rules.toml` says when each fires, what it speaks for and against, why, and where that is said."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from honekit.decide.questions import Answers, Option, read_package_toml

Condition = Mapping[str, tuple[str, ...] | str]
"""Question id -> values of which one must be given, or a comparison such as ">= 50" or "< examples"."""

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_COMPARISON = re.compile(r"(<=|>=|<|>) ?(?:(\d+)|([a-z_]+))")


@dataclass(frozen=True)
class Rule:
    id: str
    when: Condition
    """All of it must hold; what is not answered does not hold."""
    reason: str
    source: str
    weights: Mapping[Option, float] = field(default_factory=dict)
    """Positive speaks for an option, negative against it."""
    excludes: tuple[Option, ...] = ()
    """Options that cannot be the answer when the rule fires."""
    unless: Condition = field(default_factory=dict)
    """Any of it keeps the rule from firing."""
    next: Mapping[Option, str] = field(default_factory=dict)
    """What to do next, in place of the option's usual step."""

    def fires(self, answers: Answers) -> bool:
        return fires(answers, self.when, self.unless)


@functools.cache
def load_rules() -> tuple[Rule, ...]:
    """In the order of the file."""
    return tuple(_rule(raw) for raw in read_package_toml("rules.toml")["rule"])


@functools.cache
def priors() -> Mapping[Option, float]:
    """Where each option starts: the cheaper to try, the higher."""
    found: Mapping[Option, float] = read_package_toml("rules.toml")["prior"]
    return found


@functools.cache
def next_steps() -> Mapping[Option, str]:
    """The cheapest thing to do next for each option."""
    found: Mapping[Option, str] = read_package_toml("rules.toml")["next"]
    return found


@functools.cache
def evidence() -> Mapping[Option, tuple[str, ...]]:
    """What to collect or count for each option, to confirm or drop it."""
    return {option: tuple(lines) for option, lines in read_package_toml("rules.toml")["evidence"].items()}


@functools.cache
def thresholds(question: str) -> tuple[int, ...]:
    """The numbers on both sides of every limit that a rule sets for this question, from low to high."""
    limits = [
        (found[1], int(found[2]))
        for rule in load_rules()
        for condition in (rule.when, rule.unless)
        if isinstance(wanted := condition.get(question), str) and (found := _COMPARISON.fullmatch(wanted)) and found[2]
    ]
    sides = {side for sign, limit in limits for side in ((limit - 1, limit) if sign in ("<", ">=") else (limit, limit + 1))}
    return tuple(sorted(side for side in sides if side >= 0))


def fires(answers: Answers, when: Condition, unless: Condition) -> bool:
    """Whether all of `when` holds and nothing of `unless`."""
    for name, wanted in when.items():  # loops, since a verdict tries some hundred sets of answers on every rule
        if name not in answers or not _holds(answers, name, wanted):
            return False
    return not any(name in answers and _holds(answers, name, wanted) for name, wanted in unless.items())


def read_condition(raw: Mapping[str, Any]) -> Condition:
    """A condition as the data files write it."""
    return {name: tuple(wanted) if isinstance(wanted, list) else wanted for name, wanted in raw.items()}


def _rule(raw: dict[str, Any]) -> Rule:
    return Rule(
        id=raw["id"],
        when=read_condition(raw["when"]),
        reason=raw["reason"],
        source=raw["source"],
        weights=raw.get("weights", {}),
        excludes=tuple(raw.get("excludes", ())),
        unless=read_condition(raw.get("unless", {})),
        next=raw.get("next", {}),
    )


def _holds(answers: Answers, name: str, wanted: tuple[str, ...] | str) -> bool:
    given = answers[name]
    if isinstance(wanted, str):
        found = _COMPARISON.fullmatch(wanted)
        assert found and isinstance(given, int), f"rule compares {name} with {wanted!r}"
        limit = int(found[2]) if found[2] else answers.get(found[3])
        return isinstance(limit, int) and bool(_COMPARE[found[1]](given, limit))
    return any(value in wanted for value in given) if isinstance(given, tuple) else given in wanted
