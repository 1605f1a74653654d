"""Worked use cases with an expert's verdict: teaching material, and the measure of the rules.

`held-out` was written without sight of the rules and is not looked at while they are changed; `development` is.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

from honekit.decide.questions import Answers, Option, check_answers, read_package_toml
from honekit.decide.verdict import recommend

Half = Literal["development", "held-out"]
HALVES: tuple[Half, ...] = ("development", "held-out")


@dataclass(frozen=True)
class Case:
    id: str
    title: str
    story: str
    verdict: Option
    also_right: tuple[Option, ...]
    """Further verdicts that a sensible expert would accept."""
    reason: str
    source: str
    answers: Answers


@dataclass(frozen=True)
class Agreement:
    half: Half
    cases: int
    same: int
    """Cases in which the rules give the expert's own verdict."""
    accepted: int
    """Those, and the ones with a verdict that the expert accepts as well."""
    differing: tuple[tuple[str, Option, Option], ...]
    """(case, expert's verdict, the rules') where the expert does not accept it."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return vars(self) | {"differing": [list(one) for one in self.differing]}


@functools.cache
def load_cases(half: Half) -> tuple[Case, ...]:
    """All cases of one half, their answers checked against the questions."""
    return tuple(
        Case(
            id=raw["id"],
            title=raw["title"],
            story=raw["story"],
            verdict=raw["verdict"],
            also_right=tuple(raw.get("also_right", ())),
            reason=raw["reason"],
            source=raw["source"],
            answers=check_answers(raw["answers"], f"case {raw['id']}"),
        )
        for raw in read_package_toml(f"cases/{half}.toml")["case"]
    )


def agreement(half: Half) -> Agreement:
    """How often the rules say what the expert says."""
    cases = load_cases(half)
    given = [(case, recommend(case.answers)) for case in cases]
    accepted = [(case, option) for case, option in given if option == case.verdict or option in case.also_right]
    return Agreement(
        half,
        len(cases),
        sum(option == case.verdict for case, option in given),
        len(accepted),
        tuple((case.id, case.verdict, option) for case, option in given if (case, option) not in accepted),
    )
