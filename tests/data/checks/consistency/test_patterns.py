"""The shapes of short values."""

from __future__ import annotations

from honekit.data.checks.consistency.patterns import shape_of


def test_an_apostrophe_is_part_of_its_word() -> None:
    assert shape_of("Hume's lark, male, 2 years") == shape_of("Wood lark, male, 2 years")
