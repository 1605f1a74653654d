"""The gate: promotion rules over the figures of an evaluation, each with its evidence.

A rule with confidence is decided by the interval: of a figure of one arm (`bootstrap_interval`), or of the paired difference
of one metric between two arms (`paired_difference`). Where the difference is compared with 0, Holm's correction over these
rules applies too, as in `honekit.evals.verdict`. An interval on both sides of the threshold decides nothing, and nothing
passes undecided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from honekit.evals.gate_rules import CHOSEN, Figure, Rule, value
from honekit.evals.gate_terms import is_turned, terms
from honekit.graders import Graded
from honekit.project import Project

ALPHA = 0.05

Outcome = Literal["passed", "failed", "undecided", "not measured"]


@dataclass(frozen=True)
class Decided:
    """One rule with what it was decided by. `left` and `right` are the observed sides; `interval` is of left - right."""

    rule: str
    outcome: Outcome
    left: float | None
    right: float | None
    interval: tuple[float, float] | None
    figures: dict[str, float | None]
    evidence: str


@dataclass(frozen=True)
class Gate:
    """passed: every rule is. undecided: none failed, but some left it open."""

    outcome: Literal["passed", "failed", "undecided"]
    rules: list[Decided]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """What rules are decided by.

    numbers: figures by `arm.metric`, or by name alone. graded: arm -> the same items, graded; without it no rule with
    confidence can be decided. intervals: the 95 % intervals of figures of the whole, by name. missing: why a figure is not there.
    """

    project: Project
    numbers: Mapping[str, float]
    graded: Mapping[str, Sequence[Graded]]
    chosen: str
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def default_rules(project: Project) -> list[str]:
    """The project's `min_schema_validity` and `require_better_than` as rules; arms that it cannot have are left out."""
    metric = project.task.primary_metric
    rules = [f"{CHOSEN}.schema_validity >= {project.gate.min_schema_validity:g}"]
    arms = [arm for arm in project.gate.require_better_than if project.retrieval is not None or not arm.endswith("_rag")]
    return rules + [f"{CHOSEN}.{metric} - {arm}.{metric} > 0 with 95% confidence" for arm in arms]


def decide_gate(rules: Sequence[Rule], evidence: Evidence) -> Gate:
    """Raises: EvalError[gate.confidence] for a rule with confidence that no interval is made for."""
    adjusted = _holm(rules, evidence)
    decided = [_decide(rule, evidence, adjusted.get(number)) for number, rule in enumerate(rules)]
    outcomes = {one.outcome for one in decided}
    outcome: Literal["passed", "failed", "undecided"] = "passed"
    if "failed" in outcomes:
        outcome = "failed"
    elif outcomes - {"passed"} or not decided:
        outcome = "undecided"
    return Gate(outcome, decided)


def _decide(rule: Rule, evidence: Evidence, adjusted: float | None) -> Decided:
    facts = {one.text: _fact(one, evidence) for one in rule.figures()}
    missing = [name for name, number in facts.items() if number is None]
    if missing:
        told = "; ".join(f"{one.text}: {_why_missing(one, evidence)}" for one in rule.figures() if one.text in missing)
        return Decided(rule.text, "not measured", None, None, None, facts, told)
    known = {name: number for name, number in facts.items() if number is not None}
    try:
        left, right = value(rule.left, known), value(rule.right, known)
    except ZeroDivisionError:
        return Decided(rule.text, "not measured", None, None, None, facts, "the rule divides by zero")
    shown = ", ".join(f"{name} = {number:.4g}" for name, number in known.items())
    if rule.confidence is None:
        outcome: Outcome = "passed" if _holds(left - right, rule.comparison) else "failed"
        return Decided(rule.text, outcome, left, right, None, facts, f"{shown}; {left:.4g} {rule.comparison} {right:.4g}")
    measured = _interval(rule, evidence)
    if measured is None:
        return Decided(rule.text, "not measured", left, right, None, facts, f"{shown}; the single answers are not there")
    lo, hi = measured
    if _holds(lo, rule.comparison) and _holds(hi, rule.comparison):
        outcome = "passed"
    elif not _holds(lo, rule.comparison) and not _holds(hi, rule.comparison):
        outcome = "failed"
    else:
        outcome = "undecided"
    told = f"{shown}; left minus right {left - right:+.4f}, 95 % interval {lo:+.4f} to {hi:+.4f}"
    if adjusted is not None:
        told += f", p {adjusted:.3f} after Holm's correction"
        if adjusted >= ALPHA:
            outcome = "undecided"
    return Decided(rule.text, outcome, left, right, (lo, hi), facts, told)


