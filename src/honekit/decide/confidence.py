"""How sure a verdict is: its lead over the next option, whether what is left open could turn it, and contradictions.

What is open is tried out, not guessed: each development case lends its answers to the questions that were left open, and
the share of cases with which the recommendation stays is `held`. `hone decide cases` prints how often the expert agrees at
each level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from honekit.decide.cases import load_cases
from honekit.decide.conflicts import Conflict
from honekit.decide.questions import Answers
from honekit.decide.scoring import Ranked, recommend

Level = Literal["high", "medium", "low"]
LEVELS: tuple[Level, ...] = ("high", "medium", "low")
SURE_LEAD, LIKELY_LEAD = 3.0, 1.0
"""Lead of the first option over the second, in units of a rule's weight."""
SURE_HELD, LIKELY_HELD = 0.8, 0.5


@dataclass(frozen=True)
class Confidence:
    level: Level
    lead: float
    held: float
    """From 0 to 1."""
    reason: str


def confidence_in(ranking: Sequence[Ranked], answers: Answers, conflicts: Sequence[Conflict]) -> Confidence:
    """`ranking` and `conflicts` of these very answers."""
    rivals = [one for one in ranking[1:] if not one.excluded_by]
    lead = round(ranking[0].score - rivals[0].score, 3) if rivals else SURE_LEAD
    lenders = load_cases("development")
    held = sum(recommend({**case.answers, **answers}) == ranking[0].option for case in lenders) / len(lenders)
    level: Level = "medium" if lead >= LIKELY_LEAD and held >= LIKELY_HELD else "low"
    if lead >= SURE_LEAD and held >= SURE_HELD:
        level = "high"
    if conflicts:
        level = "low"
    told = [f"it leads by {lead:g} over {rivals[0].option}"] if rivals else ["every other option is ruled out"]
    told.append(f"it stays in {held:.0%} of the ways in which worked cases answer what you left open")
    if conflicts:
        told.append(f"{len(conflicts)} of your answers contradict{'s another' if len(conflicts) == 1 else ' others'}")
    return Confidence(level, lead, round(held, 3), "; ".join(told))
