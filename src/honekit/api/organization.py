"""/v1/organization: a project's keys, for its administrators. Listing, looking and deleting are OpenAI's calls; making is not.

OpenAI makes keys in its console, so `POST .../api_keys` is Hone's own. A key reaches its own project, here as everywhere.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from honekit.api import auth
from honekit.api.errors import ApiError
from honekit.api.idempotency import made_once
from honekit.api.openai.chat_schema import Text
from honekit.api.openai.pages import Page, behind, page
from honekit.api.routes import JsonRoute
from honekit.store.files import Noted

router = APIRouter(prefix="/v1/organization/projects", tags=["organization"], route_class=JsonRoute)

Limit = Annotated[int, Query(ge=1, le=100)]


class ProjectObject(BaseModel):
    id: str
    object: Literal["organization.project"] = "organization.project"
    name: str
    created_at: int
    """When its first key was made."""
    archived_at: None = None
    status: Literal["active"] = "active"


class ServiceAccount(BaseModel):
    id: str
    name: str
    created_at: int
    role: Literal["owner", "member"]


class KeyOwner(BaseModel):
    """Hone has no accounts: each key stands for a service of its own."""

    type: Literal["service_account"] = "service_account"
    service_account: ServiceAccount


class KeyObject(BaseModel):
    """OpenAI's project key, its scope, and when it was revoked."""

    id: str
    object: Literal["organization.project.api_key"] = "organization.project.api_key"
    name: str
    redacted_value: str
    created_at: int
    last_used_at: int | None
    owner: KeyOwner
    owner_project_access: Literal["active"] = "active"
    scope: auth.Scope
    revoked_at: int | None = None


class NewKeyObject(KeyObject):
    value: str
    """The key itself, in this one answer."""


class KeyDeleted(BaseModel):
    id: str
    object: Literal["organization.project.api_key.deleted"] = "organization.project.api_key.deleted"
    deleted: bool = True


class CreateKey(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[Text, Field(max_length=auth.MAX_NAME)] = ""
    scope: auth.Scope = "write"


@router.get("")
async def list_projects(request: Request, after: str | None = None, limit: Limit = 20) -> Page[ProjectObject]:
    """The key's own project, which is all that it can see."""
    return page(behind([await _project(request, request.state.api_key.owner)], after), limit)


@router.get("/{project_id}")
async def retrieve_project(project_id: str, request: Request) -> ProjectObject:
    """The key's own project."""
    return await _project(request, project_id)


@router.get("/{project_id}/api_keys")
async def list_keys(
    project_id: str, request: Request, after: str | None = None, limit: Limit = 20, revoked: bool = False
) -> Page[KeyObject]:
    """The valid keys, newest first; with `revoked=true`, which is Hone's own, revoked ones too."""
    every = await asyncio.to_thread(auth.list_keys, _own(request, project_id))
    # Whoever revokes what a page shows goes on behind a key that is valid no more.
    later = behind([_key(key) for key in every], after)
    return page([key for key in later if revoked or key.revoked_at is None], limit)


@router.post("/{project_id}/api_keys")
async def create_key(project_id: str, body: CreateKey, request: Request) -> NewKeyObject:
    """Make a key. Sent again because the answer was lost, it gives that key a new value, for nobody has the first one."""
    project = _own(request, project_id)

    async def make(noted: Noted) -> tuple[str, auth.ApiKey]:
        return await asyncio.to_thread(auth.create_key, body.name, project=project, scope=body.scope, noted=noted)

    def renew(key_id: str) -> tuple[str, auth.ApiKey] | None:
        made = next((key for key in auth.list_keys(project) if key.id == key_id and key.revoked_at is None), None)
        return None if made is None else auth.renew_key(made)

    secret, key = await made_once(request, body.model_dump(mode="json"), renew, make)
    return NewKeyObject(**_key(key).model_dump(), value=secret)


@router.get("/{project_id}/api_keys/{key_id}")
async def retrieve_key(project_id: str, key_id: str, request: Request) -> KeyObject:
    """One valid key."""
    return _key(await _find(request, project_id, key_id))


@router.delete("/{project_id}/api_keys/{key_id}")
async def delete_key(project_id: str, key_id: str, request: Request) -> KeyDeleted:
    """Revoke a key: it is useless from the next request on."""
    key = await _find(request, project_id, key_id)
    await asyncio.to_thread(auth.revoke_key, key.id)
    return KeyDeleted(id=key.id)


def _own(request: Request, project_id: str) -> str:
    owner: str = request.state.api_key.owner
    if project_id != owner:
        raise ApiError(404, f"No such project: '{project_id[:80]}'", code="project_not_found", param="project_id")
    return owner


async def _project(request: Request, project_id: str) -> ProjectObject:
    name = _own(request, project_id)
    made = min(
        (key.created_at for key in await asyncio.to_thread(auth.list_keys, name)), default=request.state.api_key.created_at
    )
    return ProjectObject(id=name, name=name, created_at=int(made))


async def _find(request: Request, project_id: str, key_id: str) -> auth.ApiKey:
    every = await asyncio.to_thread(auth.list_keys, _own(request, project_id))
    found = next((key for key in every if key.id == key_id and key.revoked_at is None), None)
    if found is None:
        raise ApiError(404, f"No such API key: '{key_id[:80]}'", code="api_key_not_found", param="key_id")
    return found


def _key(key: auth.ApiKey) -> KeyObject:
    made = int(key.created_at)
    role: Literal["owner", "member"] = "owner" if key.may("admin") else "member"
    return KeyObject(
        id=key.id,
        name=key.name,
        redacted_value=f"{key.prefix}...",
        created_at=made,
        last_used_at=None if key.last_used_at is None else int(key.last_used_at),
        owner=KeyOwner(service_account=ServiceAccount(id=key.id, name=key.name, created_at=made, role=role)),
        scope=key.scope,
        revoked_at=None if key.revoked_at is None else int(key.revoked_at),
    )
