"""Whatever file a user has, as rows: CSV, TSV, JSONL, a JSON array, or the plain lines of a log."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from honekit.data.blocks import MAX_LINE_BYTES
from honekit.data.lines import Finding, decode_json, raise_findings, read_lines, syntax_finding
from honekit.errors import DataError

Kind = Literal["csv", "tsv", "jsonl", "json", "log"]
MAX_FILE_BYTES = 512 << 20
"""A project that one machine trains needs no larger file; a table is read as a whole."""
LINE_COLUMN = "text"
"""The only column of a log."""
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """Rows with named columns; a missing cell is absent or None. Cells are text, or lists of text from JSON."""

    path: Path
    kind: Kind
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]


def read_table(path: Path) -> Table:
    """The rows of a file; its kind is told by its name, else by how it begins.

    Raises: DataError[data.file_missing | data.file_unreadable | data.too_large | data.not_utf8 | data.json_syntax |
    data.line_too_long | data.csv_syntax | data.empty | data.already_chat].
    """
    lines = _lines(path)
    kind = _kind(path, lines)
    if kind == "log":
        rows: list[dict[str, Any]] = [{LINE_COLUMN: line.strip()} for line in lines if line.strip()]
    elif kind in ("jsonl", "json"):
        rows = [_flat(row) for row in _json_rows(path, lines, kind)]
    else:
        rows = _csv_rows(path, "\n".join(lines), "\t" if kind == "tsv" else None)
    if not rows:
        raise DataError("data.empty", what="the file has no rows", where=str(path), mend="name a file with data in it")
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    return Table(path, kind, columns, tuple(rows))


def _lines(path: Path) -> list[str]:
    lines = list(read_lines(path)) if not path.is_file() or path.stat().st_size <= MAX_FILE_BYTES else None
    if lines is None:
        raise DataError(
            "data.too_large",
            what=f"the file is larger than {MAX_FILE_BYTES >> 20} MB",
            where=str(path),
            mend="take a sample of it first, e.g. `shuf -n 20000 FILE > SAMPLE`",
        )
    raise_findings(path, [line.fault for line in lines if line.fault])
    return [line.text or "" for line in lines]


def _kind(path: Path, lines: Sequence[str]) -> Kind:
    suffixes: dict[str, Kind] = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".log": "log"}
    known = suffixes.get(path.suffix.lower())
    if known:
        return known
    start = next((line.strip() for line in lines if line.strip()), "")
    if start.startswith("{"):
        return "jsonl" if start.endswith("}") else "json"
    return "json" if start.startswith("[") and path.suffix.lower() == ".json" else "log"


def _json_rows(path: Path, lines: Sequence[str], kind: Kind) -> list[dict[str, Any]]:
    findings: list[Finding] = []
    rows: list[Any] = []
    texts = [(0, "\n".join(lines))] if kind == "json" else list(enumerate(lines, 1))
    for number, text in texts:
        if not text.strip():
            continue
        try:
            value = decode_json(text)
        except ValueError:
            findings.append(syntax_finding(number, text))
            continue
        for row in value if isinstance(value, list) else [value]:
            if isinstance(row, dict):
                rows.append(row)
            else:
                fix = "write one JSON object per line"
                findings.append(Finding("data.record", "error", number, "", "the line holds no object", fix))
    raise_findings(path, findings)
    if rows and "messages" in rows[0]:
        raise DataError(
            "data.already_chat",
            what="this is chat JSONL already, so there is nothing to infer",
            where=str(path),
            mend=f"check it with `hone data check {path}`; for a project with evaluation, give init a file with an input "
            "and label columns",
        )
    return rows


def _flat(row: dict[str, Any]) -> dict[str, Any]:
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


def _csv_rows(path: Path, text: str, delimiter: str | None) -> list[dict[str, Any]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    if delimiter is None:
        header = text.split("\n", 1)[0]
        delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    findings: list[Finding] = []
    rows: list[dict[str, Any]] = []
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _header(path, cells)
            elif len(cells) != len(columns):
                message = f"the row has {len(cells)} cells, the header {len(columns)}"
                fix = f'put cells that hold "{delimiter}" or line ends into double quotes'
                findings.append(Finding("data.csv_syntax", "error", reader.line_num, "", message, fix))
            else:
                rows.append({column: cell.strip() or None for column, cell in zip(columns, cells, strict=True)})
    except csv.Error as fault:
        fix = 'write a quote inside a quoted cell twice: ""'
        findings.append(Finding("data.csv_syntax", "error", reader.line_num, "", f"not CSV: {fault}", fix))
    raise_findings(path, findings)
    return rows


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not all(names) or len(set(names)) < len(names) or any(len(name) > 60 for name in names):
        raise DataError(
            "data.csv_header",
            what="the first line is no header: column names are missing, equal or very long",
            where=f"{path}:1",
            mend="put a line with the names of the columns first, e.g. `text,label`",
        )
    return names
