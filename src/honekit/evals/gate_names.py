"""What the rules of a project may name, so that a slip is told before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from honekit.errors import EvalError
from honekit.evals.arms import TUNED, UNTUNED
from honekit.evals.classical import classical_metrics
from honekit.evals.gate_rules import CHOSEN, Figure, Rule, parse_rule
from honekit.evals.gate_terms import terms, unfit
from honekit.evals.guard import GUARDED
from honekit.evals.verdict import CLASSICAL
from honekit.project import Project

BESIDE_QUALITY = (
    "correct_rate",
    "latency_ms_p50",
    "latency_ms_p95",
    "tokens_per_request",
    "answer_tokens_per_request",
    "cut_at_the_cap",
)
WITH_INTERVAL = "forgetting"
"""The one figure of the whole evaluation that has an interval."""
OF_CLASSICAL = ("correct_rate", "latency_ms_p50")


def project_rules(project: Project) -> list[Rule]:
    """The promotion rules that hone.toml states.

    Raises: EvalError[gate.rule_syntax]; EvalError[gate.rule_unknown] for one that names an arm or a metric that this project
    does not have; EvalError[gate.confidence] for one with confidence that no interval is made for.
    """
    rules = [parse_rule(text) for text in project.gate.rules]
    known = arms_of(project)
    for rule in rules:
        for figure in rule.figures():
            _require_known(project, rule, figure, known)
        if rule.confidence is not None:
            _require_interval(project, rule)
    return rules


def arms_of(project: Project) -> dict[str, list[str]]:
    """The arms that an evaluation of this project has, each with the names of its figures."""
    quality = project.task.metric_names()
    arms = {
        arm: [*quality, *BESIDE_QUALITY]
        for arm in (*UNTUNED, *TUNED)
        if project.retrieval is not None or not arm.endswith("_rag")
    }
    arms[CHOSEN] = [*quality, *BESIDE_QUALITY]
    if own := classical_metrics(project):
        arms[CLASSICAL] = [*own, *OF_CLASSICAL]
    return arms


def _require_known(project: Project, rule: Rule, figure: Figure, known: dict[str, list[str]]) -> None:
    if figure.arm is None:
        if figure.metric not in GUARDED:
            _refuse(rule, figure, f"there is no figure {figure.metric!r}", [*sorted(GUARDED), "ARM.METRIC"])
    elif figure.arm not in known:
        why = "" if project.retrieval or not figure.arm.endswith("_rag") else " without documents for [retrieval]"
        _refuse(rule, figure, f"this project has no arm {figure.arm!r}{why}", list(known))
    elif figure.metric not in known[figure.arm]:
        _refuse(rule, figure, f"{figure.arm} has no metric {figure.metric!r}", known[figure.arm])


def _require_interval(project: Project, rule: Rule) -> None:
    plus, minus, _ = terms(rule)
    has_interval = plus.metric in project.task.metric_names() if plus.arm else plus.metric == WITH_INTERVAL and minus is None
    if not has_interval:
        unfit(rule)


def _refuse(rule: Rule, figure: Figure, what: str, known: Sequence[str]) -> NoReturn:
    raise EvalError(
        "gate.rule_unknown",
        what=f"a rule of the gate cannot be decided: {what}\n{rule.text}\n{' ' * figure.at}^",
        where=f"[gate] rules, character {figure.at + 1}",
        mend=f"name one of {', '.join(known)}",
    )
