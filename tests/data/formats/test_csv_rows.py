from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.formats.csv_rows import csv_rows
from honekit.errors import DataError

QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_row_is_named_by_the_line_on_which_it_begins(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text,label\n\n"one\ntwo, ""x""\n",a\r\n  three ,\n')
    assert [(row.number, row.value) for row in csv_rows(path)] == [
        (3, {"text": 'one\ntwo, "x"\n', "label": "a"}),
        (6, {"text": "  three ", "label": None}),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_inside_quotes_does_not_mislead(tmp_path: Path, delimiter: str) -> None:
    other = ";" if delimiter != ";" else ","
    path = write(tmp_path / "a.csv", f'"a{other}b{other}c"{delimiter}label\nx{other}y{delimiter}z\n')
    assert [list((row.value or {}).values()) for row in csv_rows(path)] == [[f"x{other}y", "z"]]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("text,label\na,b\nc\nd,e,f\ng,h\n", [("data.csv_syntax", 3), ("data.csv_syntax", 4)]),
        ('text,label\n"a"x,b\nc,d\n', [("data.csv_syntax", 2)]),
        ('text,label\na,b\n"never closed,c\nd,e\n', [("data.csv_syntax", 3)]),
        ("text,\na,b\n", [("data.csv_header", 1)]),
        ("text,text\na,b\n", [("data.csv_header", 1)]),
        ("is it on,wheels\na,lamp\nb,wheels\n", [("data.csv_header", 1)]),
        ("text,label\na,b\ntext,label\nc,d\n", [("data.csv_syntax", 3)]),
        (b"text,label\na,\xff\nc,d\n", [("data.not_utf8", 2)]),
        (b"t\xf6xt,label\na,b\nc,b\n", [("data.not_utf8", 1)]),
        ("text,,label\na,,b\n", [("data.csv_header", 1)]),
        (",text\nx,a\n", [("data.csv_header", 1)]),
        ("text,label,\n" + "a,b,\n" * 300 + "c,d,e\n", [("data.csv_syntax", 302)]),
    ],
)
def test_a_broken_row_is_named_and_the_others_are_read(tmp_path: Path, text: str | bytes, faults: list[tuple[str, int]]) -> None:
    rows = list(csv_rows(write(tmp_path / "a.csv", text)))
    assert [(row.fault.code, row.fault.line) for row in rows if row.fault] == faults


@pytest.mark.parametrize("text", ["text,label,,\na,b,,\n,,,\nc,d,,\n", ",text,label\n0,a,b\n17,c,d\n"])
def test_blank_columns_of_a_spreadsheet_and_the_index_of_a_data_frame_are_passed_over(tmp_path: Path, text: str) -> None:
    rows = [row.value for row in csv_rows(write(tmp_path / "a.csv", text))]
    assert rows == [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("text,,label\na,,b\n", "column 2 has no name"),
        ("text,text\na,b\n", 'two columns are named "text"'),
        ("ham," + "x" * 70 + "\nspam,y\n", "is too long for a column's name"),
    ],
)
def test_a_line_that_is_no_header_says_which_cell_is_none(tmp_path: Path, text: str, why: str) -> None:
    (row,) = csv_rows(write(tmp_path / "a.csv", text))
    assert row.fault
    assert why in row.fault.message


@QUICK
@given(rows=st.lists(st.tuples(CELL, CELL), max_size=6), delimiter=st.sampled_from([",", ";", "\t", "|"]))
def test_what_a_csv_writer_wrote_is_read(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        table.writerow(("left", "right"))
        table.writerows(rows)
    read = list(csv_rows(path))
    kept = [tuple(cell if cell.strip() else None for cell in row) for row in rows]
    assert [tuple((row.value or {}).values()) for row in read] == [row for row in kept if any(row)]
    lines, starts = 2, []
    for left, right in rows:
        starts.append(lines)
        lines += 1 + left.count("\n") + right.count("\n")
    assert [row.number for row in read] == [start for start, row in zip(starts, kept, strict=True) if any(row)]


@QUICK
@given(data=st.binary(max_size=200) | st.text('",;\n\rab \t|', max_size=60).map(str.encode))
def test_any_bytes_are_rows_or_faults(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(DataError):  # bytes that begin as gzip's do
        rows = list(csv_rows(write(tmp_path / "a.csv", data)))
        assert all((row.value is None) == (row.fault is not None) for row in rows)
        assert all(1 <= row.number <= data.count(b"\n") + 2 for row in rows)
