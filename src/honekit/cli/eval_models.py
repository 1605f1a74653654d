"""Where commands of `hone eval` ask models: an endpoint, the server that HONE_BASE_URL names, or this process."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from honekit.errors import SettingsError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from honekit.evals.endpoint import Endpoint

KEY_VARIABLE = "HONE_ENDPOINT_KEY"
JUDGE_KEY_VARIABLE = "HONE_JUDGE_KEY"


def version_behind(model: str, endpoint: str | None) -> str:
    """What answers by this name now: of an alias of this machine's or of the server's in HONE_BASE_URL the version, else the
    name itself. What an endpoint's names stand for nobody knows.

    Raises: ServeError[serve.unknown_model] for a name that this machine does not have; ModelError for a base's directory that is
    gone or no whole model, which each item would fail by; faults of that server.
    """
    from honekit.base_name import is_path
    from honekit.cli.connection import call, server_url
    from honekit.cli.known_names import find_model
    from honekit.models.adapters import is_whole_model
    from honekit.models.bases import check_directory, load_template, local_directory, require_name
    from honekit.settings import local_project

    if endpoint is not None:
        return model
    if server_url() is not None:
        return call(lambda client: _behind_alias(client, model))
    found = find_model(model, local_project())
    if found.adapter is None or not is_whole_model(found.adapter):
        if is_path(found.base_ref):
            require_name(found.base_ref)
        if directory := local_directory(found.base_ref):
            load_template(check_directory(directory))
    return found.model  # of a base by directory its whole path: a run may go on elsewhere


async def _behind_alias(client: AsyncOpenAI, name: str) -> str:
    from openai import NotFoundError

    try:
        found: Any = await client.get(f"/aliases/{quote(name, safe='')}", cast_to=object)
    except NotFoundError:
        return name
    return str(found["model"])


@asynccontextmanager
async def models_at(endpoint: str | None, models: Sequence[str]) -> AsyncIterator[Endpoint]:
    """The models of an endpoint, of the server that HONE_BASE_URL names, or of this process."""
    from honekit.cli.connection import server_url
    from honekit.settings import local_project

    url = server_url()
    if endpoint is not None or url is not None:
        variable = KEY_VARIABLE if endpoint is not None else "HONE_API_KEY"
        async with at_endpoint(str(endpoint or url), variable) as found:
            yield found
    else:
        from honekit.api.engines import Engines
        from honekit.api.inside import inside_endpoint

        owner = local_project()
        engines = Engines(extra_bases=directories(models, owner))
        try:
            yield inside_endpoint(engines, owner)
        finally:
            await engines.close()


def directories(models: Sequence[str], owner: str | None = None) -> dict[str, str]:
    """Those of the models that are bases, a directory by its whole path. Raises: ServeError[serve.unknown_model]."""
    from honekit.cli.known_names import find_model

    found = [find_model(model, owner) for model in filter(None, models)]
    return {one.name: one.base_ref for one in found if one.owned_by == "base" and one.adapter is None}


@asynccontextmanager
async def at_endpoint(url: str, variable: str) -> AsyncIterator[Endpoint]:
    """A server of OpenAI's API; a key is sent where the variable holds one. Its connections are closed with it."""
    from openai import AsyncOpenAI

    from honekit.evals.endpoint import Endpoint

    base = address(url)
    key = os.environ.get(variable, "").strip() or "none"
    async with AsyncOpenAI(base_url=base, api_key=key, max_retries=4, timeout=600) as client:
        yield Endpoint(client, base)


def address(url: str) -> str:
    """The API's base address, with its version in the path. Raises: SettingsError[settings.endpoint]."""
    if not url.startswith(("http://", "https://")):
        raise SettingsError(
            "settings.endpoint", what=f"{url[:200]!r} is not the address of a server", mend="write it as http://127.0.0.1:8000"
        )
    plain = url.rstrip("/")
    path = plain.split("/")[3:]
    return plain if any(re.fullmatch(r"v\d\w*", part) for part in path) else f"{plain}/v1"
