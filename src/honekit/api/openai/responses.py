"""/v1/responses: answers with named events, kept and gone on from when that is asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from honekit.api.batcher import Worker
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai import answering, conversation, responses_input, stored
from honekit.api.openai.conversation import Run
from honekit.api.openai.pages import Page, behind, page
from honekit.api.openai.responses_output import OutputWriter
from honekit.api.openai.responses_replay import replayed
from honekit.api.openai.responses_schema import (
    LOGPROBS,
    IncompleteDetails,
    KeptCallOutput,
    KeptItem,
    KeptMessage,
    OutputCall,
    ResponseDeleted,
    ResponseFault,
    ResponseObject,
    ResponseRequest,
    ResponseUsage,
)
from honekit.api.routes import JsonRoute
from honekit.store import answers
from honekit.store.answers import Answer
from honekit.store.tables import new_id

router = APIRouter(prefix="/v1/responses", tags=["responses"], route_class=JsonRoute)

MAX_EARLIER = 1000
"""Responses that one goes on from; far more than contexts hold."""
_KEPT: dict[str, type[KeptMessage] | type[OutputCall] | type[KeptCallOutput]] = {
    "message": KeptMessage,
    "function_call": OutputCall,
    "function_call_output": KeptCallOutput,
}
_CHAT_PARAMS = (
    ("response_format.json_schema.schema", "text.format.schema"),
    ("response_format", "text.format"),
    ("messages", "input"),
    (".function.", "."),
)
"""What a chat completion calls a parameter, and what it is called here."""


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
    events = replayed(ResponseObject.model_validate(content), -1 if starting_after is None else starting_after)
    return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})


@router.delete("/{response_id}")
async def delete_response(response_id: str, request: Request) -> ResponseDeleted:
    """Delete a response, with its input. Those that went on from it cannot be gone on from any more."""
    await stored.remove(request, "response", response_id)
    return ResponseDeleted(id=response_id)


@router.post("/{response_id}/cancel")
async def cancel_response(response_id: str, request: Request) -> ResponseObject:
    """Refused for every response: only one that is made in the background can be cancelled."""
    await stored.find(request, "response", response_id)
    raise bad_request("Only responses made in the background can be cancelled.", code="invalid_state", param=None)


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


async def _answer(body: ResponseRequest, request: Request, keep: stored.Keep | None) -> Response:
    owner, items = stored.owner_of(request), responses_input.to_keep(body.input)
    made = _begun(body)

    async def finish(run: Run, writer: OutputWriter) -> dict[str, Any]:
        usage = run.usage()
        made.output, made.model = writer.items, run.model
        made.usage = ResponseUsage(
            input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens, total_tokens=usage.total_tokens
        )
        if run.writers[0].finish_reason == "length":
            made.status, made.incomplete_details = "incomplete", IncompleteDetails()
        else:
            made.status, made.completed_at = "completed", int(time.time())
        content = made.as_json()
        if keep:
            unchanging = {name: value for name, value in content.items() if name != "metadata"}
            await keep(Answer(made.id, owner, "response", made.model, unchanging, items, made.metadata))
        return content

    async def whole(run: Run) -> Response:
        writer = OutputWriter()
        async for _ in _written(run, writer):
            pass
        return JSONResponse(await finish(run, writer))

    async def events(run: Run) -> AsyncIterator[str]:
        writer, number = OutputWriter(), 0
        made.model = run.model

        def event(content: dict[str, Any]) -> str:
            nonlocal number
            number += 1
            return answering.event({**content, "sequence_number": number - 1}, name=content["type"])

        try:
            async for content in _written(run, writer):
                if not number:
                    begun = made.as_json()
                    yield event({"type": "response.created", "response": begun})
                    yield event({"type": "response.in_progress", "response": begun})
                yield event(content)
        except ApiError as fault:
            if not number:
                raise
            made.status, made.output = "failed", writer.items
            made.error = ResponseFault(code="server_error" if fault.status >= 500 else "invalid_prompt", message=fault.message)
            yield event({"type": "response.failed", "response": made.as_json()})
            return
        done = await finish(run, writer)
        yield event({"type": f"response.{made.status}", "response": done})

    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        starting = _start(body, owner, items, model, worker)
        return await answering.respond(request, held, starting, whole, events if body.stream else None)


async def _start(body: ResponseRequest, owner: str, items: list[dict[str, Any]], model: str, worker: Worker) -> Run:
    """Raises ApiError, naming the parameters as they are called here."""
    earlier = await _earlier(owner, body.previous_response_id)
    try:
        asked = responses_input.chat_request(body, earlier, items)
        return await conversation.start(asked, model, worker, owner, drop_oldest=body.truncation == "auto")
    except ApiError as fault:
        if fault.param:
            here = _renamed(fault.param)
            fault.message, fault.param = fault.message.replace(fault.param, here), here
        raise


def _renamed(param: str) -> str:
    for there, here in _CHAT_PARAMS:
        param = param.replace(there, here)
    return param


async def _earlier(owner: str, response_id: str | None) -> list[dict[str, Any]]:
    """What was asked and answered before, oldest first. Raises ApiError 400."""
    if response_id is None:
        return []
    found, missing = await asyncio.to_thread(answers.conversation, owner, response_id, MAX_EARLIER)
    if missing is not None:
        if len(found) == MAX_EARLIER:
            message = f"The conversation is longer than {MAX_EARLIER} responses."
            raise bad_request(message, code="invalid_value", param="previous_response_id")
        fault = stored.unknown("response", missing, "previous_response_id")
        fault.code = "previous_response_not_found"
        raise fault
    return [item for answer in found for item in (*answer.input, *answer.body["output"])]


async def _written(run: Run, writer: OutputWriter) -> AsyncIterator[dict[str, Any]]:
    """The events of the output, to its end."""
    async for _, token in answering.tokens(run.answers, _renamed(run.held_by)):
        text, certain = run.writers[0].take(token)
        writer.note(certain)
        for delta in run.calls[0].take(text, token.finish_reason):
            for event in writer.take(delta):
                yield event
        if token.finish_reason is not None:
            for event in writer.end(cut=token.finish_reason == "length"):
                yield event


def _begun(body: ResponseRequest) -> ResponseObject:
    """The response before anything is said."""
    choice = body.tool_choice or "auto"
    shape = body.text.format if body.text and body.text.format else None
    return ResponseObject(
        id=new_id("resp_"),
        created_at=int(time.time()),
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        max_tool_calls=body.max_tool_calls,
        metadata=body.metadata or {},
        model=body.model,
        parallel_tool_calls=body.parallel_tool_calls is not False,
        previous_response_id=body.previous_response_id,
        prompt_cache_key=body.prompt_cache_key,
        safety_identifier=body.safety_identifier,
        store=bool(body.store),
        temperature=1.0 if body.temperature is None else body.temperature,
        text={"format": shape.model_dump(by_alias=True) if shape else {"type": "text"}},
        tool_choice=choice if isinstance(choice, str) else choice.model_dump(),
        truncation=body.truncation or "disabled",
        tools=[
            {**tool.model_dump(include={"type", "name", "description", "parameters"}), "strict": bool(tool.strict)}
            for tool in body.tools or []
        ],
        top_logprobs=body.top_logprobs or 0,
        top_p=1.0 if body.top_p is None else body.top_p,
        user=body.user,
    )


def _refuse(request: Request, **allowed: set[str]) -> None:
    """Values of query parameters that ask for what is not there. Raises ApiError 400."""
    for name, value in request.query_params.multi_items():
        bare = name.partition("[")[0]
        if value not in allowed.get(bare, {value}):
            raise bad_request(f"'{bare}' is not supported here.", code="unsupported_parameter", param=bare)
