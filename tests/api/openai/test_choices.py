"""What a choice shows of the engine's tokens. Every byte is a token here, so `é` is two."""

from __future__ import annotations

import math
from typing import Any

from tokenizers import Tokenizer, decoders, models

from honekit.api.openai.choices import LEAST_LOGPROB, ChoiceWriter
from honekit.inference.requests import Token
from honekit.inference.text import TextStream


def write(tokenizer: Any, answer: str, stop: tuple[str, ...] = (), end: str = "turn") -> tuple[ChoiceWriter, list[Any]]:
    """Feed `answer` as the engine would, which holds back half characters and beginnings of stop strings."""
    writer = ChoiceWriter(tokenizer, frozenset({2}), with_logprobs=True)
    stream = TextStream(tokenizer, stop)
    ids = tokenizer.encode(answer).ids
    steps = []
    for place, index in enumerate(ids):
        text, reason = stream.push(index), None
        if stream.stopped:
            reason = "stop"
        elif end == "length" and place == len(ids) - 1:
            reason = "length"
        if reason:
            text += stream.end()
        steps.append(writer.take(Token(index, text, b"", -1.0, [(index, "", -1.0)], reason)))
        if reason:
            return writer, steps
    steps.append(writer.take(Token(2, stream.end(), b"", -0.1, [], "stop")))
    return writer, steps


def spelt(writer: ChoiceWriter) -> str:
    return bytes(byte for entry in writer.shown for byte in entry.bytes).decode()


def test_the_end_of_the_turn_is_counted_but_not_shown(byte_tokenizer: Any) -> None:
    writer, _ = write(byte_tokenizer, "né 7")
    assert "".join(writer.text) == spelt(writer) == "né 7"
    assert (writer.tokens, len(writer.shown), writer.finish_reason) == (6, 5, "stop")


def test_halves_of_a_character_come_with_the_character(byte_tokenizer: Any) -> None:
    _, steps = write(byte_tokenizer, "éa")
    assert [(text, len(entries)) for text, entries in steps] == [("", 0), ("é", 2), ("a", 1), ("", 0)]


def test_nothing_of_a_stop_string_is_shown_even_when_it_came_in_pieces(byte_tokenizer: Any) -> None:
    writer, steps = write(byte_tokenizer, "okEENDmore", stop=("END",))
    assert "".join(writer.text) == spelt(writer) == "okE"
    assert all(entry.token != "D" for _, entries in steps for entry in entries)
    assert writer.finish_reason == "stop"


def test_a_control_token_in_an_answer_delays_no_other(byte_tokenizer: Any) -> None:
    writer, steps = write(byte_tokenizer, "a<|im_start|>bcEND", stop=("END",))
    assert "".join(writer.text) == spelt(writer) == "abc"
    assert [entry.token for entry in writer.shown] == ["a", "<|im_start|>", "b", "c"]
    assert [len(entries) for _, entries in steps[:4]] == [1, 0, 2, 1]


def test_the_blank_that_a_tokenizer_takes_away_delays_no_token() -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"▁a": 0, "b": 1, "END": 2, "▁": 3, "a": 4}, merges=[("▁", "a")]))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    writer, stream = ChoiceWriter(tokenizer, frozenset(), with_logprobs=True), TextStream(tokenizer, ("END",))
    steps = [writer.take(Token(index, stream.push(index), b"", -1.0, [], "stop" if index == 2 else None)) for index in (0, 1, 2)]
    assert [(text, len(entries)) for text, entries in steps] == [("a", 1), ("b", 1), ("", 0)]


def test_what_was_held_back_for_nothing_is_shown_at_the_end(byte_tokenizer: Any) -> None:
    writer, _ = write(byte_tokenizer, "ok EN", stop=("END",))
    assert "".join(writer.text) == spelt(writer) == "ok EN"
    writer, _ = write(byte_tokenizer, "ok EN", stop=("END",), end="length")
    assert "".join(writer.text) == spelt(writer) == "ok EN"
    assert writer.finish_reason == "length"


def test_impossible_tokens_have_a_finite_logprob(byte_tokenizer: Any) -> None:
    writer = ChoiceWriter(byte_tokenizer, frozenset({2}), with_logprobs=True)
    writer.take(Token(70, "a", b"", -0.1, [(70, "a", -0.1), (71, "b", -math.inf)], "length"))
    assert writer.shown[0].top_logprobs[1].logprob == LEAST_LOGPROB


def test_without_logprobs_nothing_is_kept(byte_tokenizer: Any) -> None:
    writer = ChoiceWriter(byte_tokenizer, frozenset({2}), with_logprobs=False)
    assert writer.take(Token(70, "a", b"", -0.1, [], "length")) == ("a", [])
    assert writer.shown == []
