"""Ship, don't ship, or not enough evidence: the gate over the arms' paired differences.

The arm that validation data chose has to beat every untuned arm that `gate.require_better_than` names on the
primary metric: p below 0.05 after Holm's correction and the 95 % interval above zero. A draw never ships.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from honekit.errors import EvalError
from honekit.evals.classical import classical_fields
from honekit.evals.correction import holm
from honekit.evals.stats import Difference, examples_needed, paired_difference
from honekit.graders import Graded
from honekit.project import Project

ALPHA = 0.05
CLASSICAL = "classical"

Outcome = Literal["better", "worse", "undecided"]
Decision = Literal["ship", "don't ship", "not enough evidence"]


@dataclass(frozen=True)
class Verdict:
    """The decision with its reasons as sentences, and every check with its unrounded figures."""

    verdict: Decision
    reasons: list[str]
    chosen: str
    checks: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def choose_arm(project: Project, validation: Mapping[str, Mapping[str, float]]) -> str:
    """The tuned arm with the best primary metric on validation data; with equal scores the shorter name.

    `tuned` so goes before `tuned_rag`: retrieval that wins nothing is not worth its tokens.
    """
    tuned = [name for name in validation if name.startswith("tuned")]
    if not tuned:
        raise EvalError(
            "evals.arm_missing",
            what="no tuned arm was evaluated on validation data",
            mend="run `hone run` again: it continues where it stopped",
        )
    return min(tuned, key=lambda name: (-validation[name][project.task.primary_metric], len(name)))


def compare_arms(
    project: Project, chosen: str, graded: Mapping[str, Sequence[Graded]]
) -> tuple[dict[str, Difference], dict[str, Difference]]:
    """Differences of the chosen arm for `decide`.

    To each other arm on the primary metric, and to the classical
    baseline on each metric of the fields that it predicts (by metric).
    """
    resamples, seed = project.evaluate.bootstrap_resamples, project.evaluate.seed
    metric = project.task.primary_metric
    arms = {
        name: paired_difference(project, metric, graded[chosen], items, resamples, seed)
        for name, items in graded.items()
        if name not in (chosen, CLASSICAL)
    }
    fields = classical_fields(project) if CLASSICAL in graded else []
    classical = {
        field.metric_name: paired_difference(project, field.metric_name, graded[chosen], graded[CLASSICAL], resamples, seed)
        for field in fields
    }
    return arms, classical


def decide(
    project: Project,
    summaries: Mapping[str, Mapping[str, float]],
    differences: Mapping[str, Difference],
    *,
    chosen: str,
    classical: Mapping[str, Difference] | None = None,
) -> Verdict:
    """Apply the project's gate.

    summaries: arm -> metric -> value on the test set. differences: other arm -> chosen minus that arm on the
    primary metric. classical: metric -> chosen minus the classical baseline; it stands in the reasons and
    never blocks. A required arm that was not evaluated keeps the verdict at "not enough evidence", unless it
    needs retrieval in a project that has none.
    """
    checks = [_schema_check(project, summaries[chosen], chosen)]
    checks += _gate_checks(project, summaries, differences, chosen)
    outcomes = [check["outcome"] for check in checks]
    verdict: Decision
    if "worse" in outcomes or "failed" in outcomes:
        verdict = "don't ship"
    elif "undecided" in outcomes or "not evaluated" in outcomes or _compares_nothing(project, outcomes):
        verdict = "not enough evidence"
    else:
        verdict = "ship"
    weight = {"worse": 0, "failed": 0, "not evaluated": 1, "undecided": 1}
    reasons = [check["reason"] for check in sorted(checks, key=lambda check: weight.get(check["outcome"], 2))]
    if _compares_nothing(project, outcomes):
        reasons.insert(0, "No arm that gate.require_better_than names can be evaluated in this project.")
    against_classical = _classical_checks(summaries, classical or {}, chosen)
    reasons += [check["reason"] for check in against_classical]
    return Verdict(verdict, reasons, chosen, checks + against_classical)


def _schema_check(project: Project, summary: Mapping[str, float], chosen: str) -> dict[str, Any]:
    value, least = summary["schema_validity"], project.gate.min_schema_validity
    passed = value >= least
    return {
        "check": "schema_validity",
        "arm": chosen,
        "outcome": "passed" if passed else "failed",
        "value": value,
        "required": least,
        "reason": f"{value:.1%} of {chosen}'s answers fit the schema; the gate asks for {least:.1%}.",
    }


def _gate_checks(
    project: Project,
    summaries: Mapping[str, Mapping[str, float]],
    differences: Mapping[str, Difference],
    chosen: str,
) -> list[dict[str, Any]]:
    metric, required = project.task.primary_metric, project.gate.require_better_than
    # A required arm that was not evaluated counts as a test, so that leaving one out makes nothing easier.
    possible = [arm for arm in required if arm in differences or not _needs_missing_retrieval(project, arm)]
    adjusted = holm({arm: differences[arm].p if arm in differences else 1.0 for arm in possible})
    checks = []
    for arm in required:
        check: dict[str, Any] = {"check": "better_than", "arm": arm, "metric": metric}
        if arm not in possible:
            check |= {
                "outcome": "not applicable",
                "reason": f"{arm} needs retrieval, and this project has none.",
            }
        elif arm not in differences:
            check |= {
                "outcome": "not evaluated",
                "reason": f"{arm} was not evaluated, and the gate asks for it.",
            }
        else:
            figures = _figures(differences[arm], adjusted[arm], ALPHA / len(possible))
            check |= figures
            check["reason"] = _sentence(
                metric,
                chosen,
                arm,
                summaries[chosen].get(metric),
                summaries.get(arm, {}).get(metric),
                figures,
            )
        checks.append(check)
    return checks


def _classical_checks(
    summaries: Mapping[str, Mapping[str, float]], classical: Mapping[str, Difference], chosen: str
) -> list[dict[str, Any]]:
    adjusted = holm({metric: difference.p for metric, difference in classical.items()})
    checks = []
    for metric, difference in classical.items():
        figures = _figures(difference, adjusted[metric], ALPHA / len(classical))
        reason = _sentence(
            metric,
            chosen,
            CLASSICAL,
            summaries[chosen].get(metric),
            summaries.get(CLASSICAL, {}).get(metric),
            figures,
        )
        checks.append({"check": "against_classical", "arm": CLASSICAL, "metric": metric, **figures, "reason": reason})
    return checks


def _figures(difference: Difference, p_adjusted: float, alpha: float) -> dict[str, Any]:
    outcome: Outcome = "undecided"
    if p_adjusted < ALPHA and difference.lo > 0:
        outcome = "better"
    elif p_adjusted < ALPHA and difference.hi < 0:
        outcome = "worse"
    return {
        "outcome": outcome,
        "difference": difference.mean,
        "interval": [difference.lo, difference.hi],
        "p": difference.p,
        "p_holm": p_adjusted,
        "items": difference.items,
        "examples_needed": examples_needed(difference, alpha=alpha) if outcome == "undecided" else None,
    }


def _sentence(metric: str, chosen: str, arm: str, value: float | None, other: float | None, figures: Mapping[str, Any]) -> str:
    verb = {"better": "beats", "worse": "loses to", "undecided": "cannot be told apart from"}[figures["outcome"]]
    values = f" ({value:.3f} against {other:.3f})" if value is not None and other is not None else ""
    lo, hi = figures["interval"]
    sentence = (
        f"{chosen} {verb} {arm} on {metric}{values}: difference {figures['difference']:+.3f}, "
        f"95 % interval {lo:+.3f} to {hi:+.3f}, p {_p(figures['p_holm'])} after Holm's correction, "
        f"{figures['items']} items."
    )
    if figures["outcome"] != "undecided":
        return sentence
    if figures["examples_needed"] is None:
        return f"{sentence} The arms score the same, so more test examples would not separate them."
    needed = f"{figures['examples_needed']:,}"
    return f"{sentence} If that difference is the true one, about {needed} examples would show it (80 % power)."


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def _needs_missing_retrieval(project: Project, arm: str) -> bool:
    return project.retrieval is None and arm.endswith("_rag")


def _compares_nothing(project: Project, outcomes: Sequence[str]) -> bool:
    """Whether a gate that asks for comparisons can make none; an empty list of arms asks for none."""
    compared = {"better", "worse", "undecided", "not evaluated"}
    return bool(project.gate.require_better_than) and not compared & set(outcomes)
