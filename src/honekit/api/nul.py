"""Requests with a NUL where the database has text: refused as what they are, a fault of the request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from honekit.api.errors import ApiError, bad_request, param_name
from honekit.store.texts import NulRefused


def install(app: FastAPI) -> None:
    """Answer `NulRefused` on every route of `app`."""

    async def on_nul(request: Request, fault: NulRefused) -> JSONResponse:
        return (await _refusal(request, fault)).response()

    app.add_exception_handler(NulRefused, on_nul)  # type: ignore[arg-type]


async def _refusal(request: Request, fault: NulRefused) -> ApiError:
    """404 where the NUL stands in the path, which then names nothing, else 400 with the parameter that has it."""
    if "\0" in request.scope["path"]:
        return ApiError(404, f"There is no {request.method} {request.url.path[:200]}", code="not_found")
    given = [*_values(dict(request.query_params), []), *_values(await _body(request), [])]
    exact = [path for path, text in given if text == fault.text]
    param = param_name(exact[0]) if exact else None
    where = f"'{param}'" if param else "the request"
    return bad_request(f"Invalid value for {where}: it cannot hold the character NUL.", code="invalid_value", param=param)


async def _body(request: Request) -> Any:
    """The body, which the request has kept since its route read it."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return dict(await request.form())
    body = await request.body()
    return json.loads(body) if body else None


def _values(value: Any, path: list[int | str]) -> Iterator[tuple[list[int | str], str]]:
    """The texts in a value, in their order, each with its place."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _values(inner, [*path, name])
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _values(inner, [*path, index])
