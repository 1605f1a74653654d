"""JSON, schemas and calls through the official client: the weights are random, so what fits was held to it."""

from __future__ import annotations

import json
import threading
from enum import Enum
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel, Field

from honekit.api.openai import shapes

USER = [{"role": "user", "content": "what does code E41 mean?"}]
MODELS = ["roomy", "native"]


class Colour(Enum):
    red = "red"
    blue = "blue"


class Part(BaseModel):
    number: int = Field(ge=0, le=999)
    colour: Colour


class Diagnosis(BaseModel):
    part: Part
    others: list[Part] = Field(max_length=2)
    sure: bool
    note: str | None = Field(max_length=5)


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{"model": "roomy", "messages": USER, "max_tokens": 400, "seed": 5, **changes})


def refused(client: openai.OpenAI, **changes: Any) -> tuple[str | None, str | None]:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **changes)
    return caught.value.param, caught.value.code


def schema_format(schema: dict[str, Any], strict: bool = True) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


SMALL = {
    "type": "object",
    "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 9}, "b": {"type": "string", "maxLength": 4}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("model", MODELS)
def test_parse_gives_the_pydantic_model(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.parse(model=model, messages=USER, response_format=Diagnosis, max_tokens=600, seed=1)  # type: ignore[arg-type]
    assert isinstance(answer.choices[0].message.parsed, Diagnosis)
    assert answer.choices[0].finish_reason == "stop"


def test_the_clients_own_streaming_helper_parses_too(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="roomy", messages=USER, response_format=Diagnosis, max_tokens=600, seed=1
    ) as stream:  # type: ignore[arg-type]
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Diagnosis)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.conformance("POST /v1/chat/completions", "response_format")
def test_every_choice_of_a_stream_fits_the_schema(client: openai.OpenAI, model: str) -> None:
    texts, plain = ["", "", ""], ask(client, model=model, n=3, response_format=schema_format(SMALL))
    for chunk in ask(client, model=model, n=3, stream=True, response_format=schema_format(SMALL)):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    for text in texts:
        jsonschema.validate(json.loads(text), SMALL)
    assert texts == [choice.message.content for choice in plain.choices]


def test_a_json_object_is_one_unless_it_is_cut(client: openai.OpenAI) -> None:
    choices = ask(client, response_format={"type": "json_object"}, n=6, max_tokens=300).choices
    for choice in choices:
        assert choice.message.content.startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)
    assert {choice.finish_reason for choice in choices} <= {"stop", "length"}
    no_schema = {"type": "json_schema", "json_schema": {"name": "x"}}
    assert ask(client, response_format=no_schema, max_tokens=1).choices[0].message.content == "{"


def test_a_neighbour_without_a_schema_answers_as_alone(client: openai.OpenAI) -> None:
    alone = ask(client, max_tokens=60).choices[0].message.content
    got: dict[int, str] = {}

    def work(number: int) -> None:
        shape = {"response_format": schema_format(SMALL)} if number % 2 else {}
        got[number] = ask(client, max_tokens=60, **shape).choices[0].message.content

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[number] for number in (0, 2, 4)] == [alone] * 3
    for number in (1, 3, 5):
        jsonschema.validate(json.loads(got[number]), SMALL)


def test_logprobs_name_only_what_the_schema_allows(client: openai.OpenAI) -> None:
    answer = ask(client, response_format=schema_format(SMALL), logprobs=True, top_logprobs=5).choices[0]
    entries = answer.logprobs.content
    assert b"".join(bytes(entry.bytes) for entry in entries).decode() == answer.message.content
    assert entries[0].token == "{"
    assert [top.token for top in entries[0].top_logprobs] == ["{"]
    assert entries[0].logprob == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"type": "array", "uniqueItems": True},
        {"enum": list(range(1001))},
        {"type": "string", "pattern": "(a"},
        {"$ref": "http://127.0.0.1:1/schema.json"},
    ],
    ids=lambda schema: str(schema)[:30],
)
def test_a_bad_schema_is_a_400_that_names_it(client: openai.OpenAI, schema: dict[str, Any]) -> None:
    expected = ("response_format.json_schema.schema", "invalid_schema")
    assert refused(client, response_format=schema_format(schema)) == expected
    assert refused(client, response_format=schema_format(schema), stream=True) == expected


