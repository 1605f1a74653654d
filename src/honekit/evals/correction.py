"""p values of several comparisons, adjusted together.

Holm, Scandinavian Journal of Statistics 6 (1979) 65-70: the chance of one false finding among all stays below the level; the
choice wherever a decision hangs on it. Benjamini & Hochberg, JRSS B 57 (1995) 289-300: the share of false findings among those
made stays below it; for looking through many slices. Both hold for comparisons that share items.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def holm(p_values: Mapping[Name, float]) -> dict[Name, float]:
    """Holm's step-down adjusted p values, in the order given."""
    adjusted: dict[Name, float] = {}
    largest = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """Benjamini and Hochberg's step-up adjusted p values, in the order given."""
    adjusted: dict[str, float] = {}
    smallest = 1.0
    falling = sorted(p_values, key=lambda name: p_values[name], reverse=True)
    for rank, name in enumerate(falling):
        smallest = min(smallest, p_values[name] * len(p_values) / (len(p_values) - rank))
        adjusted[name] = smallest
    return {name: adjusted[name] for name in p_values}
