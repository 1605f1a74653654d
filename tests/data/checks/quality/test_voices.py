"""Conversations whose sides have each other's words."""

from __future__ import annotations

import random

from tests.data.checks.conversations import findings

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.voices import Voices
from honekit.data.checks.read_turns import read_turn
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

THINGS = ["tent", "stove", "lamp", "rope", "map", "boat", "bike", "tarp", "flask", "knife"]
ASKED = ["Can I rent a {} from you?", "Do I have to bring my own {}?", "My {} is broken, what should I do?", "Where is my {}?"]
ANSWERED = [
    "Yes, the {} is included in our price.",
    "Please bring the {} to our desk before noon.",
    "Of course, our {} costs nine euros.",
    "Sorry, our last {} is rented out.",
]


def turns(count: int, swapped: int = 0) -> list[Turn]:
    chance = random.Random(3)
    found = []
    for line in range(1, count + 1):
        sides = [[text.format(chance.choice(THINGS)) for text in chance.sample(texts, 2)] for texts in (ASKED, ANSWERED)]
        asked, answered = reversed(sides) if line == swapped else sides
        said = [text for pair in zip(asked, answered, strict=True) for text in pair]
        messages = [Message("assistant" if at % 2 else "user", text) for at, text in enumerate(said)]
        turn = read_turn(ChatExample(messages, None, line))
        assert turn
        found.append(turn)
    return found


def test_one_conversation_the_other_way_round_is_told() -> None:
    found = findings(Voices(), turns(30, swapped=17))
    assert [(one.code, one.line, one.field) for one in found] == [("data.roles.swapped", 17, "messages[0].content")]


def test_conversations_like_all_others_and_few_ones_are_none() -> None:
    assert findings(Voices(), turns(30)) == []
    assert findings(Voices(), turns(15, swapped=7)) == []


def test_sides_that_speak_alike_are_none() -> None:
    alike = turns(30, swapped=17)
    for turn in alike:
        if turn.line % 2 and turn.line != 17:
            turn.texts.reverse()
    assert findings(Voices(), alike) == []


def test_parts_join() -> None:
    first, second = Voices(), Voices()
    all_turns = turns(30, swapped=17)
    first.see(Turns(all_turns[:10]))
    for line, turn in enumerate(all_turns[10:], 1):
        turn.line = line
    second.see(Turns(all_turns[10:]))
    first.join(second, 10)
    assert [one.line for one in first.finish()] == [17]
