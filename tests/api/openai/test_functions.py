"""The deprecated `functions` through the official client: what they ask for is what tools ask for, in other words."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

USER = [{"role": "user", "content": "what is the weather?"}]
WEATHER: dict[str, Any] = {
    "name": "weather",
    "description": "the weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
NAMED = {"functions": [{"name": "now"}, WEATHER], "function_call": {"name": "weather"}}


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{"model": "roomy", "messages": USER, "max_tokens": 200, "seed": 5, **changes})


@pytest.mark.conformance("POST /v1/chat/completions", "functions", "function_call")
def test_a_named_function_is_called(strict: openai.OpenAI) -> None:
    choice = ask(strict, **NAMED).choices[0]
    assert choice.message.function_call.name == "weather"
    assert json.loads(choice.message.function_call.arguments)["city"] in ("Oslo", "Rome")
    assert (choice.message.content, choice.finish_reason) == (None, "stop")
    assert "tool_calls" not in choice.message.model_fields_set
    tool = {"type": "function", "function": WEATHER}
    by_tools = ask(strict, tools=[{"type": "function", "function": {"name": "now"}}, tool], parallel_tool_calls=False,
                   tool_choice={"type": "function", "function": {"name": "weather"}})  # fmt: skip
    assert by_tools.choices[0].message.tool_calls[0].function.arguments == choice.message.function_call.arguments


def test_a_stream_of_a_call_says_the_same_as_a_plain_answer(strict: openai.OpenAI) -> None:
    plain = ask(strict, **NAMED).choices[0].message.function_call
    calls = [chunk.choices[0].delta.function_call for chunk in ask(strict, stream=True, **NAMED)]
    made = [call for call in calls if call is not None]
    assert made[0].name == plain.name and all(call.name is None for call in made[1:])
    assert "".join(call.arguments for call in made) == plain.arguments


def test_a_call_that_the_model_chose_is_said_to_be_one(strict: openai.OpenAI, byte_tokenizer: Any) -> None:
    options: dict[str, Any] = {
        "functions": [WEATHER],
        "response_format": {"type": "json_object"},
        "logit_bias": {byte_tokenizer.encode("<").ids[0]: 40},
    }
    choice = ask(strict, **options).choices[0]
    assert (choice.message.function_call.name, choice.finish_reason) == ("weather", "function_call")
    assert list(ask(strict, stream=True, **options))[-1].choices[0].finish_reason == "function_call"


def test_without_a_call_the_answer_is_as_ever(strict: openai.OpenAI) -> None:
    choice = ask(strict, functions=[WEATHER], function_call="none", max_tokens=5).choices[0]
    assert not {"function_call", "tool_calls"} & choice.message.model_fields_set
    assert choice.message.content == ask(strict, max_tokens=5).choices[0].message.content


def test_a_call_and_its_result_are_read_as_those_of_a_tool(strict: openai.OpenAI) -> None:
    call = {"name": "weather", "arguments": '{"city": "Oslo"}'}
    legacy = [*USER, {"role": "assistant", "content": None, "function_call": call},
              {"role": "function", "name": "weather", "content": "rain"}]  # fmt: skip
    tools = [*USER, {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": call}]},
             {"role": "tool", "tool_call_id": "c", "content": "rain"}]  # fmt: skip
    answers = [ask(strict, messages=messages, max_tokens=9) for messages in (legacy, tools)]
    assert answers[0].usage == answers[1].usage
    assert answers[0].choices == answers[1].choices


def test_stored_messages_are_those_that_were_sent(connect: Any) -> None:
    client = connect()
    call = {"name": "weather", "arguments": "{}"}
    messages = [*USER, {"role": "assistant", "content": None, "function_call": call},
                {"role": "function", "name": "weather", "content": "rain"}]  # fmt: skip
    made = ask(client, messages=messages, store=True, **NAMED)
    assert client.chat.completions.retrieve(made.id) == made
    found: list[Any] = list(client.chat.completions.messages.list(made.id))
    assert [one.role for one in found] == ["user", "assistant", "function"]
    assert found[1].function_call.model_dump() == call and found[2].name == "weather"
