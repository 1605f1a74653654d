"""Texts as vectors, through the official client and real (tiny, random) models."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from tests import tiny

from honekit.api.engines import Engines
from honekit.api.openai import embeddings
from honekit.api.server import running
from honekit.inference.encoder import load_encoder

TEXTS = ["code E41", "the heater is cold", "é"]
MODELS = ["tiny", "native"]


def embed(client: openai.OpenAI, **changes: Any) -> Any:
    return client.embeddings.create(**{"model": "tiny", "input": TEXTS, **changes})


def refused(client: openai.OpenAI, **changes: Any) -> tuple[str | None, str | None]:
    with pytest.raises(openai.BadRequestError) as caught:
        embed(client, **changes)
    return caught.value.param, caught.value.code


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.conformance("POST /v1/embeddings")
@pytest.mark.conformance("POST /v1/embeddings", "model")
def test_a_vector_is_the_mean_of_the_last_hidden_states(
    client: openai.OpenAI, model: str, tiny_base: Any, roomy_bases: dict[str, str], byte_tokenizer: Any
) -> None:
    import torch
    from transformers import AutoModel

    body = AutoModel.from_pretrained({"tiny": tiny_base, **roomy_bases}[model]).eval()
    answer = embed(client, model=model)
    assert [entry.index for entry in answer.data] == [0, 1, 2]
    for entry, text in zip(answer.data, TEXTS, strict=True):
        with torch.no_grad():
            mean = body(torch.tensor([byte_tokenizer.encode(text).ids])).last_hidden_state[0].mean(0)
        assert entry.embedding == pytest.approx((mean / mean.norm()).tolist(), abs=1e-4)
        assert np.linalg.norm(entry.embedding) == pytest.approx(1, abs=1e-5)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == sum(len(text.encode()) for text in TEXTS)


@pytest.mark.conformance("POST /v1/embeddings", "encoding_format")
def test_both_encodings_carry_the_same_numbers(client: openai.OpenAI) -> None:
    floats = [entry.embedding for entry in embed(client, encoding_format="float").data]
    texts = [entry.embedding for entry in embed(client, encoding_format="base64").data]
    for numbers, text in zip(floats, texts, strict=True):
        assert np.frombuffer(base64.b64decode(text), dtype="<f4").tolist() == numbers
    assert [entry.embedding for entry in embed(client).data] == floats  # what the client asks for by itself


@pytest.mark.conformance("POST /v1/embeddings", "input")
def test_texts_and_token_ids_one_or_many_are_the_same(client: openai.OpenAI, byte_tokenizer: Any) -> None:
    vectors = [entry.embedding for entry in embed(client).data]
    ids = [byte_tokenizer.encode(text).ids for text in TEXTS]
    assert [entry.embedding for entry in embed(client, input=ids).data] == vectors
    for text, own, vector in zip(TEXTS, ids, vectors, strict=True):
        for alone in (text, own):
            (entry,) = embed(client, input=alone).data
            assert entry.embedding == pytest.approx(vector, abs=1e-5)


def test_many_texts_go_through_in_parts(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"text {number}" for number in range(40)]
    whole = [entry.embedding for entry in embed(client, input=texts).data]
    monkeypatch.setattr(embeddings, "TOKENS_AT_ONCE", 30)
    for one, other in zip(whole, [entry.embedding for entry in embed(client, input=texts).data], strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.conformance("POST /v1/embeddings", "dimensions")
@pytest.mark.conformance("POST /v1/embeddings", "user")
def test_the_models_own_width_may_be_asked_for(client: openai.OpenAI) -> None:
    assert len(embed(client, dimensions=64, user="somebody").data[0].embedding) == 64
    assert refused(client, dimensions=32) == ("dimensions", "unsupported_value")


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"input": ""}, "input", "invalid_value"),
        ({"input": ["x", ""]}, "input", "invalid_value"),
        ({"input": []}, "input", "invalid_value"),
        ({"input": [259]}, "input", "invalid_value"),
        ({"input": [-1]}, "input[0]", "invalid_value"),
        ({"input": "x" * 513}, "input", "context_length_exceeded"),
        ({"encoding_format": "int8"}, "encoding_format", "invalid_value"),
        ({"extra_body": {"colour": 1}}, "colour", "unknown_parameter"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_done_is_refused_by_name(client: openai.OpenAI, given: dict[str, Any], param: str, code: str) -> None:
    assert refused(client, **given) == (param, code)


def test_embedding_beside_an_answer_that_is_generated(client: openai.OpenAI) -> None:
    alone = [entry.embedding for entry in embed(client).data]
    messages: Any = [{"role": "user", "content": "x"}]
    stream = client.chat.completions.create(model="tiny", messages=messages, max_tokens=200, stream=True, seed=1)
    next(stream)
    assert [entry.embedding for entry in embed(client).data] == alone
    assert sum(1 for _ in stream) > 1


def test_too_many_texts_are_told_how_many_may_be_sent(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="at most 2048") as caught:
        client.embeddings.create(model="tiny", input=["a"] * 2049)
    assert caught.value.param == "input"


def test_a_named_embedding_model_embeds_and_writes_nothing(key: str, tmp_path: Path) -> None:
    folder = tiny.save_encoder(tmp_path / "encoder")
    served = Engines(device="cpu", extra_bases={"encoder": str(folder)})
    with running(served) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        answer, whole = embed(client, model="encoder"), load_encoder(folder, "cpu")
        vectors = whole.embed([whole.tokenizer.encode(text).ids for text in TEXTS])
        assert np.allclose([entry.embedding for entry in answer.data], vectors, atol=1e-5)
        assert refused(client, model="encoder", input="x" * 65) == ("input", "context_length_exceeded")
        for ask in (
            lambda: client.chat.completions.create(model="encoder", messages=[{"role": "user", "content": "hello"}]),
            lambda: client.completions.create(model="encoder", prompt="hello"),
            lambda: client.responses.create(model="encoder", input="hello"),
        ):
            with pytest.raises(openai.BadRequestError, match="embedding model") as caught:
                ask()
            assert (caught.value.param, caught.value.code) == ("model", "unsupported_value")
