"""Rows into train, validation and test: whole groups of near duplicates, classes even, the same for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence

from honekit.data.near import similar_groups

SHARES = {"train": 0.6, "test": 0.25, "validation": 0.15}
MOST = {"test": 400, "validation": 150}
"""More examples make the intervals hardly narrower and the evaluation much longer; the rest is for training."""


def split(texts: Sequence[str], classes: Sequence[Hashable], seed: int = 0) -> tuple[list[str], list[int]]:
    """For each row the name of its split and the number of its group.

    Groups of near duplicates stay together. Within a class the largest groups are placed first, each where the most
    is missing of that class's share; the first one always goes to training.
    """
    groups = similar_groups(texts)
    members: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        members[group].append(row)
    by_class: dict[Hashable, list[list[int]]] = defaultdict(list)
    for rows in members.values():
        by_class[classes[rows[0]]].append(rows)
    shares = _shares(len(texts))
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
    return splits, groups


def _shares(rows: int) -> dict[str, float]:
    shares = {name: min(share, MOST[name] / rows) if name in MOST else share for name, share in SHARES.items()}
    return {**shares, "train": 1 - sum(share for name, share in shares.items() if name != "train")}
