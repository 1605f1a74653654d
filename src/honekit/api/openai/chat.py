"""POST /v1/chat/completions, plain and as server-sent events."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from honekit.api.batcher import Answers, Worker
from honekit.api.errors import bad_request
from honekit.api.openai import answering
from honekit.api.openai.calls import CallWriter
from honekit.api.openai.chat_schema import AnswerMessage, ChatCompletion, ChatCompletionRequest, Choice, Logprobs, Usage
from honekit.api.openai.choices import ChoiceWriter
from honekit.api.openai.shapes import Shape, shape_of
from honekit.api.routes import JsonRoute
from honekit.errors import DataError, HoneError

router = APIRouter(prefix="/v1", tags=["chat"], route_class=JsonRoute)

DEFAULT_MAX_TOKENS = 1024
"""Length of an answer when the request sets none, as far as the context allows."""


@dataclass
class _Run:
    """One request on its way through a model."""

    body: ChatCompletionRequest
    answers: Answers
    writers: list[ChoiceWriter]
    calls: list[CallWriter]
    prompt_tokens: int
    head: dict[str, Any]
    """id, created, model and system_fingerprint: the same in every chunk."""

    def usage(self) -> Usage:
        made = sum(writer.tokens for writer in self.writers)
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=made, total_tokens=self.prompt_tokens + made)


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
    with ExitStack() as held:
        model, worker = await answering.leased(request, held, body.model)
        return await answering.respond(request, held, _start(body, model, worker), _whole, _events if body.stream else None)


async def _start(body: ChatCompletionRequest, model: str, worker: Worker) -> _Run:
    """Wait for the model, turn the messages into tokens, and queue the choices."""
    from honekit.inference.engine import Request as Generation

    engine = await answering.loaded(worker, model)
    shape = await shape_of(body, engine)
    fields = {"role", "content", "name", "tool_calls", "tool_call_id"}
    messages = [message.model_dump(include=fields, exclude_none=True) for message in body.messages]
    try:
        prompt, shared = await asyncio.to_thread(_encode, worker, engine.template, messages, shape)
    except HoneError as fault:  # a DataError, or the template refuses the order of the roles
        message = f"The messages cannot be rendered for this model: {fault.what}"
        code = "invalid_value" if isinstance(fault, DataError) else "invalid_messages"
        raise bad_request(message, code=code, param="messages") from fault
    limit = _answer_limit(body, len(prompt), engine.context_tokens)
    choices = [
        Generation(
            prompt,
            answering.sampling(body, index, limit, body.top_logprobs or 0, engine.vocabulary),
            shared,
            shape.constraint,
        )
        for index in range(body.n or 1)
    ]
    answers = answering.submit(worker, choices)
    writers = [ChoiceWriter(engine.template.tokenizer, engine.stop_ids, bool(body.logprobs)) for _ in choices]
    head = {
        "id": "chatcmpl-" + secrets.token_hex(12),
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": f"fp_{engine.fingerprint}",
    }
    return _Run(body, answers, writers, [CallWriter(shape) for _ in choices], len(prompt), head)


def _encode(worker: Worker, template: Any, messages: list[dict[str, Any]], shape: Shape) -> tuple[list[int], int]:
    from honekit.chat.messages import parse_messages
    from honekit.chat.tools import for_template

    with worker.encoding:
        told, tools = for_template(template, parse_messages(messages), shape.tools)
        return template.prompt_ids(told, tools), template.system_prefix_length(told, tools)


def _answer_limit(body: ChatCompletionRequest, prompt_tokens: int, context_tokens: int) -> int:
    wanted = body.max_completion_tokens or body.max_tokens
    left = context_tokens - prompt_tokens
    if left < (wanted or 1):
        asked = f" and {wanted} for the answer" if wanted else ""
        raise bad_request(
            f"This model's context is {context_tokens} tokens; the messages take {prompt_tokens}{asked}.",
            code="context_length_exceeded",
            param="messages",
        )
    return wanted or min(DEFAULT_MAX_TOKENS, left)


async def _whole(run: _Run) -> Response:
    async for index, token in answering.tokens(run.answers):
        text, _ = run.writers[index].take(token)
        run.calls[index].take(text, token.finish_reason)
    choices = [
        Choice(
            index=index,
            message=AnswerMessage(content=calls.content, tool_calls=calls.made or None),
            logprobs=Logprobs(content=writer.shown) if writer.with_logprobs else None,
            finish_reason=calls.finish_reason or "length",
        )
        for index, (writer, calls) in enumerate(zip(run.writers, run.calls, strict=True))
    ]
    answer = ChatCompletion(**run.head, choices=choices, usage=run.usage(), metadata=run.body.metadata)
    content = answer.model_dump()
    if answer.metadata is None:
        del content["metadata"]
    for choice in content["choices"]:
        if choice["message"]["tool_calls"] is None:
            del choice["message"]["tool_calls"]
    return JSONResponse(content)


async def _events(run: _Run) -> AsyncIterator[str]:
    options = run.body.stream_options
    with_usage = bool(options and options.include_usage)

    def event(choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> str:
        chunk: dict[str, Any] = {**run.head, "object": "chat.completion.chunk", "choices": choices}
        if with_usage:
            chunk["usage"] = usage
        return answering.event(chunk)

    def delta(index: int, content: dict[str, Any], logprobs: Any = None, reason: str | None = None) -> dict[str, Any]:
        return {"index": index, "delta": content, "logprobs": logprobs, "finish_reason": reason}

    begun: set[int] = set()
    async for index, token in answering.tokens(run.answers):
        writer, calls = run.writers[index], run.calls[index]
        text, certain = writer.take(token)
        deltas = calls.take(text, token.finish_reason)
        if index not in begun:
            begun.add(index)
            yield event([delta(index, {"role": "assistant", "content": "", "refusal": None})])
        if certain and not deltas:
            deltas = [{"content": ""}]
        for place, content in enumerate(deltas):
            shown = Logprobs(content=certain if place == 0 else []).model_dump() if writer.with_logprobs else None
            yield event([delta(index, content, shown)])
        if token.finish_reason is not None:
            yield event([delta(index, {}, reason=calls.finish_reason)])
    if with_usage:
        yield event([], run.usage().model_dump())
    yield answering.DONE
