"""Calls, read out of an answer however it is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honekit.chat.call_reader import CallReader, Piece
from honekit.chat.tools import GENERIC


def read(text: str, size: int, **options: Any) -> list[Piece]:
    """The pieces of a text that comes `size` characters at a time, those of a kind in a row joined."""
    cut = options.pop("cut", False)
    reader = CallReader(GENERIC, **options)
    pieces = [p for i in range(0, len(text), size) for p in reader.push(text[i : i + size])] + reader.end(cut=cut)
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].kind == piece.kind != "call":
            piece = Piece(piece.kind, joined.pop().text + piece.text)
        joined.append(piece)
    return joined


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\{}[]<>', max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text('k"{}', max_size=2), inner, max_size=2),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.text("xy", max_size=2), JSON, max_size=3).map(json.dumps)
WORDS = st.text("ab <>/\n{}", max_size=8).filter(lambda text: "<tool_call>" not in text)


@given(WORDS, st.lists(st.tuples(st.sampled_from(["f", "get_x-1"]), ARGUMENTS), max_size=3), st.integers(1, 9))
def test_calls_come_out_as_they_were_written_however_the_text_is_cut(
    before: str, calls: list[tuple[str, str]], size: int
) -> None:
    text = before + "\n".join(GENERIC.write(*call) for call in calls)
    pieces = read(text, size)
    said = "".join(p.text for p in pieces if p.kind == "text")
    assert said == (before.rstrip() if calls else before)
    made = [p.text for p in pieces if p.kind != "text"]
    assert made == [part for call in calls for part in call]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_an_answer_that_is_cut_keeps_what_there_is(size: int) -> None:
    whole = GENERIC.write("f", '{"a": [1, 2]}')
    assert read("hello <tool", size) == [Piece("text", "hello <tool")]
    at = whole.index("[1") + 2
    assert read(whole[:at], size) == [Piece("call", "f"), Piece("arguments", '{"a": [1')]
    assert read(whole[:-5], size) == [Piece("call", "f"), Piece("arguments", '{"a": [1, 2]}')]


@pytest.mark.parametrize("size", [1, 4, 100])
@pytest.mark.parametrize("only_first", [False, True])
def test_of_a_call_that_is_cut_only_the_name_and_arguments_show(size: int, only_first: bool) -> None:
    whole = GENERIC.write("f-1", '{"a": 1}')
    for length in range(1, len(whole)):
        pieces = read(whole[:length], size, only_first=only_first, cut=True)
        arguments = whole[whole.index('{"a"') : length].removesuffix("\n")[:8]
        made = [Piece("call", "f-1"), *([Piece("arguments", arguments)] if arguments else [])]
        assert pieces == (made if '"f-1"' in whole[:length] else []), whole[:length]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_text_before_a_call_that_is_cut_is_kept(size: int) -> None:
    assert read("hello  <tool", size, cut=True) == [Piece("text", "hello")]
    assert read("hello  ", size, cut=True) == [Piece("text", "hello  ")]
    assert read('hello <tool_call>\n{"na', size) == [Piece("text", "hello")]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_where_calls_stand_first_a_later_opener_is_only_text(size: int) -> None:
    quoting = '{"text": "<tool_call>"}  '
    assert read(quoting, size, only_first=True) == [Piece("text", quoting)]
    assert read(GENERIC.write("f", "{}"), size, only_first=True) == [Piece("call", "f"), Piece("arguments", "{}")]


@pytest.mark.parametrize("only_first", [False, True])
@pytest.mark.parametrize("size", [1, 4, 100])
def test_white_space_behind_a_call_belongs_to_it_however_the_text_is_cut(size: int, only_first: bool) -> None:
    call = [Piece("call", "f"), Piece("arguments", "{}")]
    assert read(GENERIC.write("f", "{}") + " \n", size, only_first=only_first) == call
    assert read(GENERIC.write("f", "{}") + " \nso, {x ", size, only_first=only_first) == [*call, Piece("text", "so, {x ")]
