"""Files packed by gzip or zstd, read as what is in them. The kind is told by the first bytes, never by the name."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from honekit.errors import DataError

MAX_RATIO = 1000
"""Beyond this a file is a bomb: text packs to a tenth, tables of zeros to a hundredth."""
ALWAYS_ALLOWED_BYTES = 64 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SUFFIXES = (".gz", ".zst")


def unpacked(file: BinaryIO, path: Path) -> BinaryIO:
    """The file itself, or a stream of what is packed in it.

    Reading the stream raises DataError[data.packed_too_far | data.packed_broken].
    """
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        stream: BinaryIO = cast(BinaryIO, gzip.GzipFile(fileobj=file, mode="rb"))
    elif start == _ZSTD:
        import zstandard

        stream = cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=True))
    else:
        return file
    return cast(BinaryIO, io.BufferedReader(_Guarded(stream, file, path), 1 << 18))


class _Guarded(io.RawIOBase):
    """A packed stream that stops at a bomb, and says what is wrong with a broken one."""

    def __init__(self, stream: BinaryIO, packed: BinaryIO, path: Path) -> None:
        self._stream = stream
        self._packed = packed
        self._path = path
        self._allowed = max(ALWAYS_ALLOWED_BYTES, path.stat().st_size * MAX_RATIO)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        import zstandard

        try:
            chunk = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as fault:
            raise DataError(
                "data.packed_broken",
                what=f"this file cannot be unpacked: {fault}",
                where=str(self._path),
                mend="pack it again; it may be cut off",
            ) from fault
        self._count += len(chunk)
        if self._count > self._allowed:
            raise DataError(
                "data.packed_too_far",
                what=f"this file unpacks to more than {MAX_RATIO} times its size",
                where=str(self._path),
                mend="unpack it yourself, if you trust it",
            )
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._stream.close()
        self._packed.close()
        super().close()
