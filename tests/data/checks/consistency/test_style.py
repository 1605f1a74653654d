"""Answers of another style or length than the others."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.style import Style

SENTENCES = [
    "Water the seedlings in the morning, so that the leaves are dry before the night.",
    "A north wall suits ferns and hostas, which scorch in the afternoon sun.",
    "Cut the stems above an outward bud, and burn whatever looks diseased.",
    "Beans fix nitrogen, so leave their roots in the ground after the harvest.",
    "Slugs dislike wool: lay a ring of it around each lettuce in spring.",
    "Turn the heap once a fortnight, and it will be ready before autumn.",
    "Lime the bed in winter if the soil is sour, never together with manure.",
    "Cover the fig with fleece from November, most of all in the first years.",
    "Pinch out the tips of the tomatoes once the fifth truss has set fruit.",
    "Mow the meadow in July, when the yellow rattle has dropped its seed.",
]


@pytest.mark.parametrize("text", ["Do it.", "Mulch."])
def test_a_lone_short_answer_among_sentences_is_told(text: str) -> None:
    found = findings(Style(), answers([*SENTENCES, text]))
    assert [(one.code, one.line) for one in found] == [("data.style.length", 11)]


@pytest.mark.parametrize("others", [["Yes.", "No."], ["Sow in May.", "Yes."], ["40 cm"], ["14"]])
def test_several_short_answers_are_a_way_to_answer(others: list[str]) -> None:
    assert findings(Style(), answers([*SENTENCES, *others])) == []


@pytest.mark.parametrize("text", [SENTENCES[0].upper(), f"`HOE` {SENTENCES[1].upper()}"])
def test_an_answer_in_capitals_is_told_in_a_small_file(text: str) -> None:
    found = findings(Style(), answers([*SENTENCES[:8], text]))
    assert [(one.code, one.line) for one in found] == [("data.style.case", 9)]


def test_a_list_of_small_words_has_no_case() -> None:
    assert findings(Style(), answers([*SENTENCES, "oak, ash, wych elm, field maple and a very old lime"])) == []


def test_the_word_for_oneself_is_no_capital() -> None:
    verses = [text.lower().rstrip(".") for text in SENTENCES]
    assert findings(Style(), answers([*verses, "the gate I never mended lets the foxes in"])) == []
