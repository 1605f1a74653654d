"""Leak checks between the splits: what the model could have seen in training is no proof of anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from honekit.data.examples import Example
from honekit.data.lines import MAX_SHOWN, shown
from honekit.data.near.rule import near_duplicates
from honekit.errors import DataError

if TYPE_CHECKING:
    from honekit.project import Project


def check_leaks(project: Project, train: Sequence[Example], validation: Sequence[Example], test: Sequence[Example]) -> None:
    """No group, no near duplicate in two splits; no device of the unseen slice in training.

    Raises: DataError[data.leak.group | data.leak.device | data.leak.near_duplicate], listing the pairs of lines.
    """
    splits = {"training": train, "validation": validation, "test": test}
    pairs = list(combinations(splits.items(), 2))
    for (name, examples), (other_name, others) in pairs:
        between = f"{name} and {other_name}"
        _refuse("data.leak.group", f"the same `{project.data.group}` in {between}", _shared_groups(examples, others))
    _refuse("data.leak.device", f"a device of the slice {project.data.unseen_slice} in training", _devices(project, splits))
    for (name, examples), (other_name, others) in pairs:
        found = near_duplicates([e.input for e in examples], [e.input for e in others])
        lines = [f"{location(examples[i])} and {location(others[j])} (Jaccard {s:.2f})" for i, j, s in found]
        _refuse("data.leak.near_duplicate", f"near duplicates in {name} and {other_name}", lines)


def location(example: Example) -> str:
    """`train.jsonl:12`."""
    return f"{example.path.name}:{example.line}"


def _shared_groups(examples: Sequence[Example], others: Sequence[Example]) -> list[str]:
    first = {example.group: example for example in reversed(examples)}
    return [
        f"{location(first[other.group])} and {location(other)} ({shown(other.group)})" for other in others if other.group in first
    ]


def _devices(project: Project, splits: dict[str, Sequence[Example]]) -> list[str]:
    field, unseen = project.data.device_field, project.data.unseen_slice
    if not field or not unseen:
        return []
    first = {value: e for e in reversed(splits["training"]) for value in _values(e, field)}
    return [
        f"{location(first[value])} and {location(example)} ({shown(value)})"
        for example in splits["test"]
        if unseen in example.slices
        for value in _values(example, field)
        if value in first
    ]


def _values(example: Example, field: str) -> Iterator[str]:
    value = example.answer.get(field)
    if isinstance(value, str):
        yield value.casefold()
    elif isinstance(value, list):
        yield from (str(item).casefold() for item in value)


_MEND = {
    "data.leak.group": "move all examples of a group into one split",
    "data.leak.device": "take those examples out of the slice, or out of training",
    "data.leak.near_duplicate": "delete one line of each pair, or move both into one split",
}


def _refuse(code: str, what: str, pairs: list[str]) -> None:
    if not pairs:
        return
    listed = "".join(f"\n    {pair}" for pair in pairs[:MAX_SHOWN])
    more = f"\n    ... and {len(pairs) - MAX_SHOWN} more" if len(pairs) > MAX_SHOWN else ""
    raise DataError(code, what=f"{what}, {len(pairs)} in all:{listed}{more}", where=pairs[0], mend=_MEND[code])
