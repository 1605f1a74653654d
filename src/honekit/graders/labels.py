"""Class labels of an enum field, read strictly from a parsed answer or leniently from its raw text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from honekit.project import OutputField

NULL_LABEL = "null"
"""The class of a nullable enum whose value is null."""
NO_ANSWER = "no answer"
"""Heading of the column for answers that name no class of the field."""


def classes(field: OutputField) -> tuple[str, ...]:
    """All classes of an enum in the order of `hone.toml`; a nullable one has `null` as its last class."""
    if _nullable(field) and NULL_LABEL not in field.values:
        return (*field.values, NULL_LABEL)
    return field.values


def strict_label(field: OutputField, values: dict[str, Any] | None) -> str | None:
    """The class that a parsed answer gives, letter by letter; None when it gives none."""
    if values is None or field.name not in values:
        return None
    value = values[field.name]
    if value is None:
        return NULL_LABEL if _nullable(field) else None
    return value if isinstance(value, str) and value in field.values else None


def _nullable(field: OutputField) -> bool:
    return field.nullable or field.from_retrieval


def named_label(field: OutputField, text: str) -> str | None:
    """The class that a raw answer names first, or None.

    Case is ignored; `_`, hyphen and blanks are the same; a name counts only as whole words, and of two names
    that start at one place the longer counts. A name that directly follows the field's own name (`category:
    power`) goes before names elsewhere, so that a cause such as "power cable" in front of it does not decide.
    """
    after_field, anywhere = _patterns(field.name, field.values)
    found = after_field.search(text) or anywhere.search(text)
    if found is None or not found.lastgroup:
        return None
    return field.values[int(found.lastgroup[1:])]


@lru_cache(maxsize=64)
def _patterns(name: str, values: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    longest_first = sorted(range(len(values)), key=lambda index: -len(values[index]))
    named = [(index, _spelling(values[index])) for index in longest_first]
    alternatives = "|".join(f"(?P<v{index}>{spelling})" for index, spelling in named if spelling)
    value = rf"(?<![^\W_])(?:{alternatives})(?![^\W_])" if alternatives else r"(?!)"
    after_field = rf"(?<![^\W_]){_spelling(name)}(?![^\W_])[^\w]*(?:is\b[^\w]*)?{value}"
    return re.compile(after_field, re.IGNORECASE), re.compile(value, re.IGNORECASE)


def _spelling(name: str) -> str:
    return r"[_\s-]+".join(re.escape(part) for part in re.split(r"[_\s-]+", name) if part)
