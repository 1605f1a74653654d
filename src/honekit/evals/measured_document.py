"""What a measurement says: every arm with its intervals and costs, the choice, its confirmation, and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from honekit.evals.arm_cost import ArmCost, cost_of_arm, payback_of_arm
from honekit.evals.learning_curve import LearningCurve, forecast
from honekit.evals.measured_arms import ArmResult
from honekit.evals.power import ALPHA
from honekit.evals.scores import by_slice, correct_rate, summarise
from honekit.evals.seeds import seed_spread
from honekit.evals.selection import Candidate, Selection, select
from honekit.evals.stats import metric_interval, not_worse, paired_difference
from honekit.project import Project


def measured_document(
    project: Project,
    arms: Mapping[str, ArmResult],
    noise: Sequence[Mapping[str, Any]],
    by_seed: Mapping[int, ArmResult],
    *,
    examples: Mapping[str, int],
) -> dict[str, Any]:
    """JSON-ready. Validation data decides; of the test set nothing goes into the choice. by_seed: the tuned arm's further
    trainings, which no choice is made from."""
    options, metric = project.decide.measure, project.task.primary_metric
    costs = {name: cost_of_arm(project, arm) for name, arm in arms.items()}
    candidates = [Candidate(name, costs[name].over_requests, arm.validation, arm.complete) for name, arm in arms.items()]
    selection = select(project, candidates, options.margin)
    curve = _curve(project, arms)
    return {
        "project": project.project.name,
        "primary_metric": metric,
        "margin": options.margin,
        "requests": options.requests,
        "currency": project.cost.currency,
        "examples": dict(examples),
        "choice": selection.arm,
        "settled": selection.settled,
        "reasons": list(selection.reasons),
        "selection": selection.as_dict(),
        "confirmation": _confirmation(project, arms, selection),
        "noise": [dict(one) for one in noise],
        "arms": {name: _arm(project, arm, costs[name]) for name, arm in arms.items()},
        "payback": paybacks(project, arms, costs),
        "seeds": _seeds(project, arms, by_seed),
        "learning_curve": curve.as_dict() if curve else None,
    }


def _arm(project: Project, arm: ArmResult, cost: ArmCost) -> dict[str, Any]:
    document: dict[str, Any] = {
        name: value for name, value in asdict(arm).items() if name not in ("name", "validation", "test", "at_provider")
    }
    for part, graded in (("validation", arm.validation), ("test", arm.test)):
        scores = summarise(project, graded)
        document[part] = {
            "scores": scores,
            "intervals": {metric: list(metric_interval(project, metric, graded)) for metric in scores},
            "correct_rate": correct_rate(project, graded),
            "slices": by_slice(project, graded),
        }
    return document | {"cost": cost.as_dict()}


def _confirmation(project: Project, arms: Mapping[str, ArmResult], selection: Selection) -> dict[str, Any] | None:
    """The chosen arm against the best one (if that is another) on the test set, which had no part in the choice."""
    if selection.arm is None:
        return None
    metric, options = project.task.primary_metric, project.evaluate
    chosen = arms[selection.arm]
    found: dict[str, Any] = {"arm": chosen.name, "items": len(chosen.test), "score": summarise(project, chosen.test)[metric]}
    rivals = [arm for arm in arms.values() if arm is not chosen]
    best = max(rivals, key=lambda arm: summarise(project, arm.test).get(metric, 0.0)) if selection.arm == selection.best else None
    rival = best or arms[selection.best]
    difference = paired_difference(project, metric, chosen.test, rival.test, options.bootstrap_resamples, options.seed)
    p = not_worse(project, metric, chosen.test, rival.test, selection.margin)
    outcome = "confirmed" if p < ALPHA else "contradicted" if difference.hi < -selection.margin else "open"
    margin = f"{selection.margin:g}"
    words = {
        "confirmed": f"The test set confirms it: {chosen.name} is not worse than {rival.name} by {margin}",
        "contradicted": f"The test set contradicts it: {chosen.name} is worse than {rival.name} by more than {margin}",
        "open": f"The test set leaves it open whether {chosen.name} is worse than {rival.name} by {margin}",
    }
    sentence = (
        f"{words[outcome]} (difference {difference.mean:+.3f}, 95 % interval {difference.lo:+.3f} to {difference.hi:+.3f}, "
        f"{difference.items} test examples)."
    )
    return found | {
        "against": rival.name,
        "difference": difference.as_dict(),
        "p_not_worse": p,
        "outcome": outcome,
        "sentence": sentence,
    }


def paybacks(project: Project, arms: Mapping[str, ArmResult], costs: Mapping[str, ArmCost]) -> dict[str, list[dict[str, Any]]]:
    """Each tuned arm against each other one that costs less upfront: prompts, and the classical model."""
    trained = [name for name, arm in arms.items() if arm.training_seconds and name.startswith("tuned")]
    upfront = {name: cost.training + cost.labelling for name, cost in costs.items()}
    rivals = [name for name in arms if not name.startswith("tuned")]
    return {
        name: [
            payback_of_arm(project, arms, costs, name, rival).as_dict()
            for rival in rivals
            if not arms[rival].training_seconds or upfront[rival] < upfront[name]
        ]
        for name in trained
    }


def _seeds(project: Project, arms: Mapping[str, ArmResult], by_seed: Mapping[int, ArmResult]) -> dict[str, Any] | None:
    """The spread between trainings, on either part, beside the arms that are of another recipe."""
    if not by_seed:
        return None
    trained = {project.train.seed: arms["tuned"], **by_seed}
    others = {name: arm for name, arm in arms.items() if not name.startswith("tuned")}
    found: dict[str, Any] = {"training_seconds": {seed: arm.training_seconds for seed, arm in trained.items()}}
    for part in ("validation", "test"):
        graded = {seed: getattr(arm, part) for seed, arm in trained.items()}
        found[part] = seed_spread(project, graded, {name: getattr(arm, part) for name, arm in others.items()}).as_dict()
    return found


def _curve(project: Project, arms: Mapping[str, ArmResult]) -> LearningCurve | None:
    """Over the arms without retrieval that were trained on so many examples, on the validation items."""
    trained = {
        arm.training_examples: arm.validation
        for name, arm in arms.items()
        if arm.training_examples and name.startswith("tuned") and not name.endswith("_rag")
    }
    if not trained:
        return None
    options = project.evaluate
    further = project.decide.measure.further_examples
    return forecast(project, project.task.primary_metric, trained, further, options.bootstrap_resamples, options.seed)
