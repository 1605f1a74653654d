"""/v1/responses: answers with named events, kept and gone on from when that is asked for."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from honekit.api.errors import ApiError, bad_request
from honekit.api.idempotency import made_once
from honekit.api.openai import answering, responses_replay, stored
from honekit.api.openai.conversation import Run
from honekit.api.openai.models import find_writer
from honekit.api.openai.pages import Page, behind, page
from honekit.api.openai.responses_background import Background
from honekit.api.openai.responses_making import new_making
from honekit.api.openai.responses_output import Event
from honekit.api.openai.responses_schema import (
    LOGPROBS,
    KeptCallOutput,
    KeptItem,
    KeptMessage,
    OutputCall,
    ResponseDeleted,
    ResponseObject,
    ResponseRequest,
)
from honekit.api.routes import JsonRoute
from honekit.store import answers, background
from honekit.store.answers import Answer
from honekit.store.files import Noted

router = APIRouter(prefix="/v1/responses", tags=["responses"], route_class=JsonRoute)

_KEPT: dict[str, type[KeptMessage] | type[OutputCall] | type[KeptCallOutput]] = {
    "message": KeptMessage,
    "function_call": OutputCall,
    "function_call_output": KeptCallOutput,
}


@router.post(
    "",
    response_model=ResponseObject,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def create_response(body: ResponseRequest, request: Request) -> Response:
    """Answer a text or a conversation."""
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' needs 'stream': true.", code="invalid_value", param="stream_options")
    if body.top_logprobs and not body.include:
        message = f"'top_logprobs' needs 'include': [\"{LOGPROBS}\"]."
        raise bad_request(message, code="invalid_value", param="top_logprobs")
    if body.background:
        return await _in_background(body, request)
    if not body.store:
        return await _answer(body, request, None)
    return await stored.answered(request, body, "response", bool(body.stream), partial(_answer, body, request))


@router.get(
    "/{response_id}",
    response_model=ResponseObject,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def retrieve_response(
    response_id: str, request: Request, stream: Literal["true", "false"] = "false", starting_after: int | None = None
) -> Response:
    """One stored response; with `stream` as its events, `starting_after` leaving out those up to that number."""
    _refuse(request, include={LOGPROBS}, include_obfuscation={"false"})
    if starting_after is not None and stream == "false":
        raise bad_request("'starting_after' needs 'stream': true.", code="invalid_value", param="starting_after")
    content = stored.content(await stored.find(request, "response", response_id))
    if stream == "false":
        return JSONResponse(content)
    after = -1 if starting_after is None else starting_after
    if content["background"]:
        making: Background = request.app.state.background
        return answering.following(request, making.follow(stored.owner_of(request), response_id, after))
    told = enumerate(responses_replay.again(ResponseObject.model_validate(content)))
    events = (responses_replay.as_text(event, number) for number, event in told if number > after)
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


@router.delete("/{response_id}")
async def delete_response(response_id: str, request: Request) -> ResponseDeleted:
    """Delete a response, with its input. Those that went on from it cannot be gone on from any more."""
    await stored.remove(request, "response", response_id)
    request.app.state.background.drop(response_id)
    return ResponseDeleted(id=response_id)


@router.post("/{response_id}/cancel", response_model=ResponseObject)
async def cancel_response(response_id: str, request: Request) -> Response:
    """Stop one that is made in the background, for good. One that is over stays as it is."""
    found = await stored.find(request, "response", response_id)
    if not found.body["background"]:
        raise bad_request("Only responses made in the background can be cancelled.", code="invalid_state", param=None)
    stopped = await asyncio.to_thread(background.cancel, found.owner, found.id)
    if stopped is None:
        raise stored.unknown("response", response_id)
    request.app.state.background.drop(response_id)
    return JSONResponse(stored.content(stopped))


@router.get("/{response_id}/input_items")
async def list_input_items(
    response_id: str,
    request: Request,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
) -> Page[KeptItem]:
    """What a stored response was asked, newest first; what came before that is with the earlier responses."""
    _refuse(request, include={LOGPROBS})
    found = await stored.find(request, "response", response_id)
    items = [_KEPT[item["type"]].model_validate(item) for item in found.input]
    return page(behind(items if order == "asc" else items[::-1], after), limit)


async def _in_background(body: ResponseRequest, request: Request) -> Response:
    """Accept it, and show it as it is now, or as a stream that follows it."""
    if "store" in body.model_fields_set and body.store is False:
        message = "A response that is made in the background is kept until it is fetched: leave out 'store', or send true."
        raise bad_request(message, code="invalid_value", param="store")
    stored.require_write(request)
    owner, sent = stored.owner_of(request), body.model_dump(mode="json", by_alias=True)
    making: Background = request.app.state.background

    async def make(noted: Noted) -> Answer:
        served = await find_writer(request, body.model)
        pinned = body.model_copy(update={"model": served.model, "store": True})
        queued = new_making(pinned, owner)
        await queued.asked()
        answer = queued.to_keep()
        asked = pinned.model_dump(mode="json", by_alias=True, exclude_unset=True)
        base = None if served.adapter else served.model
        await asyncio.to_thread(background.accept, answer, asked, noted, base=base)
        making.wake()
        return answer

    answer = await made_once(request, sent, partial(answers.get, owner, background.KIND), make)
    if body.stream:
        return answering.following(request, making.follow(owner, answer.id))
    return JSONResponse(stored.content(answer))


async def _answer(body: ResponseRequest, request: Request, keep: stored.Keep | None) -> Response:
    making = new_making(body, stored.owner_of(request))

    async def whole(run: Run) -> Response:
        async for _ in making.written(run):
            pass
        return await answered()

    async def events(run: Run) -> AsyncIterator[str]:
        numbers, begun = itertools.count(), False

        def event(content: Event) -> str:
            return responses_replay.as_text(content, next(numbers))

        try:
            async for content in making.written(run):
                if not begun:
                    begun = True
                    for first in responses_replay.beginning(making.made):
                        yield event(first)
                yield event(content)
        except ApiError as fault:
            if not begun:
                raise
            yield event(making.fail(fault))
            return
        await answered()
        yield event(making.last())

    async def answered() -> Response:
        if keep:
            await keep(making.to_keep())
        return JSONResponse(making.made.as_json())

    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        starting = making.start(model, worker)
        return await answering.respond(request, held, starting, whole, events if body.stream else None)


def _refuse(request: Request, **allowed: set[str]) -> None:
    """Values of query parameters that ask for what is not there. Raises ApiError 400."""
    for name, value in request.query_params.multi_items():
        bare = name.partition("[")[0]
        if value not in allowed.get(bare, {value}):
            raise bad_request(f"'{bare}' is not supported here.", code="unsupported_parameter", param=bare)
