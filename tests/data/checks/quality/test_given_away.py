"""Labels that stand in the input behind the word that the task is called by."""

from __future__ import annotations

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.given_away import GivenAway

SYSTEM = "Decide the priority of the report."


def lines(inputs: list[tuple[str, str]], system: str = SYSTEM) -> list[int]:
    turns = [conversation(line, asked, answer, system) for line, (asked, answer) in enumerate(inputs, 1)]
    return [one.line for one in findings(GivenAway(), turns)]


PLAIN = [(f"Report number {number}: the lamp flickers", "P3") for number in range(8)]


def test_a_label_behind_the_word_of_the_task_is_found() -> None:
    assert lines([*PLAIN, ("the valve stays open, priority: P1", "P1")]) == [9]


def test_a_word_that_the_task_does_not_name_gives_nothing_away() -> None:
    assert lines([*PLAIN, ("the valve of boiler: P1", "P1")]) == []


def test_where_values_are_to_be_found_in_inputs_a_key_before_them_is_no_fault() -> None:
    extracted = [(f"unit {number} has P{number} since noon", f"P{number}") for number in range(8)]
    assert lines([*extracted, ("priority: P1 as we agreed", "P1")]) == []


QUEUES = [
    (f"{word} does not work since this morning", label)
    for word in ("Lamp", "Door", "Oven", "Lift")
    for label in ("house", "grid")
]


def test_a_label_behind_a_word_that_hardly_any_other_input_has_is_found() -> None:
    assert lines([*QUEUES, ("The fuse is out (sent on by desk: grid)", "grid")]) == [9]
    assert lines([*QUEUES, ("Routed = Grid\nThe fuse is out", "grid")]) == [9]


def test_a_key_of_other_values_and_text_behind_the_label_are_none() -> None:
    assert lines([*QUEUES, ("The fuse of the house: grid says no, no light", "grid")]) == []
    keyed = [(f"{asked} (floor: {number})", label) for number, (asked, label) in enumerate(QUEUES)]
    assert lines([*keyed, ("The fuse is out (floor: grid)", "grid")]) == []


def test_an_answer_that_no_other_input_has_is_no_choice() -> None:
    assert lines([*QUEUES, ("The fuse is out (owner: Petersen)", "Petersen")]) == []
