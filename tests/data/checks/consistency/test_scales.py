"""Numbers beyond the scale that the prompt gives."""

from __future__ import annotations

import json

import pytest
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.scales import Scales, scales_in

PROMPT = 'Reply in JSON: {"nights": int, "rating": 1 to 5}'


def rated(*ratings: float) -> list[str]:
    return [json.dumps({"nights": 40, "rating": rating}) for rating in ratings]


def test_a_number_beyond_its_scale_is_found() -> None:
    found = findings(Scales(), answers(rated(1, 2, 5, 4, 3, 5, 4, 50, 2, 1), PROMPT))
    assert [(one.code, one.line, one.field) for one in found] == [("data.labels.undeclared", 8, "messages[2].content.rating")]


def test_a_fraction_is_beyond_a_scale_of_whole_numbers() -> None:
    prompt = 'Give a JSON object with "rating": an integer from 1 to 5.'
    found = findings(Scales(), answers(rated(1, 2, 5, 4, 3, 5, 4, 3.5, 2, 1), prompt))
    assert [(one.code, one.line) for one in found] == [("data.labels.undeclared", 8)]


def test_a_scale_that_many_answers_leave_is_not_meant_so() -> None:
    assert findings(Scales(), answers(rated(1, 2, 50, 40, 30, 5, 4, 50, 20, 1), PROMPT)) == []


@pytest.mark.parametrize(
    ("prompt", "scales"),
    [
        ("severity (1-10)", {"severity": (1, 10, False)}),
        ("`score` is a number between 0 and 1.", {"score": (0, 1, False)}),
        ("confidence: float from 0.0 to 1.0", {"confidence": (0, 1, False)}),
        ("rating, integer 1..5", {"rating": (1, 5, True)}),
        ("temperature (36 to 38 is normal), pulse 60 to 80.", {}),
        ("Today is 2024-05-03. We are open from 9 to 17.", {}),
        ("Write 2 to 3 sentences.", {}),
    ],
)
def test_scales_are_read_from_a_prompt_with_their_names(prompt: str, scales: dict[str, tuple[float, float, bool]]) -> None:
    assert scales_in(prompt) == scales
