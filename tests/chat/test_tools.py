"""Calls in a conversation: into the prompt, and back out of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import tiny

from honekit.chat.messages import Message, parse_messages
from honekit.chat.template import ChatTemplate
from honekit.chat.tools import (
    GENERIC,
    PROMPT,
    CallForm,
    CallReader,
    Piece,
    call_form,
    for_template,
    generic_messages,
    native_form,
)

TOOL = {"type": "function", "function": {"name": "f", "description": "does f", "parameters": {"type": "object"}}}
NATIVE = (
    "{% if tools %}{% for tool in tools %}{{ tool | tojson }}{% endfor %}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    '{% for call in message.tool_calls or [] %}OPEN\n{"name": "{{ call.function.name }}", '
    '"KEY": {{ call.function.arguments | tojson }}}\nCLOSE{% endfor %}<|im_end|>\n{% endfor %}'
)


def template(source: str) -> ChatTemplate:
    return ChatTemplate(source, tiny.tokenizer(), {"eos_token": tiny.SPECIAL[tiny.END]})


def written(opener: str, closer: str, key: str) -> str:
    return NATIVE.replace("OPEN", opener).replace("CLOSE", closer).replace("KEY", key)


@pytest.mark.parametrize(
    ("opener", "closer", "key"), [("<tool_call>", "</tool_call>", "arguments"), ("<call>", "</call>", "parameters")]
)
def test_a_template_shows_how_it_writes_calls(opener: str, closer: str, key: str) -> None:
    assert native_form(template(written(opener, closer, key))) == CallForm(opener, closer, key)


@pytest.mark.parametrize(
    "source",
    [
        tiny.CHATML,
        written("[CALL]", "[/CALL]", "arguments"),
        written("<|im_start|>", "</x>", "arguments"),  # a control token leaves no text
        written("<tool_call>", "</tool_call>", "arguments").replace("{{ tool | tojson }}", ""),
        "{{ raise_exception('no') }}",
    ],
    ids=["no tools", "another form", "a control token", "tools not shown", "refuses"],
)
def test_other_templates_get_the_generic_form(source: str) -> None:
    assert native_form(template(source)) is None
    assert call_form(template(source)) == GENERIC


CONVERSATION = parse_messages(
    [
        {"role": "user", "content": "weather in Oslo and Rome?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"city": "Oslo"}'}},
                {"id": "2", "type": "function", "function": {"name": "f", "arguments": '{"city": "Rome"}'}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "cold"},
        {"role": "tool", "tool_call_id": "2", "content": "warm"},
        {"role": "user", "content": "thanks"},
    ]
)


def test_a_template_without_tools_is_told_in_words() -> None:
    system, _, asked, told, _ = generic_messages(CONVERSATION, [TOOL])
    assert system.role == "system" and json.dumps(TOOL["function"]) in system.text
    calls = [piece for piece in read(asked.text, 1000) if piece.kind != "text"]
    assert [p.text for p in calls] == ["f", '{"city": "Oslo"}', "f", '{"city": "Rome"}']
    assert told.role == "user"
    assert told.text.count("<tool_response>") == 2
    assert told.text.index("cold") < told.text.index("warm")


def test_the_documentation_shows_the_prompt_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    shown = next(block for block in text.split("```\n") if block.startswith(PROMPT[:20]))
    described = next(line for line in shown.splitlines() if line.startswith('{"name": "get_weather"'))
    assert shown.strip() == PROMPT.format(tools=described)


def test_the_functions_join_a_system_message_that_is_there() -> None:
    first, second = generic_messages([Message("developer", "Be brief."), Message("user", "x")], [TOOL])
    assert first.role == "developer"
    assert first.text.startswith("Be brief.\n\n")
    assert '"does f"' in first.text
    assert second.text == "x"


def test_a_conversation_without_tools_is_left_alone() -> None:
    plain = [Message("user", "x"), Message("assistant", "y")]
    assert for_template(template(tiny.CHATML), plain, []) == (plain, None)
    native = template(written("<tool_call>", "</tool_call>", "arguments"))
    assert for_template(native, CONVERSATION, [TOOL]) == (CONVERSATION, [TOOL])
    assert for_template(template(tiny.CHATML), CONVERSATION, [])[0][0].role == "user"  # results without functions: no prompt


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
