"""What numbers are worth, and whether one comes out of others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

_MAX_OPERANDS = 12
_THOUSANDS = 3


def value_of(number: str) -> float:
    """`1,299` is 1299, `23,17` and `23.17` are the same."""
    whole, mark, last = number.rpartition(max(",", ".", key=number.rfind))
    if not mark or (mark == "," and len(last) == _THOUSANDS) or mark in whole:
        return float(number.replace(",", "").replace(".", ""))
    return float(f"{whole.replace(',', '').replace('.', '')}.{last}")


def is_result(number: str, others: Collection[float], *, in_percent: bool = False, in_steps: bool = False) -> bool:
    """Whether a number is the sum, difference, product or quotient of two of the others, or the sum of all.

    `in_percent`: or a share, a change or a part in percent. `in_steps`: or what one of these and a third number give. Among many
    others nothing is told: some of them would come out at any number.
    """
    if len(others) > _MAX_OPERANDS:
        return False
    value, near = value_of(number), rounding_of(number)
    if abs(sum(others) - value) <= near:
        return True
    results = [result for pair in combinations(sorted(others), 2) for result in _results(*pair, in_percent=in_percent)]
    if any(abs(result - value) <= near for result in results):
        return True
    return in_steps and any(
        abs(second - value) <= near
        for first in results
        for third in others
        for second in _results(first, third, in_percent=in_percent)
    )


def _results(small: float, large: float, *, in_percent: bool) -> Iterator[float]:
    yield from (large - small, large + small, large * small)
    if small and large:
        yield from (large / small, small / large)
    if small and large and in_percent:
        yield from (100 * small / large, 100 * large / small, 100 * (large - small) / large, 100 * (large - small) / small)
        yield from (small * large / 100, large - small * large / 100, large + small * large / 100)


def rounding_of(number: str) -> float:
    _, mark, last = number.rpartition(".")
    decimals = (
        len(last) if mark and len(last) < _THOUSANDS else len(number.rpartition(",")[2]) % _THOUSANDS if "," in number else 0
    )
    return 0.5 * 10.0**-decimals + 1e-6
