"""How the readers here open a file; what is packed is unpacked."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from honekit.data.blocks import open_data
from honekit.data.compressed import unpacked


def open_unpacked(path: Path) -> BinaryIO:
    """The file opened for reading. Raises: DataError[data.file_missing | data.file_unreadable]."""
    return unpacked(open_data(path), path)
