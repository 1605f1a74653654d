"""Names in running text that are a slip away from one in the input."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.misnamed import Misnamed
from honekit.data.checks.turn import Turn

GUESTS = ["Halvorsen", "Castellan", "Drummond", "Fitzgerald", "Lombardi", "Novikova", "Petrakis", "Quintana"]


def usual() -> list[Turn]:
    return [
        conversation(line, f"arrival: family {name}, two nights, cot needed", f"Put a cot into the room of the {name} family.")
        for line, name in enumerate(GUESTS, 1)
    ]


@pytest.mark.parametrize(
    ("question", "answer", "name"),
    [
        (
            "late arrival: family Wetherby, one night",
            "Keep a key for the Wetherbey... no, leave it at the desk for Weterby.",
            "Weterby",
        ),
        ("note: Mrs Abernathy wants a quiet room", "Abernethy should get a room to the yard.", "Abernethy"),
        ("parking for Mr Oliveira please", "Reserve a place for Mr Olivieira tonight.", "Olivieira"),
    ],
)
def test_a_slip_in_a_name_is_told(question: str, answer: str, name: str) -> None:
    found = findings(Misnamed(), [*usual(), conversation(9, question, answer)])
    assert [(one.code, one.line) for one in found] == [("data.answers.unfounded", 9)]
    assert f'"{name}"' in found[0].message


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("note: the Abernathy party of six", "All six of the Abernathys sit at one table."),
        ("parking for Mr Oliveira please", "Leave the place by the gate free for Mr Oliveira."),
        ("Correct the spelling: Mr Olivera is here", "Mr Oliveira is here, and he waits."),
        ("Die Gäste aus Bergen reisen erst im Oktober wieder ab.", "The guests from Bergen are not leaving before October."),
        ("Where does he work?", "Castle Street, I believe, with Monday off."),
    ],
)
def test_inflected_translated_and_other_names_pass(question: str, answer: str) -> None:
    assert findings(Misnamed(), [*usual(), conversation(9, question, answer)]) == []


def test_nothing_is_told_where_answers_do_not_name_what_the_input_names() -> None:
    others = [conversation(line, f"where is number {line}?", "Turn left at Baker Street.") for line in range(1, 12)]
    slip = conversation(12, "note: Mrs Abernathy wants a room", "Mrs Abernethy gets one, of course.")
    assert findings(Misnamed(), [*others, slip]) == []
