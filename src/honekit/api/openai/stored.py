"""Answers that are kept: only when a request says `store: true`, and only for keys that may write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from honekit.api.errors import ApiError
from honekit.api.idempotency import Overtaken, attempt
from honekit.api.middleware import insufficient_scope
from honekit.store import answers
from honekit.store.answers import Answer, Kind

Keep = Callable[[Answer], Awaitable[None]]
"""Stores the answer of the request that it was made for."""

_PARAMS: dict[Kind, tuple[str, str]] = {
    "response": ("response", "response_id"),
    "chat.completion": ("chat completion", "completion_id"),
}


async def answered(
    request: Request, body: BaseModel, kind: Kind, stream: bool, make: Callable[[Keep], Awaitable[Response]]
) -> Response:
    """The answer that `make` gives and keeps, or the kept one of an earlier sending of the same request.

    A stream is always made anew: the clients do not send a request again once a stream has begun. Raises ApiError 403
    when the key may not write.
    """
    owner = owner_of(request)
    require_write(request)
    if stream:
        return await make(lambda answer: asyncio.to_thread(answers.keep, answer))
    async with attempt(request, body.model_dump(mode="json")) as sending:
        made = await asyncio.to_thread(answers.get, owner, kind, sending.earlier) if sending.earlier else None
        if made is not None:
            return JSONResponse(content(made))
        # An earlier sending whose answer was deleted since is noted already.
        noted = None if sending.earlier else sending.note
        try:
            return await make(lambda answer: asyncio.to_thread(answers.keep, answer, noted))
        except Overtaken as first:
            return JSONResponse(content(await find(request, kind, first.object_id)))


def require_write(request: Request) -> None:
    """Raises ApiError 403 when the key may not store anything."""
    if not request.state.api_key.may("write"):
        raise insufficient_scope(request.state.api_key, "write", "storing an answer ('store': true)")


async def find(request: Request, kind: Kind, answer_id: str, param: str | None = None) -> Answer:
    """The project's answer. Raises ApiError 404, or 400 that names `param`."""
    found = await asyncio.to_thread(answers.get, owner_of(request), kind, answer_id)
    if found is None:
        raise unknown(kind, answer_id, param)
    return found


async def remove(request: Request, kind: Kind, answer_id: str) -> None:
    """Delete the project's answer. Raises ApiError 404."""
    if not await asyncio.to_thread(answers.remove, owner_of(request), kind, answer_id):
        raise unknown(kind, answer_id)


def content(answer: Answer) -> dict[str, Any]:
    """The answer as it is sent, with its metadata as they are now."""
    return {**answer.body, "metadata": answer.metadata}


def owner_of(request: Request) -> str:
    """The project of the key."""
    return str(request.state.api_key.owner)


def unknown(kind: Kind, answer_id: str, param: str | None = None) -> ApiError:
    """404, or 400 where another request names it in `param`."""
    what, own_param = _PARAMS[kind]
    message = f"No such stored {what}: '{answer_id[:80]}'. Only those asked for with 'store': true are kept."
    return ApiError(400 if param else 404, message, code=f"{what.replace(' ', '_')}_not_found", param=param or own_param)
