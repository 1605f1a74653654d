"""The application: routes, and around them what every request passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from honekit import __version__
from honekit.api import aliases, decide, errors, middleware, organization
from honekit.api.auth import ApiKey
from honekit.api.engines import Engines
from honekit.api.inside import inside_endpoint
from honekit.api.openai import chat, completions, embeddings, evals, files, fine_tuning, graders, models, responses, stored_chat
from honekit.api.upkeep import upkeep
from honekit.evals.runner import Runner
from honekit.jobs import Scheduler
from honekit.store import files as stored_files


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class ErrorDetail(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """The body of every answer that is not 2xx."""

    error: ErrorDetail


def create_app(
    engines: Engines,
    *,
    local_only: bool = True,
    training_jobs: int = 0,
    max_body_bytes: int = middleware.MAX_BODY_BYTES,
    trusted: ApiKey | None = None,
) -> FastAPI:
    """`local_only`: answer only to Host headers that mean this machine; for servers bound to loopback.

    `training_jobs`: how many fine-tuning jobs run at once; 0 leaves them to another server on the same database.

    `trusted`: for calls from this very process, never for a socket: no key is asked for, all requests count as made with
    this one, and faults of the installation are raised to the caller, who may see them, instead of being logged.
    """

    scheduler = Scheduler(["fine_tuning"], concurrency=training_jobs)

    runner = Runner(partial(inside_endpoint, engines))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if training_jobs:
            scheduler.start()
            if await asyncio.to_thread(stored_files.any_with, stored_files.TRAINING):
                scheduler.expect("fine_tuning")
        keeping = asyncio.create_task(upkeep())
        runner.start()
        yield
        keeping.cancel()
        await runner.stop()
        await engines.close()
        if training_jobs:
            await asyncio.to_thread(scheduler.stop)

    app = FastAPI(title="Hone", version=__version__, lifespan=lifespan, redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.engines, app.state.scheduler, app.state.eval_runner = engines, scheduler, runner
    app.include_router(models.router)
    app.include_router(chat.router)
    app.include_router(stored_chat.router)
    app.include_router(responses.router)
    app.include_router(files.router)
    app.include_router(fine_tuning.router)
    app.include_router(graders.router)
    app.include_router(completions.router)
    app.include_router(embeddings.router)
    app.include_router(evals.router)
    app.include_router(decide.router)
    app.include_router(aliases.router)
    app.include_router(organization.router)
    _add_health(app)
    errors.install(app, raises=trusted is not None)
    # The last one added is the outermost.
    app.add_middleware(middleware.BodyLimit, limit=max_body_bytes)
    if trusted is not None:
        app.add_middleware(middleware.TrustedKey, key=trusted)
    else:
        app.add_middleware(middleware.KeyCheck)
        if local_only:
            app.add_middleware(middleware.HostCheck)
        app.add_middleware(middleware.RequestId)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> Health:
        """The process answers."""
        return Health()

    @app.get("/readyz", tags=["health"])
    async def readyz() -> Health:
        """The database answers too: requests can be served."""
        from honekit.store.database import open_database

        def look() -> None:
            with open_database().read():
                return

        await asyncio.to_thread(look)
        return Health()


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the errors as they really are and the key that /v1 needs."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    envelope = TypeAdapter(ErrorEnvelope).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(envelope.pop("$defs"))
    schemas["ErrorEnvelope"] = envelope
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    fault = {
        "description": "What is wrong.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = fault
            if path.startswith("/v1/"):
                operation["security"] = [{"key": []}]
    app.openapi_schema = document
    return document
