"""Graders that compare without asking anybody: JSON, fields, sets, patterns, numbers, calls, classes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from honekit.graders.faults import GradingFault
from honekit.graders.fields import fold_phrase
from honekit.graders.json_schema import schema_fault
from honekit.graders.judges import read_label
from honekit.graders.own import (
    ClassificationGrader,
    FieldMatchGrader,
    JsonSchemaGrader,
    NumericGrader,
    RegexGrader,
    SetF1Grader,
    ToolCallGrader,
)
from honekit.graders.patterns import compile_pattern

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.\d{1,30})?(?:[eE][-+]?\d{1,3})?(?![\w])|[-+]?\.\d{1,30}")
_MISSING = object()


def json_schema(grader: JsonSchemaGrader, text: str) -> float:
    """1 if the text is JSON that fits. Raises: GradingFault[other_error] for a schema that cannot be applied."""
    value = _json(text)
    if value is _MISSING:
        return 0.0
    try:
        return float(schema_fault(grader.schema_, value) is None)
    except ValueError as fault:
        raise GradingFault("other_error", str(fault)) from fault


def field_match(grader: FieldMatchGrader, text: str, reference: str) -> float:
    """The share of fields that are the same. Raises: GradingFault[invalid_variable_error] when the reference is no object."""
    wanted = _json(reference)
    if not isinstance(wanted, dict):
        raise GradingFault("invalid_variable_error", "the reference is no JSON object")
    names = grader.fields or list(wanted)
    absent = [name for name in names if name not in wanted]
    if absent or not names:
        raise GradingFault("invalid_variable_error", f"the reference has no field {', '.join(absent)[:200]}".rstrip())
    given = _json(text)
    if not isinstance(given, dict):
        return 0.0
    right = sum(name in given and _same(given[name], wanted[name], grader) for name in names)
    return right / len(names)


def _same(given: Any, wanted: Any, grader: FieldMatchGrader) -> bool:
    if _is_number(given) and _is_number(wanted):
        return bool(abs(given - wanted) <= grader.absolute)
    if isinstance(given, str) and isinstance(wanted, str) and grader.ignore_case:
        return given.strip().casefold() == wanted.strip().casefold()
    return type(given) is type(wanted) and bool(given == wanted)


def classify(grader: ClassificationGrader, text: str, reference: str) -> tuple[str, str | None]:
    """(class of the reference, class of the text or None). Raises: GradingFault[invalid_variable_error] for no known class."""
    if reference not in grader.labels:
        raise GradingFault("invalid_variable_error", f"the reference {reference[:80]!r} is none of the labels")
    if grader.lenient:
        return reference, read_label(text, grader.labels)
    stripped = text.strip()
    return reference, stripped if stripped in grader.labels else None


def set_f1(grader: SetF1Grader, text: str, reference: str) -> float:
    """2 * common / (members of both); two empty sets are equal."""
    left, right = _members(grader, text), _members(grader, reference)
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def _members(grader: SetF1Grader, text: str) -> set[str]:
    value = _json(text)
    members = [_plain(member) for member in value] if isinstance(value, list) else text.split(grader.separator)
    folded = (member.strip().casefold() if grader.ignore_case else member.strip() for member in members)
    return {member for member in folded if member}


def phrase(text: str, accepted: str) -> float:
    """1 if the text, folded, is one of the accepted phrases."""
    value = _json(accepted)
    phrases = value if isinstance(value, list) else [accepted]
    folded = {fold_phrase(one) for one in phrases if isinstance(one, str)} - {""}
    return float(fold_phrase(text) in folded)


def regex(grader: RegexGrader, text: str) -> float:
    """1 if the pattern is found as asked."""
    found = compile_pattern(grader.pattern, ignore_case=grader.ignore_case).search(text) is not None
    return float(found != grader.absent)


def numeric(grader: NumericGrader, text: str, reference: str) -> float:
    """1 within the tolerance. Raises: GradingFault[invalid_variable_error] when the reference is no number."""
    wanted = read_number(reference, "whole")
    if wanted is None:
        raise GradingFault("invalid_variable_error", f"the reference {reference[:80]!r} is no number")
    given = read_number(text, grader.find)
    if given is None:
        return 0.0
    allowed = max(grader.absolute, grader.relative * abs(wanted))
    # Decimal fractions are not exact in binary: 0.1 + 0.2 is within 0 of 0.3.
    return float(abs(given - wanted) <= allowed or math.isclose(abs(given - wanted), allowed, rel_tol=1e-9, abs_tol=1e-12))


def read_number(text: str, find: str) -> float | None:
    """The number of a text: all of it, or the first or last one in it. Commas may stand between thousands."""
    if find == "whole":
        found = _NUMBER.fullmatch(text.strip())
        numbers = [found[0]] if found else []
    else:
        numbers = _NUMBER.findall(text[:100_000])
    if not numbers:
        return None
    value = float(numbers[0 if find == "first" else -1].replace(",", ""))
    return value if math.isfinite(value) else None


def tool_calls(grader: ToolCallGrader, calls: Sequence[Any], reference: str) -> float:
    """F1 of the calls. Raises: GradingFault[invalid_variable_error] when the reference is no list of calls."""
    listed = _json(reference)
    if not isinstance(listed, list) or any(_call(one) is None for one in listed):
        raise GradingFault("invalid_variable_error", "the reference is no JSON list of calls with name and arguments")
    wanted = [call for one in listed if (call := _call(one))]
    given = [_call(one) or ("", {}) for one in calls]
    if not wanted and not given:
        return 1.0
    return 2 * _matched(grader, given, wanted) / (len(given) + len(wanted))


def _matched(grader: ToolCallGrader, given: list[tuple[str, Any]], wanted: list[tuple[str, Any]]) -> int:
    fits = [[_fits(grader, one, other) for other in wanted] for one in given]
    if grader.ordered:
        best = [[0] * (len(wanted) + 1) for _ in range(len(given) + 1)]
        for i in range(len(given)):
            for j in range(len(wanted)):
                best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + fits[i][j])
        return best[-1][-1]
    owner: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        """An augmenting path of the bipartite matching (Kuhn): with `subset` one call may fit several."""
        for j in range(len(wanted)):
            if fits[i][j] and j not in seen:
                seen.add(j)
                if j not in owner or place(owner[j], seen):
                    owner[j] = i
                    return True
        return False

    return sum(place(i, set()) for i in range(len(given)))


def _fits(grader: ToolCallGrader, given: tuple[str, Any], wanted: tuple[str, Any]) -> bool:
    if given[0] != wanted[0]:
        return False
    match grader.arguments:
        case "ignore":
            return True
        case "exact":
            return bool(_plain(given[1]) == _plain(wanted[1]))
        case _:
            return isinstance(given[1], Mapping) and all(
                key in given[1] and _plain(given[1][key]) == _plain(value) for key, value in wanted[1].items()
            )


def _call(one: Any) -> tuple[str, Any] | None:
    """(name, arguments) of a call, written flat or as OpenAI's `function`; arguments may be JSON text."""
    inner = one.get("function", one) if isinstance(one, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        return None
    arguments = inner.get("arguments", {})
    if isinstance(arguments, str):
        read = _json(arguments)
        arguments = {"": arguments} if read is _MISSING else read
    return inner["name"], arguments if isinstance(arguments, Mapping) else {"": arguments}


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _MISSING


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
