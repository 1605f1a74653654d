"""Sums in an answer that do not come out: `48 ÷ 8 × 3 = 16`, and a last line that names another result than the working above."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from honekit.data.checks.accidents import accidents
from honekit.data.checks.tally import Tally
from honekit.data.checks.turn import NO_JSON, has_code, warner
from honekit.data.checks.turns import Turns
from honekit.data.lines import Finding, shown

_NUMBER = r"\d{1,9}(?:\.\d{1,6})?"
_SUM = re.compile(
    rf"(?<![\w.,+*/×÷·^%=(−–-])(?<![+*/×÷·^%=−–-] )({_NUMBER}(?: ?[+*/×÷·−–-] ?{_NUMBER}){{1,6}}) ?= ?[€$£]?(-?{_NUMBER})"
    r"(?![\w,^²³%/:×÷*+·]|\.\d| ?[×÷*/+=^%≈:])"
)
"""Without signs that could change what is meant: brackets, powers, percentages, units between the numbers, thousands' commas."""
_WORDED = re.compile(
    rf"(?:^|[.;:\n(] ?|, (?:so |and |then )?|\b(?:So|Then|First|Next|and|then|since|because|that|have) )"
    rf"({_NUMBER}) (plus|minus|times|multiplied by|divided by) ({_NUMBER}) (?:is|are|equals|makes|gives|leaves) ({_NUMBER})"
    r"(?![\w,^%/]|\.\d| ?(?:more|less|fewer|times|percent|plus|minus|[+*/×÷=−–-]))"
)
"""One sum on its own in words: what stands before it could change what is meant (`half of 3 times 4 is 6`)."""
_SIGN_OF = {"plus": "+", "minus": "-", "times": "*", "multiplied by": "*", "divided by": "/"}
_SIGNS = str.maketrans({"×": "*", "÷": "/", "·": "*", "−": "-", "–": "-"})
_MAX_CHARS = 4000

_wrong = warner("data.answers.arithmetic", "do the sum again; a model learns the wrong one as readily")


@dataclass
class Sums:
    """`data.answers.arithmetic`."""

    wrong: Tally = field(default_factory=Tally)
    answers: int = 0

    def see(self, turns: Turns) -> None:
        for turn in turns.with_digits:
            if turn.value is not NO_JSON or has_code(turn.answer):
                continue
            found = _SUM.findall(turn.answer[:_MAX_CHARS]) if "=" in turn.answer else []
            if any(map(turn.answer.__contains__, _SIGN_OF)):
                worded = _WORDED.findall(turn.answer[:_MAX_CHARS])
                found += [(f"{one} {_SIGN_OF[sign]} {other}", result) for one, sign, other, result in worded]
            if found:
                self.answers += 1
                fault = next(filter(None, (fault_of(sum, result) for sum, result in found)), None)
                if fault:
                    self.wrong.add(fault, turn.line, turn.field)

    def join(self, later: Sums, lines_before: int) -> None:
        self.wrong.join(later.wrong, lines_before)
        self.answers += later.answers

    def finish(self) -> Iterator[Finding]:
        for what, (line, at) in accidents(self.wrong, self.answers):
            yield _wrong(line, at, what)


def fault_of(sum: str, result: str) -> str | None:
    """What is wrong with `sum = result`, if anything: a result may be rounded to the digits that it has."""
    try:
        value = _value(ast.parse(sum.translate(_SIGNS), mode="eval").body)
    except (SyntaxError, ZeroDivisionError, ValueError):
        return None
    unit = Fraction(1, 10 ** len(result.partition(".")[2]))
    is_rounded = (value / unit).denominator != 1
    if abs(value - Fraction(result)) <= (unit if is_rounded else 0):
        return None
    return f"{shown(f'{sum} = {result}')} does not come out: it is {float(value):g}"


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if not isinstance(node, ast.BinOp):
        raise ValueError(node)
    left, right = _value(node.left), _value(node.right)
    match node.op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
    raise ValueError(node.op)
