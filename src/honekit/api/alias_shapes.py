"""An alias as the API has it, for the routes and for commands without a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from honekit import deploy


class AliasObject(BaseModel):
    id: str
    object: Literal["alias"] = "alias"
    model: str
    updated_at: int


class AliasChangeObject(BaseModel):
    action: Literal["promote", "rollback"]
    model: str
    previous: str | None
    reason: str
    created_at: int


class AliasWithHistory(AliasObject):
    history: list[AliasChangeObject]
    """Newest first."""


def alias_object(one: deploy.Alias) -> AliasObject:
    """The alias as the API has it."""
    return AliasObject(id=one.alias, model=one.version, updated_at=int(one.updated_at))


def with_history(alias: deploy.Alias, changes: Sequence[deploy.AliasChange]) -> AliasWithHistory:
    """The alias with its changes, newest first, as the API has it."""
    history = [
        AliasChangeObject(
            action=one.action, model=one.version, previous=one.previous, reason=one.reason, created_at=int(one.created_at)
        )
        for one in changes
    ]
    return AliasWithHistory(**alias_object(alias).model_dump(), history=history)
