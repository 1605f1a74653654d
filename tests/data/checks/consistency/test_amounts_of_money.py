"""Thousands and currencies."""

from __future__ import annotations

import json

import pytest
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.consistency.currencies import Currencies
from honekit.data.checks.consistency.thousands import Thousands

PRICES = [f"It costs €{n},400 a year." for n in range(10, 20)]


@pytest.mark.parametrize("amount", ["€12.400", "€12 400", "€12400", "12'400 euros"])
def test_thousands_parted_in_another_way_are_found(amount: str) -> None:
    found = findings(Thousands(), answers([*PRICES, f"That one is {amount} with all parts."]))
    assert [(one.code, one.line, one.field) for one in found] == [("data.style.thousands", 11, "messages[1].content")]


def test_thousands_in_a_field_are_found() -> None:
    texts = [json.dumps({"population": f"{n},400"}) for n in range(10, 20)]
    found = findings(Thousands(), answers([*texts, '{"population": "12400"}']))
    assert [(one.line, one.field) for one in found] == [(11, "messages[1].content.population")]


def test_thousands_before_the_word_for_what_is_counted_are_found() -> None:
    found = findings(Thousands(), answers([*(f"{n} 400 habitants" for n in range(10, 20)), "12,400 habitants"]))
    assert [one.line for one in found] == [11]
    usual = [f"{n},400 seats" for n in range(10, 20)]
    assert findings(Thousands(), answers([*usual, "1400 seats", "1066 AD", "450 seats"])) == []


@pytest.mark.parametrize(
    "texts",
    [
        [*PRICES, "It costs €950 a year, as in 1987.", "It costs €3.50 a day, and 1500 people pay it."],
        [*(f"{n},400" for n in range(10, 20)), "1987"],
        [*(f"{n}400" for n in range(10, 20)), "12,400"],
        [*(json.dumps({"kg": f"{n}.400"}) for n in range(10, 20)), '{"kg": "1250"}'],
    ],
)
def test_other_numbers_pass(texts: list[str]) -> None:
    assert findings(Thousands(), answers(texts)) == []


def test_an_amount_taken_from_the_question_passes() -> None:
    turn = conversation(11, "Is €12400 too much?", "No, €12400 is a fair price for it.")
    assert findings(Thousands(), [*answers(PRICES), turn]) == []


@pytest.mark.parametrize(("system", "severity"), [("Amounts are in euros.", "warning"), ("Be brief.", "advice")])
def test_another_currency_is_found(system: str, severity: str) -> None:
    found = findings(Currencies(), answers([*PRICES, "It costs $300 a year."], system))
    assert [(one.code, one.severity, one.line) for one in found] == [("data.style.money", severity, 11)]


@pytest.mark.parametrize("question", ["What is it in US dollars?", "And in $?"])
def test_a_currency_that_is_asked_for_passes(question: str) -> None:
    assert findings(Currencies(), [*answers(PRICES), conversation(11, question, "It costs $300.")]) == []


def test_several_currencies_pass() -> None:
    assert findings(Currencies(), answers([*PRICES, "It costs $3.", "It costs $4.", "It costs £5."])) == []
