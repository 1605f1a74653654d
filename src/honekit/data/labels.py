"""Which answers are labels: short answers that repeat, and the fields of JSON answers whose values do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from honekit.data.infer import MAX_ENUM_VALUES, MAX_PHRASE_CHARACTERS, MIN_ROWS_PER_VALUE
from honekit.data.lines import nearest
from honekit.data.rows import MISSING, Row
from honekit.errors import DataError

ANSWER = "answer"
"""The name of the field when the whole answer is the label."""


def label_text(value: Any) -> str | None:
    """A value as the label that people see; None for what is no label (a list, an object, a fraction, a long text)."""
    if value is MISSING or isinstance(value, list | dict | float):
        return None
    text = value.strip() if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_PHRASE_CHARACTERS and "\n" not in text else None


def labels_of(rows: Sequence[Row], field: str) -> list[str | None]:
    """For each record its label in `field`: `ANSWER`, or a key of the record or of its JSON answer."""
    if field == ANSWER and all(row.value(field) is MISSING for row in rows):
        return [None if row.answer is None else label_text(row.answer) for row in rows]
    return [label_text(row.value(field)) for row in rows]


def label_fields(rows: Sequence[Row]) -> list[str]:
    """The fields whose values look like labels: at least two, and each three times or more on average."""
    objects = [row.answer_object for row in rows]
    if not any(objects):
        return [ANSWER] if _repeats(labels_of(rows, ANSWER)) else []
    keys = Counter(key for found in objects if found for key in found)
    return [key for key in keys if _repeats([label_text((found or {}).get(key, MISSING)) for found in objects])]


def named_field(path: Path, rows: Sequence[Row], field: str) -> str:
    """The field that a user named. Raises: DataError[data.field_unknown] when no record has it."""
    if field != ANSWER and all(row.value(field) is MISSING for row in rows):
        known = {key for row in rows for key in [*(row.answer_object or {}), *row.record]}
        raise DataError(
            "data.field_unknown",
            what=f"no record and no answer has the field {field!r}",
            where=str(path),
            mend=nearest(field, sorted(known)),
        )
    return field


def _repeats(labels: Sequence[str | None]) -> bool:
    counts = Counter(label for label in labels if label is not None)
    present = counts.total()
    is_most = 2 * present >= len(labels)
    return is_most and 2 <= len(counts) <= MAX_ENUM_VALUES and present >= MIN_ROWS_PER_VALUE * len(counts)
