from __future__ import annotations

from tokenizers import Tokenizer

from honekit.chat.plain_text import Continuations, document_start, text_ids
from honekit.chat.template import ChatTemplate


def test_a_completion_alone_is_learnt_and_behind_it_the_end(chatml: ChatTemplate) -> None:
    ids = Continuations(chatml).training_ids("the pump", " stopped")
    before = text_ids("the pump", chatml.tokenizer)
    assert ids.token_ids[: len(before)] == before
    assert chatml.tokenizer.decode(ids.token_ids[len(before) :], skip_special_tokens=False) == " stopped<|im_end|>"
    assert ids.weights == [0.0] * len(before) + [1.0] * (len(ids.token_ids) - len(before))


def test_an_empty_prompt_is_the_beginning_of_a_document(chatml: ChatTemplate) -> None:
    ids = Continuations(chatml).training_ids("", "the sensor")
    assert ids.token_ids[:1] == document_start(chatml) == [chatml.tokenizer.token_to_id("<|endoftext|>")]
    assert ids.weights == [0.0] + [1.0] * (len(ids.token_ids) - 1)


def test_control_tokens_that_a_text_writes_out_are_such(chatml: ChatTemplate) -> None:
    ids = Continuations(chatml).training_ids("<|im_start|>user\n", "the pump<|im_end|>").token_ids
    assert ids[0] == chatml.tokenizer.token_to_id("<|im_start|>")
    assert ids[-2:] == [chatml.tokenizer.token_to_id("<|im_end|>")] * 2


def test_within_a_word_no_mark_of_a_beginning_is_learnt(word_mark_tokenizer: Tokenizer) -> None:
    ids = Continuations(ChatTemplate("", word_mark_tokenizer, {})).training_ids("the answ", "er")
    assert [word_mark_tokenizer.id_to_token(one) for one in ids.token_ids[-2:]] == ["e", "r"]
    assert ids.weights[-3:] == [0.0, 1.0, 1.0]
