"""Pairs as public sets hold them: checked as the preference records that they stand for, under their own fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from honekit.data.formats.check import check_any
from honekit.data.formats.convert import convert
from honekit.data.formats.detect import detect
from honekit.data.preference import read_preference_file
from honekit.errors import DataError

from .conftest import WORDS, write_json_lines


def pair(word: str) -> dict[str, Any]:
    return {
        "prompt": f"Where is the {word}?",
        "chosen": f"Look behind the door, where the {word} hung last week.",
        "rejected": f"I have never seen any {word}.",
    }


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def in_messages(row: dict[str, Any]) -> dict[str, Any]:
    """The prompt stands at the beginning of both conversations."""
    return {key: [user(row["prompt"]), assistant(row[key])] for key in ("chosen", "rejected")}


@pytest.mark.parametrize(
    "form",
    [
        dict,
        in_messages,
        lambda row: {"prompt": row["prompt"], **in_messages(row)},
        lambda row: {"prompt": [user(row["prompt"])], **{key: [assistant(row[key])] for key in ("chosen", "rejected")}},
        lambda row: {"question": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]},
    ],
)
def test_every_form_of_public_sets_becomes_the_same_pairs(tmp_path: Path, form: Any) -> None:
    rows = [pair(word) for word in WORDS]
    path = write_json_lines(tmp_path / "pairs.jsonl", [form(row) for row in rows])
    assert detect(path).format == "chosen-rejected"
    assert not check_any(path).errors
    made = convert(path, "preference", tmp_path / "new.jsonl")
    assert made.written == len(rows)
    read = [(one.messages[0].text, one.preferred.text, one.rejected.text) for one in read_preference_file(tmp_path / "new.jsonl")]
    assert read == [(row["prompt"], row["chosen"], row["rejected"]) for row in rows]


def test_faults_stand_under_the_lines_and_keys_of_the_file(tmp_path: Path) -> None:
    rows = [pair(word) for word in WORDS]
    rows[1]["rejected"] = rows[1]["chosen"]
    rows[3]["rejected"] = " "
    rows[5]["prompt"] = ""
    rows[7]["chosen"] = None
    result = check_any(write_json_lines(tmp_path / "pairs.jsonl", rows))
    assert [(one.code, one.line, one.field) for one in result.errors] == [
        ("data.preference.same", 2, "rejected"),
        ("data.assistant.empty", 4, "rejected"),
        ("data.preference.input", 6, "prompt"),
        ("data.preference.missing", 8, "chosen"),
    ]
    with pytest.raises(DataError) as raised:
        convert(tmp_path / "pairs.jsonl", "preference", tmp_path / "new.jsonl")
    assert raised.value.code == "data.preference.input"
    assert not (tmp_path / "new.jsonl").exists()


def test_a_file_with_one_answer_cannot_become_pairs(tmp_path: Path) -> None:
    rows = [{"prompt": f"Where is the {word}?", "completion": "Behind the door."} for word in WORDS]
    with pytest.raises(DataError) as raised:
        convert(write_json_lines(tmp_path / "rows.jsonl", rows), "preference", tmp_path / "new.jsonl")
    assert raised.value.code == "data.convert.kind"
