"""Aliases such as `<project>@production`: one name for applications, whatever version stands behind it."""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from honekit.errors import RegistryError
from honekit.registry import Version, get_version, unknown_model, version_of
from honekit.store.database import open_database
from honekit.store.tables import alias_history, aliases, model_versions


@dataclass(frozen=True)
class Alias:
    alias: str
    version: str
    updated_at: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True)
class AliasChange:
    alias: str
    action: Literal["promote", "rollback"]
    version: str
    previous: str | None
    reason: str
    created_at: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def promote(alias: str, version_name: str, reason: str) -> Alias:
    """Point an alias at a version and note why. Pointing it where it points already changes nothing.

    Raises: RegistryError[registry.alias_syntax | registry.alias_project | registry.unknown_version].
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}@[a-z0-9][a-z0-9-]{0,62}", alias):
        raise RegistryError(
            "registry.alias_syntax",
            what=f"{alias[:200]!r} is not a name for an alias",
            mend="write it as <project>@<stage>, such as my-task@production",
        )
    version = get_version(version_name)
    if alias.partition("@")[0] != version.project:
        raise RegistryError(
            "registry.alias_project",
            what=f"this version belongs to the project {version.project!r}, the alias to another one",
            where=alias,
            mend=f"promote it as {version.project}@{alias.partition('@')[2]}, or choose a version of that project",
        )
    while True:
        try:
            with open_database().write() as connection:
                return _point(connection, alias, version_name, "promote", reason)
        except IntegrityError:
            # Either another process made the alias first, so that now it is there to be changed, or the version went.
            get_version(version_name)


def rollback(alias: str, reason: str = "rolled back") -> Alias:
    """Point an alias at the version that it had before the present one; again and again, back to the first.

    Versions that were deleted since are passed over. Raises: RegistryError[registry.unknown_alias |
    registry.nothing_before].
    """
    with open_database().write() as connection:
        row = connection.execute(select(aliases).where(aliases.c.alias == alias).with_for_update()).first()
        if row is None:
            raise _unknown_alias(connection, alias)
        existing = set(connection.execute(select(model_versions.c.name)).scalars())
        earlier = [name for name in _stack(connection, alias)[:-1] if name in existing and name != row.version]
        if not earlier:
            raise RegistryError(
                "registry.nothing_before",
                what="this alias has no earlier version to go back to",
                where=alias,
                mend=f"choose one yourself: `hone models list`, then `hone models promote VERSION --alias {alias}`",
            )
        return _point(connection, alias, earlier[-1], "rollback", reason)


def resolve(name: str, owner: str | None = None) -> Version:
    """The version behind an alias or a version's own name, of one owner or of any.

    Raises: RegistryError[registry.unknown_version].
    """
    own = true() if owner is None else model_versions.c.owner == owner
    with open_database().read() as connection:
        joined = select(model_versions).join(aliases, aliases.c.version == model_versions.c.name)
        row = connection.execute(joined.where(aliases.c.alias == name, own)).first()
        if row is None:
            row = connection.execute(select(model_versions).where(model_versions.c.name == name, own)).first()
        if row is None:
            known = [*connection.execute(select(aliases.c.alias)).scalars()]
            known += connection.execute(select(model_versions.c.name).where(own)).scalars()
            raise unknown_model(name, known)
    return version_of(row)


def list_aliases(project: str | None = None) -> list[Alias]:
    """All aliases, or those of one project, by name."""
    with open_database().read() as connection:
        rows = connection.execute(select(aliases).order_by(aliases.c.alias)).all()
    found = [Alias(row.alias, row.version, row.updated_at) for row in rows]
    return [alias for alias in found if project is None or alias.alias.partition("@")[0] == project]


def history(alias: str) -> list[AliasChange]:
    """What the alias pointed to, and why, newest first."""
    query = select(alias_history).where(alias_history.c.alias == alias).order_by(alias_history.c.id.desc())
    with open_database().read() as connection:
        return [
            AliasChange(row.alias, row.action, row.version, row.previous, row.reason, row.created_at)
            for row in connection.execute(query)
        ]


def _point(connection: Connection, alias: str, version: str, action: Literal["promote", "rollback"], reason: str) -> Alias:
    row = connection.execute(select(aliases).where(aliases.c.alias == alias).with_for_update()).first()
    if row is not None and row.version == version:
        return Alias(alias, version, row.updated_at)
    now = time.time()
    if row is None:
        connection.execute(insert(aliases).values(alias=alias, version=version, updated_at=now))
    else:
        connection.execute(update(aliases).where(aliases.c.alias == alias).values(version=version, updated_at=now))
    connection.execute(
        insert(alias_history).values(
            alias=alias, action=action, version=version, previous=row.version if row else None, reason=reason,
            created_at=now,
        )
    )  # fmt: skip
    return Alias(alias, version, now)


def _stack(connection: Connection, alias: str) -> list[str]:
    """The versions that rollbacks go through, oldest first, the present one last."""
    query = select(alias_history.c.action, alias_history.c.version).where(alias_history.c.alias == alias)
    stack: list[str] = []
    for action, version in connection.execute(query.order_by(alias_history.c.id)):
        if action == "rollback":
            while stack and stack[-1] != version:
                stack.pop()
        if not stack or stack[-1] != version:
            stack.append(version)
    return stack


def _unknown_alias(connection: Connection, alias: str) -> RegistryError:
    known = ", ".join(connection.execute(select(aliases.c.alias).order_by(aliases.c.alias)).scalars())
    return RegistryError(
        "registry.unknown_alias",
        what=f"there is no alias {alias[:200]!r}",
        mend=f"use one of: {known}" if known else "promote a version first: `hone models promote VERSION`",
    )
