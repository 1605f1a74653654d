"""Lists and the numbers that announce them."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.quality.announced import Announced, announced_lists
from honekit.data.checks.turns import Turns

THREE = "1. Sand it.\n2. Oil it.\n3. Let it dry."


@pytest.mark.parametrize(
    "lead",
    [
        "Four steps make a good handle:",
        "Here are 4 steps:",
        "**Here are the top four tips:**",
        "Wood needs care. These four steps are enough:",
        "It is done in four easy steps:",
        "Hier sind vier Schritte:",
        "Voici les quatre étapes :",
        "Aquí tienes cuatro pasos:",
    ],
)
@pytest.mark.parametrize("items", [THREE, f"\n{THREE}\n\nEnjoy it.", "- Sand\n  - with 80\n  - with 120\n- Oil\n- Dry"])
def test_another_number_than_the_announced_is_told(lead: str, items: str) -> None:
    found = findings(Announced(), answers([f"{lead}\n{items}"]))
    assert [(one.code, one.line, one.field) for one in found] == [("data.answers.count", 1, "messages[1].content")]
    assert "announces 4 and lists 3" in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        f"Three steps make a good handle:\n{THREE}",
        f"Once it is dry:\n{THREE}",
        f"Two-component oil needs care:\n{THREE}",
        f"Both ways are the same:\n{THREE}",
        f"Two of the steps are short:\n{THREE}",
        f"Two or three steps:\n{THREE}",
        f"Four steps in two parts:\n{THREE}",
        f"Wait 4 hours, then do this:\n{THREE}",
        f"The 16 comes from this:\n{THREE}",
        "Two lists:\n- one\n- two\n\nand\n\n- three",
        "Two steps:\n1. Sand it.\n\nSlowly.\n\n2. Oil it.",
        "Four steps:\nSand, oil, dry.",
        "Five parts:\n3. the third\n4. the fourth",
    ],
)
def test_numbers_that_fit_or_count_something_else_pass(text: str) -> None:
    assert findings(Announced(), answers([text])) == []


def test_what_many_answers_have_is_meant() -> None:
    assert findings(Announced(), answers([f"Four steps:\n{THREE}"] * 6)) == []


def test_an_item_may_go_on_in_paragraphs_of_its_own() -> None:
    assert [*announced_lists("Here are three rules:\n\n1. A\n\nText on A.\n\n2. B\n\n3. C")] == [(3, 3)]


def test_parts_of_a_file_join() -> None:
    first, later = Announced(), Announced()
    first.see(Turns(answers([f"Three steps:\n{THREE}"] * 5)))
    later.see(Turns(answers([f"Four steps:\n{THREE}"])))
    first.join(later, 5)
    assert [one.line for one in first.finish()] == [6]
