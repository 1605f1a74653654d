"""Streams of text: whole characters only, no stop string, nothing lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import tiny
from tokenizers import Tokenizer, decoders, models

from honekit.chat.call_reader import CallReader
from honekit.chat.tools import GENERIC
from honekit.inference.text import TextStream, token_bytes

TOKENIZER = tiny.tokenizer()


def pushed(text: str, stop: tuple[str, ...] = (), calls: CallReader | None = None) -> tuple[list[str], TextStream]:
    """What a stream gives for the tokens of a text, up to the one that completes a stop string."""
    stream, parts = TextStream(TOKENIZER, stop, calls), []
    for token in TOKENIZER.encode(text, add_special_tokens=False).ids:
        parts.append(stream.push(token))
        if stream.stopped:
            break
    return [*parts, stream.end()], stream


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=40))
def test_the_parts_join_to_the_text(text: str) -> None:
    parts, stream = pushed(text)
    assert "".join(parts) == text
    assert not stream.stopped


def test_a_character_split_over_tokens_comes_whole_with_its_last_token() -> None:
    assert len(TOKENIZER.encode("é🌡", add_special_tokens=False).ids) == 6
    parts, _ = pushed("é🌡")
    assert parts == ["", "é", "", "", "", "🌡", ""]


@settings(deadline=None)  # the machine may be busy
@given(st.text("ab<>é", max_size=30), st.lists(st.text("ab<>é", min_size=1, max_size=4), min_size=1, max_size=3))
def test_a_stop_string_ends_the_text_before_it_and_never_leaks(text: str, stops: list[str]) -> None:
    parts, stream = pushed(text, tuple(stops))
    shown = "".join(parts)
    ends = [text.find(stop) + len(stop) for stop in stops if stop in text]
    assert stream.stopped == bool(ends)
    assert not any(stop in shown for stop in stops)
    assert text.startswith(shown)
    if ends:
        # Up to the first stop string that is complete; of several that end there the one that begins first.
        seen = text[: min(ends)]
        within = TOKENIZER.encode(text, add_special_tokens=False)
        seen = text[: next(end for _, end in within.offsets if end >= len(seen))]
        assert shown == text[: min(at for stop in stops if (at := seen.find(stop)) >= 0)]
    else:
        assert shown == text


CALL = GENERIC.write("f", '{"x": "y<z"}')


@pytest.mark.parametrize(
    ("text", "stop", "shown"),
    [
        ("hi " + CALL, "<", "hi " + CALL[: CALL.index("<z")]),
        ("a<b " + CALL, "<", "a"),
        ("hi " + CALL, "\n", "hi " + CALL),
        ("hi " + CALL, '"arguments', "hi " + CALL),
        (CALL + "\n" + CALL, "\n", CALL + "\n" + CALL),
        (CALL + " bye\n", "\n", CALL + " bye"),
        (CALL, '"}}', CALL),
        (CALL, '"}', CALL[: CALL.index('"}')]),
        ("hi <too", "<", "hi "),
        ("hi <", "<", "hi "),
        ("hi <too", "<tool", "hi <too"),
        ("ab" + CALL, "b<", "ab" + CALL),
    ],
)
def test_a_stop_string_counts_in_text_and_arguments_and_not_in_what_frames_a_call(text: str, stop: str, shown: str) -> None:
    parts, stream = pushed(text, (stop,), CallReader(GENERIC))
    assert "".join(parts) == shown
    assert stream.stopped == (shown != text)


@settings(deadline=None)  # the machine may be busy
@given(st.text("ab<>\n", max_size=12), st.text("ab<>\n", min_size=1, max_size=2), st.text("ab<>\n", max_size=12))
def test_around_a_call_stop_strings_are_found_as_without_one(before: str, stop: str, behind: str) -> None:
    call = GENERIC.write("f", '{"x": 1}')
    parts, stream = pushed(before + call + behind, (stop,), CallReader(GENERIC))
    shown = "".join(parts)
    plain, plain_stream = pushed(before.rstrip(), (stop,))
    if plain_stream.stopped:
        assert (shown, stream.stopped) == ("".join(plain), True)
    else:
        assert shown.startswith(before + call)
        assert shown == before + call + behind or (stream.stopped and stop in behind)


def test_what_may_become_a_stop_string_is_held_back_and_comes_when_it_does_not() -> None:
    parts, _ = pushed("x<<y", ("<<END",))
    assert parts == ["x", "", "", "<<y", ""]
    parts, _ = pushed("x<<E", ("<<END",))
    assert parts == ["x", "", "", "", "<<E"]


def test_control_tokens_are_not_text() -> None:
    stream = TextStream(TOKENIZER, ())
    assert stream.push(1) + stream.push(TOKENIZER.token_to_id("x")) + stream.push(0) == "x"


@pytest.mark.parametrize("text", ["plain ab12", "é🌡\n\x00", "  "])
def test_token_bytes_join_to_the_utf8_of_the_text(text: str) -> None:
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    assert b"".join(token_bytes(TOKENIZER, i) for i in ids) == text.encode()


def test_a_control_token_has_no_bytes() -> None:
    assert token_bytes(TOKENIZER, 1) == b""


def test_token_bytes_of_tokenizers_that_fall_back_to_bytes() -> None:
    symbols = ["<unk>", "▁no", "n", "▁", "<0xC3>", "<0xA9>", "\n"]
    tokenizer = Tokenizer(
        models.BPE(vocab={symbol: index for index, symbol in enumerate(symbols)}, merges=[], byte_fallback=True)
    )
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)  # takes the blank away with which a text begins
    tokenizer.add_special_tokens(["<s>"])
    assert [token_bytes(tokenizer, index) for index in range(1, 8)] == [b" no", b"n", b" ", b"\xc3", b"\xa9", b"\n", b""]
