"""Sharing a checkpoint with other projects, which can then use it as a model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select

from honekit.store.database import open_database
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


def list_shared(checkpoint: str, *, project_id: str | None = None, newest_first: bool = False) -> list[Permission]:
    """With whom a checkpoint is shared, oldest first unless said otherwise."""
    query = select(checkpoint_permissions).where(checkpoint_permissions.c.checkpoint == checkpoint)
    if project_id is not None:
        query = query.where(checkpoint_permissions.c.project_id == project_id)
    with open_database().read() as connection:
        found = [_permission(row) for row in connection.execute(query)]
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=newest_first)


def withdraw(checkpoint: str, permission_id: str) -> bool:
    """Take a permission back; False when there is none of this id."""
    same = (checkpoint_permissions.c.checkpoint == checkpoint) & (checkpoint_permissions.c.id == permission_id)
    with open_database().write() as connection:
        return connection.execute(delete(checkpoint_permissions).where(same)).rowcount > 0


def is_shared(checkpoint: str, project_id: str) -> bool:
    return bool(list_shared(checkpoint, project_id=project_id))


def _permission(row: Row[Any]) -> Permission:
    return Permission(**row._mapping)
