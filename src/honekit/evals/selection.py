"""The cheapest arm that is not worse than the best by more than a margin, or how many examples would show it.

Which arm is truly the best is not known, so an arm has to be shown not to be worse than *each* other one (the largest of these
p values counts: an intersection-union test); over the arms the p values are corrected by Holm. An arm that looks equal and is
cheaper, but not shown to be, does not win: it is named with the examples that it would take.
Sources: Berger, Technometrics 24 (1982) 295-300 (intersection-union tests); Piaggio et al., JAMA 308 (2012) 2594-2604
(non-inferiority).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from honekit.evals.correction import holm
from honekit.evals.power import ALPHA, items_for_not_worse
from honekit.evals.stats import (
    Difference,
    metric_interval,
    metric_statistic,
    not_worse_of,
    paired_difference,
    paired_statistics,
)
from honekit.graders import Graded
from honekit.project import Project

Status = Literal["not worse", "worse", "open"]


@dataclass(frozen=True)
class Candidate:
    """An arm with its grades on the validation items and what it costs over the stated requests."""

    name: str
    cost: float
    graded: Sequence[Graded]
    complete: bool = True
    """Whether it answers all scored fields: one that does not cannot be chosen."""


@dataclass(frozen=True)
class Standing:
    """How one arm stands. `p` is of "worse than some arm by the margin or more", after Holm."""

    arm: str
    score: float
    interval: tuple[float, float]
    cost: float
    complete: bool
    status: Status
    p: float
    to_best: Difference | None
    """Minus the arm with the best score; None for that arm itself."""
    examples_needed: int | None
    """For an open arm: items that would show it not to be worse, were the observed difference the true one."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "to_best": self.to_best.as_dict() if self.to_best else None}


@dataclass(frozen=True)
class Selection:
    """`arm` is None when no complete arm is shown to be good enough."""

    arm: str | None
    best: str
    margin: float
    settled: bool
    """No cheaper arm is open."""
    reasons: tuple[str, ...]
    standings: tuple[Standing, ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "standings": [standing.as_dict() for standing in self.standings]}


def select(project: Project, candidates: Sequence[Candidate], margin: float, *, alpha: float = ALPHA) -> Selection:
    """Decide on the primary metric of the project. Raises: EvalError as the paired statistics do."""
    metric = project.task.primary_metric
    scores = {c.name: metric_statistic(project, metric, c.graded).observed() for c in candidates}
    best = min((c for c in candidates), key=lambda c: (-scores[c.name], c.cost))
    adjusted = holm({c.name: _p_not_worse(project, metric, c, candidates, margin) for c in candidates})
    inferior = holm({c.name: _p_worse(project, metric, c, best, margin) for c in candidates if c is not best})
    standings = []
    for c in candidates:
        status: Status = "not worse" if adjusted[c.name] < alpha else "worse" if inferior.get(c.name, 1.0) < alpha else "open"
        to_best = None if c is best else _difference(project, metric, c, best)
        needed = None
        if status == "open":
            rival = to_best or _closest(project, metric, c, candidates)
            # The test takes no smaller error than that of arms that differ as often as the margin says.
            deviation = max(rival.deviation, math.sqrt(margin * (1 - margin)))
            needed = items_for_not_worse(rival.mean, deviation, margin, alpha=alpha / len(candidates))
            needed = None if needed is None else max(needed, rival.items + 1)
        standings.append(
            Standing(
                c.name,
                scores[c.name],
                metric_interval(project, metric, c.graded),
                c.cost,
                c.complete,
                status,
                adjusted[c.name],
                to_best,
                needed,
            )
        )
    shown = [s for s in standings if s.status == "not worse" and s.complete]
    winner = min(shown, key=lambda s: (s.cost, -s.score)) if shown else None
    open_cheaper = [s for s in standings if s.status == "open" and s.complete and (winner is None or s.cost < winner.cost)]
    reasons = _reasons(project, winner, best.name, standings, open_cheaper, margin, len(best.graded))
    return Selection(
        winner.arm if winner else None, best.name, margin, winner is not None and not open_cheaper, reasons, tuple(standings)
    )


def _p_not_worse(project: Project, metric: str, one: Candidate, candidates: Sequence[Candidate], margin: float) -> float:
    others = [c for c in candidates if c is not one]
    return max(
        (not_worse_of(*paired_statistics(project, metric, one.graded, other.graded), margin) for other in others), default=0.0
    )


def _p_worse(project: Project, metric: str, one: Candidate, best: Candidate, margin: float) -> float:
    """Of "the best is better by no more than the margin"."""
    return not_worse_of(*paired_statistics(project, metric, best.graded, one.graded), -margin)


def _difference(project: Project, metric: str, one: Candidate, other: Candidate) -> Difference:
    options = project.evaluate
    return paired_difference(project, metric, one.graded, other.graded, options.bootstrap_resamples, options.seed)


def _closest(project: Project, metric: str, one: Candidate, candidates: Sequence[Candidate]) -> Difference:
    """The best arm's difference to the arm that it is hardest to tell from."""
    others = [c for c in candidates if c is not one]
    hardest = max(
        others, key=lambda c: not_worse_of(*paired_statistics(project, metric, one.graded, c.graded), 0.0), default=others[0]
    )
    return _difference(project, metric, one, hardest)


def _reasons(
    project: Project,
    winner: Standing | None,
    best: str,
    standings: Sequence[Standing],
    open_cheaper: Sequence[Standing],
    margin: float,
    items: int,
) -> tuple[str, ...]:
    metric = project.task.primary_metric
    by_name = {s.arm: s for s in standings}
    reasons = []
    if winner is None:
        reasons.append(
            f"Not enough evidence: with {items} validation examples no arm can be shown not to be worse than the others "
            f"by {margin:g} on {metric}."
        )
    else:
        lead = (
            "It has the best score, too."
            if winner.arm == best
            else f"{best} has the best score ({by_name[best].score:.3f}); the difference is {_signed(winner.to_best)}."
        )
        reasons.append(
            f"{winner.arm} is the cheapest arm shown not to be worse than any other by {margin:g} on {metric} "
            f"({winner.score:.3f}, p {winner.p:.3f} after Holm's correction, {items} validation examples). {lead}"
        )
    for s in sorted(open_cheaper, key=lambda s: s.cost):
        needed = (
            f"about {s.examples_needed:,} validation examples would show it (80 % power), if that is the true difference"
            if s.examples_needed
            else "if that is the true difference, no number of examples will"
        )
        behind = f"{_signed(s.to_best)} to {best}" if s.to_best else "the best score"
        cheaper = "is cheaper, but" if winner else "is"
        reasons.append(f"{s.arm} {cheaper} not shown to be good enough ({behind}): {needed}.")
    for s in standings:
        if not s.complete:
            reasons.append(f"{s.arm} does not answer all fields of the task, so it stands for comparison only.")
    return tuple(reasons)


def _signed(difference: Difference | None) -> str:
    if difference is None:
        return "none"
    return f"{difference.mean:+.3f}, 95 % interval {difference.lo:+.3f} to {difference.hi:+.3f}"
