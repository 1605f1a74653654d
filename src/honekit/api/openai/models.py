"""GET /v1/models and /v1/models/{model}."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from honekit.api.engines import Engines
from honekit.api.errors import ApiError
from honekit.api.served import Served
from honekit.errors import ServeError

router = APIRouter(prefix="/v1", tags=["models"])


class Model(BaseModel):
    """A name that requests can use: a base, a tuned model or an alias."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/models")
async def list_models(request: Request) -> ModelList:
    """All models that this server answers by now."""
    engines: Engines = request.app.state.engines
    return ModelList(data=[_model(served) for served in await engines.list()])


# A base's name may hold a slash, which arrives as %2F or as it is: the `path` convertor takes both.
@router.get("/models/{model:path}")
async def retrieve_model(model: str, request: Request) -> Model:
    """One model."""
    return _model(await find_model(request.app.state.engines, model))


async def find_model(engines: Engines, name: str) -> Served:
    """Raises: ApiError 404 `model_not_found`."""
    try:
        return await engines.resolve(name)
    except ServeError as fault:
        message = f"The model `{name[:200]}` does not exist here. GET /v1/models lists those that do."
        raise ApiError(404, message, code="model_not_found", param="model") from fault


def _model(served: Served) -> Model:
    return Model(id=served.name, created=served.created_at, owned_by=served.owned_by)