def _holds(difference: float, comparison: str) -> bool:
    if abs(difference) < 1e-12:  # 0.3 - 0.25 is less than 0.05 by the last bits
        return "=" in comparison
    return difference > 0 if ">" in comparison else difference < 0


def _arm(figure: Figure, evidence: Evidence) -> str | None:
    return evidence.chosen if figure.arm == CHOSEN else figure.arm


def _fact(figure: Figure, evidence: Evidence) -> float | None:
    arm = _arm(figure, evidence)
    number = evidence.numbers.get(figure.metric if arm is None else f"{arm}.{figure.metric}")
    return number if number is not None and math.isfinite(number) else None


def _why_missing(figure: Figure, evidence: Evidence) -> str:
    """The known reason, else what was measured: the name in the rule may be a slip."""
    if figure.text in evidence.missing:
        return evidence.missing[figure.text]
    arm = _arm(figure, evidence)
    if arm is None:
        return "not measured here"
    arms = sorted({name.split(".")[0] for name in evidence.numbers if "." in name})
    if arm not in arms:
        return f"there is no arm {arm!r} here, but {', '.join(arms)}" if arms else "not measured here"
    return f"not measured here; of {arm} there is {', '.join(sorted(_metrics(arm, evidence)))}"


def _metrics(arm: str, evidence: Evidence) -> list[str]:
    return [name.removeprefix(f"{arm}.") for name in evidence.numbers if name.startswith(f"{arm}.")]


def _interval(rule: Rule, evidence: Evidence) -> tuple[float, float] | None:
    """Of left minus right; None when the items are not there."""
    plus, minus, constant = terms(rule)
    if plus.arm is None and minus is None:
        found = evidence.intervals.get(plus.metric)
        return None if found is None else _placed(rule, *found, constant)
    arms = [_arm(plus, evidence), *([_arm(minus, evidence)] if minus else [])]
    if any(arm is None or arm not in evidence.graded for arm in arms):
        return None
    first = evidence.graded[str(arms[0])]
    if minus is None:
        from honekit.evals.stats import metric_interval

        lo, hi = metric_interval(evidence.project, plus.metric, first)
    else:
        difference = _difference(plus, minus, evidence)
        lo, hi = difference.lo, difference.hi
    return _placed(rule, lo, hi, constant)


def _placed(rule: Rule, lo: float, hi: float, constant: float) -> tuple[float, float]:
    """The interval of left minus right from that of the figures."""
    if is_turned(rule):
        lo, hi = -hi, -lo
    return lo + constant, hi + constant


def _difference(plus: Figure, minus: Figure, evidence: Evidence) -> Any:
    from honekit.evals.stats import paired_difference

    options, graded = evidence.project.evaluate, evidence.graded
    first, second = (graded[str(_arm(figure, evidence))] for figure in (plus, minus))
    return paired_difference(evidence.project, plus.metric, first, second, options.bootstrap_resamples, options.seed)


def _holm(rules: Sequence[Rule], evidence: Evidence) -> dict[int, float]:
    """Adjusted p by the place of the rule, for rules that compare the difference of two arms with 0.

    A rule whose arm was not measured counts as a test, so that leaving one out makes nothing easier.
    """
    from honekit.evals.correction import holm

    p_values: dict[str, float] = {}
    for number, rule in enumerate(rules):
        if rule.confidence is None:
            continue
        plus, minus, constant = terms(rule)
        if minus is None or constant != 0:
            continue
        arms = [_arm(figure, evidence) for figure in (plus, minus)]
        measured = all(arm is not None and arm in evidence.graded for arm in arms)
        p_values[str(number)] = _difference(plus, minus, evidence).p if measured else 1.0
    return {int(number): p for number, p in holm(p_values).items()}
