"""What the first row of a table says: which columns there are, or why it is no header."""

from __future__ import annotations

from collections.abc import Sequence

from honekit.data.lines import shown

_MAX_NAME_CHARACTERS = 60


def named_columns(header: Sequence[str], rows: Sequence[Sequence[str | None]]) -> list[int]:
    """The places of the columns that are read. Of those without a name two kinds are passed over: blank ones at the end, as
    spreadsheets leave them, and a first one of whole numbers, as data frames are saved with."""
    places = list(range(len(header)))
    while places and not header[places[-1]] and not any(_cell(row, places[-1]) for row in rows):
        places.pop()
    if len(places) > 1 and not header[0] and rows and all(_cell(row, 0).isdecimal() for row in rows):
        del places[0]
    return places


def why_no_header(header: Sequence[str], places: Sequence[int]) -> str | None:
    """Why the cells at these places cannot name columns; None when they can: none blank or as long as a text, all different."""
    names: set[str] = set()
    for place in places:
        name = header[place]
        if not name:
            return f"column {place + 1} has no name"
        if name in names:
            return f"two columns are named {shown(name)}"
        if len(name) > _MAX_NAME_CHARACTERS:
            return f"{shown(name)} is too long for a column's name"
        names.add(name)
    return None


def _cell(row: Sequence[str | None], place: int) -> str:
    return (row[place] or "").strip() if place < len(row) else ""
