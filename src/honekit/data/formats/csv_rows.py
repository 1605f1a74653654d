"""Rows of a CSV or TSV file (RFC 4180, any of the usual delimiters), one at a time, with the line on which each begins."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from honekit.data.blocks import MAX_LINE_BYTES
from honekit.data.formats.header import named_columns, why_no_header
from honekit.data.formats.row import Row, faulty
from honekit.data.lines import Line, read_lines, shown

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 200


def csv_rows(path: Path) -> Iterator[Row]:
    """Rows by the names of the header; a blank cell is None, other cells stand as they were written.

    Raises: DataError[data.file_missing | data.file_unreadable].
    """
    csv.field_size_limit(MAX_LINE_BYTES)
    lines = read_lines(path)
    sample = list(islice(lines, _SAMPLE_LINES))
    delimiter = find_delimiter([line.text or "" for line in sample])
    unreadable: list[Row] = []
    reader = csv.reader(_texts(chain(sample, lines), unreadable), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    places: list[int] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as fault:
            yield _not_csv(number, str(fault))
            continue
        if unreadable:
            yield from unreadable
            if header is None:  # the next line would be taken for the header
                return
            unreadable.clear()
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            rows = _rows(sample, delimiter)
            places = named_columns(header, rows)
            if why := why_no_header(header, places) or _why_data(header, rows):
                yield _no_header(number, why)
                return
        elif [cell.strip() for cell in cells] == header:
            yield faulty(number, "data.csv_syntax", "the header stands here again", "delete the line")
        elif len(cells) != len(header):
            message = f"the row has {len(cells)} cells, the header {len(header)}"
            fix = f"put cells that hold {_NAMES.get(delimiter, delimiter)} or line ends into double quotes"
            yield faulty(number, "data.csv_syntax", message, fix)
        elif any(cell.strip() for cell in cells[places[-1] + 1 :]):
            message = "the row has a cell in a column without a name"
            yield faulty(number, "data.csv_syntax", message, "give the column a name, or empty the cell")
        else:
            yield Row(number, {header[place]: cells[place] if cells[place].strip() else None for place in places})


def _not_csv(number: int, fault: str) -> Row:
    if "new-line character" in fault:
        fix = "write LF line ends, e.g. `tr '\\r' '\\n' < OLD > NEW`"
        return faulty(number, "data.csv_syntax", "not CSV: a line ends in CR alone", fix)
    fix = 'write a quote inside a quoted cell twice: "", and close every cell that begins with a quote'
    return faulty(number, "data.csv_syntax", f"not CSV: {fault}", fix)


_NAMES = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar"}


def _texts(lines: Iterator[Line], unreadable: list[Row]) -> Iterator[str]:
    """The lines with their ends. One that cannot be read goes to `unreadable`, and a blank one stands for it in the count."""
    for line in lines:
        if line.text is None:
            unreadable.append(Row(line.number, None, line.fault))
        yield f"{line.text or ''}\n"


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter by which most rows have as many cells as the header, and the header the most."""

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(cells) for cells in csv.reader([f"{line}\n" for line in lines], delimiter=delimiter) if cells]
        except csv.Error:
            return 0.0, 0
        if not widths or widths[0] < 2:
            return 0.0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(_DELIMITERS, key=fit)


def _rows(sample: Sequence[Line], delimiter: str) -> list[list[str]]:
    """The rows below the header, none when they cannot be read."""
    try:
        rows = [cells for cells in csv.reader([f"{line.text or ''}\n" for line in sample], delimiter=delimiter) if cells]
    except csv.Error:
        return []
    return [cells for cells in rows if any(cell.strip() for cell in cells)][1:]


def _why_data(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str | None:
    """Why the first line is data and no header: what stands in it stands in the same column of a later row."""
    for cells in rows:
        again = [name for name, cell in zip(columns, cells, strict=False) if name and name == cell.strip()]
        if again and len(again) < len(columns):
            return f"{shown(again[0])} stands in the same column again, so it is data"
    return None


def _no_header(number: int, why: str) -> Row:
    fix = "have the first line name every column, each by a name of its own, e.g. `text,label`"
    return faulty(number, "data.csv_header", f"the first line is no header: {why}", fix)
