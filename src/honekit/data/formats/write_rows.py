"""Records to a file, packed or not: JSON lines, one array, CSV or Parquet. Each is a context that gives a function for one."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from honekit.data.compressed import packed

Write = Callable[[dict[str, Any]], None]
Open = Callable[[BinaryIO], AbstractContextManager[Write]]
"""A writer of one form of file."""

CSV_COLUMNS = ("system", "prompt", "completion")
_LINE_END = re.compile(r"\r+\n")
_BATCH_ROWS = 1000


def packing(writer: Open, path: Path) -> Open:
    """The same writer, into a file that is packed as its name says."""

    @contextmanager
    def opened(file: BinaryIO) -> Iterator[Write]:
        with packed(file, path) as stream, writer(stream) as write:
            yield write

    return opened


@contextmanager
def jsonl_writer(file: BinaryIO) -> Iterator[Write]:
    """One object per line."""

    def write(record: dict[str, Any]) -> None:
        file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")

    yield write


@contextmanager
def array_writer(file: BinaryIO) -> Iterator[Write]:
    """One array, with a line for each of its objects."""
    before = b"[\n"

    def write(record: dict[str, Any]) -> None:
        nonlocal before
        file.write(before + json.dumps(record, ensure_ascii=False).encode())
        before = b",\n"

    yield write
    file.write(b"[]\n" if before == b"[\n" else b"\n]\n")


@contextmanager
def csv_writer(file: BinaryIO, delimiter: str = ",") -> Iterator[Write]:
    """The columns `CSV_COLUMNS`; line ends inside a cell are written as one character."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    table = csv.writer(text, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    table.writerow(CSV_COLUMNS)

    def write(record: dict[str, Any]) -> None:
        table.writerow([_LINE_END.sub("\n", record.get(name, "")) for name in CSV_COLUMNS])

    yield write
    text.flush()
    text.detach()


@contextmanager
def parquet_writer(file: BinaryIO) -> Iterator[Write]:
    """Chat records: `messages` as a list of structs, `tools` as JSON text, since each tool has another schema."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    function = pa.struct({"name": pa.string(), "arguments": pa.string()})
    call = pa.struct({"id": pa.string(), "type": pa.string(), "function": function})
    message = pa.struct(
        {
            "role": pa.string(),
            "content": pa.string(),
            "name": pa.string(),
            "weight": pa.int64(),
            "tool_calls": pa.list_(call),
            "tool_call_id": pa.string(),
        }
    )
    schema = pa.schema({"messages": pa.list_(message), "tools": pa.string(), "parallel_tool_calls": pa.bool_()})
    batch: list[dict[str, Any]] = []
    with pq.ParquetWriter(file, schema, compression="zstd") as table:

        def flush() -> None:
            table.write_table(pa.Table.from_pylist(batch, schema=schema))
            batch.clear()

        def write(record: dict[str, Any]) -> None:
            tools = record.get("tools")
            batch.append({**record, "tools": None if tools is None else json.dumps(tools, ensure_ascii=False)})
            if len(batch) == _BATCH_ROWS:
                flush()

        yield write
        flush()
