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
"""Question id -> values of which one must be given, or a comparison with a number such as ">= 50"."""

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_COMPARISON = re.compile(r"(<=|>=|<|>) ?(\d+)")


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

    def fires(self, answers: Answers) -> bool:
        return all(_holds(answers, *item) for item in self.when.items()) and not any(
            _holds(answers, *item) for item in self.unless.items()
        )


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


def _rule(raw: dict[str, Any]) -> Rule:
    return Rule(
        id=raw["id"],
        when=_condition(raw["when"]),
        reason=raw["reason"],
        source=raw["source"],
        weights=raw.get("weights", {}),
        excludes=tuple(raw.get("excludes", ())),
        unless=_condition(raw.get("unless", {})),
    )


def _condition(raw: dict[str, Any]) -> Condition:
    return {name: tuple(wanted) if isinstance(wanted, list) else wanted for name, wanted in raw.items()}


def _holds(answers: Answers, name: str, wanted: tuple[str, ...] | str) -> bool:
    given = answers.get(name)
    if given is None:
        return False
    if isinstance(wanted, str):
        found = _COMPARISON.fullmatch(wanted)
        assert found and isinstance(given, int), f"rule compares {name} with {wanted!r}"
        return bool(_COMPARE[found[1]](given, int(found[2])))
    return any(value in wanted for value in (given if isinstance(given, tuple) else (given,)))
