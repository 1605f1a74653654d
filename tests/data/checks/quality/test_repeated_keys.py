"""Keys that stand twice within an answer's JSON."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.chat.messages import FunctionCall, Message, ToolCall
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.repeated_keys import RepeatedKeys
from honekit.data.checks.read_turns import read_turn


@pytest.mark.parametrize("text", ['{"device": "tv", "action": "on", "action": "off"}', '{"a": {"b": 1, "b": 2}}'])
def test_a_key_that_stands_twice_in_an_answer_is_found(text: str) -> None:
    found = findings(RepeatedKeys(), answers(['{"device": "fan", "action": "on"}', text]))
    assert [(one.code, one.severity, one.line, one.field) for one in found] == [
        ("data.key_repeated", "warning", 2, "messages[1].content")
    ]


@pytest.mark.parametrize(
    "text", ['{"a": {"b": 1}, "b": 2}', '[{"a": 1}, {"a": 2}]', '{"a": "he said \\"a\\": \\u00e9"}', "a: 1, a: 2"]
)
def test_the_same_key_in_two_objects_is_none(text: str) -> None:
    assert findings(RepeatedKeys(), answers([text])) == []


def test_a_key_that_stands_twice_in_arguments_is_found() -> None:
    call = ToolCall(function=FunctionCall("switch", '{"on": true, "on": false}'), id="c1")
    messages = [Message("user", "light"), Message("assistant", None, tool_calls=[call])]
    tools = [{"type": "function", "function": {"name": "switch", "parameters": {"type": "object"}}}]
    turn = read_turn(ChatExample(messages, tools, 1))
    assert turn is not None
    found = findings(RepeatedKeys(), [turn])
    assert [(one.line, one.field) for one in found] == [(1, "messages[1].tool_calls[0].function.arguments")]


def test_parts_of_a_file_are_joined() -> None:
    first, later = RepeatedKeys(), RepeatedKeys()
    assert findings(later, answers(['{"a": 1, "a": 2}']))
    first.join(later, 10)
    assert [one.line for one in first.finish()] == [11]
