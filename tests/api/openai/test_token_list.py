"""Log-probabilities in lists. Every byte is a token here, so `é` is two."""

from __future__ import annotations

from typing import Any

import pytest

from honekit.api.openai.choices import ChoiceWriter
from honekit.api.openai.token_list import TokenListWriter
from honekit.inference.requests import Scored, Token
from honekit.inference.text import token_bytes


@pytest.mark.parametrize(
    ("said", "offsets"),
    [
        (b"n\xc3\xa97", [0, 1, 1, 2]),
        (b"a\xffbc", [0, 1, 2, 3]),  # what is no character is shown as one
        (b"a\xe2\x98bc", [0, 1, 1, 2, 3]),
    ],
)
def test_offsets_count_the_characters_that_are_shown(byte_tokenizer: Any, said: bytes, offsets: list[int]) -> None:
    by_byte = {token_bytes(byte_tokenizer, index): index for index in range(3, 259)}
    ids = [by_byte[bytes([one])] for one in said]
    writer = TokenListWriter(byte_tokenizer, 0)
    writer.prompt(ids, [Scored(index, -1.0, []) for index in ids[1:]])
    assert writer.whole.text_offset == offsets
    text = byte_tokenizer.decode(ids, skip_special_tokens=False)
    assert text[offsets[-1]] == said[-1:].decode()


def test_control_tokens_are_written_out_in_prompts_and_only_named_in_answers(byte_tokenizer: Any) -> None:
    a, control = byte_tokenizer.token_to_id("a"), 1
    name = byte_tokenizer.id_to_token(control)
    writer = TokenListWriter(byte_tokenizer, 1)
    writer.prompt([a, control], [Scored(control, -1.0, [(0, -0.5)])])
    answer = ChoiceWriter(byte_tokenizer, frozenset({2}), with_logprobs=True)
    for index in (a, control, a):
        text = byte_tokenizer.decode([index])
        writer.take(answer.take(Token(index, text, b"", -1.0, [(control, name, -0.5)], None))[1])
    assert writer.whole.tokens == ["a", name, "a", name, "a"]
    begun = 1 + len(name)
    assert writer.whole.text_offset == [0, 1, begun, begun + 1, begun + 1]
    behind = {name: -0.5, "a": -1.0}
    assert writer.whole.top_logprobs == [None, {"<|endoftext|>": -0.5, name: -1.0}, behind, {name: -1.0}, behind]
