"""The headers of a model's safetensors files: which weights there are, and whether the files are whole.

Layout: eight bytes with the header's length (little endian), the header in JSON, the weights to the end of the file.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honekit.errors import ModelError

_LENGTH_BYTES = 8
_LFS_POINTER = b"version https://git-lfs"


def headers(directory: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Of each file the entries of its weights by name, with `shape` and `data_offsets`. The weights are not read.

    Raises: ModelError[model.weights_damaged].
    """
    for file in sorted(directory.glob("*.safetensors")):
        try:
            yield _header(file)
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise _damaged(file, "its header cannot be read") from error


def _header(file: Path) -> dict[str, dict[str, Any]]:
    size = file.stat().st_size
    with open(file, "rb") as content:
        begin = content.read(len(_LFS_POINTER))
        if begin == _LFS_POINTER:
            mend = "run `git lfs pull` in the folder, or download the files themselves"
            raise _damaged(file, "it is a pointer of Git LFS, and the weights are elsewhere", mend)
        length = int.from_bytes(begin[:_LENGTH_BYTES], "little")
        if length > size:
            raise ValueError
        content.seek(_LENGTH_BYTES)
        entries = json.loads(content.read(length))
    weights = {name: entry for name, entry in entries.items() if name != "__metadata__"}
    named = _LENGTH_BYTES + length + max((entry["data_offsets"][1] for entry in weights.values()), default=0)
    if named != size:
        raise _damaged(file, f"it has {size:,} bytes, and its header names {named:,}")
    return weights


def _damaged(file: Path, why: str, mend: str | None = None) -> ModelError:
    return ModelError(
        "model.weights_damaged",
        what=f"this file of weights is no whole one: {why}",
        where=str(file),
        mend=mend
        or "fetch or copy it again; delete the folder of a damaged converted base and run `hone bases get smollm2-135m`",
    )
