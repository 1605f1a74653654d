"""Graders that compare without asking anybody: JSON, fields, sets, patterns, numbers, classes."""

from __future__ import annotations

import json
from functools import partial
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
)
from honekit.graders.patterns import is_found
from honekit.graders.values import MISSING, read_json, read_number, same, within


def json_schema(grader: JsonSchemaGrader, text: str) -> float:
    """1 if the text is JSON that fits. Raises: GradingFault[other_error] for a schema that cannot be applied."""
    value = read_json(text)
    if value is MISSING:
        return 0.0
    try:
        return float(schema_fault(grader.schema_, value) is None)
    except ValueError as fault:
        raise GradingFault("other_error", str(fault)) from fault


def field_match(grader: FieldMatchGrader, text: str, reference: str) -> float:
    """The share of fields that are the same. Raises: GradingFault[invalid_variable_error] when the reference is no object."""
    wanted = read_json(reference)
    if not isinstance(wanted, dict):
        raise GradingFault("invalid_variable_error", "the reference is no JSON object")
    names = grader.fields or list(wanted)
    absent = [name for name in names if name not in wanted]
    if absent or not names:
        raise GradingFault("invalid_variable_error", f"the reference has no field {', '.join(absent)[:200]}".rstrip())
    given = read_json(text)
    if not isinstance(given, dict):
        return 0.0
    alike = partial(same, absolute=grader.absolute, ignore_case=grader.ignore_case)
    right = sum(name in given and alike(given[name], wanted[name]) for name in names)
    return right / len(names)


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
    value = read_json(text)
    members = [_plain(member) for member in value] if isinstance(value, list) else text.split(grader.separator)
    folded = (member.strip().casefold() if grader.ignore_case else member.strip() for member in members)
    return {member for member in folded if member}


def phrase(text: str, accepted: str) -> float:
    """1 if the text, folded, is one of the accepted phrases."""
    value = read_json(accepted)
    phrases = value if isinstance(value, list) else [accepted]
    folded = {fold_phrase(one) for one in phrases if isinstance(one, str)} - {""}
    return float(fold_phrase(text) in folded)


def regex(grader: RegexGrader, text: str) -> float:
    """1 if the pattern is found as asked."""
    return float(is_found(grader.pattern, text, ignore_case=grader.ignore_case) != grader.absent)


def numeric(grader: NumericGrader, text: str, reference: str) -> float:
    """1 within the tolerance. Raises: GradingFault[invalid_variable_error] when the reference is no number."""
    wanted = read_number(reference, "whole")
    if wanted is None:
        raise GradingFault("invalid_variable_error", f"the reference {reference[:80]!r} is no number")
    given = read_number(text, grader.find)
    if given is None:
        return 0.0
    return float(within(given, wanted, max(grader.absolute, grader.relative * abs(wanted))))


def _plain(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
