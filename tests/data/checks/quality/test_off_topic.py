"""Answers that have no word of their input."""

from __future__ import annotations

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.off_topic import OffTopic

TOWNS = [
    "Alder",
    "Birch",
    "Cedar",
    "Elder",
    "Hazel",
    "Juniper",
    "Laurel",
    "Maple",
    "Olive",
    "Poplar",
    "Rowan",
    "Willow",
    "Spruce",
    "Walnut",
]
INPUTS = [
    f"The council of {town} wants to repair the bridge near the harbour before winter begins, said the mayor." for town in TOWNS
]
ANSWERS = [f"The council of {town} will repair its harbour bridge before winter." for town in TOWNS]


def lines_of(answers: list[str]) -> list[int]:
    turns = [conversation(line, *pair) for line, pair in enumerate(zip(INPUTS, answers, strict=True), 1)]
    return [one.line for one in findings(OffTopic(), turns)]


def test_a_summary_of_another_text_is_found() -> None:
    other = "Doctors expect shorter queues after weekend surgery started."
    assert lines_of([*ANSWERS[:6], other, *ANSWERS[7:]]) == [7]


def test_answers_in_words_of_their_own_pass() -> None:
    own = "Doctors expect shorter queues after weekend surgery started."
    assert lines_of(ANSWERS) == []
    assert lines_of([own if at % 3 == 0 else answer for at, answer in enumerate(ANSWERS)]) == []
    assert lines_of([*ANSWERS[:6], "Not known.", *ANSWERS[7:]]) == []
