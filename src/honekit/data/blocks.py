"""Any file as blocks of whole lines in bounded memory: plain, gzip or zstd, and however long, deep or broken its lines are.

`honekit.data.lines` decodes what comes from here; the fast scan of chat files takes the blocks as they are.
"""

from __future__ import annotations

import difflib
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from honekit.errors import DataError

MAX_LINE_BYTES = 4 << 20
"""Longer lines are skipped unread: no example of that size fits any context."""
MAX_SKIPPED_BYTES = 256 << 20
"""When so many bytes hold no line end, the rest of the file is left unread: it would be a matter of minutes."""
MAX_EXPANSION = 300
"""Text shrinks by a factor of 3 to 30; a file that unpacks to more than this many times its size is a bomb."""
_FREE_BYTES = 16 << 20
"""A compressed file may unpack to this much whatever its factor."""
_CHUNK_BYTES = 1 << 18
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """Lines without their `\\n`, the first of which has the number `first`; or one line that cannot be had."""

    first: int
    lines: list[bytes]
    offset: int
    """The bytes of the (unpacked) file before this block."""
    consumed: int = 0
    """The bytes of the (packed) file that have been read."""
    is_too_long: bool = False
    """One line of more than `MAX_LINE_BYTES`, whose bytes were dropped."""
    stop: str = ""
    """Why nothing is read after this block, in words."""


def open_data(path: Path) -> io.BufferedReader:
    """The file opened for reading, as it lies on disk.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        file = open(path, "rb")  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError as fault:
        near = difflib.get_close_matches(path.name, _siblings(path), n=1, cutoff=0.8)
        raise DataError(
            "data.file_missing",
            what="there is no such file",
            where=str(path),
            mend=f"did you mean {path.with_name(near[0])}?" if near else "mend the path, or write the file first",
        ) from fault
    except OSError as fault:
        raise DataError(
            "data.file_unreadable",
            what=f"this file cannot be read: {fault.strerror}",
            where=str(path),
            mend="name a file that you may read",
        ) from fault
    return file


def is_packed(path: Path) -> bool:
    """Whether the file begins as gzip or zstd does. Raises what `open_data` raises."""
    with open_data(path) as file:
        return _unpacked(file) is not file


def _unpacked(file: io.BufferedReader) -> BinaryIO:
    """What stands in the file: unpacked when it begins as gzip or zstd does."""
    magic = file.peek(4)[:4]
    if magic.startswith(_GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if magic == _ZSTD:
        return cast(BinaryIO, _ZstdFile(file))
    return file


class _ZstdFile:
    """What zstd frames hold. Unlike the library's own reader it tells a frame that was cut short."""

    _FEED_BYTES = 512
    """Small, because a few bytes may unpack to many: this bounds what is held at once to some 16 MB."""

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        # A frame may ask for a window of more memory than there is.
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
        self._file = file
        self._frame = self._unpacker.decompressobj()
        self._is_between = True

    def read(self, least: int) -> bytes:
        """At least so many bytes, unless the file ends. Raises: EOFError; ZstdError."""
        parts: list[bytes] = []
        size = 0
        rest = b""
        while size < least and (fed := rest or self._file.read(self._FEED_BYTES)):
            parts.append(self._frame.decompress(fed))
            size += len(parts[-1])
            rest = self._frame.unused_data if self._frame.eof else b""
            self._is_between = self._frame.eof and not rest
            if self._frame.eof:
                self._frame = self._unpacker.decompressobj()
        if rest:
            self._file.seek(-len(rest), os.SEEK_CUR)
            self._is_between = True
        if not size and not self._is_between:
            raise EOFError("the compressed data are cut short")
        return b"".join(parts)


def _split(text: bytes) -> list[bytes]:
    if b"\r" in text:  # one byte is looked for ten times as fast as two
        text = text.replace(b"\r\n", b"\n")
    return text.split(b"\n")


