"""Numbers that the input does not have."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.numbers import Numbers
from honekit.data.checks.turn import Turn


def usual() -> list[Turn]:
    return [conversation(line, f"Pump {20 + line} l a minute.", f"{20 + line} l per minute") for line in range(1, 13)]


@pytest.mark.parametrize(
    ("question", "answer", "number"),
    [
        ("Give 70 ml a day.", "7 ml daily", "7"),
        ("Give 70 ml for 10 days.", "7 ml for 10 days", "7"),
        ("A tin of 27 g.", "a 9 g tin", "9"),
        ("Shed A has 410 and shed B 95.", "The difference is 316.", "316"),
        ("Give 2.5 mg a day.", "25 mg daily", "25"),
        ("12,5 % Rabatt", "1,25 % Rabatt", "1,25"),
        ("120 euros for 9 boxes", "210 euros for 9 boxes", "210"),
    ],
)
def test_a_strange_number_is_told(question: str, answer: str, number: str) -> None:
    found = findings(Numbers(), [*usual(), conversation(13, question, answer)])
    assert [(one.code, one.line) for one in found] == [("data.answers.unfounded", 13)]
    assert f'the number "{number}"' in found[0].message


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("a tile of fifteen by fifteen cm", "15 x 15 cm"),
        ("zweiundzwanzig Lampen", "22 Lampen"),
        ("Shed A has 410 and shed B 95.", "Shed A has 315 more."),
        ("Three parts: 40 g, 15 g and 9 g", "64 g in all"),
        ("It weighs 2500 g.", "2.500 g"),
        ("a share of 0.75", "75 %"),
        ("8.40 euros", "8.4 euros"),
        ("Take seven ml.", "7 ml"),
        ("it came to nineteen euros eighty", "19.80 euros"),
        ("Some days of rest.", "3 days of rest, 8 times"),
    ],
)
def test_numbers_in_words_results_and_counts_pass(question: str, answer: str) -> None:
    assert findings(Numbers(), [*usual(), conversation(13, question, answer)]) == []


@pytest.mark.parametrize(
    ("question", "answer", "severity"),
    [
        ("The cellar is at 83 % humidity.", "83 % is damp; wine keeps best at 70 %.", "advice"),
        ("The cellar is at 83 % in May and 91 % in June.", "83 % in May and 70 % in June", "warning"),
    ],
)
def test_a_number_beside_all_those_of_the_input_is_advice(question: str, answer: str, severity: str) -> None:
    found = findings(Numbers(), [*usual(), conversation(13, question, answer)])
    assert [(one.line, one.severity) for one in found] == [(13, severity)]