def test_without_strict_what_cannot_be_enforced_is_passed_over(client: openai.OpenAI) -> None:
    loose = {"type": "array", "uniqueItems": True, "items": {"enum": [1, 2]}, "maxItems": 3}
    answer = ask(client, response_format=schema_format(loose, strict=False)).choices[0].message.content
    assert set(json.loads(answer)) <= {1, 2}


def test_preparing_a_schema_has_a_limit(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapes, "COMPILE_S", 0.0)
    code = "schema_too_complex"
    assert refused(client, response_format=schema_format(SMALL)) == ("response_format.json_schema.schema", code)


def test_an_unknown_format_or_a_bad_name_is_refused(client: openai.OpenAI) -> None:
    assert refused(client, response_format={"type": "yaml"}) == ("response_format.type", "invalid_value")
    assert refused(client, response_format={"type": "json_schema"})[1] == "missing_required_parameter"
    named = {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}
    assert refused(client, response_format=named) == ("response_format.json_schema.name", "invalid_value")


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Oslo", "Rome"]}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
NOW = {"type": "function", "function": {"name": "now"}}
TOOLS = [WEATHER, NOW]


def check_call(call: Any) -> None:
    assert call.type == "function"
    assert call.id.startswith("call_")
    schema = WEATHER["function"]["parameters"] if call.function.name == "weather" else {"maxProperties": 0}  # type: ignore[index]
    jsonschema.validate(json.loads(call.function.arguments), schema)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.conformance("POST /v1/chat/completions", "tools", "tool_choice")
def test_required_calls_one_of_the_tools(client: openai.OpenAI, model: str) -> None:
    answer = ask(client, model=model, tools=TOOLS, tool_choice="required", parallel_tool_calls=False, n=5)
    for choice in answer.choices:
        assert (choice.message.content, choice.finish_reason) == (None, "tool_calls")
        (call,) = choice.message.tool_calls
        check_call(call)
    assert len({choice.message.tool_calls[0].id for choice in answer.choices}) == 5


@pytest.mark.parametrize("model", MODELS)
def test_a_named_function_is_called_once_and_ends_with_stop(client: openai.OpenAI, model: str) -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    choice = ask(client, model=model, tools=TOOLS, tool_choice=named).choices[0]
    (call,) = choice.message.tool_calls
    assert (call.function.name, choice.finish_reason) == ("weather", "stop")
    check_call(call)


def allowed(mode: str, *names: str) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


@pytest.mark.parametrize("model", MODELS)
def test_only_allowed_tools_are_called(client: openai.OpenAI, model: str) -> None:
    for name in ("weather", "now"):
        answer = ask(client, model=model, tools=TOOLS, tool_choice=allowed("required", name), parallel_tool_calls=False, n=5)
        for choice in answer.choices:
            assert choice.finish_reason == "tool_calls"
            (call,) = choice.message.tool_calls
            assert call.function.name == name
            check_call(call)
    words = ask(client, model=model, tools=TOOLS, tool_choice=allowed("auto", "now"), max_tokens=30).choices[0]
    assert words.message.content and words.message.tool_calls is None


def test_tools_that_are_not_allowed_are_not_shown_to_the_model(client: openai.OpenAI) -> None:
    alone = ask(client, tools=[NOW], max_tokens=1).usage.prompt_tokens
    assert ask(client, tools=TOOLS, tool_choice=allowed("auto", "now"), max_tokens=1).usage.prompt_tokens == alone


