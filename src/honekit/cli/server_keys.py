"""`hone keys` on the server that `HONE_BASE_URL` names: the keys of the project that `HONE_API_KEY` belongs to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from honekit.cli.connection import call

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def create_key(name: str, scope: str, project: str | None) -> tuple[str, dict[str, Any]]:
    """A new key and what is known of it. Raises: ApiFault."""

    async def create(client: AsyncOpenAI) -> tuple[str, dict[str, Any]]:
        of = project or await _own_project(client)
        path, body = f"/organization/projects/{quote(of, safe='')}/api_keys", {"name": name, "scope": scope}
        made: Any = await client.post(path, body=body, cast_to=object)
        return made["value"], _shown(made, of)

    return call(create)


def list_keys() -> list[dict[str, Any]]:
    """The keys, newest first, revoked ones too. Raises: ApiFault."""
    return call(_list)


def revoke_key(named: str) -> dict[str, Any]:
    """Revoke the key of this id, this shown beginning, or this value; revoking it twice changes nothing. Raises: ApiFault, and
    what `auth.revoke_key` raises.
    """
    from honekit.api.auth import is_misspelt, not_one_key

    if is_misspelt(named):  # its beginning may be that of another key
        raise not_one_key(named, 0)

    async def revoke(client: AsyncOpenAI) -> dict[str, Any]:
        found = [key for key in await _list(client) if named == key["id"] or named.startswith(key["prefix"])]
        if len(found) != 1:
            raise not_one_key(named, len(found))
        key = found[0]
        if key["revoked_at"] is not None:
            return key
        await client.admin.organization.projects.api_keys.delete(key["id"], project_id=key["project"])
        return {**key, "revoked_at": int(time.time())}

    return call(revoke)


async def _list(client: AsyncOpenAI) -> list[dict[str, Any]]:
    project = await _own_project(client)
    listed = client.admin.organization.projects.api_keys.list(project, extra_query={"revoked": "true"})
    return [_shown(key.to_dict(), project) async for key in listed]


async def _own_project(client: AsyncOpenAI) -> str:
    return (await client.admin.organization.projects.list()).data[0].id


def _shown(key: dict[str, Any], project: str) -> dict[str, Any]:
    """With the names of this machine's own keys."""
    return {
        "id": key["id"],
        "name": key["name"],
        "prefix": key["redacted_value"].removesuffix("..."),
        "project": project,
        "scope": key["scope"],
        "created_at": key["created_at"],
        "last_used_at": key["last_used_at"],
        "revoked_at": key["revoked_at"],
    }
