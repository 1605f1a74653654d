"""Rows of Parquet and Arrow files, a batch at a time, numbered on over all files of one data set."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honekit.data.blocks import open_unpacked
from honekit.data.formats.row import Row
from honekit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_BATCH_ROWS = 1000


def parquet_rows(paths: Sequence[Path]) -> Iterator[Row]:
    """Rows of Parquet files, group by group.

    Raises: DataError[data.file_missing | data.file_unreadable | data.arrow_unreadable].
    """
    return _rows(paths, _parquet_batches)


def arrow_rows(paths: Sequence[Path]) -> Iterator[Row]:
    """Rows of Arrow files in the streaming form, which `save_to_disk` of Hugging Face writes, or in the file form.

    Raises: DataError[data.file_missing | data.file_unreadable | data.arrow_unreadable].
    """
    return _rows(paths, _arrow_batches)


def _rows(paths: Sequence[Path], batches: Callable[[Path], Iterable[pa.RecordBatch]]) -> Iterator[Row]:
    import pyarrow as pa

    number = 0
    for path in paths:
        open_unpacked(path).close()
        try:
            for batch in batches(path):
                classes = _class_names(batch.schema)
                for value in batch.to_pylist():
                    number += 1
                    yield Row(number, {name: _plain(cell, classes.get(name)) for name, cell in value.items()})
        except (pa.ArrowException, OSError, ValueError) as fault:
            raise DataError(
                "data.arrow_unreadable",
                what=f"this file cannot be read as Parquet or Arrow: {str(fault).splitlines()[0] if str(fault) else fault!r}",
                where=str(path),
                mend="write the file again; it may be cut off, or of another kind than its name says",
            ) from fault


def _parquet_batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=_BATCH_ROWS)


def _arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    with ExitStack() as stack:
        source = stack.enter_context(closing(pa.memory_map(str(path))))
        if source.read(6) == b"ARROW1":
            source.seek(0)
            file = pa.ipc.open_file(source)
            whole = (file.get_batch(index) for index in range(file.num_record_batches))
        else:
            source.seek(0)
            whole = iter(pa.ipc.open_stream(source))
        for batch in whole:
            batch.validate(full=True)
            for start in range(0, batch.num_rows, _BATCH_ROWS):
                yield batch.slice(start, _BATCH_ROWS)


def _class_names(schema: pa.Schema) -> dict[str, list[str]]:
    """column -> names of its classes, where `datasets` left them in the schema (its type ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {
            name: feature["names"]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and isinstance(feature.get("names"), list)
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _plain(cell: Any, classes: list[str] | None = None) -> Any:
    """A cell as JSON would have it, without the nulls by which Arrow fills up an object's missing keys."""
    if classes is not None and isinstance(cell, int) and 0 <= cell < len(classes):
        return classes[cell]
    if isinstance(cell, dict):
        return {key: _plain(value) for key, value in cell.items() if value is not None}
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if isinstance(cell, str | int | float | bool | None) else str(cell)
