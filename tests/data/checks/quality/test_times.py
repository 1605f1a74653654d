"""Times of day that the input does not have."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.times import Times
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns

TIMES = ["08:05", "09:40", "11:15", "13:50", "16:25", "18:30", "20:45"]


def usual() -> list[Turn]:
    return [conversation(line, f"The tram leaves at {time}.", f"Take the {time}.") for line, time in enumerate(TIMES, 1)]


def test_another_time_is_told_with_that_of_the_input() -> None:
    found = findings(Times(), [*usual(), conversation(8, "The tram leaves at 17:40.", "Take the 18:40.")])
    assert [(one.code, one.line) for one in found] == [("data.answers.unfounded", 8)]
    assert "17:40 does" in found[0].message


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("The tram leaves at 17:40.", "Take the 5:40 pm."),
        ("Departure 2027-05-03T17:40:00Z", "It leaves at 17:40."),
        ("Ab 17.40 Uhr", "Um 17:40 Uhr."),
        ("à 17h40", "à 17:40"),
        ("The desk opens at 9 am.", "From 9:00 on."),
        ("It leaves at 17:40 and takes 40 min.", "You arrive at 18:20."),
        ("Come at 17:40 or an hour later.", "At 18:40 then."),
        ("No time is known.", "Perhaps at 18:40."),
        ("The tram leaves at 17:40.", "In time."),
    ],
)
def test_times_in_another_form_and_computed_ones_pass(question: str, answer: str) -> None:
    assert findings(Times(), [*usual(), conversation(8, question, answer)]) == []


def test_where_times_are_mostly_computed_nothing_is_told() -> None:
    others = [conversation(line, "It is 10:00.", "At 11:30.") for line in range(8, 12)]
    assert findings(Times(), [*usual(), *others]) == []


def test_parts_of_a_file_join() -> None:
    first, later = Times(), Times()
    first.see(Turns(usual()))
    later.see(Turns([conversation(1, "The tram leaves at 17:40.", "Take the 18:40.")]))
    first.join(later, 7)
    assert [one.line for one in first.finish()] == [8]
