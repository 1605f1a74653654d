from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from honekit.data.chat import readable_conversations
from honekit.data.checks import CheckOptions
from honekit.data.checks.leakage.held_out import LeakageCheck
from honekit.data.lines import Finding

Turns = tuple[str, ...]
"""Texts of a conversation: system (may be empty), then user and assistant in turn."""

TRAIN: list[Turns] = [
    ("Name the team.", "The printer on floor 2 prints blank pages since this morning.", "printing"),
    ("Name the team.", "My badge no longer opens the garage door.", "access"),
    ("Name the team.", "Payroll paid me twice in March, what should I do?", "payroll"),
]


def _write(path: Path, conversations: Sequence[Turns]) -> Path:
    lines = []
    for system, *turns in conversations:
        messages = [{"role": "system", "content": system}] if system else []
        messages += [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(turns)]
        lines.append(json.dumps({"messages": messages}))
    path.write_text("\n".join(lines) + "\n")
    return path


def _leaks(tmp_path: Path, train: Sequence[Turns], **held_out: Sequence[Turns]) -> list[Finding]:
    files = {split: _write(tmp_path / f"{split}.jsonl", turns) for split, turns in held_out.items()}
    check = LeakageCheck(CheckOptions(**files))
    found: list[Finding] = []
    for example in readable_conversations(_write(tmp_path / "train.jsonl", train)):
        found.extend(check.see(example))
    return [*found, *check.finish()]


def test_a_leak_into_the_test_set_is_an_error_and_one_into_validation_a_warning(tmp_path: Path) -> None:
    found = _leaks(
        tmp_path, TRAIN, validation=[TRAIN[0]], test=[("Name the team.", "The lift is stuck.", "facilities"), TRAIN[2]]
    )
    assert [(f.code, f.severity, f.line) for f in found] == [("data.leak.exact", "warning", 1), ("data.leak.exact", "error", 3)]
    assert "validation.jsonl:1" in found[0].message
    assert "test.jsonl:2" in found[1].message


def test_numbers_and_a_changed_word_do_not_hide_a_leak(tmp_path: Path) -> None:
    near = ("Name the team.", "The printer on floor 17 prints blank pages since this evening.", "printing")
    found = _leaks(tmp_path, TRAIN, test=[near])
    assert [(f.code, f.severity, f.line) for f in found] == [("data.leak.near_duplicate", "error", 1)]
    assert "test.jsonl:1" in found[0].message


def test_a_contraction_does_not_hide_a_leak(tmp_path: Path) -> None:
    train = [*TRAIN, ("Name the team.", "Locked out of the garage and I am late for work.", "access")]
    near = ("Name the team.", "I'm locked out of my garage and late for work.", "access")
    assert [(f.code, f.line) for f in _leaks(tmp_path, train, test=[near])] == [("data.leak.near_duplicate", 4)]
    other = ("Name the team.", "I'm locked out of my garage and late for lunch at work.", "access")
    assert [f.code for f in _leaks(tmp_path, train, test=[(*other[:2], "facilities")])] == []


def test_validation_and_test_are_compared_too(tmp_path: Path) -> None:
    held_out = ("Name the team.", "The lift between floor 3 and floor 4 is stuck again.", "facilities")
    near = ("Name the team.", "The lift between floor 1 and floor 2 is stuck again!", "facilities")
    for other, code in ((held_out, "data.leak.exact"), (near, "data.leak.near_duplicate")):
        found = _leaks(tmp_path, TRAIN, validation=[other], test=[held_out])
        assert [(f.code, f.severity, f.line) for f in found] == [(code, "error", 0)]
        assert "validation.jsonl:1" in found[0].message
        assert "test.jsonl:1" in found[0].message


def test_a_long_answer_may_be_worded_otherwise_under_a_leaked_input(tmp_path: Path) -> None:
    question = "How do I reset the water heater after the power came back?"
    train = [("", question, "Hold the red button for five seconds, wait until the lamp is green and set the clock again.")]
    test = [
        (
            "",
            question.replace("back?", "back today?"),
            "Press the red button, keep it down, and the heater starts anew within a minute or so.",
        )
    ]
    assert [f.code for f in _leaks(tmp_path, train, test=test)] == ["data.leak.near_duplicate"]


LONG = ("", "My rope is 60 m long, but I paid for 70.", "I am sorry! Which order is it?", "BK-9", "A new one is on its way.")


def test_a_held_out_conversation_at_the_beginning_of_a_longer_one_is_a_leak(tmp_path: Path) -> None:
    found = _leaks(tmp_path, [*TRAIN, LONG], test=[LONG[:3]])
    assert [(f.code, f.severity, f.line) for f in found] == [("data.leak.exact", "error", 4)]
    assert "begins with all of test.jsonl:1" in found[0].message


def test_what_many_conversations_begin_with_is_no_leak(tmp_path: Path) -> None:
    train = [(*LONG[:3], f"BK-{n}", f"Parcel {n} is on its way.") for n in range(5)]
    assert _leaks(tmp_path, train, test=[LONG[:3]]) == []
    hello = ("", "Hello!", "Good morning, what is it?")
    assert _leaks(tmp_path, [(*hello, *LONG[1:3])], test=[hello]) == []


