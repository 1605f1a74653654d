"""/v1/models: what a key's project can ask, and deleting what it tuned."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from honekit import fine_tuning
from honekit.api.engines import Engines
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai.model_shapes import Model, ModelWithLineage, model_object, with_lineage
from honekit.api.served import Served
from honekit.errors import RegistryError, ServeError
from honekit.fine_tuning.records import by_model_name
from honekit.models import bases

router = APIRouter(prefix="/v1", tags=["models"])

_BASE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""As the hosted service calls its bases; programs written for it ask for them."""


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class ModelDeleted(BaseModel):
    id: str
    object: Literal["model"] = "model"
    deleted: bool = True


@router.get("/models")
async def list_models(request: Request) -> ModelList:
    """All models that this server answers by now."""
    engines: Engines = request.app.state.engines
    return ModelList(data=[model_object(served) for served in await engines.list(request.state.api_key.owner)])


# A base's name may hold a slash, which arrives as %2F or as it is: the `path` convertor takes both.
@router.get("/models/{model:path}", response_model_exclude_none=True)
async def retrieve_model(model: str, request: Request) -> ModelWithLineage:
    """One model; of a tuned one also what it was made of, as `lineage`, which is Hone's own."""
    return await asyncio.to_thread(with_lineage, await find_model(request, model))


@router.delete("/models/{model:path}")
async def delete_model(model: str, request: Request) -> ModelDeleted:
    """Delete a tuned model of one's own, with its checkpoints and all else that holds its weights.

    A checkpoint cannot be deleted without the tuned model of its job. Of a job that failed or was cancelled, and so made none,
    each checkpoint can: it goes alone, and with the last one goes what else the job keeps.
    """
    served = await find_model(request, model)
    if served.owned_by == "base":
        message = f"The base model `{model[:200]}` cannot be deleted through the API."
        raise ApiError(403, message, code="model_is_base", param="model", kind="permission_error")
    if served.name != served.model:
        raise ApiError(400, f"`{model[:200]}` is an alias; delete the tuned model.", code="not_a_tuned_model", param="model")
    parts = fine_tuning.split_checkpoint(served.name)
    if parts and await asyncio.to_thread(by_model_name, parts[0], request.state.api_key.owner) is None:
        message = f"The checkpoint `{model[:200]}` is another project's, which shares it with this one."
        raise ApiError(403, message, code="model_is_shared", param="model", kind="permission_error")
    try:
        removed = await asyncio.to_thread(fine_tuning.delete_model, served.name)
    except RegistryError as fault:
        if fault.code == "registry.unknown_version":  # deleted since it was looked for
            raise no_model(model) from fault
        code = "not_a_tuned_model" if fault.code == "registry.part_of_model" else "model_in_use"
        raise ApiError(400, f"{fault.what}; {fault.mend}.", code=code, param="model") from fault
    engines: Engines = request.app.state.engines
    engines.forget(removed)
    return ModelDeleted(id=served.name)


async def find_model(request: Request, name: str) -> Served:
    """The model that a request names, among those of its key's project. Raises: ApiError 404 `model_not_found`."""
    return await find_for(request.app.state.engines, request.state.api_key.owner, name)


async def find_for(engines: Engines, owner: str, name: str) -> Served:
    """The same among the models of a project. Raises: ApiError 404 `model_not_found`."""
    try:
        return await engines.resolve(name, owner)
    except ServeError as fault:
        raise no_model(name) from fault


def no_model(name: str) -> ApiError:
    """The answer to whoever names a model that there is not, or not any more."""
    message = f"The model `{name[:200]}` does not exist here. GET /v1/models lists those that do."
    if _BASE_NAME.fullmatch(name):
        message += f" A server that is started with `hone serve --base {name}=BASE` answers by this name too."
    return ApiError(404, message, code="model_not_found", param="model")


async def find_writer(request: Request, name: str) -> Served:
    """The same of one that is to write text. Raises: ApiError 404 `model_not_found`, 400 for one that only embeds.

    A base that is still to be fetched shows what it is when it is first asked.
    """
    served = await find_model(request, name)
    if await asyncio.to_thread(_is_encoder, served):
        raise only_embeds(name)
    return served


def only_embeds(name: str) -> ApiError:
    """The answer to whoever wants text from an embedding model."""
    message = f"The model `{name[:200]}` is an embedding model and writes no text; ask it for embeddings."
    return bad_request(message, code="unsupported_value", param="model")


def _is_encoder(served: Served) -> bool:
    directory = bases.local_directory(served.base_ref)
    return directory is not None and bases.is_encoder(directory)
