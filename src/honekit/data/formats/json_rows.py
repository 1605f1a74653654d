"""JSON lines, and one JSON array of objects, read record by record."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from honekit.data.blocks import MAX_LINE_BYTES, open_unpacked
from honekit.data.formats.row import Row, faulty, no_object
from honekit.data.lines import decode_json, read_lines, shown, syntax_finding

_CHUNK_BYTES = 1 << 18
_BLANK = re.compile(r"[ \t\r\n]*")
_ARRAY = "write one JSON array of objects, or one object per line in a .jsonl file"


def jsonl_rows(path: Path) -> Iterator[Row]:
    """One object per line; blank lines are passed over.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    for line in read_lines(path):
        if line.text is None:
            yield Row(line.number, None, line.fault)
        elif not line.is_blank:
            yield _row(line.number, line.text)


def array_rows(path: Path) -> Iterator[Row]:
    """The objects of one array, at most one of them in memory at a time. What follows a fault of the syntax is not read.

    A record's number is the line on which it begins, or its place in the array when the array's records share lines.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    with open_unpacked(path) as file:
        elements = _elements(_Window(file))
        first = list(islice(elements, 2))
        has_lines = len(first) < 2 or first[1].line > first[0].line
        number = 0
        for place, element in enumerate(chain(first, elements), 1):
            # A record on the line of the one before it takes the next number, so that no two have the same one.
            number = max(number + 1, element.line) if has_lines else place
            if element.text is None:
                yield faulty(number, element.code, element.message, element.fix)
            else:
                yield _row(number, element.text)


def _row(number: int, text: str) -> Row:
    try:
        value = decode_json(text)
    except ValueError:
        return Row(number, None, syntax_finding(number, text))
    return Row(number, value) if isinstance(value, dict) else no_object(number, shown(value))


@dataclass(frozen=True)
class _Element:
    line: int
    text: str | None
    code: str = ""
    message: str = ""
    fix: str = _ARRAY


class _Window:
    """The part of a text that is being read, from `at` on; of what lies before it only the count of lines is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self.text = ""
        self.at = 0
        self.line = 1
        self.column = 1
        self.fault: str | None = None
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        self._is_over = False

    def grow(self) -> bool:
        """Read on, twice as far as before for what did not fit; False when there is nothing left."""
        if self._is_over:
            return False
        rest = self.text[self.at :]
        chunk = self._file.read(max(_CHUNK_BYTES, len(rest)))
        self._is_over = not chunk
        try:
            read = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as fault:
            read = fault.object[: fault.start].decode("utf-8", "ignore")
            self.fault = f"byte 0x{fault.object[fault.start]:02x}"
            self._is_over = True
        self.text, self.at = rest + read, 0
        return True

    def move(self, to: int) -> None:
        """Leave what lies before `to` behind."""
        lines = self.text.count("\n", self.at, to)
        self.line += lines
        self.column = to - self.text.rfind("\n", self.at, to) if lines else self.column + to - self.at
        self.at = to

    def peek(self) -> str:
        """The next character that is not blank, which then begins the window; the empty string at the end."""
        while True:
            blank = _BLANK.match(self.text, self.at)
            self.move(blank.end() if blank else self.at)
            if self.at < len(self.text) or not self.grow():
                return self.text[self.at : self.at + 1]


def _elements(window: _Window) -> Iterator[_Element]:
    found = window.peek()
    if found != "[":
        yield _stop(window, f"{shown(found)} stands where the array should begin" if found else "the file is empty")
        return
    window.move(window.at + 1)
    if window.peek() == "]":
        return
    while True:
        window.peek()
        line = window.line
        end = _value_end(window)
        if isinstance(end, _Element):
            yield end
            return
        yield _Element(line, window.text[window.at : end])
        window.move(end)
        found = window.peek()
        if found == "]":
            window.move(window.at + 1)
            if window.peek():
                yield _stop(window, "something follows the array's end")
            return
        if found != ",":
            yield _stop(window, "a comma or the array's end is missing" if found else "the array has no end")
            return
        window.move(window.at + 1)


def _value_end(window: _Window) -> int | _Element:
    """Where the value ends that begins the window, or why it has no end."""
    decoder = json.JSONDecoder()
    while True:
        try:
            value, end = decoder.raw_decode(window.text, window.at)
            # A number that ends with the window may go on behind it.
            if end < len(window.text) or isinstance(value, dict) or not window.grow():
                return end
        except RecursionError:
            return _stop(window, "nested too deeply")
        except ValueError as fault:
            if len(window.text) - window.at > MAX_LINE_BYTES:
                message = f"the record is longer than {MAX_LINE_BYTES >> 20} MB, or broken: {_reason(fault)}"
                return _Element(window.line, None, "data.line_too_long", message, "cut the record down, or mend its syntax")
            if not window.grow():
                return _stop(window, _reason(fault), fault.pos if isinstance(fault, json.JSONDecodeError) else window.at)


def _reason(fault: ValueError) -> str:
    return fault.msg if isinstance(fault, json.JSONDecodeError) else str(fault)


def _stop(window: _Window, message: str, at: int | None = None) -> _Element:
    """Why reading ends, at the place `at` of the window's text."""
    if window.fault is not None:
        window.move(len(window.text))
        fix = "save the file as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW`"
        return _Element(window.line, None, "data.not_utf8", f"not UTF-8: {window.fault} on line {window.line}", fix)
    window.move(window.at if at is None else at)
    place = f"line {window.line} column {window.column}"
    return _Element(window.line, None, "data.json_syntax", f"not JSON: {message} at {place}; the rest is not read", _ARRAY)
