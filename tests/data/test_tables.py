from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from honekit.data.tables import read_table
from honekit.errors import DataError


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_table_is_found(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "a.csv", f'text{delimiter}label\n"one{delimiter} two\nthree"{delimiter}x\n\n four {delimiter}\n')
    table = read_table(path)
    assert table.columns == ("text", "label")
    assert table.rows == ({"text": f"one{delimiter} two\nthree", "label": "x"}, {"text": "four", "label": None})


def test_rows_that_do_not_fit_the_header_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path / "a.csv", "text,label\na,b,c\nd,e\nf\n"))
    assert caught.value.code == "data.csv_syntax"
    assert "a.csv:2" in caught.value.what
    assert "a.csv:4" in caught.value.what


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.csv", "text,\na,b\n", "data.csv_header"),
        ("a.csv", 'text,label\n"a"x,b\n', "data.csv_syntax"),
        ("a.csv", "text,label\n", "data.empty"),
        ("a.jsonl", '{"a": 1}\n{\n', "data.json_syntax"),
        ("a.jsonl", '{"a": 1}\n5\n', "data.record"),
        ("a.jsonl", '{"messages": []}\n', "data.already_chat"),
        ("a.log", "\n \n", "data.empty"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, name: str, text: str, code: str) -> None:
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path / name, text))
    assert caught.value.code == code


def test_nested_answers_become_columns_and_lists_stay_lists(tmp_path: Path) -> None:
    row = {"log": " a ", "answer": {"class": "x", "steps": ["b ", "c"], "n": 3, "log": None}, "ok": True}
    table = read_table(write(tmp_path / "a.jsonl", json.dumps(row) + "\n"))
    assert table.rows == ({"log": "a", "class": "x", "steps": ["b", "c"], "n": "3", "answer_log": None, "ok": "true"},)


def test_a_json_array_is_a_table_too(tmp_path: Path) -> None:
    assert len(read_table(write(tmp_path / "a.json", '[\n{"a": "1"},\n{"a": "2"}\n]')).rows) == 2


@pytest.mark.parametrize(("key", "step"), [("tickets", "'.tickets[]'"), ("the rows", "'.[\"the rows\"][]'")])
@pytest.mark.parametrize("indent", [None, 1])
def test_an_export_with_its_records_in_an_object_says_how_to_take_them_out(
    tmp_path: Path, key: str, step: str, indent: int | None
) -> None:
    document = {"made": "today", "pages": [1], key: [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}]}
    with pytest.raises(DataError) as caught:
        read_table(write(tmp_path / "my export.json", json.dumps(document, indent=indent)))
    assert caught.value.code == "data.format_unknown"
    shown = step if indent is None else "'.KEY[]'"
    assert f"jq -c {shown} '{tmp_path}/my export.json'" in str(caught.value.mend)


def test_unknown_endings_are_told_by_their_beginning(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.txt", '{"a": "1"}\n')).kind == "jsonl"
    assert read_table(write(tmp_path / "b.txt", "Jan 1 pump-3 up\n\nJan 2 pump-3 down\n")).rows[1] == {
        "text": "Jan 2 pump-3 down"
    }


def test_packed_tables_parquet_files_and_folders_are_tables_too(tmp_path: Path) -> None:
    rows = ({"text": "one", "label": "a"}, {"text": "two", "label": "b"})
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\none,a\ntwo,b\n"))
    (tmp_path / "set").mkdir()
    pq.write_table(pa.Table.from_pylist(list(rows)), tmp_path / "set" / "train-00000-of-00001.parquet")
    tables = [
        read_table(tmp_path / "a.csv.gz"),
        read_table(tmp_path / "set"),
        read_table(tmp_path / "set/train-00000-of-00001.parquet"),
    ]
    assert [table.kind for table in tables] == ["csv", "huggingface", "parquet"]
    assert all(table.rows == rows for table in tables)


def test_a_data_set_of_conversations_is_no_table(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([{"messages": [{"role": "user", "content": "a"}]}]), tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "a.parquet")
    assert caught.value.code == "data.already_chat"


def test_objects_in_objects_become_columns_and_lists_of_objects_stay(tmp_path: Path) -> None:
    row = {"a": {"b": {"c": 1, "d": [1, True]}, "c": 2}, "e": [{"f": 1}]}
    table = read_table(write(tmp_path / "a.jsonl", json.dumps(row) + "\n"))
    assert table.rows == ({"b_c": "1", "d": ["1", "true"], "c": "2", "e": [{"f": 1}]},)


def test_what_stands_for_nothing_in_spreadsheets_is_nothing(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", "text,label\na,N/A\nb,-\nc,nan\nd,none\ne,NA\n"))
    assert [row["label"] for row in table.rows] == [None, None, None, "none", "NA"]
