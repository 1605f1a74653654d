"""The language of promotion rules, as `[gate] rules` in hone.toml holds them.

    rule       = sum comparison sum ["with" number "%" "confidence"]
    comparison = ">=" | "<=" | ">" | "<"
    sum        = product {("+" | "-") product}
    product    = signed {("*" | "/") signed}
    signed     = ["-"] (number | name ["." name] | "(" sum ")")

`tuned.category_macro_f1` is a figure of an arm; `forgetting` one of the whole. `chosen` is the tuned arm that was chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from honekit.errors import EvalError

MAX_RULE_CHARS = 500
MAX_DEPTH = 50
CHOSEN = "chosen"
"""The arm of a rule that stands for the tuned arm that validation data chose."""
COMPARISONS = (">=", "<=", ">", "<")

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?)|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)|(?P<sign>>=|<=|[-+*/()<>%]))"
)


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Figure:
    """`arm` is None for a figure of the whole evaluation."""

    arm: str | None
    metric: str
    at: int
    """Where it stands in the rule, counted from 0."""

    @property
    def text(self) -> str:
        return self.metric if self.arm is None else f"{self.arm}.{self.metric}"


@dataclass(frozen=True)
class Operation:
    """+, -, * or / of two expressions."""

    sign: str
    left: Expression
    right: Expression


Expression = Number | Figure | Operation


@dataclass(frozen=True)
class Rule:
    """left comparison right; with `confidence` (a share) the interval of the difference decides, not the difference."""

    text: str
    left: Expression
    comparison: str
    right: Expression
    confidence: float | None

    def figures(self) -> list[Figure]:
        """What the rule needs, in the order of the text."""
        return [*figures(self.left), *figures(self.right)]


def parse_rule(text: str) -> Rule:
    """Raises: EvalError[gate.rule_syntax] that says where in the rule, and what was expected there."""
    return _Parser(text).rule()


def figures(expression: Expression) -> Iterator[Figure]:
    """The figures of an expression."""
    if isinstance(expression, Figure):
        yield expression
    elif isinstance(expression, Operation):
        yield from figures(expression.left)
        yield from figures(expression.right)


def value(expression: Expression, facts: Mapping[str, float]) -> float:
    """The expression over `facts`, by the figures' texts. Raises: KeyError, ZeroDivisionError."""
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Figure):
        return facts[expression.text]
    left, right = value(expression.left, facts), value(expression.right, facts)
    match expression.sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return left / right


class _Parser:
    def __init__(self, text: str) -> None:
        text = text.strip()
        self.text, self.depth = text, 0
        if len(text) > MAX_RULE_CHARS:
            self.fail(MAX_RULE_CHARS, f"a rule may have {MAX_RULE_CHARS} characters")
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                start = position + len(text[position:]) - len(text[position:].lstrip())
                self.fail(start, f"{text[start]!r} belongs to no rule")
            kind = found.lastgroup or ""
            self.tokens.append((kind, found[kind], found.start(kind)))
            position = found.end()
        self.tokens.append(("end", "", len(text)))
        self.next = 0

    def rule(self) -> Rule:
        left = self.sum()
        kind, comparison, at = self.take()
        if kind != "sign" or comparison not in COMPARISONS:
            self.fail(at, "expected >=, <=, > or <")
        right = self.sum()
        confidence = None
        if self.peek()[1] == "with":
            self.take()
            kind, number, at = self.take()
            if kind != "number" or not 0 < float(number) < 100:
                self.fail(at, "expected a percentage such as 95")
            confidence = float(number) / 100
            self.expect("%")
            self.expect("confidence")
        kind, _, at = self.peek()
        if kind != "end":
            self.fail(at, "expected the end of the rule, or `with 95% confidence`")
        return Rule(self.text, left, comparison, right, confidence)

    def sum(self) -> Expression:
        made = self.product()
        while self.peek()[1] in ("+", "-"):
            made = Operation(self.take()[1], made, self.product())
        return made

    def product(self) -> Expression:
        made = self.signed()
        while self.peek()[1] in ("*", "/"):
            made = Operation(self.take()[1], made, self.signed())
        return made

    def signed(self) -> Expression:
        self.depth += 1
        kind, text, at = self.take()
        if self.depth > MAX_DEPTH:
            self.fail(at, "the rule is nested too deeply")
        try:
            if text == "-":
                return Operation("-", Number(0.0), self.signed())
            if kind == "number":
                return Number(float(text))
            if kind == "name" and text not in ("with", "confidence"):
                arm, _, metric = text.rpartition(".")
                return Figure(arm or None, metric, at)
            if text == "(":
                inner = self.sum()
                self.expect(")")
                return inner
        finally:
            self.depth -= 1
        self.fail(at, "expected a number, a figure such as tuned.schema_validity, or (")

    def expect(self, text: str) -> None:
        _, found, at = self.take()
        if found != text:
            self.fail(at, f"expected {text}")

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.next]

    def take(self) -> tuple[str, str, int]:
        token = self.tokens[self.next]
        self.next = min(self.next + 1, len(self.tokens) - 1)
        return token

    def fail(self, at: int, what: str) -> NoReturn:
        raise EvalError(
            "gate.rule_syntax",
            what=f"a rule of the gate cannot be read: {what}\n{self.text[:MAX_RULE_CHARS]}\n{' ' * at}^",
            where=f"[gate] rules, character {at + 1}",
            mend="write it as `tuned.schema_validity >= 0.95` or `tuned.x - base.x >= 0.05 with 95% confidence`",
        )
