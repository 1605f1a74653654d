"""The verdict on a set of answers, and all that stands behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from honekit.decide.confidence import Level, confidence_in
from honekit.decide.conflicts import conflicts_in
from honekit.decide.costs import Cost, cost_of
from honekit.decide.flips import Flip, flips_of
from honekit.decide.questions import OPTIONS, Answers, Option, load_questions
from honekit.decide.rules import Rule, evidence, next_steps
from honekit.decide.scoring import Ranked, ranked


@dataclass(frozen=True)
class Fired:
    """A rule that holds here."""

    id: str
    reason: str
    source: str
    speaks_for: tuple[Option, ...]
    speaks_against: tuple[Option, ...]
    weights: Mapping[Option, float]
    """What it adds to the score of each option, or takes from it."""


@dataclass(frozen=True)
class Decision:
    recommendation: Option
    ranking: tuple[Ranked, ...]
    rules: tuple[Fired, ...]
    flips: tuple[Flip, ...]
    confidence: Level
    confidence_reason: str
    held: float
    """Share, from 0 to 1, of ways to answer what is open with which the recommendation stays; see `confidence`."""
    conflicts: tuple[str, ...]
    """Answers that contradict each other."""
    unknown: tuple[str, ...]
    """Unanswered questions that could turn the verdict; to be asked next."""
    next_step: str
    evidence: tuple[str, ...]
    """What to collect or count, to confirm the verdict or to drop it."""
    costs: tuple[Cost, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `costs` by option."""
        return {**asdict(self), "costs": {cost.option: asdict(cost) for cost in self.costs}}


def decide(answers: Answers) -> Decision:
    """The verdict on checked answers."""
    ranking, fired = ranked(answers)
    best = ranking[0].option
    flips = tuple(flips_of(answers, best))
    conflicts = conflicts_in(answers)
    confidence = confidence_in(ranking, answers, conflicts)
    return Decision(
        recommendation=best,
        ranking=ranking,
        rules=tuple(_fired(rule) for rule in fired),
        flips=flips,
        confidence=confidence.level,
        confidence_reason=confidence.reason,
        held=confidence.held,
        conflicts=tuple(one.text for one in conflicts),
        unknown=tuple(dict.fromkeys(flip.question for flip in flips if flip.question not in answers)),
        next_step=_next_step(best, fired),
        evidence=(*evidence()[best], *_still_open(flips, answers)),
        costs=tuple(cost_of(option, answers) for option in OPTIONS),
    )


def _next_step(best: Option, fired: list[Rule]) -> str:
    """That of the rule that speaks most for the option, where one has its own; else the option's usual one."""
    own = [rule for rule in fired if best in rule.next]
    return max(own, key=lambda rule: rule.weights[best]).next[best] if own else next_steps()[best]


def _still_open(flips: tuple[Flip, ...], answers: Answers) -> list[str]:
    """One line for each unanswered question that could turn the verdict."""
    texts = {question.id: question.text for question in load_questions()}
    turns: dict[str, list[Option]] = {}
    for flip in flips:
        if flip.question not in answers:
            turns.setdefault(flip.question, []).append(flip.recommendation)
    widest_first = sorted(turns.items(), key=lambda turn: -len(turn[1]))
    return [f"{texts[name]} (`{name}`: could turn it to {' or '.join(options)})" for name, options in widest_first]


def _fired(rule: Rule) -> Fired:
    against = (*(option for option, weight in rule.weights.items() if weight < 0), *rule.excludes)
    speaks_for = tuple(option for option, weight in rule.weights.items() if weight > 0)
    return Fired(rule.id, rule.reason, rule.source, speaks_for, tuple(dict.fromkeys(against)), rule.weights)
