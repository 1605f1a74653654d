"""Sharing a checkpoint with other projects, which can then use it as a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select

from honekit.store import removed
from honekit.store.database import open_database
from honekit.store.order import Placed, behind, ordered
from honekit.store.tables import checkpoint_permissions, new_id


@dataclass(frozen=True)
class Permission:
    id: str
    checkpoint: str
    project_id: str
    created_at: float


def share(checkpoint: str, project_ids: Sequence[str]) -> list[Permission]:
    """Let these projects use a checkpoint; sharing twice changes nothing. In the order given."""
    with open_database().write() as connection:
        has = select(checkpoint_permissions.c.project_id).where(checkpoint_permissions.c.checkpoint == checkpoint)
        known = set(connection.execute(has).scalars())
        for project_id in dict.fromkeys(project_ids):
            if project_id not in known:
                row = Permission(new_id("cp_"), checkpoint, project_id, time.time())
                connection.execute(insert(checkpoint_permissions).values(**vars(row)))
    shared = {found.project_id: found for found in list_shared(checkpoint)}
    return [shared[project_id] for project_id in dict.fromkeys(project_ids) if project_id in shared]


def list_shared(
    checkpoint: str, *, project_id: str | None = None, newest_first: bool = False, after: Placed | None = None
) -> list[Permission]:
    """With whom a checkpoint is shared, oldest first unless said otherwise; `after` is the last one seen."""
    query = select(checkpoint_permissions).where(checkpoint_permissions.c.checkpoint == checkpoint)
    if project_id is not None:
        query = query.where(checkpoint_permissions.c.project_id == project_id)
    if after is not None:
        query = query.where(behind(checkpoint_permissions, after.created_at, after.id, newest_first))
    with open_database().read() as connection:
        rows = connection.execute(query.order_by(*ordered(checkpoint_permissions, newest_first)))
        return [_permission(row) for row in rows]


def withdraw(checkpoint: str, permission_id: str, owner: str) -> bool:
    """Take back a permission that the project `owner` gave; False when there is none of this id."""
    same = (checkpoint_permissions.c.checkpoint == checkpoint) & (checkpoint_permissions.c.id == permission_id)
    return removed.delete_row("permission", owner, permission_id, checkpoint_permissions, same)


def is_shared(checkpoint: str, project_id: str) -> bool:
    return bool(list_shared(checkpoint, project_id=project_id))


def _permission(row: Row[Any]) -> Permission:
    return Permission(**row._mapping)
