"""Texts that go on, through the official client and a real (tiny, random) model."""

from __future__ import annotations

import json
from typing import Any

import httpx
import openai
import pytest

PROMPT = "code E41 é means"


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    return client.completions.create(**{"model": "tiny", "prompt": PROMPT, "max_tokens": 20, "seed": 5, **changes})


def refused(client: openai.OpenAI, **changes: Any) -> tuple[str | None, str | None]:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **changes)
    return caught.value.param, caught.value.code


@pytest.mark.conformance("POST /v1/completions")
@pytest.mark.conformance("POST /v1/completions", "model", "temperature")
def test_an_answer_is_what_the_engine_goes_on_with(client: openai.OpenAI, tiny_base: Any, byte_tokenizer: Any) -> None:
    from honekit.inference.engine import load_engine
    from honekit.inference.requests import Request
    from honekit.inference.sampling import SamplingParams

    ids = byte_tokenizer.encode(PROMPT).ids
    engine = load_engine(str(tiny_base), None, device="cpu", precision="fp32")
    expected = engine.generate([Request(ids, SamplingParams(20))])[0].text
    answer = ask(client, temperature=0)
    assert (answer.object, answer.model, answer.id[:5]) == ("text_completion", "tiny", "cmpl-")
    assert answer.choices[0].text == expected
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].logprobs is None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (len(ids), 20)


