"""Any file as blocks of whole lines in bounded memory: plain, gzip or zstd, and however long, deep or broken its lines are.

`honekit.data.lines` decodes what comes from here; the fast scan of chat files takes the blocks as they are.
"""

from __future__ import annotations

import difflib
import io
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from honekit.data.compressed import unpacked
from honekit.errors import DataError

MAX_LINE_BYTES = 4 << 20
"""Longer lines are skipped unread: no example of that size fits any context."""
MAX_SKIPPED_BYTES = 256 << 20
"""When so many bytes hold no line end, the rest of the file is left unread: it would be a matter of minutes."""
_BLOCK_BYTES = 1 << 17
_CHUNK_BYTES = 1 << 16
"""Read at once. Memory for more is taken from the system anew each time, which costs more than reading."""


@dataclass(frozen=True)
class Block:
    """Lines, the first of which has the number `first`; or one line that cannot be had."""

    first: int
    ended: list[bytes]
    """Each with one `\\n` at its end."""
    offset: int
    """The bytes of the (unpacked) file before this block."""
    consumed: int = 0
    """The bytes of the (packed) file that have been read."""
    is_too_long: bool = False
    """One line of more than `MAX_LINE_BYTES`, whose bytes were dropped."""
    stop: str = ""
    """Why nothing is read after this block, in words."""

    @cached_property
    def lines(self) -> list[bytes]:
        """Without their ends. Copies every line."""
        return [line[:-1] for line in self.ended]


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


def open_unpacked(path: Path) -> BinaryIO:
    """The file opened for reading; what is packed is unpacked.

    Raises: DataError[data.file_missing | data.file_unreadable]; reading raises data.packed_too_far | data.packed_broken.
    """
    return unpacked(open_data(path), path)


def is_packed(path: Path) -> bool:
    """Whether the file begins as gzip or zstd does. Raises what `open_data` raises."""
    with open_data(path) as file:
        return unpacked(file, path) is not file


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
        source = _Source(file, path)
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
            number += max(len(block.ended), 1)
            yield block
            if block.stop or source.offset == before:
                return


class _Source:
    """The unread part of a file: what was read ahead, and where that begins."""

    def __init__(self, raw: io.BufferedReader, path: Path) -> None:
        self.offset = 0
        self._raw = raw
        self._file = unpacked(raw, path)
        self._ahead = b""
        self._failed = ""

    def next_block(self, number: int, end: int | None) -> Block | None:
        """Whole lines, or None at the end of the file."""
        lines: list[bytes] = []
        begin = self.offset
        while True:
            has_end = b"\n" in self._ahead
            is_beyond = end is not None and self.offset + len(self._ahead) >= end
            is_long = len(self._ahead) > MAX_LINE_BYTES
            if has_end and not is_beyond and not is_long:
                lines += self._take(self._ahead.rindex(b"\n") + 1)
            if lines and (is_beyond or is_long or self.offset - begin >= _BLOCK_BYTES):
                return self._block(number, lines, begin)
            if is_long and not has_end:
                return self._long_line(number)
            if has_end and (is_beyond or is_long):
                # The last line is the one that begins before `end`; of what is too much for one line, the first.
                least = 0 if is_long or end is None else max(end - 1 - self.offset, 0)
                cut = self._ahead.find(b"\n", least)
                return self._cut(number, cut if cut >= 0 else self._ahead.rindex(b"\n"))
            chunk = self._read()
            if not chunk:
                return self._block(number, lines, begin) if lines else self._last(number)
            self._ahead += chunk

    def _take(self, size: int) -> list[bytes]:
        """The first `size` bytes of what was read ahead, whole lines all."""
        text, self._ahead = self._ahead[:size], self._ahead[size:]
        self.offset += size
        if b"\r" in text:  # one byte is looked for ten times as fast as two
            text = text.replace(b"\r\n", b"\n")
        # `split` would look at every byte by itself, `readlines` searches for the next line end.
        return io.BytesIO(text).readlines()

    def _cut(self, number: int, at: int) -> Block:
        """The lines before the line end at `at`."""
        begin = self.offset
        lines = self._take(at + 1)
        if at > MAX_LINE_BYTES:
            return Block(number, [b"\n"], begin, is_too_long=True)
        return self._block(number, lines, begin)

    def _block(self, number: int, lines: list[bytes], begin: int) -> Block:
        if begin == 0:
            lines[0] = lines[0].removeprefix(BOM_UTF8)
        return Block(number, lines, begin, consumed=self._raw.tell())

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
        return Block(number, [b"\n"], before, is_too_long=True, stop=stop or self._failed)

    def _last(self, number: int) -> Block | None:
        rest, self._ahead = self._ahead, b""
        if self._failed:
            return Block(number, [], self.offset, stop=self._failed)
        if not rest:
            return None
        self.offset += len(rest)
        return self._block(number, [rest.removesuffix(b"\r") + b"\n"], self.offset - len(rest))

    def _read(self) -> bytes:
        if self._failed:
            return b""
        try:
            return self._file.read(max(_CHUNK_BYTES, len(self._ahead)))  # a long line is not copied again for every chunk
        except OSError as fault:
            self._failed = f"the file cannot be read on: {fault}"
        except DataError as fault:
            self._failed = f"{fault.what}, so nothing more was read"
        return b""
