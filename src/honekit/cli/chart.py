"""A small line chart out of braille characters: each cell of the terminal is two dots wide and four high."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a cell's left and right column, from the top down, as Unicode numbers them from U+2800 on."""
_BLANK = 0x2800
_LABEL = 8


@dataclass(frozen=True)
class Series:
    """One line: (x, y) pairs in any order, and the style that it is drawn in."""

    points: Sequence[tuple[float, float]]
    style: str = ""


def draw(series: Sequence[Series], width: int, height: int) -> Text:
    """The lines over each other in `width` cells and `height` lines, with the ends of both axes; empty without points.

    Where two lines meet in a cell, the cell has the style of the one that comes later in `series`.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return Text()
    xs, ys = zip(*(point for one in drawn for point in one.points), strict=True)
    columns, rows = 2 * max(1, width - _LABEL - 1), 4 * height
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for one in drawn:
        for column, row in _dots(one.points, (min(xs), max(xs)), (min(ys), max(ys)), columns, rows):
            cell = column // 2, row // 4
            bits, _ = cells.get(cell, (0, ""))
            cells[cell] = bits | _DOTS[column % 2][row % 4], one.style
    lines = []
    for line in range(height):
        label = {0: f"{max(ys):.4g}", height - 1: f"{min(ys):.4g}"}.get(line, "")
        text = Text().append(f"{label:>{_LABEL}}┤" if label else " " * _LABEL + "│", style="dim")
        row_of_cells = [cells.get((column, line), (0, "")) for column in range(columns // 2)]
        for style, run in itertools.groupby(row_of_cells, key=lambda cell: cell[1]):
            text.append("".join(chr(_BLANK + bits) for bits, _ in run), style=style)
        lines.append(text)
    first, last = f"{min(xs):g}", f"{max(xs):g}"
    gap = max(1, columns // 2 - len(first) - len(last))
    lines.append(Text(" " * (_LABEL + 1) + first + " " * gap + (last if last != first else ""), style="dim"))
    return Text("\n").join(lines)


def _dots(
    points: Sequence[tuple[float, float]], x_range: tuple[float, float], y_range: tuple[float, float], columns: int, rows: int
) -> list[tuple[int, int]]:
    """The dots of one line; points that fall into one column are averaged, gaps between columns are bridged."""
    binned: dict[int, list[float]] = {}
    for x, y in points:
        binned.setdefault(_scaled(x, x_range, columns), []).append(y)
    path = [(column, sum(found) / len(found)) for column, found in sorted(binned.items())]
    dots = []
    before = path[0]
    for column, y in path:
        steps = max(1, column - before[0])
        previous = rows - 1 - _scaled(before[1], y_range, rows)
        for step in range(1, steps + 1):
            between = before[1] + (y - before[1]) * step / steps
            row = rows - 1 - _scaled(between, y_range, rows)
            low, high = sorted((previous, row))
            dots += [(column - steps + step if column > before[0] else column, each) for each in range(low, high + 1)]
            previous = row
        before = (column, y)
    return dots


def _scaled(value: float, span: tuple[float, float], count: int) -> int:
    low, high = span
    return round((value - low) / (high - low) * (count - 1)) if high > low else (count - 1) // 2
