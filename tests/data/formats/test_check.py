"""`check_any`: findings of every format stand under the source's own lines, rows and fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from honekit.data.checks import CheckOptions
from honekit.data.checks.run import check_file
from honekit.data.formats.check import check_any
from honekit.data.formats.detect import Given
from honekit.data.records import CheckResult
from honekit.errors import DataError

from .conftest import WORDS, WriteSheet, chat, write_json_lines


def asked(word: str) -> str:
    return f"Where did you put the {word} after the visit of your neighbour?"


def answered(word: str) -> str:
    return f"It hangs behind the door, next to another {word} that we never use."


def table(path: Path, spoil: dict[int, str]) -> Path:
    rows = [spoil.get(number, f'"{asked(word)}","{answered(word)}"') for number, word in enumerate(WORDS)]
    path.write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    return path


def found(result: CheckResult) -> list[tuple[str, int, str]]:
    return [(finding.code, finding.line, finding.field) for finding in result.errors]


def test_faults_of_the_table_and_of_its_records_stand_in_order_of_rows(tmp_path: Path) -> None:
    path = table(tmp_path / "train.csv", {2: '"What\nnow?"," "', 5: "one cell", 7: '"a ""quoted"" ask","fine"x'})
    result = check_any(path)
    assert found(result) == [("data.columns.answer_empty", 4, "label"), ("data.csv_syntax", 8, ""), ("data.csv_syntax", 10, "")]
    assert result.records == 12
    assert result.stats["errors"] == 3
    assert result.path == path
    assert result.format == "columns in csv"


def test_a_duplicate_names_the_lines_of_the_source(tmp_path: Path) -> None:
    twice = f'"{asked(WORDS[1])}","{answered(WORDS[1])}"'
    result = check_any(table(tmp_path / "train.csv", {6: twice}))
    duplicates = [finding for finding in result.warnings if finding.code == "data.duplicate"]
    assert [(finding.line, "line 3" in finding.message) for finding in duplicates] == [(8, True)]


def test_findings_in_a_message_are_placed_in_the_column_it_came_from(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [{"prompt": asked(word), "completion": answered(word)} for word in WORDS]
    records[3] = {"prompt": [{"role": "user", "content": "Why?"}], "completion": [{"role": "assistant", "content": ""}]}
    result = check_any(write_json_lines(tmp_path / "train.jsonl", records))
    assert found(result) == [("data.assistant.empty", 4, "completion")]


def test_other_kinds_go_to_their_own_checkers(tmp_path: Path) -> None:
    prompts = [chat(("user", asked(word)), reference=word) for word in WORDS]
    prompts[4]["messages"].append({"role": "assistant", "content": "There."})
    assert found(check_any(write_json_lines(tmp_path / "a.jsonl", prompts))) == [
        ("data.reinforcement.not_user", 5, "messages[1].role")
    ]
    said = {name: [{"role": "assistant", "content": name}] for name in ("preferred_output", "non_preferred_output")}
    pairs = [{"input": chat(("user", asked(word))), **said} for word in WORDS]
    pairs[6]["non_preferred_output"] = pairs[6]["preferred_output"]
    array = tmp_path / "a.json"
    array.write_text(json.dumps(pairs))
    assert found(check_any(array)) == [("data.preference.same", 7, "non_preferred_output[0]")]


def test_faults_of_a_reinforcement_array_are_those_of_its_lines(tmp_path: Path) -> None:
    prompts: list[dict[str, Any]] = [chat(("user", asked(word)), reference=word) for word in WORDS]
    prompts[3]["messages"] = 5
    array = tmp_path / "a.json"
    array.write_text(json.dumps(prompts, indent=0))
    line = array.read_text().split("\n").index('"messages": 5,')
    assert found(check_any(array)) == [("data.messages.type", line, "messages")]


def test_the_folder_one_stands_in_can_be_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json_lines(tmp_path / "train.jsonl", [chat(("user", asked(word)), ("assistant", answered(word))) for word in WORDS])
    monkeypatch.chdir(tmp_path)
    assert check_any(Path(".")).records == 12


def test_rows_of_sheets_and_of_parquet_files_are_named(tmp_path: Path, write_sheet: WriteSheet) -> None:
    rows: list[list[str | None]] = [[asked(word), answered(word)] for word in WORDS]
    rows[9][1] = None
    sheet = write_sheet(tmp_path / "a.xlsx", [["question", "answer"], *rows])
    assert found(check_any(sheet)) == [("data.prompt_completion.completion_missing", 11, "answer")]
    file = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist([{"question": left, "answer": right} for left, right in rows]), file)
    assert found(check_any(file)) == [("data.prompt_completion.completion_missing", 10, "answer")]


def test_a_sheet_without_answers_names_the_others_and_one_that_is_named_is_read_in_silence(
    tmp_path: Path, write_sheet: WriteSheet
) -> None:
    rows: list[list[str | None]] = [["question", "answer"], *([asked(word), answered(word)] for word in WORDS)]
    sheet = write_sheet(tmp_path / "a.xlsx", [["read me"], ["made by Ops"]], Tickets=rows)
    with pytest.raises(DataError) as caught:
        check_any(sheet)
    assert "--sheet: Tickets" in caught.value.mend
    named = check_any(sheet, given=Given(split="Tickets"))
    assert named.records == 12
    assert "data.excel_sheets" not in named.counts
    both = write_sheet(tmp_path / "b.xlsx", rows, Old=rows)
    assert check_any(both).counts["data.excel_sheets"] == 1


def test_chat_files_give_what_check_file_gives(tmp_path: Path) -> None:
    path = write_json_lines(tmp_path / "a.jsonl", [chat(("user", asked(word)), ("assistant", "")) for word in WORDS[:3]])
    any_format, chat_file = check_any(path), check_file(path)
    assert (any_format.errors, any_format.stats, any_format.format) == (chat_file.errors, chat_file.stats, "jsonl")


@pytest.mark.parametrize("name", ["validation", "test"])
def test_further_splits_may_be_of_any_format_too(tmp_path: Path, name: str) -> None:
    train = table(tmp_path / "train.csv", {})
    other = table(tmp_path / f"{name}.tsv", {})
    other.write_text(other.read_text().replace('","', '"\t"').replace("text,label", "text\tlabel"))
    assert check_any(train, CheckOptions(**{name: other})).records == 12
    assert train.exists() and other.exists()


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spare").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "spare"))
    monkeypatch.setattr("tempfile.tempdir", None)
    check_any(table(tmp_path / "train.csv", {}))
    assert list((tmp_path / "spare").iterdir()) == []
