"""Encoders as embedding models: the vectors are transformers' own, pooled as the model says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import tiny

from honekit.errors import ModelError
from honekit.inference.encoder import TEXTS_AT_ONCE, load_encoder


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tiny.save_encoder(tmp_path / "encoder")


def expected(directory: Path, ids: list[int], pool: Any) -> torch.Tensor:
    from transformers import AutoModel

    with torch.no_grad():
        vector = pool(AutoModel.from_pretrained(directory).eval()(torch.tensor([ids])).last_hidden_state[0])
    return vector / vector.norm()


def test_a_vector_is_the_mean_over_a_text_that_is_seen_whole(directory: Path) -> None:
    encoder = load_encoder(directory, "cpu")
    texts = [encoder.tokenizer.encode(text).ids for text in ("pump 12 is hot", "é", "a longer text than both of these")]
    vectors = encoder.embed(texts * TEXTS_AT_ONCE)  # more than one batch
    assert vectors.shape == (3 * TEXTS_AT_ONCE, 32)
    for index, ids in enumerate(texts):
        mean = expected(directory, ids, lambda hidden: hidden.mean(0))
        torch.testing.assert_close(vectors[index], mean, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(vectors[-3 + index], mean, atol=1e-5, rtol=1e-4)
    # The last token changes what the first one is: no causal mask.
    assert not torch.allclose(*(encoder.model(torch.tensor([[5, 6, last]])).last_hidden_state[0, 0] for last in (7, 8)))


def test_the_first_token_is_taken_where_the_model_says_so(directory: Path) -> None:
    (directory / "1_Pooling").mkdir()
    config = directory / "1_Pooling" / "config.json"
    config.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    vector = load_encoder(directory, "cpu").embed([[5, 6, 7]])[0]
    torch.testing.assert_close(vector, expected(directory, [5, 6, 7], lambda hidden: hidden[0]), atol=1e-5, rtol=1e-4)
    config.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(ModelError) as caught:
        load_encoder(directory, "cpu")
    assert caught.value.code == "model.pooling"


def test_the_tokenizers_own_limit_counts(directory: Path) -> None:
    assert load_encoder(directory, "cpu").context_tokens == 64
    (directory / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 48}))
    assert load_encoder(directory, "cpu").context_tokens == 48
