"""The application: routes, and around them what every request passes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from typing import Any, Literal
from weakref import WeakValueDictionary

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter

from honekit import __version__, runtime
from honekit.api import errors, middleware, nul
from honekit.api.auth import ApiKey
from honekit.api.engines import Engines
from honekit.api.inside import inside_endpoint
from honekit.api.upkeep import upkeep
from honekit.jobs import Scheduler
from honekit.store import files as stored_files

ROUTERS = {
    "models": ("openai.models",),
    "chat": ("openai.chat", "openai.stored_chat"),
    "responses": ("openai.responses",),
    "files": ("openai.files",),
    "uploads": ("openai.files",),
    "fine_tuning": ("openai.fine_tuning", "openai.graders"),
    "completions": ("openai.completions",),
    "embeddings": ("openai.embeddings",),
    "evals": ("openai.evals",),
    "decide": ("decide",),
    "aliases": ("aliases",),
    "organization": ("organization",),
}
"""What follows /v1/ in a path, and the modules of this package that have its routes."""


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
    this one, and faults of the installation are raised to the caller, who may see them, instead of being logged. Routes are
    imported when they are first asked for: a command needs few of them, and all take half a second.
    """

    scheduler = Scheduler(["fine_tuning"], concurrency=training_jobs)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if training_jobs:
            scheduler.start()
            if await asyncio.to_thread(stored_files.any_with, stored_files.TRAINING):
                scheduler.expect("fine_tuning")
        keeping = asyncio.create_task(upkeep(engines))
        app.state.eval_runner.start()
        app.state.background.start()
        yield
        keeping.cancel()
        await app.state.eval_runner.stop()
        await app.state.background.stop()
        await engines.close()
        if training_jobs:
            await asyncio.to_thread(scheduler.stop)

    app = FastAPI(title="Hone", version=__version__, lifespan=lifespan, redirect_slashes=False, docs_url=None, redoc_url=None)
    app.state.engines, app.state.scheduler, app.state.routers = engines, scheduler, []
    app.state.running = WeakValueDictionary()  # see `idempotency`
    _add_health(app)
    errors.install(app, raises=trusted is not None)
    nul.install(app)
    # The last one added is the outermost.
    app.add_middleware(middleware.BodyLimit, limit=max_body_bytes)
    if trusted is not None:
        app.add_middleware(middleware.OnDemand, prepare=partial(_add_resource, app))
        app.add_middleware(middleware.TrustedKey, key=trusted)
    else:
        for resource in ROUTERS:
            _add_resource(app, resource)
        app.add_middleware(middleware.KeyCheck)
        if local_only:
            app.add_middleware(middleware.HostCheck)
        app.add_middleware(middleware.AbsoluteForm)
        app.add_middleware(middleware.RequestId)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _add_resource(app: FastAPI, resource: str) -> None:
    """The routes below /v1/`resource`, if there are any and they are not there yet."""
    for name in ROUTERS.get(resource, ()):
        if name in app.state.routers:
            continue
        app.state.routers.append(name)
        with runtime.importing():
            app.include_router(import_module(f"honekit.api.{name}").router)
        if name == "openai.evals":
            from honekit.evals.runner import Runner

            app.state.eval_runner = Runner(partial(inside_endpoint, app.state.engines))
        if name == "openai.responses":
            from honekit.api.openai.responses_background import Background

            app.state.background = Background(app.state.engines)


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
