from __future__ import annotations

import pytest

from honekit.chat import Message, parse_messages
from honekit.chat.messages import template_variables
from honekit.errors import DataError


def test_dicts_become_messages_and_messages_stay_what_they_are() -> None:
    given = Message("user", "hello")
    assert parse_messages([given, {"role": "assistant", "content": "hi", "weight": 0}]) == [
        given,
        Message("assistant", "hi", weight=0),
    ]


@pytest.mark.parametrize(
    ("message", "part_of_the_reason"),
    [
        ({"role": "robot", "content": "x"}, "robot"),
        ({"content": "x"}, "role"),
        ({"role": "user", "content": 7}, "content"),
        ({"role": "assistant", "content": "x", "weight": 0.5}, "weight"),
        ({"role": "user", "content": "x", "weight": 1}, "weight"),
        ({"role": "user", "content": [{"type": "image_url", "text": "x"}]}, "content"),
        ("hello", "object"),
    ],
)
def test_what_is_not_a_message_is_refused_with_its_position_and_field(message: object, part_of_the_reason: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_messages([{"role": "user", "content": "fine"}, message])  # type: ignore[list-item]
    assert caught.value.code == "data.message"
    assert caught.value.where == "messages[1]"
    assert part_of_the_reason in caught.value.what


def test_text_parts_are_joined() -> None:
    [message] = parse_messages([{"role": "user", "content": [{"type": "text", "text": t} for t in ("a", "b")]}])
    assert message.text == "ab"


def test_only_assistant_messages_of_weight_one_are_trained() -> None:
    assert Message("assistant", "x").is_trained
    assert Message("assistant", "x", weight=1).is_trained
    assert not Message("assistant", "x", weight=0).is_trained
    assert not Message("user", "x").is_trained


def test_templates_see_developer_as_system_and_tool_arguments_as_objects() -> None:
    assert template_variables(Message("developer", "be brief")) == {"role": "system", "content": "be brief"}
    [message] = parse_messages(
        [
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            }
        ]
    )
    variables = template_variables(message)
    assert variables["content"] == ""
    assert variables["tool_calls"][0]["function"] == {"name": "f", "arguments": {"a": 1}}
