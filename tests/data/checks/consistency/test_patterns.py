"""The shapes of short values."""

from __future__ import annotations

from tests.data.checks.conversations import answers, findings

from honekit.data.checks.consistency.patterns import Patterns, shape_of


def test_an_apostrophe_is_part_of_its_word() -> None:
    assert shape_of("Hume's lark, male, 2 years") == shape_of("Wood lark, male, 2 years")


def test_groups_of_a_large_number_are_no_other_form() -> None:
    assert shape_of("total $1,196.00 today") == shape_of("total $318.00 today")
    assert shape_of("zusammen 12.480,50 Euro") == shape_of("zusammen 97,50 Euro")


def test_a_sum_has_as_many_numbers_as_it_needs() -> None:
    usual = [f"{n} × 4 = {4 * n} euros" for n in range(3, 19)]
    assert findings(Patterns(), answers([*usual, "36 / 12 × 4 = 12 euros"])) == []
    assert [one.line for one in findings(Patterns(), answers([*(f"{n} km" for n in range(3, 19)), "12 / 4 km"]))] == [17]


def test_a_version_and_another_mark_of_decimals_keep_their_form() -> None:
    assert shape_of("total $318,00 today") != shape_of("total $318.00 today")
    assert shape_of("v1.120.300 is out") != shape_of("v1 is out")
