"""The one order of lists in pages: by time of creation, and by id among those made at the same time."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import ColumnElement, Table


class Placed(Protocol):
    """What says where a row stands in this order."""

    @property
    def id(self) -> str: ...

    @property
    def created_at(self) -> float: ...


def ordered(table: Table, newest_first: bool) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """What to order a query on `table` by."""
    at, name = table.c.created_at, table.c.id
    return (at.desc(), name.desc()) if newest_first else (at.asc(), name.asc())


def behind(table: Table, created_at: float, row_id: str, newest_first: bool) -> ColumnElement[bool]:
    """The condition for the rows that follow this one in that order."""
    at, name = table.c.created_at, table.c.id
    same = at == created_at
    if newest_first:
        return (at < created_at) | (same & (name < row_id))
    return (at > created_at) | (same & (name > row_id))
