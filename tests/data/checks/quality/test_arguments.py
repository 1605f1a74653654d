"""Numbers and dates in calls that nobody named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.data.checks.conversations import findings

from honekit.chat.messages import FunctionCall, Message, ToolCall
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.arguments import Arguments
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

TOOLS = [{"type": "function", "function": {"name": "hire", "description": "Hire one of the two boats.", "parameters": {}}}]
WORDS = ["two", "three", "four", "five", "six", "seven", "eight", "nine"]


def call(line: int, wish: str, arguments: dict[str, Any]) -> Turn:
    calls = [ToolCall(FunctionCall("hire", json.dumps(arguments)), "a")]
    turn = read_turn(ChatExample([Message("user", wish), Message("assistant", None, tool_calls=calls)], TOOLS, line))
    assert turn is not None
    return turn


def usual() -> list[Turn]:
    return [
        call(line, f"A boat for {word} people on {line} May 2027.", {"people": line + 1, "day": f"2027-05-0{line}", "days": 1})
        for line, word in enumerate(WORDS, 1)
    ]


@pytest.mark.parametrize(
    ("wish", "arguments", "what"),
    [
        ("Eleven of us, on 4 June 2027", {"people": 12, "day": "2027-06-04"}, "`people` is 12, which stands nowhere"),
        ("11 people, 2027-06-04", {"people": 12, "day": "2027-06-04"}, "where 11 does"),
        ("Für drei Leute am 4. Juni 2027", {"people": 2, "day": "2027-06-04"}, "where 3 does"),
        ("One day, 4 June 2027, for three", {"people": 3, "day": "2027-06-04", "days": 2}, "where 1 does"),
        ("For three on 4 June 2027", {"people": 3, "day": "2027-06-05"}, "where 2027-06-04 does"),
    ],
)
def test_another_argument_than_the_named_is_told(wish: str, arguments: dict[str, Any], what: str) -> None:
    found = findings(Arguments(), [*usual(), call(9, wish, arguments)])
    assert [(one.code, one.line, one.field) for one in found] == [
        ("data.answers.unfounded", 9, "messages[1].tool_calls[0].function.arguments")
    ]
    assert what in found[0].message


@pytest.mark.parametrize(
    ("wish", "arguments"),
    [
        ("My wife and I want a boat on 4 June 2027", {"people": 2, "day": "2027-06-04"}),
        ("A boat for the family, 4 June 2027", {"people": 5, "day": "2027-06-04"}),
        ("A boat for three, tomorrow", {"people": 3, "day": "2027-06-05"}),
        ("One boat for 25 %", {"people": 0.25}),
        ("A boat for two hours on 4 June 2027", {"minutes": 120, "day": "2027-06-04"}),
        ("A boat for two weeks from 4 June 2027", {"days": 14, "day": "2027-06-04"}),
        ("A boat on 4 June 2027, just me", {"people": 1, "day": "2027-06-04"}),
    ],
)
def test_what_is_meant_without_words_passes(wish: str, arguments: dict[str, Any]) -> None:
    assert findings(Arguments(), [*usual(), call(9, wish, arguments)]) == []


def test_arguments_that_are_often_worked_out_are_left_alone() -> None:
    others = [call(line, f"For {line} pairs", {"people": 2 * line}) for line in range(30, 38)]
    assert findings(Arguments(), [*usual(), *others]) == []


def test_parts_of_a_file_join() -> None:
    first, later = Arguments(), Arguments()
    first.see(Turns(usual()))
    later.see(Turns([call(1, "Eleven of us", {"people": 12})]))
    first.join(later, 8)
    assert [one.line for one in first.finish()] == [9]
