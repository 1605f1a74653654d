"""Answers that contradict each other, as data: `conflicts.toml` names the pairs and what is wrong with them."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

from honekit.decide.questions import Answers, read_package_toml
from honekit.decide.rules import Condition, fires, read_condition


@dataclass(frozen=True)
class Conflict:
    id: str
    when: Condition
    text: str
    """Names the questions in backquotes."""
    unless: Condition = field(default_factory=dict)


@functools.cache
def load_conflicts() -> tuple[Conflict, ...]:
    """In the order of the file."""
    return tuple(
        Conflict(raw["id"], read_condition(raw["when"]), raw["text"], read_condition(raw.get("unless", {})))
        for raw in read_package_toml("conflicts.toml")["conflict"]
    )


def conflicts_in(answers: Answers) -> tuple[Conflict, ...]:
    """Those that hold for these answers, as they were given."""
    return tuple(one for one in load_conflicts() if fires(answers, one.when, one.unless))
