"""What the items of lists begin with."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.list_marks import ListMarks

USUAL = [f"- item {number}\n- another one\n- and the last" for number in range(10)]


@pytest.mark.parametrize("text", ["1. tent\n2. stove", "* tent\n* stove", "• tent\n\n• stove"])
def test_a_list_with_other_marks_is_named(text: str) -> None:
    found = findings(ListMarks(), answers([*USUAL, text]))
    assert [(one.code, one.severity, one.line) for one in found] == [("data.style.list", "advice", 11)]


@pytest.mark.parametrize(
    "text", ["- tent\n  - stove", "1. Pack the tent.\nThen go.", "1. tent", "3 tents\n2 stoves", "Tents\n* stove"]
)
def test_other_texts_are_no_other_lists(text: str) -> None:
    assert findings(ListMarks(), answers([*USUAL, text])) == []


def test_two_usual_kinds_of_lists_are_no_drift() -> None:
    assert findings(ListMarks(), answers([*USUAL, *["1. first\n2. second"] * 3])) == []
