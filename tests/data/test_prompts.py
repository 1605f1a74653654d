from __future__ import annotations

import json

import pytest

from honekit.data.examples import Example, read_examples
from honekit.data.prompts import answer_schema, build_messages, parse_answer, serialise_answer
from honekit.project import Project
from honekit.retrieval import Passage

from .conftest import write_lines

FUSE = Passage("1.1", "Code P-10", "Code P-10. The fuse is blown.")
DOOR = Passage("1.2", "Code P-20", "Code P-20. The door is open.")


@pytest.fixture
def example(project: Project) -> Example:
    return read_examples(project, "train.jsonl")[0]


def test_a_prompt_with_passages_lists_them_before_the_input(project: Project, example: Example) -> None:
    system, user = build_messages(project, example, passages=[FUSE, DOOR])
    assert system == {"role": "system", "content": "Diagnose."}
    assert user["content"] == (
        "Manual:\n[1.1] Code P-10. The fuse is blown.\n[1.2] Code P-20. The door is open.\n\nLog:\ntrain board shows P-10 again"
    )


@pytest.mark.parametrize("passages", [None, []])
def test_without_passages_only_the_input_is_asked(project: Project, example: Example, passages: list[Passage] | None) -> None:
    assert build_messages(project, example, passages=passages)[-1]["content"] == "Log:\ntrain board shows P-10 again"


def test_the_question_of_the_task_stands_below_the_input(project: Project, example: Example) -> None:
    asked = project.model_copy(update={"task": project.task.model_copy(update={"question": "Which class?"})})
    content = "Log:\ntrain board shows P-10 again\nWhich class?"
    assert build_messages(asked, example)[-1]["content"] == content
    assert build_messages(asked, example, passages=[FUSE])[-1]["content"].endswith(content)
    demonstrated = build_messages(asked, example, demonstrations=[(example, None)])
    assert [m["content"].count("Which class?") for m in demonstrated] == [0, 1, 0, 1]


def test_the_reference_is_answered_only_when_its_passage_was_given(project: Project, example: Example) -> None:
    def ref(passages: list[Passage] | None) -> str | None:
        answer = json.loads(build_messages(project, example, passages=passages, with_answer=True)[-1]["content"])
        assert isinstance(answer, dict)
        return answer["ref"]  # type: ignore[no-any-return]

    assert ref([FUSE, DOOR]) == "1.1"
    assert ref([DOOR]) is None
    assert ref(None) is None


def test_demonstrations_are_earlier_turns_with_their_own_passages(project: Project, example: Example) -> None:
    other = read_examples(project, "train.jsonl")[1]
    messages = build_messages(project, other, demonstrations=[(example, [FUSE])], system="Other words.")
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"] == "Other words."
    assert '"ref":"1.1"' in messages[2]["content"]


def test_answers_are_compact_json_in_the_order_of_the_fields(project: Project) -> None:
    answer = {"ref": "1.1", "actions": ["wait"], "category": "Power", "device": "Kühlraum"}
    assert serialise_answer(project, answer, True) == '{"device":"Kühlraum","category":"Power","actions":["wait"],"ref":"1.1"}'
    assert serialise_answer(project, answer, False).endswith('"ref":null}')


def test_every_serialised_answer_parses_back_as_valid(project: Project) -> None:
    for example in read_examples(project, "train.jsonl"):
        parsed = parse_answer(project, f"  {serialise_answer(project, example.answer, True)}\n")
        assert (parsed.json_valid, parsed.schema_valid, parsed.values) == (True, True, example.answer)


GOOD = '{"device":null,"category":"Power","actions":["check"],"ref":null}'


@pytest.mark.parametrize(
    ("text", "json_valid"),
    [
        ("", False),
        ("Power", False),
        (f"{GOOD} and more", False),
        (f"Answer: {GOOD}", False),
        (f"```json\n{GOOD}\n```", False),
        (GOOD[:-1], False),
        (GOOD.replace('"ref":null', '"ref":null,"ref":"1.1"'), False),
        ("[1]", False),
        ("null", False),
        ("[" * 50_000, False),
        (GOOD.replace("Power", "power"), True),
        (GOOD.replace('["check"]', "[]"), True),
        (GOOD.replace('["check"]', '["check","check"]'), True),
        (GOOD.replace('["check"]', '["check","replace","wait"]'), True),
        (GOOD.replace('"device":null', '"device":7'), True),
        (GOOD.replace('"device":null,', ""), True),
        (GOOD.replace("}", ',"extra":1}'), True),
        (GOOD.replace('"category":"Power"', '"category":null'), True),
    ],
)
def test_whatever_is_not_exactly_the_answer_is_invalid(project: Project, text: str, json_valid: bool) -> None:
    parsed = parse_answer(project, text)
    assert parsed.json_valid is json_valid
    assert not parsed.schema_valid
    assert parsed.problems
    assert (parsed.values is not None) is json_valid


def test_the_schema_names_every_field_and_closes_the_object(project: Project) -> None:
    schema = answer_schema(project)
    assert list(schema["properties"]) == ["device", "category", "actions", "ref"]
    assert schema["required"] == list(schema["properties"])
    assert schema["additionalProperties"] is False
    assert schema["properties"]["ref"]["type"] == ["string", "null"]


def test_a_text_task_answers_with_the_bare_value(text_project: Project) -> None:
    rows = [{"id": n, "input": f"text {n}", "answer": "bill"} for n in range(10)]
    write_lines(text_project.path("train.jsonl"), rows)
    example = read_examples(text_project, "train.jsonl")[0]
    assert build_messages(text_project, example, with_answer=True)[-1] == {"role": "assistant", "content": "bill"}
    assert parse_answer(text_project, " bill\n").values == {"topic": "bill"}
    assert parse_answer(text_project, "bill").schema_valid
    assert not parse_answer(text_project, "Bill.").schema_valid
    assert not parse_answer(text_project, " ").json_valid
    assert answer_schema(text_project) == {"enum": ["bill", "bug"]}
