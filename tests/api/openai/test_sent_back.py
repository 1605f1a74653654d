"""What the official client's helpers made of an answer goes back into the conversation as it is."""

from __future__ import annotations

from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel

USER: Any = {"role": "user", "content": "what does code E41 mean?"}
CHAT: dict[str, Any] = {"model": "native", "messages": [USER], "max_tokens": 100, "seed": 1}
RESPONSE: dict[str, Any] = {"model": "native", "input": [USER], "max_output_tokens": 100, "temperature": 0}


class Sure(BaseModel):
    sure: Literal["yes", "no"]


TOOL: Any = openai.pydantic_function_tool(Sure)
CALLED = {"tool_choice": "required", "parallel_tool_calls": False}


def tokens(client: openai.OpenAI, *messages: Any) -> int:
    answer = client.chat.completions.create(model="native", messages=[USER, *messages], max_tokens=1)
    return answer.usage.prompt_tokens if answer.usage else 0


def input_tokens(client: openai.OpenAI, *items: Any) -> int:
    answer = client.responses.create(model="native", input=[USER, *items], max_output_tokens=16)
    return answer.usage.input_tokens if answer.usage else 0


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_a_parsed_message_says_what_its_content_says(client: openai.OpenAI) -> None:
    message = client.chat.completions.parse(**CHAT, response_format=Sure).choices[0].message
    assert message.parsed
    plain = tokens(client, {"role": "assistant", "content": message.content}, USER)
    assert [tokens(client, message, USER), tokens(client, message.model_dump(), USER)] == [plain, plain]


@pytest.mark.parametrize("streamed", [False, True], ids=["parsed", "streamed"])
def test_a_call_with_parsed_arguments_is_one_without(client: openai.OpenAI, streamed: bool) -> None:
    if streamed:
        with client.chat.completions.stream(**CHAT, tools=[TOOL], **CALLED) as stream:
            answer = stream.get_final_completion()
    else:
        answer = client.chat.completions.parse(**CHAT, tools=[TOOL], **CALLED)
    message = answer.choices[0].message
    assert message.tool_calls
    function = message.tool_calls[0].function
    assert isinstance(function.parsed_arguments, Sure)
    call = {"id": message.tool_calls[0].id, "type": "function", "function": function.to_dict() | {"parsed_arguments": None}}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "yes"}
    plain = tokens(client, {"role": "assistant", "content": message.content, "tool_calls": [call]}, result)
    assert [tokens(client, message, result), tokens(client, message.model_dump(), result)] == [plain, plain]


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_parsed_items_of_a_response_are_what_they_were(client: openai.OpenAI) -> None:
    said = client.responses.parse(**RESPONSE, text_format=Sure).output[0]
    assert len({input_tokens(client, form, USER) for form in (said, said.model_dump(), said.to_dict())}) == 1
    tool: Any = {"type": "function", **TOOL["function"]}
    call: Any = client.responses.parse(**RESPONSE, tools=[tool], **CALLED).output[0]
    assert call.parsed_arguments
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "yes"}
    assert len({input_tokens(client, form, output) for form in (call, call.model_dump(), call.to_dict())}) == 1


def test_listed_items_of_a_response_go_back_whole(client: openai.OpenAI) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "now", "arguments": "{}"}
    given: Any = [USER, call, {"type": "function_call_output", "call_id": "c", "output": "noon"}]
    kept = client.responses.create(**{**RESPONSE, "input": given, "store": True})
    listed = client.responses.input_items.list(kept.id, order="asc").data
    plain = input_tokens(client, *given)
    assert [input_tokens(client, *listed), input_tokens(client, *(one.model_dump() for one in listed))] == [plain, plain]
