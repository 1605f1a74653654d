"""Answers that say the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, findings

from honekit.chat.messages import Message
from honekit.data.chat import ChatExample
from honekit.data.checks.quality.repetition import Repetition, repeated_in
from honekit.data.checks.read_turns import read_turn

SENTENCE = "The contract expires at the end of March"
VERSES = "Rain on the roof,\nrain on the sea.\n\nWind in the sail,\nwind in the tree."


@pytest.mark.parametrize(
    "text",
    [
        f"{SENTENCE}, says the note.\n\n{SENTENCE}, says the note.",
        f"{SENTENCE}. {SENTENCE}. {SENTENCE}.",
        f"{SENTENCE}{'!' * 60}",
        f"{SENTENCE} of the year {'of the year ' * 6}",
        f"{SENTENCE}{', or in May' * 9}",
        f"{SENTENCE}, {'maybe ' * 12}maybe.",
    ],
)
def test_a_text_that_says_the_same_again_is_known(text: str) -> None:
    assert repeated_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "She laughed: ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha!",
        "1 0 1 0 1 0 1 0 " * 8,
        SENTENCE * 1,
        VERSES,
        f"| a | b |\n{'-' * 60}",
        f"{SENTENCE}. Yes. {SENTENCE}. Yes. No.",
        "0" * 60,
    ],
)
def test_verses_rules_and_noughts_are_no_repetition(text: str) -> None:
    assert repeated_in(text) is None


def test_the_assistant_that_gives_its_last_answer_again_is_told() -> None:
    said = "Take the second door on the left, please."
    roles = [Message("user", "Where?"), Message("assistant", said), Message("user", "And then?"), Message("assistant", said)]
    turn = read_turn(ChatExample(roles, None, 11))
    assert turn is not None
    found = findings(Repetition(), [*answers([f"Room {n} is upstairs." for n in range(10)]), turn])
    assert [(one.code, one.line, one.field) for one in found] == [("data.answers.repetition", 11, "messages[3].content")]


@given(st.text())
def test_any_text_is_looked_at(text: str) -> None:
    repeated_in(text)
