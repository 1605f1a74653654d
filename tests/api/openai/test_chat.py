"""Chat completions through the official client, a real server and a real (tiny, random) model."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import openai
import pytest

HALF_A_CHARACTER = {"type": "function", "function": {"name": "f", "parameters": {"a": "\ud800"}}}
USER = [{"role": "user", "content": "what does code E41 mean?"}]


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.chat.completions.create(**{"model": "tiny", "messages": USER, "max_tokens": 24, "seed": 5, **changes})


def post(server: str, key: str, **body: Any) -> httpx.Response:
    return httpx.post(
        f"{server}/v1/chat/completions",
        headers={"authorization": f"Bearer {key}"},
        json={"model": "tiny", "messages": USER, "max_tokens": 8, **body},
    )


@pytest.mark.conformance("GET /v1/models")
@pytest.mark.conformance("GET /v1/models/{model}")
def test_models_are_listed_and_found_one_by_one(client: openai.OpenAI) -> None:
    models = client.models.list().data
    assert "tiny" in [model.id for model in models]
    assert all(model.object == "model" and model.owned_by for model in models)
    assert client.models.retrieve("tiny").id == "tiny"


@pytest.mark.conformance("POST /v1/chat/completions")
@pytest.mark.conformance("POST /v1/chat/completions", "model", "messages", "max_tokens")
def test_an_answer_has_every_field_of_the_contract_and_exact_usage(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    answer = ask(client, temperature=0)
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "tiny"
    choice = answer.choices[0]
    assert (choice.index, choice.message.role, choice.message.refusal, choice.logprobs) == (0, "assistant", None, None)
    assert choice.finish_reason == "length"
    text = f"<|im_start|>user\n{USER[0]['content']}<|im_end|>\n<|im_start|>assistant\n"
    assert answer.usage.prompt_tokens == len(byte_tokenizer.encode(text).ids)
    assert answer.usage.completion_tokens == 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24


@pytest.mark.conformance("POST /v1/chat/completions", "temperature")
def test_the_answer_is_the_engines_own(client: openai.OpenAI, tiny_base: Any) -> None:
    from honekit.inference.engine import load_engine
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams

    engine = load_engine(str(tiny_base), None, device="cpu", precision="fp32")
    messages = [{"role": "system", "content": "Answer with one short sentence."}, *USER]
    request = Request(engine.template.prompt_ids(messages), SamplingParams(24), engine.template.system_prefix_length(messages))
    expected = engine.generate([request])[0].text
    assert ask(client, messages=messages, temperature=0).choices[0].message.content == expected


@pytest.mark.conformance("POST /v1/chat/completions", "stream")
def test_a_stream_says_the_same_as_a_plain_answer(client: openai.OpenAI) -> None:
    plain = ask(client)
    chunks = list(ask(client, stream=True))
    first, last = chunks[0].choices[0], chunks[-1].choices[0]
    assert first.delta.role == "assistant"
    assert first.delta.content == ""
    assert [chunk.choices[0].delta.role for chunk in chunks[1:]] == [None] * (len(chunks) - 1)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == plain.choices[0].message.content
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks].count(None) == len(chunks) - 1
    assert last.finish_reason == plain.choices[0].finish_reason
    assert last.delta.content is None


@pytest.mark.conformance("POST /v1/chat/completions", "stream_options")
def test_a_stream_carries_usage_only_when_asked(server: str, key: str) -> None:
    def events(**body: Any) -> list[Any]:
        response = post(server, key, stream=True, **body)
        assert response.headers["content-type"].startswith("text/event-stream")
        *lines, done = [line for line in response.text.split("\n\n") if line]
        assert done == "data: [DONE]"
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    assert all("usage" not in chunk and chunk["choices"] for chunk in events())
    *others, last = events(stream_options={"include_usage": True})
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 8
    assert all(chunk["usage"] is None for chunk in others)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.conformance("POST /v1/chat/completions", "logprobs", "top_logprobs")
def test_logprobs_spell_the_text(client: openai.OpenAI, stream: bool) -> None:
    answer = ask(client, logprobs=True, top_logprobs=3, stream=stream)
    if stream:
        choices = [chunk.choices[0] for chunk in answer]
        text = "".join(choice.delta.content or "" for choice in choices)
        entries = [entry for choice in choices if choice.logprobs for entry in choice.logprobs.content]
    else:
        text, entries = answer.choices[0].message.content, answer.choices[0].logprobs.content
    # An answer cut inside a character has the tokens of that character, but not the character.
    assert b"".join(bytes(entry.bytes) for entry in entries).decode(errors="replace").rstrip("\ufffd") == text.rstrip("\ufffd")
    for entry in entries:
        assert entry.logprob <= 0
        assert len(entry.top_logprobs) == 3
        best = [top.logprob for top in entry.top_logprobs]
        assert best == sorted(best, reverse=True)
        assert all(top.bytes for top in entry.top_logprobs)


def test_logprobs_need_no_alternatives(client: openai.OpenAI) -> None:
    entries = ask(client, logprobs=True).choices[0].logprobs.content
    assert len(entries) == 24
    assert all(entry.top_logprobs == [] and entry.bytes for entry in entries)


@pytest.mark.conformance("POST /v1/chat/completions", "stop")
def test_a_stop_string_ends_the_answer_before_itself(client: openai.OpenAI) -> None:
    whole = ask(client, max_tokens=60).choices[0].message.content
    at = next(i for i in range(1, len(whole) - 1) if whole[i : i + 2].isascii() and whole.find(whole[i : i + 2]) == i)
    stop = whole[at : at + 2]
    for given in (stop, ["never written by it", stop]):
        stopped = ask(client, max_tokens=60, stop=given, logprobs=True)
        assert stopped.choices[0].message.content == whole[:at]
        assert stopped.choices[0].finish_reason == "stop"
        entries = stopped.choices[0].logprobs.content
        assert b"".join(bytes(entry.bytes) for entry in entries).decode(errors="replace") == whole[:at]
        assert stopped.usage.completion_tokens < 60


@pytest.mark.conformance("POST /v1/chat/completions", "seed")
def test_a_seed_repeats_an_answer_and_another_seed_changes_it(client: openai.OpenAI) -> None:
    texts = [ask(client, seed=seed).choices[0].message.content for seed in (1, 1, 2)]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@pytest.mark.conformance("POST /v1/chat/completions", "n")
def test_several_choices_differ_from_one_another(client: openai.OpenAI) -> None:
    answer = ask(client, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) == 3
    assert answer.usage.completion_tokens == 72
    parts = ["", "", ""]
    for chunk in ask(client, n=3, stream=True):
        parts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert parts == [choice.message.content for choice in answer.choices]


@pytest.mark.conformance("POST /v1/chat/completions", "logit_bias")
def test_a_bias_bans_a_token_or_leaves_no_other(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    (letter,) = byte_tokenizer.encode("k").ids
    assert ask(client, logit_bias={letter: 100}).choices[0].message.content == "k" * 24
    plain = ask(client, max_tokens=60).choices[0].message.content
    used = next(character for character in plain if character.isascii())
    banned = {byte_tokenizer.encode(used).ids[0]: -100}
    assert used not in ask(client, max_tokens=60, logit_bias=banned).choices[0].message.content


@pytest.mark.conformance("POST /v1/chat/completions", "frequency_penalty", "presence_penalty")
def test_penalties_make_an_answer_repeat_itself_less_or_more(client: openai.OpenAI) -> None:
    def different(**penalties: float) -> int:
        answers = [ask(client, seed=s, max_tokens=60, logprobs=True, **penalties).choices[0] for s in range(3)]
        return sum(len({entry.token for entry in answer.logprobs.content}) for answer in answers)

    plain = different()
    for name in ("frequency_penalty", "presence_penalty"):
        assert different(**{name: 2.0}) > plain > different(**{name: -2.0})


def test_requests_at_once_get_their_own_answers(client: openai.OpenAI) -> None:
    seeds = range(6)
    alone = [ask(client, seed=seed, max_tokens=40).choices[0].message.content for seed in seeds]
    together: dict[int, str] = {}

    def work(seed: int) -> None:
        together[seed] = ask(client, seed=seed, max_tokens=40).choices[0].message.content

    threads = [threading.Thread(target=work, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[seed] for seed in seeds] == alone


@pytest.mark.conformance("POST /v1/chat/completions", "metadata", "user")
def test_metadata_comes_back_and_text_parts_are_joined(client: openai.OpenAI) -> None:
    parts = [{"type": "text", "text": "what does code "}, {"type": "text", "text": "E41 mean?"}]
    answer = ask(client, messages=[{"role": "user", "content": parts}], metadata={"team": "a"}, user="u1")
    assert answer.metadata == {"team": "a"}
    assert answer.choices[0].message.content == ask(client).choices[0].message.content


def test_an_answer_can_be_sent_back_as_it_came(client: openai.OpenAI) -> None:
    first = ask(client).choices[0].message
    second = ask(client, messages=[*USER, first.model_dump(), {"role": "user", "content": "and E42?"}])
    assert second.choices[0].finish_reason


@pytest.mark.conformance("POST /v1/chat/completions", "max_completion_tokens")
def test_the_limit_s_newer_name_goes_before_the_older(client: openai.OpenAI) -> None:
    answer = ask(client, max_completion_tokens=5, max_tokens=24)
    assert (answer.usage.completion_tokens, answer.choices[0].finish_reason) == (5, "length")


@pytest.mark.parametrize("limit", [{"max_tokens": 600}, {"max_completion_tokens": 600, "max_tokens": 1}])
def test_more_than_the_context_is_refused(client: openai.OpenAI, limit: dict[str, int]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **limit)
    assert caught.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, messages=[{"role": "user", "content": "x" * 600}], max_tokens=None, stream=True)
    assert caught.value.code == "context_length_exceeded"


def test_without_a_limit_the_answer_ends_with_the_context(client: openai.OpenAI) -> None:
    answer = ask(client, max_tokens=None, logit_bias={})
    assert answer.choices[0].finish_reason == "stop" or answer.usage.total_tokens == 512


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"n": 0}, "n", "invalid_value"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"stop": ["a", 5]}, "stop[1]", "invalid_type"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"stream": True, "stream_options": {"colour": 1}}, "stream_options.colour", "unknown_parameter"),
        ({"top_k": 5}, "top_k", "unknown_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": "x", "colour": 1}]}, "messages[0].colour", "unknown_parameter"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages[0].content", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].name", "missing_required_parameter"),
        ({"messages": [{"role": "assistant"}]}, "messages[0]", "invalid_value"),
        ({"tools": [HALF_A_CHARACTER]}, "tools[0].function.parameters", "invalid_value"),
        ({"functions": [{"name": "f"}], "tool_choice": "auto"}, "functions", "invalid_value"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5", "invalid_value"),
        ({"logit_bias": {"259": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"hello": 1}}, "logit_bias.hello", "invalid_value"),
        ({"frequency_penalty": 2.5}, "frequency_penalty", "invalid_value"),
        ({"presence_penalty": -2.5}, "presence_penalty", "invalid_value"),
        ({"store": "yes"}, "store", "invalid_type"),
        ({"metadata": {"a": "x\0"}}, "metadata.a", "invalid_value"),
        ({"audio": {"voice": "a", "format": "mp3"}}, "audio", "unsupported_parameter"),
        ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(server: str, key: str, given: dict[str, Any], param: str, code: str) -> None:
    response = httpx.post(
        f"{server}/v1/chat/completions",
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        content=json.dumps({"model": "tiny", "messages": USER, **given}),
    )
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, param, code), error["message"]
    assert error["type"] == "invalid_request_error"


def test_neutral_values_of_unsupported_parameters_are_accepted(server: str, key: str) -> None:
    response = post(
        server,
        key,
        tools=[],
        frequency_penalty=0,
        presence_penalty=0.0,
        logit_bias=None,
        response_format={"type": "text"},
        modalities=["text"],
        store=False,
        tool_choice="none",
        service_tier="auto",
    )
    assert response.status_code == 200, response.text


@pytest.mark.conformance("POST /v1/chat/completions", "top_p")
def test_the_likeliest_token_alone_is_left_by_a_small_top_p(client: openai.OpenAI) -> None:
    greedy, all_of_it, narrow = (ask(client, **given) for given in ({"temperature": 0}, {"top_p": 1}, {"top_p": 1e-6}))
    assert narrow.choices[0].message.content == greedy.choices[0].message.content
    assert all_of_it.choices[0].message.content != greedy.choices[0].message.content


@pytest.mark.conformance("POST /v1/chat/completions", "safety_identifier", "prompt_cache_key")
def test_labels_of_the_callers_own_change_no_answer(client: openai.OpenAI) -> None:
    labelled = ask(client, safety_identifier="caller", prompt_cache_key="k", parallel_tool_calls=True)
    assert labelled.choices[0].message.content == ask(client).choices[0].message.content


@pytest.mark.conformance("POST /v1/chat/completions", "service_tier", "prompt_cache_retention", "prediction")
def test_hints_about_speed_change_no_answer_and_the_tier_is_told(client: openai.OpenAI) -> None:
    hints: dict[str, Any] = {
        "service_tier": "flex",
        "prompt_cache_retention": "24h",
        "prediction": {"type": "content", "content": "hello"},
    }
    plain, hinted = ask(client), ask(client, **hints)
    assert hinted.choices[0].message.content == plain.choices[0].message.content
    assert hinted.service_tier == "default" and "service_tier" not in plain.model_fields_set
    assert {chunk.service_tier for chunk in ask(client, stream=True, **hints)} == {"default"}


def test_an_unsupported_message_part_is_named(server: str, key: str) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    error = post(server, key, messages=[{"role": "user", "content": [part]}]).json()["error"]
    assert (error["param"], error["code"]) == ("messages[0].content[0].type", "unsupported_value")


def test_an_unknown_model_is_a_404_that_names_it(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="ft:HuggingFaceTB/nothing:local:x:1")
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("owner/no-such-model")
    assert "owner/no-such-model" in caught.value.message


def test_a_wrong_key_is_refused_with_an_id_to_ask_about(server: str) -> None:
    with openai.OpenAI(base_url=f"{server}/v1", api_key="hone-wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(stranger)
        assert caught.value.code == "invalid_api_key"
        assert str(caught.value.request_id).startswith("req_")


def test_a_revoked_key_stops_working_at_once(client: openai.OpenAI, key: str) -> None:
    from honekit.api.auth import revoke_key

    client.models.list()
    revoke_key(key)
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
