"""Models and aliases as the API has them: a server's, or all that this machine's own data has, so that both give one JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from honekit.cli.connection import call, document, server_url, taken
from honekit.errors import RegistryError, ServeError
from honekit.settings import local_project

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def listed(project: str | None) -> dict[str, Any]:
    """Every model that can be asked, and every alias; of one `hone.toml` alone when its name is given.

    Raises: faults of the API; without a server StoreError.
    """
    found = call(_served) if server_url() else _own()
    if project is None:
        return found
    from honekit.registry.versions import is_of_project

    aliases = [one for one in found["aliases"] if is_of_project(one["model"], project)]
    names = {one["id"] for one in aliases}
    return {
        "models": [one for one in found["models"] if one["id"] in names or is_of_project(one["id"], project)],
        "aliases": aliases,
    }


def shown(name: str) -> dict[str, Any]:
    """One model, with the aliases that point to it and their histories; of an alias its own.

    Raises: faults of the API; without a server RegistryError[registry.unknown_version | registry.unknown_alias], StoreError.
    """
    if server_url():
        return call(lambda client: _show_served(client, name))
    from honekit import deploy
    from honekit.api import served
    from honekit.api.alias_shapes import with_history
    from honekit.api.openai.model_shapes import with_lineage

    try:
        found = served.resolve(name)
    except ServeError:
        deploy.resolve(name)  # whose error names the nearest one
        raise
    pointing = [one for one in deploy.list_aliases() if one.version == found.model and name in (one.alias, one.version)]
    changes = [with_history(one, deploy.history(one.alias, one.owner)) for one in pointing]
    told = with_lineage(found).model_dump(mode="json", exclude_none=True)
    return {**told, "aliases": [one.model_dump(mode="json") for one in changes]}


def delete(name: str) -> dict[str, Any]:
    """Delete a tuned model; without a server that of any project of this machine. Raises: faults of the API; StoreError."""

    async def remove(client: AsyncOpenAI) -> dict[str, Any]:
        return document(await client.models.delete(name))

    if server_url():
        return call(remove)
    from honekit import registry

    deleted = call(remove, project=_owner(name))
    registry.remove_left_over()
    return deleted


async def _served(client: AsyncOpenAI) -> dict[str, Any]:
    return {"models": await taken(client.models.list()), "aliases": await _aliases(client)}


async def _aliases(client: AsyncOpenAI) -> list[dict[str, Any]]:
    answer: Any = await client.get("/aliases", cast_to=object)
    aliases: list[dict[str, Any]] = answer["data"]
    return aliases


def _own() -> dict[str, Any]:
    from honekit import deploy
    from honekit.api.alias_shapes import alias_object
    from honekit.api.openai.model_shapes import model_object
    from honekit.api.served import list_served

    return {
        "models": [model_object(one).model_dump(mode="json") for one in list_served()],
        "aliases": [alias_object(one).model_dump(mode="json") for one in deploy.list_aliases()],
    }


async def _show_served(client: AsyncOpenAI, name: str) -> dict[str, Any]:
    found = document(await client.models.retrieve(name))
    pointing = [one["id"] for one in await _aliases(client) if name in (one["id"], one["model"])]
    aliases: list[Any] = [await client.get(f"/aliases/{quote(one, safe='')}", cast_to=object) for one in pointing]
    return {**found, "aliases": aliases}


def _owner(name: str) -> str:
    """Whose model it is."""
    from honekit import deploy, fine_tuning
    from honekit.fine_tuning.records import by_model_name

    parts = fine_tuning.split_checkpoint(name)
    if parts and (found := by_model_name(parts[0])):
        return found[0].owner
    try:
        return deploy.resolve(name).owner
    except RegistryError:
        return local_project()
