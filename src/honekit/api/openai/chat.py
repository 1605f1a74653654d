"""POST /v1/chat/completions, plain and as server-sent events."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import ExitStack
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from honekit.api.batcher import Worker
from honekit.api.errors import ApiError, bad_request
from honekit.api.openai import answering, conversation, functions, stored, stored_chat
from honekit.api.openai.calls import CallWriter
from honekit.api.openai.chat_schema import (
    AnswerMessage,
    AssistantMessage,
    ChatCompletion,
    ChatCompletionRequest,
    Choice,
    Logprobs,
    ToolMessage,
)
from honekit.api.openai.conversation import Run
from honekit.api.routes import JsonRoute
from honekit.store.answers import Answer

router = APIRouter(prefix="/v1", tags=["chat"], route_class=JsonRoute)


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def create_chat_completion(body: ChatCompletionRequest, request: Request) -> Response:
    """Answer a conversation."""
    if body.top_logprobs is not None and not body.logprobs:
        raise bad_request("'top_logprobs' needs 'logprobs': true.", code="invalid_value", param="top_logprobs")
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' needs 'stream': true.", code="invalid_value", param="stream_options")
    _check_results(body)
    if not body.store:
        return await _answer(body, request, None)
    return await stored.answered(request, body, "chat.completion", bool(body.stream), partial(_answer, body, request))


def _check_results(body: ChatCompletionRequest) -> None:
    """Raises ApiError 400 for the result of a call that the assistant did not make before."""
    called: set[str] = set()
    for index, message in enumerate(body.messages):
        if isinstance(message, AssistantMessage):
            called.update(call.id for call in message.tool_calls or ())
        elif isinstance(message, ToolMessage) and message.tool_call_id not in called:
            told = f"There is no tool call with the id '{message.tool_call_id[:80]}' before this message of the role 'tool'."
            raise bad_request(told, code="invalid_value", param=f"messages[{index}].tool_call_id")


async def _answer(body: ChatCompletionRequest, request: Request, keep: stored.Keep | None) -> Response:
    completion_id, owner = "chatcmpl-" + secrets.token_hex(12), stored.owner_of(request)
    by_functions = functions.asked_by_functions(body)

    async def kept(run: Run) -> ChatCompletion:
        made = _completion(run, completion_id, by_functions)
        if keep:
            content, messages = _content(made), stored_chat.to_store(made.id, body.messages)
            content.pop("metadata", None)
            await keep(Answer(made.id, owner, "chat.completion", made.model, content, messages, made.metadata))
        return made

    async def whole(run: Run) -> Response:
        async for index, token in answering.tokens(run.answers, _held_by(run, by_functions)):
            text, _ = run.writers[index].take(token)
            run.calls[index].take(text, token.finish_reason)
        return JSONResponse(_content(await kept(run)))

    async def events(run: Run) -> AsyncIterator[str]:
        async for piece in _chunks(run, completion_id, by_functions):
            yield piece
        await kept(run)
        yield answering.DONE

    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        starting = _start(body, by_functions, model, worker, owner)
        return await answering.respond(request, held, starting, whole, events if body.stream else None)


async def _start(body: ChatCompletionRequest, by_functions: bool, model: str, worker: Worker, owner: str) -> Run:
    if not by_functions:
        return await conversation.start(body, model, worker, owner)
    try:
        return await conversation.start(functions.with_tools(body), model, worker, owner)
    except ApiError as fault:
        raise functions.renamed(fault) from fault


def _completion(run: Run, completion_id: str, by_functions: bool) -> ChatCompletion:
    """The whole answer, once every choice has ended."""
    choices = [
        Choice(
            index=index,
            message=AnswerMessage(content=calls.content, tool_calls=calls.made or None),
            logprobs=Logprobs(content=writer.shown) if writer.with_logprobs else None,
            finish_reason=calls.finish_reason or "length",
        )
        for index, (writer, calls) in enumerate(zip(run.writers, run.calls, strict=True))
    ]
    if by_functions:
        choices = [functions.choice_back(choice) for choice in choices]
    return ChatCompletion(**_head(run, completion_id), choices=choices, usage=run.usage(), metadata=run.body.metadata)


def _held_by(run: Run, by_functions: bool) -> str:
    return "functions" if by_functions and run.held_by == "tools" else run.held_by


def _head(run: Run, completion_id: str) -> dict[str, Any]:
    """The same in every chunk."""
    return {
        "id": completion_id,
        "created": run.created,
        "model": run.model,
        "system_fingerprint": f"fp_{run.fingerprint}",
        **({"service_tier": "default"} if run.body.service_tier else {}),
    }


def _content(answer: ChatCompletion) -> dict[str, Any]:
    content = answer.model_dump()
    for name in ("metadata", "service_tier"):
        if content[name] is None:
            del content[name]
    for choice in content["choices"]:
        for name in ("tool_calls", "function_call"):
            if choice["message"][name] is None:
                del choice["message"][name]
    return content


def _first_delta(calls: CallWriter, deltas: list[dict[str, Any]]) -> dict[str, Any]:
    """Its content is null where a call comes before any text, as in a whole answer that is nothing but calls."""
    speaks = "content" in deltas[0] if deltas else calls.content is not None
    return {"role": "assistant", "content": "" if speaks else None, "refusal": None}


async def _chunks(run: Run, completion_id: str, by_functions: bool) -> AsyncIterator[str]:
    options = run.body.stream_options
    with_usage = bool(options and options.include_usage)
    head = _head(run, completion_id)

    def event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        chunk: dict[str, Any] = {**head, "object": "chat.completion.chunk", "choices": choices}
        if with_usage:
            chunk["usage"] = usage
        return answering.event(chunk)

    def delta(index: int, content: dict[str, Any], logprobs: Any = None, reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": reason}

    begun: set[int] = set()
    async for index, token in answering.tokens(run.answers, _held_by(run, by_functions)):
        writer, calls = run.writers[index], run.calls[index]
        text, certain = writer.take(token)
        deltas = calls.take(text, token.finish_reason)
        if certain and not deltas:
            deltas = [{} if calls.may_call else {"content": ""}]
        if index not in begun and (deltas or token.finish_reason is not None or not calls.may_call):
            begun.add(index)
            yield event([delta(index, _first_delta(calls, deltas))])
        for place, content in enumerate(deltas):
            shown = Logprobs(content=certain if place == 0 else []).model_dump() if writer.with_logprobs else None
            yield event([delta(index, functions.delta_back(content) if by_functions else content, shown)])
        if token.finish_reason is not None:
            called = by_functions and calls.finish_reason == "tool_calls"
            yield event([delta(index, {}, reason="function_call" if called else calls.finish_reason)])
    if with_usage:
        yield event([], run.usage().model_dump())
