from __future__ import annotations

import json
from pathlib import Path

import pytest

from honekit.data.label import Form, form_of_answers, form_of_project, form_of_schema, read_schema
from honekit.errors import DataError
from honekit.project import Project

SCHEMA = {
    "type": "object",
    "properties": {
        "topic": {"enum": ["bug", "bill", None]},
        "urgency": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"enum": ["web", "app"]}},
        "is_open": {"type": "boolean"},
        "reply": {"type": "string"},
    },
    "required": ["topic"],
}


def kinds(form: Form) -> dict[str, str]:
    return {field.name: field.kind for field in form.fields}


def test_a_schema_gives_a_field_for_each_property() -> None:
    form = form_of_schema(SCHEMA)
    assert kinds(form) == {"topic": "enum", "urgency": "integer", "tags": "list", "is_open": "boolean", "reply": "text"}
    assert form.fields[0].values == ("bug", "bill")
    assert form.fields[0].nullable
    assert form.fields[2].values == ("web", "app")


def test_an_answer_is_held_to_the_schema() -> None:
    form = form_of_schema(SCHEMA)
    assert form.problems('{"topic":"bug","urgency":2}') == []
    assert "topic: 'Bug' is not one of" in form.problems('{"topic":"Bug"}')[0]
    assert form.problems("bug")[0].startswith("the answer is not JSON")
    assert form.problems(" ") == ["the answer is empty"]


def test_values_are_written_in_the_order_of_the_form() -> None:
    assert form_of_schema(SCHEMA).write({"urgency": 1, "topic": "bug", "extra": "é"}) == '{"topic":"bug","urgency":1,"extra":"é"}'


def test_a_project_of_one_text_field_gives_its_values_as_choices(text_project: Project) -> None:
    form = form_of_project(text_project)
    assert form.format == "text"
    assert form.fields[0].values == ("bill", "bug")
    assert form.write({"topic": "bug"}) == "bug"
    assert form.problems("other") != []


def test_a_project_with_json_answers_gives_a_field_each(project: Project) -> None:
    assert kinds(form_of_project(project)) == {"device": "text", "category": "enum", "actions": "list", "ref": "text"}


def test_recurring_short_answers_are_inferred_as_labels_and_others_stay_possible() -> None:
    form = form_of_answers(["bug", "bill", "bug", "bug", "bill", "bill"])
    assert form.fields[0].kind == "enum"
    assert set(form.fields[0].values) == {"bug", "bill"}
    assert form.problems("something new") == []


def test_answers_that_differ_are_free_text() -> None:
    assert kinds(form_of_answers([f"Answer number {n}." for n in range(12)])) == {"answer": "text"}
    assert kinds(form_of_answers([])) == {"answer": "text"}


def test_json_answers_give_fields_and_keep_the_file_s_way_of_writing() -> None:
    answers = [json.dumps({"topic": topic, "score": n, "tags": ["a"]}) for n, topic in enumerate(["x", "y"] * 4)]
    form = form_of_answers(answers)
    assert kinds(form) == {"topic": "enum", "score": "integer", "tags": "list"}
    assert form.write({"topic": "x", "score": 1}) == '{"topic": "x", "score": 1}'


@pytest.mark.parametrize("content", ["[]", "{", '{"type": "objekt"}'])
def test_what_is_no_schema_is_refused_with_an_example(content: str, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text(content)
    with pytest.raises(DataError) as caught:
        read_schema(file)
    assert caught.value.code == "data.schema"