def test_small_words_do_not_hide_a_leak_under_a_retold_answer(tmp_path: Path) -> None:
    train = ("", "Why do onions make us cry when we cut them?", "A gas from the cells of the onion turns to acid on the eye.")
    test = ("", "Why do onions make us cry when we cut them up?", "A gas from its cells turns into acid when it meets the eye.")
    assert [f.code for f in _leaks(tmp_path, [train], test=[test])] == ["data.leak.near_duplicate"]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        # Equal short inputs under other instructions, with other answers.
        (
            ("Text: the tide is high.", "Summarise the text above.", "High tide."),
            ("Text: rain.", "Summarise the text above.", "Rain."),
        ),
        # A greeting.
        (("", "Hello there", "Good morning, what can I do for you?"), ("", "Hello there", "Hi! How may I help?")),
        # Hardly a word.
        (("", "Log: ..;; 7f 3a -- 0x", "no device event"), ("", "Log: ~~ 0 -- 5", "no device event")),
        # A contrast that was meant.
        (("", "What is 12 + 7 minus 3?", "16"), ("", "What is 12 + 8 minus 3?", "17")),
        # The same last turn of two conversations.
        (
            ("", "The door is stuck.", "Which one?", "The left.", "facilities"),
            ("", "I need a badge.", "Where?", "The left.", "access"),
        ),
        # Only the system prompt is shared.
        (("Name the team.", "My monitor flickers.", "hardware"), ("Name the team.", "The soup was cold.", "canteen")),
    ],
)
def test_what_is_alike_by_nature_is_no_leak(tmp_path: Path, train: Turns, test: Turns) -> None:
    assert _leaks(tmp_path, [train], test=[test]) == []


def test_ids_copied_into_an_answer_do_not_make_it_another_one(tmp_path: Path) -> None:
    train = ("", "gw-14 lost its uplink twice since the morning shift", '{"device": "gw-14", "fault": "uplink"}')
    test = ("", "gw-2 lost its uplink twice since the morning shift", '{"device": "gw-2", "fault": "uplink"}')
    assert [f.code for f in _leaks(tmp_path, [train], test=[test])] == ["data.leak.near_duplicate"]


def test_a_short_input_with_the_same_answer_is_a_leak(tmp_path: Path) -> None:
    greeting = ("", "Hello there", "Good morning!")
    assert [f.code for f in _leaks(tmp_path, [greeting], test=[greeting])] == ["data.leak.exact"]


def test_without_held_out_files_nothing_is_looked_up(tmp_path: Path) -> None:
    assert _leaks(tmp_path, [*TRAIN, *TRAIN]) == []


def _readings(count: int, first: int) -> list[Turns]:
    values = [(n, (n * 37) % 90) for n in range(first, first + count)]
    return [
        ("Is it hot?", f"Cabinet {n}: temperature {t} degrees, fan {t * 31 + n} rpm.", "hot" if t > 50 else "fine")
        for n, t in values
    ]


def test_readings_whose_numbers_decide_the_label_are_no_leak_unless_they_are_equal(tmp_path: Path) -> None:
    train = _readings(40, 100)
    assert _leaks(tmp_path, train, test=_readings(10, 300)) == []
    found = _leaks(tmp_path, train, test=[*_readings(10, 300), train[7]])
    assert [(f.code, f.line) for f in found] == [("data.leak.exact", 8)]


def test_lines_of_a_log_whose_numbers_decide_nothing_leak(tmp_path: Path) -> None:
    train = [("Is it a fault?", f"pump-{n} trip P-{n * 7} at {n * 3} A on motor start", "yes") for n in range(100, 130)]
    found = _leaks(tmp_path, train, test=[("Is it a fault?", "pump-7 trip P-19 at 4 A on motor start", "yes")])
    assert {f.code for f in found} == {"data.leak.near_duplicate"}


def test_small_words_and_their_order_do_not_hide_a_leak_and_another_label_is_none(tmp_path: Path) -> None:
    near = ("Name the team.", "No longer opens my badge a garage door.", "access")
    found = _leaks(tmp_path, TRAIN, test=[near])
    assert [(f.code, f.severity, f.line) for f in found] == [("data.leak.near_duplicate", "error", 2)]
    assert _leaks(tmp_path, TRAIN, test=[(*near[:2], "facilities")]) == []


PAUSED = "Your membership rests for up to three months and starts again by itself."


def test_a_question_in_other_words_with_an_answer_of_its_own_is_a_leak(tmp_path: Path) -> None:
    asked = ("", "Is it possible to pause a membership over the summer months?", PAUSED)
    again = ("", "We are away in summer, how can our membership be paused or may we pause nothing?", PAUSED)
    found = _leaks(tmp_path, [*TRAIN, asked], test=[again])
    assert [(f.code, f.line) for f in found] == [("data.leak.near_duplicate", len(TRAIN) + 1)]
    assert "in other words" in found[0].message


def test_an_answer_to_several_questions_or_without_their_words_is_none(tmp_path: Path) -> None:
    asked = ("", "Is it possible to pause a membership over the summer months?", PAUSED)
    again = ("", "We are away in summer, how can our membership be paused or may we pause nothing?", PAUSED)
    assert _leaks(tmp_path, [asked, ("", "What happens while I am ill?", PAUSED)], test=[again]) == []
    assert _leaks(tmp_path, [("", "What happens while I am ill for a long time?", PAUSED)], test=[again]) == []
