"""Leaks by group: notes beside the messages, and names of single things in the texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from honekit.data.chat import ChatExample
from honekit.data.checks import CheckOptions
from honekit.data.checks.leakage.groups import group_values
from honekit.data.formats.check import check_any


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def record(question: str, answer: str, **notes: object) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **notes}


WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "inlet",
    "jetty",
    "kiosk",
    "larch",
    "maple",
    "north",
    "ocean",
]
"""Each question has words of its own, so that no two are near."""


def questions(first: int, last: int) -> list[str]:
    return [f"Where does the {WORDS[k]} {WORDS[-k]} stand near {WORDS[(k * 7) % 15]}?" for k in range(first, last)]


def leaks(train: Path, **held_out: Path) -> list[tuple[str, str, int]]:
    result = check_any(train, CheckOptions(**held_out))
    return [(f.code, f.severity, f.line) for f in (*result.errors, *result.warnings) if "leak" in f.code]


def test_a_group_in_training_and_test_is_an_error_and_in_validation_a_warning(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [record(q, "Left.", customer_id=f"c{k}") for k, q in enumerate(questions(0, 10))])
    other = write(tmp_path / "o.jsonl", [record(q, "Right.", customer_id=f"c{k}") for k, q in enumerate(questions(10, 14), 8)])
    assert leaks(train, test=other) == [("data.leak.group", "error", 9), ("data.leak.group", "error", 10)]
    assert leaks(train, validation=other) == [("data.leak.group", "warning", 9), ("data.leak.group", "warning", 10)]


def test_a_group_in_metadata_counts_and_other_notes_do_not(tmp_path: Path) -> None:
    notes = {"metadata": {"thread": "t-9", "source": "web"}}
    train = write(
        tmp_path / "train.jsonl", [record(q, "Left.", **(notes if k == 3 else {})) for k, q in enumerate(questions(0, 10))]
    )
    test = write(tmp_path / "test.jsonl", [record(q, "Right.", **notes) for q in questions(10, 12)])
    assert leaks(train, test=test) == [("data.leak.group", "error", 4)]


def test_numbers_that_only_count_the_lines_of_each_file_are_no_groups() -> None:
    example = ChatExample([], None, 5, {"conversation_id": 4, "group": 5, "session": 77})
    assert list(group_values(example)) == [("session", "77")]


def test_a_ticket_named_in_both_files_is_a_leak_where_each_record_has_its_own(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [record(f"INC-{4000 + k}: {q}", "Left.") for k, q in enumerate(questions(0, 10))])
    test = write(tmp_path / "test.jsonl", [record(f"INC-{4009 + k}: {q}", "Right.") for k, q in enumerate(questions(10, 14))])
    assert leaks(train, test=test) == [("data.leak.group", "warning", 10)]


def test_a_name_that_many_records_share_is_no_group(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [record(f"Model ZX-4000: {q}", "Left.") for q in questions(0, 10)])
    test = write(tmp_path / "test.jsonl", [record(f"Model ZX-4000: {q}", "Right.") for q in questions(10, 14)])
    assert leaks(train, test=test) == []


def test_a_key_whose_values_many_training_records_share_may_name_a_kind_and_is_no_error(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [record(q, "Left.", device="pump") for q in questions(0, 10)])
    test = write(tmp_path / "test.jsonl", [record(q, "Right.", device="pump") for q in questions(10, 14)])
    assert leaks(train, test=test) == [("data.leak.group", "warning", 1)]
