"""Aliases such as `<project>@production`: one name for applications, whatever version stands behind it.

An alias belongs to the owner (the API keys' project) of the versions that it points to, and nobody else sees it. Where a
function's `owner` is None, the user of this machine asks: all owners' aliases count, `default`'s before others of that name.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from honekit.errors import RegistryError
from honekit.registry import Version, get_version, unknown_model, version_of
from honekit.store.database import open_database
from honekit.store.tables import DEFAULT_OWNER, alias_history, aliases, model_versions

_ORDER = (aliases.c.owner != DEFAULT_OWNER, aliases.c.owner)
"""Whose alias comes first where several owners have one of a name."""


@dataclass(frozen=True)
class Alias:
    owner: str
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


def promote(alias: str | None, version_name: str, reason: str) -> Alias:
    """Point an alias (None: the version's `<project>@production`) at a version and note why. Pointing it where it points
    already changes nothing.

    Raises: RegistryError[registry.alias_syntax | registry.alias_project | registry.unknown_version].
    """
    version = get_version(version_name)
    project = _project_part(version.project)
    if alias is None:
        alias = f"{project}@production"
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}@[a-z0-9][a-z0-9-]{0,62}", alias):
        raise RegistryError(
            "registry.alias_syntax",
            what=f"{alias[:200]!r} is not a name for an alias",
            mend="write it as <project>@<stage>, such as my-task@production",
        )
    # A model of a job without a suffix belongs to no project, and may be behind any name.
    if project and alias.partition("@")[0] != project:
        raise RegistryError(
            "registry.alias_project",
            what=f"this version belongs to the project {version.project!r}, the alias to another one",
            where=alias,
            mend=f"promote it as {project}@{alias.partition('@')[2]}, or choose a version of that project",
        )
    while True:
        try:
            with open_database().write() as connection:
                return _point(connection, version.owner, alias, version_name, "promote", reason)
        except IntegrityError:
            # Either another process made the alias first, so that now it is there to be changed, or the version went.
            get_version(version_name)


def rollback(
    alias: str,
    reason: str = "rolled back",
    owner: str | None = None,
    noted: Callable[[Connection], None] | None = None,
) -> Alias:
    """Point an alias at the version that it had before the present one; again and again, back to the first.

    Versions that were deleted since are passed over. `noted` is called in the transaction that moves it.
    Raises: RegistryError[registry.unknown_alias | registry.nothing_before].
    """
    with open_database().write() as connection:
        row = _find(connection, alias, owner, lock=True)
        if row is None:
            raise _unknown_alias(connection, alias, owner)
        existing = set(connection.execute(select(model_versions.c.name)).scalars())
        earlier = [name for name in _stack(connection, row.owner, alias)[:-1] if name in existing and name != row.version]
        if not earlier:
            raise RegistryError(
                "registry.nothing_before",
                what="this alias has no earlier version to go back to",
                where=alias,
                mend=f"choose one yourself: `hone models list`, then `hone models promote VERSION --alias {alias}`",
            )
        if noted:
            noted(connection)
        return _point(connection, row.owner, alias, earlier[-1], "rollback", reason)


def get_alias(alias: str, owner: str | None = None) -> Alias:
    """Raises: RegistryError[registry.unknown_alias]."""
    with open_database().read() as connection:
        row = _find(connection, alias, owner)
        if row is None:
            raise _unknown_alias(connection, alias, owner)
    return _alias(row)


def resolve(name: str, owner: str | None = None) -> Version:
    """The version behind an alias or a version's own name, of one owner or of any.

    Raises: RegistryError[registry.unknown_version].
    """
    own = true() if owner is None else model_versions.c.owner == owner
    with open_database().read() as connection:
        alias = _find(connection, name, owner)
        wanted = name if alias is None else alias.version
        row = connection.execute(select(model_versions).where(model_versions.c.name == wanted, own)).first()
        if row is None:
            known = [*connection.execute(select(aliases.c.alias).where(_of(owner))).scalars()]
            known += connection.execute(select(model_versions.c.name).where(own)).scalars()
            raise unknown_model(name, known)
    return version_of(row)


def list_aliases(project: str | None = None, *, owner: str | None = None) -> list[Alias]:
    """All aliases, or those of one project or owner, by name; of several of one name the one that `resolve` means first."""
    with open_database().read() as connection:
        rows = connection.execute(select(aliases).where(_of(owner)).order_by(aliases.c.alias, *_ORDER)).all()
    found = [_alias(row) for row in rows]
    return [alias for alias in found if project is None or alias.alias.partition("@")[0] == project]


def history(alias: str, owner: str = DEFAULT_OWNER) -> list[AliasChange]:
    """What an owner's alias pointed to, and why, newest first."""
    query = select(alias_history).where(alias_history.c.alias == alias, alias_history.c.owner == owner)
    with open_database().read() as connection:
        return [
            AliasChange(row.alias, row.action, row.version, row.previous, row.reason, row.created_at)
            for row in connection.execute(query.order_by(alias_history.c.id.desc()))
        ]


def _project_part(project: str) -> str:
    """What stands before the @ of a project's aliases: suffixes of jobs by the API may have other characters."""
    return re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:63].rstrip("-")


def _of(owner: str | None) -> ColumnElement[bool]:
    return true() if owner is None else aliases.c.owner == owner


def _find(connection: Connection, alias: str, owner: str | None, *, lock: bool = False) -> Row[Any] | None:
    query = select(aliases).where(aliases.c.alias == alias, _of(owner))
    query = query.order_by(*_ORDER).limit(1)
    return connection.execute(query.with_for_update() if lock else query).first()


def _alias(row: Row[Any]) -> Alias:
    return Alias(row.owner, row.alias, row.version, row.updated_at)


def _point(
    connection: Connection,
    owner: str,
    alias: str,
    version: str,
    action: Literal["promote", "rollback"],
    reason: str,
) -> Alias:
    row = _find(connection, alias, owner, lock=True)
    if row is not None and row.version == version:
        return _alias(row)
    now = time.time()
    if row is None:
        connection.execute(insert(aliases).values(owner=owner, alias=alias, version=version, updated_at=now))
    else:
        same = (aliases.c.owner == owner) & (aliases.c.alias == alias)
        connection.execute(update(aliases).where(same).values(version=version, updated_at=now))
    connection.execute(
        insert(alias_history).values(
            owner=owner, alias=alias, action=action, version=version, previous=row.version if row else None,
            reason=reason, created_at=now,
        )
    )  # fmt: skip
    return Alias(owner, alias, version, now)


def _stack(connection: Connection, owner: str, alias: str) -> list[str]:
    """The versions that rollbacks go through, oldest first, the present one last."""
    query = select(alias_history.c.action, alias_history.c.version)
    query = query.where(alias_history.c.alias == alias, alias_history.c.owner == owner)
    stack: list[str] = []
    for action, version in connection.execute(query.order_by(alias_history.c.id)):
        if action == "rollback":
            while stack and stack[-1] != version:
                stack.pop()
        if not stack or stack[-1] != version:
            stack.append(version)
    return stack


def _unknown_alias(connection: Connection, alias: str, owner: str | None) -> RegistryError:
    known = ", ".join(connection.execute(select(aliases.c.alias).where(_of(owner)).order_by(aliases.c.alias)).scalars())
    return RegistryError(
        "registry.unknown_alias",
        what=f"there is no alias {alias[:200]!r}",
        mend=f"use one of: {known}" if known else "promote a version first: `hone models promote VERSION`",
    )