@pytest.mark.conformance("POST /v1/chat/completions", "parallel_tool_calls")
def test_several_calls_may_be_made_at_once(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    ids = byte_tokenizer.encode
    more = {ids("\n").ids[0]: 60, ids("n").ids[0]: 50}  # another call instead of the end, and the one without arguments
    choice = ask(client, tools=TOOLS, tool_choice="required", logit_bias=more, max_tokens=200).choices[0]
    assert choice.finish_reason == "length"
    assert len(choice.message.tool_calls) > 1
    for call in choice.message.tool_calls[:-1]:
        check_call(call)


def test_a_call_that_is_cut_shows_nothing_of_what_frames_it(client: openai.OpenAI) -> None:
    found = []
    for tokens in (5, 20, 34):  # in the opener, before the name has ended, behind it: a token is a byte here
        choice = ask(client, tools=[NOW], tool_choice="required", max_tokens=tokens).choices[0]
        assert choice.finish_reason == "length" and choice.message.content is None
        found.append([call.function.to_dict() for call in choice.message.tool_calls or []])
    assert found == [[], [], [{"name": "now", "arguments": ""}]]


def test_a_call_that_a_stop_string_breaks_off_is_not_one_to_carry_out(client: openai.OpenAI) -> None:
    options: dict[str, Any] = {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False, "stop": "city"}
    choice = ask(client, **options).choices[0]
    assert choice.message.tool_calls[0].function.arguments.lstrip("{ \n\t") == '"'
    assert choice.finish_reason == "stop"
    assert [chunk.choices[0].finish_reason for chunk in ask(client, stream=True, **options)][-1] == "stop"


def test_a_stop_string_in_what_frames_a_call_does_not_stop_it(client: openai.OpenAI) -> None:
    stop = ["<tool", 'weather", "', '"name', "</tool_call>"]
    options: dict[str, Any] = {"tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False}
    choice = ask(client, **options, stop=stop).choices[0]
    check_call(choice.message.tool_calls[0])
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function == ask(client, **options).choices[0].message.tool_calls[0].function


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_of_a_call_says_the_same_as_a_plain_answer(client: openai.OpenAI, model: str) -> None:
    options: dict[str, Any] = {"model": model, "tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    plain = ask(client, **options).choices[0]
    chunks = list(ask(client, stream=True, **options))
    deltas = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert deltas[0].id.startswith("call_") and deltas[0].type == "function"
    assert deltas[0].function.name == plain.message.tool_calls[0].function.name
    assert all((d.index, d.id, d.type) == (0, None, None) and d.function.name is None for d in deltas[1:])
    arguments = "".join(delta.function.arguments for delta in deltas)
    assert arguments == plain.message.tool_calls[0].function.arguments
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["tool_calls"]


@pytest.mark.parametrize("logprobs", [False, True])
def test_a_stream_without_a_word_has_no_content(client: openai.OpenAI, logprobs: bool) -> None:
    options: dict[str, Any] = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False, "logprobs": logprobs}
    plain = ask(client, **options).choices[0]
    chunks = [chunk.choices[0] for chunk in ask(client, stream=True, **options)]
    assert [chunk.delta.role for chunk in chunks if chunk.delta.role] == [chunks[0].delta.role] == ["assistant"]
    assert {chunk.delta.content for chunk in chunks} == {plain.message.content} == {None}
    if logprobs:
        shown = [one.token for chunk in chunks if chunk.logprobs for one in chunk.logprobs.content]
        assert shown == [one.token for one in plain.logprobs.content]


def test_an_answer_may_be_a_call_or_fit_a_schema(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    options: dict[str, Any] = {"tools": TOOLS, "parallel_tool_calls": False, "response_format": schema_format(SMALL)}
    towards = {text: byte_tokenizer.encode(text).ids[0] for text in "<{"}
    called = ask(client, logit_bias={towards["<"]: 40}, **options).choices[0]
    check_call(called.message.tool_calls[0])
    assert called.finish_reason == "tool_calls"
    said = ask(client, logit_bias={towards["{"]: 40}, **options).choices[0]
    assert said.finish_reason == "stop" and said.message.tool_calls is None
    jsonschema.validate(json.loads(said.message.content), SMALL)


@pytest.mark.parametrize("model", MODELS)
def test_with_auto_an_answer_may_be_words(client: openai.OpenAI, model: str) -> None:
    choice = ask(client, model=model, tools=TOOLS, max_tokens=30).choices[0]
    assert choice.message.tool_calls is None
    assert choice.message.content
    streamed = list(ask(client, model=model, tools=TOOLS, max_tokens=30, stream=True))
    assert streamed[0].choices[0].delta.content == ""
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == choice.message.content


@pytest.mark.parametrize("model", MODELS)
def test_tools_change_the_prompt_and_none_leaves_them_out(client: openai.OpenAI, model: str) -> None:
    def tokens(**options: Any) -> int:
        return int(ask(client, model=model, max_tokens=1, **options).usage.prompt_tokens)

    assert tokens(tools=TOOLS) > tokens() + len(json.dumps(TOOLS)) // 2
    assert tokens(tools=TOOLS, tool_choice="none") == tokens()


@pytest.mark.parametrize("model", MODELS)
def test_calls_and_their_results_go_back_into_the_conversation(client: openai.OpenAI, model: str) -> None:
    message = ask(client, model=model, tools=TOOLS, tool_choice="required", parallel_tool_calls=False).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": [{"type": "text", "text": "12 degrees"}]}
    conversation = [*USER, message.model_dump(), result]
    second = ask(client, model=model, messages=conversation, tools=TOOLS, max_tokens=5)
    assert second.usage.prompt_tokens > ask(client, model=model, tools=TOOLS, max_tokens=1).usage.prompt_tokens + 60


def test_the_clients_own_tool_helper_parses_the_arguments(client: openai.OpenAI) -> None:
    tool = openai.pydantic_function_tool(Part, name="order")
    answer = client.chat.completions.parse(
        model="roomy",
        messages=USER,  # type: ignore[arg-type]
        tools=[tool],
        tool_choice="required",
        parallel_tool_calls=False,
        max_tokens=300,
    )
    calls = answer.choices[0].message.tool_calls
    assert calls and isinstance(calls[0].function.parsed_arguments, Part)


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice", "invalid_value"),
        ({"tools": TOOLS, "tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice.type", "unsupported_value"),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools", "missing_required_parameter"),
        ({"tools": TOOLS, "tool_choice": allowed("required", "now", "x")}, "tool_choice", "invalid_value"),
        ({"tools": TOOLS, "tool_choice": allowed("none", "now")}, "tool_choice.allowed_tools.mode", "invalid_value"),
        ({"tools": TOOLS, "tool_choice": allowed("auto")}, "tool_choice.allowed_tools.tools", "invalid_value"),
        ({"tools": [NOW, NOW]}, "tools[1].function.name", "invalid_value"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type", "unsupported_value"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
        (
            {"tools": [NOW, {"type": "function", "function": {"name": "x", "parameters": {"properties": 5}}}]},
            "tools[1].function.parameters",
            "invalid_schema",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_tools_that_cannot_be_used_are_refused_by_name(
    client: openai.OpenAI, given: dict[str, Any], param: str, code: str
) -> None:
    assert refused(client, **given) == (param, code)


def test_an_answer_without_calls_has_no_key_for_them(server: str, key: str) -> None:
    body = {"model": "tiny", "messages": USER, "max_tokens": 2}
    response = httpx.post(f"{server}/v1/chat/completions", headers={"authorization": f"Bearer {key}"}, json=body)
    assert set(response.json()["choices"][0]["message"]) == {"role", "content", "refusal"}


def test_every_answer_passes_the_clients_strict_validation(server: str, key: str) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=key, max_retries=0, _strict_response_validation=True) as strict:
        options: dict[str, Any] = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
        assert ask(strict, **options).choices[0].message.tool_calls
        assert [chunk.choices[0].index for chunk in ask(strict, stream=True, **options)]
        assert ask(strict, response_format=schema_format(SMALL), logprobs=True, top_logprobs=2).choices[0].logprobs
        completion: dict[str, Any] = {"model": "tiny", "prompt": ["a", "b"], "logprobs": 2}
        assert len(strict.completions.create(**completion).choices) == 2
        assert strict.embeddings.create(model="tiny", input="x", encoding_format="float").data[0].embedding
