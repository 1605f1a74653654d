"""Answers in the row of another question."""

from __future__ import annotations

import random

from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.shifted import Shifted
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

THINGS = [
    "violin",
    "kettle",
    "glacier",
    "passport",
    "tractor",
    "lantern",
    "orchard",
    "compass",
    "harbour",
    "blanket",
    "thunder",
    "saddle",
]
PLACES = [
    "kitchen",
    "station",
    "village",
    "factory",
    "library",
    "meadow",
    "castle",
    "island",
    "market",
    "tunnel",
    "garden",
    "bridge",
]


def turns(count: int, answer_of: list[int]) -> list[Turn]:
    shuffled = random.Random(5).sample([(thing, place) for thing in THINGS for place in PLACES], count)
    asked = [f"Where did you leave the {thing} near the {place}?" for thing, place in shuffled]
    answers = [f"Your {thing} lies beside the {place}, as always." for thing, place in shuffled]
    return [conversation(line, asked[line - 1], answers[answer_of[line - 1]]) for line in range(1, count + 1)]


def test_answers_moved_by_a_row_are_one_finding_at_their_first_line() -> None:
    down = [*range(10), 39, *range(10, 39)]
    found = findings(Shifted(), turns(40, down))
    assert [(one.code, one.line) for one in found] == [("data.answers.shifted", 12)]
    up = [*range(10), *range(11, 40), 10]
    found = findings(Shifted(), turns(40, up))
    assert [(one.code, one.line) for one in found] == [("data.answers.shifted", 11)]


def test_answers_in_their_places_and_single_wrong_ones_are_none() -> None:
    assert findings(Shifted(), turns(140, [*range(140)])) == []
    swapped = [*range(40)]
    swapped[7], swapped[8] = 8, 7
    assert findings(Shifted(), turns(40, swapped)) == []


def test_answers_at_random_are_no_shift() -> None:
    order = random.Random(1).sample(range(140), 140)
    assert findings(Shifted(), turns(140, order)) == []


def test_a_run_in_a_later_part_has_the_lines_of_the_file() -> None:
    first, later = Shifted(), Shifted()
    first.see(Turns(turns(60, [*range(60)])))
    later.see(Turns(turns(40, [39, *range(39)])))
    first.join(later, 60)
    assert [(one.line, one.message.split(" fit")[0]) for one in first.finish()] == [(62, "the answers of lines 62 to 100")]
