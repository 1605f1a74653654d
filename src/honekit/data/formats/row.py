"""What every reader yields, whatever the file's kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from honekit.data.lines import Finding


@dataclass(frozen=True)
class Row:
    """One record of a file. `value` is None when `fault` says why it cannot be read."""

    number: int
    """From 1: the line on which it begins; in Excel the sheet's row; where there are no lines, the how-manieth record."""
    value: dict[str, Any] | None
    fault: Finding | None = None


def faulty(number: int, code: str, message: str, fix: str, field: str = "") -> Row:
    """A row that cannot be read."""
    return Row(number, None, Finding(code, "error", number, field, message, fix))


def no_object(number: int, found: str) -> Row:
    """A record of JSON that is no object."""
    return faulty(number, "data.record", f"the record is {found}, not an object", "write one JSON object per record")
