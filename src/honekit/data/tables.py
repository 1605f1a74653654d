"""Whatever file a user has, as a table in memory: for `hone init`, and as a sample for inferring what its columns are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honekit.data.formats.container import Container, container_of, rows_of
from honekit.data.lines import raise_findings
from honekit.errors import DataError

MAX_FILE_BYTES = 512 << 20
"""A project that one machine trains needs no larger file; a table is read as a whole."""


@dataclass(frozen=True)
class Table:
    """Rows with named columns; a missing cell is absent or None. Cells are text, or lists of text from JSON."""

    path: Path
    kind: Container
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


def read_table(path: Path) -> Table:
    """The rows of a file; its kind is told by how it begins and by its name.

    Raises: DataError[data.file_missing | data.file_unreadable | data.too_large | data.not_utf8 | data.json_syntax |
    data.line_too_long | data.csv_syntax | data.csv_header | data.empty | data.already_chat | data.format_unknown |
    data.arrow_unreadable | data.excel_unreadable].
    """
    if path.is_file() and path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(
            "data.too_large",
            what=f"the file is larger than {MAX_FILE_BYTES >> 20} MB",
            where=str(path),
            mend="take a sample of it first, e.g. `shuf -n 20000 FILE > SAMPLE`",
        )
    kind = container_of(path)
    found = list(rows_of(path, kind))
    raise_findings(path, [row.fault for row in found if row.fault])
    values = [row.value for row in found if row.value is not None]
    if values and "messages" in values[0]:
        raise DataError(
            "data.already_chat",
            what="these are chat records already, so there is nothing to infer",
            where=str(path),
            mend=f"check it with `hone data check {path}`; for a project with evaluation, give init a file with an input "
            "and label columns",
        )
    rows = tuple(plain_row(value) for value in values)
    if not rows:
        raise DataError("data.empty", what="the file has no rows", where=str(path), mend="name a file with data in it")
    return Table(path, kind, tuple(dict.fromkeys(key for row in rows for key in row)), rows)


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """Nested objects one level up: {"answer": {"class": 1}} becomes the column `class`, or `answer_class`."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            for inner, cell in value.items():
                flat[inner if inner not in row else f"{key}_{inner}"] = _cell(cell)
        else:
            flat[key] = _cell(value)
    return flat


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value.strip() or None if isinstance(value, str) else None
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return [item.strip() for item in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
