"""Two answers that were exchanged."""

from __future__ import annotations

from tests.data.checks.conversations import conversation, findings
from tests.data.checks.quality.test_shifted import PLACES, THINGS

from honekit.data.checks.quality.crossed import Crossed
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns


def turns(answer_of: list[int], *, begin: int = 1) -> list[Turn]:
    asked = [f"Where did you leave the {thing} near the {place}?" for thing, place in zip(THINGS, PLACES, strict=True)]
    answers = [f"Your {thing} lies beside the {place}, as always." for thing, place in zip(THINGS, PLACES, strict=True)]
    return [conversation(line, asked[at], answers[other]) for line, (at, other) in enumerate(enumerate(answer_of), begin)]


def test_two_exchanged_answers_are_told_on_both_lines() -> None:
    found = findings(Crossed(), turns([0, 1, 7, 3, 4, 5, 6, 2, 8, 9, 10, 11]))
    assert [(one.code, one.line) for one in found] == [("data.answers.shifted", 3), ("data.answers.shifted", 8)]
    assert "line 8" in found[0].message and "line 3" in found[1].message


def test_answers_in_their_places_and_a_single_strange_one_are_none() -> None:
    assert findings(Crossed(), turns([*range(12)])) == []
    assert findings(Crossed(), turns([0, 1, 2, 3, 2, 5, 6, 7, 8, 9, 10, 11])) == []
    assert findings(Crossed(), turns([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10])) == []


def test_answers_that_have_no_words_of_their_inputs_are_none() -> None:
    told = turns([*range(12)])
    for turn in told[2:]:
        turn.answer = "I do not know at all, sorry."
    told[0].answer, told[1].answer = told[1].answer, told[0].answer
    assert findings(Crossed(), told) == []


def test_parts_join() -> None:
    first, second = Crossed(), Crossed()
    all_turns = turns([0, 1, 7, 3, 4, 5, 6, 2, 8, 9, 10, 11])
    first.see(Turns(all_turns[:5]))
    for line, turn in enumerate(all_turns[5:], 1):
        turn.line = line
    second.see(Turns(all_turns[5:]))
    first.join(second, 5)
    assert [one.line for one in first.finish()] == [3, 8]
