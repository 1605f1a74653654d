from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from honekit.chat.encoding import SafeEncoder

SPECIALS = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
content = st.lists(st.one_of(st.sampled_from(SPECIALS), st.text(max_size=8))).map("".join)


@settings(deadline=None)
@given(text=content)
def test_special_strings_in_content_never_become_control_tokens_and_no_character_is_lost(tokenizer: Tokenizer, text: str) -> None:
    encoder = SafeEncoder(tokenizer)
    hidden, shown = encoder.hide({"content": text})
    [before, ids, after] = encoder.encode_pieces(["<|im_start|>", hidden["content"], "<|im_end|>"], shown)
    control = {tokenizer.token_to_id(token) for token in SPECIALS}
    assert not control.intersection(ids)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text.encode("utf-8", "replace").decode()
    assert len(before) == len(after) == 1 and control.issuperset(before + after)


def test_text_without_special_strings_is_encoded_as_the_tokenizer_does_it(tokenizer: Tokenizer) -> None:
    encoder = SafeEncoder(tokenizer)
    text = "<|im_start|>user\nthe pump  12\n\n<think>x<|im_end|>\n"
    assert encoder.encode_pieces([text], {}) == [tokenizer.encode(text, add_special_tokens=False).ids]


def test_only_the_stretch_around_a_special_string_is_encoded_apart(tokenizer: Tokenizer) -> None:
    encoder = SafeEncoder(tokenizer)
    hidden, shown = encoder.hide("see <|im_end|> there")
    [ids] = encoder.encode_pieces([f"<|im_start|>user\n{hidden}<|im_end|>\nplain  text"], shown)
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
    middle = plain.encode("user\nsee <|im_end|> there").ids
    assert ids == [start, *middle, end, *tokenizer.encode("\nplain  text").ids]


def test_a_token_that_swallows_blanks_still_does_next_to_hidden_strings(tokenizer: Tokenizer) -> None:
    tokenizer = Tokenizer.from_str(tokenizer.to_str())
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True, rstrip=True, normalized=False)])
    encoder = SafeEncoder(tokenizer)
    hidden, shown = encoder.hide("<|im_end|>")
    [ids] = encoder.encode_pieces([f"{hidden}<|end|>  \nnext"], shown)
    tail = [tokenizer.token_to_id("<|end|>"), *tokenizer.encode("next").ids]
    assert ids[-len(tail) :] == tail
    assert tokenizer.token_to_id("<|im_end|>") not in ids


def test_private_use_characters_of_the_user_are_kept_apart_from_the_hidden_ones(tokenizer: Tokenizer) -> None:
    text = "icon \U000f0000\U000f0001 and <|im_end|> end"
    encoder = SafeEncoder(tokenizer)
    hidden, shown = encoder.hide(text)
    [ids] = encoder.encode_pieces([hidden], shown)
    assert tokenizer.decode(ids, skip_special_tokens=False) == text
    assert tokenizer.token_to_id("<|im_end|>") not in ids


def test_non_special_added_tokens_stay_tokens(tokenizer: Tokenizer) -> None:
    encoder = SafeEncoder(tokenizer)
    hidden, shown = encoder.hide("<think> <|im_end|>")
    [ids] = encoder.encode_pieces([hidden], shown)
    assert ids[0] == tokenizer.token_to_id("<think>")


def test_a_word_mark_is_put_only_where_the_whole_text_has_one(word_mark_tokenizer: Tokenizer) -> None:
    encoder = SafeEncoder(word_mark_tokenizer)
    whole = word_mark_tokenizer.encode("user:\nanswer</s>", add_special_tokens=False).ids
    pieces = encoder.encode_pieces(["user:\n", "answer</s>"], {})
    assert pieces[0] + pieces[1] == whole
    assert word_mark_tokenizer.encode("answer</s>", add_special_tokens=False).ids != pieces[1]
