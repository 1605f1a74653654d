"""List prices, and how old they are."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import metadata

import pytest

from honekit.data.prices import cost_usd, list_price_of, newest_price, no_list_price_of, per_million_usd


def test_a_price_adds_up_over_question_and_answer() -> None:
    question, answer = cost_usd("gpt-4.1-mini", 1000, 0), cost_usd("gpt-4.1-mini", 0, 1000)
    assert question and answer and answer > question
    assert cost_usd("gpt-4.1-mini", 3000, 2000) == pytest.approx(3 * question + 2 * answer)
    assert per_million_usd("gpt-4.1-mini", 0, 0) == pytest.approx(1000 * question)


def test_a_model_of_ones_own_has_no_price_and_the_line_says_so() -> None:
    assert cost_usd("my-own-model-7", 10, 10) is None and per_million_usd("my-own-model-7", 10, 5) is None
    assert no_list_price_of("my-own-model-7").startswith("there is no list price of my-own-model-7 in genai-prices ")


def test_a_price_is_told_with_the_library_and_the_day_of_its_newest_price() -> None:
    newest = newest_price()
    assert newest is not None and newest <= datetime.now(UTC).date()
    told = list_price_of("gpt-4.1-mini")
    assert "gpt-4.1-mini" in told and metadata.version("genai-prices") in told and newest.isoformat() in told
