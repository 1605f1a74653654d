"""Turns read by columns from a block of plain lines are those read from one conversation at a time."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from honekit.data.chat import ChatExample, conversations_in
from honekit.data.checks.read_turns import plain_turns, read_turn
from honekit.data.checks.structure.orders import Orders
from honekit.data.checks.structure.plain import UNKNOWN, Signs, plain_decoder, signs_of
from honekit.data.checks.turn import END_MARKS, Turn, flat
from honekit.data.lines import Line

_PIECES = (
    " ",
    "  ",
    "\n",
    "\t",
    "&",
    "<",
    "\x7f",
    "é",
    '"',
    "\\",
    "{",
    "}",
    "`",
    "```",
    "The",
    "pump",
    "7",
    '{"a": 1}',
    ".",
    "泵",
)
_texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=6).map("".join).filter(str.strip)
_orders = st.sampled_from((("system", "user", "assistant"), ("user", "assistant"), ("user", "assistant", "user", "assistant")))
_conversations = st.lists(
    _orders.flatmap(lambda roles: st.tuples(*(st.tuples(st.just(role), _texts) for role in roles))), min_size=1
)
_NOT_OF_BOTH = ("is_even", "lower", "messages", "said")


def _lines(conversations: list[Any]) -> list[bytes]:
    return [
        json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}, ensure_ascii=False).encode() + b"\n"
        for turns in conversations
    ]


def _read(lines: list[bytes], signs: Signs) -> list[Turn]:
    conversations = plain_decoder()(lines)
    orders = [order for order in Orders().of(conversations) if order]
    return plain_turns([*range(1, len(lines) + 1)], lines, conversations, orders, signs)


def _fields(turn: Turn) -> dict[str, Any]:
    return {name: getattr(turn, name) for name in Turn.__struct_fields__ if name not in _NOT_OF_BOTH} | {"text": turn.text}


@given(_conversations)
@example([(("user", "a  b"), ("assistant", "The pump"))])
@example([(("user", 'say "a"'), ("assistant", "The pump is on.")), (("user", "a\nb"), ("assistant", '{"a": 1}'))])
def test_by_columns_as_one_by_one(conversations: list[Any]) -> None:
    lines = _lines(conversations)
    signs = signs_of(lines, with_runs=True)
    read: list[ChatExample] = [*conversations_in(Line(number, line.decode()) for number, line in enumerate(lines, 1))]
    expected = [_fields(turn) for one in read if (turn := read_turn(one))]
    for found in (_read(lines, UNKNOWN), _read(lines, signs)):
        assert [_fields(turn) for turn in found] == expected
        for turn in found:
            assert not turn.is_even or (not {"\n", "\t", "&", "<"}.intersection(turn.text) and "  " not in "\n".join(turn.texts))
            assert not turn.lower or turn.lower.strip(END_MARKS) == flat(turn.answer)
    assert not any(turn.is_even for turn in _read(lines, UNKNOWN))


def test_short_answers_without_marks_are_even_where_the_lines_were_looked_at() -> None:
    lines = _lines([(("user", 'what is "on"?'), ("assistant", "The pump.")), (("user", "and off?"), ("assistant", '{"a": 1}'))])
    assert [(turn.is_even, turn.lower) for turn in _read(lines, signs_of(lines, with_runs=True))] == [
        (True, "the pump."),
        (True, ""),
    ]


@given(st.lists(st.binary(max_size=40).map(lambda some: some.replace(b"\n", b" ") + b"\n"), min_size=1))
def test_signs_are_those_of_all_lines(lines: list[bytes]) -> None:
    together = b"\n".join(lines)
    signs = signs_of(lines, with_runs=True)
    assert (signs.marks, signs.escapes, signs.may_have_runs) == (
        together.count(b'"'),
        together.count(b"\\"),
        b"  " in together,
    )
    assert signs.other_escapes == sum(
        1 for one, other in zip(together, together[1:] + b" ", strict=True) if one == ord("\\") and other != ord('"')
    )
    assert signs_of(lines, with_runs=False) == signs._replace(may_have_runs=True)
