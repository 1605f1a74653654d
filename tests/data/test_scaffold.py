"""`hone init` end to end: what it writes must load and go through the data step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honekit.data.prepare import prepare
from honekit.data.scaffold import MAX_TO_LABEL, TO_LABEL, copy_example, scaffold
from honekit.errors import DataError, SettingsError
from honekit.project import load_project
from honekit.settings import examples_dir

from .conftest import write_lines

TICKETS = Path(__file__).parents[1] / "assets" / "data" / "tickets.csv"


def test_a_csv_becomes_a_project_that_prepares(tmp_path: Path) -> None:
    made = scaffold(TICKETS, tmp_path / "My Desk")
    project = load_project(tmp_path / "My Desk")
    prepared = prepare(project, use_more=True)
    assert project.project.name == "my-desk"
    assert project.task.format == "json"
    assert project.task.primary_metric == "queue_macro_f1"
    assert len(project.task.prompts) == 4
    assert prepared.counts == made.counts
    assert sum(made.counts.values()) == 90
    for prompt in (project.task.instructions, *project.task.prompts):
        text = project.read_text(prompt)
        for word in ("queue", "urgency", "Money", "Access", "Post", "Tech", "Rest", "low", "high"):
            assert word in text, (prompt, word)


def test_one_label_gives_a_text_task_and_awkward_values_survive(tmp_path: Path) -> None:
    labels = ['say "no"', "back\\slash", "umlaut ü, comma"]
    rows = [{"body": f"{'abcdefghij'[n % 10]}x {'klmnopqrst'[n // 10]}y on day {n}", "kind": labels[n % 3]} for n in range(60)]
    write_lines(tmp_path / "in.jsonl", rows)
    scaffold(tmp_path / "in.jsonl", tmp_path / "p", name="awkward")
    project = load_project(tmp_path / "p")
    assert project.task.format == "text"
    assert set(project.task.fields[0].values) == set(labels)
    assert sum(prepare(project, use_more=True).counts.values()) == 60


def test_lists_phrases_nulls_and_reserved_names_survive(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {
            "answer": f"{'abcdefghij'[n % 10]}x {'klmnopqrst'[n // 10]}y happened in the long corridor again",
            "cause": f"cause {'abcdefghij'[n % 10]} {n // 10}",
            "level": ["low", "high"][n % 2],
            "steps": [["wait"], ["look", "wait"]][n % 2],
            "who": None if n % 4 else "guard",
        }
        for n in range(60)
    ]
    write_lines(tmp_path / "in.jsonl", rows)
    scaffold(tmp_path / "in.jsonl", tmp_path / "p", input_column="answer", labels=["cause", "level", "steps", "who"])
    project = load_project(tmp_path / "p")
    fields = {f.name: f for f in project.task.fields}
    assert {name: f.type for name, f in fields.items()} == {"cause": "string", "level": "enum", "steps": "list", "who": "enum"}
    assert fields["who"].nullable
    assert not fields["cause"].nullable
    assert project.task.input == "answer_text"
    assert sum(prepare(project, use_more=True).counts.values()) == 60


def test_an_answer_that_is_an_object_in_a_text_gives_its_keys_as_fields(tmp_path: Path) -> None:
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"]
    rows: list[dict[str, Any]] = [
        {
            "prompt": f'{{"log": "{words[n % 6]} {words[n // 6]} is over", "n": {n}}}',
            "completion": json.dumps(
                {"kind": "ab"[n % 2], "steps": ["wait", "look"][: 1 + n % 2], "by": [None, "me", "you"][n % 3]}
            ),
        }
        for n in range(36)
    ]
    write_lines(tmp_path / "pairs.jsonl", rows)
    made = scaffold(tmp_path / "pairs.jsonl", tmp_path / "p")
    assert made.inference.input == "prompt"
    assert [(guess.column, guess.type) for guess in made.inference.fields] == [
        ("kind", "enum"),
        ("steps", "list"),
        ("by", "enum"),
    ]
    assert load_project(tmp_path / "p").task.format == "json"
    write_lines(tmp_path / "mixed.jsonl", [*rows, {"prompt": "bravo bravo broke", "completion": "a"}])
    assert [guess.column for guess in scaffold(tmp_path / "mixed.jsonl", tmp_path / "q").inference.fields] == ["completion"]


def test_the_same_file_gives_the_same_split(tmp_path: Path) -> None:
    for name in ("a", "b"):
        scaffold(TICKETS, tmp_path / name)
    for file in ("train.jsonl", "validation.jsonl", "test.jsonl"):
        assert (tmp_path / "a" / file).read_text() == (tmp_path / "b" / file).read_text()


def test_a_log_gives_a_file_to_label_and_labelling_it_gives_a_project(tmp_path: Path) -> None:
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]
    lines = [f"Jan {n} gw-{n} {words[n % 10]} {words[n // 10 % 10]} is over" for n in range(100)]
    (tmp_path / "device.log").write_text("\n".join([*lines, *lines]))
    made = scaffold(tmp_path / "device.log", tmp_path / "out")
    assert not made.is_labelled
    assert made.files == [tmp_path / "out" / TO_LABEL]
    records = [json.loads(line) for line in made.files[0].read_text().splitlines()]
    assert len(records) == 100
    assert {r["seen"] for r in records} == {2}
    assert not (tmp_path / "out" / "hone.toml").exists()
    for n, record in enumerate(records[:60]):
        record["label"] = ["good", "bad"][n % 2]
    write_lines(made.files[0], records)
    labelled = scaffold(made.files[0], tmp_path / "project")
    assert labelled.rows_left_out == 40
    assert sum(prepare(load_project(tmp_path / "project"), use_more=True).counts.values()) == 60


def test_how_often_a_line_came_is_no_label(tmp_path: Path) -> None:
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]
    lines = [f"gw {words[n % 10]} {words[n // 10]} is over" for n in range(100)]
    (tmp_path / "device.log").write_text("\n".join([*lines, *lines[:50]]))
    to_label = scaffold(tmp_path / "device.log", tmp_path / "out").files[0]
    again = scaffold(to_label, tmp_path / "again")
    assert not again.is_labelled
    records = [json.loads(line) for line in to_label.read_text().splitlines()]
    assert {record["seen"] for record in records} == {1, 2}
    write_lines(to_label, [{**record, "label": ["good", "bad", None][n % 3]} for n, record in enumerate(records)])
    made = scaffold(to_label, tmp_path / "project")
    assert [(field.column, field.nullable) for field in made.inference.fields] == [("label", False)]
    assert made.inference.left_out["seen"]
    assert made.rows_left_out == 33
    assert load_project(tmp_path / "project").task.format == "text"


@pytest.mark.parametrize(
    "columns", [{"temp": "21.{n}", "rh": "4.{n}e-05", "at": "2026-01-{n}"}, {"parts": ["x", "y"], "more": [["x"]]}]
)
def test_a_table_without_texts_makes_no_project_unless_its_input_is_named(tmp_path: Path, columns: dict[str, Any]) -> None:
    rows = [
        {**{key: cell.format(n=n) if isinstance(cell, str) else cell for key, cell in columns.items()}, "bad": "yn"[n % 2]}
        for n in range(10, 50)
    ]
    write_lines(
        tmp_path / "in.jsonl", [{key: cell for key, cell in row.items() if key != "bad" or "temp" in row} for row in rows]
    )
    with pytest.raises(DataError) as caught:
        scaffold(tmp_path / "in.jsonl", tmp_path / "p")
    assert caught.value.code == "data.no_input"
    assert not (tmp_path / "p").exists()
    if "temp" in columns:
        assert scaffold(tmp_path / "in.jsonl", tmp_path / "p", input_column="temp").inference.input == "temp"


def test_only_the_most_frequent_kinds_are_given_to_label(tmp_path: Path) -> None:
    often = "the one line that comes often"
    unique = [f"{a}{b} {b}{c} {c}{a}" for a in "abcdefgh" for b in "ijklmnop" for c in "qrstuvwx"]
    (tmp_path / "x.log").write_text("\n".join([*unique, often, often]))
    records = scaffold(tmp_path / "x.log", tmp_path / "out").files[0].read_text().splitlines()
    assert len(records) == MAX_TO_LABEL
    assert json.loads(records[0])["text"] == often


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("mine")
    with pytest.raises(SettingsError) as caught:
        scaffold(TICKETS, tmp_path)
    assert caught.value.code == "settings.project_exists"
    assert "system.txt" in caught.value.what
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "hone-home") == ["system.txt"]


def test_too_few_different_rows_are_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "in.jsonl", [{"text": f"pump {n} stopped again today", "label": "ab"[n % 2]} for n in range(100)])
    with pytest.raises(DataError) as caught:
        scaffold(tmp_path / "in.jsonl", tmp_path / "p")
    assert caught.value.code == "data.too_few"
    assert "1 without near duplicates" in caught.value.what
    assert not (tmp_path / "p").exists()


def test_a_bad_name_is_refused_with_a_good_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="my-desk"):
        scaffold(TICKETS, tmp_path / "p", name="My Desk")


@pytest.mark.parametrize("name", ["support-routing", "iot-diagnostics"])
def test_a_copied_example_prepares_without_warnings(tmp_path: Path, name: str) -> None:
    copy_example(examples_dir() / name, tmp_path / "copy")
    project = load_project(tmp_path / "copy")
    prepared = prepare(project, use_more=True)
    assert prepared.warnings == []
    assert all(share < 0.1 for share in prepared.overlaps.values())
    assert len(project.task.prompts) == 4
    prompts = {project.read_text(file) for file in (project.task.instructions, *project.task.prompts)}
    assert len(prompts) == 5
    for prompt in prompts:
        for field in project.task.fields:
            assert all(value in prompt for value in field.values)
            assert project.task.format == "text" or field.name in prompt


def test_the_support_example_has_the_stated_sizes_and_slices(tmp_path: Path) -> None:
    copy_example(examples_dir() / "support-routing", tmp_path / "copy")
    prepared = prepare(load_project(tmp_path / "copy"), use_more=True)
    assert prepared.counts == {"train": 60, "validation": 30, "test": 80}
    assert set(prepared.class_balance["train"]["topic"].values()) == {10}
    for example in prepared.test:
        words = len(example.input.split())
        assert ("short" in example.slices) <= (words <= 7)
        assert ("long_text" in example.slices) == (words >= 35)


def test_hone_toml_names_what_is_left_out_and_the_command_for_other_columns(tmp_path: Path) -> None:
    scaffold(TICKETS, tmp_path / "p")
    text = (tmp_path / "p/hone.toml").read_text()
    assert "# `hone init NEW_FOLDER --from tickets.csv --input message --label queue --label Urgency`" in text
    assert "# Left out: created (a date or time)\n" in text
