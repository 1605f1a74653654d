"""Responses through the official client, a real server and real (tiny, random) models."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel, Field

from honekit.api.openai.responses_schema import ResponseRequest
from honekit.store import answers

QUESTION = "what does code E41 mean?"
Connect = Callable[..., openai.OpenAI]


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.responses.create(**{"model": "roomy", "input": QUESTION, "max_output_tokens": 24, "temperature": 0, **changes})


@pytest.mark.conformance("POST /v1/responses")
@pytest.mark.conformance(
    "POST /v1/responses", "model", "input", "instructions", "max_output_tokens", "metadata", "temperature", "top_p"
)
def test_an_answer_says_what_a_chat_completion_says(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    answer = ask(client, instructions="be short", metadata={"a": "b"})
    messages: Any = [{"role": "system", "content": "be short"}, {"role": "user", "content": QUESTION}]
    chat = client.chat.completions.create(model="roomy", messages=messages, max_tokens=24, temperature=0)
    assert answer.output_text == chat.choices[0].message.content
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (chat.usage.prompt_tokens, chat.usage.completion_tokens)  # type: ignore[union-attr]
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.id.startswith("resp_") and answer.output[0].id.startswith("msg_")
    assert (answer.object, answer.model, answer.instructions, answer.metadata) == ("response", "roomy", "be short", {"a": "b"})
    assert (answer.truncation, answer.store, answer.background, answer.tools) == ("disabled", False, False, [])
    assert (answer.temperature, answer.top_p, answer.max_output_tokens) == (0, 1, 24)


def test_a_cut_answer_is_incomplete_and_one_that_ends_is_not(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    cut = ask(client)
    assert (cut.status, cut.incomplete_details.reason, cut.completed_at) == ("incomplete", "max_output_tokens", None)
    assert cut.output[0].status == "incomplete"
    whole = ask(client, text=schema_format(SMALL), max_output_tokens=200)
    assert (whole.status, whole.incomplete_details, whole.error) == ("completed", None, None)
    assert whole.output[0].status == "completed" and whole.completed_at >= whole.created_at


SMALL = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"type": "string", "maxLength": 4}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def schema_format(schema: dict[str, Any], strict: bool = True) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": strict}}


class Part(BaseModel):
    number: int = Field(ge=0, le=999)
    note: str | None = Field(max_length=5)


@pytest.mark.conformance("POST /v1/responses", "text")
def test_json_and_schemas_hold_the_answer(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    answer = ask(client, text=schema_format(SMALL), max_output_tokens=200)
    jsonschema.validate(json.loads(answer.output_text), SMALL)
    assert answer.text.format.schema_ == SMALL and answer.text.format.strict is True
    assert ask(client, text={"format": {"type": "json_object"}}).output_text.startswith("{")
    parsed = client.responses.parse(model="roomy", input=QUESTION, text_format=Part, temperature=0, max_output_tokens=200)
    assert isinstance(parsed.output_parsed, Part)


def test_a_bad_schema_is_named_as_it_is_called_here(connect: Connect) -> None:
    client = connect()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, text=schema_format({"type": "objekt"}))
    assert (caught.value.param, caught.value.code) == ("text.format.schema", "invalid_schema")
    assert "text.format.schema" in caught.value.message and "response_format" not in caught.value.message
    tool = {"type": "function", "name": "f", "parameters": {"properties": {"a": {"type": "objekt"}}}}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, tools=[tool], tool_choice="required")
    assert (caught.value.param, caught.value.code) == ("tools[0].parameters", "invalid_schema")
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, tools=[{"type": "function", "name": "f"}] * 2)
    assert caught.value.param == "tools[1].name"


def check_events(events: list[Any]) -> None:
    """What holds of every stream: numbers rise by one, and items, parts and texts open and close in their order."""
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete", "response.failed")
    assert events[0].response.status == "in_progress" and events[0].response.output == []
    final = events[-1].response
    assert final.id == events[0].response.id
    for index, item in enumerate(final.output):
        own = [event for event in events[2:-1] if event.output_index == index]
        middle = [event.type for event in own[1:-1]]
        assert (own[0].type, own[-1].type) == ("response.output_item.added", "response.output_item.done")
        assert own[0].item.status == "in_progress" and own[0].item.id == item.id
        assert own[-1].item == item
        assert all(event.item_id == item.id for event in own[1:-1])
        said = "".join(event.delta for event in own if event.type.endswith(".delta"))
        if item.type == "message":
            assert own[0].item.content == []
            assert middle[0] == "response.content_part.added" and own[1].part.text == ""
            assert middle[-2:] == ["response.output_text.done", "response.content_part.done"]
            assert set(middle[1:-2]) <= {"response.output_text.delta"}
            assert said == own[-3].text == own[-2].part.text == item.content[0].text
        else:
            assert own[0].item.arguments == "" and own[0].item.name == item.name
            assert middle[-1] == "response.function_call_arguments.done"
            assert set(middle[:-1]) <= {"response.function_call_arguments.delta"}
            assert said == own[-2].arguments == item.arguments and own[-2].name == item.name


@pytest.mark.conformance("POST /v1/responses", "stream", "stream_options")
def test_a_stream_tells_of_the_same_answer(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    plain = ask(client, metadata={"a": "b"})
    events = list(ask(client, metadata={"a": "b"}, stream=True, stream_options={"include_obfuscation": False}))
    check_events(events)
    final = events[-1].response
    assert "usage" not in events[0].response.model_fields_set and "user" not in final.model_fields_set
    assert (events[-1].type, final.status) == ("response.incomplete", plain.status)
    assert final.output_text == plain.output_text
    changing = {"id", "created_at", "completed_at", "output"}
    assert final.model_dump(exclude=changing) == plain.model_dump(exclude=changing)


@pytest.mark.conformance("POST /v1/responses", "include", "top_logprobs")
def test_log_probabilities_are_those_of_a_chat_completion(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    # Only letters: of a character that is cut off the text has nothing.
    letters = {"type": "json_schema", "name": "a", "schema": {"type": "string", "pattern": "^[a-z]{8,12}$"}, "strict": True}
    wanted: Any = {"include": ["message.output_text.logprobs"], "top_logprobs": 2, "text": {"format": letters}}
    answer = ask(client, store=True, **wanted)
    messages: Any = [{"role": "user", "content": QUESTION}]
    shape: Any = {"type": "json_schema", "json_schema": {name: letters[name] for name in ("name", "schema", "strict")}}
    chat = client.chat.completions.create(
        model="roomy", messages=messages, max_tokens=24, temperature=0, logprobs=True, top_logprobs=2, response_format=shape
    )
    (part,) = answer.output[0].content
    assert answer.top_logprobs == 2
    assert [one.to_dict() for one in part.logprobs] == [one.to_dict() for one in chat.choices[0].logprobs.content]  # type: ignore[union-attr]
    assert bytes(byte for one in part.logprobs for byte in one.bytes).decode() == part.text != ""
    assert client.responses.retrieve(answer.id) == answer
    events = list(ask(client, stream=True, **wanted))
    told = [one for event in events if event.type == "response.output_text.delta" for one in event.logprobs]
    (done,) = [event for event in events if event.type == "response.output_text.done"]
    assert [(one.token, one.logprob) for one in done.logprobs] == [(one.token, one.logprob) for one in part.logprobs]
    assert told == [type(told[0]).model_validate(one.model_dump()) for one in done.logprobs[: len(told)]]
    assert events[-1].response.output[0].content[0].logprobs == part.logprobs


def test_log_probabilities_of_a_call_are_not_told(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    wanted: Any = {"include": ["message.output_text.logprobs"], "max_output_tokens": 300, "tools": [WEATHER]}
    answer = ask(client, tool_choice="required", **wanted)
    assert {item.type for item in answer.output} == {"function_call"}


@pytest.mark.conformance("POST /v1/responses", "user", "safety_identifier", "prompt_cache_key")
def test_labels_of_the_callers_own_change_no_answer(connect: Connect) -> None:
    labels: Any = {"user": "u", "safety_identifier": "s", "prompt_cache_key": "p", "parallel_tool_calls": False}
    answer = ask(connect(_strict_response_validation=True), **labels)
    assert answer.output_text == ask(connect()).output_text
    assert {name: getattr(answer, name) for name in labels} == labels


@pytest.mark.conformance("POST /v1/responses", "service_tier", "prompt_cache_retention", "max_tool_calls")
def test_hints_about_speed_and_other_tools_change_no_answer(connect: Connect) -> None:
    hints: Any = {"service_tier": "flex", "prompt_cache_retention": "24h", "max_tool_calls": 3}
    answer = ask(connect(_strict_response_validation=True), **hints)
    assert answer.output_text == ask(connect()).output_text
    assert (answer.service_tier, answer.max_tool_calls) == ("default", 3)


def test_events_carry_their_names(server: str, key: str) -> None:
    body = {"model": "roomy", "input": QUESTION, "max_output_tokens": 16, "stream": True}
    response = httpx.post(f"{server}/v1/responses", json=body, headers={"authorization": f"Bearer {key}"})
    assert response.headers["content-type"].startswith("text/event-stream")
    for event in response.text.strip().split("\n\n"):
        name, data = event.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"


def test_the_clients_own_streaming_helper_parses_too(connect: Connect) -> None:
    client = connect()
    with client.responses.stream(model="roomy", input=QUESTION, text_format=Part, max_output_tokens=200, temperature=0) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert isinstance(final.output_parsed, Part)
    snapshots = [event.snapshot for event in events if event.type == "response.output_text.delta"]
    assert snapshots[-1] == final.output_text


WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "the weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
NOW = {"type": "function", "name": "now"}


@pytest.mark.conformance("POST /v1/responses", "tools", "tool_choice", "parallel_tool_calls")
@pytest.mark.parametrize("model", ["roomy", "native"])
@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "weather"}])
def test_functions_are_called_and_their_output_goes_on(connect: Connect, model: str, choice: Any) -> None:
    client = connect(_strict_response_validation=True)
    given = {"model": model, "tools": [WEATHER], "tool_choice": choice, "parallel_tool_calls": False, "max_output_tokens": 300}
    answer = ask(client, **given)
    (call,) = answer.output
    assert (answer.status, call.type, call.name, call.status) == ("completed", "function_call", "weather", "completed")
    jsonschema.validate(json.loads(call.arguments), WEATHER["parameters"])
    assert answer.tools[0].parameters == WEATHER["parameters"] and answer.tools[0].strict is True
    assert answer.tool_choice == "required" or answer.tool_choice.name == "weather"
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "12 degrees"}
    sent_back: list[Any] = [{"role": "user", "content": QUESTION}, *answer.output, output]
    after = ask(client, model=model, tools=[WEATHER], tool_choice="none", input=sent_back)
    messages: Any = [
        {"role": "user", "content": QUESTION},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            ],
        },
        {"role": "tool", "content": "12 degrees", "tool_call_id": call.call_id},
    ]
    chat = client.chat.completions.create(model=model, messages=messages, max_tokens=24, temperature=0)
    assert after.output_text == chat.choices[0].message.content
    assert after.usage.input_tokens == chat.usage.prompt_tokens  # type: ignore[union-attr]


def test_only_allowed_functions_are_called(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "now"}]}
    answer = ask(client, tools=[WEATHER, NOW], tool_choice=choice, parallel_tool_calls=False, max_output_tokens=300)
    assert [call.name for call in answer.output] == ["now"]
    assert answer.tool_choice.to_dict() == choice


def test_calls_are_streamed_as_items_of_their_own(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    given = {"tools": [WEATHER, NOW], "tool_choice": "required", "max_output_tokens": 300}
    plain, events = ask(client, **given), list(ask(client, **given, stream=True))
    check_events(events)
    calls = [(item.name, item.arguments) for item in events[-1].response.output]
    assert calls == [(item.name, item.arguments) for item in plain.output] and calls
    assert len({item.call_id for item in events[-1].response.output}) == len(calls)


def test_earlier_items_can_be_sent_back_in_every_form(connect: Connect) -> None:
    client = connect()
    first = ask(client)
    asked = {"role": "user", "content": QUESTION}
    following = {"role": "user", "content": [{"type": "input_text", "text": "and "}, {"type": "input_text", "text": "E42?"}]}
    said = first.output_text
    forms: list[Any] = [
        {"role": "assistant", "content": said},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": said}]},
        first.output[0],
        first.output[0].model_dump(),
        first.output[0].model_dump(exclude_none=True),
    ]
    answers = [ask(client, input=[asked, form, following]) for form in forms]
    assert len({(answer.output_text, answer.usage.input_tokens) for answer in answers}) == 1
    assert answers[0].usage.input_tokens > first.usage.input_tokens + 24
    tool = {"model": "roomy", "tools": [NOW], "tool_choice": "required", "max_output_tokens": 300, "parallel_tool_calls": False}
    call = ask(client, **tool).output[0]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": [{"type": "input_text", "text": "noon"}]}
    for form in (call, call.model_dump(), call.model_dump(exclude_none=True)):
        assert ask(client, input=[asked, form, output]).output


@pytest.mark.conformance("POST /v1/responses", "store", "previous_response_id")
@pytest.mark.conformance("DELETE /v1/responses/{response_id}")
def test_a_stored_response_is_gone_on_from(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    first = ask(client, store=True, instructions="be short")
    assert first.store is True
    second = ask(client, store=True, previous_response_id=first.id, input="and E42?")
    third = ask(client, previous_response_id=second.id, input="and E43?", instructions="be long")
    assert (third.previous_response_id, third.instructions) == (second.id, "be long")
    told: Any = [
        {"role": "system", "content": "be long"},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "and E42?"},
        {"role": "assistant", "content": second.output_text},
        {"role": "user", "content": "and E43?"},
    ]
    assert third.usage.input_tokens == ask(client, input=told).usage.input_tokens
    assert third.output_text == ask(client, input=told).output_text
    client.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, previous_response_id=second.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")
    assert first.id in caught.value.message


def test_the_output_of_a_stored_call_goes_on_from_it(connect: Connect) -> None:
    client = connect()
    given = {"tools": [NOW], "tool_choice": "required", "max_output_tokens": 300, "parallel_tool_calls": False}
    first = ask(client, store=True, **given)
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "noon"}
    assert ask(client, previous_response_id=first.id, input=[output]).output_text
    for wrong in ({"input": [output]}, {"previous_response_id": first.id, "input": [{**output, "call_id": "call_x"}]}):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, **wrong)
        assert caught.value.param == "input[0].call_id"


def test_only_what_was_asked_to_be_stored_is(connect: Connect) -> None:
    client = connect("only-asked")
    for given in ({}, {"store": False}, {"store": None}):
        made = ask(client, **given)
        assert made.store is False
        with pytest.raises(openai.NotFoundError) as caught:
            client.responses.retrieve(made.id)
        assert caught.value.code == "response_not_found"
        with pytest.raises(openai.BadRequestError) as refused:
            ask(client, previous_response_id=made.id)
        assert refused.value.code == "previous_response_not_found"
    assert answers.list_answers("only-asked", "response") == []


@pytest.mark.conformance("GET /v1/responses/{response_id}")
def test_a_stored_response_comes_back_as_it_was_sent(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    made = ask(client, store=True, metadata={"a": "b"}, user="u", text=schema_format(SMALL), tools=[WEATHER, NOW])
    found = client.responses.retrieve(made.id)
    assert found == made and found.to_dict() == made.to_dict()
    events = list(ask(client, store=True, stream=True))
    assert client.responses.retrieve(events[-1].response.id) == events[-1].response


@pytest.mark.conformance("POST /v1/responses/{response_id}/cancel")
def test_only_what_is_made_in_the_background_can_be_cancelled(connect: Connect) -> None:
    client = connect()
    with pytest.raises(openai.BadRequestError, match="background") as caught:
        client.responses.cancel(ask(client, store=True).id)
    assert caught.value.code == "invalid_state"
    with pytest.raises(openai.NotFoundError):
        client.responses.cancel("resp_none")


@pytest.mark.conformance("GET /v1/responses/{response_id}/input_items", "include")
def test_input_items_are_listed_as_they_are(connect: Connect) -> None:
    client = connect()
    made = ask(client, store=True)
    listed = client.responses.input_items.list(made.id).data
    assert client.responses.input_items.list(made.id, include=["message.output_text.logprobs"]).data == listed
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.input_items.list(made.id, include=["reasoning.encrypted_content"])
    assert caught.value.param == "include"


@pytest.mark.conformance("GET /v1/responses/{response_id}", "include_obfuscation", refused="unsupported_parameter")
def test_a_stored_response_is_not_obfuscated(connect: Connect) -> None:
    client = connect()
    made = ask(client, store=True)
    assert client.responses.retrieve(made.id, extra_query={"include_obfuscation": "false"}) == made
    with pytest.raises(openai.BadRequestError):
        client.responses.retrieve(made.id, extra_query={"include_obfuscation": "true"})


@pytest.mark.conformance("GET /v1/responses/{response_id}/input_items")
@pytest.mark.conformance("GET /v1/responses/{response_id}/input_items", "after", "limit", "order")
def test_input_items_come_in_pages(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    call = {"type": "function_call", "call_id": "c1", "name": "now", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "noon\0"}
    given: list[Any] = [
        {"role": "developer", "content": "be short"},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "it is"},
        call,
        output,
    ]
    made = ask(client, store=True, input=given)
    oldest_first = list(client.responses.input_items.list(made.id, order="asc", limit=2))
    assert [item.type for item in oldest_first] == ["message"] * 3 + ["function_call", "function_call_output"]
    assert [item.role for item in oldest_first[:3]] == ["developer", "user", "assistant"]  # type: ignore[union-attr]
    assert [item.content[0].text for item in oldest_first[:3]] == ["be short", QUESTION, "it is"]  # type: ignore[union-attr]
    for kept, sent in zip(oldest_first[3:], (call, output), strict=True):
        assert sent.items() <= kept.model_dump().items()
    assert len({item.id for item in oldest_first}) == 5
    assert list(client.responses.input_items.list(made.id)) == oldest_first[::-1]
    (text,) = client.responses.input_items.list(ask(client, store=True).id)
    assert text.content[0].text == QUESTION  # type: ignore[union-attr]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.input_items.list(made.id, after="msg_x")
    assert caught.value.param == "after"


def test_a_deleted_response_is_gone(connect: Connect) -> None:
    client = connect("deletes")
    made, other = ask(client, store=True), ask(client, store=True)
    client.responses.delete(made.id)
    calls: list[Callable[[], Any]] = [
        lambda: client.responses.retrieve(made.id),
        lambda: client.responses.delete(made.id),
        lambda: client.responses.cancel(made.id),
        lambda: client.responses.input_items.list(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.NotFoundError) as caught:
            call()
        assert caught.value.code == "response_not_found"
    assert [one.id for one in answers.list_answers("deletes", "response")] == [other.id]
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.cancel(other.id)
    assert refused.value.code == "invalid_state"


def test_projects_see_nothing_of_each_other(connect: Connect) -> None:
    own, other = connect("mine"), connect("theirs", scope="admin")
    made = ask(own, store=True)
    calls: list[Callable[[], Any]] = [
        lambda: other.responses.retrieve(made.id),
        lambda: other.responses.delete(made.id),
        lambda: other.responses.cancel(made.id),
        lambda: other.responses.input_items.list(made.id),
        lambda: other.chat.completions.retrieve(made.id),
        lambda: own.chat.completions.retrieve(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.NotFoundError):
            call()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(other, previous_response_id=made.id)
    assert caught.value.code == "previous_response_not_found"
    assert own.responses.retrieve(made.id).output_text == made.output_text


def test_a_read_key_may_ask_and_look_but_not_store(connect: Connect) -> None:
    made, reader = ask(connect("scopes"), store=True), connect("scopes", scope="read")
    assert reader.responses.retrieve(made.id).id == made.id
    assert ask(reader, previous_response_id=made.id).output_text
    calls: list[Callable[[], Any]] = [
        lambda: ask(reader, store=True),
        lambda: ask(reader, store=True, stream=True),
        lambda: reader.responses.delete(made.id),
    ]
    for call in calls:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            call()
        assert caught.value.code == "insufficient_scope"
    assert [one.id for one in answers.list_answers("scopes", "response")] == [made.id]


def test_a_request_that_is_sent_again_stores_once(connect: Connect) -> None:
    client = connect("again")
    headers = {"Idempotency-Key": "k1"}
    first = ask(client, store=True, extra_headers=headers)
    assert ask(client, store=True, extra_headers=headers) == first
    assert len(answers.list_answers("again", "response")) == 1


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else {}


def sent_back(logprob: Any) -> list[dict[str, Any]]:
    return [assistant([{"type": "output_text", "text": "x", "logprobs": [logprob]}]), {"role": "user", "content": "x"}]


def assistant(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


@pytest.mark.conformance("POST /v1/responses", "truncation")
def test_with_truncation_the_oldest_turns_that_do_not_fit_are_left_out(connect: Connect) -> None:
    client = connect(_strict_response_validation=True)
    turns = [{"role": role, "content": f"{number}: {QUESTION * 20}"} for number in range(6) for role in ("user", "assistant")]
    asked: Any = [*turns, {"role": "user", "content": QUESTION}]
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, input=asked, instructions="be short")
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")

    def chat_tokens(begin: int) -> int:
        messages: Any = [{"role": "system", "content": "be short"}, *asked[begin:]]
        told = client.chat.completions.create(model="roomy", messages=messages, max_tokens=24, temperature=0)
        assert told.usage
        return told.usage.prompt_tokens

    cut = ask(client, input=asked, instructions="be short", truncation="auto")
    assert (cut.truncation, cut.status) == ("auto", "incomplete")
    assert cut.usage.input_tokens == chat_tokens(4)
    with pytest.raises(openai.BadRequestError, match="context"):
        chat_tokens(2)

    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, input="x" * 9000, truncation="auto")
    assert refused.value.code == "context_length_exceeded"
    assert ask(client, truncation="auto").usage == ask(client).usage


@pytest.mark.conformance("POST /v1/responses", "include", "reasoning", "tool_choice", "tools", refused="unsupported_value")
@pytest.mark.conformance(
    "POST /v1/responses",
    *("conversation", "prompt", "context_management", "moderation", "prompt_cache_options"),
    refused="unsupported_parameter",
)
@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"input": None}, "input", "invalid_type"),
        ({"input": []}, "input", "invalid_value"),
        ({"input": "\ud800"}, "input", "invalid_value"),
        ({"input": [user([{"type": "input_image", "image_url": "x"}])]}, "input[0].content[0].type", "unsupported_value"),
        ({"input": [user([{"type": "output_text", "text": "x"}])]}, "input[0].content[0].type", "unsupported_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        ({"input": [{"content": "x"}]}, "input[0].role", "missing_required_parameter"),
        ({"input": ["x"]}, "input[0]", "invalid_value"),
        ({"input": [assistant([{"type": "refusal", "refusal": "x"}])]}, "input[0].content[0].type", "unsupported_value"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user", "content": "x", "colour": 1}]}, "input[0].colour", "unknown_parameter"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type", "unsupported_value"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}]}, "input[0].type", "unsupported_value"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id", "missing_required_parameter"),
        ({"max_output_tokens": 15}, "max_output_tokens", "invalid_value"),
        ({"max_output_tokens": 5000}, "input", "context_length_exceeded"),
        ({"temperature": 2.1}, "temperature", "invalid_value"),
        ({"metadata": {"a": "x\0"}}, "metadata.a", "invalid_value"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema", "missing_required_parameter"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", "unsupported_value"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "unsupported_value"),
        ({"tools": [{"type": "function", "name": "f", "parameters": {"a": "\ud800"}}]}, "tools[0].parameters", "invalid_value"),
        ({"tools": [{"type": "function", "name": "f", "parameters": nested(300)}]}, "tools[0].parameters", "invalid_value"),
        ({"tool_choice": {"type": "custom", "name": "f"}}, "tool_choice.type", "unsupported_value"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "tool_choice.tools", "missing_required_parameter"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", "invalid_value"),
        ({"previous_response_id": "resp_\0"}, "previous_response_id", "previous_response_not_found"),
        ({"stream_options": {}}, "stream_options", "invalid_value"),
        ({"stream": True, "stream_options": {"colour": 1}}, "stream_options.colour", "unknown_parameter"),
        ({"input": sent_back(nested(300)), "store": True}, "input[0].content[0].logprobs", "invalid_value"),
        ({"input": sent_back(math.nan), "store": True}, "input[0].content[0].logprobs", "invalid_value"),
        ({"truncation": "some"}, "truncation", "invalid_value"),
        ({"include": ["reasoning.encrypted_content"]}, "include[0]", "unsupported_value"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"include": ["message.output_text.logprobs"], "top_logprobs": 21}, "top_logprobs", "invalid_value"),
        ({"service_tier": "slow"}, "service_tier", "invalid_value"),
        ({"context_management": []}, "context_management", "unsupported_parameter"),
        ({"moderation": {}}, "moderation", "unsupported_parameter"),
        ({"prompt_cache_options": {}}, "prompt_cache_options", "unsupported_parameter"),
        ({"prompt_cache_retention": "1h"}, "prompt_cache_retention", "invalid_value"),
        ({"reasoning": {"effort": "high"}}, "reasoning.effort", "unsupported_value"),
        ({"reasoning": {"summary": "auto"}}, "reasoning.summary", "unsupported_parameter"),
        ({"conversation": "conv_1"}, "conversation", "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"max_tool_calls": 0}, "max_tool_calls", "invalid_value"),
        ({"max_tokens": 20}, "max_tokens", "unknown_parameter"),
        ({"model": "none"}, "model", "model_not_found"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name(server: str, key: str, given: dict[str, Any], param: str, code: str) -> None:
    response = httpx.post(
        f"{server}/v1/responses",
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        content=json.dumps({"model": "roomy", "input": QUESTION, "max_output_tokens": 16, **given}),
    )
    error = response.json()["error"]
    status = 404 if code == "model_not_found" else 400
    assert (response.status_code, error["param"], error["code"]) == (status, param, code), error["message"]


def test_neutral_values_of_unsupported_parameters_are_accepted(connect: Connect) -> None:
    neutral: dict[str, Any] = {
        "truncation": "disabled",
        "background": False,
        "include": [],
        "top_logprobs": 0,
        "reasoning": {},
        "service_tier": "auto",
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tools": [],
        "tool_choice": "auto",
        "conversation": None,
    }
    assert ask(connect(_strict_response_validation=True), **neutral).output_text == ask(connect()).output_text


def test_what_an_answer_says_of_its_request_can_be_sent_again(server: str, key: str) -> None:
    headers = {"authorization": f"Bearer {key}"}
    first = httpx.post(
        f"{server}/v1/responses", headers=headers, json={"model": "roomy", "input": QUESTION, "max_output_tokens": 16}
    )
    echoed = {name: value for name, value in first.json().items() if name in ResponseRequest.model_fields}
    assert echoed["reasoning"] == {"effort": None, "summary": None}
    again = httpx.post(f"{server}/v1/responses", headers=headers, json={**echoed, "input": QUESTION, "top_logprobs": None})
    assert again.status_code == 200, again.text


@pytest.mark.conformance("GET /v1/responses/{response_id}", "stream", "starting_after", "include")
@pytest.mark.parametrize(
    "shape",
    [
        {"max_output_tokens": 16, "include": ["message.output_text.logprobs"], "top_logprobs": 2},
        {"tools": [WEATHER, NOW], "tool_choice": "required", "parallel_tool_calls": False},
    ],
    ids=["a text that is cut", "a call"],
)
def test_a_stored_response_is_streamed_again(connect: Connect, shape: dict[str, Any]) -> None:
    client = connect(_strict_response_validation=True)
    first = list(ask(client, store=True, stream=True, **shape))
    made = first[-1].response
    again = list(client.responses.retrieve(made.id, stream=True))
    assert [event.sequence_number for event in again] == list(range(len(again)))
    assert again[0].type == "response.created" and again[0].response == first[0].response
    assert again[-1].type == first[-1].type and again[-1].response == made

    def told(events: list[Any]) -> list[Any]:
        deltas = ("response.output_text.delta", "response.function_call_arguments.delta")
        kept = [event.model_dump(exclude={"sequence_number"}) for event in events if event.type not in deltas]
        return [*kept, "".join(event.delta for event in events if event.type in deltas)]

    assert told(again) == told(first)
    assert list(client.responses.retrieve(made.id, stream=True, starting_after=3)) == again[4:]
    plain = client.responses.retrieve(made.id, include=["message.output_text.logprobs"])
    assert plain == client.responses.retrieve(made.id, stream=False) == made


@pytest.mark.parametrize("query", [{"starting_after": "1"}, {"stream": "maybe"}, {"include[]": "reasoning.encrypted_content"}])
def test_of_a_stored_response_only_what_is_stored_can_be_had(connect: Connect, query: dict[str, str]) -> None:
    client = connect()
    made = ask(client, store=True)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.retrieve(made.id, extra_query=query)
    assert caught.value.param == next(iter(query)).removesuffix("[]")


def test_the_servers_own_document_describes_them(server: str) -> None:
    document = httpx.get(f"{server}/openapi.json").json()
    for path, methods in (("", {"post"}), ("/{response_id}", {"get", "delete"}), ("/{response_id}/input_items", {"get"})):
        assert set(document["paths"][f"/v1/responses{path}"]) == methods
    assert "function_call_output" in json.dumps(document["components"]["schemas"]["CallOutput"])
    assert set(document["paths"]["/v1/chat/completions/{completion_id}"]) == {"get", "post", "delete"}
