from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.formats.json_rows import array_rows, jsonl_rows
from honekit.errors import DataError

from .conftest import write_json_lines

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
OBJECTS = st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=20) | st.integers() | st.none(), max_size=3), max_size=8)


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_records_of_a_spread_out_array_are_named_by_the_line_on_which_they_begin(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[\n  {"a": 1},\n\n  {\n    "a": [2, "}]"]\n  },\n  {"a": 3}\n]\n')
    assert [(row.number, row.value) for row in array_rows(path)] == [(2, {"a": 1}), (4, {"a": [2, "}]"]}), (7, {"a": 3})]


def test_records_that_share_a_line_are_named_by_their_place(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps([{"a": n} for n in range(5)]))
    assert [row.number for row in array_rows(path)] == [1, 2, 3, 4, 5]


@QUICK
@given(records=OBJECTS, indent=st.sampled_from([None, 0, 2]))
def test_an_array_gives_back_what_was_written(tmp_path: Path, records: list[dict[str, Any]], indent: int | None) -> None:
    path = write(tmp_path / "a.json", json.dumps(records, indent=indent, ensure_ascii=False))
    rows = list(array_rows(path))
    assert [row.value for row in rows] == records
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))


def test_an_array_larger_than_what_is_read_at_once_comes_whole(tmp_path: Path) -> None:
    records = [{"number": number, "text": "ä[{\"'" * (number % 700)} for number in range(3000)]
    path = write(tmp_path / "a.json", json.dumps(records, indent=1, ensure_ascii=False))
    assert path.stat().st_size > 1 << 20
    assert [row.value for row in array_rows(path)] == records


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (b"", "data.json_syntax", 1),
        (b'{"a": 1}', "data.json_syntax", 1),
        (b'[\n{"a": 1}\n{"a": 2}\n]', "data.json_syntax", 3),
        (b'[\n{"a": 1},\n{"a": }\n]', "data.json_syntax", 3),
        (b'[\n{"a": 1},\n', "data.json_syntax", 3),
        (b'[\n{"a": 1}\n]\nx', "data.json_syntax", 4),
        (b'[\n{"a": 1},\n5\n]', "data.record", 3),
        (b'[\n{"a": 1},\n{"a": 1, "a": 2}\n]', "data.json_syntax", 3),
        (b'[\n{"a": 1},\n{"a": "\xff"}\n]', "data.not_utf8", 3),
        (b'[\n{"a": 1},\n{"a": ' + b"[" * 200_000, "data.json_syntax", 3),
        (b'[\n{"a": 1},\n{"a": "' + b"x" * (5 << 20) + b'"', "data.line_too_long", 3),
    ],
)
def test_a_broken_array_is_named_with_its_line(tmp_path: Path, text: bytes, code: str, line: int) -> None:
    faults = [row.fault for row in array_rows(write(tmp_path / "a.json", text)) if row.fault]
    assert [(fault.code, fault.line) for fault in faults] == [(code, line)]


def test_lines_that_are_no_objects_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "a.jsonl", [{"a": 1}, [2], {"a": 3}])
    with path.open("a") as file:
        file.write("\n{\n")
    rows = list(jsonl_rows(path))
    assert [(row.number, row.value, row.fault and row.fault.code) for row in rows] == [
        (1, {"a": 1}, None),
        (2, None, "data.record"),
        (3, {"a": 3}, None),
        (5, None, "data.json_syntax"),
    ]


@QUICK
@given(data=st.binary(max_size=300) | st.text('[]{},:"\\ \n1ae.-', max_size=60).map(str.encode))
def test_any_bytes_are_rows_or_faults(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path / "a.json", data)
    with contextlib.suppress(DataError):  # bytes that begin as gzip's do
        rows = [*array_rows(path), *jsonl_rows(path)]
        assert all((row.value is None) == (row.fault is not None) for row in rows)
        assert all(1 <= row.number <= data.count(b"\n") + max(1, data.count(b",")) + 1 for row in rows)
