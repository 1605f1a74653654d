"""Which class is taken for which: a confusion matrix on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from honekit.evals.report_format import shorten

MAX_CLASSES = 12
"""Of more the pairs that are confused most are told, since a table would not fit into a terminal's width."""
MAX_PAIRS = 10
WIDTH = 24


def confusion_lines(confusion: Mapping[str, Any]) -> list[str]:
    """confusion: rows (the expected classes), columns (the answered ones, the last for no class at all) and the matrix."""
    if len(confusion["rows"]) <= MAX_CLASSES:
        return _table(confusion)
    return _pairs(confusion)


def _table(confusion: Mapping[str, Any]) -> list[str]:
    rows, matrix = confusion["rows"], confusion["matrix"]
    heads = [str(number) for number in range(1, len(rows) + 1)]
    if any(counts[-1] for counts in matrix):
        heads.append("?")
    names = [f"{number} {shorten(str(label), WIDTH)}" for number, label in enumerate(rows, 1)]
    width = max(map(len, names), default=0)
    cell = max(4, *(len(str(count)) for counts in matrix for count in counts)) if matrix else 4
    lines = ["rows are expected, columns answered" + (", ?: none of these classes" if heads[-1:] == ["?"] else "")]
    lines.append(" " * width + "".join(f" {head:>{cell}}" for head in heads))
    for name, counts in zip(names, matrix, strict=True):
        lines.append(f"{name:<{width}}" + "".join(f" {count or '.':>{cell}}" for count in counts[: len(heads)]))
    return lines


def _pairs(confusion: Mapping[str, Any]) -> list[str]:
    rows, columns = confusion["rows"], confusion["columns"]
    wrong = [
        (count, rows[row], "no class" if column == len(rows) else columns[column])
        for row, counts in enumerate(confusion["matrix"])
        for column, count in enumerate(counts)
        if count and row != column
    ]
    wrong.sort(key=lambda one: -one[0])
    lines = [
        f"{shorten(str(expected), WIDTH):<{WIDTH}} answered {shorten(str(answered), WIDTH):<{WIDTH}} {n}"
        for n, expected, answered in wrong[:MAX_PAIRS]
    ]
    left = sum(count for count, *_ in wrong[MAX_PAIRS:])
    head = f"most confused of {len(rows)} classes:" if wrong else f"none of {len(rows)} classes is taken for another"
    return [
        head,
        *lines,
        *([f"and {left} items in {len(wrong) - MAX_PAIRS} other pairs (--json has the matrix)"] if left else []),
    ]
