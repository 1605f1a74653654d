"""Rows into train, validation and test: whole groups of near duplicates, classes even, the same for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from honekit.data.near.rule import similar_groups

SHARES = {"train": 0.6, "test": 0.25, "validation": 0.15}
MOST = {"test": 400, "validation": 150}
"""More examples make the intervals hardly narrower and the evaluation much longer; the rest is for training."""


class Split(NamedTuple):
    """For each row the name of its split and the number of its group."""

    splits: list[str]
    groups: list[int]


def split(
    texts: Sequence[str],
    classes: Sequence[Hashable],
    seed: int = 0,
    *,
    shares: Mapping[str, float] | None = None,
    together: Sequence[Hashable] | None = None,
) -> Split:
    """Groups of near duplicates, and rows with the same key of `together`, stay in one split.

    Within a class the largest groups are placed first, each where the most is missing of that class's share; the first one
    always goes to the first split. `shares` by split add up to 1; by default `SHARES`, with at most `MOST` rows.
    """
    groups = groups_of(texts, together)
    shares = shares or _shares(len(texts))
    by_class: dict[Hashable, list[list[int]]] = defaultdict(list)
    for rows in _members(groups):
        by_class[classes[rows[0]]].append(rows)
    splits = [""] * len(texts)
    source = random.Random(seed)
    for grouped in by_class.values():
        total = sum(map(len, grouped))
        placed = dict.fromkeys(shares, 0)
        source.shuffle(grouped)
        for rows in sorted(grouped, key=len, reverse=True):
            name = max(shares, key=lambda name: 1 - placed[name] / (shares[name] * total))
            placed[name] += len(rows)
            for row in rows:
                splits[row] = name
    return Split(splits, groups)


def split_by_time(
    texts: Sequence[str], times: Sequence[Any], shares: Mapping[str, float], together: Sequence[Hashable] | None = None
) -> Split:
    """The oldest groups into the first of `shares`, the newest into the last.

    A group is as old as its newest row, so that no split holds anything newer than a group of a later one.
    """
    groups = groups_of(texts, together)
    ordered = sorted(_members(groups), key=lambda rows: max(times[row] for row in rows))
    names = list(shares)
    splits = [""] * len(texts)
    placed, end = 0, shares[names[0]] * len(texts)
    for rows in ordered:
        # A group goes where its middle falls.
        while len(names) > 1 and placed + len(rows) / 2 > end:
            names.pop(0)
            end += shares[names[0]] * len(texts)
        placed += len(rows)
        for row in rows:
            splits[row] = names[0]
    return Split(splits, groups)


def groups_of(texts: Sequence[str], together: Sequence[Hashable] | None = None) -> list[int]:
    """For each row the position of the first row of its group: near duplicates, and rows with the same key, share one."""
    groups = similar_groups(texts)
    if together is None:
        return groups
    parent = list(range(len(texts)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[Hashable, int] = {}
    for row, (group, key) in enumerate(zip(groups, together, strict=True)):
        for other in (group, first.setdefault(key, row)):
            low, high = sorted((root(row), root(other)))
            parent[high] = low
    return [root(row) for row in range(len(texts))]


def _members(groups: Sequence[int]) -> list[list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    return list(members.values())


def _shares(rows: int) -> dict[str, float]:
    shares = {name: min(share, MOST[name] / rows) if name in MOST else share for name, share in SHARES.items()}
    return {**shares, "train": 1 - sum(share for name, share in shares.items() if name != "train")}
