"""The shapes of short values."""

from __future__ import annotations

from honekit.data.checks.consistency.patterns import shape_of


def test_an_apostrophe_is_part_of_its_word() -> None:
    assert shape_of("Hume's lark, male, 2 years") == shape_of("Wood lark, male, 2 years")


def test_groups_of_a_large_number_are_no_other_form() -> None:
    assert shape_of("total $1,196.00 today") == shape_of("total $318.00 today")
    assert shape_of("zusammen 12.480,50 Euro") == shape_of("zusammen 97,50 Euro")


def test_a_version_and_another_mark_of_decimals_keep_their_form() -> None:
    assert shape_of("total $318,00 today") != shape_of("total $318.00 today")
    assert shape_of("v1.120.300 is out") != shape_of("v1 is out")
