"""A data set's folder as Hugging Face's libraries write it: `save_to_disk`, or files named after their splits.

Source: huggingface.co/docs/datasets/repository_structure (names of splits and shards); of `save_to_disk` the files
`dataset_dict.json` and `state.json` are read. No code of the folder is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from honekit.data.formats.arrow_rows import arrow_rows, parquet_rows
from honekit.data.formats.csv_rows import csv_rows
from honekit.data.formats.json_rows import array_rows, jsonl_rows
from honekit.data.formats.row import Row
from honekit.errors import DataError

_SPLITS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation"}
_SPLITS |= {"dev": "validation", "test": "test", "testing": "test", "eval": "test", "evaluation": "test"}
_WORD = re.compile(r"[^a-z]+")
_READERS = {".jsonl": jsonl_rows, ".json": array_rows, ".csv": csv_rows, ".tsv": csv_rows}


def folder_rows(path: Path, split: str | None = None) -> Iterator[Row]:
    """The rows of one split, numbered on over its files. Without `split`: `train`, or the only one that there is.

    Raises: DataError[data.folder_unknown | data.split_unknown | data.arrow_unreadable].
    """
    splits = _saved(path) or _named(path)
    if not splits:
        raise DataError(
            "data.folder_unknown",
            what="this folder holds no data set: no state.json of `save_to_disk`, no Parquet, JSONL, JSON or CSV files",
            where=str(path),
            mend="name a file in it, or the folder above or below",
        )
    chosen = split or ("train" if "train" in splits else next(iter(splits)) if len(splits) == 1 else None)
    if chosen is None or chosen not in splits:
        raise DataError(
            "data.split_unknown",
            what=f"the data set has no split {split!r}" if split else "the data set has several splits, and none is `train`",
            where=str(path),
            mend=f"say --split with one of {', '.join(sorted(splits))}",
        )
    yield from _file_rows(splits[chosen])


def _saved(path: Path) -> dict[str, list[Path]]:
    """split -> Arrow files, for a folder that `save_to_disk` wrote."""
    names = _json(path / "dataset_dict.json").get("splits")
    if isinstance(names, list):
        return {str(name): files for name in names if (files := _state_files(path / str(name)))}
    files = _state_files(path)
    return {"train": files} if files else {}


def _state_files(path: Path) -> list[Path]:
    entries = _json(path / "state.json").get("_data_files")
    names = [entry.get("filename") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    # Only names, so that a state.json cannot lead out of the folder.
    return [path / Path(name).name for name in names if isinstance(name, str)]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _named(path: Path) -> dict[str, list[Path]]:
    """split -> files of one kind, Parquet before the others; what no split's name stands in is `train`."""
    found = sorted(file for folder in (path, *_folders(path)) for file in folder.iterdir() if file.is_file())
    for suffix in (".parquet", ".arrow", *_READERS):
        files = [file for file in found if file.suffix.lower() == suffix and not file.name.startswith(("dataset_info", "state."))]
        if files:
            splits: dict[str, list[Path]] = {}
            for file in files:
                splits.setdefault(_split_of(file.relative_to(path)), []).append(file)
            return splits
    return {}


def _folders(path: Path) -> list[Path]:
    return [folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith(".")]


def _split_of(file: Path) -> str:
    words = [word for part in reversed(file.with_suffix("").parts) for word in _WORD.split(part.lower())]
    return next((_SPLITS[word] for word in words if word in _SPLITS), "train")


def _file_rows(files: Sequence[Path]) -> Iterator[Row]:
    suffix = files[0].suffix.lower()
    if suffix == ".parquet":
        yield from parquet_rows(files)
    elif suffix == ".arrow":
        yield from arrow_rows(files)
    elif len(files) == 1:
        yield from _READERS[suffix](files[0])
    else:
        number = 0
        for file in files:
            for row in _READERS[suffix](file):
                number += 1
                fault = row.fault and replace(row.fault, line=number, message=f"{row.fault.message} ({file.name}:{row.number})")
                yield Row(number, row.value, fault)
