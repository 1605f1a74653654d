"""How a file holds its rows: told by how it begins, then by its name; and the reader for each kind."""

from __future__ import annotations

import re
import shlex
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from honekit.data.blocks import open_unpacked
from honekit.data.compressed import SUFFIXES
from honekit.data.formats.arrow_rows import arrow_rows, parquet_rows
from honekit.data.formats.csv_rows import csv_rows
from honekit.data.formats.excel_rows import excel_rows
from honekit.data.formats.folder import folder_rows
from honekit.data.formats.json_rows import array_rows, jsonl_rows
from honekit.data.formats.log_rows import log_rows
from honekit.data.formats.row import Row
from honekit.errors import DataError

Container = Literal["jsonl", "json", "csv", "tsv", "excel", "parquet", "arrow", "huggingface", "log"]

_BY_NAME: dict[str, Container] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".log": "log",
    ".xlsx": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
    ".parquet": "parquet",
    ".arrow": "arrow",
}
_BY_FIRST_BYTES: dict[bytes, Container] = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"\xff\xff\xff\xff": "arrow",
    b"PK\x03\x04": "excel",
    b"\xd0\xcf\x11\xe0": "excel",
}
_HEAD_BYTES = 1 << 14
_OPENED_OBJECT = re.compile(r"\s*\{[^\n]*[^}\s][ \t\r]*\n|\s*\{[ \t\r]*\n")
_ARRAY_OF_OBJECTS = re.compile(r"\s*\[\s*[{\]]")


def container_of(path: Path) -> Container:
    """The kind of a file or folder.

    Raises: DataError[data.file_missing | data.file_unreadable | data.format_unknown].
    """
    if path.is_dir():
        return "huggingface"
    with open_unpacked(path) as file:
        head = file.read(_HEAD_BYTES)
    for start, container in _BY_FIRST_BYTES.items():
        if head.startswith(start):
            return container
    name = plain_name(path)
    if name.suffix in _BY_NAME:
        return _BY_NAME[name.suffix]
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(
            "data.format_unknown",
            what="these bytes are no text, and no Parquet, Arrow or Excel file either",
            where=str(path),
            mend="give JSONL, JSON, CSV, TSV, Excel, Parquet, Arrow, a log or a data set's folder",
        )
    text = head.decode("utf-8", "replace").removeprefix("\ufeff")
    if _ARRAY_OF_OBJECTS.match(text):
        return "json"
    if name.suffix == ".json" and _OPENED_OBJECT.match(text):
        raise DataError(
            "data.format_unknown",
            what="this is one JSON object over several lines, not a list of records",
            where=str(path),
            mend=f"write an array of records, or one record per line: `jq -c '.KEY[]' {shlex.quote(str(path))} > NEW.jsonl` "
            "takes them from the list under KEY",
        )
    return "jsonl" if text.lstrip().startswith("{") or name.suffix == ".json" else "log"


def has_mark(path: Path) -> bool:
    """Whether a text file begins with UTF-8's byte order mark.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    with open_unpacked(path) as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def plain_name(path: Path) -> Path:
    """The path in lower case, without the ending that says how it is packed."""
    name = Path(str(path).lower())
    return name.with_suffix("") if name.suffix in SUFFIXES else name


def rows_of(path: Path, container: Container, *, pattern: str | None = None, split: str | None = None) -> Iterator[Row]:
    """The rows of a file or folder of this kind. `pattern` is for logs, `split` for folders and workbooks."""
    match container:
        case "jsonl":
            return jsonl_rows(path)
        case "json":
            return array_rows(path)
        case "csv" | "tsv":
            return csv_rows(path)
        case "excel":
            return excel_rows(path, split)
        case "parquet":
            return parquet_rows([path])
        case "arrow":
            return arrow_rows([path])
        case "huggingface":
            return folder_rows(path, split)
        case "log":
            return log_rows(path, pattern)