@pytest.mark.conformance("POST /v1/completions", "prompt")
def test_texts_and_token_ids_one_or_many_say_the_same(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    other = "another prompt"
    ids = [byte_tokenizer.encode(text).ids for text in (PROMPT, other)]
    texts = [ask(client, prompt=prompt).choices[0].text for prompt in (PROMPT, other)]
    assert texts[0] != texts[1]
    assert ask(client, prompt=ids[0]).choices[0].text == texts[0]
    for many in ([PROMPT, other], ids):
        choices = ask(client, prompt=many).choices
        assert [(choice.index, choice.text) for choice in choices] == [(0, texts[0]), (1, texts[1])]


def test_without_a_prompt_a_document_begins(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    separator = byte_tokenizer.token_to_id("<|endoftext|>")
    expected = ask(client, prompt=[separator])
    for prompt in (None, "", [""]):
        answer = ask(client, prompt=prompt, echo=True)
        assert (answer.choices[0].text, answer.usage.prompt_tokens) == (expected.choices[0].text, 1)


@pytest.mark.conformance("POST /v1/completions", "n", "best_of")
def test_each_prompt_has_its_own_choices_in_order(client: openai.OpenAI) -> None:
    both = ask(client, prompt=[PROMPT, "x"], n=2)
    assert [choice.index for choice in both.choices] == [0, 1, 2, 3]
    assert [choice.text for choice in both.choices[:2]] == [choice.text for choice in ask(client, n=2, best_of=2).choices]
    assert both.choices[0].text != both.choices[1].text
    assert both.usage.completion_tokens == sum(20 for _ in both.choices)


@pytest.mark.conformance("POST /v1/completions", "max_tokens")
def test_sixteen_tokens_unless_told_otherwise(client: openai.OpenAI) -> None:
    assert ask(client, max_tokens=None, temperature=0).usage.completion_tokens == 16


@pytest.mark.parametrize(
    "options", [{}, {"echo": True}, {"logprobs": 2}, {"echo": True, "logprobs": 2}, {"max_tokens": 0, "echo": True}]
)
@pytest.mark.conformance("POST /v1/completions", "stream", "echo")
def test_a_stream_says_the_same_as_a_plain_answer(client: openai.OpenAI, options: dict[str, Any]) -> None:
    plain = ask(client, n=2, **options).choices
    chunks = list(ask(client, n=2, stream=True, **options))
    for choice in plain:
        own = [chunk.choices[0] for chunk in chunks if chunk.choices[0].index == choice.index]
        assert "".join(piece.text for piece in own) == choice.text
        assert [piece.finish_reason for piece in own] == [None] * (len(own) - 1) + [choice.finish_reason]
        if choice.logprobs:
            for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
                pieces = [item for piece in own for item in getattr(piece.logprobs, name)]
                assert pieces == getattr(choice.logprobs, name)


@pytest.mark.conformance("POST /v1/completions", "stream_options")
def test_a_stream_carries_usage_only_when_asked_and_ends(server: str, key: str) -> None:
    def lines(**options: Any) -> list[str]:
        body = {"model": "tiny", "prompt": PROMPT, "max_tokens": 4, "stream": True, **options}
        response = httpx.post(f"{server}/v1/completions", headers={"authorization": f"Bearer {key}"}, json=body)
        *events, done = [line for line in response.text.split("\n\n") if line]
        assert done == "data: [DONE]"
        return events

    assert all('"usage"' not in line for line in lines())
    last = json.loads(lines(stream_options={"include_usage": True})[-1].removeprefix("data: "))
    assert (last["choices"], last["usage"]["completion_tokens"]) == ([], 4)


def spelt(token: str) -> bytes:
    """A token's bytes, from its name."""
    if token.startswith("bytes:"):
        return bytes.fromhex(token.removeprefix("bytes:").replace("\\x", ""))
    return token.encode()


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.conformance("POST /v1/completions", "logprobs")
def test_logprobs_spell_the_text_and_name_their_places(client: openai.OpenAI, echo: bool) -> None:
    choice = ask(client, logprobs=3, echo=echo).choices[0]
    shown = choice.logprobs
    whole = b"".join(spelt(token) for token in shown.tokens)
    assert whole.decode(errors="replace").rstrip("\ufffd") == choice.text.rstrip("\ufffd")
    done = b""
    for place, (token, logprob, top, offset) in enumerate(
        zip(shown.tokens, shown.token_logprobs, shown.top_logprobs, shown.text_offset, strict=True)
    ):
        if spelt(token)[0] & 0xC0 != 0x80:  # else it goes on with a character
            assert offset == len(done.decode(errors="replace"))
        done += spelt(token)
        if echo and place == 0:
            assert logprob is None and top is None
        else:
            assert top[token] == logprob <= max(top.values())
            assert 3 <= len(top) <= 4
    assert choice.text.startswith(PROMPT) is echo


def test_a_prompt_is_scored_as_it_would_have_been_generated(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    from honekit.inference.text import token_bytes

    said = ask(client, temperature=0, logprobs=2).choices[0].logprobs
    id_of = {token_bytes(byte_tokenizer, index): index for index in range(259)}
    ids = byte_tokenizer.encode(PROMPT).ids
    whole = [*ids, *(id_of[spelt(token)] for token in said.tokens)]
    scored = ask(client, prompt=whole, max_tokens=0, echo=True, logprobs=2)
    assert (scored.choices[0].finish_reason, scored.usage.completion_tokens) == ("length", 0)
    assert scored.choices[0].logprobs.token_logprobs[len(ids) :] == pytest.approx(said.token_logprobs, abs=1e-4)
    assert scored.choices[0].logprobs.tokens[len(ids) :] == said.tokens


def test_no_alternatives_for_logprobs_0(client: openai.OpenAI) -> None:
    shown = ask(client, logprobs=0).choices[0].logprobs
    assert len(shown.token_logprobs) == 20
    assert shown.top_logprobs is None


@pytest.mark.conformance("POST /v1/completions", "stop", "logit_bias")
def test_stop_strings_and_biases_work_as_in_chat(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    (letter,) = byte_tokenizer.encode("k").ids
    assert ask(client, logit_bias={letter: 100}).choices[0].text == "k" * 20
    stopped = ask(client, logit_bias={letter: 100}, stop="kkk").choices[0]
    assert (stopped.text, stopped.finish_reason) == ("", "stop")


@pytest.mark.conformance("POST /v1/completions", "seed")
def test_a_seed_repeats_an_answer_and_another_seed_changes_it(client: openai.OpenAI) -> None:
    first, again, other = (ask(client, seed=number).choices[0].text for number in (1, 1, 2))
    assert first == again != other


@pytest.mark.conformance("POST /v1/completions", "top_p", "user")
def test_the_likeliest_token_alone_is_left_by_a_small_top_p(client: openai.OpenAI) -> None:
    likeliest = ask(client, temperature=0).choices[0].text
    assert ask(client, top_p=0.01, user="somebody").choices[0].text == likeliest


@pytest.mark.conformance("POST /v1/completions", "frequency_penalty", "presence_penalty")
def test_penalties_make_an_answer_repeat_itself_less_or_more(client: openai.OpenAI) -> None:
    def different(**penalties: float) -> int:
        answers = [ask(client, seed=s, max_tokens=60, logprobs=0, **penalties).choices[0] for s in range(3)]
        return sum(len(set(answer.logprobs.tokens)) for answer in answers)

    plain = different()
    for name in ("frequency_penalty", "presence_penalty"):
        assert different(**{name: 2.0}) > plain > different(**{name: -2.0})


def test_a_refused_length_is_named_with_the_prompts(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="asked for 5 tokens in 'prompt', and 9000 for"):
        ask(client, prompt="Hello", max_tokens=9000)


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"suffix": "end"}, "suffix", "unsupported_parameter"),
        ({"best_of": 3}, "best_of", "unsupported_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": [259]}, "prompt", "invalid_value"),
        ({"prompt": ["x", 5]}, "prompt[1]", "invalid_type"),
        ({"prompt": ["x"] * 100, "n": 3}, "prompt", "invalid_value"),
        ({"prompt": "x" * 512}, "prompt", "context_length_exceeded"),
        ({"max_tokens": 510}, "prompt", "context_length_exceeded"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        ({"extra_body": {"top_k": 5}}, "top_k", "unknown_parameter"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_done_is_refused_by_name(client: openai.OpenAI, given: dict[str, Any], param: str, code: str) -> None:
    assert refused(client, **given) == (param, code)
