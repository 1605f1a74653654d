"""Files packed by gzip or zstd. What is read tells its kind by the first bytes, what is written by the name."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from honekit.errors import DataError

MAX_RATIO = 300
"""Beyond this a file is a bomb: text packs to a tenth, tables of zeros to a hundredth, and gzip can do no more than 1032."""
ALWAYS_ALLOWED_BYTES = 16 << 20
SUFFIXES = (".gz", ".zst")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_CHUNK_BYTES = 1 << 18
_ZSTD_BYTES = 512
"""Read at a time: a block of four bytes may unpack to 128 KB, and all of them are unpacked at once."""
_ZSTD_WINDOW_BYTES = 1 << 27
"""A frame may ask for a window of more memory than there is."""


def unpacked(file: BinaryIO, path: Path) -> BinaryIO:
    """The file itself, or a stream of what is packed in it.

    Reading the stream raises DataError[data.packed_too_far | data.packed_broken].
    """
    if not file.seekable():  # it is such a stream already
        return file
    start = file.read(4)
    file.seek(0)
    if start.startswith(_GZIP):
        chunks = _gzip_chunks(file)
    elif start == _ZSTD:
        chunks = _zstd_chunks(file)
    else:
        return file
    return cast(BinaryIO, io.BufferedReader(_Unpacked(chunks, file, path), _CHUNK_BYTES))


@contextmanager
def packed(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """The file itself, or a stream that packs what is written to it, where the ending of `path` says so (.gz, .zst).

    The same content gives the same bytes: neither name nor time is written.
    """
    match path.suffix.lower():
        case ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as stream:
                yield cast(BinaryIO, stream)
        case ".zst":
            import zstandard

            with zstandard.ZstdCompressor().stream_writer(file, closefd=False) as stream:
                yield cast(BinaryIO, stream)
        case _:
            yield file


def _gzip_chunks(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file, mode="rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _zstd_chunks(file: BinaryIO) -> Iterator[bytes]:
    """Frame after frame. zstandard's own readers end silently where a frame was cut off."""
    import zstandard

    frame = None
    while packed := file.read(_ZSTD_BYTES):
        while packed:
            frame = frame or zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
            yield frame.decompress(packed)
            packed = frame.unused_data
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("the last part was cut off")


class _Unpacked(io.RawIOBase):
    """Chunks as a stream that stops at a bomb, and says what is wrong with a broken file."""

    def __init__(self, chunks: Iterator[bytes], packed: BinaryIO, path: Path) -> None:
        self._chunks = chunks
        self._packed = packed
        self._path = path
        self._rest = memoryview(b"")
        self._allowed = max(ALWAYS_ALLOWED_BYTES, path.stat().st_size * MAX_RATIO)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = self._next()
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next(self) -> bytes | None:
        import zstandard

        try:
            chunk = next(self._chunks, None)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as fault:
            raise DataError(
                "data.packed_broken",
                what=f"this file cannot be unpacked: {fault}",
                where=str(self._path),
                mend="pack it again; it may be cut off",
            ) from fault
        self._allowed -= len(chunk or b"")
        if self._allowed < 0:
            raise DataError(
                "data.packed_too_far",
                what=f"this file unpacks to more than {MAX_RATIO} times its size",
                where=str(self._path),
                mend="unpack it yourself, if you trust it",
            )
        return chunk

    def close(self) -> None:
        self._packed.close()
        super().close()
