"""Parts that nearly all answers have."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.headings import Headings

RECIPES = [f"## Ingredients\n- {n} eggs\n\n## Steps\n1. Boil for {n} minutes." for n in range(2, 12)]
MAILS = [f"Subject: Order {n}\n\nThe order {n} has left." for n in range(10)]


@pytest.mark.parametrize(
    ("texts", "odd"),
    [
        (RECIPES, "## Ingredients\n- 3 eggs\n\n1. Boil for 3 minutes."),
        (MAILS, "The order 7 has left.\nKind regards"),
        ([text.replace("## Steps", "**Steps**") for text in RECIPES], "## Ingredients\n- 3 eggs\n\n1. Boil."),
    ],
)
def test_an_answer_without_a_part_that_all_others_have_is_found(texts: list[str], odd: str) -> None:
    found = findings(Headings(), answers([*texts, odd]))
    assert [(one.code, one.line, one.field) for one in found] == [("data.format.headings", 11, "messages[1].content")]


def test_parts_that_some_answers_have_are_left_to_these() -> None:
    assert findings(Headings(), answers([*RECIPES, *MAILS])) == []
    assert findings(Headings(), answers([*RECIPES, "Eggs are out of stock."])) == []
    assert findings(Headings(), answers([*RECIPES, f"{RECIPES[0]}\n\n## Tips\nServe hot."])) == []
