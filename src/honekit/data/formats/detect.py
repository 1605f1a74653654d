"""What a file is: how it holds its rows, what a row means, and the reader for both together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, get_args

from honekit.data.blocks import open_unpacked
from honekit.data.formats.columns import ColumnMap, by_names, dialect, infer_map, parse_map
from honekit.data.formats.container import Container, container_of, rows_of
from honekit.data.formats.dialect import ChatRecord, Dialect
from honekit.data.formats.dialects import DIALECTS, OTHER_KINDS, recognise
from honekit.data.formats.excel_rows import sheets
from honekit.data.formats.log_rows import ALERT_PREFIX, has_alert_prefix
from honekit.data.formats.row import Row
from honekit.data.lines import AddFinding, Finding, decode_json, nearest, nested_keys
from honekit.data.records import Report
from honekit.errors import DataError

_SAMPLE_ROWS = 1000
_SAMPLE_BYTES = 1 << 18
CONTAINERS: tuple[str, ...] = get_args(Container)
FORMATS = (*DIALECTS, *OTHER_KINDS, "columns", *CONTAINERS)
"""What `--from` takes: what a record means, or how the file holds them."""


@dataclass(frozen=True)
class Given:
    """What the user says about a file, so that it need not be guessed."""

    format: str | None = None
    columns: tuple[str, ...] = ()
    """`ROLE=COLUMN`, as `--map` takes them."""
    pattern: str | None = None
    """For logs: a regular expression with named groups."""
    split: str | None = None
    """For folders of data sets and workbooks of several sheets."""


@dataclass(frozen=True)
class Source:
    """A file whose format is known."""

    path: Path
    container: Container
    format: str
    """The name of a dialect, `columns`, or one of `OTHER_KINDS`."""
    dialect: Dialect | None
    """None for the kinds that are no conversations to learn."""
    columns: ColumnMap | None = None
    pattern: str | None = None
    split: str | None = None

    def rows(self) -> Iterator[Row]:
        """The rows as they stand in the file."""
        return rows_of(self.path, self.container, pattern=self.pattern, split=self.split)

    def records(self, report: Report) -> Iterator[tuple[Row, ChatRecord | None]]:
        """Each row with its chat record, or None after a fault that was reported under the row's number."""
        assert self.dialect is not None
        for row in self.rows():
            record = None
            if row.fault:
                report(row.fault)
            if row.value is not None:
                record = self.dialect.read(row.value, adder(row.number, report))
            yield row, record


def expected_rows(source: Source) -> int | None:
    """About the number that the last row will have, for a progress bar; None where only reading it all would tell."""
    if source.container == "parquet":
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        return int(pq.read_metadata(source.path).num_rows)
    if source.container in ("jsonl", "csv", "tsv", "log"):
        with open_unpacked(source.path) as file:
            head = file.read(_SAMPLE_BYTES)
            is_packed = not file.seekable()
        lines = head.count(b"\n")
        return None if is_packed or not lines else lines * source.path.stat().st_size // len(head)
    return None


def adder(number: int, report: Report) -> AddFinding:
    """What reports the faults of one row."""

    def add(code: str, field: str, message: str, fix: str) -> None:
        report(Finding(code, "error", number, field, message, fix))

    return add


def detect(path: Path, given: Given | None = None, like: ColumnMap | None = None) -> Source:
    """The format of a file: by its content first, then by its name; what is given overrules both.

    `like`: the map of the file that this one is a split of. A few rows of it show less what the columns are.

    JSON lines that show no format at all count as chat records, whose checks say what is missing.

    Raises: DataError[data.file_missing | data.file_unreadable | data.format_unknown | data.columns.unknown |
    data.columns.map | data.column_unknown | data.log.pattern | data.arrow_unreadable | data.excel_unreadable |
    data.folder_unknown | data.split_unknown].
    """
    given = given or Given()
    if given.format is not None and given.format not in FORMATS:
        raise DataError(
            "data.format_unknown",
            what=f"{given.format!r} is no format",
            where="--from",
            mend=nearest(given.format, FORMATS, len(FORMATS)),
        )
    container: Container = container_of(path)
    name = given.format
    if name in CONTAINERS:
        container, name = name, None  # type: ignore[assignment]
    pattern = given.pattern or (_alert_prefix(path) if container == "log" else None)
    if container == "jsonl" and not given.columns:
        sample = _first_lines(path)
    else:
        rows = rows_of(path, container, pattern=pattern, split=given.split)
        sample = [row.value for row in islice(rows, _SAMPLE_ROWS) if row.value is not None]
    if like and not given.columns and all({like.input, *like.answers} <= row.keys() for row in sample):
        columns: ColumnMap | None = like
    else:
        columns = _columns(path, container, name, sample, given)
    if columns is not None:
        return Source(path, container, "columns", dialect(columns), columns, pattern, given.split)
    name = name or recognise(sample) or "chat"
    return Source(path, container, name, DIALECTS.get(name), None, pattern, given.split)


def _columns(
    path: Path, container: Container, name: str | None, sample: Sequence[dict[str, Any]], given: Given
) -> ColumnMap | None:
    """The map of columns, or None where records have a format of their own."""
    keys = tuple(dict.fromkeys(key for row in sample for key in row))
    inner = (key for row in sample for key in nested_keys(row)) if given.columns else ()
    said = parse_map(given.columns, tuple(dict.fromkeys((*keys, *inner))), path)
    if said or name not in (None, "columns"):
        return said
    if name is None and (recognise(sample) or not sample):
        return None
    if container == "jsonl" and name is None:
        # An answer beside an id is a project's raw example, and chat records may lack all that shows what they are.
        named = None if {"id", "answer"} <= set(keys) else by_names(keys)
        return ColumnMap(*named) if named else None
    if container == "log" and len(keys) < 2:
        raise DataError(
            "data.format_unknown",
            what="these are plain lines without labels, so there is no answer to learn",
            where=str(path),
            mend=r"say where the label stands, e.g. --pattern '^(?P<label>\S+) (?P<text>.+)$', or label them first: "
            f"`hone init NEW_FOLDER --from {path}`",
        )
    if container == "excel" and given.split is None:
        return infer_map(sample, path, lambda: sheets(path)[1])
    return infer_map(sample, path)


def _alert_prefix(path: Path) -> str | None:
    with open_unpacked(path) as file:
        lines = file.read(_SAMPLE_BYTES).decode("utf-8", "replace").splitlines()
    kept = [line for line in lines[:_SAMPLE_ROWS] if line.strip()]
    return ALERT_PREFIX if has_alert_prefix(kept) else None


def _first_lines(path: Path) -> list[dict[str, Any]]:
    """The objects in the first part of a JSONL file; lines that cannot be read are passed over."""
    with open_unpacked(path) as file:
        head = file.read(_SAMPLE_BYTES)
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").split("\n")
    found: list[dict[str, Any]] = []
    for line in lines[:-1] if len(head) == _SAMPLE_BYTES and len(lines) > 1 else lines:
        try:
            value = decode_json(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
