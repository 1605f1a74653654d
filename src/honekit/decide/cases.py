"""Worked use cases with an expert's verdict: teaching material, and the measure of the rules.

`held-out` was written without sight of the rules and is not looked at while they are changed; `development` is.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

from honekit.decide.questions import Answers, Option, check_answers, read_package_toml

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