def _siblings(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []


def read_blocks(path: Path, start: int = 0, end: int | None = None) -> Iterator[Block]:
    """The lines that begin at the bytes from `start` up to `end` of a file, at most `MAX_LINE_BYTES` of it in memory.
    Numbers count from the first of them; ranges are for plain files only.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    with open_data(path) as file:
        source = _Source(file, os.fstat(file.fileno()).st_size)
        if start:
            file.seek(start - 1)
            source.offset = start - 1
            source.skip_line(end)  # it began before, and belongs to whoever reads there
        number = 1
        while end is None or source.offset < end:
            before = source.offset
            block = source.next_block(number, end)
            if block is None:
                return
            number += max(len(block.lines), 1)
            yield block
            if block.stop or source.offset == before:
                return


class _Source:
    """The unread part of a file: what was read ahead, and where that begins."""

    def __init__(self, raw: io.BufferedReader, size: int) -> None:
        self.offset = 0
        self._raw = raw
        self._file = _unpacked(raw)
        self._size = size
        self._ahead = b""
        self._failed = ""

    def next_block(self, number: int, end: int | None) -> Block | None:
        """Whole lines, or None at the end of the file."""
        while True:
            is_beyond = end is not None and self.offset + len(self._ahead) >= end
            has_end = b"\n" in self._ahead
            if len(self._ahead) > MAX_LINE_BYTES:
                if not has_end:
                    return self._long_line(number)
                return self._cut(number, self._ahead.index(b"\n"))
            if has_end and is_beyond:
                assert end is not None
                cut = self._ahead.find(b"\n", max(end - 1 - self.offset, 0))
                return self._cut(number, cut if cut >= 0 else self._ahead.rindex(b"\n"))
            if has_end:
                lines = _split(self._ahead)
                rest = lines.pop()
                size = len(self._ahead) - len(rest)
                self._ahead = rest
                return self._block(number, lines, size)
            chunk = self._read()
            if not chunk:
                return self._last(number)
            self._ahead += chunk

    def _cut(self, number: int, at: int) -> Block:
        """The lines before the line end at `at`."""
        whole, self._ahead = self._ahead[:at], self._ahead[at + 1 :]
        if len(whole) > MAX_LINE_BYTES:
            self.offset += at + 1
            return Block(number, [b""], self.offset - at - 1, is_too_long=True)
        return self._block(number, _split(whole), at + 1)

    def _block(self, number: int, lines: list[bytes], size: int) -> Block:
        if self.offset == 0:
            lines[0] = lines[0].removeprefix(_UTF8_MARK)
        lines[-1] = lines[-1].removesuffix(b"\r")
        self.offset += size
        return Block(number, lines, self.offset - size, consumed=self._raw.tell())

    def skip_line(self, end: int | None) -> None:
        """Drop everything up to and with the next line end; all of it when none comes before `end`."""
        while (found := self._ahead.find(b"\n")) < 0:
            self.offset += len(self._ahead)
            if end is not None and self.offset >= end:
                return
            self._ahead = self._read()
            if not self._ahead:
                return
        self.offset += found + 1
        self._ahead = self._ahead[found + 1 :]

    def _long_line(self, number: int) -> Block:
        before = self.offset
        limit = before + MAX_SKIPPED_BYTES
        self.skip_line(limit)
        stop = ""
        if self.offset >= limit:
            stop = f"no line end comes within {MAX_SKIPPED_BYTES >> 20} MB, so nothing after byte {limit} was read"
        return Block(number, [b""], before, is_too_long=True, stop=stop or self._failed)

    def _last(self, number: int) -> Block | None:
        rest, self._ahead = self._ahead, b""
        if self._failed:
            return Block(number, [], self.offset, stop=self._failed)
        return self._block(number, [rest], len(rest)) if rest else None

    def _read(self) -> bytes:
        if self._failed:
            return b""
        try:
            chunk = self._file.read(_CHUNK_BYTES)
        except (OSError, EOFError, zlib.error) as fault:
            self._failed = f"the file cannot be read on: {fault}"
            return b""
        except Exception as fault:
            if type(fault).__name__ != "ZstdError":  # imported only for files of that kind
                raise
            self._failed = f"the compressed data are damaged: {fault}"
            return b""
        unpacked = self.offset + len(self._ahead) + len(chunk)
        if self._file is not self._raw and unpacked > max(_FREE_BYTES, MAX_EXPANSION * self._size):
            self._failed = f"the file unpacks to more than {MAX_EXPANSION} times its size, so nothing more was read"
            return b""
        return chunk
