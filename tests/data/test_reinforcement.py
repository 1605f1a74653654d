"""Reinforcement files: what they hold, and every fault with its line, field and remedy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests import tiny

from honekit.data import check_reinforcement_file, read_reinforcement_file
from honekit.errors import DataError
from honekit.graders.items import item_faults, item_variables
from honekit.graders.schema import Grader

USER = {"role": "user", "content": "2 + 2?"}


def record(**changes: Any) -> dict[str, Any]:
    return {"messages": [USER], "answer": 4, **changes}


def file_with(folder: Path, line: Any) -> Path:
    """Ten good lines, and this one as line 3."""
    lines = [json.dumps(record(answer=index)) for index in range(10)]
    lines.insert(2, line if isinstance(line, str) else json.dumps(line))
    path = folder / "prompts.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_key_but_two_is_a_field_of_the_item(tmp_path: Path) -> None:
    messages = [{"role": "developer", "content": "Be brief."}, USER, {"role": "assistant", "content": "Five?"}, USER]
    tools = [{"type": "function", "function": {"name": "add"}}]
    given = {"messages": messages, "tools": tools, "answer": {"value": 4}, "level": "easy", "parallel_tool_calls": False}
    found = read_reinforcement_file(file_with(tmp_path, given), least=10)[2]
    assert [message.role for message in found.messages] == ["developer", "user", "assistant", "user"]
    assert (found.tools, found.line) == (tools, 3)
    assert found.item == {"answer": {"value": 4}, "level": "easy", "parallel_tool_calls": False}
    assert read_reinforcement_file(file_with(tmp_path, {"messages": [USER]}))[2].item == {}


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        ("{", "data.json_syntax", ""),
        ('{"messages": [], "answer": 1, "answer": 2}', "data.json_syntax", ""),
        ('{"messages": [{"role": "user", "content": "a"}], "answer": NaN}', "data.json_syntax", ""),
        ([USER], "data.record", ""),
        ({"answer": 4}, "data.messages.missing", "messages"),
        (record(messages="2 + 2?"), "data.messages.type", "messages"),
        (record(messages=[]), "data.messages.empty", "messages"),
        (record(messages=["2 + 2?"]), "data.message.type", "messages[0]"),
        (record(messages=[{"role": "human", "content": "a"}]), "data.roles.unknown", "messages[0].role"),
        (record(messages=[{"role": "user", "content": 4}]), "data.content.type", "messages[0].content"),
        (record(messages=[{"role": "user", "content": " "}]), "data.content.empty", "messages[0].content"),
        (record(messages=[USER, {"role": "assistant", "content": "4"}]), "data.reinforcement.not_user", "messages[1].role"),
        (record(messages=[{"role": "system", "content": "a"}]), "data.reinforcement.not_user", "messages[0].role"),
        (record(messages=[{"role": "tool", "content": "Hi"}, USER]), "data.roles.order", "messages[0].role"),
        (record(tools={}), "data.tools", "tools"),
    ],
)
def test_a_fault_is_told_with_line_field_and_remedy(tmp_path: Path, line: Any, code: str, field: str) -> None:
    path = file_with(tmp_path, line)
    found = check_reinforcement_file(path)
    assert not found.is_good
    first = found.errors[0]
    assert (first.code, first.line) == (code, 3)
    assert first.field == field or (code == "data.json_syntax" and first.field.startswith("column"))
    assert first.message and first.fix
    with pytest.raises(DataError) as caught:
        read_reinforcement_file(path)
    assert caught.value.code == code


def test_too_few_prompts_are_told(tmp_path: Path) -> None:
    path = tiny.write_jsonl(tmp_path / "few.jsonl", [record(answer=index) for index in range(9)])
    assert [one.code for one in check_reinforcement_file(path).errors] == ["data.too_few"]
    assert len(read_reinforcement_file(path)) == 9


def test_a_line_without_what_the_grader_names_is_told(tmp_path: Path) -> None:
    grader: Grader = TypeAdapter[Grader](Grader).validate_python(
        {
            "type": "multi", "name": "m", "calculate_output": "a + b",
            "graders": {
                "a": {"type": "string_check", "name": "a", "operation": "eq", "input": "{{sample.output_text}}",
                      "reference": "{{item.answer}} {{ item.parts[1].name }}"},
                "b": {"type": "score_model", "name": "b", "model": "m",
                      "input": [{"role": "user", "content": "{{item.answer}} {{sample.output_json.x}}"}]},
            },
        }
    )  # fmt: skip
    variables = item_variables(grader)
    assert [variable.text for variable in variables] == ["item.answer", "item.parts[1].name"]
    parts = [{"name": "x"}, {"name": "y"}]
    assert not list(item_faults(variables, {"answer": 4, "parts": parts}, 1))
    lines = [record(parts=parts, number=index) for index in range(12)]
    lines[4] = {"messages": [USER], "anwser": 4, "parts": parts}
    lines[7] = record(parts=parts[:1])
    path = tiny.write_jsonl(tmp_path / "items.jsonl", lines)
    found = check_reinforcement_file(path, lambda one: item_faults(variables, one.item, one.line))
    assert [(one.code, one.line, one.field) for one in found.errors] == [
        ("data.reinforcement.item", 5, "answer"),
        ("data.reinforcement.item", 8, "parts"),
    ]
    assert "anwser" in found.errors[0].fix
    with pytest.raises(DataError, match=r"prompts|items") as caught:
        read_reinforcement_file(path, also=lambda one: item_faults(variables, one.item, one.line))
    assert caught.value.code == "data.reinforcement.item"
