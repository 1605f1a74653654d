"""Marks of chat templates, thoughts, remnants of pages and stock phrases."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.quality.traces import Traces

PLAIN = [
    f"Take the {word} door on the left."
    for word in ("first", "second", "third", "green", "red", "last", "iron", "old", "low", "tall")
]


def codes(texts: list[str]) -> list[tuple[str, int]]:
    return [(finding.code, finding.line) for finding in findings(Traces(), answers(texts))]


@pytest.mark.parametrize(
    "text",
    [
        "Go left.<|im_end|>",
        "```sh\ncd left\n```<|im_end|>",
        "[INST] Go left. [/INST]",
        "Go left.</s>",
        "Left.\n### Response:\nRight.",
    ],
)
def test_a_mark_of_a_chat_template_is_found(text: str) -> None:
    assert codes([*PLAIN, text]) == [("data.text.template_marks", 11)]


def test_a_mark_within_code_is_part_of_the_code() -> None:
    assert codes([*PLAIN, '```py\nstop = "<|im_end|>"\n```']) == []


def test_marks_in_all_records_are_one_finding() -> None:
    assert codes([f"{text}<|im_end|>" for text in PLAIN]) == [("data.text.template_marks", 1)]


def test_a_further_turn_in_an_answer_is_found() -> None:
    assert codes([*PLAIN, "Go left.\nUser: Thanks!\nAssistant: You are welcome."]) == [("data.text.template_marks", 11)]


def test_a_written_dialogue_is_no_further_turn() -> None:
    turn = conversation(11, "Write a dialogue in a shop.", "Customer: Hello.\nCustomer: Is there bread?")
    assert findings(Traces(), [*answers(PLAIN), turn]) == []


@pytest.mark.parametrize(
    "text", ["assistant: Go left.", "A: Go left.", "Answer: Go left.", "Asistente: left.", "Go left. [end of text]"]
)
def test_a_speakers_name_or_an_end_mark_in_one_answer_is_found(text: str) -> None:
    assert codes([*PLAIN, text]) == [("data.text.template_marks", 11)]


def test_the_first_of_several_choices_is_no_speaker() -> None:
    turn = conversation(11, "Which way? A: left B: right", "A: left")
    assert findings(Traces(), [*answers(PLAIN), turn]) == []


def test_an_answer_behind_its_steps_is_meant_and_so_is_one_without_steps() -> None:
    assert codes([*(f"{text} Then stop.\nAnswer: left" for text in PLAIN), "Answer: right"]) == []


def test_a_heading_that_the_prompt_asks_for_is_meant() -> None:
    turn = conversation(11, 'Which way? Begin with "Answer:".', "Answer: Go left.")
    assert findings(Traces(), [*answers(PLAIN), turn]) == []


def test_footnotes_of_a_given_source_are_meant() -> None:
    turn = conversation(11, "Context: [1] Iron rusts. [2] Tin does not. Which rusts?", "Iron does.[1][2]")
    assert findings(Traces(), [*answers(PLAIN), turn]) == []


def test_thoughts_in_one_answer_are_told_and_in_all_are_meant() -> None:
    assert codes([*PLAIN, "<think>Which way?</think>\nGo left."]) == [("data.text.reasoning", 11)]
    assert codes([f"<think>Which way?</think>\n{text}" for text in PLAIN]) == []


@pytest.mark.parametrize(
    "text",
    [
        "Iron rusts in damp air. Copyright © 2021 ChemWorld. All rights reserved.",
        "Iron rusts in damp air.[3][4]",
        "Iron rusts in damp air.\n\nSource: Wikipedia, retrieved 3 May 2022",
        "See you. This e-mail is confidential.",
    ],
)
def test_what_stands_around_a_page_or_a_mail_is_found(text: str) -> None:
    assert codes([*PLAIN, text]) == [("data.text.page_remnants", 11)]


@pytest.mark.parametrize(
    "text", ["The copyright ends after seventy years.", "Call rows[3] and then rows[4].", "Keep it confidential."]
)
def test_words_of_the_subject_are_no_remnant(text: str) -> None:
    assert codes([*PLAIN, text]) == []


@pytest.mark.parametrize("text", ["Sure! Here is the way: go left.", "Go left, then right at the lamp. I hope this helps!"])
def test_a_stock_phrase_is_advice_when_it_is_rare(text: str) -> None:
    assert codes([*PLAIN, text]) == [("data.style.filler", 11)]
    assert codes([*PLAIN, *[text] * 5]) == []
