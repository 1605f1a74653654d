"""Samples of every format, made on the spot."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from xml.sax.saxutils import escape

import pytest

WORDS = ("kettle", "ladder", "mirror", "needle", "orchard", "pebble", "quiver", "ribbon", "saddle", "tunnel", "violin", "walnut")
"""Twelve records are enough to train on, and unlike enough to be no near duplicates."""


def chat(*turns: tuple[str, Any], **extra: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **extra}


def write_json_lines(path: Path, records: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


Rows = Sequence[Sequence[str | float | None]]


class WriteSheet(Protocol):
    def __call__(self, path: Path, rows: Rows, /, **others: Rows) -> Path: ...


@pytest.fixture
def write_sheet() -> WriteSheet:
    """Writes the smallest workbook that Excel's format allows, with inline texts: the sheet `S`, and others by name."""

    def write(path: Path, rows: Rows, /, **others: Rows) -> Path:
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        package = "http://schemas.openxmlformats.org/package/2006"
        sheets = {"S": rows, **others}
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(
                "[Content_Types].xml",
                f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
                'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                '<Default Extension="xml" ContentType="application/xml"/></Types>',
            )
            packed.writestr(
                "_rels/.rels",
                f'<Relationships xmlns="{package}/relationships"><Relationship Id="a" Type="{relations}/officeDocument" '
                'Target="xl/workbook.xml"/></Relationships>',
            )
            named = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="b{n}"/>' for n, name in enumerate(sheets, 1))
            packed.writestr(
                "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>{named}</sheets></workbook>'
            )
            files = "".join(
                f'<Relationship Id="b{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
                for n in range(1, len(sheets) + 1)
            )
            packed.writestr(
                "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{files}</Relationships>'
            )
            for n, rows_of_sheet in enumerate(sheets.values(), 1):
                cells = (f'<row r="{number}">{"".join(map(_cell, row))}</row>' for number, row in enumerate(rows_of_sheet, 1))
                packed.writestr(
                    f"xl/worksheets/sheet{n}.xml",
                    f'<worksheet xmlns="{main}"><sheetData>{"".join(cells)}</sheetData></worksheet>',
                )
        return path

    return write


def _cell(value: str | float | None) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"
