"""One recipe trained with several seeds: how far its models differ, beside how far the recipe differs from another arm.

Items and seeds are two sources of chance. The interval over items says what other items would show, the spread over seeds what
another training would; a difference counts as held by the seeds only where every one of them has its sign.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from honekit.evals.scores import summarise
from honekit.evals.stats import paired_difference
from honekit.graders import Graded
from honekit.project import Project


@dataclass(frozen=True)
class Beside:
    """The recipe minus another arm on the same items, one difference a seed. interval: over items, of the seed that is listed
    first, whose model is the arm."""

    against: str
    differences: tuple[float, ...]
    mean: float
    interval: tuple[float, float]
    every_seed_agrees: bool
    sentence: str


@dataclass(frozen=True)
class SeedSpread:
    """Scores on the primary metric by seed, their mean, and the standard deviation between seeds."""

    metric: str
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    mean: float
    deviation: float
    beside: tuple[Beside, ...]

    @property
    def sentence(self) -> str:
        scores = ", ".join(f"{score:.3f}" for score in self.scores)
        return (
            f"{len(self.seeds)} trainings of one recipe (seeds {', '.join(map(str, self.seeds))}): {scores}; "
            f"standard deviation between seeds {self.deviation:.3f}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "sentence": self.sentence}


def seed_spread(project: Project, by_seed: Mapping[int, Sequence[Graded]], others: Mapping[str, Sequence[Graded]]) -> SeedSpread:
    """by_seed: at least two seeds, the arm's own first, each with the same items; others: arms of other recipes on these items.

    Raises: EvalError[evals.not_paired].
    """
    metric, options = project.task.primary_metric, project.evaluate
    scores = tuple(summarise(project, graded)[metric] for graded in by_seed.values())
    beside = []
    for name, rival in others.items():
        other = summarise(project, rival).get(metric)
        if other is None:
            continue
        own = paired_difference(project, metric, next(iter(by_seed.values())), rival, options.bootstrap_resamples, options.seed)
        differences = tuple(score - other for score in scores)
        agrees = all(one > 0 for one in differences) or all(one < 0 for one in differences)
        mean = statistics.fmean(differences)
        told = "every seed agrees" if agrees else "another seed can turn it"
        sentence = (
            f"minus {name}: {own.mean:+.3f} ({own.lo:+.3f} to {own.hi:+.3f} over items), {min(differences):+.3f} to "
            f"{max(differences):+.3f} over seeds; {told}"
        )
        beside.append(Beside(name, differences, mean, (own.lo, own.hi), agrees, sentence))
    return SeedSpread(metric, tuple(by_seed), scores, statistics.fmean(scores), statistics.stdev(scores), tuple(beside))
