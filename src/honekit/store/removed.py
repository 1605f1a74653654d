"""Where rows that are gone stood in their lists. Clients ask for the next page by the last row that they saw, and whoever
deletes what is listed has deleted that one by then.

The newest places are remembered, and only by the process that deleted the rows: a list that is gone through while another server
deletes from it is broken off with an error, as is one with an id that never was.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from sqlalchemy import ColumnElement, Table, delete

from honekit.store.database import open_database

REMEMBERED = 10_000
Kind = Literal["file", "response", "chat.completion", "eval", "run"]


@dataclass(frozen=True)
class Place:
    """A row's place in the order of `honekit.store.order`."""

    id: str
    created_at: float


_places: OrderedDict[tuple[str, str, str], Place] = OrderedDict()
_lock = Lock()


def delete_row(kind: Kind, owner: str, row_id: str, table: Table, condition: ColumnElement[bool]) -> bool:
    """Delete the owner's row, and what hangs on it, and remember where it was. False when there is none."""
    with open_database().write() as connection:
        created_at = connection.execute(delete(table).where(condition).returning(table.c.created_at)).scalar()
    if created_at is None:
        return False
    note(kind, owner, row_id, created_at)
    return True


def note(kind: Kind, owner: str, row_id: str, created_at: float) -> None:
    """Remember where a row was that is deleted now."""
    with _lock:
        _places[kind, owner, row_id] = Place(row_id, created_at)
        if len(_places) > REMEMBERED:
            _places.popitem(last=False)


def place(kind: Kind, owner: str, row_id: str) -> Place | None:
    """Where the owner's row of this kind was; None when it is not known to have been there."""
    with _lock:
        return _places.get((kind, owner, row_id))
