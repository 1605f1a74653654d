from __future__ import annotations

import json
from typing import Any

import pytest

from honekit.data.examples import read_examples
from honekit.errors import DataError
from honekit.project import Project

from .conftest import record, write_lines


def fault_of(project: Project, file: str = "train.jsonl") -> DataError:
    with pytest.raises(DataError) as caught:
        read_examples(project, file)
    return caught.value


def spoil(project: Project, line: Any, number: int = 3) -> DataError:
    """Put `line` in the place of training line `number` and return what the reader says."""
    lines: list[Any] = [record(n, "train") for n in range(10)]
    lines[number - 1] = line
    write_lines(project.path("train.jsonl"), lines)
    return fault_of(project)


def test_good_examples_are_read_with_their_lines(project: Project) -> None:
    examples = read_examples(project, "train.jsonl")
    assert [e.line for e in examples] == list(range(1, 11))
    assert examples[0].passages is True
    assert examples[1].passages is None
    assert examples[0].answer["ref"] == "1.1"
    assert examples[0].group == "train0"
    assert examples[0].weight == 1


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ('{"id": "a", ', "data.json_syntax", "column 13"),
        ('{"id": "a", "id": "b"}', "data.json_syntax", "occurs twice"),
        ('{"id": NaN}', "data.json_syntax", "NaN"),
        ("[1]", "data.record", "not an object"),
        ({"id": "a", "event": "e", "answer": {}, "Log": "x"}, "data.key_missing", '"Log"'),
        (record(2, "train", pasages=True), "data.key_unknown", 'did you mean "passages"?'),
        (record(2, "train", log="  "), "data.input_empty", "empty"),
        (record(2, "train", log=5), "data.value_type", "log"),
        (record(2, "train", answer={"category": "power"}), "data.value_unknown", 'did you mean "Power"?'),
        (record(2, "train", answer={"category": None}), "data.value_type", "null"),
        (record(2, "train", answer={"actions": []}), "data.list_size", "1 to 2"),
        (record(2, "train", answer={"actions": ["check", "check"]}), "data.list_size", "twice"),
        (record(2, "train", answer={"actions": ["chek"]}), "data.value_unknown", 'did you mean "check"?'),
        (record(2, "train", answer={"actions": "check"}), "data.value_type", "not a list"),
        (record(2, "train", answer={"devise": "x"}), "data.field_unknown", 'did you mean "device"?'),
        ({**record(2, "train"), "answer": {"device": None}}, "data.field_missing", "category"),
        ({**record(2, "train"), "answer": "Power"}, "data.answer", "not an object"),
        (record(2, "train", slices=["hrd"]), "data.slice_unknown", 'did you mean "hard"?'),
        (record(2, "train", accept={"category": "x"}), "data.accept", "category"),
        (record(2, "train", weight=2), "data.weight", "0 or 1"),
        (record(2, "train", passages="yes"), "data.passages", "true or false"),
        (record(2, "train", id="train-0"), "data.id_duplicate", "line 1"),
    ],
)
def test_a_fault_names_file_line_and_remedy(project: Project, line: Any, code: str, told: str) -> None:
    fault = spoil(project, line)
    assert fault.code == code
    assert fault.where is not None
    assert "train.jsonl:3" in fault.where
    assert told in fault.what
    assert fault.mend


def test_all_faults_of_a_file_are_told_at_once_with_their_number(project: Project) -> None:
    bad = [record(n % 10, "train", id=f"b{n}", answer={"category": "x"}) for n in range(30)]
    write_lines(project.path("train.jsonl"), ["{", *bad])
    fault = fault_of(project)
    assert fault.code == "data.json_syntax"
    assert "31 faults" in fault.what
    assert "train.jsonl:20 answer.category" in fault.what
    assert "... and 11 more" in fault.what


def test_bytes_that_are_not_utf8_are_named_by_position(project: Project) -> None:
    good = json.dumps(record(0, "train")).encode()
    project.path("train.jsonl").write_bytes(good + b'\n{"id": "M\xfcller"}\n')
    fault = fault_of(project)
    assert fault.code == "data.not_utf8"
    assert "byte 0xfc at position 10" in fault.what
    assert ":2" in str(fault.where)


def test_fewer_than_ten_training_examples_are_refused_but_not_in_other_splits(project: Project) -> None:
    write_lines(project.path("train.jsonl"), [record(n, "train") for n in range(9)])
    assert fault_of(project).code == "data.too_few"
    assert len(read_examples(project, "test.jsonl")) == 2


def test_an_empty_file_is_too_few(project: Project) -> None:
    project.path("test.jsonl").write_text("\n\n")
    assert fault_of(project, "test.jsonl").code == "data.too_few"


def test_a_missing_file_is_named_with_the_nearest_one(project: Project) -> None:
    fault = fault_of(project, "train.json")
    assert fault.code == "data.file_missing"
    assert "train.jsonl" in str(fault.mend)


def test_a_text_task_has_the_bare_value_as_answer(text_project: Project) -> None:
    rows = [{"id": n, "input": f"text {n}", "answer": "bill"} for n in range(10)]
    write_lines(text_project.path("train.jsonl"), rows)
    assert read_examples(text_project, "train.jsonl")[0].answer == {"topic": "bill"}
    write_lines(text_project.path("train.jsonl"), [*rows, {"id": "x", "input": "t", "answer": {"topic": "bill"}}])
    assert fault_of(text_project).code == "data.answer"
    write_lines(text_project.path("train.jsonl"), [*rows, {"id": "x", "input": "t", "answer": "bil"}])
    assert 'did you mean "bill"?' in fault_of(text_project).what
