"""How often the rules say what the experts of the worked cases say, and at which confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from honekit.decide.cases import Case, Half, load_cases
from honekit.decide.confidence import LEVELS, Level
from honekit.decide.questions import Option
from honekit.decide.verdict import Decision, decide


@dataclass(frozen=True)
class Agreement:
    half: Half
    cases: int
    same: int
    """Cases in which the rules give the expert's own verdict."""
    accepted: int
    """Those, and the ones with a verdict that the expert accepts as well."""
    by_confidence: Mapping[Level, tuple[int, int, int]]
    """Of the cases at each confidence: how many, the expert's own verdict in, an accepted one in."""
    differing: tuple[tuple[str, Option, Option], ...]
    """(case, expert's verdict, the rules') where the expert does not accept it."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return vars(self) | {
            "by_confidence": {level: list(counts) for level, counts in self.by_confidence.items()},
            "differing": [list(one) for one in self.differing],
        }


def agreement(half: Half) -> Agreement:
    """How often the rules say what the expert says."""
    given = [(case, decide(case.answers)) for case in load_cases(half)]
    at = {level: [one for one in given if one[1].confidence == level] for level in LEVELS}
    return Agreement(
        half,
        *_counts(given),
        {level: _counts(some) for level, some in at.items()},
        tuple((case.id, case.verdict, found.recommendation) for case, found in given if not _accepts(case, found)),
    )


def _counts(given: list[tuple[Case, Decision]]) -> tuple[int, int, int]:
    same = sum(found.recommendation == case.verdict for case, found in given)
    return len(given), same, sum(_accepts(case, found) for case, found in given)


def _accepts(case: Case, found: Decision) -> bool:
    return found.recommendation == case.verdict or found.recommendation in case.also_right
