"""Sums in answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks.conversations import answers, findings

from honekit.data.checks.quality.sums import Sums

GOOD = [f"{n} × 3 = {n * 3}, so it is {n * 3}." for n in range(2, 14)]


@pytest.mark.parametrize("text", ["48 ÷ 8 × 3 = 16", "5 + 3 = 9", "Change: 50 − 45 = 6.", "1.5 * 4 = 5"])
def test_a_sum_that_does_not_come_out_is_found(text: str) -> None:
    found = findings(Sums(), answers([*GOOD, text]))
    assert [(one.code, one.line) for one in found] == [("data.answers.arithmetic", 13)]


@pytest.mark.parametrize(
    "text",
    [
        "10 / 3 = 3.33",
        "7 / 2 = 3",
        "x = 5 + y = 9",
        "2 * (3 + 4) = 14",
        "(12 − 2) × 180 = 1800",
        "3 × 2² = 12",
        "15 × 22 = 330 km",
        "20% + 5 = 25",
        "1,200 + 300 = 1,500",
        "5 + 3 = 2 × 4",
        "3 m × 4 m = 12 m²",
        "007 + 1 = 9",
        "4 / 0 = 1",
        "2020-01-02 = 3",
    ],
)
def test_rounded_results_and_what_may_mean_another_thing_pass(text: str) -> None:
    assert findings(Sums(), answers([*GOOD, text])) == []


@given(st.text(alphabet="0123456789.+-*/=×÷ ()"))
def test_any_text_of_signs_is_looked_at(text: str) -> None:
    findings(Sums(), answers([f"{text}."]))
