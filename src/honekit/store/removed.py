"""Where rows that are gone stood in their lists. Clients ask for the next page by the last row that they saw, and whoever
deletes what is listed has deleted that one by then, with this server or another one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select

from honekit.store.database import open_database
from honekit.store.tables import removed_rows

REMEMBERED_S = 24 * 3600.0
Kind = Literal["file", "response", "chat.completion", "eval", "run", "permission"]


@dataclass(frozen=True)
class Place:
    """A row's place in the order of `honekit.store.order`."""

    id: str
    created_at: float


def delete_row(kind: Kind, owner: str, row_id: str, table: Table, condition: ColumnElement[bool]) -> bool:
    """Delete the owner's row, and what hangs on it, and remember where it was. False when there is none."""
    with open_database().write() as connection:
        created_at = connection.execute(delete(table).where(condition).returning(table.c.created_at)).scalar()
        if created_at is not None:
            note(connection, kind, owner, row_id, created_at)
    return created_at is not None


def note(connection: Connection, kind: Kind, owner: str, row_id: str, created_at: float) -> None:
    """Remember for a day where a row was, in the transaction that deletes it."""
    now = time.time()
    connection.execute(delete(removed_rows).where(removed_rows.c.removed_at < now - REMEMBERED_S))
    connection.execute(insert(removed_rows).values(kind=kind, owner=owner, row_id=row_id, created_at=created_at, removed_at=now))


def place(kind: Kind, owner: str, row_id: str) -> Place | None:
    """Where the owner's row of this kind was; None when it is not known to have been there."""
    c = removed_rows.c
    query = select(c.row_id, c.created_at).where(c.kind == kind, c.owner == owner, c.row_id == row_id)
    with open_database().read() as connection:
        row = connection.execute(query).first()
    return None if row is None else Place(row.row_id, row.created_at)
