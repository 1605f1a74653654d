"""Escapes that are written out."""

from __future__ import annotations

import pytest
from tests.data.checks.conversations import answers, conversation, findings

from honekit.data.checks.quality.escapes import Escapes


@pytest.mark.parametrize("text", ["Take the left door.\\nThen stop.", "Ask at the r\\u00e9ception.", 'He said \\"yes\\" to it.'])
def test_an_escape_that_is_written_out_is_found(text: str) -> None:
    found = findings(Escapes(), answers([*[f"Take door {n}." for n in range(12)], text]))
    assert [(one.code, one.line) for one in found] == [("data.text.escapes", 13)]


@pytest.mark.parametrize(
    "text",
    [
        "It is $x\\neq y$ here.",
        "Open C:\\new\\notes.",
        "Use `a\\nb` there.",
        '{"a": "one\\ntwo"}',
        "x\\neq y",
        "Two characters: \\r\\n.",
    ],
)
def test_backslashes_of_formulas_paths_and_code_are_meant(text: str) -> None:
    assert findings(Escapes(), answers([*[f"Take door {n}." for n in range(12)], text])) == []


def test_an_escape_that_the_question_is_about_is_meant() -> None:
    turn = conversation(13, "How do I write a newline in C?", "Put a\\n there.")
    assert findings(Escapes(), [*answers([f"Take door {n}." for n in range(12)]), turn]) == []
