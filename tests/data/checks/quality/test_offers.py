"""Users who offer help."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import conversation, findings

from honekit.data.checks.quality.offers import Offers
from honekit.data.checks.turn import Turn
from honekit.data.checks.turns import Turns


def others(count: int, begin: int = 2) -> list[Turn]:
    return [
        conversation(line, f"Is room {line} free, or can you find me one?", "Yes, it is.") for line in range(begin, begin + count)
    ]


@pytest.mark.parametrize(
    "opening",
    [
        "Welcome to the workshop. What can I do for you?",
        "Good morning, how may I assist you today?",
        "Guten Tag, was kann ich für Sie tun?",
        "Hallo! Wie kann ich Ihnen weiterhelfen?",
        "Bonjour, comment puis-je vous aider ?",
        "Buenos días, ¿en qué puedo ayudarle?",
    ],
)
def test_an_offer_of_help_by_the_user_is_told(opening: str) -> None:
    found = findings(Offers(), [conversation(1, opening, "My chain is loose."), *others(8)])
    assert [(one.code, one.line, one.field) for one in found] == [("data.roles.swapped", 1, "messages[0].content")]


@pytest.mark.parametrize(
    "opening", ["My aunt is ill. How can I help her?", "The shelter is full. How can I help?", "Can I help you?"]
)
def test_other_questions_are_none(opening: str) -> None:
    assert findings(Offers(), [conversation(1, opening, "Call the shelter.", "Be kind."), *others(8)]) == []


def test_users_who_are_meant_to_offer_help_are_none() -> None:
    desk = [conversation(line, "What can I do for you?", "I lost my key.") for line in range(1, 4)]
    assert findings(Offers(), [*desk, *others(20, 4)]) == []


def test_parts_join() -> None:
    first, second = Offers(), Offers()
    first.see(Turns(others(8)))
    second.see(Turns([conversation(1, "What can I do for you?", "I lost my key.")]))
    first.join(second, 9)
    assert [one.line for one in first.finish()] == [10]
