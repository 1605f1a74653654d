"""Whatever file a user has, as a table in memory: for `hone init`, and as a sample for inferring what its columns are."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honekit.data.formats.container import Container, container_of, rows_of
from honekit.data.lines import raise_findings
from honekit.errors import DataError

MAX_FILE_BYTES = 512 << 20
"""A project that one machine trains needs no larger file; a table is read as a whole."""
_NOTHING = frozenset(("", "-", "--", "n/a", "#n/a", "nan", "<na>", "null"))
"""Cells by which spreadsheets and data frames say that there is none. `None` and `NA` may be answers."""


@dataclass(frozen=True)
class Table:
    """Rows with named columns; a missing cell is absent or None. Cells are text, or lists from JSON: of text, or, where they
    hold lists or objects, as they stand."""

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
            mend=f"check it with `hone data check {shlex.quote(str(path))}`; for a project with evaluation, `hone data convert "
            f"{shlex.quote(str(path))} --to prompt-completion --out pairs.jsonl`, and give init that file",
        )
    if len(values) == 1 and (key := _list_within(values[0])):
        step = f".{key}[]" if key.isascii() and key.isidentifier() else f".[{json.dumps(key, ensure_ascii=False)}][]"
        raise DataError(
            "data.format_unknown",
            what=f"this is one JSON object, not a list of records; they seem to stand in its list {key!r}",
            where=str(path),
            mend=f"write one record per line: `jq -c {shlex.quote(step)} {shlex.quote(str(path))} > NEW.jsonl`",
        )
    rows = tuple(plain_row(value) for value in values)
    if not rows:
        raise DataError("data.empty", what="the file has no rows", where=str(path), mend="name a file with data in it")
    return Table(path, kind, tuple(dict.fromkeys(key for row in rows for key in row)), rows)


def _list_within(document: dict[str, Any]) -> str | None:
    """The key of the longest list of objects in it, as exports keep their records; None when there is no list of several."""
    lists = {key: value for key, value in document.items() if isinstance(value, list) and len(value) > 1}
    found = [key for key, value in lists.items() if all(isinstance(item, dict) for item in value)]
    return max(found, key=lambda key: len(lists[key]), default=None)


def plain_row(row: dict[str, Any]) -> dict[str, Any]:
    """Nested objects as columns of their own: {"answer": {"class": 1}} becomes the column `class`, or `answer_class` where
    there is a `class` already."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            for inner, cell in plain_row(value).items():
                flat[inner if inner not in row and inner not in flat else f"{key}_{inner}"] = cell
        else:
            flat[key] = _cell(value)
    return flat


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        return None if text.casefold() in _NOTHING else text
    if value is None:
        return None
    if isinstance(value, list):
        is_plain = not any(isinstance(item, dict | list) for item in value)
        return [str(cell) for item in value if (cell := _cell(item)) is not None] if is_plain else value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
