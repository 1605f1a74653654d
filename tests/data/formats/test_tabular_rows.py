"""Excel, Parquet, Arrow and the folders of data sets."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honekit.data.formats.container import container_of, rows_of
from honekit.errors import DataError

from .conftest import WriteSheet, write_json_lines

ROWS = [{"text": f"text {number}", "label": number % 2} for number in range(7)]


def numbered(path: Path, split: str | None = None) -> list[tuple[int, dict[str, Any] | None]]:
    return [(row.number, row.value) for row in rows_of(path, container_of(path), split=split)]


def test_a_sheet_is_read_with_the_numbers_that_excel_shows(tmp_path: Path, write_sheet: WriteSheet) -> None:
    path = write_sheet(tmp_path / "a.xlsx", [[None], ["text", "count"], ["one <b>", 3], [None, None], ["two", 2.5]])
    assert numbered(path) == [(3, {"text": "one <b>", "count": "3"}), (5, {"text": "two", "count": "2.5"})]


def test_one_of_several_sheets_is_read_by_its_name(tmp_path: Path, write_sheet: WriteSheet) -> None:
    path = write_sheet(tmp_path / "a.xlsx", [["read me"]], Tickets=[["text"], ["one"]])
    assert numbered(path) == []
    assert numbered(path, "Tickets") == [(2, {"text": "one"})]
    with pytest.raises(DataError) as caught:
        numbered(path, "tickets")
    assert caught.value.code == "data.split_unknown"
    assert "S, Tickets" in caught.value.mend


def test_a_sheet_is_known_by_its_bytes_whatever_its_name(tmp_path: Path, write_sheet: WriteSheet) -> None:
    assert numbered(write_sheet(tmp_path / "export.csv", [["a", "b"], ["x", "y"]])) == [(2, {"a": "x", "b": "y"})]


def test_the_index_of_a_data_frame_is_no_column(tmp_path: Path, write_sheet: WriteSheet) -> None:
    path = write_sheet(tmp_path / "a.xlsx", [["", "text", ""], [0, "one", ""], [1, "two", ""]])
    assert numbered(path) == [(2, {"text": "one"}), (3, {"text": "two"})]


def test_a_cell_beyond_the_header_is_a_fault_of_its_row(tmp_path: Path, write_sheet: WriteSheet) -> None:
    path = write_sheet(tmp_path / "a.xlsx", [["text"], ["one"], ["two", "stray"]])
    faults = [row.fault for row in rows_of(path, "excel") if row.fault]
    assert [(fault.code, fault.line) for fault in faults] == [("data.csv_syntax", 3)]


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet", "a.arrow"])
def test_a_file_that_is_not_what_its_name_says_is_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(DataError) as caught:
        list(rows_of(path, container_of(path)))
    assert caught.value.code in ("data.excel_unreadable", "data.arrow_unreadable")


def test_parquet_is_read_in_row_groups_with_the_names_of_classes(tmp_path: Path) -> None:
    features = {"label": {"names": ["low", "high"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path = tmp_path / "a.bin"
    pq.write_table(pa.Table.from_pylist(ROWS).replace_schema_metadata(metadata), path, row_group_size=3)
    assert numbered(path)[:2] == [(1, {"text": "text 0", "label": "low"}), (2, {"text": "text 1", "label": "high"})]
    assert len(numbered(path)) == 7


def test_a_parquet_file_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError) as caught:
        numbered(path)
    assert caught.value.code == "data.arrow_unreadable"


def test_arrow_files_of_both_forms_are_read(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    for name, new in (("a.arrow", pa.ipc.new_file), ("b.arrow", pa.ipc.new_stream)):
        with new(tmp_path / name, table.schema) as writer:
            writer.write_table(table)
        assert [value for _, value in numbered(tmp_path / name)] == ROWS


def test_a_data_set_on_disk_is_read_split_by_split(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["low", "high"])})
    rows = Dataset.from_list(ROWS, features=features)
    rows.save_to_disk(tmp_path / "one", num_shards=2)
    DatasetDict({"train": rows, "test": rows.select([1])}).save_to_disk(tmp_path / "two")
    assert [value["label"] for _, value in numbered(tmp_path / "one") if value][:2] == ["low", "high"]
    assert [number for number, _ in numbered(tmp_path / "one")] == list(range(1, 8))
    assert len(numbered(tmp_path / "two")) == 7
    assert numbered(tmp_path / "two", split="test") == [(1, {"text": "text 1", "label": "high"})]


def test_a_folder_is_read_by_the_names_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for shard in range(2):
        pq.write_table(
            pa.Table.from_pylist(ROWS[shard * 3 : shard * 3 + 3]), tmp_path / f"data/train-0000{shard}-of-00002.parquet"
        )
    pq.write_table(pa.Table.from_pylist(ROWS[6:]), tmp_path / "data/validation-00000-of-00001.parquet")
    assert numbered(tmp_path) == list(enumerate(ROWS[:6], 1))
    assert numbered(tmp_path, split="validation") == [(1, ROWS[6])]
    with pytest.raises(DataError) as caught:
        numbered(tmp_path, split="dev")
    assert caught.value.code == "data.split_unknown"
    assert "train, validation" in str(caught.value)


def test_a_folder_of_jsonl_files_is_a_data_set_too(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "train.jsonl", ROWS[:2])
    write_json_lines(tmp_path / "test.jsonl", ROWS[2:])
    assert numbered(tmp_path) == [(1, ROWS[0]), (2, ROWS[1])]


def test_a_folder_without_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError) as caught:
        numbered(tmp_path)
    assert caught.value.code == "data.folder_unknown"


def test_a_state_file_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(tmp_path / "secret.arrow", table.schema) as writer:
        writer.write_table(table)
    (tmp_path / "inside" / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}))
    with pytest.raises(DataError) as caught:
        numbered(tmp_path / "inside")
    assert caught.value.code == "data.file_missing"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from([b"PAR1", b"ARROW1\0\0", b"\xff\xff\xff\xff", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]),
    data=st.binary(max_size=200),
)
def test_any_bytes_behind_a_right_beginning_are_rows_or_an_error(tmp_path: Path, start: bytes, data: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(start + data)
    with contextlib.suppress(DataError):
        assert all(row.number for row in rows_of(path, container_of(path)))
