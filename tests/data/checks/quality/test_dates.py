"""Dates that the input does not have."""

from __future__ import annotations

import json

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.dates import Dates
from honekit.data.checks.turn import Turn


def booking(line: int, said: str, day: str) -> Turn:
    return conversation(line, f"Guest {line} comes on {said}", json.dumps({"arrival": day}))


@pytest.mark.parametrize(
    ("said", "day", "is_found"),
    [
        ("22 May 2024", "2024-05-23", True),
        ("14 May 2024", "2204-05-14", True),
        ("the 22nd of May 2024", "2024-05-22", False),
        ("May 22, 2024", "2024-05-22T09:00", False),
        ("22. Mai 2024", "2024-05-22", False),
        ("22 de mayo de 2024", "2024-05-22", False),
        ("22.5.2024", "2024-05-22", False),
        ("5/22/24", "2024-05-22", False),
        ("next Friday", "2024-05-24", False),
    ],
)
def test_a_date_that_the_input_does_not_have_is_found_in_whatever_form_it_stands(said: str, day: str, is_found: bool) -> None:
    usual = [booking(line, f"{line} May 2024", f"2024-05-{line:02d}") for line in range(1, 10)]
    found = findings(Dates(), [*usual, booking(10, said, day)])
    assert [(one.code, one.line, one.field) for one in found] == [
        ("data.answers.unfounded", 10, "messages[1].content.arrival")
    ] * is_found


def test_dates_that_are_worked_out_are_meant() -> None:
    assert findings(Dates(), [booking(line, f"{line} May 2024", f"2024-06-{line:02d}") for line in range(1, 12)]) == []
