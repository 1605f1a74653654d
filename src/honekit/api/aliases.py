"""/v1/aliases: one name for applications, whatever tuned model stands behind it. No part of OpenAI's interface."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from honekit import deploy, fine_tuning
from honekit.api.alias_shapes import AliasObject, AliasWithHistory, alias_object, with_history
from honekit.api.errors import ApiError, bad_request
from honekit.api.idempotency import Overtaken, attempt
from honekit.api.openai.chat_schema import Text
from honekit.api.openai.models import find_model
from honekit.api.openai.pages import Page, page
from honekit.api.routes import JsonRoute
from honekit.errors import RegistryError

router = APIRouter(prefix="/v1/aliases", tags=["aliases"], route_class=JsonRoute)

Reason = Annotated[Text, Field(max_length=2000)]


class Promote(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: Text
    """A tuned model, or an alias that points to it."""
    alias: Text | None = None
    """None: `<project>@production`, where the model has a project (its suffix)."""
    reason: Reason = "promoted by hand"


class Rollback(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason = "rolled back by hand"


@router.get("")
async def list_aliases(request: Request) -> Page[AliasObject]:
    """The project's aliases, by name, all of them."""
    found = await asyncio.to_thread(deploy.list_aliases, owner=request.state.api_key.owner)
    return page([alias_object(one) for one in found], len(found))


@router.post("")
async def promote(body: Promote, request: Request) -> AliasObject:
    """Point an alias at a tuned model of one's own."""
    served = await find_model(request, body.model)
    if served.owned_by == "base" or fine_tuning.split_checkpoint(served.name):
        message = f"`{body.model[:200]}` is a base model or a checkpoint; an alias points to a tuned model."
        raise bad_request(message, code="not_a_tuned_model", param="model")
    try:
        return alias_object(await asyncio.to_thread(deploy.promote, body.alias, served.model, body.reason))
    except RegistryError as fault:
        if fault.code == "registry.unknown_version":
            raise ApiError(404, f"The model `{body.model[:200]}` is gone.", code="model_not_found", param="model") from fault
        raise bad_request(f"{fault.what}. To mend it: {fault.mend}", code="invalid_alias", param="alias") from fault


@router.get("/{alias}")
async def retrieve_alias(alias: str, request: Request) -> AliasWithHistory:
    """An alias with all its changes."""
    owner = request.state.api_key.owner
    known = await _known(alias, owner)
    return with_history(known, await asyncio.to_thread(deploy.history, alias, owner))


@router.post("/{alias}/rollback")
async def rollback(alias: str, body: Rollback, request: Request) -> AliasObject:
    """Point an alias at the model that it had before. With an `Idempotency-Key`, sent twice it goes back once."""
    await _find(request, alias)
    owner = request.state.api_key.owner
    async with attempt(request, body.model_dump(mode="json"), by_count=False) as sending:
        if sending.earlier is not None:
            return await _find(request, alias)
        try:
            moved = await asyncio.to_thread(deploy.rollback, alias, body.reason, owner, sending.note_change)
        except Overtaken:
            return await _find(request, alias)
        except RegistryError as fault:
            raise bad_request(f"{fault.what}. To mend it: {fault.mend}", code="nothing_before", param="alias") from fault
    return alias_object(moved)


async def _find(request: Request, alias: str) -> AliasObject:
    return alias_object(await _known(alias, request.state.api_key.owner))


async def _known(alias: str, owner: str) -> deploy.Alias:
    # Control characters are in no name, and PostgreSQL takes offence at a NUL.
    known = alias if alias.isprintable() else ""
    try:
        return await asyncio.to_thread(deploy.get_alias, known, owner)
    except RegistryError as fault:
        raise ApiError(404, f"No such alias: '{alias[:200]}'", code="alias_not_found", param="alias") from fault
