"""Rows of an Excel sheet. The only format that is read as a whole: its files hold a million rows at most."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

from honekit.data.blocks import open_unpacked
from honekit.data.formats.header import named_columns, why_no_header
from honekit.data.formats.row import Row, faulty
from honekit.errors import DataError

MAX_UNPACKED_BYTES = 512 << 20
_SAMPLE_ROWS = 200


def excel_rows(path: Path, sheet: str | None = None) -> Iterator[Row]:
    """Rows of a sheet, or of the first that has any, by the names in its first row; numbers are those of the sheet.

    Raises: DataError[data.file_missing | data.file_unreadable | data.excel_unreadable | data.too_large | data.split_unknown].
    """
    rows = _filled(_sheet(path, sheet)[1])
    first, begin = next(rows, (0, []))
    if not begin:
        return
    header = [(text or "").strip() for text in begin]
    while not header[-1]:  # a sheet is as wide as its widest row: a cell out there is the fault of its row alone
        header.pop()
    sample = [*islice(rows, _SAMPLE_ROWS)]
    places = named_columns(header, [texts for _, texts in sample])
    if why := why_no_header(header, places):
        yield faulty(
            first,
            "data.csv_header",
            f"the first row is no header: {why}",
            "have the first row name every column, each by a name of its own",
        )
        return
    for number, texts in chain(sample, rows):
        if any(texts[places[-1] + 1 :]):
            message = "the row has a cell beyond the header's last column"
            yield faulty(number, "data.csv_syntax", message, "give the column a name, or empty the cell")
        else:
            yield Row(number, {header[place]: texts[place] if place < len(texts) else None for place in places})


def sheets(path: Path) -> tuple[str, list[str]]:
    """The name of the sheet that is read, and those of the others; one sheet has no others.

    Raises: DataError as `excel_rows`.
    """
    from python_calamine import CalamineWorkbook

    read, _ = _sheet(path)
    return read, [name for name in CalamineWorkbook.from_path(str(path)).sheet_names if name != read]


def _sheet(path: Path, wanted: str | None = None) -> tuple[str, list[list[Any]]]:
    """Name and rows of a sheet, or of the first that has any."""
    from python_calamine import CalamineError, CalamineWorkbook

    open_unpacked(path).close()
    _refuse_bomb(path)
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        names = workbook.sheet_names
        if wanted is not None and wanted not in names:
            raise DataError(
                "data.split_unknown",
                what=f"the workbook has no sheet {wanted!r}",
                where=str(path),
                mend=f"say --sheet with one of {', '.join(names)}",
            )
        for name in names if wanted is None else [wanted]:
            rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if any(any(cell != "" for cell in row) for row in rows):
                return name, rows
    except (CalamineError, OSError, ValueError) as fault:
        raise DataError(
            "data.excel_unreadable",
            what=f"this is no Excel file that can be read: {fault}",
            where=str(path),
            mend="save it again as .xlsx, or as CSV in UTF-8",
        ) from fault
    return "", []


def _filled(rows: list[list[Any]]) -> Iterator[tuple[int, list[str | None]]]:
    """Number and cells of the rows that have any text."""
    for number, cells in enumerate(rows, 1):
        texts = [_text(cell) for cell in cells]
        if any(texts):
            yield number, texts


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # an old .xls, or a broken file: the reader says what is wrong with it
    if unpacked > MAX_UNPACKED_BYTES:
        raise DataError(
            "data.too_large",
            what=f"unpacked, the workbook is larger than {MAX_UNPACKED_BYTES >> 20} MB",
            where=str(path),
            mend="save the sheet as CSV, which is read row by row",
        )


def _text(cell: Any) -> str | None:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    if isinstance(cell, date | datetime | time):
        return cell.isoformat()
    text = str(cell) if isinstance(cell, timedelta) or not isinstance(cell, str) else cell
    return text if text.strip() else None
