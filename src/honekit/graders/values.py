"""JSON values and numbers compared as what they mean: 3 is 3.0 and is neither "3" nor true."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MISSING = object()
"""What a text holds that is no JSON."""
MAX_DEPTH = 100
"""Of a value that is compared: one that is nested deeper comes from nobody's answer key."""

_DIGITS = r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+\u2212]?\d{1,3}(?!\d))?"
_SIGN = r"[-+\u2212]?"
_WHOLE = re.compile(_SIGN + _DIGITS)
# Not inside a word or a number (B12, pump-17, 10-20), and no ordinal; a unit may follow at once (15kg), a currency precede.
_LETTERS = r"A-Za-z\u00c0-\u024f\u0370-\u052f"
_WITHIN = re.compile(rf"(?<![\d{_LETTERS}_.]){_SIGN}[$€£¥]?{_DIGITS}(?!(?:st|nd|rd|th)\b)(?!\d)")


def read_json(text: str) -> Any:
    """The value of a JSON text; `MISSING` for one that is none, or is nested deeper than `MAX_DEPTH`."""
    try:
        value = json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return MISSING
    return value if _is_shallow(value, MAX_DEPTH) else MISSING


def same(given: Any, wanted: Any, *, absolute: float = 0.0, ignore_case: bool = False) -> bool:
    """Whether two JSON values are one: objects by their keys, lists in their order, numbers within `absolute`."""
    if is_number(given) and is_number(wanted):
        return within(given, wanted, absolute)
    if type(given) is not type(wanted):
        return False
    match given:
        case str() if ignore_case:
            return bool(given.strip().casefold() == wanted.strip().casefold())
        case dict():
            return given.keys() == wanted.keys() and all(
                same(value, wanted[key], absolute=absolute, ignore_case=ignore_case) for key, value in given.items()
            )
        case list():
            return len(given) == len(wanted) and all(
                same(one, other, absolute=absolute, ignore_case=ignore_case) for one, other in zip(given, wanted, strict=True)
            )
    return bool(given == wanted)


def within(given: float, wanted: float, allowed: float) -> bool:
    """Whether two numbers are at most `allowed` apart."""
    if given == wanted:
        return True
    try:
        # Decimal fractions are not exact in binary: 0.1 + 0.2 is within 0 of 0.3.
        apart = abs(given - wanted)
        rounding = 0.0 if isinstance(apart, int) and allowed == 0 else 4 * math.ulp(max(abs(float(given)), abs(float(wanted))))
    except OverflowError:
        return False
    return math.isfinite(apart) and apart <= allowed + rounding


def read_number(text: str, find: str) -> float | None:
    """The number of a text: all of it, or the first or last one in it. Commas may stand between thousands, and the minus sign
    may be that of typesetters."""
    if find == "whole":
        found = _WHOLE.fullmatch(text.strip())
        numbers = [found[0]] if found else []
    else:
        numbers = _WITHIN.findall(text[:100_000])
    if not numbers:
        return None
    value = float(re.sub("[,$€£¥]", "", numbers[0 if find == "first" else -1]).replace("\u2212", "-"))
    return value if math.isfinite(value) else None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def no_constant(name: str) -> NoReturn:
    """For `json.loads`: NaN and Infinity are no JSON. Raises: ValueError."""
    raise ValueError(f"{name} is not JSON")


def _is_shallow(value: Any, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth > 0 and all(_is_shallow(one, depth - 1) for one in inner if isinstance(one, dict | list))
