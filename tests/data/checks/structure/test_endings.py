"""Answers that break off, and those that only end without a full stop."""

from __future__ import annotations

import pytest

from honekit.data.checks.structure.endings import Endings


def doubted(text: str) -> list[int]:
    endings = Endings()
    for line in range(1, 13):
        endings.look(f"The number {line} tram leaves from behind the station.", line, 1)
    return [one.line for one in [endings.look(text, 13, 1), *endings.findings()] if one]


def test_a_sentence_without_its_end_is_doubted() -> None:
    assert doubted("The tram to the harbour leaves from behind the town") == [13]


@pytest.mark.parametrize(
    "text", ["rye, spelt, einkorn, hulled barley and a bit of buckwheat", "The Last Tram to the Harbour Bridge"]
)
def test_a_list_of_words_and_a_title_need_no_full_stop(text: str) -> None:
    assert doubted(text) == []
