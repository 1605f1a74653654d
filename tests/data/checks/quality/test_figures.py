"""Whether a number comes out of others."""

from __future__ import annotations

import pytest

from honekit.data.checks.quality.figures import is_result, value_of


@pytest.mark.parametrize(
    ("number", "value"),
    [("1,299", 1299), ("1.299,50", 1299.5), ("1,299.50", 1299.5), ("23,17", 23.17), ("0.125", 0.125), ("7", 7)],
)
def test_both_ways_to_write_numbers_are_read(number: str, value: float) -> None:
    assert value_of(number) == value


@pytest.mark.parametrize("number", ["315", "505", "38950", "4.32", "507"])
def test_results_of_two_numbers_and_the_sum_of_all_come_out(number: str) -> None:
    assert is_result(number, {410.0, 95.0, 2.0})


def test_shares_are_looked_at_when_asked() -> None:
    assert not is_result("23", {410.0, 95.0})
    assert is_result("23", {410.0, 95.0}, in_percent=True)


def test_other_numbers_do_not_come_out() -> None:
    assert not is_result("316", {410.0, 95.0})


def test_more_steps_are_looked_at_when_asked() -> None:
    operands = {120.0, 70.0, 3.0}
    assert not is_result("150", operands)
    assert is_result("150", operands, in_steps=True)


def test_among_many_numbers_nothing_comes_out() -> None:
    assert not is_result("3", set(map(float, range(1, 20))))
