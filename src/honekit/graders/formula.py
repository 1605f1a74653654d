"""The formula of a multi grader: arithmetic over the rewards of its graders, e.g. `0.7 * exact + 0.3 * min(style, tone)`.

Operators + - * / and ^ or ** for powers; functions min, max, abs, floor, ceil, exp, sqrt, log (natural). Python's parser
gives the tree, and every node of it has to be one of these: nothing is ever handed to `eval`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping

from honekit.graders.faults import GradingFault

MAX_FORMULA_CHARS = 1000
MAX_DEPTH = 100

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_ONE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "floor": lambda value: float(math.floor(value)),
    "ceil": lambda value: float(math.ceil(value)),
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_MANY: dict[str, Callable[..., float]] = {"min": min, "max": max}
FUNCTIONS = frozenset({*_ONE, *_MANY})

_CHARACTERS = re.compile(r"[A-Za-z0-9_.,+\-*/^() \t\r\n]*")


def check_formula(formula: str, names: Collection[str]) -> None:
    """Raises: ValueError that says what in the formula is not arithmetic over `names`."""
    try:
        _value(_parse(formula), dict.fromkeys(names, 0.0), 0, compute=False)
    except ArithmeticError as fault:
        raise ValueError("the formula has a number that is too large") from fault


def evaluate(formula: str, values: Mapping[str, float]) -> float:
    """The formula's finite value. Raises: GradingFault[formula_parse_error]."""
    try:
        value = _value(_parse(formula), values, 0)
    except (ValueError, ArithmeticError) as fault:
        raise GradingFault("formula_parse_error", f"the formula has no value: {fault}") from fault
    if not math.isfinite(value):
        raise GradingFault("formula_parse_error", "the formula gives no finite number")
    return value


def _parse(formula: str) -> ast.expr:
    if len(formula) > MAX_FORMULA_CHARS:
        raise ValueError(f"a formula may have {MAX_FORMULA_CHARS} characters")
    if not _CHARACTERS.fullmatch(formula):
        raise ValueError("the formula has a character that is no part of arithmetic")
    # In Python ^ binds weaker than +; written as ** before parsing it binds as a power does.
    text = " ".join(formula.replace("^", "**").split())
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as fault:
        raise ValueError(f"the formula cannot be read: {getattr(fault, 'msg', None) or 'it is nested too deeply'}") from fault


def _value(node: ast.expr, values: Mapping[str, float], depth: int, *, compute: bool = True) -> float:
    """The value of a node; without `compute` only its form is checked, and 0 returned."""
    if depth > MAX_DEPTH:
        raise ValueError(f"the formula is nested more than {MAX_DEPTH} deep")

    def of(child: ast.expr) -> float:
        return _value(child, values, depth + 1, compute=compute)

    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id=name):
            if name not in values:
                raise ValueError(f"the formula names {name!r}, which is none of its graders: {', '.join(sorted(values))}")
            return values[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            value = of(operand)
            return _UNARY[type(sign)](value) if compute else 0.0
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            pair = of(left), of(right)
            return _BINARY[type(sign)](*pair) if compute else 0.0
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as arguments, keywords=[]) if name in FUNCTIONS:
            if name in _ONE and len(arguments) != 1:
                raise ValueError(f"{name} takes one value, not {len(arguments)}")
            given = [of(argument) for argument in arguments]
            if not compute:
                return 0.0
            return _ONE[name](given[0]) if name in _ONE else _MANY[name](given)
    raise ValueError(f"a formula has numbers, names of graders, + - * / ^ and {', '.join(sorted(FUNCTIONS))}, and nothing else")
