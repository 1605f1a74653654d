"""What a rule with confidence compares: one figure, or the difference of one metric between two arms, with a number."""

from __future__ import annotations

from typing import NoReturn

from honekit.errors import EvalError
from honekit.evals.gate_rules import Expression, Figure, Number, Operation, Rule, figures, value

LEVEL = 0.95


def terms(rule: Rule) -> tuple[Figure, Figure | None, float]:
    """left - right of a rule with confidence as figure [- figure] + constant; the figures change sides when all stand on the
    right.

    Raises: EvalError[gate.confidence] for a rule that no interval is made for.
    """
    if rule.confidence is not None and abs(rule.confidence - LEVEL) > 1e-9:
        raise EvalError(
            "gate.confidence",
            what=f"intervals are at 95 %, and this rule asks for another level: {rule.text}",
            where="[gate] rules",
            mend="write `with 95% confidence`",
        )
    plus, minus, constant = _linear(rule, rule.left, 1.0)
    more, less, other = _linear(rule, rule.right, -1.0)
    plus, minus, constant = plus + more, minus + less, constant + other
    if not plus:
        plus, minus = minus, plus
    if len(plus) != 1 or len(minus) > 1 or (minus and minus[0].metric != plus[0].metric):
        unfit(rule)
    return plus[0], minus[0] if minus else None, constant


def is_turned(rule: Rule) -> bool:
    """Whether `terms` changed sides."""
    return not _linear(rule, rule.left, 1.0)[0] and not _linear(rule, rule.right, -1.0)[0]


def unfit(rule: Rule) -> NoReturn:
    """Raises: EvalError[gate.confidence]."""
    raise EvalError(
        "gate.confidence",
        what=f"there is no interval for this rule: {rule.text}",
        where="[gate] rules",
        mend="with confidence, compare one metric of one arm, or its difference between two arms, with a number",
    )


def _linear(rule: Rule, expression: Expression, sign: float) -> tuple[list[Figure], list[Figure], float]:
    if isinstance(expression, Number):
        return [], [], sign * expression.value
    if isinstance(expression, Figure):
        return ([expression], [], 0.0) if sign > 0 else ([], [expression], 0.0)
    if isinstance(expression, Operation) and not any(figures(expression)):
        return [], [], sign * value(expression, {})
    if expression.sign not in "+-":
        unfit(rule)
    left = _linear(rule, expression.left, sign)
    right = _linear(rule, expression.right, sign if expression.sign == "+" else -sign)
    return left[0] + right[0], left[1] + right[1], left[2] + right[2]
